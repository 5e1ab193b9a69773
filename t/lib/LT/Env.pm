package LT::Env;

# The surroundings of a suite; load it before Test::Nginx::Socket, which
# reads its environment when it is compiled.
#
# - Test::Nginx::Socket: the real one when Perl finds it, else t/shim.
# - A free port, a work directory of its own ($TEST_NGINX_LT_DIR) with the
#   server root inside; both gone afterwards (LT_KEEP=1 keeps the directory).
# - The module: $LT_MODULE, default build/module/ngx_http_lt_module.so; with
#   LT_ASAN=1 build/module-asan/….  "use LT::Env '-bare'" loads none.
# - LT_ASAN=1: nginx gets the sanitizers' libraries; any report of theirs
#   makes the suite fail.
# - Ctrl-C and TERM end the script the ordinary way, so that whatever was
#   started is stopped.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET ();

my $top = abs_path(dirname(__FILE__) . '/../../..');
push @INC, "$top/t/shim";

our $Module = abs_path($ENV{LT_MODULE}
    || "$top/build/module" . ($ENV{LT_ASAN} ? '-asan' : '')
        . '/ngx_http_lt_module.so');
our $Dir = File::Temp::tempdir('lt-test-XXXXXX', TMPDIR => 1);
my $owner = $$;
my %taken;

chmod 0755, $Dir;
$ENV{TEST_NGINX_LT_DIR} = $Dir;
$ENV{TEST_NGINX_SERVROOT} = "$Dir/servroot";
$ENV{TEST_NGINX_LOG_LEVEL} ||= 'info';
$ENV{TEST_NGINX_TIMEOUT} ||= 5;
delete @ENV{qw(TEST_NGINX_SERVER_PORT AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN)};
$ENV{TEST_NGINX_PORT} = free_port();
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub {
    $SIG{PIPE} = 'IGNORE';    # prove may have gone first
    exit 130;
};
use_sanitizers() if $ENV{LT_ASAN};

# Below the range from which the kernel takes ports for outgoing connections.
sub free_port {
    for (1 .. 200) {
        my $port = 20000 + int rand 12000;
        next if $taken{$port}++;
        return $port if IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Listen => 1, ReuseAddr => 1);
    }
    die "no free port between 20000 and 32000\n";
}

sub import {
    my ($class, $bare) = @_;
    return if ($bare // '') eq '-bare';
    if (!defined $Module || !-f $Module) {
        require Test::Builder;
        Test::Builder->new->BAIL_OUT('the module is not built: make module');
    }
    $ENV{TEST_NGINX_LOAD_MODULES} = $Module;
}

# A worker process reports into nginx's error log, whatever log_path says.
sub use_sanitizers {
    my @libraries = map { chomp(my $path = `cc -print-file-name=$_`); $path }
        qw(libasan.so libubsan.so);
    $ENV{TEST_NGINX_LD_PRELOAD} = "@libraries";
    $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
    $ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';
    make_path("$Dir/logs");
}

# Test::Nginx removes the log at the next start of nginx; a link keeps what
# the old one reports until its end.
sub keep_log {
    my ($log) = @_;
    link $log, "$Dir/logs/" . (stat $log)[1] if $ENV{LT_ASAN} && -f $log;
}

sub sanitizer_reports {
    my $found = '';
    for my $path (glob "$Dir/logs/*") {
        open my $in, '<', $path or next;
        while (<$in>) {
            $found .= $_ if /runtime error|AddressSanitizer/
                || /^\s+#\d+ .* in ngx_http_lt|^\s+#\d+ .* in lt_/;
        }
    }
    return $found;
}

# Runs after the END of Test::Nginx: nginx has ended, with all its reports.
END {
    if ($$ == $owner) {
        LT::Process::stop_all() if defined &LT::Process::stop_all;
        my $reports = $ENV{LT_ASAN} ? sanitizer_reports() : '';
        if ($reports ne '') {
            print STDERR "# sanitizer reports:\n$reports";
            $? ||= 1;
        }
        if ($ENV{LT_KEEP}) {
            print STDERR "# kept: $Dir\n";
        } else {
            remove_tree($Dir);
        }
    }
}

1;
