package LT::Suite;

# What our suites have beyond Test::Nginx::Socket; load it after that.
#
# Sections:
#   --- ws       Perl code: an interactive dialogue, in package main, with
#                the words exported below and Test::More's; its tests count.
#   --- lt_http  changes the http-level directives: a line replaces the
#                default of that name, "!name" leaves it out
#   --- lt_server  the same for the directives of the Kinesis location
# A block without "config" that has one of these, or a request, gets the
# locations below and its own nginx.  Every block also asserts that no worker
# process crashed, unless it says so itself with no_error_log.
#
# Words: kinesis redis session speaker listener api result counters
#        json_of eventually nginx_pid worker_pids reload pcm chunk alive

use strict;
use warnings;
use base 'Exporter';

use HTTP::Tiny ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Time::HiRes qw(sleep time);
use Test::Builder ();
use LT::Env ();
use LT::Kinesis ();
use LT::Redis ();
use LT::WebSocket ();

our @EXPORT = qw(kinesis redis session speaker listener returning
    connect_ws api result
    counters json_of eventually nginx_pid worker_pids reload pcm chunk
    alive $Token);
our $Token = 'a-token-of-the-workers-for-tests';

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my ($kinesis, $redis);
my $worker = HTTP::Tiny->new(timeout => 10);
our %secrets = ($Token => 1);    # what must never be logged

sub kinesis { return $kinesis //= LT::Kinesis->new }
sub redis { return $redis //= LT::Redis->new }

# Order is kept; the names are those of docs/directives/.
my @http_defaults = (
    lt_redis => '127.0.0.1:$TEST_NGINX_REDIS_PORT',
    lt_aws_region => 'us-east-1',
    lt_aws_credentials_file => '$TEST_NGINX_LT_DIR/credentials',
    lt_kinesis_stream => 'lt-audio',
    lt_kinesis_location => '/lt/kinesis',
    lt_kinesis_linger => '20ms',
    lt_results_token_file => '$TEST_NGINX_LT_DIR/results-token',
);

my @kinesis_defaults = (
    internal => '',
    proxy_pass => 'http://kinesis',
    proxy_http_version => '1.1',
    'proxy_set_header Connection' => '""',
    'proxy_set_header Host' => 'kinesis.us-east-1.amazonaws.com',
    proxy_connect_timeout => '1s',
    proxy_read_timeout => '2s',
    proxy_next_upstream => 'error timeout non_idempotent',
    proxy_next_upstream_tries => '2',
    proxy_max_temp_file_size => '0',
    client_max_body_size => '8m',
);

our $Locations = <<'END';
    location = /ws { lt_websocket; }
    location /sessions { lt_sessions; }
    location = /health { lt_sessions; }
    location = /lt/results { lt_results; }
    location = /lt/status { lt_status; }
END

sub directives {
    my ($defaults, $changes) = @_;
    my @rows = @$defaults;
    my (%left_out, %value, @added);
    for (split /\n/, $changes // '') {
        s/^\s+|\s*;?\s*$//g;
        next if $_ eq '';
        if (s/^!\s*//) {
            $left_out{$_} = 1;
            next;
        }
        my ($name, $value) = /^(proxy_set_header \S+|\S+)\s*(.*)$/s;
        $value{$name} = $value;
        push @added, $name;
    }
    my $text = '';
    while (my ($name, $default) = splice @rows, 0, 2) {
        next if $left_out{$name};
        my $value = delete $value{$name} // $default;
        $text .= "    $name $value;\n";
    }
    return join '', $text,
        map { defined $value{$_} ? "    $_ $value{$_};\n" : () } @added;
}

sub complete {
    my ($block) = @_;
    $block->set_value(no_error_log => ["[alert]", "[emerg]",
        qr/exited on signal/])
        if !defined $block->no_error_log && !defined $block->must_die;
    return if defined $block->config;
    kinesis();
    redis();
    $ENV{TEST_NGINX_REDIS_PORT} = $redis->port;
    $ENV{TEST_NGINX_KINESIS_PORT} = $kinesis->port;
    my $upstream = 'upstream kinesis { server '
        . "127.0.0.1:\$TEST_NGINX_KINESIS_PORT; keepalive 64; }\n";
    $block->set_value(http_config => ($block->http_config // '') . $upstream
        . directives(\@http_defaults, scalar $block->lt_http));
    $block->set_value(config => ($block->locations // $Locations)
        . "    location = /lt/kinesis {\n"
        . directives(\@kinesis_defaults, scalar $block->lt_server)
        . "    }\n");
}

# The files that the directives name.
sub write_files {
    my %file = (credentials => "[default]\naws_access_key_id = AKIDEXAMPLE\n"
            . "aws_secret_access_key = not-a-secret-of-anybody\n",
        'results-token' => "$Token\n");
    for (keys %file) {
        open my $out, '>', "$LT::Env::Dir/$_" or die "$_: $!\n";
        print $out $file{$_};
        close $out;
    }
}

# --- ws: runs the dialogue instead of a request.
sub run_dialogue {
    my ($stock, $block, $dry_run, $repeat) = @_;
    return $stock->($block, $dry_run, $repeat) if !defined $block->ws;
    my $name = $block->name;
    $name =~ s/[\n"]//g;
    kinesis()->reset;
    $redis->start if !$redis->{process};
    my $code = eval "package main; use strict; use warnings; sub {\n"
        . "#line 1 \"$name\"\n" . $block->ws . "\n}"
        or return Test::More::fail("$name - ws does not compile: $@");
    eval { $code->(); 1 }
        or Test::More::fail("$name - ws died: $@");
    sleep $block->wait if $block->wait;
    check_secrets($name);
    $Test::Nginx::Util::CheckErrorLog->($block, undef, $dry_run, $repeat, 0);
}

# nginx itself adds the request line to what it logs; a token may be in it.
sub check_secrets {
    my ($name) = @_;
    open my $in, '<', $Test::Nginx::Util::ErrLogFile or return;
    my $log = do { local $/; <$in> };
    my @found = grep { index($log, $_) >= 0 } keys %secrets;
    Test::More::ok(!@found, "$name - no secret in the error log");
}

sub show_log {
    open my $in, '<', $Test::Nginx::Util::ErrLogFile or return;
    my @lines = grep { /\[(?:warn|error|crit|alert|emerg)\]/ } <$in>;
    Test::More::diag(map { "  $_" } @lines > 12 ? @lines[-12 .. -1] : @lines);
}

sub install {
    no warnings 'once';
    write_files();
    push @Test::Nginx::Util::Sections, qw(ws lt_http lt_server locations)
        if @Test::Nginx::Util::Sections;
    my $stock = $Test::Nginx::Util::RunTestHelper;
    $Test::Nginx::Util::RunTestHelper = sub {
        my $failed = grep { !$_ } Test::Builder->new->summary;
        LT::Env::keep_log($Test::Nginx::Util::ErrLogFile);
        run_dialogue($stock, @_);
        show_log() if $failed < grep { !$_ } Test::Builder->new->summary;
    };
    my $check = $Test::Nginx::Util::CheckErrorLog;
    $Test::Nginx::Util::CheckErrorLog = sub {
        LT::Env::keep_log($Test::Nginx::Util::ErrLogFile);
        $check->(@_);
    };
    Test::Nginx::Util::add_block_preprocessor(sub { complete(@_) });
    Test::Nginx::Util::no_shuffle();
    Test::Nginx::Util::no_long_string();
    Test::Nginx::Util::no_root_location();
    Test::Nginx::Util::master_on();
    Test::Nginx::Util::worker_connections(256);
}

install();

sub port { return $Test::Nginx::Util::ServerPortForClient }

# (status, data, headers) of an HTTP call to our nginx; data is a reference
# to send as JSON, or bytes.
sub api {
    return call(HTTP::Tiny->new(timeout => 10), @_);
}

sub call {
    my ($client, $method, $path, $data, $headers) = @_;
    my $content = ref $data ? $json->encode($data) : $data;
    my $answer = $client->request($method,
        'http://127.0.0.1:' . port() . $path, {
            headers => { defined $content
                ? ('Content-Type' => 'application/json') : (),
                %{$headers // {}} },
            defined $content ? (content => $content) : () });
    return ($answer->{status}, json_of($answer->{content}),
        $answer->{headers});
}

sub json_of { return eval { $json->decode($_[0]) } }

# A new session: what POST /sessions answers.
sub session {
    my (%body) = (sourceLanguage => 'en', @_);
    my ($status, $data) = api(POST => '/sessions', \%body);
    die 'POST /sessions: ', $status, ' ', $json->encode($data), "\n"
        if $status != 201;
    $secrets{$data->{speakerToken}} = 1;
    return $data;
}

# Different PCM for each n: samples count up.
sub pcm {
    my ($bytes, $n) = @_;
    return pack 's<*', map { ($_ * 7 + ($n // 0) * 131) % 65536 - 32768 }
        1 .. $bytes / 2;
}

# The message of the existing speaker app, key by key.
sub chunk {
    my ($session, $pcm) = @_;
    return sprintf '{"action":"audioChunk","sessionId":"%s","audioData":"%s",'
        . '"timestamp":%d,"format":"pcm","sampleRate":16000,"channels":1,'
        . '"encoding":"s16le"}', $session->{sessionId},
        encode_base64($pcm, ''), time * 1000;
}

sub connect_ws { return LT::WebSocket->connect(port(), @_) }

sub upgraded {
    my ($socket) = @_;
    die 'upgrade refused: ', $socket->status, ' ', $socket->body // '', "\n"
        if $socket->status != 101;
    return $socket;
}

sub speaker {
    my ($session, %option) = @_;
    return upgraded(connect_ws("/ws?token=$session->{speakerToken}"
        . "&sessionId=$session->{sessionId}", %option));
}

# A listener that has joined.
sub listener {
    my ($session, $language, %option) = @_;
    my $query = delete $option{query} // '';
    my $socket = upgraded(connect_ws("/ws?sessionId=$session->{sessionId}"
        . "&targetLanguage=$language$query", %option));
    $socket->send_json({ action => 'joinSession', targetLanguage => $language,
        sessionId => $session->{sessionId} });
    $socket->json('sessionJoined') or die "no sessionJoined\n";
    return $socket;
}

# A listener that comes back by itself, as our page does; $last undef: it comes
# for the first time.
sub returning {
    my ($session, $language, $last) = @_;
    return listener($session, $language, query => '&resume=1')
        if !defined $last;
    return upgraded(connect_ws("/ws?sessionId=$session->{sessionId}"
        . "&targetLanguage=$language&resume=1&lastSegment=$last"));
}

# True when the socket still answers.
sub alive {
    my ($socket) = @_;
    $socket->send_json({ action => 'heartbeat' });
    return defined $socket->json('heartbeatAck');
}

# What the worker does, on one kept connection as it does: results that come
# to different nginx processes have no order.  query => { language, to, … }
sub result {
    my ($session, $query, $body, $headers) = @_;
    my $path = '/lt/results?session=' . $session->{sessionId};
    $path .= "&$_=$query->{$_}" for sort keys %$query;
    return call($worker, POST => $path, $body,
        { Authorization => "Bearer $Token", %{$headers // {}} });
}

sub counters {
    my ($status, $data) = api(GET => '/lt/status');
    die "GET /lt/status: $status\n" if $status != 200;
    return { %{$data->{counters}}, %{$data->{gauges}} };
}

# The value of the code as soon as it is true; the last one after 15 seconds.
sub eventually (&;$) {
    my ($code, $timeout) = @_;
    my $deadline = time + ($timeout // 15);
    while (1) {
        my $value = $code->();
        return $value if $value || time > $deadline;
        sleep 0.03;
    }
}

sub nginx_pid {
    open my $in, '<', $Test::Nginx::Util::PidFile or die "no pid file: $!\n";
    chomp(my $pid = <$in>);
    return $pid;
}

sub worker_pids {
    my $master = nginx_pid();
    open my $in, '<', "/proc/$master/task/$master/children" or return;
    return sort { $a <=> $b } split ' ', <$in> // '';
}

# HUP; returns when the new worker processes are there.
sub reload {
    my %old = map { $_ => 1 } worker_pids();
    kill HUP => nginx_pid();
    eventually {
        $Test::Nginx::Util::Workers <= grep { !$old{$_} } worker_pids();
    } or die "nginx did not reload\n";
    sleep 0.1;
}

1;
