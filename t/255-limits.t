use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# The shipped config/nginx: what one address may do, and the examples in it.

# The statements and blocks of a shipped file that begin with these words.
sub shipped {
    my ($file, @words) = @_;
    open my $in, '<', "config/nginx/$file" or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    my $block = qr/(\{(?:[^{}'"]++|'[^']*'|"[^"]*"|(?-1))*\})/;
    return join "\n", map {
        my $begin = quotemeta;
        my @found = $text =~ /^($begin\b(?:[^{};\n]|\n(?=\s))*(?:;|$block))/mg
            or die "$file has no $_\n";
        join "\n", grep { defined && /^$begin/ } @found;
    } @words;
}

# An example that is commented out, as it is without the signs.
sub example {
    my ($file, $begin) = @_;
    open my $in, '<', "config/nginx/$file" or die "$file: $!\n";
    my @lines = grep { /^ *#\Q$begin\E/ .. /^ *#\}/ } <$in>;
    die "$file has no $begin\n" if !@lines;
    return join '', map { s/^ *#//r } @lines;
}

my $http = shipped('lt.conf', 'map', 'limit_req_zone');

$LT::Suite::Locations = shipped('lt-locations.conf', 'location = /ws',
    'location /sessions', 'location @lt_too_many')
    . "\nlocation = /lt/status { lt_status; }\n"
    . "location = /lt/results { lt_results; }\n"
    . example('lt.conf', 'location /prod/@connections/ {');

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(http_config => $http);
    $block->set_value(lt_http => ($block->lt_http // '')
        . "\nlt_connections_credentials_file \$TEST_NGINX_LT_DIR/callers");
});

open my $callers, '>', "$LT::Env::Dir/callers" or die;
print $callers "[default]\naws_access_key_id = CALLER\n"
    . "aws_secret_access_key = secret-of-the-caller\n";
close $callers;

our $many = qr/too many at once/i;

run_tests();

__DATA__

=== TEST 1: an audience behind one address comes in the same second
--- lt_http
lt_listeners_max 700;
--- ws
my $session = session();
my @here = map { listener($session, 'es') } 1 .. 120;
is scalar(@here), 120, 'all are in';
is +(speaker($session))->status, 101, 'and who speaks from there';

=== TEST 2: one address makes sessions without end
--- ws
my (%status, $data, $headers);
for (1 .. 80) {
    my ($status, $body, $head) = api(POST => '/sessions',
        { sourceLanguage => 'en' });
    $status{$status}++;
    ($data, $headers) = ($body, $head) if $status == 429;
}
cmp_ok $status{201}, '>=', 61, 'the first 61 are made';
cmp_ok $status{429}, '>', 0, 'then no more';
is $status{201} + $status{429}, 80, 'and nothing else happens';
is $data->{code}, 'RATE_LIMIT_EXCEEDED', 'in words that the apps know';
like $data->{message}, $::many, 'and show';
is $data->{error}, $data->{message}, 'in both fields';
cmp_ok abs($data->{timestamp} / 1000 - time), '<', 60, 'with the time';
is $headers->{'access-control-allow-origin'}, '*', 'CORS';
is $headers->{'retry-after'}, 5, 'Retry-After';
is +(api(GET => '/sessions/calm-river-204'))[0], 404, 'GET has no limit';
is +(api(OPTIONS => '/sessions'))[0], 204, 'nor have preflights';
--- no_error_log
[alert]

=== TEST 3: one address opens sockets without end
--- ws
my ($served, $path) = (0, '/ws?sessionId=calm-river-204&targetLanguage=es');
my $answer;
while ($served < 20_000) {
    $answer = connect_ws($path);
    last if $answer->status != 404;
    $served++;
}
cmp_ok $served, '>', 1000, 'the burst is served';
is $answer->status, 429, 'then refused before the upgrade';
like $answer->body, $::many, 'with the same body';
--- no_error_log
[alert]

=== TEST 4: the example of @connections
--- ws
my ($status, undef, $headers) = api(POST => '/prod/@connections/abc', 'x');
is $status, 403, 'it wants a signature';
like $headers->{'x-amzn-errortype'}, qr/ForbiddenException/, "in AWS's words";
is +(api(POST => '/prod/elsewhere', 'x'))[0], 404, 'and is there only';
