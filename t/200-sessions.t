use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# POST /sessions, GET /sessions/{id}, GET /health, and CORS on all answers.

run_tests();

__DATA__

=== TEST 1: a session is created
--- ws
my ($status, $data, $headers) = api(POST => '/sessions',
    '{"sourceLanguage":"en","qualityTier":"standard"}');
is $status, 201, 'created';
like $data->{sessionId}, qr/^[a-z]+-[a-z]+-\d{3}\z/, 'the id';
is $data->{sourceLanguage}, 'en', 'the language';
is $data->{qualityTier}, 'standard', 'the tier';
is $data->{status}, 'active', 'the status';
is $data->{listenerCount}, 0, 'no listeners';
like $data->{speakerToken}, qr/^[\w-]{43}\z/, '32 bytes as base64url';
ok length $data->{speakerId}, 'an owner';
cmp_ok abs($data->{createdAt} / 1000 - time), '<', 60, 'created now, ms';
is $data->{updatedAt}, $data->{createdAt}, 'updated then';
cmp_ok abs($data->{expiresAt} - time - 86400), '<', 60, 'a day, seconds';
like $headers->{'content-type'}, qr{^application/json}, 'JSON';
is $headers->{'access-control-allow-origin'}, '*', 'CORS';
$LT::Suite::secrets{$data->{speakerToken}} = 1;

=== TEST 2: numbers are numbers
--- request
POST /sessions
{"sourceLanguage":"de"}
--- more_headers
Content-Type: application/json
--- error_code: 201
--- response_body_like: "listenerCount": ?0,?.*
--- raw_response_headers_like: Access-Control-Allow-Origin: \*

=== TEST 3: the tier is optional, fields in any order, others ignored
--- ws
for my $body ('{"sourceLanguage":"es"}',
    '{"qualityTier":"premium","sourceLanguage":"es"}',
    ' { "x":[1,{"y":null}], "sourceLanguage" : "es" } ')
{
    my ($status, $data) = api(POST => '/sessions', $body);
    is $status, 201, $body;
}
is +(api(POST => '/sessions', '{"sourceLanguage":"en"}'))[1]{qualityTier},
    'standard', 'the default';

=== TEST 4: all source languages
--- ws
for (qw(en es fr de it pt ru ja ko zh ar hi nl pl tr sv da no fi)) {
    is +(api(POST => '/sessions', { sourceLanguage => $_ }))[0], 201, $_;
}

=== TEST 5: what is refused
--- ws
my @refused = (
    ['', 'no body'], ['{', 'not JSON'], ['[]', 'not an object'],
    ['"en"', 'a string'], ['null', 'null'], ['{}', 'no language'],
    ['{"sourceLanguage":"xx"}', 'unknown language'],
    ['{"sourceLanguage":"EN"}', 'upper case'],
    ['{"sourceLanguage":5}', 'a number'],
    ['{"sourceLanguage":null}', 'a null'],
    ['{"sourceLanguage":"en","qualityTier":"best"}', 'unknown tier'],
    ['{"sourceLanguage":"en","qualityTier":1}', 'tier a number'],
    ["{\"sourceLanguage\":\"e\xff\"}", 'not UTF-8'],
    (map { [qq({"sourceLanguage":"en",$_}), $_] }
        '"vocabulary":""', '"vocabulary":"a b"', '"vocabulary":["a"]',
        '"vocabulary":"' . 'v' x 201 . '"', '"vocabulary":"a\\u000ab"',
        '"terminology":"a.b"', '"terminology":7',
        '"terminology":"' . 't' x 257 . '"', '"lexicons":"a"', '"lexicons":[]',
        '"lexicons":["a","b","c","d","e","f"]', '"lexicons":["a b"]',
        '"lexicons":["a",1]', '"lexicons":["' . 'l' x 21 . '"]',
        '"maxCostPerHour":0', '"maxCostPerHour":-1', '"maxCostPerHour":"5"',
        '"maxCostPerHour":1000001', '"maxCostPerHour":null'),
    ['{"sourceLanguage":"en"}x', 'something behind'],
    ['[' x 500, 'deeply nested'],
);
for (@refused) {
    my ($body, $what) = @$_;
    my ($status, $data, $headers) = api(POST => '/sessions', $body);
    is $status, 400, "$what: status";
    is $data->{type}, 'error', "$what: type";
    like $data->{code}, qr/^[A-Z_]+\z/, "$what: a code";
    like $data->{message}, qr/\w+ \w+/, "$what: a message for people";
    is $data->{error}, $data->{message}, "$what: and for the old field";
    is $headers->{'access-control-allow-origin'}, '*', "$what: CORS";
}

=== TEST 6: a body that is too large
--- request eval
"POST /sessions\n{\"x\":\"" . 'x' x 100_000 . '"}'
--- error_code: 413
--- raw_response_headers_like: Access-Control-Allow-Origin: \*

=== TEST 7: the preflight of a browser
--- request
OPTIONS /sessions
--- more_headers
Origin: http://somewhere
Access-Control-Request-Method: POST
Access-Control-Request-Headers: authorization,content-type
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: *
Access-Control-Max-Age: 3600
--- raw_response_headers_like
(?i)(?=.*Access-Control-Allow-Methods:[^\n]*POST)(?=.*Access-Control-Allow-Headers:[^\n]*Content-Type)(?=.*Access-Control-Allow-Headers:[^\n]*Authorization)

=== TEST 8: other methods
--- ws
for (qw(PUT TRACE)) {
    my ($status, undef, $headers) = api($_ => '/sessions', '{}');
    like $status, qr/^40[45]$/, $_;
}

=== TEST 9: a session is read, without its secrets
--- ws
my $session = session(sourceLanguage => 'fr');
my ($status, $data, $headers)
    = api(GET => "/sessions/$session->{sessionId}");
is $status, 200, 'found';
is $data->{$_}, $session->{$_}, $_ for qw(sessionId sourceLanguage status
    qualityTier createdAt expiresAt listenerCount);
is_deeply [grep { /token|key|connection|epoch/i } keys %$data], [],
    'no secret';
is $headers->{'access-control-allow-origin'}, '*', 'CORS';
listener($session, 'es');

=== TEST 10: the number of listeners is there
--- ws
my $session = session();
my @here = map { listener($session, $_) } qw(es es fr);
is +(api(GET => "/sessions/$session->{sessionId}"))[1]{listenerCount}, 3,
    'three';
is @here, 3, 'and they stay';

=== TEST 11: sessions that are not there
--- ws
for ('nosuch-talk-123', 'x', 'good-talk-123/more', 'Good-Talk-123',
    "a-b-123%0A", 'a' x 2000)
{
    my ($status, $data, $headers) = api(GET => "/sessions/$_");
    my $short = substr $_, 0, 30;
    like $status, qr/^40[04]$/, "$short: status";
    like $data->{message} // '', qr/\w+ \w+/, "$short: a message";
    is $headers->{'access-control-allow-origin'}, '*', "$short: CORS";
}
my ($status, $data) = api(GET => '/sessions/nosuch-talk-123');
is $status, 404, 'not found';
is $data->{code}, 'SESSION_NOT_FOUND', 'its code';

=== TEST 12: ids do not repeat, tokens neither
--- ws
my @sessions = map { session() } 1 .. 100;
my %id = map { $_->{sessionId} => 1 } @sessions;
my %token = map { $_->{speakerToken} => 1 } @sessions;
is keys %id, 100, 'a hundred ids';
is keys %token, 100, 'a hundred tokens';

=== TEST 13: Redis holds a hash of the token, not the token
--- ws
my $session = session();
my %record = @{redis()->command(HGETALL =>
    "lt:{$session->{sessionId}}:session")};
require Digest::SHA;
is $record{speakerKey}, Digest::SHA::sha256_hex($session->{speakerToken}),
    'the hash';
ok !(grep { $_ eq $session->{speakerToken} } %record), 'not the token';
my $ttl = redis()->command(TTL => "lt:{$session->{sessionId}}:session");
cmp_ok abs($ttl - 86400), '<', 60, 'it expires';

=== TEST 14: an existing session is never overwritten
--- ws
my $session = session();
my $key = "lt:{$session->{sessionId}}:session";
my $before = redis()->command(HGET => $key, 'speakerKey');
session() for 1 .. 30;
is redis()->command(HGET => $key, 'speakerKey'), $before, 'as it was';

=== TEST 15: health
--- request
GET /health
--- response_body_like: "status": ?"healthy"
--- raw_response_headers_like: Access-Control-Allow-Origin: \*

=== TEST 16: a client that leaves before the answer
--- ws
for (1 .. 20) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);
    syswrite $socket, "POST /sessions HTTP/1.1\r\nHost: x\r\n"
        . "Content-Length: 23\r\n\r\n{\"sourceLanguage\":\"en\"}";
    setsockopt $socket, IO::Socket::SOL_SOCKET(), IO::Socket::SO_LINGER(),
        pack 'll', 1, 0 if $_ % 2;
    close $socket;
}
is +(api(GET => '/health'))[0], 200, 'nginx is well';

=== TEST 17: what is wished of the AWS services is kept for the worker
--- ws
my ($status, $data) = api(POST => '/sessions', {
    sourceLanguage => 'en', vocabulary => 'Names_2026.v-1',
    terminology => 'water-terms_2', lexicons => ['one', 'TWO2'],
    maxCostPerHour => 12.5 });
is $status, 201, 'created';
my %record = @{redis()->command(HGETALL => "lt:{$data->{sessionId}}:session")};
is_deeply [@record{qw(vocabulary terminology lexicons maxCostPerHour)}],
    ['Names_2026.v-1', 'water-terms_2', 'one TWO2', '12.500'], 'all of it';
my $other = session();
is redis()->command(HGET => "lt:{$other->{sessionId}}:session", 'vocabulary'),
    undef, 'nothing, where nothing is wished';
my (undef, $read) = api(GET => "/sessions/$data->{sessionId}");
is_deeply [grep { exists $read->{$_} }
    qw(vocabulary terminology lexicons maxCostPerHour)], [],
    'anybody may read the session, not that';
