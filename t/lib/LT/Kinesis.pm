package LT::Kinesis;

# A scripted Kinesis: answers PutRecords as it is told and keeps what it
# got.  It verifies nothing; that is the stand-in's business (local/).
#
#   $kinesis->script('throttle', 'ok')   the next answers, then 'ok' again
#   $kinesis->script({ always => 'hang' })
#
#   ok        all records are taken
#   partial   every second record fails (the only one of a single-record
#             batch too); first:N the first N fail
#   throttle  400 ProvisionedThroughputExceededException
#   denied    400 UnrecognizedClientException: wrong keys
#   missing   400 ResourceNotFoundException: no such stream
#   500 503   that status with InternalFailure
#   cut       half of the answer, then the end of the connection
#   reset     no answer, the connection ends
#   hang      no answer
#   garbage   200 with something that is not JSON
#   short     200 with one result too few
#   slow      ok after 300 ms
# Only 'ok', 'slow' and the good records of 'partial' count as stored.

use strict;
use warnings;

use HTTP::Tiny ();
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep time);
use LT::Env ();
use LT::Process ();

my $json = JSON::PP->new->utf8->canonical;

sub new {
    my ($class) = @_;
    my $self = bless { port => LT::Env::free_port() }, $class;
    return $self->start;
}

sub start {
    my ($self) = @_;
    my $port = $self->{port};
    $self->{process} = LT::Process->start(sub { serve($port) });
    my $deadline = time + 5;
    until (IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")) {
        die "the scripted Kinesis does not answer\n" if time > $deadline;
        sleep 0.01;
    }
    return $self;
}

sub port { $_[0]{port} }
sub stop { delete($_[0]{process})->stop }
sub freeze { $_[0]{process}->signal('STOP') }
sub thaw { $_[0]{process}->signal('CONT') }

sub admin {
    my ($self, $path, $data) = @_;
    my $answer = HTTP::Tiny->new(timeout => 5)->post(
        "http://127.0.0.1:$self->{port}/_test/$path",
        { content => $json->encode($data // {}) });
    die "fake Kinesis: $answer->{content}\n" if !$answer->{success};
    return $json->decode($answer->{content});
}

sub script {
    my ($self, @answers) = @_;
    my $data = ref $answers[0] ? $answers[0] : { next => \@answers };
    return $self->admin('script', $data);
}

# All calls: [{ target, answer, at, headers => {}, bytes,
#              records => [{ key, data, stored }] }]
sub calls { $_[0]->admin('calls')->{calls} }

# The data of one session's stored records.
sub records {
    my ($self, $key) = @_;
    my $answer = $self->admin('records', { key => $key });
    return map { decode_base64($_) } @{$answer->{data}};
}

# Forgets all calls and the script.
sub reset { $_[0]->admin('reset') }

# Waits until that many bytes of the session are stored; returns them.
sub stored {
    my ($self, $key, $bytes, $timeout) = @_;
    my $deadline = time + ($timeout // 10);
    my $got;
    do {
        $got = join '', $self->records($key);
        return $got if length $got >= $bytes;
        sleep 0.05;
    } while (time < $deadline);
    return $got;
}

# The server side: one process, one select loop.
my (%client, @calls, @next, $always, $select, $sequence);

sub serve {
    my ($port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port",
        Listen => 128, ReuseAddr => 1) or die "port $port: $!\n";
    ($always, $sequence) = ('ok', 0);
    $select = IO::Select->new($listener);
    while (1) {
        for my $socket ($select->can_read(0.05)) {
            if ($socket == $listener) {
                my $new = $listener->accept or next;
                $select->add($new);
                $client{$new} = { socket => $new, in => '' };
                next;
            }
            read_client($client{$socket});
        }
        for my $late (grep { $_->{due} && $_->{due} <= time } values %client) {
            delete $late->{due};
            print {$late->{socket}} delete $late->{out};
            $late->{socket}->flush;
        }
    }
}

sub read_client {
    my ($client) = @_;
    my $got = sysread $client->{socket}, $client->{in}, 1 << 20,
        length $client->{in};
    return drop($client) if !$got;
    while ($client->{in} =~ /^(.*?)\r\n\r\n/s) {
        my ($head, $start) = ($1, $+[0]);
        my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
        $length //= 0;
        return if length $client->{in} < $start + $length;
        my $body = substr $client->{in}, $start, $length;
        substr $client->{in}, 0, $start + $length, '';
        handle($client, $head, $body);
    }
}

sub drop {
    my ($client) = @_;
    $select->remove($client->{socket});
    delete $client{$client->{socket}};
    close $client->{socket};
}

sub handle {
    my ($client, $head, $body) = @_;
    my ($path) = $head =~ m{^\S+ (\S+)};
    if ($path eq '/_test/calls') {
        return say_now($client, 200, $json->encode({ calls => \@calls }));
    }
    if ($path eq '/_test/records') {
        my $key = $json->decode($body)->{key};
        my @data = map { $_->{data} }
            grep { $_->{stored} && $_->{key} eq $key }
            map { @{$_->{records}} } @calls;
        return say_now($client, 200, $json->encode({ data => \@data }));
    }
    if ($path eq '/_test/reset') {
        (@calls, @next) = ();
        $always = 'ok';
        return say_now($client, 200, '{}');
    }
    if ($path eq '/_test/script') {
        my $data = $json->decode($body);
        @next = @{$data->{next} // []};
        $always = $data->{always} // 'ok';
        return say_now($client, 200, '{}');
    }
    my %header = map { my ($k, $v) = split /:\s*/, $_, 2; (lc $k, $v) }
        (split /\r\n/, $head)[1 .. ($head =~ tr/\n//)];
    my $request = eval { $json->decode($body) } // { Records => [] };
    my $call = { target => $header{'x-amz-target'}, headers => \%header,
        stream => $request->{StreamName}, at => time, bytes => length $body,
        path => $path, answer => shift @next // $always,
        records => [map { { key => $_->{PartitionKey}, data => $_->{Data} } }
            @{$request->{Records}}] };
    push @calls, $call;
    answer($client, $call);
}

sub say_now {
    my ($client, $status, $body) = @_;
    my $bytes = message($status, $body);
    $client->{socket}->blocking(1);
    print {$client->{socket}} $bytes;
    $client->{socket}->flush;
}

sub message {
    my ($status, $body) = @_;
    return "HTTP/1.1 $status X\r\nContent-Type: application/x-amz-json-1.1"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

my %refusal = (
    throttle => [400, 'ProvisionedThroughputExceededException'],
    denied => [400, 'UnrecognizedClientException'],
    missing => [400, 'ResourceNotFoundException'],
    500 => [500, 'InternalFailure'],
    503 => [503, 'ServiceUnavailable'],
);

sub answer {
    my ($client, $call) = @_;
    my $how = $call->{answer};
    if (my $refusal = $refusal{$how}) {
        my ($status, $type) = @$refusal;
        return say_now($client, $status,
            $json->encode({ __type => $type, message => 'scripted' }));
    }
    return if $how eq 'hang';
    return drop($client) if $how eq 'reset';
    return say_now($client, 200, '<html>not JSON') if $how eq 'garbage';
    my $body = $json->encode(results($call));
    if ($how eq 'cut') {
        my $bytes = message(200, $body);
        print {$client->{socket}} substr $bytes, 0,
            length($bytes) - int(length($body) / 2);
        $client->{socket}->flush;
        return drop($client);
    }
    if ($how eq 'slow') {
        @$client{qw(out due)} = (message(200, $body), time + 0.3);
        return;
    }
    say_now($client, 200, $body);
}

sub results {
    my ($call) = @_;
    my $how = $call->{answer};
    my $failing = $how =~ /^first:(\d+)/ ? $1 : 0;
    my (@results, $failed);
    for my $i (0 .. $#{$call->{records}}) {
        my $bad = $how eq 'partial' ? $i % 2 == 0 : $i < $failing;
        $failed += $bad;
        $call->{records}[$i]{stored} = JSON::PP::false;
        if ($bad) {
            push @results, { ErrorMessage => 'scripted',
                ErrorCode => 'ProvisionedThroughputExceededException' };
            next;
        }
        $call->{records}[$i]{stored} = JSON::PP::true
            if $how =~ /^(?:ok|slow|partial|first:\d+)$/;
        push @results, { ShardId => 'shardId-000000000000',
            SequenceNumber => sprintf '%056d', ++$sequence };
    }
    pop @results if $how eq 'short';
    return { FailedRecordCount => $failed // 0, Records => \@results,
        EncryptionType => 'NONE' };
}

1;
