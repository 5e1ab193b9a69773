use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use IPC::Open2 qw(open2);

# Who reads too slowly loses the oldest audio first, then captions, never
# control; then its socket.  Nobody else notices.

our $pad = 'x' x 20_000;
our $small = 'x' x 5000;

sub message {
    my ($type, $n) = @_;
    return qq({"type":"$type","n":$n,"pad":"$main::pad"});
}

# All that is there, as "<first letter of the type><n>".
sub heard {
    my ($socket) = @_;
    my @got;
    $socket->send_json({ action => 'heartbeat' });
    while (my $message = $socket->json(undef, 20)) {
        last if $message->{type} eq 'heartbeatAck';
        push @got, substr($message->{type}, 0, 1) . ($message->{n} // '');
    }
    return @got;
}

# A listener over TLS that reads when it is told to: (pid, out, in).
sub slow_tls {
    my ($session) = @_;
    my ($node) = glob 'local/node_modules/node-linux-*/bin/node';
    my $pid = open2(my $out, my $in, $node, 't/lib/tls-slow.mjs',
        "wss://127.0.0.1:$main::Tls/ws?sessionId=$session->{sessionId}"
        . '&targetLanguage=es');
    is scalar(<$out>), "open\n", 'it is there';
    return ($pid, $out, $in);
}

our ($message, $heard) = (\&message, \&heard);

our $Tls = $ENV{TEST_NGINX_TLS_PORT} = LT::Env::free_port();
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    . " -subj /CN=localhost -keyout $LT::Env::Dir/key.pem"
    . " -out $LT::Env::Dir/cert.pem 2>/dev/null") == 0
    or die "openssl req failed\n";
our $Tls_too = $LT::Suite::Locations . <<'END';
listen 127.0.0.1:$TEST_NGINX_TLS_PORT ssl;
ssl_certificate $TEST_NGINX_LT_DIR/cert.pem;
ssl_certificate_key $TEST_NGINX_LT_DIR/key.pem;
END

run_tests();

__DATA__

=== TEST 1: the oldest audio goes, the newest and all control stay
--- ws
my $session = session();
my ($slow, $good) = (listener($session, 'es'), listener($session, 'es'));
my $all = 0;
for my $n (1 .. 60) {
    result($session, { language => 'es' }, $::message->('translatedAudio', $n));
    result($session, {}, qq({"type":"notice","n":$n})) if $n % 10 == 0;
    $good->json('translatedAudio') and $all++;
}
is $all, 60, 'the good one has all';
my @got = $::heard->($slow);
my @audio = grep { /^t/ } @got;
cmp_ok scalar @audio, '<', 60, 'some audio is gone';
cmp_ok scalar @audio, '>', 5, 'not all of it';
is $audio[0], 't1', 'what was on its way arrives';
is $audio[-1], 't60', 'the newest is there';
my @numbers = map { /(\d+)/ } @audio;
is "@numbers", join(' ', sort { $a <=> $b } @numbers), 'in order';
my $gaps = grep { $numbers[$_] != $numbers[$_ - 1] + 1 } 1 .. $#numbers;
is $gaps, 1, 'one gap, in what had waited longest';
is join(' ', grep { /^n/ } @got), 'n10 n20 n30 n40 n50 n60', 'control is whole';
my $c = counters();
is $c->{messages_dropped_audio}, 60 - @audio, 'what is gone is counted';
is $c->{messages_dropped_captions}, 0, 'by its kind';
is $c->{sockets_too_slow}, 0, 'and the socket lives';
ok alive($slow), 'as does its owner';

=== TEST 2: then captions, the newest last
--- ws
my $session = session();
my ($slow, $good) = (listener($session, 'es'), listener($session, 'es'));
for my $n (1 .. 40) {
    result($session, { language => 'es' }, $::message->($_, $n)) and $good->json($_)
        for 'translatedAudio', 'caption';
}
my @got = $::heard->($slow);
my @captions = grep { /^c/ } @got;
cmp_ok scalar(@captions), '<', 40, 'captions went too';
is $captions[-1], 'c40', 'the newest is there';
my @late = map { /t(\d+)/ ? $1 : () } @got;
cmp_ok scalar(@captions), '>', scalar(@late), 'but audio went first';
is counters()->{sockets_too_slow}, 0, 'nobody was closed';

=== TEST 3: what may not go closes the socket, with the word to come again
--- ws
my $session = session();
my ($slow, $good) = (listener($session, 'es'), listener($session, 'es'));
my ($n, $all) = (0, 0);
while ($n++ < 60 && counters()->{sockets_too_slow} == 0) {
    result($session, { language => 'es' }, $::message->('notice', $n));
    $good->json('notice') and $all++;
}
is $all, $n - 1, 'the good one has all';
is counters()->{sockets_too_slow}, 1, 'it is too slow';
my $code;
while (my $frame = $slow->frame(20)) {
    next if $frame->{opcode} != 8;
    $code = unpack 'n', $frame->{payload};
    last;
}
is $code, 1013, 'it is told to come again';
is +(eventually { (api(GET => "/sessions/$session->{sessionId}"))[1]{listenerCount} == 1 } 20), 1,
    'and it is no listener any more';

=== TEST 4: one that comes back after that has no gap but what is told
--- ws
my $session = session();
my $good = listener($session, 'es');
my $path = "/ws?sessionId=$session->{sessionId}&targetLanguage=es&resume=1";
my $slow = connect_ws($path);
my $segment = sub {
    my ($n) = @_;
    result($session, { language => 'es' },
        qq({"type":"translatedAudio","segment":$n,"n":$n}));
    result($session, {}, $::message->('notice', $n));
    $good->json('notice');
};
$segment->($_) for 1 .. 60;
my $last = 0;
while (my $frame = $slow->frame(20)) {
    last if $frame->{opcode} == 8;
    my $one = json_of($frame->{payload});
    $last = $one->{segment} if $one->{segment};
}
cmp_ok $last, '<', 60, 'it is closed before the end';
my $back = connect_ws("$path&lastSegment=$last");
my @got = map { ($back->json('translatedAudio', 20) // {})->{n} } $last + 1 .. 60;
is "@got", join(' ', $last + 1 .. 60), 'and goes on where it was';

=== TEST 5: over TLS, where small frames share a record
--- locations eval: $::Tls_too
--- ws
my $session = session();
my $good = listener($session, 'es');
my ($pid, $out, $in) = slow_tls($session);
my $n = 0;
my $say = sub {
    for (1 .. $_[0]) {
        $n++;
        my $pad = substr $::small, $n * 1777 % 4000;    # no two alike in a row
        result($session, { language => 'es' },
            qq({"type":"translatedAudio","n":$n,"pad":"$pad"}));
        next if $n % 10;
        result($session, {}, qq({"type":"notice","n":$n}));
        $good->json('notice') or last;
    }
};
$say->(60) while $n < 1200 && counters()->{messages_dropped_audio} == 0;
cmp_ok counters()->{messages_dropped_audio}, '>', 0, 'it is behind';
print $in "some\n";
is scalar(<$out>), "some\n", 'it reads on';
$say->(60);
print $in "all\n";
chomp(my $got = <$out>);
close $in;
waitpid $pid, 0;
is join(' ', grep { /^n/ } split ' ', $got),
    join(' ', map { 'n' . 10 * $_ } 1 .. $n / 10),
    'every small one came, in order';
my @audio = map { /^t(\d+)/ ? $1 : () } split ' ', $got;
is "@audio", join(' ', sort { $a <=> $b } @audio), 'as did what is left of the others';
is $audio[-1], $n, 'up to the newest';

=== TEST 6: over TLS, closed with a record half sent
--- locations eval: $::Tls_too
--- ws
my $session = session();
my ($pid, $out, $in) = slow_tls($session);
my $n = 0;
while ($n++ < 90 && counters()->{sockets_too_slow} == 0) {
    result($session, { language => 'es' }, $::message->('notice', $n));
}
is counters()->{sockets_too_slow}, 1, 'it is too slow';
print $in "all\n";
is scalar(<$out>), "closed 1013\n", 'and is told so';
close $in;
waitpid $pid, 0;
