use strict;
use warnings;
use lib 't/lib';
use LT::Files;
use JSON::PP ();
use Test::More;

# The two dashboards, as far as that goes without Grafana and CloudWatch: what
# Grafana wants of a panel, places that do not overlap, variables that are
# there; and that AWS documents each metric that is asked for, by these
# dimensions and statistics.  `make dashboard-picture` shows them.

my $COLUMNS = 24;

# ---- places

sub overlaps {
    my ($one, $other) = @_;
    return $one->{x} < $other->{x} + $other->{w}
        && $other->{x} < $one->{x} + $one->{w}
        && $one->{y} < $other->{y} + $other->{h}
        && $other->{y} < $one->{y} + $one->{h};
}

# places: { name, x, y, w, h }
sub check_places {
    my ($what, @places) = @_;
    my @wrong = map { $_->{name} } grep { $_->{w} < 1 || $_->{h} < 1
        || $_->{x} < 0 || $_->{x} + $_->{w} > $COLUMNS } @places;
    for my $i (0 .. $#places) {
        push @wrong, map { "$places[$i]{name} on $_->{name}" }
            grep { overlaps($places[$i], $_) } @places[$i + 1 .. $#places];
    }
    is join('; ', @wrong), '', "$what: each has its place";
}

# ---- Grafana

my $grafana = JSON::PP->new->decode(slurp('config/grafana/lt.json'));
my @panels = @{ $grafana->{panels} };
my @rows = grep { $_->{type} eq 'row' } @panels;
my @drawn = grep { $_->{type} ne 'row' } @panels;
my @variables = @{ $grafana->{templating}{list} };
my %known = map { $_ => 1 } map({ $_->{name} } @variables),
    qw(__rate_interval __range);
my $units = slurp('t/dashboard/units.mjs');
my $source = { type => 'prometheus', uid => '${datasource}' };

is $grafana->{schemaVersion}, 38, 'the schema that it is written for';
ok !exists $grafana->{id}, 'no id: each Grafana gives its own';
ok $grafana->{title} && $grafana->{uid}, 'a title, and a uid to link to';
is_deeply [map { [$_->{name}, $_->{type}] } @variables[0, 1, 2]],
    [[qw(datasource datasource)], [qw(nginx query)], [qw(worker query)]],
    'the source of data, and whom to look at';
is_deeply $_->{datasource}, $source, "its source: $_->{name}"
    for @variables[1, 2], @{ $grafana->{annotations}{list} };
cmp_ok scalar @drawn, '>', 20, 'the panels were found';

my %ids = map { $_->{id} => 1 } @panels;
is scalar keys %ids, scalar @panels, 'each panel has its id';
check_places('panels', map { { name => $_->{title}, %{ $_->{gridPos} } } }
    @panels);
is join(' ', grep { $_->{gridPos}{w} != $COLUMNS } @rows), '',
    'a row is as wide as all';
is join('; ', map { $_->{title} } @rows[0 .. 4]), 'Now; Who is talking, who is'
    . ' listening?; How late are we?; What are we losing?; What does it cost?',
    'the questions come first';

for my $panel (@drawn) {
    my $title = $panel->{title};
    my @targets = @{ $panel->{targets} };
    my $defaults = $panel->{fieldConfig}{defaults};
    my @wrong;
    push @wrong, 'a type that the picture does not draw'
        if $panel->{type} !~ /^(?:stat|timeseries|bargauge)$/;
    push @wrong, 'a unit that the picture does not write'
        if $units !~ /\b\Q$defaults->{unit}\E\b/;
    push @wrong, 'a source of its own' if grep
        { JSON::PP->new->canonical->encode($_->{datasource})
            ne JSON::PP->new->canonical->encode($source) } $panel, @targets;
    push @wrong, 'refIds' if join('', map { $_->{refId} } @targets)
        ne join('', ('A' .. 'Z')[0 .. $#targets]);
    push @wrong, 'a target is of a range, or of now'
        if grep { !$_->{range} == !$_->{instant} } @targets;
    # Grafana's own thresholds make all from 80 on red
    push @wrong, 'neither a colour nor thresholds' if $panel->{type} eq 'stat'
        && !$defaults->{thresholds} && ($defaults->{color}{mode} // '')
        ne 'fixed';
    for my $query (map { $_->{expr} } @targets) {
        push @wrong, "\$$_ is unknown" for grep { !$known{$_} }
            $query =~ /\$\{?(\w+)/g;
        for my $program (qw(nginx worker)) {
            push @wrong, "$_: not only of \$$program" for grep
                { !/\{[^}]*instance=~"\$$program"[^}]*\}/ }
                $query =~ /(lt_$program\_\w+(?:\{[^}]*\})?)/g;
        }
        # Grafana shows NaN when nothing was said
        push @wrong, 'NaN is shown' if $panel->{type} eq 'stat'
            && $query =~ /histogram_quantile/ && $query !~ />= 0$/;
    }
    push @wrong, 'series without a name' if $panel->{type} ne 'stat'
        && grep { !$_->{legendFormat} } @targets;
    is join('; ', @wrong), '', "panel: $title";
}

# ---- CloudWatch

# What AWS documents: docs.aws.amazon.com/streams/latest/dev/
# monitoring-with-cloudwatch.html, polly/latest/dg/cloud-watch.html,
# translate/latest/dg/translate-cloudwatch.html,
# transcribe/latest/dg/monitoring-cloudwatch.html
my $all = 'Minimum Maximum Average Sum SampleCount';
my %documented = (
    'AWS/Kinesis' => { dimensions => 'StreamName ConsumerName', metrics => {
        'IncomingBytes' => $all, 'GetRecords.Bytes' => $all,
        'GetRecords.IteratorAgeMilliseconds' =>
            'Minimum Maximum Average SampleCount',
        'SubscribeToShardEvent.MillisBehindLatest' =>
            'Minimum Maximum Average SampleCount',
        'GetRecords.Latency' => 'Minimum Maximum Average',
        'PutRecords.Latency' => 'Minimum Maximum Average',
        'PutRecords.ThrottledRecords' => $all,
        'ReadProvisionedThroughputExceeded' => $all,
        'WriteProvisionedThroughputExceeded' => $all } },
    'AWS/Polly' => { dimensions => 'Operation', metrics => {
        'RequestCharacters' => $all,
        'ResponseLatency' => 'Minimum Maximum Average SampleCount',
        '4XXCount' => 'Average SampleCount Sum',
        '5XXCount' => 'Average SampleCount Sum' } },
    'AWS/Translate' => { dimensions => 'LanguagePair Operation', metrics => {
        'CharacterCount' => 'Average Maximum Minimum Sum',
        'ResponseTime' => 'SampleCount Average',
        'ThrottledCount' => 'Average Sum', 'ServerErrorCount' => 'Average Sum',
        'UserErrorCount' => 'Average Sum' } },
    'AWS/Transcribe' => { dimensions => 'Domain ServiceType Operation',
        metrics => { 'ConcurrentStreamsCount' => 'Average Maximum',
            'LimitExceededCount' => 'Sum Average',
            'ThrottledCount' => 'Sum Average' } },
);

sub check_metric {
    my ($where, $namespace, $metric, $stat, @dimensions) = @_;
    my $service = $documented{$namespace};
    my $stats = $service && $service->{metrics}{$metric} // '';
    like " $stats ", qr/ \Q$stat\E /, "$where: $namespace $metric, $stat";
    is join(' ', grep { " $service->{dimensions} " !~ / \Q$_\E / }
        @dimensions), '', "$where: dimensions of $metric";
}

my $template = slurp('config/aws/live-translation.yaml');
my ($body) = $template =~ /^ +DashboardBody: !Sub \|\n((?: {8}.*\n)+)/m;
my %names = ('AWS::Region' => 'us-east-1', StreamName => 'lt-audio',
    IteratorAgeMs => 10000, ConsumerName => 'lt-worker');
$names{"$_.Arn"} = "arn:aws:cloudwatch:us-east-1:1:alarm:$_"
    for $template =~ /^  (\w+):\n    Type: AWS::CloudWatch::Alarm$/mg;
$body =~ s{\$\{([\w:.]+)\}}
    {$names{$1} // die "\${$1}: nothing has that name\n"}ge;
my $board = eval { JSON::PP->new->decode($body) };
ok $board, 'the body is JSON' or BAIL_OUT($@);
my @widgets = @{ $board->{widgets} };
cmp_ok scalar @widgets, '>', 8, 'the widgets were found';
check_places('widgets', map { { name => $_->{properties}{title} // $_->{type},
    x => $_->{x}, y => $_->{y}, w => $_->{width}, h => $_->{height} } }
    @widgets);
my ($alarms) = map { $_->{properties}{alarms} }
    grep { $_->{type} eq 'alarm' } @widgets;
is scalar @$alarms, scalar(() = $template =~ /Type: AWS::CloudWatch::Alarm/g),
    'each alarm is shown';

# "." is what the row before has there.
for my $widget (grep { $_->{type} eq 'metric' } @widgets) {
    my $properties = $widget->{properties};
    my @before;
    for my $row (@{ $properties->{metrics} }) {
        my $options = ref $row->[-1] ? $row->[-1] : {};
        if (my $expression = $options->{expression}) {
            next if $expression !~ /^SEARCH\('(.*)', '(\w+)', \d+\)$/;
            my ($search, $stat) = ($1, $2);
            my %term = $search =~ /(\w+)="([^"]+)"/g;
            my ($namespace, $metric) = delete @term{qw(Namespace MetricName)};
            check_metric($properties->{title}, $namespace, $metric, $stat,
                keys %term);
            next;
        }
        my @words = grep { !ref } @$row;
        @words = map { $words[$_] eq '.' ? $before[$_] : $words[$_] }
            0 .. $#words;
        @before = @words;
        my ($namespace, $metric, %dimensions) = @words;
        check_metric($properties->{title}, $namespace, $metric,
            $options->{stat} // $properties->{stat}, keys %dimensions);
    }
}

my $seen = 0;
while ($template =~ /^ +Namespace: (\S+)\n +MetricName: ([^\n]+)\n(.*?)Period/msg) {
    my ($namespace, $metric, $rest) = ($1, $2, $3);
    # one metric, or !If [condition, one, another]
    my @either = $metric =~ /^!If \[\w+, (\S+), (\S+)\]$/;
    for my $one (@either ? @either : $metric) {
        check_metric('alarm', $namespace, $one, $rest =~ /Statistic: (\w+)/,
            $rest =~ /Name: (\w+)/g);
    }
    $seen++;
}
is $seen, scalar @$alarms, 'each alarm was looked at';

done_testing();
