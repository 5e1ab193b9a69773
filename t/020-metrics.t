use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use HTTP::Tiny ();
use Time::HiRes qw(time);

# What operators and their collectors read: lt_status in both forms, lt_health.

workers(2);

our $Locations = $LT::Suite::Locations . <<'END';
    location = /metrics { lt_status prometheus; }
    location = /lt/health/live { lt_health live; }
    location = /lt/health/ready { lt_health ready; }
END

sub page {
    my ($path) = @_;
    my $answer = HTTP::Tiny->new(timeout => 10)->get('http://127.0.0.1:'
        . $Test::Nginx::Util::ServerPortForClient . $path);
    return wantarray ? ($answer->{status}, $answer->{content},
        $answer->{headers}) : $answer->{content};
}

# series => value
sub series {
    return { map { /^(\S+) (\S+)$/ } split /\n/, page('/metrics') };
}

# What promtool complains of; nothing when it is not here.
sub promtool {
    my ($text) = @_;
    return '' if system('command -v promtool >/dev/null') != 0;
    open my $out, '|-', "promtool check metrics >$LT::Env::Dir/promtool 2>&1"
        or die "promtool: $!\n";
    print $out $text;
    close $out;
    open my $in, '<', "$LT::Env::Dir/promtool" or die $!;
    return join '', <$in>;
}

# Each of the processes answers for itself: all have to say so.
sub ready {
    my ($status) = @_;
    return eventually {
        my @answers = map { [page('/lt/health/ready')] } 1 .. 8;
        my @other = grep { $_->[0] != $status } @answers;
        @other ? 0 : json_of($answers[0][1]);
    } 25;
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(locations => $Locations) if !defined $block->must_die;
});

run_tests();

__DATA__

=== TEST 1: Prometheus' text format, the same figures as JSON
--- ws
my $session = session();
my $speaker = speaker($session);
my @here = map { listener($session, $_) } qw(es es fr);
$speaker->send_text(chunk($session, pcm(6400)));
ok eventually { counters()->{audio_stored_bytes} == 6400 }, 'audio is stored';
my ($status, $text, $headers) = main::page('/metrics');
is $status, 200, 'the page';
is $headers->{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8',
    'its type';
is main::promtool($text), '', 'promtool finds nothing';
my $series = main::series();
my $figures = counters();
is $series->{lt_nginx_audio_stored_bytes_total}, 6400, 'a counter';
is $series->{'lt_nginx_sockets{role="listener"}'}, 3, 'a gauge with a label';
is $series->{lt_nginx_sessions_created_total}, $figures->{sessions_created},
    'as in JSON';
is $series->{lt_nginx_processes}, 2, 'both processes';
is $series->{lt_nginx_audio_stored_seconds_count}, 1, 'one record took its time';
ok $series->{lt_nginx_audio_stored_seconds_sum} > 0.01, 'more than half a linger';
ok $series->{lt_nginx_kinesis_call_seconds_count} >= 1, 'a call of Kinesis';
ok $series->{lt_nginx_redis_command_seconds_count} > 5, 'commands to Redis';
is join(' ', map { $series->{"lt_nginx_listeners{language=\"$_\"}"} }
    qw(es fr de)), '2 1 0', 'listeners of each language';
my %label = map { $_ => 1 } $text =~ /[{,](\w+)="/g;
is join(' ', sort keys %label), 'language le reason role', 'no id is a label';
unlike $text, qr/\Q$session->{sessionId}\E/, 'nor is a session named';

=== TEST 2: listeners change their language, and go
--- ws
my $session = session();
my @here = map { listener($session, $_) } qw(es es fr);
$here[0]->send_json({ action => 'changeLanguage', targetLanguage => 'de',
    sessionId => $session->{sessionId} });
$here[0]->json('languageChanged');
my $heard = sub { my $s = main::series(); join ' ',
    map { $s->{"lt_nginx_listeners{language=\"$_\"}"} } qw(es fr de) };
is $heard->(), '1 1 1', 'one has changed';
$_->drop for @here;
ok +(eventually { $heard->() eq '0 0 0' }), 'all have gone';

=== TEST 3: summed over processes, never less over a reload
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 6;
my $before = main::series();
for (1 .. 3) {
    reload();
    my $now = main::series();
    my @less = grep { /_(?:total|count|sum|bucket)\b/
        && $now->{$_} < $before->{$_} } keys %$before;
    is "@less", '', 'no counter is less';
    is $now->{'lt_nginx_sockets_opened_total{role="listener"}'}, 6 * $_,
        'all sockets of all processes are counted';
    is $now->{'lt_nginx_listeners{language="es"}'}, 6 * $_, 'and open';
    push @here, map { listener($session, 'es') } 1 .. 6;
    $before = main::series();
}

=== TEST 4: how late a result was
--- ws
my $session = session();
my $listener = listener($session, 'es');
my $captured = time * 1000 - 4200;
result($session, { language => 'es' }, { type => 'translatedAudio',
    segment => 1, timing => { captured => int $captured } });
my $series = main::series();
is $series->{'lt_nginx_result_seconds_bucket{le="3"}'}, 0, 'not within 3 s';
is $series->{lt_nginx_result_seconds_count}, 1, 'once';
ok $series->{lt_nginx_result_seconds_sum} >= 4.2, 'since it was said';
result($session, { language => 'es' }, '{"type":"translatedAudio",'
    . '"segment":2,"timing":{"captured":-9223372036854775808}}');
is main::series()->{lt_nginx_result_seconds_count}, 1,
    'what is no time is no delay';

=== TEST 5: how late pages were, as they say
--- ws
my $session = session();
my ($speaker, $listener) = (speaker($session), listener($session, 'es'));
$listener->send_json({ action => 'heartbeat', playedMs => 2400 });
ok $listener->json('heartbeatAck'), 'a listener says it';
$listener->send_json({ action => 'heartbeat' });
ok $listener->json('heartbeatAck'), 'or not';
$speaker->send_json({ action => 'heartbeat', playedMs => 2400 });
ok $speaker->json('heartbeatAck'), 'a speaker has nothing to play';
for my $wrong (-1, 600001, 'soon') {
    $listener->send_json({ action => 'heartbeat', playedMs => $wrong });
    is $listener->json('error')->{code}, 'INVALID_PARAMETER', "not $wrong";
}
my $series = main::series();
is $series->{lt_nginx_played_seconds_count}, 1, 'once';
is $series->{lt_nginx_played_seconds_sum}, 2.4, 'so late';

=== TEST 6: alive, and ready
--- ws
is main::page('/lt/health/live'), "{\"status\":\"live\"}\n", 'alive';
my $answer = main::ready(200);
is_deeply [@$answer{qw(status redis kinesis credentials process)}],
    [qw(ready ok ok ok ok)], 'ready';
cmp_ok kinesis()->listed, '>', 0, 'idle: Kinesis was asked';

=== TEST 7: without Redis
--- no_error_log
[emerg]
--- ws
main::ready(200);
my $began = time;
redis()->freeze;
my $answer = main::ready(503);
cmp_ok time - $began, '<', 4, 'Redis frozen: not ready after 2 s at most';
like $answer->{redis}, qr/^no answer for \d+ ms$/, 'frozen: it says why';
is $answer->{kinesis}, 'ok', 'and what is well';
is +(main::page('/lt/health/live'))[0], 200, 'alive';
redis()->thaw;
is main::ready(200)->{status}, 'ready', 'thawed: ready again';
redis()->stop;
is main::ready(503)->{status}, 'not_ready', 'gone: not ready';
redis()->start;
is main::ready(200)->{status}, 'ready', 'back: ready again';

=== TEST 8: without Kinesis
--- no_error_log
[emerg]
--- ws
main::ready(200);
my $began = time;
kinesis()->freeze;
my $answer = main::ready(503);
cmp_ok time - $began, '<', 4, 'Kinesis frozen: not ready after 2 s at most';
like $answer->{kinesis}, qr/^no answer for \d+ ms$/, 'frozen: it says why';
is $answer->{redis}, 'ok', 'and what is well';
kinesis()->thaw;
is main::ready(200)->{status}, 'ready', 'thawed: ready again';
kinesis()->stop;
is main::ready(503)->{status}, 'not_ready', 'gone: not ready';
kinesis()->start;
is main::ready(200)->{status}, 'ready', 'back: ready again';

=== TEST 9: a refusal is an answer
--- ws
kinesis()->script({ list => 'denied', always => 'denied' });
is main::ready(200)->{kinesis}, 'ok', 'Kinesis refuses, and is there';

=== TEST 10: a leaving process is not ready, and does not stay for it
--- ws
main::ready(200);
my @old = worker_pids();
reload();
ok +(eventually { !grep { kill 0, $_ } @old }), 'old processes are gone';
is main::ready(200)->{status}, 'ready', 'new ones are ready';

=== TEST 11: POST is not answered
--- request
POST /metrics
--- error_code: 405

=== TEST 12: an unknown word
--- config
    location = /lt/status { lt_status xml; }
--- must_die
--- suppress_stderr
--- error_log
lt_status: "xml" is not understood: it may be json or prometheus

=== TEST 13: lt_health without a word
--- config
    location = /lt/health { lt_health; }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_health
