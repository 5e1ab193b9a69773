use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# What an operator has of a socket whose request ended with its 101: how many
# one address may have, a line in the log when it closes, nginx's own counts.

workers(2);

# The lines of the error log that tell of closed sockets, as hashes.
sub closed_lines {
    open my $in, '<', $Test::Nginx::Util::ErrLogFile or die;
    return map { { /(\w+)=("[^"]*"|\S+)/g } } grep { /event=socket_closed/ }
        <$in>;
}

our $path;

sub refused { return connect_ws($path) }

run_tests();

__DATA__

=== TEST 1: one address has as many sockets as it may have
--- lt_http
lt_address_sockets 5;
--- ws
my $session = session();
$::path = "/ws?sessionId=$session->{sessionId}&targetLanguage=es";
my @here = map { listener($session, 'es') } 1 .. 4;
push @here, speaker($session);
my $answer = main::refused();
is $answer->status, 429, 'the sixth is refused';
is $answer->error->{code}, 'RATE_LIMIT_EXCEEDED', 'in words';
is $answer->header('Retry-After'), 5, 'with a hint';
is counters()->{addresses_limited}, 1, 'and counted';
$here[0]->send_close(1000);
ok eventually { main::refused()->status == 101 }, 'one goes, one may come';

=== TEST 2: what a killed process held is free again
--- lt_http
lt_address_sockets 6;
--- no_error_log
[emerg]
--- ws
my $session = session();
$::path = "/ws?sessionId=$session->{sessionId}&targetLanguage=es";
my @here = map { listener($session, 'es') } 1 .. 6;
is main::refused()->status, 429, 'full';
my ($pid) = worker_pids();
kill KILL => worker_pids();
my @again;
ok +(eventually {
    my $socket = eval { connect_ws($::path) };
    push @again, $socket if $socket && $socket->status == 101;
    @again == 6;
} 20), 'all six may come again';
is main::refused()->status, 429, 'and no more';

=== TEST 3: old and new processes count together over a reload
--- lt_http
lt_address_sockets 4;
--- ws
my $session = session();
$::path = "/ws?sessionId=$session->{sessionId}&targetLanguage=es";
my @here = map { listener($session, 'es') } 1 .. 4;
reload();
is main::refused()->status, 429, 'still full';
$_->drop for @here;
my @again;
ok +(eventually {
    my $socket = connect_ws($::path);
    push @again, $socket if $socket->status == 101;
    @again == 4;
} 20), 'and free when they are gone';

=== TEST 4: a line for each socket that closes
--- ws
my $session = session();
my $listener = listener($session, 'es');
result($session, {}, '{"type":"caption","text":"hello"}');
$listener->json('caption');
$listener->send_json({ action => 'heartbeat' });
$listener->json('heartbeatAck');
$listener->send_close(1001);
my $broken = listener($session, 'fr');
$broken->drop;
my ($by_peer, $by_break);
ok +(eventually {
    ($by_peer) = grep { $_->{language} eq 'es' } main::closed_lines();
    ($by_break) = grep { $_->{language} eq 'fr' } main::closed_lines();
    $by_peer && $by_break;
} 20), 'both are told of';
is $by_peer->{session}, $session->{sessionId}, 'the session';
is $by_peer->{role}, 'listener', 'the role';
is $by_peer->{code}, 1001, 'the close code';
is $by_peer->{received}, 2, 'what it sent';
is $by_peer->{delivered}, 3, 'what it was sent';
cmp_ok $by_peer->{bytes}, '>', 100, 'how much that was';
like $by_peer->{duration_ms}, qr/^\d+$/, 'for how long it was there';
is $by_break->{code}, 1006, 'a broken connection';

=== TEST 5: nginx counts connections as it always does
--- locations
    location = /ws { lt_websocket; }
    location /sessions { lt_sessions; }
    location = /lt/results { lt_results; }
    location = /lt/status { lt_status; }
    location = /stub { stub_status; }
--- ws
my $session = session();
my $active = sub {
    my $port = $Test::Nginx::Util::ServerPortForClient;
    my $answer = HTTP::Tiny->new->get("http://127.0.0.1:$port/stub");
    return $answer->{content} =~ /Active connections: (\d+)/ ? $1 : -1;
};
ok +(eventually { $active->() == 1 } 20), 'only who asks';
my @here = map { listener($session, 'es') } 1 .. 5;
is $active->(), 6, 'open sockets are active';
$_->send_close(1000) for @here[0 .. 2];
$_->drop for @here[3, 4];
ok +(eventually { $active->() == 1 } 20), 'closed ones are not';
