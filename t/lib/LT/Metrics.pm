package LT::Metrics;

# The metrics of both programs by their tables in the code: rows
#   { name, text, kind, series, program }
# where series is what lt_prometheus.h makes of the name.

use strict;
use warnings;

my %source = (
    nginx => { file => 'ngx_lt_module/ngx_http_lt_metrics.h',
        families => 'ngx_lt_module/ngx_http_lt_status_text.c',
        tables => [[NGX_HTTP_LT_COUNTERS => 'counter'],
            [NGX_HTTP_LT_GAUGES => 'gauge'],
            [NGX_HTTP_LT_MOMENTS => 'gauge'],
            [NGX_HTTP_LT_HISTOGRAMS => 'histogram']] },
    worker => { file => 'worker/ltw_metrics.h',
        families => 'worker/ltw_metrics_text.c',
        tables => [[LTW_COUNTERS => 'counter'], [LTW_GAUGES => 'gauge'],
            [LTW_HISTOGRAMS => 'histogram']] },
);

# Those that are written without a table.
my %further = (
    nginx => [['listeners', 'gauge', 'listeners', '{language=…}',
        'listeners by the language that they hear']],
    worker => [
        ['aws_calls', 'counter', 'aws_calls_total', '{service=…,operation=…}',
            'AWS requests sent, each try counted'],
        map({ ["languages.$_->[0]", 'counter',
            "language_segments_$_->[0]_total", '{language=…}', $_->[1]] }
            ['published', 'segments delivered with a voice'],
            ['captioned', 'segments delivered without one'],
            ['failed', 'segments not delivered at all']),
        ['languages.heard_ms', 'histogram', 'heard_seconds', '{language=…}',
            'last word of a segment said to segment taken by nginx']],
);

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    return join '', <$in>;
}

# Rows of one X-macro: [name, text], …
sub table {
    my ($code, $macro) = @_;
    my ($body) = $code =~ /#define \Q$macro\E\(X\)((?:.*\\\n)*.*\n)/
        or die "$macro is not there\n";
    my @rows;
    while ($body =~ /X\((\w+),((?:[\s\\]*"[^"]*")+)\)/g) {
        my ($name, $text) = ($1, $2);
        push @rows, [$name, join '', $text =~ /"([^"]*)"/g];
    }
    return @rows;
}

sub series {
    my ($program, $kind, $name, $families) = @_;
    my $labels = '';
    for (@$families) {
        my ($of, $prefix, $suffix, $label) = @$_;
        next if lc $of ne $kind || $name !~ /^\Q$prefix\E(.+)\Q$suffix\E$/;
        ($labels, $name) = ("{$label=\"$1\"}", $prefix =~ s/_$//r . $suffix);
        last;
    }
    $name =~ s/_ms$/_seconds/;
    $name =~ s/_microdollars$/_dollars/;
    return "lt_${program}_$name" . ($kind eq 'counter' ? '_total' : '')
        . $labels;
}

sub rows {
    my ($program) = @_;
    my $code = slurp($source{$program}{file});
    my @families = map { [/PROMETHEUS_(\w+), "([^"]*)", "([^"]*)", "(\w+)"/] }
        slurp($source{$program}{families}) =~ /^    \{ (LT_PROM.*)/mg;
    my @rows;
    for (@{$source{$program}{tables}}) {
        my ($macro, $kind) = @$_;
        push @rows, map { { name => $_->[0], text => $_->[1], kind => $kind,
            series => series($program, $kind, $_->[0], \@families) } }
            table($code, $macro);
    }
    push @rows, map { { name => $_->[0], kind => $_->[1], text => $_->[4],
        series => "lt_${program}_$_->[2]$_->[3]" } } @{$further{$program}};
    return @rows;
}

# A row of docs/metrics.md.
sub line {
    my ($row) = @_;
    return "| `$row->{name}` | $row->{kind} | `$row->{series}` | $row->{text} |";
}

1;
