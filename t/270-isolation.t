use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::Jwt;

# With ids and tokens of his own nobody speaks into another session, listens
# to it, ends it, or changes what is counted of it.  Two worker processes, so
# that what crosses Redis is tried too.

workers(2);

our $Jwks = "$LT::Env::Dir/jwks.json";
our $Key = LT::Jwt->new(kid => 'k1', type => 'ES256');
our $Provider = <<"END";
lt_jwt_jwks_file $Jwks;
lt_jwt_issuer $Issuer;
lt_jwt_audience $Client;
END
write_jwks($Jwks, $Key);

# All that Redis holds of a session.
sub all_of {
    my ($session) = @_;
    my $id = $session->{sessionId};
    return { map { my $key = "lt:{$id}:$_";
        $_ => { @{redis()->command(HGETALL => $key)} } }
        qw(session listeners languages) };
}

# Two talks with a speaker and a listener each; what happens in the first must
# not be noticed in the second.
sub two_talks {
    my ($mine, $other) = (session(), session());
    my %talk = (mine => $mine, other => $other,
        speaker => speaker($mine), listener => listener($mine, 'es'),
        victim_speaker => speaker($other),
        victim_listener => listener($other, 'es'));
    eventually { $talk{victim_speaker}->json('sessionStatus', 0.1) } 20;
    settle($talk{$_}) for qw(victim_speaker victim_listener);
    $talk{before} = all_of($other);
    return \%talk;
}

# Reads what is on its way.
sub settle {
    my ($socket) = @_;
    while ($socket->frame(1.3)) { }
}

sub nothing_happened {
    my ($talk, $what) = @_;
    for (qw(victim_speaker victim_listener)) {
        my $socket = $talk->{$_};
        $socket->send_json({ action => 'heartbeat' });
        my $first = $socket->json(undef, 20) // {};
        is $first->{type}, 'heartbeatAck', "$what: the other's $_ hears nothing";
    }
    is_deeply all_of($talk->{other}), $talk->{before},
        "$what: nothing of it has changed";
    is join('', kinesis()->records($talk->{other}{sessionId})), '',
        "$what: nobody has spoken in it";
}

run_tests();

__DATA__

=== TEST 1: a speaker who names another session in every message
--- lt_http
lt_control_rate 0;
--- ws
my $talk = two_talks();
my $id = $talk->{other}{sessionId};
my %names = (sessionId => $id, session_id => $id, connectionId => 'x',
    role => 'speaker', speakerId => $talk->{other}{speakerId});
my $pcm = pcm(8192, 7);
$talk->{speaker}->send_text(chunk($talk->{other}, $pcm));
for (['pauseBroadcast'], ['muteBroadcast'], ['resumeBroadcast'],
    ['unmuteBroadcast'], ['setVolume', volumeLevel => 0.1],
    ['speakerStateChange', state => { volume => 0.2 }],
    ['createSession', sourceLanguage => 'fr'], ['getSessionStatus'],
    ['refreshConnection'], ['joinSession', targetLanguage => 'es'],
    ['changeLanguage', targetLanguage => 'fr'])
{
    my ($action, @fields) = @$_;
    $talk->{speaker}->send_json({ action => $action, %names, @fields });
}
$talk->{speaker}->send_json({ action => 'heartbeat', %names });
my (%about, %code);
while (my $message = $talk->{speaker}->json(undef, 20)) {
    $about{$message->{sessionId}}++ if $message->{sessionId};
    $code{$message->{code}}++ if $message->{code};
    last if $message->{type} eq 'heartbeatAck';
}
ok !$about{$id}, 'no answer is about it';
is $code{FORBIDDEN}, 1, 'a refresh as somebody else is refused';
is $code{UNAUTHORIZED_ACTION}, 2, 'what listeners do as well';
is kinesis()->stored($talk->{mine}{sessionId}, 8192), $pcm,
    'what he says is said in his own';
nothing_happened($talk, 'all actions');

$talk->{speaker}->send_json({ action => 'endSession', %names });
ok +(eventually { (api(GET => "/sessions/$talk->{mine}{sessionId}"))[1]{status}
    eq 'ended' } 20), 'he has ended his own';
nothing_happened($talk, 'endSession');

=== TEST 2: a listener who names another session or role in every message
--- lt_http
lt_control_rate 0;
--- ws
my $talk = two_talks();
my $id = $talk->{other}{sessionId};
my $listener = $talk->{listener};
for my $action (qw(joinSession refreshConnection changeLanguage pausePlayback
    endSession pauseBroadcast getSessionStatus setVolume createSession
    speakerStateChange audioChunk))
{
    $listener->send_json({ action => $action, sessionId => $id,
        role => 'speaker', targetLanguage => 'fr', volumeLevel => 0,
        sourceLanguage => 'en', state => { isPaused => JSON::PP::true },
        audioData => MIME::Base64::encode_base64(pcm(320), '') });
}
$listener->send_binary(pcm(320));
$listener->send_json({ action => 'heartbeat' });
my ($about, %code) = (0);
while (my $message = $listener->json(undef, 20)) {
    $about++ if ($message->{sessionId} // '') eq $id;
    $code{$message->{code}}++ if $message->{code};
    last if $message->{type} eq 'heartbeatAck';
}
is $about, 0, 'no answer is about it';
is $code{UNAUTHORIZED_ACTION}, 8, 'what speakers do is refused';
is $code{INVALID_PARAMETERS}, 1, 'joining it is refused';
is $code{FORBIDDEN}, 1, 'as is being somebody else';
nothing_happened($talk, 'all actions');
result($talk->{other}, { language => $_ }, { type => 'caption',
    text => 'not for you' }) for qw(es fr);
is $listener->json('caption', 1), undef, 'and what is said there is not heard';
is $talk->{victim_listener}->json('caption', 20)->{text}, 'not for you',
    'but by who listens there';

=== TEST 3: the key to one session opens no other
--- ws
my ($mine, $other) = (session(), session());
my ($key, $id) = ($mine->{speakerToken}, $other->{sessionId});
for ("token=$key&sessionId=$id", "sessionId=$id&token=$key",
    "token=$key&sessionId=$id&sessionId=$mine->{sessionId}",
    "token=$key&sessionId=$id&speakerId=$other->{speakerId}",
    'token=' . ('x' x 43) . "&sessionId=$id", "token=*&sessionId=$id",
    "token=$other->{speakerId}&sessionId=$id")
{
    my $socket = connect_ws("/ws?$_");
    is $socket->status, 401, s/\Q$key/…/r;
    is $socket->error->{code}, 'UNAUTHORIZED', 'its code';
}
is connect_ws("/ws?sessionId=$id", headers => {
    Authorization => "Bearer $key" })->status, 401, 'nor in the header';
my $hash = redis()->command(HGET => "lt:{$id}:session", 'speakerKey');
is connect_ws("/ws?token=$hash&sessionId=$id")->status, 401,
    'nor what Redis holds of the right one';
my $both = connect_ws(
    "/ws?token=$key&sessionId=$mine->{sessionId}&sessionId=$id");
is $both->status, 101, 'of two session ids one is meant';
$both->send_json({ action => 'getSessionStatus' });
is $both->json('sessionStatus', 20)->{sessionId}, $mine->{sessionId},
    'the one that the key is for';

=== TEST 4: of who is known by a token: nobody else's session
--- lt_http eval: $::Provider
--- ws
my %token = map { $_ => $::Key->token({ sub => $_ }) } qw(alice bob);
my $make = sub {
    my ($who, $body, $headers) = @_;
    return (api(POST => '/sessions', $body // { sourceLanguage => 'en' },
        { Authorization => "Bearer $token{$who}", %{$headers // {}} }))[1];
};
my $alices = $make->('alice');
my $id = $alices->{sessionId};
my $refused = connect_ws("/ws?token=$token{bob}&sessionId=$id");
is $refused->status, 400, 'bob does not speak in it';
for my $how (['PATCH', { status => 'ended' }], ['DELETE', undef]) {
    my ($status, $data) = api($how->[0] => "/sessions/$id", $how->[1],
        { Authorization => "Bearer $token{bob}" });
    is $status, 403, "$how->[0]: nor does he end it";
    is $data->{code}, 'FORBIDDEN', "$how->[0]: its code";
    ($status) = api($how->[0] => "/sessions/$id?token=$token{bob}",
        $how->[1], { Authorization => "Bearer $token{alice}" });
    is $status, 403, "$how->[0]: the token in the query is the one that counts";
}
my $bobs = $make->('bob', { sourceLanguage => 'en', sessionId => $id,
    speakerId => 'alice', speakerKey => 'x', sub => 'alice' });
isnt $bobs->{sessionId}, $id, 'he does not make it his own';
is $bobs->{speakerId}, 'bob', 'nor his one hers';
my $key = { 'Idempotency-Key' => 'one key that two have guessed' };
isnt $make->('bob', undef, $key)->{sessionId},
    $make->('alice', undef, $key)->{sessionId},
    'nor is he given hers for the same key and body';
is +(api(GET => "/sessions/$id"))[1]{status}, 'active', 'it goes on';
is connect_ws("/ws?token=$token{alice}&sessionId=$id")->status, 101,
    'and alice speaks in it';

=== TEST 5: what a speaker makes on his socket is his as well
--- ws
my ($mine, $other) = (session(), session());
my $speaker = speaker($mine);
$speaker->send_json({ action => 'createSession', sourceLanguage => 'fr',
    sessionId => $other->{sessionId}, speakerId => $other->{speakerId} });
my $id = $speaker->json('sessionCreated', 20)->{sessionId};
isnt $id, $other->{sessionId}, 'a session of its own';
is connect_ws("/ws?token=$mine->{speakerToken}&sessionId=$id")->status, 101,
    'that his key opens';
is connect_ws("/ws?token=$other->{speakerToken}&sessionId=$id")->status, 401,
    "and another's does not";

=== TEST 6: results come from workers only
--- ws
my $talk = two_talks();
my $path = "/lt/results?session=$talk->{other}{sessionId}";
for my $token ($talk->{mine}{speakerToken}, $talk->{other}{speakerToken},
    $talk->{other}{speakerId})
{
    for ("$path&language=es", "$path&to=speaker",
        "$path&event=drained&play_ms=0")
    {
        my ($status) = api(POST => $_, { type => 'sessionEnded' },
            { Authorization => "Bearer $token" });
        is $status, 401, 'refused';
    }
}
nothing_happened($talk, 'results of a speaker');

=== TEST 7: who has been replaced, or has ended the talk, is not heard
--- ws
my $session = session();
my $old = speaker($session);
my $new = speaker($session);
is +($old->closed(20))[0], 4409, 'replaced';
eval { $old->send_binary(pcm(320, 1)) for 1 .. 3 };
ok alive($new), 'by the one that has come';
$new->send_binary(pcm(320, 2));
is kinesis()->stored($session->{sessionId}, 320), pcm(320, 2),
    'whose audio alone is kept';
my $before = counters()->{audio_chunks_silenced};
$new->send_json({ action => 'endSession' });
ok +(eventually { (api(GET => "/sessions/$session->{sessionId}"))[1]{status}
    eq 'ended' } 20), 'the end';
$new->send_binary(pcm(320, 3)) for 1 .. 3;
ok +(eventually { counters()->{audio_chunks_silenced} - $before == 3 } 20),
    'what he says after it is counted';
is join('', kinesis()->records($session->{sessionId})), pcm(320, 2),
    'and not kept';
is connect_ws("/ws?token=$session->{speakerToken}"
    . "&sessionId=$session->{sessionId}")->status, 403,
    'nor does he come back';
