use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::Jwt;
use LT::WebSocket qw(TEXT CLOSE);

use Time::HiRes ();

# The two apps that were there before us, message by message as their code
# sends them: field by field, in their order, to the byte.

workers(2);

our $Jwks = "$LT::Env::Dir/jwks.json";
our $Key = LT::Jwt->new(kid => 'k1', type => 'RS256');
our $Provider = <<"END";
lt_jwt_jwks_file $Jwks;
lt_jwt_issuer $Issuer;
lt_jwt_audience $Client;
lt_end_grace 1s;
END
write_jwks($Jwks, $Key);

# What Chromium adds.
our %Browser = (Origin => 'https://speakers.example',
    'Sec-WebSocket-Extensions' => 'permessage-deflate; client_max_window_bits',
    'User-Agent' => 'Mozilla/5.0 Chrome/126');

sub now { return int Time::HiRes::time() * 1000 }

# Its POST; nothing but these headers and this body.
sub app_post {
    my ($token) = @_;
    return api(POST => '/sessions',
        '{"sourceLanguage":"en","qualityTier":"standard"}',
        { Authorization => "Bearer $token", Origin => $Browser{Origin} });
}

sub app_socket {
    my ($token, $id, $language) = @_;
    return connect_ws("/ws?token=$token&sessionId=$id"
        . ($language ? "&targetLanguage=$language" : ''),
        headers => { %Browser });
}

# 256 ms of speech.
sub app_chunk {
    my ($id, $pcm) = @_;
    return sprintf '{"action":"audioChunk","sessionId":"%s","audioData":"%s",'
        . '"timestamp":%d,"format":"pcm","sampleRate":16000,"channels":1,'
        . '"encoding":"s16le"}', $id, MIME::Base64::encode_base64($pcm, ''),
        now();
}

# The types of what comes until that one; the message itself last.
sub heard_until {
    my ($socket, $type, $filter) = @_;
    my @types;
    while (my $message = $socket->json(undef, 20)) {
        return (@types, $message) if $message->{type} eq $type
            && (!$filter || $filter->($message));
        push @types, $message->{type};
    }
    return (@types, undef);
}

run_tests();

__DATA__

=== TEST 1: the existing speaker, from the click on Start to the end
--- lt_http eval: $::Provider
--- ws
my $token = $::Key->token;
my ($status, @rest) = api(OPTIONS => '/sessions', undef, {
    Origin => $::Browser{Origin}, 'Access-Control-Request-Method' => 'POST',
    'Access-Control-Request-Headers' => 'authorization,content-type' });
is $status, 204, 'the preflight';
like lc $rest[-1]{'access-control-allow-headers'}, qr/authorization/,
    'it may send the token';
my ($made, $session, $headers) = app_post($token);
is $made, 201, 'a session';
is $headers->{'access-control-allow-origin'}, '*', 'that its page may read';
my $id = $session->{sessionId};
like $id, qr/^[a-z]+-[a-z]+-\d{3}\z/, 'in the form that it checks';

my $speaker = app_socket($token, $id);
is $speaker->status, 101, 'its socket';
is $speaker->header('Sec-WebSocket-Extensions'), undef, 'uncompressed';
my $listener = app_socket($::Key->token({ sub => 'bob' }), $id, 'es');

my $sent = '';
for my $n (1 .. 8) {
    my $message = app_chunk($id, pcm(8192, $n));
    is length $message, 11069 + length $id, 'a chunk of its length'
        if $n == 1;
    $speaker->send_text($message);
    $sent .= pcm(8192, $n);
}
$speaker->send_text('{"action":"getSessionStatus"}');
my @heard = heard_until($speaker, 'sessionStatus',
    sub { $_[0]{updateReason} eq 'requested' });
my $answer = pop @heard;
is $answer->{listenerCount}, 1, 'the counter of its page';
is_deeply $answer->{languageDistribution},
    [{ languageCode => 'es', count => 1 }], 'the list that it draws';
is_deeply [grep { $_ ne 'sessionStatus' } @heard], [],
    'no chunk was answered';
ok kinesis()->stored($id, length $sent) eq $sent, 'every byte is in Kinesis';

$speaker->send_text('{"action":"heartbeat","timestamp":' . now() . '}');
@heard = heard_until($speaker, 'heartbeatAck');
ok $heard[-1]{timestamp}, 'the ack that keeps it alive';

# Its Pause and Mute buttons send the wrong one; nothing may come of it.
for (['resumeBroadcast', 'broadcastResumed'],
    ['unmuteBroadcast', 'broadcastUnmuted'])
{
    my ($action, $type) = @$_;
    $speaker->send_text(qq({"action":"$action","timestamp":) . now() . '}');
    @heard = heard_until($speaker, $type);
    is $heard[-1]{broadcastState}{isPaused}, JSON::PP::false,
        "$action changes nothing";
    ok $listener->json($type, 20), "$action: the listener is told";
}
$speaker->send_text(app_chunk($id, "\0" x 8192));
$sent .= "\0" x 8192;
ok kinesis()->stored($id, length $sent) eq $sent, 'silence is audio too';

$speaker->send_text(qq({"action":"endSession","sessionId":"$id",)
    . '"reason":"Speaker ended session"}');
ok +(eventually { (api(GET => "/sessions/$id"))[1]{status} eq 'ended' } 20),
    'the end, at once';
$speaker->send_raw(LT::WebSocket::ws_frame(CLOSE, ''));
@heard = heard_until($listener, 'sessionEnded');
is $heard[-1]{sessionId}, $id, 'and the listener hears of it';
is app_socket($token, $id)->status, 403, 'nobody comes back into it';

=== TEST 2: the existing listener, from Join to the closed tab
--- lt_http eval: $::Provider
--- ws
my $owner = $::Key->token({ sub => 'dave' });
my $id = (app_post($owner))[1]{sessionId};
my $speaker = app_socket($owner, $id);
my $listener = app_socket($::Key->token({ sub => 'bob' }), $id, 'es');
is $listener->status, 101, 'its socket';
is $listener->frame(0.3), undef, 'nothing comes before it has joined';
$listener->send_text(
    qq({"action":"joinSession","sessionId":"$id","targetLanguage":"es"}));
my $joined = $listener->json('sessionJoined', 20);
is $joined->{sessionId}, $id, 'its screen changes';
is $joined->{targetLanguage}, 'es', 'in its language';
$listener->send_text('{"action":"heartbeat","timestamp":' . now() . '}');
ok $listener->json('heartbeatAck', 20), 'the ack that keeps it alive';

my $audio = sub {
    my ($language, $n) = @_;
    return (result({ sessionId => $id }, { language => $language }, {
        type => 'translatedAudio', sessionId => $id, url => 'https://x/1.mp3',
        targetLanguage => $language, language => $language, duration => 2.5,
        timestamp => now(), transcript => 'x', sequenceNumber => $n }))[0];
};
is $audio->('es', 1), 200, 'a clip';
my $heard = $listener->json('translatedAudio', 20);
is $heard->{targetLanguage}, 'es', 'that it plays';
is $heard->{sequenceNumber}, 1, 'in order';

$listener->send_text('{"action":"changeLanguage","targetLanguage":"fr",'
    . '"timestamp":' . now() . '}');
ok $listener->json('languageChanged', 20), 'another language';
is $audio->('fr', 2), 200, 'a clip in it';
$heard = $listener->json('translatedAudio', 20);
is $heard->{targetLanguage}, 'es', 'with the label that it still plays';
is $heard->{language}, 'fr', 'and the true one beside it';
is $audio->('es', 3), 200, 'one in the language that it left';
$speaker->send_json({ action => 'pauseBroadcast' });
is $listener->json(undef, 20)->{type}, 'broadcastPaused',
    'is not for it; the banner of a pause is';
$listener->send_raw(LT::WebSocket::ws_frame(CLOSE,
    LT::WebSocket::ws_close_body(1001)));
is +($listener->closed(20))[0], 1001, 'the tab is closed';
ok +(eventually { (api(GET => "/sessions/$id"))[1]{listenerCount} == 0 } 20),
    'and nobody is counted';

=== TEST 3: a token may expire while its speaker speaks
--- lt_http eval: $::Provider
--- ws
my $token = $::Key->token({ sub => 'erin', exp => time + 3 });
my $id = (app_post($token))[1]{sessionId};
my $speaker = app_socket($token, $id);
is $speaker->status, 101, 'still good';
ok +(eventually { (app_post($token))[0] == 401 } 20), 'now it has not';
$speaker->send_text(app_chunk($id, pcm(8192)));
ok kinesis()->stored($id, 8192) eq pcm(8192), 'and its audio goes on';
$speaker->send_text('{"action":"getSessionStatus"}');
ok $speaker->json('sessionStatus', 20), 'as does all else';

=== TEST 4: three attempts for one click make one session
--- lt_http eval: $::Provider
--- ws
my $token = $::Key->token({ sub => 'carol' });
my %id = map { (app_post($token))[1]{sessionId} => 1 } 1 .. 3;
is keys %id, 1, 'one session';
isnt +(app_post($::Key->token({ sub => 'bob' })))[1]{sessionId},
    (keys %id)[0], "another's click, another session";
my ($first) = keys %id;
is +(api(DELETE => "/sessions/$first", undef,
    { Authorization => "Bearer $token" }))[0], 204, 'it ends';
my @again = map { (app_post($token))[1] } 1 .. 3;
isnt $again[0]{sessionId}, $first, 'a click after that is another one';
is $_->{status}, 'active', 'with a session that can be used' for @again;
is $again[$_]{sessionId}, $again[0]{sessionId}, 'and again one for three'
    for 1, 2;

=== TEST 5: an app that missed one ack sends no heartbeat any more, and is kept
--- lt_http eval: "$::Provider\nlt_idle_timeout 3s;"
--- ws
my $id = (app_post($::Key->token({ sub => 'frank' })))[1]{sessionId};
my $listener = app_socket($::Key->token({ sub => 'bob' }), $id, 'es');
my $silent = app_socket($::Key->token({ sub => 'bob' }), $id, 'fr');
for my $n (1 .. 10) {
    select undef, undef, undef, 0.5;
    result({ sessionId => $id }, { language => 'es' }, {
        type => 'translatedAudio', sessionId => $id, targetLanguage => 'es',
        url => 'https://x/1.mp3', sequenceNumber => $n });
}
is scalar(grep { $listener->json('translatedAudio', 20) } 1 .. 10), 10,
    'what it is told keeps it';
ok alive($listener), 'and it is still served';
is +($silent->closed(20))[0], 1001,
    'who neither says nor hears anything is not kept';

=== TEST 6: the ack comes whatever has become of the session
--- lt_http eval: $::Provider
--- ws
my $token = $::Key->token({ sub => 'grace' });
my $id = (app_post($token))[1]{sessionId};
my @here = (app_socket($token, $id), app_socket($token, $id, 'es'));
redis()->command(DEL => map { "lt:{$id}:$_" } qw(session listeners languages));
ok alive($_), 'its record is gone' for @here;
redis()->stop;
ok alive($_), 'Redis is gone' for @here;
redis()->start;
