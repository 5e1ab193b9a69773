use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# The rest of the action table: languages, volume, state, the legacy actions;
# one speaker a session; the limits of what a socket may send.  Two worker
# processes, so that what is told crosses Redis.

workers(2);

sub say_and_get {
    my ($socket, $message, $type) = @_;
    $socket->send_json($message);
    return $socket->json($type) // {};
}

sub languages {
    my ($session) = @_;
    return { @{redis()->command(HGETALL =>
        "lt:{$session->{sessionId}}:languages")} };
}

sub audio {
    my ($session, $language, $n) = @_;
    return (result($session, { language => $language }, {
        type => 'translatedAudio', sessionId => $session->{sessionId},
        targetLanguage => $language, language => $language,
        url => 'https://x/1.mp3', duration => 1, sequenceNumber => $n,
        transcript => '"targetLanguage":"xx"' }))[0];
}

run_tests();

__DATA__

=== TEST 1: changeLanguage
--- ws
my $session = session(sourceLanguage => 'de');
my $speaker = speaker($session);
my ($one, $two) = map { listener($session, 'es') } 1 .. 2;
is_deeply languages($session), { es => 2 }, 'two';
my $reply = say_and_get($one, { action => 'changeLanguage',
    targetLanguage => 'fr', timestamp => 1 }, 'languageChanged');
is $reply->{targetLanguage}, 'fr', 'the new language';
is $reply->{sourceLanguage}, 'de', 'the source';
is $reply->{sessionId}, $session->{sessionId}, 'the session';
is_deeply languages($session), { es => 1, fr => 1 }, 'one each';
my $status = eventually {
    my $next = $speaker->json('sessionStatus', 3) or return 1;
    @{$next->{languageDistribution}} == 2 && $next;
};
is $status->{listenerCount}, 2, 'the speaker is told';
say_and_get($one, { action => 'changeLanguage', targetLanguage => 'fr' },
    'languageChanged');
is_deeply languages($session), { es => 1, fr => 1 }, 'once more: no change';
say_and_get($two, { action => 'changeLanguage', targetLanguage => 'fr' },
    'languageChanged');
is_deeply languages($session), { fr => 2 }, 'nobody is left in the old one';
$one->drop(1);
ok +(eventually { languages($session)->{fr} == 1 }),
    'who leaves, leaves the new one';

=== TEST 2: the label of a listener that has switched
--- ws
my $session = session();
my @es = map { listener($session, 'es') } 1 .. 4;
my @fr = map { listener($session, 'fr') } 1 .. 2;
for (@es[0, 1]) {
    say_and_get($_, { action => 'changeLanguage', targetLanguage => 'fr' },
        'languageChanged');
}
is audio($session, 'fr', 1), 200, 'French';
for (@es[0, 1]) {
    my $heard = $_->json('translatedAudio') // {};
    is $heard->{targetLanguage}, 'es', 'labelled as connected';
    is $heard->{language}, 'fr', 'what it is';
    is $heard->{transcript}, '"targetLanguage":"xx"', 'the rest as it was';
    is $heard->{sequenceNumber}, 1, 'and the number';
}
is $_->json('translatedAudio')->{targetLanguage}, 'fr', 'others as they were'
    for @fr;
is audio($session, 'es', 2), 200, 'Spanish';
is $_->json('translatedAudio')->{targetLanguage}, 'es', 'who stayed'
    for @es[2, 3];
is scalar(grep { $_->frame(0.2) } @es[0, 1]), 0, 'who left hears nothing';
result($session, { language => 'fr' }, '{"type":"caption","text":"x"}');
ok $es[0]->json('caption'), 'captions come too';
say_and_get($es[0], { action => 'changeLanguage', targetLanguage => 'es' },
    'languageChanged');
audio($session, 'es', 3);
is $es[0]->json('translatedAudio')->{targetLanguage}, 'es', 'and back';

=== TEST 3: changeLanguage that is wrong
--- ws
my $session = session();
my ($listener, $speaker) = (listener($session, 'es'), speaker($session));
for ([{}, 'MISSING_PARAMETER'], [{ targetLanguage => '' },
    'MISSING_PARAMETER'], [{ targetLanguage => 'french' },
    'INVALID_PARAMETER'], [{ targetLanguage => 'FR' }, 'INVALID_PARAMETER'],
    [{ targetLanguage => 5 }, 'INVALID_PARAMETER'],
    [{ targetLanguage => 'xx' }, 'UNSUPPORTED_LANGUAGE'])
{
    my ($fields, $code) = @$_;
    my $error = say_and_get($listener, { action => 'changeLanguage',
        %$fields }, 'error');
    is $error->{code}, $code, "$code: " . join ' ', %$fields;
    is $error->{details}{$code =~ /^UN/ ? 'languageCode' : 'field'},
        $code =~ /^UN/ ? 'xx' : 'targetLanguage', 'in detail';
}
is say_and_get($speaker, { action => 'changeLanguage',
    targetLanguage => 'fr' }, 'error')->{code}, 'UNAUTHORIZED_ACTION',
    'not for a speaker';
is_deeply languages($session), { es => 1 }, 'nothing has changed';
redis()->command(DEL => "lt:{$session->{sessionId}}:listeners");
is say_and_get($listener, { action => 'changeLanguage',
    targetLanguage => 'fr' }, 'error')->{code}, 'SESSION_NOT_FOUND',
    'a listener that Redis does not know';

=== TEST 4: every language of the listener page
--- ws
my $session = session();
my $listener = listener($session, 'es');
for (qw(en es fr de it pt ja ko zh ar)) {
    is say_and_get($listener, { action => 'changeLanguage',
        targetLanguage => $_ }, 'languageChanged')->{targetLanguage}, $_, $_;
}
is_deeply languages($session), { ar => 1 }, 'one in the end';

=== TEST 5: setVolume
--- ws
my $session = session();
my ($speaker, @here) = (speaker($session),
    map { listener($session, 'es') } 1 .. 4);
for ([0.25, 0.25], ['0.5', 0.5], [1, 1], [0, 0]) {
    my ($said, $is) = @$_;
    my $reply = say_and_get($speaker, { action => 'setVolume',
        volumeLevel => $said }, 'volumeChanged');
    is $reply->{broadcastState}{volume}, $is, "$said: the state";
    is $reply->{listenersNotified}, 4, "$said: how many listeners";
    is scalar(grep { ($_->json('volumeChanged') // {})->{volumeLevel} == $is }
        @here), 4, "$said: all hear";
}
for ([undef, 'INVALID_PARAMETER'], [1.01, 'INVALID_PARAMETER'],
    [-1, 'INVALID_PARAMETER'], ['loud', 'INVALID_PARAMETER'],
    ['nan', 'INVALID_PARAMETER'], ['0x1', 'INVALID_PARAMETER'],
    ['', 'INVALID_PARAMETER'], [[], 'INVALID_PARAMETER'])
{
    my ($value, $code) = @$_;
    my $error = say_and_get($speaker, { action => 'setVolume',
        volumeLevel => $value }, 'error');
    is $error->{code}, $code, 'wrong: ' . ($value // 'null');
    is $error->{details}{field}, 'volumeLevel', 'in detail';
}
is say_and_get($speaker, { action => 'setVolume' }, 'error')->{code},
    'MISSING_PARAMETER', 'missing';

=== TEST 6: speakerStateChange
--- ws
my $session = session();
my ($speaker, @here) = (speaker($session),
    map { listener($session, 'es') } 1 .. 4);
my $state = { isPaused => JSON::PP::true, isMuted => JSON::PP::false,
    volume => 0.5 };
my $reply = say_and_get($speaker, { action => 'speakerStateChange',
    state => $state }, 'speakerStateChanged');
is $reply->{broadcastState}{$_}, $state->{$_}, $_ for sort keys %$state;
is $reply->{listenersNotified}, 4, 'how many listeners';
is scalar(grep { my $m = $_->json('speakerStateChanged');
    $m && $m->{broadcastState}{isPaused} && !$m->{broadcastState}{isMuted} }
    @here), 4, 'all hear';
ok listener($session, 'fr')->json('broadcastPaused'), 'late ones too';
for ([undef, 'MISSING_PARAMETER'], [{}, 'MISSING_PARAMETER'],
    ['on', 'MISSING_PARAMETER'], [{ isPaused => 1 }, 'INVALID_PARAMETER'],
    [{ volume => 2 }, 'INVALID_PARAMETER'],
    [{ isPaused => JSON::PP::true, x => 1 }, 'INVALID_PARAMETER'])
{
    my ($value, $code) = @$_;
    my $error = say_and_get($speaker, { action => 'speakerStateChange',
        state => $value }, 'error');
    is $error->{code}, $code, JSON::PP->new->allow_nonref->encode($value);
    ok $error->{details}{field}, 'in detail';
}

=== TEST 7: a pause is known to all processes, and nothing of it is kept
--- ws
my $session = session();
my $speaker = speaker($session);
my $before = counters()->{audio_chunks_silenced};
my $reply = say_and_get($speaker, { action => 'pauseBroadcast' },
    'broadcastPaused');
is $reply->{listenersNotified}, 0, 'nobody listens';
for (1 .. 4) {
    $speaker = speaker($session);
    $speaker->send_text(chunk($session, pcm(8192)));
    $speaker->send_binary(pcm(8192));
    ok alive($speaker), 'taken in silence';
}
is counters()->{audio_chunks_silenced} - $before, 8, 'counted';
select undef, undef, undef, 0.3;
is join('', kinesis()->records($session->{sessionId})), '', 'and not kept';
$reply = say_and_get($speaker, { action => 'resumeBroadcast' },
    'broadcastResumed');
cmp_ok $reply->{pauseDuration}, '>', 0, 'it says how long';
$speaker->send_text(chunk($session, pcm(8192)));
is kinesis()->stored($session->{sessionId}, 8192), pcm(8192), 'and again';
ok exists say_and_get($speaker, { action => 'resumeBroadcast' },
    'broadcastResumed')->{pauseDuration}, 'null when it was not paused';

=== TEST 8: pausePlayback and refreshConnection
--- ws
my $session = session(sourceLanguage => 'de');
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
is say_and_get($listener, { action => 'pausePlayback' }, 'playbackPaused')
    ->{sessionId}, $session->{sessionId}, 'playbackPaused';
is say_and_get($speaker, { action => 'pausePlayback' }, 'error')->{code},
    'UNAUTHORIZED_ACTION', 'not for a speaker';
my $done = say_and_get($listener, { action => 'refreshConnection',
    role => 'listener', sessionId => $session->{sessionId},
    targetLanguage => 'es' }, 'connectionRefreshComplete');
is $done->{role}, 'listener', 'a listener';
is $done->{targetLanguage}, 'es', 'its language';
is $done->{sourceLanguage}, 'de', 'the source';
ok $done->{newConnectionId}, 'an id';
$done = say_and_get($speaker, { action => 'refreshConnection' },
    'connectionRefreshComplete');
is $done->{role}, 'speaker', 'a speaker';
ok !exists $done->{targetLanguage}, 'no language';
my $other = session();
for ({ role => 'speaker' }, { sessionId => $other->{sessionId} },
    { targetLanguage => 'fr' })
{
    is say_and_get($listener, { action => 'refreshConnection', %$_ },
        'error')->{code}, 'FORBIDDEN', join ' ', %$_;
}
is say_and_get($listener, { action => 'refreshConnection', role => 5 },
    'error')->{code}, 'INVALID_PARAMETER', 'role a number';

=== TEST 9: createSession
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
my $made = say_and_get($speaker, { action => 'createSession',
    sourceLanguage => 'fr', qualityTier => 'premium',
    partialResults => 'true', minStability => 0.9, maxBufferTimeout => '3' },
    'sessionCreated');
like $made->{sessionId}, qr/^[a-z]+-[a-z]+-\d{3}\z/, 'an id';
is $made->{sourceLanguage}, 'fr', 'the language';
is $made->{minStabilityThreshold}, 0.9, 'stability';
is $made->{maxBufferTimeout}, 3, 'timeout';
ok $made->{partialResultsEnabled} && $made->{expiresAt}
    && $made->{connectionId}, 'the rest';
$made->{speakerToken} = $session->{speakerToken};
ok alive(speaker($made)), 'its owner may speak there';
ok alive(listener($made, 'es')), 'others may listen';
for ([{}, 'INVALID_PARAMETERS'], [{ sourceLanguage => 'xx' },
    'INVALID_PARAMETERS'], [{ sourceLanguage => 'en', qualityTier => 'x' },
    'INVALID_PARAMETERS'], [{ sourceLanguage => 'en', partialResults => 5 },
    'INVALID_PARAMETERS'], [{ sourceLanguage => 'en', minStability => 0.5 },
    'INVALID_CONFIGURATION'], [{ sourceLanguage => 'en',
    maxBufferTimeout => 11 }, 'INVALID_CONFIGURATION'])
{
    my ($fields, $code) = @$_;
    is say_and_get($speaker, { action => 'createSession', %$fields },
        'error')->{code}, $code, join ' ', %$fields;
}
is say_and_get($listener, { action => 'createSession',
    sourceLanguage => 'en' }, 'error')->{code}, 'UNAUTHORIZED_ACTION',
    'not for a listener';

=== TEST 10: too many control messages: told once a second, counted, kept
--- lt_http
lt_control_rate 5;
--- ws
my $session = session();
my $speaker = speaker($session);
my $before = counters()->{messages_limited};
$speaker->send_json({ action => 'getSessionStatus' }) for 1 .. 60;
my (%got, $error);
while (my $message = $speaker->json(undef, 1)) {
    $got{$message->{type}}++;
    $error = $message if $message->{type} eq 'error';
}
cmp_ok $got{sessionStatus}, '>=', 10, 'what may be ahead is answered';
cmp_ok $got{sessionStatus}, '<=', 15, 'and not more';
is $got{error}, 1, 'one error';
is $error->{code}, 'RATE_LIMIT_EXCEEDED', 'its code';
cmp_ok $error->{retryAfter}, '>=', 1, 'when to come again';
is $error->{details}{retryAfter}, $error->{retryAfter}, 'in both places';
my $limited = counters()->{messages_limited} - $before;
cmp_ok $limited, '>=', 45, 'the rest is counted';
ok alive($speaker), 'heartbeats are answered all the same';
select undef, undef, undef, 1;
is say_and_get($speaker, { action => 'getSessionStatus' }, 'sessionStatus')
    ->{updateReason}, 'requested', 'and it is served again';
$before = counters()->{messages_limited};
$speaker->send_text('x') for 1 .. 40;
my $answers = grep { $speaker->json('error', 0.5) } 1 .. 20;
cmp_ok $answers, '<=', 12, 'nonsense counts too';
cmp_ok counters()->{messages_limited} - $before, '>=', 28, 'and is counted';

=== TEST 11: too much audio: dropped and counted
--- lt_http
lt_audio_rate 10;
--- ws
my $session = session();
my $speaker = speaker($session);
my $before = counters()->{audio_chunks_limited};
$speaker->send_binary(pcm(320)) for 1 .. 100;
is $speaker->json('error')->{code}, 'RATE_LIMIT_EXCEEDED', 'told';
ok alive($speaker), 'the socket stays';
my $limited = counters()->{audio_chunks_limited} - $before;
cmp_ok $limited, '>=', 50, 'dropped';
cmp_ok $limited, '<=', 60, 'but not what may be ahead';
my $stored = (100 - $limited) * 320;
is length kinesis()->stored($session->{sessionId}, $stored), $stored,
    'the rest is kept';
select undef, undef, undef, 1;
$speaker->send_text(chunk($session, pcm(320))) for 1 .. 30;
$stored += 320 * 10;
cmp_ok length kinesis()->stored($session->{sessionId}, $stored), '>=',
    $stored, 'and ten more after a second';

=== TEST 12: no limit
--- lt_http
lt_control_rate 0;
lt_audio_rate 0;
--- ws
my $session = session();
my $speaker = speaker($session);
$speaker->send_binary(pcm(320)) for 1 .. 400;
$speaker->send_json({ action => 'heartbeat' }) for 1 .. 100;
is scalar(grep { $speaker->json('heartbeatAck') } 1 .. 100), 100, 'all';
is length kinesis()->stored($session->{sessionId}, 400 * 320), 400 * 320,
    'all audio';

=== TEST 13: control messages that are too large
--- lt_http
lt_control_max 1k;
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
my $padding = 'x' x 1024;
for my $socket ($speaker, $listener) {
    is say_and_get($socket, { action => 'heartbeat', x => $padding },
        'error')->{code}, 'CONTROL_MESSAGE_TOO_LARGE', 'refused';
    ok alive($socket), 'the socket stays';
}
$speaker->send_json({ action => 'audioChunk', x => $padding,
    audioData => MIME::Base64::encode_base64(pcm(8192), '') });
is length kinesis()->stored($session->{sessionId}, 8192), 8192,
    'audio may be larger';

=== TEST 14: one speaker a session, whoever comes where
--- ws
for (1 .. 10) {
    my $session = session();
    my @sockets = map { speaker($session) } 1 .. 4;
    my @closed = grep { (($_->closed(3))[0] // 0) == 4409 } @sockets[0 .. 2];
    is @closed, 3, 'the older ones are closed';
    ok alive($sockets[3]), 'the newest one lives';
}

=== TEST 15: speakers that come at once: one is left, and Redis knows it
--- ws
for my $round (1 .. 8) {
    my $session = session();
    my @raw = map {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $Test::Nginx::Util::ServerPortForClient) or die;
        syswrite $socket, "GET /ws?token=$session->{speakerToken}"
            . "&sessionId=$session->{sessionId} HTTP/1.1\r\nHost: x\r\n"
            . "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            . "Sec-WebSocket-Version: 13\r\n"
            . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        $socket->blocking(0);
        $socket;
    } 1 .. 6;
    my @in = ('') x @raw;
    my $left = eventually {
        for (0 .. $#raw) {
            sysread $raw[$_], $in[$_], 65536, length $in[$_];
        }
        6 == grep({ /^HTTP\/1.1 101/ } @in)
            && 1 == grep({ !/\r\n\r\n.*\x88.\x11\x39/s } @in) && 'one';
    };
    is $left, 'one', 'all but one are closed with 4409';
    select undef, undef, undef, 0.1;
    my ($last) = grep { $in[$_] !~ /\x88.\x11\x39/s } 0 .. $#raw;
    my $frame = LT::WebSocket::ws_frame(LT::WebSocket::TEXT,
        '{"action":"refreshConnection"}');
    syswrite $raw[$last], $frame;
    my $text = '';
    eventually { sysread $raw[$last], $text, 65536, length $text;
        $text =~ /connectionRefreshComplete/ };
    my ($id) = $text =~ /"newConnectionId":"([^"]+)"/;
    is redis()->command(HGET => "lt:{$session->{sessionId}}:session",
        'speakerConnection'), $id, 'the one that is left owns the session';
}

=== TEST 16: what was said before a process began to listen is not missed
--- lt_http
lt_end_grace 1s;
--- ws
my $session = session();
my $key = "lt:{$session->{sessionId}}:session";
my $listener = listener($session, 'es');
redis()->command(HSET => $key, status => 'active', epoch => 0);
my $speaker = speaker($session);
ok alive($speaker), 'it lives';
my @pids = worker_pids();
redis()->command(HSET => $key, epoch => time * 2000);
redis()->command('CLIENT', 'KILL', 'TYPE', 'pubsub');
is +($speaker->closed(8))[0], 4409,
    'a newer speaker is noticed when the channel is heard again';
is scalar(grep { kill 0, $_ } @pids), 2, 'with the same processes';
redis()->command(HSET => $key, status => 'ended');
redis()->command('CLIENT', 'KILL', 'TYPE', 'pubsub');
ok $listener->json('sessionEnded', 10), 'an end too';

=== TEST 17: connection ids look like API Gateway's
--- ws
my $session = session();
my %id = map { say_and_get(listener($session, 'es'),
    { action => 'refreshConnection' }, 'connectionRefreshComplete')
    ->{newConnectionId} => 1 } 1 .. 20;
is keys %id, 20, 'all different';
is scalar(grep { /^[\w-]{27}=\z/ } keys %id), 20, 'base64url and "="';

=== TEST 18: more than a thousand listeners may be allowed
--- lt_http
lt_listeners_max 10000;
--- ws
my $session = session();
ok listener($session, 'es'), 'they come';
