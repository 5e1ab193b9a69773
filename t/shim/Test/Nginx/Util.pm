package Test::Nginx::Util;

# The settings of a suite and the life of one block: skip, (re)start nginx,
# init, requests and checks as often as repeat_each says.

use strict;
use warnings;
use base 'Exporter';

use File::Spec ();
use List::Util qw(shuffle);
use Time::HiRes ();
use Test::Builder ();

our $Verbose = $ENV{TEST_NGINX_VERBOSE};
our $NginxBinary = $ENV{TEST_NGINX_BINARY} || 'nginx';
our $LoadModules = $ENV{TEST_NGINX_LOAD_MODULES};
our $ServerAddr = '127.0.0.1';
our $ServerName = 'localhost';
our $ServerPort
    = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT} || 1984;
our $ServerPortForClient = $ENV{TEST_NGINX_CLIENT_PORT} || $ServerPort;
our $Timeout = $ENV{TEST_NGINX_TIMEOUT} || 3;
our $LogLevel = $ENV{TEST_NGINX_LOG_LEVEL} || 'debug';
our $MasterProcessEnabled = $ENV{TEST_NGINX_MASTER_PROCESS} || 'off';
our $NoShuffle = $ENV{TEST_NGINX_NO_SHUFFLE} || 0;
our $Workers = 1;
our $WorkerConnections = 64;
our $RepeatEach = 1;
our $NoRootLocation = 0;
our $NoLongString;

our $ServRoot
    = $ENV{TEST_NGINX_SERVROOT} || File::Spec->rel2abs('t/servroot');
our $LogDir = "$ServRoot/logs";
our $HtmlDir = "$ServRoot/html";
our $ConfDir = "$ServRoot/conf";
our $ConfFile = "$ConfDir/nginx.conf";
our $ErrLogFile = "$LogDir/error.log";
our $AccLogFile = "$LogDir/access.log";
our $PidFile = "$LogDir/nginx.pid";
$ENV{TEST_NGINX_SERVER_ROOT} = $ServRoot;

our (@EnvToNginx, @BlockPreprocessors, @CleanupHandlers);
our ($RunTestHelper, $CheckErrorLog, $NginxVersion, $ErrLogFilePos);

our @Functions = qw(
    run_tests repeat_each no_shuffle no_long_string workers
    worker_connections master_on master_off log_level timeout
    no_root_location env_to_nginx server_root html_dir bail_out
    add_block_preprocessor add_cleanup_handler
);
our @EXPORT = (@Functions, qw(
    error_log_data $ServerPort $ServerPortForClient $RunTestHelper
    $CheckErrorLog $NginxVersion $PidFile $ServRoot $ConfFile
));

# Sections that the shim gives a meaning, beside those of Test::Base.  Others
# become known when an add-on names them in @Test::Nginx::Util::Sections.
our @Sections = qw(
    config http_config main_config post_main_config user_files init log_level
    must_die suppress_stderr request raw_request raw_request_middle_delay
    pipelined_requests more_headers timeout abort wait error_code
    raw_response_headers_like response_headers response_body
    response_body_like ignore_response error_log no_error_log
    grep_error_log grep_error_log_out skip_nginx skip_eval
    ONLY LAST SKIP name description
);

require Test::Nginx::Shim::Server;

sub no_shuffle () { $NoShuffle = 1 }
sub no_long_string () { $NoLongString = 1 }
sub no_root_location () { $NoRootLocation = 1 }
sub master_on () { $MasterProcessEnabled = 'on' }
sub master_off () { $MasterProcessEnabled = 'off' }
sub server_root () { $ServRoot }
sub html_dir () { $HtmlDir }
sub repeat_each (@) { @_ ? $RepeatEach = shift : $RepeatEach }
sub workers (@) { @_ ? $Workers = shift : $Workers }
sub log_level (@) { @_ ? $LogLevel = shift : $LogLevel }
sub timeout (@) { @_ ? $Timeout = shift : $Timeout }
sub add_block_preprocessor (&) { unshift @BlockPreprocessors, shift }
sub add_cleanup_handler ($) { unshift @CleanupHandlers, shift }

sub worker_connections (@) {
    return @_ ? $WorkerConnections = shift : $WorkerConnections;
}

sub env_to_nginx (@) {
    for (@_) {
        die "env_to_nginx: bad value: $_\n" if !/^[A-Za-z_][^\n]*$/;
        push @EnvToNginx, $_;
    }
}

sub bail_out (@) {
    stop_all();
    Test::Builder->new->BAIL_OUT(join '', @_);
}

sub trim ($) {
    my ($text) = @_;
    return if !defined $text;
    $text =~ s/^\s+|\s+$//g;
    $text =~ s/\s+/ /g;
    return $text;
}

# Seconds of "1.5", "2s" or "300ms".
sub parse_time ($) {
    my ($time) = @_;
    return if !defined $time;
    return $time =~ /^\s*([\d.]+)\s*ms\s*$/ ? $1 / 1000 : $time =~ s/s\s*$//r;
}

sub expand_env ($$) {
    my ($text, $name) = @_;
    return if !defined $text;
    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        $ENV{$1} // bail_out("$name - No environment $1 defined.")
    }ge;
    return $text;
}

# The lines of the error log since the last call for this server.
sub error_log_data () {
    Time::HiRes::sleep(0.045);    # lines of the log phase come after EOF
    open my $in, '<', $ErrLogFile or return [];
    seek $in, $ErrLogFilePos || 0, 0;
    my @lines = <$in>;
    $ErrLogFilePos = tell $in;
    return \@lines;
}

sub run_tests () {
    $NginxVersion = Test::Nginx::Shim::Server::version();
    $ENV{TEST_NGINX_SERVER_PORT} //= $ServerPort;
    my @blocks = Test::Base::blocks();
    for my $block ($NoShuffle ? @blocks : shuffle @blocks) {
        $_->($block) for @BlockPreprocessors;
        $block->set_value(name => "$0 " . $block->name);
        refuse_unknown_sections($block);
        run_block($block);
    }
    stop_all();
}

sub refuse_unknown_sections ($) {
    my ($block) = @_;
    my %known = map { $_ => 1 } @Sections;
    for my $section (grep { !$known{$_} } @{$block->_section_order}) {
        bail_out($block->name, " - the shim has no section '$section'");
    }
}

sub run_block ($) {
    my ($block) = @_;
    return if defined $block->SKIP;
    my $name = $block->name;
    my ($skip_count, $skip_why) = skip_reason($block);
    if (!defined $skip_count && defined $block->config) {
        Test::Nginx::Shim::Server::restart($block) or return;
    }
    if ($block->init) {
        eval $block->init;
        bail_out("$name - init failed: $@") if $@;
    }
    $ErrLogFilePos = 0;
    for my $repeat (0 .. $RepeatEach - 1) {
        if (defined $skip_count) {
            SKIP: { Test::More::skip("$name - $skip_why", $skip_count) }
            next;
        }
        $RunTestHelper->($block, 0, $repeat);
    }
}

# (number of tests, reason) when the block is to be skipped.
sub skip_reason ($) {
    my ($block) = @_;
    my $name = $block->name;
    if (defined(my $spec = $block->skip_eval)) {
        $spec =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - bad --- skip_eval: $spec");
        my ($count, $skip) = ($1, eval $2);
        bail_out("$name - skip_eval failed: $@") if $@;
        return ($count, 'skip_eval') if $skip;
    }
    if (defined(my $spec = $block->skip_nginx)) {
        $spec =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+\.\d+\.\d+)
                  (?:\s*:\s*(.*?))?\s*$/x
            or bail_out("$name - bad --- skip_nginx: $spec");
        my ($count, $op, $than, $why) = ($1, $2, $3, $4);
        my $order = $NginxVersion <=> canonical_version($than);
        my $hit = $op =~ /=/ && $order == 0
            || $order == ($op =~ /</ ? -1 : 1);
        return ($count, $why || "nginx version $op $than") if $hit;
    }
    return;
}

# 1.22.1 -> 1.022001
sub canonical_version ($) {
    return sprintf '%d.%03d%03d', split /\./, $_[0];
}

sub stop_all () {
    (shift @CleanupHandlers)->() while @CleanupHandlers;
    Test::Nginx::Shim::Server::stop();
}

END {
    local $?;
    stop_all();
}

1;
