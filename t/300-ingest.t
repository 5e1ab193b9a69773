use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::WebSocket qw(BINARY CONTINUATION);

# From the speaker's socket into Kinesis: byte for byte, in order, whatever
# Kinesis does.

our $Bytes = 8192;

# Sends n chunks, one JSON, one binary; returns the PCM they hold.
sub talk {
    my ($socket, $session, $from, $to, $pause) = @_;
    my $all = '';
    for my $i ($from .. $to) {
        my $pcm = pcm($main::Bytes, $i);
        $i % 2 ? $socket->send_binary($pcm)
            : $socket->send_text(chunk($session, $pcm));
        $all .= $pcm;
        select undef, undef, undef, $pause if $pause;
    }
    return $all;
}

# Byte for byte what was sent; a diff of megabytes helps nobody.
sub same {
    my ($got, $sent, $what) = @_;
    return pass($what) if $got eq $sent;
    my $same = 0;
    $same += 2 while $same < length $got
        && substr($got, $same, 2) eq substr $sent, $same, 2;
    fail($what);
    diag('got ', length $got, ' of ', length $sent, " bytes; the first $same "
        . 'are the same');
}

run_tests();

__DATA__

=== TEST 1: JSON and binary chunks arrive, in order
--- ws
my $session = session();
my $socket = speaker($session);
my $sent = talk($socket, $session, 1, 24);      # less than lt_audio_buffer
same(kinesis()->stored($session->{sessionId}, length $sent, 20), $sent,
    'byte for byte');
is $socket->frame(0.2), undef, 'nothing is answered';
my $calls = kinesis()->calls;
is $calls->[0]{stream}, 'lt-audio', 'the stream';
is $calls->[0]{target}, 'Kinesis_20131202.PutRecords', 'the operation';
my $header = $calls->[0]{headers};
is $header->{'content-type'}, 'application/x-amz-json-1.1', 'the type';
is $header->{host}, 'kinesis.us-east-1.amazonaws.com', 'the host';
like $header->{'x-amz-date'}, qr/^\d{8}T\d{6}Z\z/, 'the date';
like $header->{authorization}, qr{^AWS4-HMAC-SHA256\ Credential=AKIDEXAMPLE/
    \d{8}/us-east-1/kinesis/aws4_request,\ ?SignedHeaders=[a-z0-9;-]+,\ ?
    Signature=[0-9a-f]{64}\z}x, 'signed';

=== TEST 2: chunks are joined: one record for a session in a batch
--- lt_http
lt_kinesis_linger 300ms;
--- ws
my @sessions = map { session() } 1 .. 3;
my @sockets = map { speaker($_) } @sessions;
my @sent = map { talk($sockets[$_], $sessions[$_], 1, 10) } 0 .. 2;
for (0 .. 2) {
    same(kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_]),
        $sent[$_], "session $_");
    my @records = kinesis()->records($sessions[$_]{sessionId});
    cmp_ok scalar @records, '<=', 3, "ten chunks, few records: $_";
}
my %own = map { $_->{sessionId} => 1 } @sessions;
for my $call (@{kinesis()->calls}) {
    my %seen;
    ok !(grep { $seen{$_->{key}}++ } @{$call->{records}}),
        'no session twice in a batch';
}

=== TEST 3: one batch of a session at a time
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script({ always => 'slow' });
my $sent = talk($socket, $session, 1, 20, 0.05);
same(kinesis()->stored($session->{sessionId}, length $sent), $sent,
    'in order');
my @at = map { $_->{at} } grep { grep { $_->{key} eq $session->{sessionId} }
    @{$_->{records}} } @{kinesis()->calls};
my @gaps = map { $at[$_] - $at[$_ - 1] } 1 .. $#at;
ok !(grep { $_ < 0.25 } @gaps), 'the next call waits for the answer';

=== TEST 4: the message's sessionId decides nothing
--- ws
my ($mine, $other) = (session(), session());
my $socket = speaker($mine);
$socket->send_text(chunk($other, pcm(8192)));
select undef, undef, undef, 0.5;
is join('', kinesis()->records($other->{sessionId})), '',
    'nothing in the other session';
ok alive($socket), 'the socket lives';

=== TEST 5: fragments and an odd cut
--- ws
my $session = session();
my $socket = speaker($session);
my $pcm = pcm(8192, 5);
$socket->send_frame(BINARY, substr($pcm, 0, 1), fin => 0);
$socket->send_frame(CONTINUATION, substr($pcm, 1, 4000), fin => 0);
$socket->send_frame(CONTINUATION, substr $pcm, 4001);
same(kinesis()->stored($session->{sessionId}, 8192), $pcm, 'joined');

=== TEST 6: audio that is refused
--- ws
my $session = session();
my $id = $session->{sessionId};
my $socket = speaker($session);
my $good = pcm(8192);
my %refused = (
    'odd length, binary' => sub { $socket->send_binary('x' x 8191) },
    'odd length, JSON' => sub { $socket->send_text(chunk($session, 'x')) },
    'empty, JSON' => sub { $socket->send_text(chunk($session, '')) },
    'more than 32 KiB, binary' => sub { $socket->send_binary('x' x 32770) },
    'more than 32 KiB, JSON' =>
        sub { $socket->send_text(chunk($session, 'x' x 32770)) },
    'no audioData' => sub { $socket->send_json({ action => 'audioChunk' }) },
    'a number' => sub {
        $socket->send_json({ action => 'audioChunk', audioData => 5 }) },
    'base64 with a stranger' => sub { $socket->send_text(
        '{"action":"audioChunk","audioData":"AA*AAAA="}') },
    'base64 without its padding' => sub { $socket->send_text(
        '{"action":"audioChunk","audioData":"AAA"}') },
    'base64 with bits left over' => sub { $socket->send_text(
        '{"action":"audioChunk","audioData":"AAF="}') },
    'base64 for URLs' => sub { $socket->send_text(
        '{"action":"audioChunk","audioData":"__-_"}') },
    'padding in the middle' => sub { $socket->send_text(
        '{"action":"audioChunk","audioData":"AA==AAAA"}') },
);
for my $what (sort keys %refused) {
    $refused{$what}->();
    my $error = $socket->json('error', 2);
    like $error->{code} // 'no answer', qr/AUDIO|MISSING_PARAMETER|INVALID_/,
        "$what: a clear code";
    like $error->{message} // '', qr/\w+ \w+/, "$what: a message";
}
ok alive($socket), 'the socket lives';
$socket->send_binary($good);
same(kinesis()->stored($id, 8192), $good, 'and only good audio has arrived');

=== TEST 7: the largest chunk is taken
--- ws
my $session = session();
my $socket = speaker($session);
my $pcm = pcm(32768, 3);
$socket->send_binary($pcm);
$socket->send_text(chunk($session, $pcm));
same(kinesis()->stored($session->{sessionId}, 65536), $pcm . $pcm, '32 KiB');

=== TEST 8: whatever Kinesis does for a moment, nothing is lost
--- timeout: 20
--- ws
for my $how (qw(throttle partial 500 503 cut reset garbage short denied
    missing))
{
    my $session = session();
    my $socket = speaker($session);
    kinesis()->script($how, $how, 'ok', $how);
    my $sent = talk($socket, $session, 1, 12, 0.05);
    same(kinesis()->stored($session->{sessionId}, length $sent, 15), $sent,
        "$how: all there, in order");
}

=== TEST 9: a partial failure hits only its own records
--- lt_server
proxy_read_timeout 30s;
--- ws
my @sessions = map { session() } 1 .. 4;
my @sockets = map { speaker($_) } @sessions;
kinesis()->script(('partial') x 5);
my @sent = map { talk($sockets[$_], $sessions[$_], 1, 8) } 0 .. 3;
same(kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_], 15),
    $sent[$_], "session $_") for 0 .. 3;

=== TEST 10: Kinesis hangs: the read timeout ends it
--- lt_server
proxy_read_timeout 300ms;
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script('hang', 'hang', 'hang');
my $sent = talk($socket, $session, 1, 10, 0.02);
same(kinesis()->stored($session->{sessionId}, length $sent, 15), $sent,
    'all there');

=== TEST 11: Kinesis is not there, then it is
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->stop;
my $sent = talk($socket, $session, 1, 10, 0.02);
select undef, undef, undef, 1;
ok alive($socket), 'the socket lives';
kinesis()->start;
same(kinesis()->stored($session->{sessionId}, length $sent, 15), $sent,
    'all there');
--- error_log
kinesis_put_failed
--- no_error_log
[alert]

=== TEST 12: wrong keys are named in the log
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script({ always => 'denied' });
talk($socket, $session, 1, 4);
select undef, undef, undef, 0.5;
ok alive($socket), 'the socket lives';
kinesis()->script({});
--- error_log
kinesis_put_failed
UnrecognizedClientException
--- no_error_log
[alert]
AKIDEXAMPLE/

=== TEST 13: a stream that does not exist is named in the log
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script({ always => 'missing' });
talk($socket, $session, 1, 4);
select undef, undef, undef, 0.5;
kinesis()->script({});
ok alive($socket), 'the socket lives';
--- error_log
kinesis_put_failed
ResourceNotFoundException
--- no_error_log
[alert]

=== TEST 14: the buffer has a bound: the oldest goes, and is counted
--- lt_http
lt_audio_buffer 1s;
--- ws
my $session = session();
my $socket = speaker($session);
my $before = counters();
kinesis()->script({ always => 'throttle' });
my $sent = talk($socket, $session, 1, 30, 0.02);
eventually { counters()->{audio_accepted_bytes}
    - $before->{audio_accepted_bytes} >= length $sent };
my $held = counters();
cmp_ok $held->{ingest_pending_bytes}, '<=', 32000 + 8192, 'what is held';
kinesis()->script({});
eventually { counters()->{ingest_pending_bytes} == 0 };
my $got = join '', kinesis()->records($session->{sessionId});
my $after = counters();
my $dropped = 0;
$dropped += $after->{$_} - $before->{$_}
    for grep { /^audio_dropped_.*_bytes$/ } keys %$after;
is length($got) + $dropped, length $sent, 'stored + dropped = accepted';
cmp_ok $dropped, '>', 0, 'some were dropped';
is substr($got, -8192), substr($sent, -8192), 'the newest are there';
is length($got) % 2, 0, 'no sample is cut';
is +($after->{audio_stored_bytes} - $before->{audio_stored_bytes}),
    length $got, 'the counter of stored bytes is right';
--- error_log
audio_dropped
--- no_error_log
[alert]

=== TEST 15: framed records: epoch, offsets without a hole, the last flag
--- lt_http
lt_kinesis_record framed;
lt_end_grace 1s;
--- ws
my $session = session();
my $socket = speaker($session);
my $sent = talk($socket, $session, 1, 20, 0.02);
$socket->send_json({ action => 'endSession' });
my ($all, $epoch, $last) = ('');
eventually {
    ($all, $epoch, $last) = ('');
    for my $data (kinesis()->records($session->{sessionId})) {
        my ($magic, $version, $flags, $header, $e, $offset, $capture)
            = unpack 'a4 C C S< Q< Q< q<', $data;
        is "$magic $version $header", 'LTA1 1 32', 'a framed record'
            if $magic ne 'LTA1' || $version != 1 || $header != 32;
        $epoch //= $e;
        is $e, $epoch, 'one epoch' if $e != $epoch;
        is $offset, length $all, 'no hole' if $offset != length $all;
        fail('capture time') if abs($capture / 1000 - time) > 60;
        $last = $flags & 2;
        $all .= substr $data, 32;
    }
    $last;
};
same($all, $sent, 'byte for byte');
ok $last, 'the last record says so';
cmp_ok abs($epoch / 1000 - time), '<', 60, 'the epoch is a time';

=== TEST 16: a framed record after a loss says so
--- lt_http
lt_kinesis_record framed;
lt_audio_buffer 1s;
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script({ always => 'throttle' });
my $sent = talk($socket, $session, 1, 20, 0.02);
eventually { counters()->{ingest_pending_bytes} <= 41000
    && counters()->{audio_dropped_full_bytes} > 0 };
kinesis()->script({});
my @records = eventually {
    counters()->{ingest_pending_bytes} == 0
        && (kinesis()->records($session->{sessionId}))[-1];
};
@records = kinesis()->records($session->{sessionId});
my ($gaps, $wrong) = (0, 0);
for (@records) {
    my (undef, undef, $flags, undef, undef, $offset)
        = unpack 'a4 C C S< Q< Q< q<', $_;
    $gaps++ if $flags & 1;
    $wrong++ if substr($_, 32) ne substr $sent, $offset, length($_) - 32;
}
cmp_ok $gaps, '>=', 1, 'the gap flag';
is $wrong, 0, 'offsets count what was dropped';

=== TEST 17: many sessions at once
--- lt_server
proxy_read_timeout 30s;
--- ws
my @sessions = map { session() } 1 .. 30;
my @sockets = map { speaker($_) } @sessions;
my @sent = ('') x 30;
for my $round (1 .. 10) {
    for (0 .. 29) {
        my $pcm = pcm(2048, $round * 31 + $_);
        $sockets[$_]->send_binary($pcm);
        $sent[$_] .= $pcm;
    }
}
my $wrong = 0;
for (0 .. 29) {
    my $got = kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_], 30);
    $wrong++ if $got ne $sent[$_];
}
is $wrong, 0, 'each has its own audio';

=== TEST 18: the speaker leaves with audio on its way
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script('throttle', 'throttle', 'slow');
my $sent = talk($socket, $session, 1, 10);
$socket->send_close(1000);
$socket->drop;
same(kinesis()->stored($session->{sessionId}, length $sent, 15), $sent,
    'it arrives all the same');

=== TEST 19: the counters add up
--- ws
my $session = session();
my $socket = speaker($session);
my $sent = talk($socket, $session, 1, 10);
kinesis()->stored($session->{sessionId}, length $sent);
my $now = eventually {
    my $c = counters();
    $c->{audio_stored_bytes} == length $sent && $c;
};
is $now->{audio_chunks}, 10, 'chunks';
is $now->{audio_accepted_bytes}, length $sent, 'accepted';
is $now->{audio_stored_bytes}, length $sent, 'stored';
is $now->{ingest_pending_bytes}, 0, 'nothing pending';
is $now->{kinesis_inflight}, 0, 'nothing on its way';

=== TEST 20: while paused or muted nothing is kept
--- ws
my $session = session();
my $socket = speaker($session);
my ($before, $during, $after) = map { pcm(8192, $_) } 1 .. 3;
$socket->send_binary($before);
for (['pauseBroadcast', 'broadcastPaused'],
    ['resumeBroadcast', 'broadcastResumed', 1],
    ['muteBroadcast', 'broadcastMuted'],
    ['unmuteBroadcast', 'broadcastUnmuted', 1])
{
    my ($action, $type, $is_on) = @$_;
    $socket->send_json({ action => $action });
    $socket->json($type);
    $socket->send_binary($is_on ? $after : $during);
}
same(kinesis()->stored($session->{sessionId}, 24576),
    $before . $after . $after, 'only what was said to all');

=== TEST 21: raw records are PCM, whatever a speaker makes them begin with
--- ws
my $session = session();
my $socket = speaker($session);
my $header = pack 'a4 C C S< Q< Q< q<', 'LTA1', 1, 2, 32, ~0, 1 << 60, -1 << 62;
my $sent = '';
for my $part ($header . pcm(64, 1), substr($header, 0, 2),
    substr($header, 2) . pcm(64, 2))
{
    $socket->send_binary($part);
    $sent .= $part;
    eventually { counters()->{ingest_pending_bytes} == 0 };
}
my $got = kinesis()->stored($session->{sessionId}, length $sent, 20);
is scalar(grep { /^LTA1/ } kinesis()->records($session->{sessionId})), 0,
    'none looks framed';
my $differ = $got ^ $sent;
is length $got, length $sent, 'none is lost';
like $differ, qr/\A\x01\0+\x01?\0+\z/, 'one bit of its first sample differs';
