use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# What listeners ask of captions: counted for the worker, and who asked for the
# words that may still change gets them.  Two nginx worker processes.

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(ws => <<'END' . $block->ws) if defined $block->ws;
my $asked = sub {
    my ($session) = @_;
    my %record = @{redis()->command(HGETALL =>
        "lt:{$session->{sessionId}}:session")};
    return join ' ', map { "$_=$record{$_}" } sort grep { /^captions/ }
        keys %record;
};
my $languages = sub {
    my %n = @{redis()->command(HGETALL => "lt:{$_[0]{sessionId}}:languages")};
    return join ' ', map { "$_=$n{$_}" } sort keys %n;
};
END
});
workers(2);
run_tests();

__DATA__

=== TEST 1: counted by language, as they come, switch and go
--- ws
my $session = session();
my $one = listener($session, 'es', query => '&captions=only');
my $two = listener($session, 'es', query => '&captions=only%2Clive');
my $three = listener($session, 'es');
is $asked->($session), 'captionsLive:es=1 captionsOnly:es=2', 'two want no voice';
is $languages->($session), 'es=3', 'all listen';
$two->send_json({ action => 'changeLanguage', targetLanguage => 'fr' });
ok $two->json('languageChanged'), 'one switches';
is $asked->($session), 'captionsLive:fr=1 captionsOnly:es=1 captionsOnly:fr=1',
    'and asks the same of the other language';
$_->drop for $one, $two;
ok eventually { $asked->($session) eq '' }, 'who goes asks for nothing';
ok eventually { $languages->($session) eq 'es=1' }, 'one is left';

=== TEST 2: told again when Redis has forgotten
--- ws
my $session = session();
my @here = map { listener($session, 'es', query => "&captions=$_") }
    'only', 'live', 'only,live';
my $before = $asked->($session);
is $before, 'captionsLive:es=2 captionsOnly:es=2', 'before';
redis()->command(DEL => map { "lt:{$session->{sessionId}}:$_" }
    qw(listeners languages));
redis()->command(HDEL => "lt:{$session->{sessionId}}:session",
    qw(captionsOnly:es captionsLive:es));
redis()->command(CLIENT => qw(KILL TYPE normal));
redis()->command(CLIENT => qw(KILL TYPE pubsub));
ok eventually { $asked->($session) eq $before }, 'after';
ok alive($_), 'the sockets stay' for @here;

=== TEST 3: the words that may still change, to who asked for them
--- ws
my $session = session();
my @live = map { listener($session, $_, query => '&captions=live') }
    qw(es es es fr fr fr);
my $both = listener($session, 'de', query => '&captions=only,live');
my @others = (listener($session, 'es'),
    listener($session, 'es', query => '&captions=only'));
my $speaker = speaker($session);
my $body = '{"type":"caption","language":"en","text":"","tail":"and so we"}';
my ($status, $data) = result($session, { to => 'live' }, $body);
is $status, 200, 'taken';
ok $data->{published}, 'published';
is scalar(grep { ($_->frame // {})->{payload} eq $body } @live, $both), 7,
    'in all languages, in both processes';
result($session, { to => 'live', language => 'fr' },
    '{"type":"caption","tail":"x","segment":9}');
is scalar(grep { $_->json('caption') } @live[3 .. 5]), 3, 'or in one';
is scalar(grep { $_->frame(0.2) } @others, @live[0 .. 2], $both), 0,
    'nobody else hears it';
is $speaker->json('caption', 0.2), undef, 'nor does the speaker';
is redis()->command(EXISTS => "lt:{$session->{sessionId}}:recent:fr"), 0,
    'and it is kept for nobody';

=== TEST 4: who reads only gets the segments like all others
--- ws
my $session = session();
my $reader = listener($session, 'es', query => '&captions=only');
my $body = '{"type":"translatedAudio","url":"https://x/1.mp3","segment":1}';
result($session, { language => 'es' }, $body);
is $reader->frame->{payload}, $body, 'byte for byte';
