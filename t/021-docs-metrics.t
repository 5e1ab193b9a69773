use strict;
use warnings;
use lib 't/lib';
use LT::Metrics;
use Test::More;

# docs/metrics.md has each metric of the tables in the code, by both of its
# names and with its text, and no other.  `perl t/021-docs-metrics.t --write`
# writes the rows anew.

my $page = 'docs/metrics.md';

sub write_rows {
    my ($program, @rows) = @_;
    my $text = LT::Metrics::slurp($page);
    $text =~ s/^(## $program\n(?:(?!\| `|## ).*\n)*)(?:\| `.*\n)*/
        $1 . join '', map { "$_\n" } @rows/me;
    open my $out, '>', $page or die "$page: $!\n";
    print $out $text;
}

for my $program (qw(nginx worker)) {
    my @wanted = map { LT::Metrics::line($_) } LT::Metrics::rows($program);
    if (@ARGV) {
        write_rows($program, @wanted);
        next;
    }
    my ($part) = LT::Metrics::slurp($page)
        =~ /^## $program\n(.*?)(?=^## |\z)/ms;
    my @given = ($part // '') =~ /^(\| `.*)$/mg;
    cmp_ok scalar @wanted, '>', 40, "$program: the tables were found";
    my %given = map { $_ => 1 } @given;
    my %wanted = map { $_ => 1 } @wanted;
    is join("\n", grep { !$given{$_} } @wanted), '',
        "docs/metrics.md has each metric of $program";
    is join("\n", grep { !$wanted{$_} } @given), '',
        "docs/metrics.md has no other metric of $program";
    is scalar @given, scalar keys %given, 'each once';
}

done_testing() if !@ARGV;
