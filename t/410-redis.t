use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# Redis goes and comes back: sockets live on, audio flows on, the rest is
# refused in clear words and recovers by itself.

run_tests();

__DATA__

=== TEST 1: Redis is killed
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
redis()->stop;
select undef, undef, undef, 0.3;
ok alive($speaker), 'the speaker lives';
ok alive($listener), 'the listener lives';
my $sent = join '', map { pcm(8192, $_) } 1 .. 8;
$speaker->send_binary($_) for unpack '(a8192)*', $sent;
is length kinesis()->stored($session->{sessionId}, length $sent),
    length $sent, 'audio flows on';
my ($status, $data, $headers) = api(POST => '/sessions',
    { sourceLanguage => 'en' });
is $status, 503, 'no new session';
is $data->{code}, 'SERVICE_UNAVAILABLE', 'its code';
like $data->{message}, qr/\w+ \w+/, 'in words';
is $headers->{'access-control-allow-origin'}, '*', 'with CORS';
my $refused = connect_ws(
    "/ws?sessionId=$session->{sessionId}&targetLanguage=fr");
is $refused->status, 503, 'no new listener';
is $refused->error->{code}, 'SERVICE_UNAVAILABLE', 'its code';
is +(api(GET => '/health'))[0], 503, 'health says so';
my ($code, $result) = result($session, { language => 'es' },
    '{"type":"caption","n":1}');
is $code, 200, 'a result is taken';
ok !$result->{published}, 'not published';
is $listener->json('caption')->{n}, 1, 'but delivered here';

is counters()->{redis_missing}, counters()->{processes}, 'the gauge says so';

redis()->start;
ok +(eventually { (api(GET => '/health'))[0] == 200 } 10), 'health is back';
ok +(eventually { counters()->{redis_missing} == 0 }), 'and missed no more';
my $next = session();
ok alive(speaker($next)), 'new sessions work';
ok alive(listener($next, 'es')), 'new listeners too';
ok alive($speaker) && alive($listener), 'the old sockets still live';

=== TEST 2: results cross processes again after Redis was away
--- ws
my $session = session();
my $listener = listener($session, 'es');
redis()->stop;
select undef, undef, undef, 0.3;
redis()->start;
eventually { (api(GET => '/health'))[0] == 200 } 10;
my $heard = eventually {
    redis()->command(PUBLISH => "lt:{$session->{sessionId}}:events",
        "0123456789abcdef listeners es caption 0\n{\"type\":\"caption\"}");
    $listener->json('caption', 0.3);
} 10;
ok $heard, 'the subscription is made again';

=== TEST 3: Redis hangs
--- timeout: 30
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
redis()->freeze;
my $start = time;
my ($status) = api(POST => '/sessions', { sourceLanguage => 'en' });
cmp_ok time - $start, '<', 9, 'an answer comes';
is $status, 503, 'no new session';
ok alive($speaker), 'the speaker lives';
$speaker->send_binary(pcm(8192));
is length kinesis()->stored($session->{sessionId}, 8192), 8192,
    'audio flows on';
redis()->thaw;
ok +(eventually {
    (api(POST => '/sessions', { sourceLanguage => 'en' }))[0] == 201
} 10), 'it recovers';

=== TEST 4: Redis forgets everything
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
redis()->command('FLUSHALL');
redis()->command('SCRIPT', 'FLUSH');
ok alive($speaker), 'the speaker lives';
ok alive($listener), 'the listener lives';
my $next = session();
ok alive(listener($next, 'es')), 'scripts are loaded again';
is connect_ws("/ws?sessionId=$session->{sessionId}&targetLanguage=es")
    ->status, 404, 'the old session is unknown to new sockets';

=== TEST 5: nonsense on the channel is ignored
--- ws
my $session = session();
my $listener = listener($session, 'es');
my $channel = "lt:{$session->{sessionId}}:events";
redis()->command(PUBLISH => $channel, $_) for '', "\n", 'x', "x\n{}",
    "a b c d e f\n", 'x' x 100_000, "p listeners es caption\n{}",
    "p control * ended\n", "p listeners \xff caption 0\n{\"type\":\"caption\"}",
    "p control * drained 99999999999999999999\n", "\0\0\0";
ok alive($listener), 'the listener lives';
redis()->command(PUBLISH => $channel,
    "0123456789abcdef listeners es caption 0\n{\"type\":\"caption\"}");
ok $listener->json('caption'), 'and hears what makes sense';

=== TEST 6: commands do not pile up for ever
--- ws
my $session = session();
my $speaker = speaker($session);
redis()->stop;
for (1 .. 300) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);
    syswrite $socket, "POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: "
        . "23\r\nConnection: close\r\n\r\n{\"sourceLanguage\":\"en\"}";
    close $socket;
}
is +(api(POST => '/sessions', { sourceLanguage => 'en' }))[0], 503,
    'refused at once';
ok alive($speaker), 'the speaker lives';
