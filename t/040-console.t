use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# lt_console: what it says, who may ask, and without Redis.

workers(1);
our @Kept;

add_block_preprocessor(sub {
    $_[0]->set_value(locations => $LT::Suite::Locations
        . "location = /console { lt_console; }\n"
        . "location = /closed { deny all; lt_console; }\n");
});

run_tests();
__DATA__

=== TEST 1: what it says
--- ws
my $session = session();
my $listener = listener($session, 'es');
my ($status, $data) = api(GET => '/console');
is $status, 200, 'ok';
is $data->{state}{talks}[0]{id}, $session->{sessionId}, 'the talk';
is $data->{state}{talks}[0]{languages}{es}, 1, 'its listener';
is +(api(GET => '/closed'))[0], 403, 'deny holds';
is +(api(POST => '/console', {}))[0], 405, 'GET only';

=== TEST 2: Redis away, clients that go
--- no_error_log
[emerg]
--- ws
session();
redis()->freeze;
for (1 .. 12) {
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
        PeerPort => $Test::Nginx::Util::ServerPortForClient);
    print $s "GET /console HTTP/1.1\r\nHost: x\r\n\r\n";
    push @::Kept, $s;
}
select undef, undef, undef, 0.2;
is +(api(GET => '/console'))[0], 503, 'eight are enough';
@::Kept = ();
ok +(eventually { (api(GET => '/console'))[0] != 503 } 10), 'those who left make room';
redis()->thaw;
redis()->stop;
my ($status, $data) = api(GET => '/console');
is $status, 200, 'without Redis';
ok !defined $data->{state}, 'state is null';
redis()->start;
ok +(eventually { defined +(api(GET => '/console'))[1]{state} } 20), 'back';
