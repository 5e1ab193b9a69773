use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::WebSocket qw(ws_frame ws_parse TEXT BINARY PING);
use Protocol::WebSocket::Client;
use Protocol::WebSocket::Frame;

# Our codec against one that is not ours, and that one against nginx.

for my $length (0, 1, 125 .. 128, 65535, 65536) {
    my $payload = 'x' x $length;
    my $theirs = Protocol::WebSocket::Frame->new(max_payload_size => 1 << 20);
    $theirs->append(ws_frame(BINARY, $payload));
    is $theirs->next_bytes, $payload, "ours read by theirs: $length";
    my $bytes = Protocol::WebSocket::Frame->new(buffer => $payload,
        type => 'binary', max_payload_size => 1 << 20)->to_bytes;
    my $frame = ws_parse(\$bytes);
    is length $frame->{payload}, $length, "theirs read by ours: $length";
    is $bytes, '', "to the last byte: $length";
}

run_tests();

__DATA__

=== TEST 1: a client from elsewhere
--- ws
my $session = session();
my $port = $Test::Nginx::Util::ServerPortForClient;
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $port);
my $client = Protocol::WebSocket::Client->new(url =>
    "ws://127.0.0.1:$port/ws?token=$session->{speakerToken}"
    . "&sessionId=$session->{sessionId}");
my ($connected, $error, @got);
$client->on(write => sub { syswrite $socket, $_[1] });
$client->on(connect => sub { $connected = 1 });
$client->on(error => sub { $error = $_[1] });
$client->on(read => sub { push @got, $_[1] });
$client->connect;
my $pump = sub {
    my ($done) = @_;
    my $select = IO::Select->new($socket);
    while (!$done->() && $select->can_read(5)) {
        sysread $socket, my $bytes, 4096 or last;
        $client->read($bytes);
    }
};
$pump->(sub { $connected || $error });
ok $connected, 'it takes our handshake';
is $error, undef, 'without an error';
$client->write('{"action":"heartbeat"}');
$pump->(sub { @got });
is json_of($got[0])->{type}, 'heartbeatAck', 'and our frames';
$client->write(Protocol::WebSocket::Frame->new(buffer => pcm(8192),
    type => 'binary', masked => 1));
is length kinesis()->stored($session->{sessionId}, 8192), 8192,
    'its audio arrives';
