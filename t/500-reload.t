use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# HUP with sockets open: old ones live on, new ones go to new processes.

workers(2);
run_tests();

__DATA__

=== TEST 1: sockets outlive a reload
--- ws
my $session = session();
my $speaker = speaker($session);
my @here = map { listener($session, 'es') } 1 .. 4;
my $first = pcm(8192, 1);
$speaker->send_binary($first);
reload();
ok alive($speaker), 'the speaker';
is scalar(grep { alive($_) } @here), 4, 'the listeners';
my $second = pcm(8192, 2);
$speaker->send_binary($second);
ok kinesis()->stored($session->{sessionId}, 16384) eq $first . $second,
    'audio flows on, in order';
my $late = listener($session, 'es');
result($session, { language => 'es' }, '{"type":"caption","n":1}');
is scalar(grep { $_->json('caption') } @here, $late), 5,
    'results reach old and new processes';
my $count = (api(GET => "/sessions/$session->{sessionId}"))[1]{listenerCount};
is $count, 5, 'and all are counted';
$_->send_close(1000) for @here, $late, $speaker;

=== TEST 2: worker_shutdown_timeout: told and closed with 1012
--- main_config
worker_shutdown_timeout 1s;
--- ws
my $session = session();
my @here = (speaker($session), listener($session, 'es'));
reload();
my @codes = map { ($_->closed(6))[0] // 'nothing' } @here;
is "@codes", '1012 1012', '1012: come again';
ok alive(listener($session, 'es')), 'at the new processes';

=== TEST 3: audio on its way is not lost by a reload
--- ws
my $session = session();
my $speaker = speaker($session);
kinesis()->script({ always => 'slow' });
my $sent = join '', map { pcm(8192, $_) } 1 .. 6;
$speaker->send_binary($_) for unpack '(a8192)*', $sent;
select undef, undef, undef, 0.1;
reload();
$speaker->drop;
ok kinesis()->stored($session->{sessionId}, length $sent) eq $sent,
    'all there';

=== TEST 4: quit sends what is pending
--- lt_http
lt_kinesis_linger 1s;
--- ws
my $session = session();
my $speaker = speaker($session);
my $sent = join '', map { pcm(8192, $_) } 1 .. 6;
$speaker->send_binary($_) for unpack '(a8192)*', $sent;
eventually { counters()->{audio_accepted_bytes} >= length $sent };
my @old = worker_pids();
reload();
$speaker->drop;
ok kinesis()->stored($session->{sessionId}, length $sent) eq $sent,
    'all there';
ok eventually { !grep { kill 0, $_ } @old }, 'and the old processes end';

=== TEST 5: counters survive
--- ws
session() for 1 .. 5;
my $before = counters()->{sessions_created};
reload();
is counters()->{sessions_created}, $before, 'the same';
cmp_ok $before, '>=', 5, 'and counted';

=== TEST 6: reload again and again under way
--- timeout: 60
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
my $sent = '';
for my $round (1 .. 5) {
    my $pcm = pcm(8192, $round);
    $speaker->send_binary($pcm);
    $sent .= $pcm;
    reload();
    my $short = listener($session, 'fr');
    result($session, {}, "{\"type\":\"caption\",\"n\":$round}");
    is $listener->json('caption')->{n}, $round, "round $round";
    is $short->json('caption')->{n}, $round, 'and the new one';
    $short->drop($round % 2);
}
ok kinesis()->stored($session->{sessionId}, length $sent) eq $sent,
    'all audio there';

=== TEST 7: a reload without Redis
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
redis()->stop;
reload();
ok alive($speaker) && alive($listener), 'old sockets live';
redis()->start;
ok +(eventually { (api(GET => '/health'))[0] == 200 } 10), 'and it recovers';
