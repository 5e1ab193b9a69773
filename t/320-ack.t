use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# audioAck: a speaker is told what is safe, and says the rest once more after
# its connection, or our process, has gone.

our $Bytes = 8192;

# A speaker that keeps what it has said: { socket, said, epoch, acked, lost }.
sub asks {
    my ($session, $before) = @_;
    my $resume = $before ? "&resume=$before->{epoch}" : '';
    my $socket = connect_ws("/ws?token=$session->{speakerToken}"
        . "&sessionId=$session->{sessionId}&ack=1$resume");
    die 'refused: ', $socket->status, "\n" if $socket->status != 101;
    my $first = $socket->json('audioAck', 20) or die "no first audioAck\n";
    my $new = !$before || $first->{epoch} ne $before->{epoch};
    return { socket => $socket, session => $session, first => $first,
        epoch => $first->{epoch}, window => $first->{window}, lost => 0,
        acked => $new ? 0 : $before->{acked}, said => $before->{said} // '' };
}

# What it has said from that number on, in frames of so many bytes.
sub sends {
    my ($speaker, $from, $bytes) = @_;
    $bytes //= $main::Bytes;
    for (my $at = $from; $at < length $speaker->{said}; $at += $bytes) {
        $speaker->{socket}->send_binary(pack('Q<', $at)
            . substr $speaker->{said}, $at, $bytes);
    }
}

sub says {
    my ($speaker, @n) = @_;
    for (@n) {
        my $from = length $speaker->{said};
        $speaker->{said} .= pcm($main::Bytes, $_);
        sends($speaker, $from);
    }
}

# A new speaker with so many frames that are safe; then Kinesis fails in that
# way, and it has said that many: (session, speaker).
sub halfway {
    my ($safe, $said, $failure) = @_;
    my $session = session();
    my $speaker = asks($session);
    says($speaker, 1 .. $safe);
    hears($speaker, $safe * $main::Bytes);
    kinesis()->script({ always => $failure });
    says($speaker, $safe + 1 .. $said);
    eventually { counters()->{audio_accepted_bytes} == $said * $main::Bytes }
        20;
    return ($session, $speaker);
}

# Hears acknowledgements until that many bytes are; the last one.
sub hears {
    my ($speaker, $bytes) = @_;
    my $last = $speaker->{first};
    while ($speaker->{acked} < $bytes) {
        $last = $speaker->{socket}->json('audioAck', 20) or last;
        $speaker->{acked} = $last->{bytes};
        $speaker->{lost} = $last->{lost};
    }
    return $last;
}

# A session's framed records as one stream, doubles left out by their numbers:
# (PCM, epochs, holes).
sub joined {
    my ($session) = @_;
    my ($all, $holes, %epoch) = ('', 0);
    for my $data (kinesis()->records($session->{sessionId})) {
        my (undef, undef, $flags, undef, $epoch, $offset)
            = unpack 'a4 C C S< Q< Q< q<', $data;
        my $pcm = substr $data, 32;
        $epoch{$epoch} = 1;
        $holes++ if $offset > length $all;
        my $known = length($all) - $offset;
        next if $known >= length $pcm;
        $all .= substr $pcm, $known > 0 ? $known : 0;
    }
    return ($all, scalar keys %epoch, $holes);
}

sub same {
    my ($got, $said, $what) = @_;
    ok $got eq $said, $what
        or diag('got ', length $got, ' of ', length $said, ' bytes');
}

run_tests();

__DATA__

=== TEST 1: who does not ask is not told
--- ws
my $session = session();
my $socket = speaker($session);
$socket->send_binary(pcm($main::Bytes));
kinesis()->stored($session->{sessionId}, $main::Bytes, 20);
is $socket->frame(1.2), undef, 'nothing';
$socket = connect_ws("/ws?sessionId=$session->{sessionId}&targetLanguage=es"
    . '&ack=1');
is $socket->frame(0.2), undef, 'nor a listener who asks';

=== TEST 2: who asks is told: at first, and what is safe
--- ws
my $session = session();
my $speaker = asks($session);
is $speaker->{first}{bytes}, 0, 'nothing yet';
cmp_ok $speaker->{epoch}, '>', 1.6e12, 'the epoch';
is $speaker->{window}, 128000, 'half of lt_audio_buffer may be on its way';
my @told;
for my $n (1 .. 30) {
    says($speaker, $n);
    push @told, grep { defined } $speaker->{socket}->json('audioAck', 0.06);
}
push @told, hears($speaker, 30 * $main::Bytes);
is $told[-1]{bytes}, length $speaker->{said}, 'all is safe';
is $told[-1]{lost}, 0, 'and nothing was lost';
is $told[-1]{sessionId}, $session->{sessionId}, 'the session';
my @early = grep { $told[$_]{timestamp} - $told[$_ - 1]{timestamp} < 480 }
    1 .. $#told;
is "@early", '', 'at most twice a second';
my @less = grep { $told[$_]{bytes} <= $told[$_ - 1]{bytes} } 1 .. $#told;
is "@less", '', 'it only grows';
same(kinesis()->stored($session->{sessionId}, $told[-1]{bytes}),
    $speaker->{said}, 'the head of a frame is no audio');
my $count = counters()->{audio_acks};
is $speaker->{socket}->json('audioAck', 1.2), undef, 'silence is silence';
is counters()->{audio_acks}, $count, 'and is counted so';

=== TEST 3: nothing is safe before Kinesis has it
--- ws
my $session = session();
my $speaker = asks($session);
kinesis()->script({ always => 'throttle' });
says($speaker, 1 .. 3);
is $speaker->{socket}->json('audioAck', 1.5), undef, 'not yet';
kinesis()->script({});
is hears($speaker, 3 * $main::Bytes)->{bytes}, 3 * $main::Bytes, 'now';

=== TEST 4: frames without a sensible number
--- ws
my $session = session();
my $speaker = asks($session);
my $socket = $speaker->{socket};
for my $wrong ('', 'x' x 7, pack('Q<', 3) . pcm(64), pack('Q<', 0),
    pack('Q<', 1 << 53) . pcm(64), pack('Q<', 0) . 'x',
    pack('Q<', 0) . 'x' x 32770)
{
    $socket->send_binary($wrong);
    like +($socket->json('error', 20) // {})->{code}, qr/AUDIO/,
        length($wrong) . ' bytes';
}
says($speaker, 1);
hears($speaker, $main::Bytes);
same(kinesis()->stored($session->{sessionId}, $main::Bytes), $speaker->{said},
    'and the right one arrives');

=== TEST 5: what came before is not taken again
--- lt_http
lt_kinesis_record framed;
--- ws
my $session = session();
my $speaker = asks($session);
says($speaker, 1 .. 4);
hears($speaker, 4 * $main::Bytes);
sends($speaker, 0);
sends($speaker, 2 * $main::Bytes + 1000, 5000);
says($speaker, 5);
$speaker->{socket}->send_text(chunk($session, pcm($main::Bytes, 6)));
$speaker->{said} .= pcm($main::Bytes, 6);
is hears($speaker, 6 * $main::Bytes)->{bytes}, 6 * $main::Bytes,
    'JSON is counted on';
my $all = join '', map { substr $_, 32 }
    kinesis()->records($session->{sessionId});
same($all, $speaker->{said}, 'once');
is counters()->{audio_known_bytes}, 4 * $main::Bytes + 15384, 'and counted';

=== TEST 6: numbers that are left out
--- lt_http
lt_kinesis_record framed;
--- ws
my $session = session();
my $speaker = asks($session);
says($speaker, 1);
hears($speaker, $main::Bytes);
$speaker->{said} .= "\0" x 4000;
says($speaker, 2);
is hears($speaker, 20384)->{bytes}, 20384, 'they are settled';
my @records = map { [unpack 'a4 C C S< Q< Q< q<', $_] }
    kinesis()->records($session->{sessionId});
is join(' ', map { "$_->[5]/$_->[2]" } @records), '0/0 12192/1',
    'the record says so';

=== TEST 7: paused audio is settled, and not kept
--- ws
my $session = session();
my $speaker = asks($session);
$speaker->{socket}->send_json({ action => 'pauseBroadcast' });
$speaker->{socket}->json('broadcastPaused', 20);
says($speaker, 1 .. 2);
is hears($speaker, 2 * $main::Bytes)->{bytes}, 2 * $main::Bytes, 'settled';
$speaker->{socket}->send_json({ action => 'resumeBroadcast' });
$speaker->{socket}->json('broadcastResumed', 20);
says($speaker, 3);
is hears($speaker, 3 * $main::Bytes)->{bytes}, 3 * $main::Bytes, 'goes on';
same(join('', kinesis()->records($session->{sessionId})),
    pcm($main::Bytes, 3), 'only that is there');

=== TEST 8: what is dropped is told, to the byte
--- lt_http
lt_audio_buffer 1s;
--- ws
my $session = session();
my $speaker = asks($session);
kinesis()->script({ always => 'throttle' });
says($speaker, 1 .. 20);
eventually { counters()->{audio_dropped_full_bytes} } 20;
kinesis()->script({});
hears($speaker, 20 * $main::Bytes);
my $dropped = eventually {
    my $now = counters();
    $now->{ingest_pending_bytes} == 0
        && $now->{audio_dropped_full_bytes}
            + $now->{audio_dropped_expired_bytes};
} 20;
cmp_ok $dropped, '>', 4 * $main::Bytes, 'there was no room for all';
is $speaker->{lost}, $dropped, 'so much';

=== TEST 9: back on the same process: all of it, once, even raw
--- ws
my ($session, $speaker) = halfway(4, 8, '503');
$speaker->{socket}->drop(1);
for my $n (9 .. 12) {
    $speaker->{said} .= pcm($main::Bytes, $n);
}
my $back = asks($session, $speaker);
is $back->{epoch}, $speaker->{epoch}, 'the numbering goes on';
sends($back, $speaker->{acked});
says($back, 13);
eventually { counters()->{audio_accepted_bytes} == 13 * $main::Bytes } 20;
kinesis()->script({});
hears($back, 13 * $main::Bytes);
same(join('', kinesis()->records($session->{sessionId})), $back->{said},
    'byte for byte');
is counters()->{audio_known_bytes}, 4 * $main::Bytes, 'four came twice';
my $again = asks($session, $back);
sends($again, 12 * $main::Bytes);
says($again, 14);
is hears($again, 14 * $main::Bytes)->{bytes}, 14 * $main::Bytes, 'and again';
same(join('', kinesis()->records($session->{sessionId})), $again->{said},
    'what is stored is known too');

=== TEST 10: an old epoch does not come back
--- ws
my $session = session();
my $old = asks($session);
says($old, 1);
hears($old, $main::Bytes);
my $new = asks($session);
cmp_ok $new->{epoch}, '>', $old->{epoch}, 'another numbering';
for my $resume ($old->{epoch}, 0, 'x', '99999999999999') {
    my $back = asks($session, { epoch => $resume, said => '' });
    cmp_ok $back->{epoch}, '>', $new->{epoch}, "not $resume";
    is $back->{first}{bytes}, 0, 'from its beginning';
    $new = $back;
}

=== TEST 11: the process is killed while audio is on its way
--- timeout: 40
--- no_error_log
[emerg]
--- lt_http
lt_kinesis_record framed;
lt_kinesis_linger 200ms;
--- ws
my $session = session();
my $speaker = asks($session);
my $written = 0;
for my $round (1 .. 3) {
    says($speaker, 10 * $round + $_) for 1 .. 4;
    hears($speaker, $speaker->{acked} + 1);
    kinesis()->script({ always => 'slow' });
    says($speaker, 10 * $round + 5);
    eventually { length((joined($session))[0]) > $written + 4 * $main::Bytes }
        20;
    says($speaker, 10 * $round + $_) for 6 .. 8;
    my ($old) = worker_pids();
    kill KILL => $old;
    kinesis()->script({});
    eventually { my ($new) = worker_pids(); $new && $new != $old } 20
        or die "no new process\n";
    $written += 8 * $main::Bytes;
    cmp_ok $speaker->{acked}, '<', $written, 'not all was known to be safe';
    my $back = eventually {
        eval { asks($session, $speaker) };
    } 20 or die "not back: $@";
    is $back->{epoch}, $speaker->{epoch}, 'the numbering goes on';
    sends($back, $speaker->{acked});
    is hears($back, $written)->{lost}, 0, 'all is settled, nothing lost';
    $speaker = $back;
}
my ($all, $epochs, $holes) = joined($session);
same($all, $speaker->{said}, 'every byte, once');
is "$epochs $holes", '1 0', 'one epoch, no hole';
my $stored = length join '', map { substr $_, 32 }
    kinesis()->records($session->{sessionId});
cmp_ok $stored, '>', $written, 'some came twice, and were known by number';

=== TEST 12: back on another process, while the one before still writes
--- timeout: 40
--- lt_http
lt_kinesis_record framed;
--- ws
my ($session, $speaker) = halfway(2, 6, 'throttle');
reload();
my $back = asks($session, $speaker);
like +($speaker->{socket}->closed(20))[0], qr/^(?:4409|1012)\z/,
    'the old socket is closed: replaced, or sent away by the old process';
sends($back, $speaker->{acked});
says($back, 7);
kinesis()->script({});
hears($back, 7 * $main::Bytes);
eventually { counters()->{ingest_pending_bytes} == 0 } 20;
my ($all, $epochs, $holes) = joined($session);
same($all, $back->{said}, 'every byte, once');
is "$epochs $holes", '1 0', 'one epoch, no hole';

=== TEST 13: an outage longer than the buffer: who keeps it, loses nothing
--- timeout: 40
--- lt_http
lt_kinesis_record framed;
lt_audio_buffer 1s;
--- ws
my $session = session();
my $speaker = asks($session);
is $speaker->{window}, 16000, 'the window';
says($speaker, 1);
hears($speaker, $main::Bytes);
kinesis()->script({ always => '503' });
says($speaker, 2 .. 3);
is $speaker->{socket}->json('audioAck', 2.5), undef, 'nothing is settled';
is counters()->{audio_dropped_expired_bytes}, 0, 'nor given up';
my $back = asks($session, $speaker);
sends($back, $speaker->{acked});
is(($back->{socket}->json('audioAck', 20) // {})->{bytes}, $main::Bytes,
    'back: as before');
is $back->{socket}->json('audioAck', 2.5), undef, 'and still nothing more';
is counters()->{audio_dropped_expired_bytes}, 0, 'nor given up';
kinesis()->script({});
is hears($back, 3 * $main::Bytes)->{lost}, 0, 'all is there';
my ($all, $epochs, $holes) = joined($session);
same($all, $back->{said}, 'every byte');

=== TEST 14: who has gone: nothing is sent behind a hole
--- timeout: 40
--- lt_http
lt_kinesis_record framed;
lt_audio_buffer 1s;
--- ws
my $session = session();
my $speaker = asks($session);
says($speaker, 1);
hears($speaker, $main::Bytes);
kinesis()->script({ always => '503' });
says($speaker, 2);
select undef, undef, undef, 0.6;
says($speaker, 3);
eventually { counters()->{audio_accepted_bytes} == 3 * $main::Bytes } 20;
$speaker->{socket}->drop(1);
is +(eventually { counters()->{audio_dropped_expired_bytes} } 20),
    2 * $main::Bytes, 'all of it goes at once';
kinesis()->script({});
my $back = asks($session, $speaker);
sends($back, $speaker->{acked});
is hears($back, 3 * $main::Bytes)->{lost}, 0, 'and comes again';
my ($all, $epochs, $holes) = joined($session);
same($all, $back->{said}, 'every byte');
is $holes, 0, 'in order';
