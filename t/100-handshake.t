use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# The upgrade: RFC 6455 section 4.2, then docs/protocol/ in its order.

run_tests();

__DATA__

=== TEST 1: a speaker is upgraded
--- ws
my $socket = speaker(session(), headers => {
    'Sec-WebSocket-Extensions' => 'permessage-deflate',
    'Sec-WebSocket-Protocol' => 'chat' });
is $socket->header('Sec-WebSocket-Accept'), $LT::WebSocket::Accept,
    'the accept key is that of RFC 6455';
is lc $socket->header('Upgrade'), 'websocket', 'Upgrade';
is lc $socket->header('Connection'), 'upgrade', 'Connection';
is $socket->header('Sec-WebSocket-Extensions'), undef, 'no extension';
is $socket->header('Sec-WebSocket-Protocol'), undef, 'no subprotocol';
is $socket->frame(0.3), undef, 'nothing is pushed on connect';
ok alive($socket), 'and it works';

=== TEST 2: a listener is upgraded, header values in any case and list
--- ws
my $session = session();
my $socket = connect_ws(
    "/ws?sessionId=$session->{sessionId}&targetLanguage=es", headers => {
        Upgrade => 'WebSocket', Connection => 'keep-alive, upgrade' });
is $socket->status, 101, 'upgraded';
ok alive($socket), 'and it works';

=== TEST 3: frames right behind the request are not lost
--- ws
my $socket = speaker(session(), behind =>
    join '', map { LT::WebSocket::ws_frame(LT::WebSocket::TEXT,
        '{"action":"heartbeat"}') } 1 .. 3);
ok $socket->json('heartbeatAck'), "answer $_" for 1 .. 3;

=== TEST 4: what is no upgrade, or not ours
--- ws
my $key = 'Sec-WebSocket-Key';
my @refused = (
    ['no upgrade at all', 426, Upgrade => undef, Connection => undef,
        'Sec-WebSocket-Version' => undef, $key => undef],
    ['another protocol', 426, Upgrade => 'h2c'],
    ['an old version', 426, 'Sec-WebSocket-Version' => 8],
    ['no key', 400, $key => undef],
    ['a key of 15 bytes', 400, $key => 'dGhlIHNhbXBsZSBub25j'],
    ['a key that is not base64', 400, $key => 'dGhlIHNhbXBsZSBub25jZ*=='],
);
for (@refused) {
    my ($what, $status, %header) = @$_;
    my $socket = connect_ws('/ws?sessionId=good-talk-123',
        headers => \%header);
    is $socket->status, $status, $what;
    next if $status != 426;
    is $socket->header('Upgrade'), 'websocket', "$what: told what we speak";
    is $socket->header('Sec-WebSocket-Version'), 13, "$what: which version"
        if $header{'Sec-WebSocket-Version'};
}

=== TEST 5: only GET upgrades
--- request
POST /ws?sessionId=good-talk-123
--- more_headers
Upgrade: websocket
Connection: Upgrade, close
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
--- error_code: 405

=== TEST 6: HTTP/1.0 cannot upgrade
--- raw_request eval
"GET /ws?sessionId=good-talk-123 HTTP/1.0\r\nHost: x\r\nUpgrade: websocket\r\n"
. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
--- error_code: 426

=== TEST 7: what a query may lack, in the order of the contract
--- ws
my $session = session();
my $id = $session->{sessionId};
my @refused = (
    ['', 400, 'MISSING_SESSION_ID'],
    ['?sessionId=&targetLanguage=es', 400, 'MISSING_SESSION_ID'],
    ['?sessionId=%20%20&targetLanguage=es', 400, 'MISSING_SESSION_ID'],
    ['?sessionId=Good-Talk-123', 400, 'INVALID_SESSION_ID'],
    ['?sessionId=good-talk-12', 400, 'INVALID_SESSION_ID'],
    ['?sessionId=good-talk-123%0A4', 400, 'INVALID_SESSION_ID'],
    ['?sessionId=good-talk-1234', 400, 'INVALID_SESSION_ID'],
    ['?sessionId=' . 'a' x 3000 . '-b-123', 400, 'INVALID_SESSION_ID'],
    ['?sessionId=zz%00-talk-123', 400, 'INVALID_SESSION_ID'],
    ['?sessionId=nosuch-talk-000&targetLanguage=xx', 404,
        'SESSION_NOT_FOUND'],
    ["?sessionId=$id", 400, 'MISSING_TARGET_LANGUAGE'],
    ["?sessionId=$id&targetLanguage=", 400, 'MISSING_TARGET_LANGUAGE'],
    ["?sessionId=$id&targetLanguage=%20", 400, 'MISSING_TARGET_LANGUAGE'],
    ["?sessionId=$id&targetLanguage=ES", 400, 'INVALID_TARGET_LANGUAGE'],
    ["?sessionId=$id&targetLanguage=esp", 400, 'INVALID_TARGET_LANGUAGE'],
    ["?sessionId=$id&targetLanguage=e%22", 400, 'INVALID_TARGET_LANGUAGE'],
    ["?sessionId=$id&targetLanguage=es&captions=all", 400, 'INVALID_PARAMETER'],
    ["?sessionId=$id&targetLanguage=es&captions=live,only", 400, 'INVALID_PARAMETER'],
    ["?sessionId=$id&targetLanguage=es&captions=only%00", 400, 'INVALID_PARAMETER'],
    ["?sessionId=$id&targetLanguage=xx", 400, 'UNSUPPORTED_LANGUAGE'],
    ["?token=wrong&sessionId=$id", 401, 'UNAUTHORIZED'],
    ["?token=$session->{speakerToken}x&sessionId=$id", 401, 'UNAUTHORIZED'],
);
for (@refused) {
    my ($query, $status, $code) = @$_;
    my $socket = connect_ws("/ws$query");
    my $short = substr $query =~ s/token=[^&]*/token=…/r, 0, 60;
    is $socket->status, $status, "$short: status";
    my $error = $socket->error;
    is $error->{code}, $code, "$short: code";
    is $error->{type}, 'error', "$short: type";
    like $error->{message}, qr/\w+ \w+/, "$short: a message for people";
    cmp_ok abs($error->{timestamp} / 1000 - time), '<', 60,
        "$short: the time in ms";
    like $socket->header('Content-Type'), qr{^application/json},
        "$short: JSON";
    is $socket->header('Access-Control-Allow-Origin'), '*', "$short: CORS";
}
is connect_ws("/ws?sessionId=$id&targetLanguage=xx")->error
    ->{details}{languageCode}, 'xx', 'the language is named';

=== TEST 8: an ended session is refused
--- lt_http
lt_end_grace 1s;
--- ws
my $session = session();
my $socket = speaker($session);
$socket->send_json({ action => 'endSession' });
my $again = eventually {
    my $try = connect_ws(
        "/ws?sessionId=$session->{sessionId}&targetLanguage=es");
    $try->status != 101 && $try;
};
is $again->status, 403, 'status';
is $again->error->{code}, 'SESSION_INACTIVE', 'code';

=== TEST 9: targetLanguage makes a listener, even of the owner
--- ws
my $session = session();
my $socket = connect_ws("/ws?token=$session->{speakerToken}"
    . "&sessionId=$session->{sessionId}&targetLanguage=fr");
is $socket->status, 101, 'upgraded';
$socket->send_json({ action => 'getSessionStatus' });
is $socket->json('error')->{code}, 'UNAUTHORIZED_ACTION', 'not a speaker';

=== TEST 10: the token in a header
--- ws
my $session = session();
my $socket = connect_ws("/ws?sessionId=$session->{sessionId}", headers => {
    Authorization => "Bearer $session->{speakerToken}" });
is $socket->status, 101, 'upgraded';
$socket->send_json({ action => 'getSessionStatus' });
ok $socket->json('sessionStatus'), 'as the speaker';

=== TEST 11: a token of another session is of no use
--- ws
my ($mine, $other) = (session(), session());
my $socket = connect_ws("/ws?token=$mine->{speakerToken}"
    . "&sessionId=$other->{sessionId}");
is $socket->status, 401, 'refused';

=== TEST 12: a listener with a broken token is anonymous
--- ws
my $session = session();
is connect_ws("/ws?token=broken&sessionId=$session->{sessionId}"
    . '&targetLanguage=de')->status, 101, 'upgraded';

=== TEST 13: the ten languages of the apps, and the source language itself
--- ws
my $session = session();
is connect_ws("/ws?sessionId=$session->{sessionId}&targetLanguage=$_")
    ->status, 101, $_ for qw(en es fr de it pt ja ko zh ar);

=== TEST 14: clients that leave in the middle of the upgrade
--- ws
my $session = session();
for my $cut (5, 40, 120, 180) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);
    my $head = "GET /ws?sessionId=$session->{sessionId}&targetLanguage=es "
        . "HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade"
        . "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        . "$LT::WebSocket::Key\r\n\r\n";
    syswrite $socket, substr $head, 0, $cut;
    close $socket;
}
for (1 .. 20) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);
    syswrite $socket, "GET /ws?sessionId=$session->{sessionId}"
        . "&targetLanguage=es HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        . "Sec-WebSocket-Key: $LT::WebSocket::Key\r\n\r\n";
    setsockopt $socket, IO::Socket::SOL_SOCKET(), IO::Socket::SO_LINGER(),
        pack 'll', 1, 0 if $_ % 2;
    close $socket;
}
ok alive(speaker($session)), 'nginx is well';
is eventually { counters()->{sockets_listener} == 0 }, 1,
    'no listener is left over';
is redis()->command(HLEN => "lt:{$session->{sessionId}}:listeners"), 0,
    'nor in Redis';
