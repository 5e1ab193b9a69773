package Test::Nginx::Shim::Request;

# The request sections of a block as bytes, and one exchange of them over
# its own connection.

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);

# A list of requests; each is a list of the pieces to send.
sub from_block {
    my ($block) = @_;
    if (defined(my $raw = $block->raw_request)) {
        return [ref $raw ? @$raw : $raw];
    }
    if (my $list = $block->pipelined_requests) {
        my $last = $#$list;
        return [join '', map {
            build($block, expand($block, $list->[$_]), $_,
                $_ == $last ? 'close' : 'keep-alive')
        } 0 .. $last];
    }
    my $request = $block->request;
    defined $request or Test::Nginx::Util::bail_out($block->name,
        ' - no request');
    my @requests = ref $request ? @$request : ($request);
    return map { [build($block, $requests[$_], $_, 'close')] } 0 .. $#requests;
}

sub expand {
    my ($block, $text) = @_;
    return Test::Nginx::Util::expand_env($text, $block->name);
}

# "METHOD [url [version]]", the rest is the body.
sub build {
    my ($block, $text, $index, $connection) = @_;
    ref $text and Test::Nginx::Util::bail_out($block->name,
        ' - the shim takes requests as strings only');
    1 while $text =~ s/^\s*\#[^\n]*\n|^\s+//;
    my ($line, $body) = split /\n/, $text, 2;
    my ($method, $url, $version, $more) = split ' ', $line // '';
    defined $method && !defined $more
        or Test::Nginx::Util::bail_out($block->name, ' - bad request line');
    my $headers = more_headers($block, $index);
    my $head = join ' ', $method, $url // '/', $version // 'HTTP/1.1';
    $head .= "\r\n";
    $head .= "Host: $Test::Nginx::Util::ServerName\r\n"
        if $headers !~ /^Host:/mi;
    $head .= "Connection: $connection\r\n" if $headers !~ /^Connection/mi;
    $body //= '';
    my $chunked = $headers =~ /^Transfer-Encoding: *chunked/mi;
    if ($body ne '' && !$chunked && $headers !~ /^Content-Length:/m) {
        $body =~ s/^\s+|\s+$//g;
        $headers .= 'Content-Length: ' . length($body) . "\r\n";
    }
    return "$head$headers\r\n$body";
}

sub more_headers {
    my ($block, $index) = @_;
    my $text = $block->more_headers // return '';
    $text = $text->[$index] // Test::Nginx::Util::bail_out($block->name,
        " - more_headers lacks data for request $index") if ref $text;
    return join '', map {
        my ($key, $value) = split /:\s*/, $_, 2;
        "$key: " . ($value // '') . "\r\n";
    } grep { !/^\s*#/ } split /\n+/, $text;
}

# Sends the pieces while reading; the answer is what came until the server
# closed.  Silence for the block's timeout is a failure unless --- abort.
sub exchange {
    my ($block, $pieces) = @_;
    my $timeout = Test::Nginx::Util::parse_time($block->timeout)
        // Test::Nginx::Util::timeout();
    my $socket = connect_to_server($block, $timeout) or return '';
    my $both = IO::Select->new($socket);
    my ($answer, @left) = ('', @$pieces);
    my $out = shift @left;
    while (1) {
        my ($readable, $writable) = IO::Select->select($both,
            defined $out ? $both : undef, undef, $timeout);
        if (!$readable) {
            Test::More::fail('ERROR: client socket timed out - '
                . $block->name) if !defined $block->abort;
            last;
        }
        if (@$readable) {
            my $got = sysread $socket, $answer, 65536, length $answer;
            last if defined $got ? $got == 0 : !$!{EAGAIN};
        }
        next if !@$writable;
        my $sent = syswrite $socket, $out;
        if (!defined $sent) {
            next if $!{EAGAIN};
            undef $out;    # the server does not listen any more: read on
            next;
        }
        substr $out, 0, $sent, '';
        if ($out eq '') {
            $out = shift @left;
            sleep $block->raw_request_middle_delay
                if defined $out && $block->raw_request_middle_delay;
        }
    }
    close $socket;
    return $answer;
}

sub connect_to_server {
    my ($block, $timeout) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $deadline = time + 5;
    do {
        my $socket = IO::Socket::INET->new(
            PeerAddr => $Test::Nginx::Util::ServerAddr,
            PeerPort => $Test::Nginx::Util::ServerPortForClient,
            Proto => 'tcp', Timeout => $timeout);
        if ($socket) {
            $socket->blocking(0);
            return $socket;
        }
        sleep 0.05;
    } while (time < $deadline);
    Test::More::fail($block->name . " - cannot connect: $!");
    return;
}

1;
