use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# The worker's results on their way to listeners: two nginx worker processes,
# so that some listeners are reached through Redis.

workers(2);
run_tests();

__DATA__

=== TEST 1: only workers may post
--- ws
my $session = session();
my $path = "/lt/results?session=$session->{sessionId}";
my $body = '{"type":"caption","text":"x"}';
for (undef, 'Bearer wrong-token-of-nobody', "Bearer ${LT::Suite::Token}x", 'Bearer ', "Basic $LT::Suite::Token",
    $LT::Suite::Token, 'Bearer ' . 'x' x 5000)
{
    my ($status) = api(POST => $path, $body,
        defined $_ ? { Authorization => $_ } : {});
    my $short = substr $_ // 'nothing', 0, 14;
    is $status, 401, "$short is refused";
}
my ($status, $data) = result($session, {}, $body);
is $status, 200, 'the right one is taken';

=== TEST 2: bad results are refused
--- ws
my $session = session();
for (['', 'no body'], ['{', 'not JSON'], ['[]', 'not an object'],
    ['{}', 'no type'], ['{"type":5}', 'the type is no text'],
    ["{\"type\":\"x\",\"t\":\"\xff\"}", 'not UTF-8'])
{
    my ($body, $what) = @$_;
    my ($status, $data) = result($session, {}, $body);
    is $status, 400, "$what: 400";
    like $data->{error}, qr/\w+ \w+/, "$what: says why";
}
my %query = ('no session' => '/lt/results',
    'bad session' => '/lt/results?session=No-Id-1',
    'bad language' => "/lt/results?session=$session->{sessionId}&language=e%0A",
    'bad to' => "/lt/results?session=$session->{sessionId}&to=everybody",
    'bad event' => "/lt/results?session=$session->{sessionId}&event=x");
for my $what (sort keys %query) {
    my ($status) = api(POST => $query{$what}, '{"type":"caption"}',
        { Authorization => "Bearer $LT::Suite::Token" });
    is $status, 400, "$what: 400";
}
is +(api(GET => "/lt/results?session=$session->{sessionId}", undef,
    { Authorization => "Bearer $LT::Suite::Token" }))[0], 405, 'GET: 405';

=== TEST 3: to the listeners of a language, in every process
--- ws
my $session = session();
my @es = map { listener($session, 'es') } 1 .. 8;
my @fr = map { listener($session, 'fr') } 1 .. 4;
my $speaker = speaker($session);
my $body = qq({"type":"translatedAudio","sessionId":"$session->{sessionId}",)
    . '"targetLanguage":"es","language":"es","url":"https://x/1.mp3?a=b",'
    . '"duration":3.072,"transcript":"señor \u20ac","sequenceNumber":1}';
my ($status, $data) = result($session, { language => 'es' }, $body);
is $status, 200, 'taken';
ok $data->{published}, 'and published';
my $here = $data->{delivered};
cmp_ok $here, '<=', 8, 'delivered counts sockets of this process';
my @got = map { ($_->frame // {})->{payload} } @es;
is scalar(grep { defined && $_ eq $body } @got), 8,
    'all listeners got it, byte for byte';
is scalar(grep { $_->frame(0.1) } @es), 0, 'and nobody twice';
is scalar(grep { $_->frame(0.05) } @fr), 0, 'nor another language';
my $for_speaker = 0;
while (my $message = $speaker->json(undef, 0.3)) {
    $for_speaker++ if $message->{type} eq 'translatedAudio';
}
is $for_speaker, 0, 'nor the speaker';

=== TEST 4: without a language: to all; to=speaker: to one
--- ws
my $session = session();
my @here = map { listener($session, $_) } qw(es fr de es);
my $speaker = speaker($session);
result($session, {}, '{"type":"notice","n":1}');
is scalar(grep { $_->json('notice') } @here), 4, 'all listeners';
result($session, { to => 'speaker' },
    '{"type":"caption","text":"hello","segment":1}');
is $speaker->json('caption')->{text}, 'hello', 'the speaker';
is scalar(grep { $_->frame(0.1) } @here), 0, 'and nobody else';

=== TEST 5: the order is kept
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 4;
result($session, { language => 'es' }, "{\"type\":\"caption\",\"n\":$_}")
    for 1 .. 50;
for my $socket (@here) {
    my @n = map { ($socket->json('caption') // {})->{n} // 0 } 1 .. 50;
    is "@n", join(' ', 1 .. 50), 'in order';
}

=== TEST 6: another session hears nothing
--- ws
my ($mine, $other) = (session(), session());
my @here = map { listener($other, 'es') } 1 .. 4;
my ($status, $data) = result($mine, { language => 'es' }, '{"type":"x"}');
is $status, 200, 'taken';
is $data->{delivered}, 0, 'for nobody';
is scalar(grep { $_->frame(0.1) } @here), 0, 'nobody hears it';

=== TEST 7: large results, and too large ones
--- ws
my $session = session();
my $listener = listener($session, 'es');
my $body = '{"type":"translatedAudio","url":"data:audio/mpeg;base64,'
    . 'A' x 60_000 . '"}';
is +(result($session, { language => 'es' }, $body))[0], 200, 'taken';
is $listener->frame->{payload}, $body, 'and delivered whole';
is +(result($session, {}, '{"type":"' . 'x' x 3_000_000 . '"}'))[0], 413,
    'too large';
is +(result($session, {}, '{"type":"x"}'))[0], 200, 'and all is well';

=== TEST 8: a listener who does not read is dropped, others are served
--- ws
my $session = session();
my ($deaf, $good) = (listener($session, 'es'), listener($session, 'es'));
my $body = '{"type":"caption","text":"' . 'x' x 30_000 . '"}';
my $got = 0;
for (1 .. 400) {
    result($session, { language => 'es' }, $body);
    $got++ if $good->json('caption');
}
is $got, 400, 'the good one has all';
my $c = counters();
cmp_ok $c->{messages_dropped_captions} + $c->{sockets_closed_listener}, '>', 0,
    'the deaf one is bounded';

=== TEST 9: pauses reach listeners in all processes
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 6;
my $speaker = speaker($session);
$speaker->send_json({ action => 'pauseBroadcast' });
is scalar(grep { $_->json('broadcastPaused') } @here), 6, 'all six';

=== TEST 10: the end reaches listeners in all processes
--- lt_http
lt_end_grace 1s;
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 6;
my $speaker = speaker($session);
$speaker->send_json({ action => 'endSession' });
is scalar(grep { $_->json('sessionEnded', 6) } @here), 6, 'all six are told';
is scalar(grep { (($_->closed(8))[0] // 0) == 1000 } @here), 6,
    'and closed with 1000';

=== TEST 11: a replaced speaker, wherever the sockets are
--- ws
for (1 .. 6) {
    my $session = session();
    my $old = speaker($session);
    my $new = speaker($session);
    is +($old->closed)[0], 4409, 'the old one is closed';
    ok alive($new), 'the new one lives';
}

=== TEST 12: counts are exact over processes
--- ws
my $session = session();
my @here = map { listener($session, $_ % 2 ? 'es' : 'fr') } 1 .. 20;
my $count = sub { (api(GET => "/sessions/$session->{sessionId}"))[1]
    {listenerCount} };
is $count->(), 20, 'twenty';
$_->drop for splice @here, 0, 10;
is eventually { $count->() == 10 && 10 }, 10, 'ten';
$_->send_close for splice @here;
is eventually { $count->() == 0 && 'none' }, 'none', 'none';
is redis()->command(EXISTS => "lt:{$session->{sessionId}}:languages"), 0,
    'no language is left';

=== TEST 13: a full session after a kill: who comes back finds his place
--- timeout: 60
--- lt_http
lt_listeners_max 6;
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 6;
my @old = worker_pids();
kill KILL => @old;
eventually { my %old = map { $_ => 1 } @old;
    2 == grep { !$old{$_} } worker_pids() };
my $start = time;
eventually { redis()->command(HLEN =>
    "lt:{$session->{sessionId}}:listeners") == 0 };
cmp_ok time - $start, '<', 5, 'the dead ones make room at once';
my @back = map { listener($session, 'es') } 1 .. 6;
is scalar(grep { alive($_) } @back), 6, 'all are back';
--- no_error_log
[emerg]

=== TEST 14: a worker process that is killed leaves no listener behind
--- timeout: 60
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 6;
my ($victim) = worker_pids();
kill KILL => $victim;
my $left = sub { redis()->command(HLEN =>
    "lt:{$session->{sessionId}}:listeners") };
my $survivors = eventually {
    scalar grep { !$_->eof && alive($_) } @here;
};
my $counted = eventually { $left->() == $survivors && "$survivors" } 40;
is $counted, $survivors, 'Redis knows the living only';
ok listener($session, 'es'), 'and new ones may come';
--- no_error_log
[emerg]
