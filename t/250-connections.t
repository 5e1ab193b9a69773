use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use Time::HiRes ();

# @connections, as API Gateway has it, over two worker processes.  The
# official clients are in t/e2e/connections.t.mjs.

workers(2);

$LT::Suite::Locations .= <<'END';
    location /prod/ { lt_connections trusted; }
    location /signed/ { lt_connections; }
    location /denied/ { lt_connections trusted; deny all; }
END

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->lt_http // '';
    $block->set_value(lt_http => "$http\n"
        . 'lt_connections_credentials_file $TEST_NGINX_LT_DIR/callers')
        if !defined $block->must_die;
});

open my $out, '>', "$LT::Env::Dir/callers" or die;
print $out "[default]\naws_access_key_id = CALLER\n"
    . "aws_secret_access_key = secret-of-the-caller\n";
close $out;

sub id_of {
    my ($socket) = @_;
    $socket->send_json({ action => 'refreshConnection' });
    return $socket->json('connectionRefreshComplete')->{newConnectionId};
}

# (status, x-amzn-errortype, body)
sub call_api {
    my ($method, $id, $body, $path) = @_;
    $path //= '/prod/@connections/';
    $id =~ s/=/%3D/g;
    my $answer = HTTP::Tiny->new(timeout => 10)->request($method,
        'http://127.0.0.1:' . LT::Suite::port() . "$path$id",
        defined $body ? { content => $body } : {});
    return ($answer->{status}, $answer->{headers}{'x-amzn-errortype'},
        $answer->{content});
}

run_tests();

__DATA__

=== TEST 1: POST reaches sockets of all processes
--- ws
my $session = session();
my @here = (speaker($session), map { listener($session, 'es') } 1 .. 7);
my $before = counters()->{calls_done};
for my $n (0 .. $#here) {
    my $id = id_of($here[$n]);
    for my $round (1 .. 3) {
        my ($status, undef, $body) = call_api(POST => $id,
            qq({"type":"notification","n":$n,"round":$round}));
        is $status, 200, "socket $n: 200";
        is $body, '', 'without a body';
        my $got = $here[$n]->json('notification');
        is "$got->{n} $got->{round}", "$n $round", 'and it arrives';
    }
}
is scalar(grep { my $m = $_->json('notification', 0.1); $m } @here), 0,
    'nobody else gets it';
is counters()->{calls_done} - $before, 24, 'counted';

=== TEST 2: bytes that are no text
--- ws
my $socket = listener(session(), 'es');
my $id = id_of($socket);
call_api(POST => $id, "\xff\x00\xfe");
my $frame = $socket->frame;
is $frame->{opcode}, 2, 'a binary frame';
is $frame->{payload}, "\xff\x00\xfe", 'byte for byte';
call_api(POST => $id, "\xc3\xb1");
is $socket->frame->{opcode}, 1, 'text as text';
is +(call_api(POST => $id, ''))[0], 200, 'nothing is fine too';
is $socket->frame->{payload}, '', 'an empty message';

=== TEST 3: GET tells of the socket
--- ws
my $session = session();
for my $socket (map { listener($session, 'es', headers =>
    { 'User-Agent' => 'a "browser"' }) } 1 .. 6)
{
    my ($status, undef, $body) = call_api(GET => id_of($socket));
    is $status, 200, 'found';
    my $data = json_of($body);
    my $when = qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/;
    like $data->{connectedAt}, $when, 'when it came';
    like $data->{lastActiveAt}, $when, 'when it was heard';
    is $data->{identity}{sourceIp}, '127.0.0.1', 'from where';
    is $data->{identity}{userAgent}, 'a "browser"', 'what it is';
}

=== TEST 4: DELETE closes it, and then it is gone
--- ws
my $session = session();
for my $socket (map { listener($session, 'es') } 1 .. 6) {
    my $id = id_of($socket);
    is +(call_api(DELETE => $id))[0], 204, 'closed';
    is +($socket->closed(3))[0], 1000, 'in order';
    for (qw(POST GET DELETE)) {
        my ($status, $type, $body) = call_api($_ => $id,
            $_ eq 'POST' ? 'x' : undef);
        is $status, 410, "$_: gone";
        is $type, 'GoneException', "$_: in AWS's words";
        like json_of($body)->{message}, qr/\w+ \w+/, "$_: and ours";
    }
}
ok +(eventually { redis()->command(HLEN =>
    "lt:{$session->{sessionId}}:listeners") == 0 }), 'nobody is counted';

=== TEST 5: ids that are none
--- ws
my $id = id_of(listener(session(), 'es'));
substr(my $other = $id, 20, 1) = substr($id, 20, 1) eq 'a' ? 'b' : 'a';
for ('x', 'L0SM9cOFvHcCIhw=', 'A' x 27 . '=', 'A' x 28, 'A' x 5000, $other,
    substr($id, 0, 27), "$id=", 'a-b-123')
{
    my ($status, $type) = call_api(POST => $_, 'x');
    is $status, 410, substr($_, 0, 30) . ': gone';
}
is +(call_api(POST => '', 'x'))[0], 410, 'no id at all';
is +(call_api(POST => $id, 'x', '/prod/'))[0], 404, 'another path';
my ($status, $type) = call_api(PUT => $id, 'x');
is $status, 405, 'another method';

=== TEST 6: too large
--- lt_http
lt_message_max 2k;
--- ws
my $socket = listener(session(), 'es');
my $id = id_of($socket);
is +(call_api(POST => $id, 'x' x 2048))[0], 200, 'what may be';
is length $socket->frame->{payload}, 2048, 'arrives';
for (2049, 3_000_000) {
    my ($status, $type) = call_api(POST => $id, 'x' x $_);
    is $status, 413, "$_ bytes: too large";
    is $type, 'PayloadTooLargeException', "$_ bytes: in AWS's words";
}
ok alive($socket), 'the socket lives';

=== TEST 7: a client that does not read
--- ws
my $session = session();
for my $socket (map { listener($session, 'es') } 1 .. 4) {
    my $id = id_of($socket);
    my ($status, $type);
    for (1 .. 500) {
        ($status, $type) = call_api(POST => $id, 'x' x 60_000);
        last if $status != 200;
    }
    is $status, 429, 'at last';
    is $type, 'LimitExceededException', "in AWS's words";
    my $got = 0;
    $got++ while $socket->frame(0.3);
    cmp_ok $got, '>', 2, 'what was taken is delivered';
    is +(call_api(POST => $id, 'x'))[0], 200, 'and it goes on';
}

=== TEST 8: without a signature, or with a false one
--- ws
my $socket = listener(session(), 'es');
my $id = id_of($socket);
my ($status, $type) = call_api(POST => $id, 'x', '/signed/@connections/');
is $status, 403, 'refused';
is $type, 'ForbiddenException', "in AWS's words";
is +(call_api(POST => $id, 'x', '/denied/@connections/'))[0], 403,
    'who is denied';
is $socket->frame(0.3), undef, 'nothing arrives';

=== TEST 9: a process that is no more, and one that does not answer
--- timeout: 30
--- ws
my $session = session();
my @here = map { [listener($session, 'es')] } 1 .. 8;
$_->[1] = id_of($_->[0]) for @here;
# Which process has a socket is chance: the victim is one that has some.
my ($victim, %status);
for my $pid (worker_pids()) {
    $victim = $pid;
    %status = ();
    kill STOP => $victim;
    for (@here) {
        my $start = Time::HiRes::time;
        my ($status) = call_api(POST => $_->[1], '{"type":"x"}');
        $status{$status}++;
        # 599: the kernel gave the connection to the frozen one.
        cmp_ok Time::HiRes::time - $start, '<', $status == 599 ? 15 : 8,
            "$status in time";
    }
    kill CONT => $victim;
    last if $status{504};
}
is join(' ', grep { !/^(?:200|504|599)\z/ } keys %status), '',
    'delivered, or not in time';
kill KILL => $victim;
eventually { 2 == grep { $_ != $victim } worker_pids() };
sleep 1;
my ($gone, $served) = (0, 0);
for (@here) {
    my ($status) = call_api(POST => $_->[1], '{"type":"y"}');
    $gone++ if $status == 410;
    $served++ if $status == 200;
}
is $gone + $served, 8, 'gone or served';
cmp_ok $gone, '>', 0, 'the sockets of the dead process are gone';
--- no_error_log
[emerg]

=== TEST 10: Redis is away
--- ws
my $session = session();
my @id = map { id_of($_) } my @here = map { listener($session, 'es') } 1 .. 8;
redis()->stop;
select undef, undef, undef, 0.3;
my %status;
$status{(call_api(POST => $_, '{"type":"x"}'))[0]}++ for (@id) x 2;
is join(' ', sort keys %status), '200 503',
    'sockets here are served, others cannot be reached';
redis()->start;
ok +(eventually { (api(GET => '/health'))[0] == 200 } 10), 'it is back';
ok +(eventually { 8 == grep { (call_api(POST => $_, '{"type":"x"}'))[0] == 200 }
    @id } 10), 'and all can be reached';

=== TEST 11: nonsense on the channel of a process
--- ws
my $session = session();
my $socket = listener($session, 'es');
my @before = worker_pids();
my ($process) = map { /^lt:nginx:(\w{16})\z/ ? $1 : () }
    @{redis()->command(KEYS => 'lt:nginx:*')};
redis()->command(PUBLISH => "lt:{$process}:events", $_) for '',
    "p control * call 1\n", "p control * call 1\nPOST", "p control * x 1\n",
    "p control * call 1\nPOST x\n", "p control * answer 1\n",
    "p control * answer 1\n200\n", "p control * answer 99999999999\nx",
    "p listeners * call\nDELETE x\n";
ok alive($socket), 'the socket lives';
is join(' ', worker_pids()), "@before", 'and so do both processes';

=== TEST 12: nobody can call without keys
--- config
location /prod/ { lt_connections; }
--- http_config
lt_redis 127.0.0.1:1;
--- must_die
--- error_log
lt_connections_credentials_file

=== TEST 13: a word that is not known
--- config
location /prod/ { lt_connections open; }
--- http_config
lt_redis 127.0.0.1:1;
--- must_die
--- error_log
is not understood
