use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# A process that is leaving sends clients that come back to its successors;
# existing apps stay where they are.

workers(2);

sub ours {
    my ($session, $language) = @_;
    return { socket => returning($session, $language), language => $language,
        session => $session, got => [] };
}

# Takes what is there; comes back when told to.  True as long as it had to.
sub follow {
    my ($one) = @_;
    while (my $frame = $one->{socket}->frame(0.02)) {
        if ($frame->{opcode} == 8) {
            push @{$one->{codes}}, unpack 'n', $frame->{payload};
            $one->{socket}->drop;
            $one->{socket} = returning($one->{session}, $one->{language},
                $one->{got}[-1]);
            return 1;
        }
        my $message = json_of($frame->{payload});
        push @{$one->{got}}, $message->{segment} if $message->{segment};
        push @{$one->{got}}, 'missed' if $message->{type} eq 'segmentsMissed';
    }
    return 0;
}

our ($ours, $follow) = (\&ours, \&follow);

run_tests();

__DATA__

=== TEST 1: ours move, without a gap; the others stay
--- lt_http
lt_drain 2s;
--- timeout: 60
--- ws
my $session = session();
my $speaker = speaker($session);
my @old = map { listener($session, 'es') } 1 .. 4;
my @ours = map { $::ours->($session, 'es') } 1 .. 12;
my @before = worker_pids();
my $n = 0;
my $say = sub {
    $n++;
    result($session, { language => 'es' },
        "{\"type\":\"translatedAudio\",\"segment\":$n}");
};
$say->() for 1 .. 3;
$::follow->($_) for @ours;
reload();
my $told = sub { scalar grep { $_->{codes} } @ours };
my $some = 0;
my $deadline = time + 30;
while ($told->() < 12 && time < $deadline) {
    $say->();
    $::follow->($_) for @ours;
    $some ||= $told->() if $told->() < 12;
}
is $told->(), 12, 'all of ours are told';
cmp_ok $some, '>', 0, 'not all at once';
is join(' ', map { "@{$_->{codes}}" } @ours), join(' ', (1012) x 12), 'once, by 1012';
$say->();
ok +(eventually {
    $::follow->($_) for @ours;
    12 == grep { ($_->{got}[-1] // 0) eq $n } @ours;
} 20), 'they hear on';
is scalar(grep { "@{$_->{got}}" eq join ' ', 1 .. $n } @ours), 12,
    'every segment, once, in order';
is scalar(grep { alive($_) } @old, $speaker), 5, 'existing apps stay';
is scalar(grep { kill 0, $_ } @before), 2, 'in the old processes';
is counters()->{sockets_moved}, 12, 'counted';
$_->send_close(1000) for @old, $speaker;
ok +(eventually { !grep { kill 0, $_ } @before } 20),
    'which go with the last of them';

=== TEST 2: nobody is told while all is well
--- lt_http
lt_drain 0;
--- ws
my $session = session();
my $ours = $::ours->($session, 'es');
select undef, undef, undef, 1.5;
ok alive($ours->{socket}), 'still there';
is counters()->{sockets_moved}, 0, 'and nobody moved';

=== TEST 3: worker_shutdown_timeout must leave time for it
--- main_config
worker_shutdown_timeout 5s;
--- lt_http
lt_drain 10s;
--- must_die
--- request
GET /
--- error_log
lt_drain is 10000 ms, but worker_shutdown_timeout closes all sockets after 5000 ms

=== TEST 4: one that is longer is fine, and closes the rest
--- main_config
worker_shutdown_timeout 2s;
--- lt_http
lt_drain 1s;
--- ws
my $session = session();
my ($old, $ours) = (listener($session, 'es'), $::ours->($session, 'es'));
reload();
is +(($ours->{socket}->closed(20))[0] // 0), 1012, 'ours first';
is +(($old->closed(20))[0] // 0), 1012, 'the others in the end';

=== TEST 5: the last of a language stays counted until it is back
--- lt_http
lt_drain 0;
--- ws
my $session = session();
my $speaker = speaker($session);
my $ours = $::ours->($session, 'es');
my $languages = sub {
    my %hash = @{redis()->command(HGETALL => "lt:{$session->{sessionId}}:languages")};
    return join ' ', map { "$_=$hash{$_}" } sort keys %hash;
};
is $languages->(), 'es=1', 'one hears Spanish';
my @before = worker_pids();
reload();
is +(($ours->{socket}->closed(20))[0] // 0), 1012, 'it is sent away';
is $languages->(), 'es=1', 'Spanish is still heard';
my $back = $::ours->($session, 'es');
ok +(eventually { $languages->() eq 'es=1' && !eventually { $languages->() ne 'es=1' } 1 } 20),
    'then it is one again';
$speaker->send_close(1000);
ok +(eventually { !grep { kill 0, $_ } @before } 20), 'and the old processes go';

=== TEST 6: while Redis is away the listeners here hear on, the others later
--- ws
my $session = session();
my @ours = map { $::ours->($session, 'es') } 1 .. 8;
my $say = sub {
    result($session, { language => 'es' },
        "{\"type\":\"translatedAudio\",\"segment\":$_[0]}");
};
$say->($_) for 1 .. 2;
ok +(eventually { $::follow->($_) for @ours; 8 == grep { @{$_->{got}} == 2 } @ours } 20), 'all hear two';
redis()->stop;
my @here = map { ($say->($_))[1]{delivered} } 3 .. 6;
is scalar(grep { $_ > 0 } @here), 4, 'served here without Redis' or diag("@here");
redis()->start;
ok +(eventually { $::follow->($_) for @ours; 8 == grep { @{$_->{got}} == 6 } @ours } 20), 'all hear six';
is scalar(grep { "@{$_->{got}}" eq '1 2 3 4 5 6' } @ours), 8, 'in order, once'
    or diag(join "\n", map { "@{$_->{got}}" } @ours);

=== TEST 7: killed while one that moves still counts
--- lt_http
lt_drain 0;
--- no_error_log
[emerg]
--- ws
my $session = session();
my $one = $::ours->($session, 'es');
my @before = worker_pids();
my %old = map { $_ => 1 } @{redis()->command('SMEMBERS', 'lt:nginx')};
reload();
is +($one->{socket}->closed(20))[0], 1012, 'it is sent away';
kill KILL => @before;
my ($process) = grep {
    @{redis()->command('SMEMBERS', "lt:nginx:$_:sessions")}
} keys %old;
ok $process, 'the session is among those of the process';
redis()->command('DEL', "lt:nginx:$_") for keys %old;     # as after 15 s
ok +(eventually {
    (api(GET => "/sessions/$session->{sessionId}"))[1]{listenerCount} == 0
} 30), 'and swept';
