use strict;
use warnings;
use lib 't/lib';
use LT::Metrics;
use File::Temp ();
use JSON::PP ();
use Test::More;

# docs/metrics.md has each metric of the tables in the code, by both of its
# names and with its text, and no other.  `perl t/021-docs-metrics.t --write`
# writes the rows anew.  config/grafana/ and config/prometheus/ ask for nothing
# else.

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

exit if @ARGV;

# What dashboard and alerts ask for is there: the names, and their labels.
my %metric;
for (map { LT::Metrics::rows($_) } qw(nginx worker)) {
    my ($name, $labels) = $_->{series} =~ /^(\w+)(.*)/;
    $metric{$name}{$_} = 1 for qw(instance job le), $labels =~ /(\w+)=/g;
    if ($_->{kind} eq 'histogram') {
        $metric{$name . $_} = $metric{$name} for qw(_bucket _sum _count);
    }
}

sub check_queries {
    my ($what, @queries) = @_;
    cmp_ok scalar @queries, '>', 15, "$what: the queries were found";
    for my $query (@queries) {
        my @names = $query =~ /\b(lt_(?:nginx|worker)_\w+)/g;
        is join(' ', grep { !$metric{$_} } @names), '', "$what: $query"
            or next;
        while ($query =~ /\b(lt_\w+)\{([^}]*)\}/g) {
            my ($name, $labels) = ($1, $2);
            is join(' ', grep { !$metric{$name}{$_} }
                $labels =~ /(\w+)[=!]/g), '', "$what: labels of $name";
        }
    }
}

my $dashboard = JSON::PP->new->decode(
    LT::Metrics::slurp('config/grafana/lt.json'));
check_queries('dashboard', map { $_->{expr} }
    map { @{$_->{targets} // []} } @{$dashboard->{panels}});
check_queries('alerts', LT::Metrics::slurp('config/prometheus/lt-alerts.yml')
    =~ /expr: (?:>-\n)?(.*?)\n        (?:for|labels):/gs);
SKIP: {
    skip 'promtool is not here', 1
        if system('command -v promtool >/dev/null 2>&1') != 0;
    my @rules = map { { record => 'lt:query', expr => $_->{expr} } }
        map { @{$_->{targets} // []} } @{$dashboard->{panels}};
    $_->{expr} =~ s/\$__\w+/1m/g for @rules;
    $_->{expr} =~ s/\$\w+/.*/g for @rules;
    $rules[$_]{labels} = { n => "$_" } for 0 .. $#rules;
    my ($out, $file) = File::Temp::tempfile(UNLINK => 1);
    print $out JSON::PP->new->encode(
        { groups => [{ name => 'dashboard', rules => \@rules }] });
    close $out;
    my $said = `promtool check rules $file 2>&1`;
    is $?, 0, 'the queries of the dashboard are queries' or diag($said);
}

done_testing();
