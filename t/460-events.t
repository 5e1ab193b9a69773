use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::EventSource;

# Listeners by Server-Sent Events: the same cursor, limits and ends as those
# with a WebSocket.

our $Http2 = $ENV{TEST_NGINX_HTTP2_PORT} = LT::Env::free_port();
our $Events = $LT::Suite::Locations
    . "    location = /events { lt_events; }\n"
    . "    listen 127.0.0.1:\$TEST_NGINX_HTTP2_PORT http2;\n";

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(locations => $Events) if !defined $block->locations;
});

sub events {
    my ($session, $language, %headers) = @_;
    return LT::EventSource->connect(
        $Test::Nginx::Util::ServerPortForClient,
        "/events?sessionId=$session->{sessionId}&targetLanguage=$language",
        headers => \%headers);
}

sub segment {
    my ($session, $n, $more) = @_;
    return result($session, { language => 'es' },
        qq({"type":"translatedAudio","segment":$n) . ($more // '') . '}');
}

# The ids of the next events; what was missed as "from-to", what has no id "-".
sub heard {
    my ($source, $count) = @_;
    my @got;
    while (@got < $count) {
        my $event = $source->event(20) or last;
        my $data = json_of($event->{data});
        push @got, $data->{type} eq 'segmentsMissed'
            ? "$data->{from}-$data->{to}" : $event->{id} // '-';
    }
    return "@got";
}

our ($events, $segment, $heard) = (\&events, \&segment, \&heard);

run_tests();

__DATA__

=== TEST 1: a listener like any other
--- ws
my $session = session();
my $speaker = speaker($session);
my $source = $::events->($session, 'es');
my $socket = listener($session, 'es');
is $source->status, 200, 'it is there';
is $source->header('Content-Type'), 'text/event-stream', 'as events';
is $source->header('Access-Control-Allow-Origin'), '*', 'for any page';
is $source->header('Cache-Control'), 'no-store', 'for no cache';
is $source->header('X-Accel-Buffering'), 'no', 'for no buffer on the way';
is $source->block->{retry}, 1000, 'it shall come back after a second';
ok +(eventually {
    (api(GET => "/sessions/$session->{sessionId}"))[1]{listenerCount} == 2
} 20), 'it counts';
is +($::segment->($session, 1))[1]{delivered}, 2, 'both hear it';
my $event = $source->event;
is $event->{id}, 1, 'by its number';
is $event->{data}, $socket->frame->{payload}, 'in the same words';
result($session, {}, '{"type":"notice"}');
is $source->event->{id}, undef, 'what has no number has no id';
result($session, { language => 'fr' }, '{"type":"notice","no":1}');
result($session, {}, qq({"type":"notice",\n"lines":\r\n3\n}));
is $source->event->{data}, qq({"type":"notice",\n"lines":\n3\n}),
    'lines stay lines; other languages are not heard';
is counters()->{events_opened}, 1, 'counted';
$source->drop;
ok +(eventually {
    (api(GET => "/sessions/$session->{sessionId}"))[1]{listenerCount} == 1
} 20), 'and gone';
is counters()->{sockets_broken}, 1, 'without a word';
ok alive($socket), 'the other stays';

=== TEST 2: who comes back misses nothing
--- ws
my $session = session();
my $stays = listener($session, 'es');
my $source = $::events->($session, 'es');
$::segment->($session, $_) for 1 .. 3;
is $::heard->($source, 3), '1 2 3', 'the first three';
$source->drop;
$::segment->($session, $_) for 4 .. 6;
my $back = $::events->($session, 'es', 'Last-Event-ID' => 3);
is $::heard->($back, 3), '4 5 6', 'then what came meanwhile';
$::segment->($session, 7);
is $::heard->($back, 1), '7', 'then what comes';
my $far = $::events->($session, 'es', 'Last-Event-ID' => 'no number');
$::segment->($session, 9);
is $::heard->($far, 1), '9', 'what is no number is none';
is $::heard->($back, 2), '8-8 9', 'a gap is told';
$::segment->($session, 8);
is $::heard->($back, 1), '-', 'what is late moves no cursor';
$::segment->($session, 10);
is $::heard->($back, 1), '10', 'which goes on';
my $url = LT::EventSource->connect($Test::Nginx::Util::ServerPortForClient,
    "/events?sessionId=$session->{sessionId}&targetLanguage=es&lastSegment=8");
is $::heard->($url, 2), '9 10', 'a page that had a WebSocket before';

=== TEST 3: refusals are those of a listener's upgrade
--- ws
my $session = session();
my $port = $Test::Nginx::Util::ServerPortForClient;
my $path = "/events?sessionId=$session->{sessionId}";
for ([$path, 400, 'MISSING_TARGET_LANGUAGE'],
    ["$path&token=$session->{speakerToken}", 400, 'MISSING_TARGET_LANGUAGE'],
    ["$path&targetLanguage=Spanish", 400, 'INVALID_TARGET_LANGUAGE'],
    ['/events?targetLanguage=es', 400, 'MISSING_SESSION_ID'],
    ['/events?sessionId=x&targetLanguage=es', 400, 'INVALID_SESSION_ID'],
    ['/events?sessionId=calm-river-417&targetLanguage=es', 404,
        'SESSION_NOT_FOUND'])
{
    my ($where, $status, $code) = @$_;
    my $answer = LT::EventSource->connect($port, $where);
    is $answer->status, $status, "$code: $status";
    is $answer->error->{code}, $code, "$code: the code";
    is $answer->header('Access-Control-Allow-Origin'), '*', "$code: readable";
}
is +(api(POST => "$path&targetLanguage=es"))[0], 405, 'GET only';
is +(api(OPTIONS => $path))[0], 204, 'a preflight';

=== TEST 4: no more than may be
--- lt_http
lt_listeners_max 2;
lt_address_sockets 4;
--- ws
my ($session, $other) = (session(), session());
my @here = map { $::events->($session, 'es') } 1 .. 2;
my $full = $::events->($session, 'es');
is $full->error->{code}, 'SESSION_FULL', 'of a session';
push @here, map { $::events->($other, 'es') } 1 .. 2;
my $limited = $::events->(session(), 'es');
is $limited->status, 429, 'of an address';
$here[0]->drop;
ok +(eventually { $::events->($session, 'es')->status == 200 } 20),
    'who goes makes room';

=== TEST 5: the end of a talk, and what is said when nothing is
--- lt_http
lt_end_grace 0;
lt_idle_timeout 2s;
--- timeout: 60
--- ws
my $session = session();
my $source = $::events->($session, 'es');
is $source->block->{retry}, 1000, 'it is there';
is $source->block(20)->{comment}, '', 'a comment';
is $source->block(20)->{comment}, '', 'again and again';
is $source->block(20)->{comment}, '', 'beyond lt_idle_timeout';
api(DELETE => "/sessions/$session->{sessionId}", undef,
    { Authorization => "Bearer $session->{speakerToken}" });
is json_of($source->event(20)->{data})->{type}, 'sessionEnded', 'it ends';
my $close = $source->event(20);
is $close->{event}, 'close', 'it is closed';
is json_of($close->{data})->{code}, 1000, 'as a WebSocket would be';
ok $source->is_over(20), 'and the answer ends';
is $::events->($session, 'es')->status, 403,
    'an EventSource that comes back is told so, and stops';

=== TEST 6: who does not read loses the oldest audio, then the stream
--- ws
my $session = session();
my ($slow, $good) = ($::events->($session, 'es'), listener($session, 'es'));
my $pad = ',"pad":"' . 'x' x 20_000 . '"';
for (1 .. 80) {
    $::segment->($session, $_, $pad);
    $good->json('translatedAudio', 20) or last;
}
my $c = counters();
cmp_ok $c->{messages_dropped_audio}, '>', 0, 'audio is dropped';
is $c->{sockets_too_slow}, 0, 'that is enough';
for (1 .. 100) {
    result($session, {}, qq({"type":"notice","n":$_$pad}));
    $good->json('notice', 20) or last;
    last if counters()->{sockets_too_slow};
}
is counters()->{sockets_too_slow}, 1, 'control is not: the stream is too slow';
my (@ids, $code);
while (my $event = $slow->event(20)) {
    push @ids, $event->{id} if $event->{id};
    $code = json_of($event->{data})->{code} if ($event->{event} // '') eq 'close';
}
is "@ids", join(' ', sort { $a <=> $b } @ids), 'what came is in order';
cmp_ok scalar @ids, '<', 80, 'with gaps';
ok !defined $code || $code == 1013, 'and says why, if it can';
ok alive($good), 'nobody else notices';

=== TEST 7: a process that leaves sends them on
--- lt_http
lt_drain 500ms;
--- timeout: 60
--- ws
my $session = session();
my $source = $::events->($session, 'es');
my @before = worker_pids();
$::segment->($session, $_) for 1 .. 2;
is $::heard->($source, 2), '1 2', 'it hears';
reload();
my $close = $source->event(20);
is $close->{event}, 'close', 'it is told';
is json_of($close->{data})->{code}, 1012, 'to come again';
ok $source->is_over(20), 'the answer ends';
$::segment->($session, 3);
my $back = $::events->($session, 'es', 'Last-Event-ID' => 2);
is $::heard->($back, 1), '3', 'it has missed nothing';
$source->drop;
ok +(eventually { !grep { kill 0, $_ } @before } 20), 'the old process goes';

=== TEST 8: over HTTP/2
--- lt_http
lt_end_grace 0;
--- ws
my $session = session();
my ($node) = glob 'local/node_modules/node-linux-*/bin/node';
my $stays = listener($session, 'es');
$::segment->($session, $_) for 1 .. 3;
open my $out, '-|', $node, 't/lib/http2-events.mjs', $::Http2,
    "/events?sessionId=$session->{sessionId}&targetLanguage=es", 1
    or die "node: $!\n";
is scalar(<$out>), "status 200\n", 'it is there';
is scalar(<$out>), "id 2\n", 'what it missed';
is scalar(<$out>), "id 3\n", 'in order';
my $pad = ',"pad":"' . 'x' x 60_000 . '"';
for my $n (4 .. 9) {
    $::segment->($session, $n, $pad);
    is scalar(<$out>), "id $n\n", "then $n, larger than a frame";
}
api(DELETE => "/sessions/$session->{sessionId}", undef,
    { Authorization => "Bearer $session->{speakerToken}" });
is scalar(<$out>), "type sessionEnded\n", 'the end';
is scalar(<$out>), "close 1000\n", 'said';
is scalar(<$out>), "over\n", 'and done';
close $out;

=== TEST 9: what Redis has is asked for once, however often one comes back
--- ws
my $asked = sub {
    my ($n) = redis()->command('INFO', 'commandstats')
        =~ /^cmdstat_lrange:calls=(\d+)/m;
    return $n // 0;
};
my $session = session();
my $stays = listener($session, 'es');
$::segment->($session, $_) for 1 .. 70;
my $before = $asked->();
for (1 .. 8) {
    my $back = $::events->($session, 'es', 'Last-Event-ID' => 1);
    is $::heard->($back, 65), join(' ', '2-6', 7 .. 70), 'what there is';
    $back->drop;
}
cmp_ok $asked->() - $before, '<=', 1, 'of a process that hears the talk';

=== TEST 10: neither is for a request within another
--- locations eval
$::Events . "    location = /auth { auth_request /ws; lt_status; }\n"
    . "    location = /copy { mirror /events; mirror /ws; lt_status; }\n"
--- error_log
event=handshake_refused
--- ws
my $session = session();
my $query = "?sessionId=$session->{sessionId}&targetLanguage=es";
for (1 .. 2) {
    is connect_ws("/auth$query")->status, 403, 'it is refused';
    is connect_ws("/copy$query")->status, 200, 'or nobody notices';
}
is counters()->{sockets_listener}, 0, 'nobody listens';
