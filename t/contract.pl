#!/usr/bin/perl
# Runs the tests that docs/protocol/tests.md names and writes down how many
# checks each row makes.  BUILD and LT_MODULE as t/run.sh sets them.
use strict;
use warnings;

my $file = 'docs/protocol/tests.md';
my $build = $ENV{BUILD} // 'build';
$ENV{LT_MODULE} //= "$build/module/ngx_http_lt_module.so";
$ENV{RECOGNIZER} //= "$build/local/recognizer";
$ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';

my %checks;    # file => { block or 0 for all => number }

sub output_of {
    my ($test) = @_;
    my $unit = $test =~ s{\.c$}{}r;
    my @command = $test =~ /\.c$/ ? "$build/$unit" : ('t/exec.sh', $test);
    open my $out, '-|', @command or die "$test: $!\n";
    my @lines = <$out>;
    close $out or die "$test has failed\n";
    return @lines;
}

# A block's own checks come before those that have its name: of the log.
sub count {
    my ($test) = @_;
    my ($waiting, %count) = (0);
    for (output_of($test)) {
        next if !/^(?:not )?ok \d+/;
        my ($block) = /\bTEST (\d+):/;
        my $of_log = /- (?:pattern "|no secret in the error log)/;
        if ($test !~ /\.t$/ || !defined $block) {
            $waiting++;
        } else {
            $count{$block} += $waiting + !$of_log;
            $waiting = 0;
        }
        $count{0} += !$of_log;
    }
    return \%count;
}

open my $in, '<', $file or die "$file: $!\n";
my @rows = <$in>;
close $in;
for (@rows) {
    next if !/^\| .*\| \d+ \|$/;
    my $sum = 0;
    while (/`(t\/[^`]+)`([ \d]*)/g) {
        my ($test, @blocks) = ($1, split ' ', $2);
        $checks{$test} //= count($test);
        $sum += $checks{$test}{$_} // die "$test has no TEST $_\n"
            for @blocks ? @blocks : 0;
    }
    s/\| \d+ \|$/| $sum |/;
}
open my $out, '>', $file or die "$file: $!\n";
print $out @rows;
close $out or die "$file: $!\n";
