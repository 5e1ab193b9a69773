use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::WebSocket qw(ws_frame ws_close_body CONTINUATION TEXT BINARY CLOSE PING
    PONG);

# RFC 6455 sections 5 to 8, from the outside.

our $Beat = '{"action":"heartbeat"}';
run_tests();

__DATA__

=== TEST 1: fragments, an empty one among them
--- ws
my $socket = speaker(session());
$socket->send_frame(TEXT, substr($main::Beat, 0, 5), fin => 0);
$socket->send_frame(CONTINUATION, '', fin => 0);
$socket->send_frame(CONTINUATION, substr($main::Beat, 5, 7), fin => 0);
$socket->send_frame(CONTINUATION, substr($main::Beat, 12));
ok $socket->json('heartbeatAck'), 'joined';

=== TEST 2: a ping between fragments
--- ws
my $socket = speaker(session());
$socket->send_frame(TEXT, substr($main::Beat, 0, 5), fin => 0);
$socket->send_frame(PING, 'between');
my $pong = $socket->frame;
is $pong->{opcode}, PONG, 'the pong comes first';
is $pong->{payload}, 'between', 'with its payload';
$socket->send_frame(CONTINUATION, substr($main::Beat, 5));
ok $socket->json('heartbeatAck'), 'then the message is complete';

=== TEST 3: byte by byte
--- ws
my $socket = speaker(session());
$socket->send_raw($_) for split //, ws_frame(TEXT, $main::Beat)
    . ws_frame(PING, 'x' x 125);
ok $socket->json('heartbeatAck'), 'the message';
is $socket->frame->{payload}, 'x' x 125, 'the longest ping';

=== TEST 4: what the server sends is whole and not masked
--- ws
my $socket = speaker(session());
$socket->send_text($main::Beat);
my $frame = $socket->frame;
is $frame->{masked}, 0, 'not masked';
is $frame->{fin}, 1, 'final';
is $frame->{rsv}, 0, 'no extension bits';
is $frame->{opcode}, TEXT, 'text';

=== TEST 5: a pong that nobody asked for is ignored
--- ws
my $socket = speaker(session());
$socket->send_frame(PONG, 'hello');
$socket->send_frame(PONG, '');
ok alive($socket), 'still there';

=== TEST 6: protocol errors close with 1002
--- ws
my $session = session();
my @sockets;
my %error = (
    'not masked' => ws_frame(TEXT, $main::Beat, mask => undef),
    'ping not masked' => ws_frame(PING, '', mask => undef),
    'rsv1' => ws_frame(TEXT, $main::Beat, rsv => 4),
    'rsv2' => ws_frame(BINARY, 'ab', rsv => 2),
    'rsv3 of a ping' => ws_frame(PING, '', rsv => 1),
    'opcode 3' => ws_frame(3, 'x'),
    'opcode 15' => ws_frame(15, 'x'),
    'ping in pieces' => ws_frame(PING, 'x', fin => 0),
    'ping of 126 bytes' => ws_frame(PING, 'x' x 126),
    'continuation of nothing' => ws_frame(CONTINUATION, 'x'),
    'text in a message' => ws_frame(TEXT, '{', fin => 0)
        . ws_frame(TEXT, '}'),
    'binary in a message' => ws_frame(TEXT, '{', fin => 0)
        . ws_frame(BINARY, '}'),
    'close of one byte' => ws_frame(CLOSE, 'x'),
    'close 999' => ws_frame(CLOSE, ws_close_body(999)),
    'close 1004' => ws_frame(CLOSE, ws_close_body(1004)),
    'close 1005' => ws_frame(CLOSE, ws_close_body(1005)),
    'close 1006' => ws_frame(CLOSE, ws_close_body(1006)),
    'close 1015' => ws_frame(CLOSE, ws_close_body(1015)),
    'close 5000' => ws_frame(CLOSE, ws_close_body(5000)),
    'length with a sign' => pack('CCNN', 0x82, 0xff, 0x80000000, 0)
        . "\1\2\3\4",
);
for my $what (sort keys %error) {
    my $socket = listener($session, 'es');
    $socket->send_raw($error{$what});
    my ($code) = $socket->closed;
    is $code, 1002, $what;
    push @sockets, $socket;
}
is scalar(grep { $_->ended } @sockets), keys %error,
    'and the connections end';

=== TEST 7: text that is not UTF-8 closes with 1007
--- ws
my $session = session();
my %error = (
    'a lone byte' => ws_frame(TEXT, "\"\xff\""),
    'cut at the end' => ws_frame(TEXT, "\"\xe2\x82"),
    'too long a form' => ws_frame(TEXT, "\xc0\xaf"),
    'a surrogate' => ws_frame(TEXT, "\xed\xa0\x80"),
    'beyond Unicode' => ws_frame(TEXT, "\xf4\x90\x80\x80"),
    'over two fragments' => ws_frame(TEXT, "\xe2", fin => 0)
        . ws_frame(CONTINUATION, "\x28\xa1"),
);
for my $what (sort keys %error) {
    my $socket = listener($session, 'es');
    $socket->send_raw($error{$what});
    is +($socket->closed)[0], 1007, $what;
}

=== TEST 8: the reason of a close is text as well
--- ws
my $socket = speaker(session());
$socket->send_close(1000, "\xff");
like +($socket->closed)[0], qr/^100[27]$/, 'refused';

=== TEST 9: UTF-8 may be cut anywhere between fragments
--- ws
my $socket = speaker(session());
my $text = "{\"action\":\"heartbeat\",\"x\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}";
my @pieces = split //, $text;
$socket->send_frame(TEXT, shift @pieces, fin => 0);
$socket->send_frame(CONTINUATION, $_, fin => 0) for @pieces;
$socket->send_frame(CONTINUATION, '');
ok $socket->json('heartbeatAck'), 'taken';

=== TEST 10: the largest message, and one byte more
--- lt_http
lt_message_max 4k;
--- ws
my $session = session();
my $socket = speaker($session);
my $fill = 4096 - length '{"action":"heartbeat","x":""}';
$socket->send_text('{"action":"heartbeat","x":"' . 'x' x $fill . '"}');
ok $socket->json('heartbeatAck'), 'the largest is taken';
$socket->send_text('{"action":"heartbeat","x":"' . 'x' x ($fill + 1) . '"}');
my ($code, $reason) = $socket->closed;
is $code, 1009, 'one byte more is not';
like $reason, qr/4096|4k|large|big/, 'and says why';
$socket = speaker($session);
$socket->send_frame(TEXT, 'x' x 3000, fin => 0);
$socket->send_frame(CONTINUATION, 'x' x 1097);
is +($socket->closed)[0], 1009, 'all fragments count';

=== TEST 11: a frame of 1 MB
--- ws
my $socket = speaker(session());
$socket->send_binary("\0" x 1048576);
my ($code, $reason) = $socket->closed;
is $code, 1009, 'closes with 1009';
like $reason, qr/\w+ \w+/, 'and a reason';
ok $socket->ended, 'and ends';

=== TEST 12: a frame that claims 2^62 bytes
--- ws
my $socket = speaker(session());
$socket->send_raw(pack('CCQ>', 0x82, 0xff, 1 << 62) . "\1\2\3\4");
is +($socket->closed)[0], 1009, 'is refused by its header';

=== TEST 13: the close handshake
--- ws
my $session = session();
for ([], [1000], [1001, 'leaving'], [3000], [4999, 'x' x 123]) {
    my $socket = listener($session, 'es');
    $socket->send_close(@$_);
    my ($code) = $socket->closed;
    is $code, $_->[0] // 1005, 'answered with its code';
    ok $socket->ended, 'and the connection ends';
}

=== TEST 14: what comes after a close is not read
--- ws
my $socket = speaker(session());
$socket->send_raw(ws_frame(CLOSE, ws_close_body(1000))
    . ws_frame(TEXT, $main::Beat));
is $socket->frame->{opcode}, CLOSE, 'the close is answered';
is $socket->frame, undef, 'nothing else';
ok $socket->ended, 'and the connection ends';

=== TEST 15: binary garbage
--- ws
my $session = session();
srand 42;
for my $i (1 .. 30) {
    my $socket = $i % 2 ? speaker($session) : listener($session, 'es');
    $socket->send_raw(join '', map { chr int rand 256 } 1 .. 4000);
    $socket->closed(0.2);
    $socket->drop($i % 3 == 0);
}
ok alive(listener($session, 'es')), 'nginx is well';

=== TEST 16: clients that vanish in the middle of things
--- ws
my $session = session();
my @half = (
    substr(ws_frame(TEXT, $main::Beat), 0, 1),
    substr(ws_frame(TEXT, $main::Beat), 0, 4),
    substr(ws_frame(TEXT, $main::Beat), 0, 20),
    ws_frame(TEXT, '{', fin => 0),
    ws_frame(CLOSE, ''),
    ws_frame(TEXT, $main::Beat) x 50,
    ws_frame(BINARY, "\0" x 8192) x 4,
    '',
);
for my $bytes (@half) {
    for my $reset (0, 1) {
        for my $socket (speaker($session), listener($session, 'es')) {
            $socket->send_raw($bytes);
            $socket->drop($reset);
        }
    }
}
ok alive(listener($session, 'es')), 'nginx is well';
ok eventually { counters()->{sockets_listener} <= 1
    && counters()->{sockets_speaker} == 0 }, 'no socket is left over';

=== TEST 17: a speaker who reads nothing does not hold up others
--- ws
my $session = session();
my $deaf = speaker($session);
$deaf->send_text($main::Beat) for 1 .. 2000;
ok alive(listener($session, 'es')), 'others are served';

=== TEST 18: silence ends a socket, traffic either way does not
--- lt_http
lt_idle_timeout 1s;
--- ws
my $session = session();
my ($silent, $busy) = (listener($session, 'es'), speaker($session));
for (1 .. 6) {
    select undef, undef, undef, 0.4;
    $busy->send_frame(PONG, '');
}
ok defined +($silent->closed(3))[0], 'the silent one is closed';
ok alive($busy), 'the other one is not';
