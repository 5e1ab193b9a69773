package Test::Nginx::Shim::Server;

# One nginx for the current block: server root, configuration, start, stop.
# It runs as a direct child with "daemon off", so that its end can be waited
# for; an orphan could only be polled.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Socket::INET ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);
use Test::More ();

my $pid;

sub version {
    my $text = `$Test::Nginx::Util::NginxBinary -V 2>&1`;
    $text =~ m{/(\d+\.\d+\.\d+)}
        or Test::Nginx::Util::bail_out('Cannot run nginx -V: ', $text);
    return Test::Nginx::Util::canonical_version($1);
}

# True when nginx runs and requests may follow; a must_die block has been
# judged here and is over.
sub restart {
    my ($block) = @_;
    my $name = $block->name;
    stop();
    make_server_root();
    write_user_files($block);
    write_config($block);
    for (my $i = 0; defined $block->must_die; $i++) {
        $Test::Nginx::Util::ErrLogFilePos = 0;
        check_death($block, start($block), $i);
        return 0 if $i + 1 >= $Test::Nginx::Util::RepeatEach;
    }
    my $status = start($block);
    return 1 if !defined $status;
    Test::Nginx::Util::bail_out("$name - nginx did not start (status ",
        $status >> 8, ")\n", last_log_lines());
}

sub check_death {
    my ($block, $status, $repeat) = @_;
    my $name = $block->name;
    my $expected = $block->must_die;
    my $runs = !defined $status;
    stop() if $runs;
    $status //= 0;
    if ($status & 127) {
        Test::More::fail("$name - nginx was killed by signal "
            . ($status & 127));
    } elsif ($expected =~ /^\s*(\d+)\s*$/) {
        Test::More::is($status >> 8, $1,
            "$name - die with the expected exit code");
    } else {
        Test::More::isnt($status, 0, "$name - die as expected");
    }
    $Test::Nginx::Util::CheckErrorLog->($block, undef, 0, $repeat, 0);
}

# undef: it runs.  Otherwise the wait status of a process that has ended.
sub start {
    my ($block) = @_;
    my ($root, $conf)
        = ($Test::Nginx::Util::ServRoot, $Test::Nginx::Util::ConfFile);
    $Test::Nginx::Util::ErrLogFilePos = 0;
    $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        $ENV{LD_PRELOAD} = join ' ', grep { defined && length }
            @ENV{qw(TEST_NGINX_LD_PRELOAD LD_PRELOAD)};
        delete $ENV{LD_PRELOAD} if $ENV{LD_PRELOAD} eq '';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null' if defined $block->suppress_stderr;
        { exec $Test::Nginx::Util::NginxBinary, '-e', "$root/logs/error.log",
            '-p', "$root/", '-c', $conf }
        POSIX::_exit(127);
    }
    my $deadline = time + 30;
    while (!-s $Test::Nginx::Util::PidFile) {
        if (waitpid($pid, WNOHANG) == $pid) {
            undef $pid;
            return $?;
        }
        Test::Nginx::Util::bail_out('nginx does not start in 30 s')
            if time > $deadline;
        sleep 0.01;
    }
    return;
}

sub stop {
    return if !defined $pid;
    my $timeout = Test::Nginx::Util::timeout();
    for my $signal (qw(QUIT TERM KILL)) {
        kill $signal => $pid;
        my $deadline = time + $timeout;
        while (time < $deadline) {
            if (waitpid($pid, WNOHANG) != 0) {
                undef $pid;
                return;
            }
            sleep 0.01;
        }
        warn "nginx did not end $timeout s after $signal\n";
    }
    undef $pid;
}

sub make_server_root {
    my $root = $Test::Nginx::Util::ServRoot;
    my @ours = map { "$root/$_" } qw(conf html logs cache);
    remove_tree(@ours, glob("$root/*_temp"), glob("$root/*_cache"));
    make_path(map { "$root/$_" } qw(conf html logs));
    write_file("$Test::Nginx::Util::HtmlDir/index.html",
        '<html><head><title>It works!</title></head>'
        . '<body>It works!</body></html>');
}

sub write_file {
    my ($path, $body) = @_;
    if ($path =~ m{^(.*)/} && !-d $1) {
        make_path($1);
    }
    open my $out, '>:raw', $path
        or Test::Nginx::Util::bail_out("Cannot write $path: $!");
    print $out $body;
    close $out or die "$path: $!\n";
}

# ">>> name" lines divide the text; names are below html/ unless absolute.
sub write_user_files {
    my ($block) = @_;
    my $files = $block->user_files or return;
    my @files = ref $files ? @$files : do {
        my (undef, %parts) = split /^>>> (\S+).*\n/m, $files;
        map { [$_, $parts{$_}] } keys %parts;
    };
    for (@files) {
        my ($name, $body) = @$_;
        $name = "$Test::Nginx::Util::HtmlDir/$name" if $name !~ m{^/};
        write_file($name,
            Test::Nginx::Util::expand_env($body // '', $block->name));
    }
}

sub write_config {
    my ($block) = @_;
    my %part = map {
        $_ => Test::Nginx::Util::expand_env($block->$_, $block->name) // ''
    } qw(main_config http_config config post_main_config);
    my $root = $Test::Nginx::Util::ServRoot;
    my $level = $block->log_level || $Test::Nginx::Util::LogLevel;
    my $modules = join '', map { "load_module $_;\n" }
        split ' ', $Test::Nginx::Util::LoadModules // '';
    my $env = join '', map { /\s/ ? "env '$_';\n" : "env $_;\n" }
        qw(LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS),
        @Test::Nginx::Util::EnvToNginx;
    my $user = $> == 0 ? "user root;\n" : '';
    my $temp = join '', map { "    ${_}_temp_path $root/${_}_temp;\n" }
        qw(client_body proxy fastcgi scgi uwsgi);
    my $root_location = $Test::Nginx::Util::NoRootLocation ? '' : <<"END";
        location / {
            root $Test::Nginx::Util::HtmlDir;
            index index.html index.htm;
        }
END
    write_file($Test::Nginx::Util::ConfFile, <<"END");
${modules}worker_processes $Test::Nginx::Util::Workers;
daemon off;
master_process $Test::Nginx::Util::MasterProcessEnabled;
error_log $Test::Nginx::Util::ErrLogFile $level;
pid $Test::Nginx::Util::PidFile;
$env$user
$part{main_config}

http {
    access_log $Test::Nginx::Util::AccLogFile;
$temp    default_type text/plain;
    keepalive_timeout 68000ms;

$part{http_config}

    server {
        listen $Test::Nginx::Util::ServerAddr:$Test::Nginx::Util::ServerPort;
        server_name $Test::Nginx::Util::ServerName;
        client_max_body_size 30M;

$part{config}

$root_location    }
}

$part{post_main_config}

events {
    accept_mutex off;
    worker_connections $Test::Nginx::Util::WorkerConnections;
}
END
}

sub last_log_lines {
    open my $in, '<', $Test::Nginx::Util::ErrLogFile or return '';
    my @lines = <$in>;
    return join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
}

1;
