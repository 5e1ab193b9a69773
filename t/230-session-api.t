use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# PATCH and DELETE /sessions/{id}, and the POST that is repeated.

# An owner's call; token undef: without one.
sub owned {
    my ($method, $session, $data, $token) = @_;
    $token = $session->{speakerToken} if @_ < 4;
    $LT::Suite::secrets{$token} = 1 if defined $token;
    return api($method => "/sessions/$session->{sessionId}", $data,
        defined $token ? { Authorization => "Bearer $token" } : {});
}

sub status_of { (api(GET => "/sessions/$_[0]{sessionId}"))[1]{status} }

our $key = 'a-key-of-one-click-' . rand;

run_tests();

__DATA__

=== TEST 1: PATCH changes what it is told, and nothing else
--- ws
my $session = session();
my ($status, $data, $headers) = owned(PATCH => $session,
    { sourceLanguage => 'de' });
is $status, 200, 'changed';
is $data->{sourceLanguage}, 'de', 'the language';
is $data->{$_}, $session->{$_}, $_
    for qw(sessionId speakerId qualityTier status createdAt expiresAt);
cmp_ok $data->{updatedAt}, '>=', $session->{updatedAt}, 'updated';
like JSON::PP::encode_json($data), qr/"createdAt":\d/, 'numbers are numbers';
is $headers->{'access-control-allow-origin'}, '*', 'CORS';
ok !exists $data->{speakerToken}, 'no secret';
($status, $data) = owned(PATCH => $session,
    { qualityTier => 'premium', status => 'active', other => 1 });
is $data->{qualityTier}, 'premium', 'the tier';
is +(api(GET => "/sessions/$session->{sessionId}"))[1]{sourceLanguage}, 'de',
    'and it stays';

=== TEST 2: PATCH with wrong values
--- ws
my $session = session();
for (['{}', 'nothing'], ['{"x":1}', 'nothing known'], ['[]', 'no object'],
    ['{', 'no JSON'], ['', 'no body'], ['{"status":"gone"}', 'status'],
    ['{"status":1}', 'status a number'], ['{"status":null}', 'status null'],
    ['{"sourceLanguage":"xx"}', 'language'],
    ['{"qualityTier":"best"}', 'tier'],
    ['{"qualityTier":"premium","status":"gone"}', 'one of two'])
{
    my ($body, $what) = @$_;
    my ($status, $data, $headers) = owned(PATCH => $session, $body);
    is $status, 400, "$what: 400";
    is $data->{type}, 'error', "$what: an error";
    is $data->{error}, $data->{message}, "$what: in both fields";
    is $headers->{'access-control-allow-origin'}, '*', "$what: CORS";
}
is +(api(GET => "/sessions/$session->{sessionId}"))[1]{qualityTier},
    'standard', 'nothing was changed';
is +(owned(PATCH => $session, '{"x":"' . 'x' x 5000 . '"}'))[0], 413,
    'too large';

=== TEST 3: the order of the checks: token, session, owner, values
--- ws
my ($mine, $other) = (session(), session());
my %gone = (%$mine, sessionId => 'nosuch-talk-123');
for my $method (qw(PATCH DELETE)) {
    my $wrong = $method eq 'PATCH' ? '{"status":"x"}' : undef;
    my ($status, $data) = owned($method, \%gone, $wrong, undef);
    is $status, 401, "$method: no token comes first";
    is $data->{code}, 'UNAUTHORIZED', "$method: its code";
    ($status, $data) = owned($method, \%gone, $wrong);
    is $status, 404, "$method: then the session";
    is $data->{code}, 'SESSION_NOT_FOUND', "$method: its code";
    ($status, $data) = owned($method, $other, $wrong, $mine->{speakerToken});
    is $status, 403, "$method: then the owner";
    is $data->{code}, 'FORBIDDEN', "$method: its code";
    ($status) = owned($method, $other, $wrong, 'x' x 43);
    is $status, 403, "$method: a token of nobody";
}
is status_of($other), 'active', 'nobody has changed the other one';

=== TEST 4: a paused session takes no new sockets, open ones stay
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
is +(owned(PATCH => $session, { status => 'paused' }))[1]{status}, 'paused',
    'paused';
my $refused = connect_ws(
    "/ws?sessionId=$session->{sessionId}&targetLanguage=es");
is $refused->status, 403, 'a listener';
is $refused->error->{code}, 'SESSION_INACTIVE', 'its code';
is connect_ws("/ws?sessionId=$session->{sessionId}"
    . "&token=$session->{speakerToken}")->status, 403, 'a speaker';
ok alive($speaker) && alive($listener), 'those that are open live';
$speaker->send_json({ action => 'muteBroadcast' });
ok $speaker->json('broadcastMuted'), 'and do what they did';
is +(owned(PATCH => $session, { status => 'active' }))[0], 200, 'active';
ok listener($session, 'es'), 'and listeners come again';

=== TEST 5: ended by PATCH
--- lt_http
lt_end_grace 1s;
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
is +(owned(PATCH => $session, { status => 'ended' }))[1]{status}, 'ended',
    'ended';
ok $listener->json('sessionEnded', 5), 'listeners are told';
my ($status, $data) = owned(PATCH => $session, { status => 'active' });
is $status, 409, 'there is no way back';
is $data->{code}, 'SESSION_INACTIVE', 'its code';

=== TEST 6: DELETE
--- lt_http
lt_end_grace 1s;
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
my ($status, @rest) = owned(DELETE => $session);
my $headers = pop @rest;
is $status, 204, 'deleted';
is_deeply \@rest, [], 'no body';
is $headers->{'access-control-allow-origin'}, '*', 'CORS';
is status_of($session), 'ended', 'it has ended';
is connect_ws("/ws?sessionId=$session->{sessionId}&targetLanguage=es")
    ->status, 403, 'nobody may join';
my $ended = $listener->json('sessionEnded', 5);
ok $ended->{message} && $ended->{reason}, 'listeners are told, in both ways';
ok $speaker->json('sessionEnded', 5), 'the speaker too';
is +($listener->closed(8))[0], 1000, 'closed in order';
is +(owned(DELETE => $session))[0], 204, 'once more is no fault';

=== TEST 7: a paused session can be deleted
--- ws
my $session = session();
owned(PATCH => $session, { status => 'paused' });
is +(owned(DELETE => $session))[0], 204, 'deleted';
is status_of($session), 'ended', 'ended';

=== TEST 8: methods
--- ws
my $session = session();
for (['PUT', "/sessions/$session->{sessionId}", 'GET, PATCH, DELETE, OPTIONS'],
    ['POST', "/sessions/$session->{sessionId}", 'GET, PATCH, DELETE, OPTIONS'],
    ['DELETE', '/sessions', 'POST, OPTIONS'],
    ['PATCH', '/sessions', 'POST, OPTIONS'], ['GET', '/sessions',
    'POST, OPTIONS'], ['DELETE', '/health', 'GET, OPTIONS'])
{
    my ($method, $path, $allow) = @$_;
    my ($status, $data, $headers) = api($method => $path);
    is $status, 405, "$method $path: 405";
    is $headers->{allow}, $allow, "$method $path: what is allowed";
    is $headers->{'access-control-allow-origin'}, '*', "$method $path: CORS";
}
my ($status, @rest) = api(OPTIONS => "/sessions/x");
is $status, 204, 'the preflight';
like $rest[-1]{'access-control-allow-methods'}, qr/PATCH, DELETE/, 'methods';

=== TEST 9: a POST that is repeated makes one session
--- ws
my $body = '{"sourceLanguage":"en","qualityTier":"standard"}';
for my $name ('Authorization', 'Idempotency-Key') {
    my $value = $name eq 'Authorization' ? "Bearer $::key" : $::key;
    my @answers = map { [api(POST => '/sessions', $body,
        { $name => $value })] } 1 .. 3;
    is $_->[0], 201, "$name: created" for @answers;
    my $first = $answers[0][1];
    $LT::Suite::secrets{$first->{speakerToken}} = 1;
    is_deeply $_->[1], $first, "$name: the same, with its token" for @answers;
    ok alive(speaker($first)), "$name: and it can be used";
    my ($other, $status);
    (undef, $other) = api(POST => '/sessions',
        '{"sourceLanguage":"de"}', { $name => $value });
    isnt $other->{sessionId}, $first->{sessionId}, "$name: another body";
    (undef, $other) = api(POST => '/sessions', $body,
        { $name => "$value-another" });
    isnt $other->{sessionId}, $first->{sessionId}, "$name: another key";
}
my %id = map { (api(POST => '/sessions', $body))[1]{sessionId} => 1 } 1 .. 3;
is keys %id, 3, 'without either: three';

=== TEST 10: a claim whose session was never made; and one that is nonsense
--- ws
my $body = '{"sourceLanguage":"fr"}';
redis()->command(DEL => @{redis()->command(KEYS => 'lt:created:*')}, 'x');
my (undef, $first) = api(POST => '/sessions', $body,
    { 'Idempotency-Key' => "$::key-10" });
my ($claim) = @{redis()->command(KEYS => 'lt:created:*')};
unlike redis()->command(GET => $claim), qr/\Q$first->{speakerToken}/,
    'the claim does not show the token';
cmp_ok redis()->command(TTL => $claim), '<=', 20, 'for 20 s';
redis()->command(DEL => "lt:{$first->{sessionId}}:session");
my (undef, $again) = api(POST => '/sessions', $body,
    { 'Idempotency-Key' => "$::key-10" });
is $again->{sessionId}, $first->{sessionId}, 'it is made now';
is $again->{speakerToken}, $first->{speakerToken}, 'with the same token';
ok alive(speaker($again)), 'and works';
redis()->command(SET => $claim, $_)
    && is +(api(POST => '/sessions', $body,
        { 'Idempotency-Key' => "$::key-10" }))[0], 500, 'nonsense: 500'
    for 'x', 'x' x 200, "$first->{sessionId} " . 'z' x 81;

=== TEST 11: two at once make one session
--- ws
my $body = '{"sourceLanguage":"en"}';
my @sockets = map {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient) or die;
    $socket;
} 1 .. 8;
syswrite $_, "POST /sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    . "Idempotency-Key: $::key-11\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body" for @sockets;
my %id;
for (@sockets) {
    local $/;
    my ($id) = <$_> =~ /"sessionId":"([^"]+)"/;
    $id{$id // 'none'}++;
}
is_deeply [values %id], [8], 'eight answers, one session';

=== TEST 12: bad keys
--- ws
my $body = '{"sourceLanguage":"en"}';
for ('x', 'x' x 15, 'x' x 256) {
    my ($status, $data) = api(POST => '/sessions', $body,
        { 'Idempotency-Key' => $_ });
    is $status, 400, length($_) . ' characters';
    is $data->{code}, 'INVALID_PARAMETER', 'its code';
}

=== TEST 13: Redis is away
--- ws
my $session = session();
redis()->stop;
select undef, undef, undef, 0.3;
for (qw(PATCH DELETE)) {
    my ($status, $data, $headers) = owned($_, $session, '{"status":"ended"}');
    is $status, 503, "$_: 503";
    is $data->{code}, 'SERVICE_UNAVAILABLE', "$_: its code";
    is $headers->{'access-control-allow-origin'}, '*', "$_: CORS";
}
is +(api(POST => '/sessions', '{"sourceLanguage":"en"}',
    { 'Idempotency-Key' => "$::key-13" }))[0], 503, 'POST: 503';
redis()->start;

=== TEST 14: the age of a session
--- lt_http
lt_session_age 2s;
lt_end_grace 1s;
--- ws
my $session = session();
cmp_ok abs($session->{expiresAt} - time - 2), '<=', 1, 'it says when';
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
is $listener->json('sessionEnded', 1), undef, 'not before';
ok $listener->json('sessionEnded', 6), 'then it ends';
is status_of($session), 'ended', 'for all';
is +($speaker->closed(8))[0], 1000, 'and closes in order';
