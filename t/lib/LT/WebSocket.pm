package LT::WebSocket;

# A WebSocket client that does exactly what a test says: it sends what it is
# told, masked unless told otherwise, answers no ping and hides no frame.

use strict;
use warnings;
use base 'Exporter';

use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use Time::HiRes qw(time);

our @EXPORT_OK = qw(ws_frame ws_parse ws_close_body
    CONTINUATION TEXT BINARY CLOSE PING PONG);
our $Key = 'dGhlIHNhbXBsZSBub25jZQ==';    # RFC 6455 section 1.3
our $Accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

use constant {
    CONTINUATION => 0, TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9,
    PONG => 10,
};

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# fin, rsv (0..7), mask (4 bytes; undef = unmasked), length (a false one)
sub ws_frame {
    my ($opcode, $payload, %option) = @_;
    my $mask = exists $option{mask} ? $option{mask} : "\x37\xfa\x21\x3d";
    my $length = $option{length} // length $payload;
    my $bit = defined $mask ? 0x80 : 0;
    my $head = pack 'C', ($option{fin} // 1) << 7
        | ($option{rsv} // 0) << 4 | $opcode;
    $head .= $length < 126 ? pack 'C', $bit | $length
        : $length < 65536 ? pack 'Cn', $bit | 126, $length
        : pack 'CQ>', $bit | 127, $length;
    return $head . $payload if !defined $mask;
    my $pad = substr $mask x (1 + length($payload) / 4), 0, length $payload;
    return $head . $mask . ($payload ^ $pad);
}

# Takes one whole frame off the front of $$bytes, or returns nothing.
sub ws_parse {
    my ($bytes) = @_;
    return if length $$bytes < 2;
    my ($first, $second) = unpack 'CC', $$bytes;
    my $short = $second & 127;
    my $at = $short == 127 ? 10 : $short == 126 ? 4 : 2;
    return if length $$bytes < $at;
    my $length = $short == 127 ? unpack 'x2Q>', $$bytes
        : $short == 126 ? unpack 'x2n', $$bytes : $short;
    return if length $$bytes < $at + $length;
    my $frame = { fin => $first >> 7, rsv => $first >> 4 & 7,
        opcode => $first & 15, masked => $second >> 7,
        payload => substr $$bytes, $at, $length };
    substr $$bytes, 0, $at + $length, '';
    return $frame;
}

sub ws_close_body {
    my ($code, $reason) = @_;
    return pack('n', $code) . ($reason // '');
}

# The TCP connection and the request; see status, body, headers.
sub connect {
    my ($class, $port, $path, %option) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp', Timeout => 5)
        or die "cannot connect to port $port: $!\n";
    $socket->blocking(0);
    my $self = bless { socket => $socket, in => '',
        timeout => $option{timeout} // 15 }, $class;
    my %header = (Host => 'localhost', Upgrade => 'websocket',
        Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => $Key, %{$option{headers} // {}});
    my $head = join '', "GET $path HTTP/1.1\r\n",
        map { defined $header{$_} ? "$_: $header{$_}\r\n" : () }
        sort keys %header;
    $self->send_raw("$head\r\n" . ($option{behind} // ''));
    $self->read_answer;
    return $self;
}

sub read_answer {
    my ($self) = @_;
    $self->read_head;
    $self->read_body if $self->{status} != 101;
}

sub read_head {
    my ($self) = @_;
    my $deadline = time + $self->{timeout};
    my $end;
    while (($end = index $self->{in}, "\r\n\r\n") < 0) {
        $self->fill($deadline) or die "no answer to the upgrade\n";
    }
    my $head = substr $self->{in}, 0, $end + 4, '';
    my ($first, @lines) = split /\r\n/, $head;
    ($self->{status}) = $first =~ m{^HTTP/1\.1 (\d+)};
    for (@lines) {
        my ($key, $value) = split /:\s*/, $_, 2;
        $self->{headers}{lc $key} = $value;
    }
}

sub read_body {
    my ($self) = @_;
    my $deadline = time + $self->{timeout};
    my $length = $self->{headers}{'content-length'} // 1 << 20;
    while (length $self->{in} < $length) {
        $self->fill($deadline) or last;
    }
    $self->{body} = $self->{in};
}

# Reads some bytes; false at the end of the stream or of the time.
sub fill {
    my ($self, $deadline) = @_;
    my $left = $deadline - time;
    return 0 if $self->{eof} || $left <= 0;
    return 0 if !IO::Select->new($self->{socket})->can_read($left);
    my $got = sysread $self->{socket}, $self->{in}, 65536,
        length $self->{in};
    return 1 if $got || !defined $got && $!{EAGAIN};
    $self->{eof} = defined $got ? 'end' : "$!";
    return 0;
}

sub status { $_[0]{status} }
sub header { $_[0]{headers}{lc $_[1]} }
sub body { $_[0]{body} }
sub error { $json->decode($_[0]{body}) }
sub eof { $_[0]{eof} }

sub send_raw {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $deadline = time + $self->{timeout};
    while ($bytes ne '') {
        my $sent = syswrite $self->{socket}, $bytes, 65536;
        if (defined $sent) {
            substr $bytes, 0, $sent, '';
            next;
        }
        return 0 if !$!{EAGAIN} || time > $deadline;
        IO::Select->new($self->{socket})->can_write(0.1);
    }
    return 1;
}

sub send_frame { my $self = shift; return $self->send_raw(ws_frame(@_)) }
sub send_text { return $_[0]->send_frame(TEXT, $_[1]) }
sub send_binary { return $_[0]->send_frame(BINARY, $_[1]) }
sub send_json { return $_[0]->send_text($json->encode($_[1])) }

sub send_close {
    my ($self, @body) = @_;
    return $self->send_frame(CLOSE, @body ? ws_close_body(@body) : '');
}

# The next frame, or nothing at the end of the stream or of the time.
sub frame {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (1) {
        my $frame = ws_parse(\$self->{in});
        return $frame if $frame;
        $self->fill($deadline) or return;
    }
}

# The next text message as data; with a type, others are skipped.
sub json {
    my ($self, $type, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (time < $deadline) {
        my $frame = $self->frame($deadline - time) or return;
        next if $frame->{opcode} != TEXT;
        my $data = eval { $json->decode($frame->{payload}) } or next;
        return $data
            if !defined $type || ($data->{type} // '') eq $type;
    }
    return;
}

# (code, reason) of the server's close frame; other frames are skipped.
sub closed {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (my $frame = $self->frame($deadline - time)) {
        next if $frame->{opcode} != CLOSE;
        return (1005, '') if $frame->{payload} eq '';
        return unpack 'na*', $frame->{payload};
    }
    return;
}

# True when the server has ended the TCP connection.
sub ended {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (!$self->{eof} && time < $deadline) {
        $self->fill($deadline);
    }
    return $self->{eof};
}

# Gone without a close frame; reset: with a TCP reset.
sub drop {
    my ($self, $reset) = @_;
    setsockopt $self->{socket}, IO::Socket::SOL_SOCKET(),
        IO::Socket::SO_LINGER(), pack 'll', 1, 0 if $reset;
    CORE::close $self->{socket};
}

1;
