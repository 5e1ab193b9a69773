use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::WebSocket qw(BINARY);

# Audio is on its way when somebody goes: the client, Kinesis, nginx.  What was
# accepted is in the stream, byte for byte, or counted.

# Sends so many chunks and waits until nginx has them; returns the PCM.
sub accepted {
    my ($socket, $from, $to) = @_;
    my $before = counters()->{audio_accepted_bytes};
    my $sent = join '', map { pcm(8192, $_) } $from .. $to;
    $socket->send_binary($_) for unpack '(a8192)*', $sent;
    eventually { counters()->{audio_accepted_bytes} - $before
        >= length $sent } 20 or die "nginx does not take the audio\n";
    return $sent;
}

sub in_flight { eventually { counters()->{kinesis_inflight} > 0 } 20 }

# The PCM of framed records, each offset once; undef with a hole or when two
# records disagree.
sub reassembled {
    my ($session) = @_;
    my $all = '';
    for my $data (kinesis()->records($session->{sessionId})) {
        my (undef, undef, undef, undef, undef, $offset)
            = unpack 'a4 C C S< Q< Q< q<', $data;
        my $pcm = substr $data, 32;
        return undef if $offset > length $all;
        my $known = length($all) - $offset;
        $known = length $pcm if $known > length $pcm;
        return undef if substr($all, $offset, $known)
            ne substr $pcm, 0, $known;
        $all .= substr $pcm, $known;
    }
    return $all;
}

sub ended {
    my (@pids) = @_;
    return eventually { !grep { kill 0, $_ } @pids } 30;
}

sub log_of {
    open my $in, '<', $Test::Nginx::Util::ErrLogFile or die "no log: $!\n";
    return join '', <$in>;
}

run_tests();

__DATA__

=== TEST 1: clients are cut off in the middle of a frame
--- ws
my @sessions = map { session() } 1 .. 3;
my @sockets = map { speaker($_) } @sessions;
kinesis()->script({ always => 'slow' });
my @sent = map { accepted($_, 1, 5) } @sockets;
in_flight();
for my $socket (@sockets) {
    my $frame = LT::WebSocket::ws_frame(BINARY, pcm(8192, 99));
    $socket->send_raw(substr $frame, 0, 5000);
    $socket->drop(1);
}
ok kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_], 20)
    eq $sent[$_], "whole chunks, and no others: $_" for 0 .. 2;
ok +(eventually { counters()->{ingest_streams} == 0 } 20), 'nothing is left';

=== TEST 2: Kinesis resets batches of several sessions
--- timeout: 60
--- lt_http
lt_audio_buffer 30s;
--- ws
my @sessions = map { session() } 1 .. 4;
my @sockets = map { speaker($_) } @sessions;
kinesis()->script('slow', 'reset', 'reset', 'slow', 'reset', 'cut', 'reset');
my @sent = ('') x 4;
for my $round (1 .. 10) {
    $sent[$_] .= accepted($sockets[$_], $round, $round) for 0 .. 3;
}
ok kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_], 20)
    eq $sent[$_], "all there, in order: $_" for 0 .. 3;

=== TEST 3: Kinesis stores and does not answer: once, by offsets
--- timeout: 60
--- lt_server
proxy_read_timeout 300ms;
proxy_next_upstream off;
--- lt_http
lt_kinesis_record framed;
lt_audio_buffer 30s;
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script('mute', 'ok', 'mute', 'mute', 'ok', 'mute');
my $sent = '';
$sent .= accepted($socket, $_, $_) for 1 .. 12;
ok +(eventually { (reassembled($session) // '') eq $sent } 30),
    'each byte, without a hole';
my $bytes = 0;
$bytes += length($_) - 32 for kinesis()->records($session->{sessionId});
cmp_ok $bytes, '>', length $sent, 'though some were stored twice';

=== TEST 4: a reload: the old process finishes what it holds
--- main_config
worker_shutdown_timeout 20s;
--- timeout: 60
--- lt_http
lt_audio_buffer 30s;
--- ws
my @sessions = map { session() } 1 .. 3;
my @sockets = map { speaker($_) } @sessions;
kinesis()->script({ always => 'slow' });
my @sent = map { accepted($_, 1, 12) } @sockets;
in_flight();
my @old = worker_pids();
reload();
$sent[$_] .= accepted($sockets[$_], 13, 14) for 0 .. 2;
$_->drop for @sockets;
ok ended(@old), 'it ends';
ok kinesis()->stored($sessions[$_]{sessionId}, length $sent[$_], 20)
    eq $sent[$_], "all there: $_" for 0 .. 2;
is counters()->{audio_dropped_shutdown_bytes}, 0, 'nothing is counted lost';

=== TEST 5: a reload while Kinesis is away: it comes back in time
--- timeout: 60
--- lt_http
lt_audio_buffer 20s;
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->stop;
my $sent = accepted($socket, 1, 6);
my @old = worker_pids();
reload();
$socket->drop;
select undef, undef, undef, 0.5;
is scalar(grep { kill 0, $_ } @old), scalar @old, 'the old process waits';
kinesis()->start;
ok kinesis()->stored($session->{sessionId}, length $sent, 20) eq $sent,
    'all there';
ok ended(@old), 'and ends';

=== TEST 6: a reload while Kinesis refuses all: given up in time, and counted
--- timeout: 60
--- main_config
worker_shutdown_timeout 1s;
--- lt_http
lt_audio_buffer 60s;
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script({ always => 'throttle' });
my $before = counters()->{audio_dropped_shutdown_bytes};
my $sent = accepted($socket, 1, 6);
my @old = worker_pids();
reload();
ok ended(@old), 'it ends';
is counters()->{audio_dropped_shutdown_bytes} - $before, length $sent,
    'each byte is counted';
is join('', kinesis()->records($session->{sessionId})), '', 'none is stored';
--- error_log
reason=shutdown
--- no_error_log
[alert]

=== TEST 7: QUIT: what is on its way and what waits arrives
--- lt_http
lt_kinesis_linger 500ms;
--- timeout: 60
--- ws
my $session = session();
my $socket = speaker($session);
kinesis()->script({ always => 'slow' });
my $sent = accepted($socket, 1, 4);
in_flight();
$sent .= accepted($socket, 5, 8);
my @old = worker_pids();
kill QUIT => @old;
$socket->drop;
ok ended(@old), 'the process ends';
ok kinesis()->stored($session->{sessionId}, length $sent, 20) eq $sent,
    'all there';
ok +(eventually { (api(GET => '/health'))[0] == 200 } 20), 'another is there';

=== TEST 8: TERM: at once; what was not stored is counted to the byte
--- timeout: 60
--- ws
my @sessions = map { session() } 1 .. 2;
my @sockets = map { speaker($_) } @sessions;
my $stored = accepted($sockets[0], 1, 3);
ok kinesis()->stored($sessions[0]{sessionId}, length $stored, 20) eq $stored,
    'before: stored';
eventually { counters()->{ingest_pending_bytes} == 0 } 20;
my $before = counters()->{audio_dropped_shutdown_bytes};
kinesis()->script({ always => 'hang' });
my $lost = accepted($sockets[1], 1, 7);
in_flight();
my @old = worker_pids();
kill TERM => @old;
ok ended(@old), 'the process ends';
ok +(eventually { (api(GET => '/health'))[0] == 200 } 20), 'another is there';
is counters()->{audio_dropped_shutdown_bytes} - $before, length $lost,
    'counted';
is counters()->{ingest_pending_bytes}, 0, 'no gauge is left behind';
like log_of(), qr/audio_dropped session=\* bytes=${\length $lost} reason=shutdown/,
    'and logged';
--- error_log
reason=shutdown
--- no_error_log
[alert]
