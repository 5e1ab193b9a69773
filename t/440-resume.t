use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# Listeners that come back with the number of their last segment, to the same
# process, to another one and after a kill: none lost, none doubled.

workers(2);

sub segment {
    my ($session, $language, $n) = @_;
    return result($session, { language => $language },
        qq({"type":"translatedAudio","targetLanguage":"$language",)
        . qq("segment":$n,"sequenceNumber":$n}));
}

# The numbers of the next segments, with what was missed as "from-to".
sub heard {
    my ($socket, $count) = @_;
    my @got;
    while (@got < $count) {
        my $message = $socket->json(undef, 20) or last;
        push @got, $message->{segment} if $message->{type} eq 'translatedAudio';
        push @got, "$message->{from}-$message->{to}"
            if $message->{type} eq 'segmentsMissed';
    }
    return "@got";
}

# True when nothing more is on its way to it.
sub quiet {
    my ($socket) = @_;
    $socket->send_json({ action => 'heartbeat' });
    my $message = $socket->json(undef, 20);
    return $message && $message->{type} eq 'heartbeatAck';
}

our ($heard, $quiet, $segment) = (\&heard, \&quiet, \&segment);

run_tests();

__DATA__

=== TEST 1: what was said meanwhile comes at once, in order
--- ws
my $session = session();
my $stays = listener($session, 'es');
my @here = map { returning($session, 'es') } 1 .. 4;
$::segment->($session, 'es', $_) for 1 .. 3;
is $::heard->($_, 3), '1 2 3', 'the first three' for @here;
$_->drop for @here;
$::segment->($session, 'es', $_) for 4 .. 6;
for my $last (3, 4, 5, 6) {
    for (1 .. 4) {
        my $back = returning($session, 'es', $last);
        is $::heard->($back, 6 - $last), join(' ', $last + 1 .. 6),
            "after $last";
        ok $::quiet->($back), 'and nothing twice';
        $back->drop;
    }
}
is $::heard->($stays, 6), '1 2 3 4 5 6', 'the others hear what they heard';

=== TEST 2: then it goes on as for everybody
--- ws
my $session = session();
my $stays = listener($session, 'es');
$::segment->($session, 'es', $_) for 1 .. 3;
my @back = map { returning($session, 'es', 1) } 1 .. 6;
$::segment->($session, 'es', $_) for 4 .. 5;
for (@back) {
    is $::heard->($_, 4), '2 3 4 5', 'without a seam';
    ok $::quiet->($_), 'nor a double';
}
cmp_ok counters()->{segments_resumed}, '>=', 6, 'counted';
is counters()->{listeners_resumed}, 6, 'and so are they';

=== TEST 3: nobody was there in that process, or anywhere
--- ws
my $session = session();
my $speaker = speaker($session);
$::segment->($session, 'es', $_) for 1 .. 5;
for (1 .. 4) {
    my $back = returning($session, 'es', 2);
    is $::heard->($back, 3), '3 4 5', 'Redis remembers';
    ok $::quiet->($back), 'once';
    $back->drop;
}

=== TEST 4: after a kill of the processes
--- no_error_log
[emerg]
--- ws
my $session = session();
my @here = map { returning($session, 'es') } 1 .. 4;
$::segment->($session, 'es', $_) for 1 .. 3;
is $::heard->($_, 3), '1 2 3', 'the first three' for @here;
my @old = worker_pids();
kill KILL => @old;
eventually { my %old = map { $_ => 1 } @old; 2 == grep { !$old{$_} } worker_pids() };
eventually { ($::segment->($session, 'es', 4))[0] == 200 };
my @back = map { returning($session, 'es', 3) } 1 .. 4;
$::segment->($session, 'es', 5);
for (@back) {
    is $::heard->($_, 2), '4 5', 'no gap';
    ok $::quiet->($_), 'and no double';
}

=== TEST 5: what is beyond the ring is told
--- ws
my $session = session();
my $stays = listener($session, 'es');
$::segment->($session, 'es', $_) for 1 .. 100;
my $back = returning($session, 'es', 10);
is $::heard->($back, 65), join(' ', '11-36', 37 .. 100), 'the gap, the rest';
ok $::quiet->($back), 'and no more';
is counters()->{segments_missed}, 26, 'counted';

=== TEST 6: a message that comes twice, or late
--- ws
my $session = session();
my ($old, $new) = (listener($session, 'es'), returning($session, 'es'));
$::segment->($session, 'es', $_) for 1, 2, 2, 4, 3, 3, 5;
is $::heard->($new, 6), '1 2 3-3 4 3 5', 'ours: each once';
ok $::quiet->($new), 'no more';
is $::heard->($old, 5), '1 2 4 3 5', 'existing apps: as it comes, once';
ok $::quiet->($old), 'no more';

=== TEST 7: another language, other messages, the numbers of others
--- ws
my $session = session();
my $es = returning($session, 'es');
$::segment->($session, 'fr', 1);
$::segment->($session, 'es', 1);
result($session, {}, '{"type":"notice","segment":7}');
$::segment->($session, 'es', 2);
is join(' ', map { ($es->json)->{segment} } 1 .. 3), '1 7 2', 'no number of its own';
$es->drop;
my $back = returning($session, 'fr', 0);
ok $::quiet->($back), 'lastSegment 0: for the first time';
ok $::quiet->(returning($session, 'es', $_)), "lastSegment $_ is harmless"
    for '', -1, 'x', '9' x 30, 99;

=== TEST 8: the numbers begin anew
--- ws
my $session = session();
my $es = returning($session, 'es');
$::segment->($session, 'es', $_) for 500, 501, 1, 2;
is $::heard->($es, 4), '500 501 1 2', 'and it hears them';
my $back = returning($session, 'es', 1);
is $::heard->($back, 1), '2', 'also when it comes back';

=== TEST 9: after a change of language
--- ws
my $session = session();
my $ours = returning($session, 'es');
$::segment->($session, 'es', 1);
is $::heard->($ours, 1), '1', 'one';
$ours->send_json({ action => 'changeLanguage', targetLanguage => 'fr' });
ok $ours->json('languageChanged'), 'it changes';
$::segment->($session, 'fr', 2);
is $::heard->($ours, 1), '2', 'it goes on';
my $back = returning($session, 'fr', 1);
is $::heard->($back, 1), '2', 'and comes back to that';

=== TEST 10: an existing app, too, hears a segment once in each language
--- ws
my $session = session();
my $stays = listener($session, 'es');
my $old = listener($session, 'es');
my $change = sub {
    $old->send_json({ action => 'changeLanguage', targetLanguage => $_[0] });
    return $old->json('languageChanged');
};
$::segment->($session, 'es', $_) for 1, 2, 2;
is $::heard->($old, 2), '1 2', 'each once';
ok $change->('es'), 'the same language again';
$::segment->($session, 'es', 2);
ok $::quiet->($old), 'is nothing new';
ok $change->('fr'), 'another one';
$::segment->($session, 'fr', $_) for 2, 2, 1, 1;
result($session, { language => 'fr' }, '{"type":"translatedAudio","n":1}') for 1, 2;
is join(' ', map { ($old->json('translatedAudio', 20) // {})->{segment} // '-' }
        1 .. 4), '2 1 - -', 'what has no segment comes as often as it is said';
ok $::quiet->($old), 'no more';
my $anew = listener($session, 'es');
$::segment->($session, 'es', 2);
is $::heard->($anew, 1), '2', 'who joins anew has heard nothing';
ok $::quiet->($_), 'who was there has' for $stays->json('translatedAudio')
    && $stays->json('translatedAudio') && $stays, $old;

=== TEST 11: another language, asked for before what was missed is there
--- ws
for (1 .. 3) {
    my $session = session();
    for my $language ('es', 'fr') {
        $::segment->($session, $language, $_) for 1, 2;
    }
    my $back = connect_ws("/ws?sessionId=$session->{sessionId}"
        . '&targetLanguage=es&resume=1&lastSegment=1',
        behind => LT::WebSocket::ws_frame(1,
            '{"action":"changeLanguage","targetLanguage":"fr"}'));
    is +($back->json(undef, 20) // {})->{type}, 'languageChanged', 'it changes';
    is $::heard->($back, 1), '2', 'what was missed comes in the new one';
    ok $::quiet->($back), 'once';
}
