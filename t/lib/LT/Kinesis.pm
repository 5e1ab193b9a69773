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
#   forbidden 400 AccessDeniedException
#   missing   400 ResourceNotFoundException: no such stream
#   500 503   that status with InternalFailure
#   later     503 with x-amz-retry-after: 1500
#   cut       half of the answer, then the end of the connection
#   reset     no answer, the connection ends
#   hang      no answer
#   mute      no answer, but the records are taken
#   garbage   200 with something that is not JSON
#   short     200 with one result too few
#   slow      ok after 300 ms
#   shard:N   the records of shard N are throttled, the others are taken
# Only 'ok', 'slow', 'mute' and the good records of 'partial', 'first' and 'shard' count
# as stored.
#
# JSON and CBOR, each answered in kind.  ListShards is no call of calls(); its
# answers have a script of their own:
#   $kinesis->script({ shards => 4 })         so many, one page
#   $kinesis->script({ shards => 4, paged => 1, list => 'denied' })
# A script without them leaves them as they were; reset() makes it one shard.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use HTTP::Tiny ();
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use Math::BigInt ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Time::HiRes qw(sleep time);
use LT::Cbor ();
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

# Which of n shards a session's records go to, from 0.
sub shard_of {
    my ($key, $n) = @_;
    return int(hex(substr md5_hex($key), 0, 8) * $n / 2 ** 32);
}

# How often the shards were asked for.
sub listed { $_[0]->admin('listed')->{pages} }

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
my (%list, $listed);

sub serve {
    my ($port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port",
        Listen => 128, ReuseAddr => 1) or die "port $port: $!\n";
    ($always, $sequence) = ('ok', 0);
    (%list, $listed) = (shards => 1);
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
    if ($path eq '/_test/listed') {
        return say_now($client, 200, $json->encode({ pages => $listed }));
    }
    if ($path eq '/_test/reset') {
        (@calls, @next) = ();
        ($always, $listed) = ('ok', 0);
        %list = (shards => 1);
        return say_now($client, 200, '{}');
    }
    if ($path eq '/_test/script') {
        my $data = $json->decode($body);
        @next = @{$data->{next} // []};
        $always = $data->{always} // 'ok';
        %list = (shards => $data->{shards}, paged => $data->{paged},
            list => $data->{list}) if $data->{shards};
        return say_now($client, 200, '{}');
    }
    my %header = map { my ($k, $v) = split /:\s*/, $_, 2; (lc $k, $v) }
        (split /\r\n/, $head)[1 .. ($head =~ tr/\n//)];
    $client->{is_cbor} = $header{'content-type'} =~ /cbor/;
    my $request = eval { $client->{is_cbor} ? LT::Cbor::decode($body)
        : $json->decode($body) } // { Records => [] };
    return list_shards($client, $request)
        if $header{'x-amz-target'} =~ /ListShards/;
    my $call = { target => $header{'x-amz-target'}, headers => \%header,
        stream => $request->{StreamName}, at => time, bytes => length $body,
        path => $path, answer => shift @next // $always,
        records => [map { { key => $_->{PartitionKey}, data => $_->{Data} } }
            @{$request->{Records}}] };
    push @calls, $call;
    answer($client, $call);
}

sub say_now {
    my ($client, $status, $body, $type, $header) = @_;
    my $bytes = message($status, $body, $type, $header);
    $client->{socket}->blocking(1);
    print {$client->{socket}} $bytes;
    $client->{socket}->flush;
}

# In the protocol of the request: (type, bytes).
sub encoded {
    my ($client, $data) = @_;
    return $client->{is_cbor}
        ? ('application/x-amz-cbor-1.1', LT::Cbor::encode($data))
        : ('application/x-amz-json-1.1', $json->encode($data));
}

sub say_data {
    my ($client, $status, $data, $header) = @_;
    my ($type, $bytes) = encoded($client, $data);
    say_now($client, $status, $bytes, $type, $header);
}

sub message {
    my ($status, $body, $type, $header) = @_;
    $type //= 'application/x-amz-json-1.1';
    $header //= '';
    return "HTTP/1.1 $status X\r\nContent-Type: $type\r\n$header"
        . "Content-Length: " . length($body) . "\r\n\r\n$body";
}

my %refusal = (
    throttle => [400, 'ProvisionedThroughputExceededException'],
    denied => [400, 'UnrecognizedClientException'],
    forbidden => [400, 'AccessDeniedException'],
    missing => [400, 'ResourceNotFoundException'],
    500 => [500, 'InternalFailure'],
    503 => [503, 'ServiceUnavailable'],
    later => [503, 'ServiceUnavailable', "x-amz-retry-after: 1500\r\n"],
);

sub answer {
    my ($client, $call) = @_;
    my $how = $call->{answer};
    if (my $refusal = $refusal{$how}) {
        my ($status, $type, $header) = @$refusal;
        return say_data($client, $status,
            { __type => $type, message => 'scripted' }, $header);
    }
    return if $how eq 'hang';
    return results($call) if $how eq 'mute';
    return drop($client) if $how eq 'reset';
    return say_now($client, 200, '<html>not JSON') if $how eq 'garbage';
    my ($type, $body) = encoded($client, results($call));
    if ($how eq 'cut') {
        my $bytes = message(200, $body, $type);
        print {$client->{socket}} substr $bytes, 0,
            length($bytes) - int(length($body) / 2);
        $client->{socket}->flush;
        return drop($client);
    }
    if ($how eq 'slow') {
        @$client{qw(out due)} = (message(200, $body, $type), time + 0.3);
        return;
    }
    say_now($client, 200, $body, $type);
}

# Ranges of the hash keys, equal parts; with "paged" one shard a page.
sub list_shards {
    my ($client, $request) = @_;
    $listed++;
    if (my $refusal = $refusal{$list{list} // ''}) {
        return say_data($client, $refusal->[0],
            { __type => $refusal->[1], message => 'scripted' });
    }
    my $n = $list{shards};
    my $part = Math::BigInt->new(2)->bpow(128)->bdiv($n);
    my @shards = map { {
        ShardId => sprintf('shardId-%012d', $_),
        SequenceNumberRange => { StartingSequenceNumber => '1' },
        HashKeyRange => { StartingHashKey => $part->copy->bmul($_)->bstr,
            EndingHashKey => $part->copy->bmul($_ + 1)->bsub(1)->bstr } } }
        0 .. $n - 1;
    return say_data($client, 200, { Shards => \@shards }) if !$list{paged};
    my $at = $request->{NextToken} // 0;
    return say_data($client, 400, { __type => 'InvalidArgumentException' })
        if defined $request->{NextToken} && defined $request->{StreamName};
    say_data($client, 200, { Shards => [$shards[$at]],
        $at + 1 < $n ? (NextToken => '' . ($at + 1)) : () });
}

sub results {
    my ($call) = @_;
    my $how = $call->{answer};
    my $failing = $how =~ /^first:(\d+)/ ? $1 : 0;
    my ($throttled) = $how =~ /^shard:(\d+)/;
    my (@results, $failed);
    for my $i (0 .. $#{$call->{records}}) {
        my $shard = shard_of($call->{records}[$i]{key}, $list{shards});
        my $bad = $how eq 'partial' ? $i % 2 == 0
            : defined $throttled ? $shard == $throttled : $i < $failing;
        $failed += $bad;
        $call->{records}[$i]{stored} = JSON::PP::false;
        if ($bad) {
            push @results, { ErrorMessage => 'scripted',
                ErrorCode => 'ProvisionedThroughputExceededException' };
            next;
        }
        $call->{records}[$i]{stored} = JSON::PP::true
            if $how =~ /^(?:ok|slow|mute|partial|(?:first|shard):\d+)$/;
        push @results, { ShardId => sprintf('shardId-%012d', $shard),
            SequenceNumber => sprintf '%056d', ++$sequence };
    }
    pop @results if $how eq 'short';
    return { FailedRecordCount => $failed // 0, Records => \@results,
        EncryptionType => 'NONE' };
}

1;
