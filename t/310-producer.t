use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# What the producer does about refusals, and the second protocol.

sub talk {
    my ($socket, $from, $to, $pause) = @_;
    my $all = '';
    for my $i ($from .. $to) {
        my $pcm = pcm(8192, $i);
        $socket->send_binary($pcm);
        $all .= $pcm;
        select undef, undef, undef, $pause if $pause;
    }
    return $all;
}

# A session whose records go to shard $which of $n.
sub session_on {
    my ($which, $n) = @_;
    for (1 .. 40 * $n) {
        my $session = session();
        return $session
            if LT::Kinesis::shard_of($session->{sessionId}, $n) == $which;
    }
    die "no session falls on shard $which\n";
}

sub calls_of {
    my ($session) = @_;
    return grep { grep { $_->{key} eq $session->{sessionId} }
        @{$_->{records}} } @{kinesis()->calls};
}

run_tests();

__DATA__

=== TEST 1: CBOR: the same bytes, a quarter fewer on the way
--- lt_http
lt_kinesis_protocol cbor;
lt_kinesis_record framed;
--- ws
my $session = session();
my $socket = speaker($session);
my $sent = join '', map { pcm(8192, $_) } 1 .. 6;
$socket->send_text(chunk($session, $_)) for unpack '(a8192)*', $sent;
my $got = '';
eventually {
    $got = join '', map { substr $_, 32 }
        kinesis()->records($session->{sessionId});
    length $got >= length $sent;
} 20;
ok $got eq $sent, 'byte for byte';
my $bytes = 0;
for my $call (calls_of($session)) {
    is $call->{headers}{'content-type'}, 'application/x-amz-cbor-1.1',
        'the type';
    is $call->{stream}, 'lt-audio', 'the stream';
    $bytes += $call->{bytes};
}
cmp_ok $bytes, '<', length($sent) * 1.05, 'hardly more than the audio';

=== TEST 2: CBOR: whatever Kinesis does for a moment, nothing is lost
--- timeout: 20
--- lt_http
lt_kinesis_protocol cbor;
--- ws
for my $how (qw(denied throttle partial 500 cut garbage short)) {
    my $session = session();
    my $socket = speaker($session);
    kinesis()->script($how, 'ok', $how);
    my $sent = talk($socket, 1, 6, 0.05);
    ok kinesis()->stored($session->{sessionId}, length $sent, 20) eq $sent,
        "$how: all there, in order";
}
--- error_log
UnrecognizedClientException
--- no_error_log
[alert]

=== TEST 3: what is lost is told to the speaker, to the byte
--- lt_http
lt_audio_buffer 1s;
--- ws
my $session = session();
my $socket = speaker($session);
my $before = counters();
kinesis()->script({ always => 'throttle' });
my $sent = talk($socket, 1, 30, 0.02);
eventually { counters()->{audio_accepted_bytes}
    - $before->{audio_accepted_bytes} >= length $sent } 20;
kinesis()->script({});
eventually { counters()->{ingest_pending_bytes} == 0 } 20;
my ($after, $lost, $told, %reasons) = (counters(), 0, 0);
$lost += $after->{$_} - $before->{$_}
    for grep { /^audio_dropped_.*_bytes$/ } keys %$after;
while ($told < $lost and my $said = $socket->json('audioDropped', 20)) {
    is $said->{sessionId}, $session->{sessionId}, 'the session';
    $told += $said->{bytes};
    $reasons{$said->{reason}} = 1;
}
cmp_ok $lost, '>', 0, 'some was lost';
is $told, $lost, 'all of it is told';
ok !(grep { !exists $after->{"audio_dropped_${_}_bytes"} } keys %reasons),
    'reasons are those of the counters';
--- error_log
audio_dropped
--- no_error_log
[alert]

=== TEST 4: one shard is over its limit: the others go on
--- timeout: 90
--- lt_http
lt_audio_buffer 30s;
--- ws
kinesis()->script({ shards => 4, paged => 1, always => 'shard:2' });
my $slow = session_on(2, 4);
my @quick = map { session_on($_, 4) } 0, 1, 3;
my $stuck = speaker($slow);
my @sockets = map { speaker($_) } @quick;
is kinesis()->listed, 0, 'shards are not asked for before there is audio';
my $sent = talk($stuck, 1, 1);
eventually { counters()->{kinesis_shard_maps} >= 1 } 20;
is kinesis()->listed, 4, 'all pages';
my @sent = ('') x 3;
for my $round (1 .. 20) {
    $sent .= talk($stuck, $round + 1, $round + 1);
    $sent[$_] .= talk($sockets[$_], $round, $round, 0.02) for 0 .. 2;
}
ok kinesis()->stored($quick[$_]{sessionId}, length $sent[$_], 20) eq $sent[$_],
    "not held back: $_" for 0 .. 2;
is join('', kinesis()->records($slow->{sessionId})), '', 'nothing of the one';
my ($tried, $calls) = (scalar calls_of($slow), scalar @{kinesis()->calls});
cmp_ok $tried, '<', $calls / 3, 'which rests';
kinesis()->script({});
ok kinesis()->stored($slow->{sessionId}, length $sent, 40) eq $sent,
    'and then is all there';
is counters()->{kinesis_shard_misses}, 0, 'each where it was expected';

=== TEST 5: two sessions on the shard that rests wait together
--- timeout: 90
--- lt_http
lt_audio_buffer 30s;
--- ws
kinesis()->script({ shards => 2, always => 'shard:1' });
my @sessions = map { session_on(1, 2) } 1 .. 2;
my @sockets = map { speaker($_) } @sessions;
my $sent = talk($sockets[0], 1, 1);
eventually { calls_of($sessions[0]) && counters()->{kinesis_shard_maps} } 20;
eventually { counters()->{kinesis_records_throttled} >= 2 } 20;
my @sent = map { talk($_, 2, 4, 0.02) } @sockets;
kinesis()->script({});
$sent[0] = $sent . $sent[0];
ok kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_], 40)
    eq $sent[$_], "all there: $_" for 0, 1;

=== TEST 6: without the right to know the shards each waits for itself
--- ws
kinesis()->script({ shards => 4, list => 'forbidden', always => 'ok' });
my $session = session();
my $socket = speaker($session);
my $sent = talk($socket, 1, 2);
eventually { counters()->{kinesis_shard_maps_failed} } 20;
kinesis()->script('throttle', 'partial', 'ok');
$sent .= talk($socket, 3, 8, 0.02);
ok kinesis()->stored($session->{sessionId}, length $sent, 20) eq $sent,
    'all there';
is counters()->{kinesis_shard_maps}, 0, 'no map';
--- error_log
shard_map_failed
kinesis:ListShards
--- no_error_log
[alert]

=== TEST 7: records lie elsewhere than the map says: it is read again
--- timeout: 40
--- ws
my $session = session_on(3, 4);
my $socket = speaker($session);
my $sent = talk($socket, 1, 1);
eventually { counters()->{kinesis_shard_maps} == 1 } 20;
kinesis()->script({ shards => 4 });
my $n = 1;
ok +(eventually {
    $n++;
    $sent .= talk($socket, $n, $n, 0.1);
    counters()->{kinesis_shard_maps} == 2;
} 20), 'a second map';
cmp_ok counters()->{kinesis_shard_misses}, '>=', 1, 'for a miss';
ok kinesis()->stored($session->{sessionId}, length $sent, 20) eq $sent,
    'all there';

=== TEST 8: the service says when to come again
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script('later');
my $sent = talk($socket, 1, 4);
ok kinesis()->stored($session->{sessionId}, length $sent, 20) eq $sent,
    'all there';
my @calls = calls_of($session);
cmp_ok $calls[1]{at} - $calls[0]{at}, '>=', 1.4, 'not before';

=== TEST 9: retries use up their tokens, then wait longest, then recover
--- timeout: 60
--- lt_http
lt_audio_buffer 2s;
--- ws
my @sessions = map { session() } 1 .. 6;
my @sockets = map { speaker($_) } @sessions;
kinesis()->script({ always => '500' });
my $n = 0;
ok +(eventually {
    $n++;
    talk($_, $n, $n, 0.02) for @sockets;
    counters()->{kinesis_retries_delayed} > 0;
} 40), 'no tokens left';
cmp_ok counters()->{kinesis_retries}, '>=', 30, 'after some 35 retries';
kinesis()->script({});
ok +(eventually { counters()->{ingest_pending_bytes} == 0 } 20), 'recovered';
my $pcm = pcm(8192, 9999);
$sockets[0]->send_binary($pcm);
ok +(eventually {
    substr(join('', kinesis()->records($sessions[0]{sessionId})), -8192) eq $pcm
} 20), 'and audio flows';
