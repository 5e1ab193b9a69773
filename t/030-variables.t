use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# What the access log knows of a socket, and the trace that begins with a
# speaker's handshake.

our $Trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
our $Log;

add_block_preprocessor(sub {
    my ($block) = @_;
    $Log = "$LT::Env::Dir/access-" . ($block->name =~ /(\d+)/)[0] . '.log';
    $block->set_value(http_config => <<"END");
log_format lt '\$status role=\$lt_role session=\$lt_session language=\$lt_language connection=\$lt_connection code=\$lt_code trace=\$lt_trace';
access_log $Log lt;
END
});

# Lines of the access log that fit, as hashes; when there are so many.
sub logged {
    my ($pattern, $n) = @_;
    my @found;
    eventually {
        open my $in, '<', $Log or return 0;
        @found = map { { /(\w+)=(\S*)/g, line => $_ } } grep { /$pattern/ }
            <$in>;
        @found >= $n;
    };
    return @found;
}

sub kept {
    my ($session) = @_;
    return redis()->command('HGET', "lt:{$session->{sessionId}}:session",
        'traceparent');
}

run_tests();

__DATA__

=== TEST 1: who came, in the line of the 101
--- ws
my $session = session();
my $speaker = speaker($session);
my $listener = listener($session, 'es');
my ($one) = main::logged(qr/^101 role=speaker/, 1);
my ($two) = main::logged(qr/^101 role=listener/, 1);
is $_->{session}, $session->{sessionId}, 'session' for $one, $two;
is $two->{language}, 'es', 'language';
is $one->{code}, '-', 'no code';
like $one->{connection}, qr/^[\w-]{27}=$/, 'connection';
isnt $two->{connection}, $one->{connection}, 'each its own';
like $one->{trace}, qr/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/, 'a trace begins';
is $two->{trace}, '-', 'with the speaker';

=== TEST 2: who was refused
--- ws
my $session = session();
connect_ws("/ws?sessionId=$session->{sessionId}&targetLanguage=xx");
connect_ws("/ws?sessionId=$session->{sessionId}&token=wrong");
my @found = main::logged(qr/^4\d\d/, 2);
is join(' ', map { $_->{code} } @found), 'UNSUPPORTED_LANGUAGE UNAUTHORIZED',
    'the code of the answer';
unlike $_->{line}, qr/wrong/, 'no token' for @found;

=== TEST 3: a trace that the handshake brings
--- ws
my $session = session();
my $speaker = speaker($session, headers => { traceparent => $::Trace });
is main::kept($session), $::Trace, 'is kept with the session';
is +(main::logged(qr/^101/, 1))[0]{trace}, $::Trace, 'and in the access log';
$speaker->drop;
my $again = speaker($session);
is main::kept($session), $::Trace, 'a return without one goes on with it';
is +(main::logged(qr/^101/, 2))[1]{trace}, $::Trace, 'so does its log';
my $other = $::Trace =~ s/4bf9/aaaa/r;
speaker($session, headers => { traceparent => $other });
is main::kept($session), $other, 'a new one takes its place';

=== TEST 4: a broken one
--- ws
for my $broken ('00-zz-00f067aa0ba902b7-01', "$::Trace-x",
    '00-' . '0' x 32 . '-00f067aa0ba902b7-01') {
    my $session = session();
    my $speaker = speaker($session, headers => { traceparent => $broken });
    like main::kept($session), qr/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/,
        'a new one instead';
    unlike main::kept($session), qr/0{32}|zz/, 'really';
}
