use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# What sockets say and hear: docs/protocol/, actions and messages.

run_tests();

__DATA__

=== TEST 1: heartbeat, both roles
--- ws
my $session = session();
for my $socket (speaker($session), listener($session, 'es')) {
    $socket->send_json({ action => 'heartbeat', timestamp => 1 });
    my $ack = $socket->json('heartbeatAck');
    ok $ack, 'the ack';
    cmp_ok abs($ack->{timestamp} / 1000 - time), '<', 60, 'with our time, ms';
}

=== TEST 2: joinSession
--- ws
my $session = session(sourceLanguage => 'de');
my $socket = connect_ws(
    "/ws?sessionId=$session->{sessionId}&targetLanguage=es");
for (1 .. 2) {
    $socket->send_json({ action => 'joinSession',
        sessionId => $session->{sessionId}, targetLanguage => 'es' });
    my $joined = $socket->json;
    is $joined->{type}, 'sessionJoined', 'joined';
    is $joined->{sessionId}, $session->{sessionId}, 'the session';
    is $joined->{targetLanguage}, 'es', 'the language';
    is $joined->{sourceLanguage}, 'de', 'the source';
    ok length $joined->{connectionId}, 'an id';
    ok $joined->{timestamp}, 'a time';
}

=== TEST 3: the socket decides, not the message
--- ws
my ($mine, $other) = (session(), session());
my $socket = connect_ws("/ws?sessionId=$mine->{sessionId}&targetLanguage=es");
$socket->send_json({ action => 'joinSession',
    sessionId => $other->{sessionId}, targetLanguage => 'es' });
my $answer = $socket->json;
isnt $answer->{sessionId} // '', $other->{sessionId},
    'nobody gets into another session by a message';
is redis()->command(HLEN => "lt:{$other->{sessionId}}:listeners"), 0,
    'nor into its list';

=== TEST 4: getSessionStatus
--- ws
my $session = session();
my $speaker = speaker($session);
$speaker->send_json({ action => 'getSessionStatus' });
my $status = $speaker->json('sessionStatus');
is_deeply $status->{languageDistribution}, [], 'an array, even when empty';
is $status->{listenerCount}, 0, 'nobody';
my @here = map { listener($session, $_) } qw(es fr es);
$speaker->send_json({ action => 'getSessionStatus' });
$status = eventually {
    my $next = $speaker->json('sessionStatus');
    $next->{updateReason} eq 'requested' && $next;
};
is $status->{listenerCount}, 3, 'three listeners';
my %count = map { $_->{languageCode} => $_->{count} }
    @{$status->{languageDistribution}};
is_deeply \%count, { es => 2, fr => 1 }, 'by language';
is $status->{sessionId}, $session->{sessionId}, 'the session';
cmp_ok $status->{sessionDuration}, '<', 30, 'its length in seconds';
my $state = $status->{broadcastState};
ok !$state->{isPaused} && !$state->{isMuted}, 'neither paused nor muted';
is $state->{volume}, 1, 'full volume';

=== TEST 5: the speaker hears of changes, at most once a second
--- ws
my $session = session();
my $speaker = speaker($session);
my @here = map { listener($session, 'es') } 1 .. 5;
my ($pushed, $count) = (0, 0);
while (my $status = $speaker->json('sessionStatus', 2.5)) {
    $pushed++;
    $count = $status->{listenerCount};
}
is $count, 5, 'five listeners in the end';
cmp_ok $pushed, '<=', 3, 'few messages';
cmp_ok $pushed, '>=', 1, 'without being asked';
$_->send_close(1000) for splice @here, 0, 2;
while (my $status = $speaker->json('sessionStatus', 10)) {
    $count = $status->{listenerCount};
    last if $count == 3;
}
is $count, 3, 'and when some leave';

=== TEST 6: a listener who vanishes is not counted
--- ws
my $session = session();
my ($stays, $goes, $breaks) = map { listener($session, $_) } qw(es fr de);
$goes->drop;
$breaks->drop(1);
my $key = "lt:{$session->{sessionId}}:languages";
is eventually { redis()->command(HLEN => $key) == 1 }, 1, 'one language';
is redis()->command(HGET => $key, 'es'), 1, 'the right one';
ok alive($stays), 'who stays is served';

=== TEST 7: pause, resume, mute, unmute
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
for (['pauseBroadcast', 'broadcastPaused', 'isPaused', 1],
    ['muteBroadcast', 'broadcastMuted', 'isMuted', 1],
    ['resumeBroadcast', 'broadcastResumed', 'isPaused', 0],
    ['unmuteBroadcast', 'broadcastUnmuted', 'isMuted', 0],
    ['resumeBroadcast', 'broadcastResumed', 'isPaused', 0])
{
    my ($action, $type, $field, $value) = @$_;
    $speaker->send_json({ action => $action, timestamp => 1 });
    my $reply = $speaker->json($type);
    is $reply->{sessionId}, $session->{sessionId}, "$action: the reply";
    is $reply->{broadcastState}{$field} ? 1 : 0, $value, "$action: the state";
    my $heard = $listener->json($type);
    is $heard->{sessionId}, $session->{sessionId}, "$action: listeners hear";
}

=== TEST 8: who joins late is told that the speaker has paused
--- ws
my $session = session();
my $speaker = speaker($session);
$speaker->send_json({ action => 'pauseBroadcast' });
$speaker->json('broadcastPaused');
my $late = listener($session, 'es');
ok $late->json('broadcastPaused'), 'told';

=== TEST 9: messages that are wrong get an answer and keep the socket
--- ws
my $session = session();
my $speaker = speaker($session);
for (['{"action":"dance"}', 'INVALID_ACTION'],
    ['{"action":""}', 'MISSING_ACTION'],
    ['{}', 'MISSING_ACTION'],
    ['{"action":5}', 'MISSING_ACTION'],
    ['{"action":"heartbeat"', 'INVALID_MESSAGE'],
    ['[]', 'INVALID_MESSAGE'],
    ['"heartbeat"', 'INVALID_MESSAGE'],
    ['', 'INVALID_MESSAGE'],
    ['hello', 'INVALID_MESSAGE'],
    ['[' x 5000, 'INVALID_MESSAGE'],
    ['{"action":"heartbeat"}{}', 'INVALID_MESSAGE'],
    ['{"action":"heart\u0000beat"}', 'INVALID_MESSAGE'],
    ['{"action":"sendAudio","data":"AAAA"}', 'INVALID_ACTION'])
{
    my ($text, $code) = @$_;
    $speaker->send_text($text);
    my $error = $speaker->json('error');
    my $short = substr $text, 0, 30;
    is $error->{code}, $code, "$short: code";
    like $error->{message}, qr/\w+ \w+/, "$short: a message for people";
    ok $error->{timestamp}, "$short: a time";
}
ok alive($speaker), 'the socket lives';

=== TEST 10: what is not for this role
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
for (qw(getSessionStatus pauseBroadcast resumeBroadcast muteBroadcast
    unmuteBroadcast endSession))
{
    $listener->send_json({ action => $_ });
    is $listener->json('error')->{code}, 'UNAUTHORIZED_ACTION',
        "a listener: $_";
}
$listener->send_text(chunk($session, pcm(8192)));
$listener->send_binary(pcm(8192));
ok alive($listener), 'a listener who sends audio stays';
$speaker->send_json({ action => 'joinSession',
    sessionId => $session->{sessionId}, targetLanguage => 'es' });
is $speaker->json('error')->{code}, 'UNAUTHORIZED_ACTION',
    'a speaker: joinSession';
sleep 1;
is join('', kinesis()->records($session->{sessionId})), '',
    "and a listener's audio goes nowhere";

=== TEST 11: the end of a session
--- lt_http
lt_end_grace 1s;
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
my $start = time;
$speaker->send_json({ action => 'endSession', reason => 'done',
    sessionId => $session->{sessionId} });
my $ended = $listener->json('sessionEnded', 5);
is $ended->{sessionId}, $session->{sessionId}, 'listeners are told';
cmp_ok time - $start, '>=', 1, 'after the grace';
is +(api(GET => "/sessions/$session->{sessionId}"))[1]{status}, 'ended',
    'it has ended';
my ($code) = $listener->closed(8);
is $code, 1000, 'and the socket closes in order';
is +($speaker->closed(3))[0], 1000, "the speaker's too";

=== TEST 12: drained: sessionEnded waits for the last clip, not for the grace
--- lt_http
lt_end_grace 20s;
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
$speaker->send_json({ action => 'endSession' });
eventually { (api(GET => "/sessions/$session->{sessionId}"))[1]{status}
    eq 'ended' };
my $start = time;
is +(result($session, { event => 'drained', play_ms => 1000 }))[0], 200,
    'drained is taken';
is +(result($session, { event => 'drained', play_ms => 0 }))[0], 200,
    'a second one, too';
ok $listener->json('sessionEnded', 6), 'told';
cmp_ok time - $start, '>=', 1, 'not before the clip has played';
cmp_ok time - $start, '<', 5, 'not much later';

=== TEST 13: the speaker drops: the session waits for him
--- lt_http
lt_speaker_grace 3s;
lt_end_grace 1s;
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
$speaker->drop;
sleep 1;
my $again = speaker($session);
ok alive($again), 'he comes back';
is $listener->json('sessionEnded', 4), undef, 'and nothing has ended';
$again->drop;
ok $listener->json('sessionEnded', 8), 'without him it ends';

=== TEST 14: a newer speaker connection replaces the older one
--- ws
my $session = session();
my $old = speaker($session);
my $new = speaker($session);
is +($old->closed)[0], 4409, 'the old one is closed with 4409';
ok alive($new), 'the new one lives';
$new->send_text(chunk($session, pcm(8192)));
is length kinesis()->stored($session->{sessionId}, 8192), 8192,
    'and its audio counts';

=== TEST 15: no more listeners than allowed
--- lt_http
lt_listeners_max 2;
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 2;
my $third = connect_ws(
    "/ws?sessionId=$session->{sessionId}&targetLanguage=es");
my $code = $third->status == 101 ? do {
    $third->send_json({ action => 'joinSession', targetLanguage => 'es',
        sessionId => $session->{sessionId} });
    $third->json('error')->{code};
} : $third->error->{code};
is $code, 'SESSION_FULL', 'the third is refused';
$here[0]->send_close(1000);
eventually { redis()->command(HLEN =>
    "lt:{$session->{sessionId}}:listeners") < 2 };
ok listener($session, 'es'), 'when one has left, another may come';
