use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::Fleet;

# AWS keys as a fleet has them: from an instance, a container's agent, a web
# identity; late, expired, refreshed, and wrong in every way.  Nothing leaves
# before there are keys, and nothing is lost by waiting for them.

our $Location = <<'END';
    location = /lt/credentials {
        internal;
        proxy_pass $lt_credentials_url;
        proxy_http_version 1.1;
        proxy_max_temp_file_size 0;
    }
    location = /url { return 200 "url:$lt_credentials_url."; }
END

# Without keys of its own, unless a block says so, and with the location.
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(lt_http => join "\n", '!lt_aws_credentials_file',
        $block->lt_http =~ /_location/ ? () :
        'lt_aws_credentials_location /lt/credentials;', $block->lt_http)
        if ($block->lt_http // '') !~ /lt_aws_credentials_file/;
    $block->set_value(locations => $LT::Suite::Locations . $Location
        . ($block->more // ''));
});
push @Test::Nginx::Util::Sections, 'more' if @Test::Nginx::Util::Sections;

sub write_file {
    my ($name, $text) = @_;
    open my $out, '>', "$LT::Env::Dir/$name" or die "$name: $!\n";
    print $out $text;
    close $out;
    $LT::Suite::secrets{$text} = 1 if $text =~ /^canary/;
}

write_file('agent', 'canary-agent');
write_file('web', 'canary.web.identity');
write_file('keys', "[default]\naws_access_key_id = AKIDFIRST\n"
    . "aws_secret_access_key = one\n");
write_file('role', "[default]\nrole_arn = arn\nsource_profile = other\n");
write_file('broken', "canary-broken\r\nX-Injected: yes");

sub calls { return @{kinesis()->calls} }
sub token_of { return $_[0]{headers}{'x-amz-security-token'} // '' }

sub key_of {
    return ($_[0]{headers}{authorization} // '') =~ m{Credential=(\w+)/}
        ? $1 : '';
}

# Some audio goes all the way, signed with keys that were issued.
sub talk_ok {
    my ($what) = @_;
    my $session = session();
    my $socket = speaker($session);
    my $pcm = pcm(8192, 3);
    $socket->send_binary($pcm);
    ok kinesis()->stored($session->{sessionId}, 8192, 30) eq $pcm,
        "$what: the audio arrives, byte for byte";
    return $session;
}

sub url {
    return HTTP::Tiny->new->get('http://127.0.0.1:' . LT::Suite::port()
        . '/url')->{content};
}

# A process that has asked nobody yet; the old one has ended.
sub renew {
    my %old = map { $_ => 1 } worker_pids();
    reload();
    my $gone = eventually { !grep { $old{$_} } worker_pids(); } 20;
    ok $gone, 'the old process has ended';
}

sub status { return (api(GET => '/lt/status'))[1] }
sub ready { return status()->{credentials}{isReady} }
sub operations { return map { $_->{operation} } @_ }

run_tests();

__DATA__

=== TEST 1: an instance
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT=$FLEET
--- lt_http
lt_aws_credentials imds;
--- ws
talk_ok('instance');
my ($call) = calls();
like key_of($call), qr/^ASIA/, 'signed with temporary keys';
like token_of($call), qr/^tmp/, 'the session token is sent';
like $call->{headers}{authorization}, qr/SignedHeaders=[^,]*x-amz-security-token/,
    'and signed';
my @asked = fleet()->requests;
is_deeply [operations(@asked)], [qw(ImdsToken ImdsRole ImdsKeys)],
    'asked in the way of version 2';
is $asked[0]{method}, 'PUT', 'a token by PUT';
is $asked[0]{headers}{'x-aws-ec2-metadata-token-ttl-seconds'}, 21600,
    'for six hours';
ok !defined $asked[0]{headers}{'x-forwarded-for'}, 'which IMDS refuses';
is $asked[1]{headers}{host}, $asked[0]{headers}{host}, 'the same host';
my $status = status();
is_deeply [@{$status->{credentials}}{qw(source isReady cause)}],
    ['imds', JSON::PP::true, ''], 'the status says who, and that it is well';
cmp_ok $status->{credentials}{expiresIn}, '>', 20000, 'and for how long';
is $status->{counters}{credentials_taken}, 1, 'counted';
is $status->{gauges}{credentials_missing}, 0, 'nobody waits';
is((api(GET => '/lt/credentials'))[0], 404, 'the location is internal');
is url(), 'url:.', 'and its variable empty for others';
--- error_log
event=credentials_taken source=imds

=== TEST 2: a container's agent, with the token of a file
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_LT_DIR/agent
AWS_EC2_METADATA_SERVICE_ENDPOINT=$FLEET
HOME=
--- lt_http
lt_aws_credentials auto;
--- ws
talk_ok('container');
my @asked = grep { $_->{operation} eq 'Container' } fleet()->requests;
is $asked[-1]{headers}{authorization}, 'canary-agent', 'the token is sent';
is status()->{credentials}{source}, 'container', 'and not the instance asked';

=== TEST 3: a web identity
--- env
AWS_ENDPOINT_URL_STS=$FLEET
AWS_ROLE_ARN=arn:aws:iam::0:role/test
AWS_WEB_IDENTITY_TOKEN_FILE=$TEST_NGINX_LT_DIR/web
--- lt_http
lt_aws_credentials auto;
--- ws
talk_ok('web identity');
my ($asked) = grep { $_->{operation} eq 'WebIdentity' } fleet()->requests;
is $asked->{headers}{'content-type'}, 'application/x-www-form-urlencoded',
    'a form';
like $asked->{body}, qr/&WebIdentityToken=canary\.web\.identity$/,
    'with the token';

=== TEST 4: audio waits for keys, and the status says why
--- env
AWS_EC2_METADATA_SERVICE_ENDPOINT=$FLEET
--- lt_http
lt_aws_credentials imds;
lt_audio_buffer 30s;
--- ws
fleet()->fault(kind => 'slow', operation => 'ImdsToken', times => -1);
renew();
my $session = session();
my $socket = speaker($session);
my $sent = join '', map { pcm(8192, $_) } 1 .. 4;
$socket->send_binary(pcm(8192, $_)) for 1 .. 4;
my $status = eventually { my $s = status();
    ($s->{credentials}{cause} // '') ne ''
        && $s->{gauges}{ingest_pending_bytes} >= 32768 && $s } 20;
ok $status, 'audio waits, and there is a cause';
like $status->{credentials}{cause}, qr/IMDS does not answer: .*hop limit/,
    'a silent IMDS is named';
ok !$status->{credentials}{isReady}, 'there are no keys';
cmp_ok $status->{gauges}{credentials_missing}, '>=', 1, 'a process waits';
is scalar(calls()), 0, 'nothing was sent';
is $status->{counters}{kinesis_errors_internal}, 0, 'or tried';
fleet()->clear;
ok kinesis()->stored($session->{sessionId}, 32768, 30) eq $sent,
    'all of it is stored as soon as there are keys';
is status()->{gauges}{credentials_missing}, 0, 'nobody waits any more';
--- error_log
event=credentials_failed source=imds has_old_ones=0

=== TEST 5: short-lived keys are renewed in time, while audio flows
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
--- lt_http
lt_aws_credentials container;
--- ws
fleet()->life(6);
renew();
my $session = session();
my $socket = speaker($session);
my ($sent, $n) = ('', 0);
my $before = status()->{counters}{credentials_taken};
eventually {
    my $pcm = pcm(3200, ++$n);
    $socket->send_binary($pcm);
    $sent .= $pcm;
    select undef, undef, undef, 0.1;
    status()->{counters}{credentials_taken} >= $before + 3;
} 40;
fleet()->life(21600);
ok kinesis()->stored($session->{sessionId}, length $sent, 30) eq $sent,
    'byte for byte';
my %keys = map { key_of($_) => 1 } calls();
cmp_ok scalar keys %keys, '>=', 3, 'by several keys';
my $status = status();
is $status->{counters}{credentials_failures}, 0, 'without a failure';
is $status->{counters}{kinesis_errors_credentials}, 0, 'and no refusal';

=== TEST 6: keys that Kinesis refuses are replaced, and the audio sent again
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
--- lt_http
lt_aws_credentials container;
--- ws
eventually { ready() } 20;
talk_ok('before');
kinesis()->reset;
kinesis()->script('denied');
talk_ok('after');
my @puts = grep { $_->{target} =~ /Put/ } calls();
is $puts[0]{answer}, 'denied', 'the first is refused';
isnt key_of($puts[-1]), key_of($puts[0]), 'the last has new keys';
is status()->{counters}{kinesis_errors_credentials}, 1, 'one refusal';

=== TEST 7: a file with new keys
--- lt_http
lt_aws_credentials_file $TEST_NGINX_LT_DIR/keys;
--- ws
my $keys = "[default]\naws_access_key_id = AKIDSECOND\n"
    . "aws_secret_access_key = another\n";
talk_ok('before');
write_file('keys', $keys);
kinesis()->script('denied');
talk_ok('after');
my ($first, @rest) = map { key_of($_) } grep { $_->{target} =~ /Put/ } calls();
is $first, 'AKIDFIRST', 'the old ones first';
is $rest[-1], 'AKIDSECOND', 'the new ones when those are refused';
is status()->{credentials}{source}, 'file', 'from the file';

=== TEST 8: a clock that is wrong is corrected by the answer's Date
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
--- lt_http
lt_aws_credentials container;
--- ws
fleet()->clock(600_000);
renew();
talk_ok('wrong clock');
fleet()->clock(0);
my ($h, $m, $s) = (calls())[-1]{headers}{'x-amz-date'}
    =~ /T(\d\d)(\d\d)(\d\d)Z/;
my $off = ($h * 3600 + $m * 60 + $s - time) % 86400;
ok $off > 570 && $off < 610, 'the date is ten minutes ahead' or diag $off;
--- error_log
clock_skew seconds=

=== TEST 9: answers that are none
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
--- lt_http
lt_aws_credentials container;
--- ws
for (['500', qr/answers 500/], ['cut', qr/does not answer/],
    ['oversize', qr/does not answer/], ['garbage', qr/not JSON/],
    ['late', qr/expired when they came/], ['tokenless', qr/no session token/])
{
    my ($kind, $cause) = @$_;
    fleet()->fault(kind => $kind, operation => 'Container', times => -1);
    renew();
    my $said = eventually {
        my $c = status()->{credentials};
        $c->{cause} =~ $cause && $c->{cause};
    } 20;
    like $said, $cause, "$kind: said";
    ok !ready(), "$kind: no keys";
    fleet()->clear;
    ok((eventually { ready() } 20), "$kind: and tried again");
}
talk_ok('after all');

=== TEST 10: a token with a line end becomes no header
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$TEST_NGINX_LT_DIR/broken
--- lt_http
lt_aws_credentials container;
--- ws
my $before = () = fleet()->requests;
my $cause = eventually { status()->{credentials}{cause} } 20;
like $cause, qr/TOKEN_FILE must be one line/, 'said';
is scalar(() = fleet()->requests), $before, 'nobody was asked';

=== TEST 11: reload, quit and the end of an agent while it is asked
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=$CONTAINER
--- lt_http
lt_aws_credentials container;
--- ws
fleet()->fault(kind => 'slow', operation => 'Container', times => -1);
for (1 .. 3) {
    renew();
    is url(), 'url:.', 'nobody else sees what is asked';
}
fleet()->clear;
ok((eventually { ready() } 20), 'the new one gets its keys');

=== TEST 12: keys by half
--- env
AWS_ACCESS_KEY_ID=AKIDHALF
--- lt_http
lt_aws_credentials auto;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
AWS_SECRET_ACCESS_KEY

=== TEST 13: a web identity without a role
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=/token
--- lt_http
lt_aws_credentials auto;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
AWS_ROLE_ARN

=== TEST 14: STS has a name, and nobody to look it up
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=/token
AWS_ROLE_ARN=arn
--- lt_http
lt_aws_credentials web_identity;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
resolver

=== TEST 15: STS has a name, and a resolver
--- env
AWS_WEB_IDENTITY_TOKEN_FILE=/token
AWS_ROLE_ARN=arn
--- http_config
resolver 127.0.0.1:9;
--- lt_http
lt_aws_credentials web_identity;
--- ws
like((eventually { status()->{credentials}{cause} } 20),
    qr/cannot read \/token/, 'it starts, and says what lacks');

=== TEST 16: an agent that is none of AWS's
--- env
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/keys
--- lt_http
lt_aws_credentials container;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
AWS_CONTAINER_CREDENTIALS_FULL_URI must be

=== TEST 17: a source that was switched off
--- env
AWS_EC2_METADATA_DISABLED=true
--- lt_http
lt_aws_credentials imds;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
AWS_EC2_METADATA_DISABLED

=== TEST 18: no such source
--- lt_http
lt_aws_credentials instance;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"instance" must be auto, env, file

=== TEST 19: the location does not exist
--- lt_http
lt_aws_credentials imds;
lt_aws_credentials_location /absent;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_aws_credentials_location "/absent"
does not exist

=== TEST 20: the location is open to anybody
--- more
    location = /open { proxy_pass $lt_credentials_url; }
--- lt_http
lt_aws_credentials imds;
lt_aws_credentials_location /open;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lacks "internal"

=== TEST 21: a file, and another source
--- lt_http
lt_aws_credentials imds;
lt_aws_credentials_file $TEST_NGINX_LT_DIR/credentials;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
goes with lt_aws_credentials auto or file

=== TEST 22: a profile that leads to a role
--- lt_http
lt_aws_credentials_file $TEST_NGINX_LT_DIR/role;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
role_arn, which is not followed
