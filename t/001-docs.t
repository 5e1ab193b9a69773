use strict;
use warnings;
use lib 't/lib';
use LT::Files;
use Test::More;

# Each directive and each parameter has a page, and its page says what the
# code's tables say.  docs/directives/README.md tells how a new one is added.

my $source = slurp('ngx_lt_module/ngx_http_lt_module.c');
my $checks = slurp(glob 'ngx_lt_module/*.c');
my $table = slurp('worker/ltw_config.h');
my $changes = slurp('CHANGELOG.md');

# ---- numbers as people write them

my %scale = ('' => 1, ms => 1, s => 1000, k => 1 << 10);
my %time = (%scale, m => 60_000, h => 3_600_000, d => 86_400_000);
my %size = (%scale, m => 1 << 20, g => 1 << 30);

sub plain {
    my ($text, $scale) = @_;
    my ($number, $unit) = $text =~ /^(\d+)(\D*)$/ or return $text;
    return $number * ($scale->{$unit} // die "$text: what unit is that?\n");
}

# "10ms to 5s" in two numbers
sub bounds_of {
    my ($text, $scale) = @_;
    return [map { plain($_, $scale) }
        ($text // '') =~ /^(\d+[a-z]*) to (\d+[a-z]*)/];
}

# ---- what the module's code says: name => { context, default, bounds, words }

my $places = slurp('ngx_lt_module/ngx_http_lt_module.h');

sub number_in_code {
    my ($text) = @_;
    $text =~ s/\b(NGX_HTTP_LT_\w+|LT_\w+)\b/
        $places =~ m{#define $1\s+(\d+)} ? $1 : $1/gex;
    return $text =~ /^[\d\s*+()-]+$/ ? eval $text : $text;
}

sub directives {
    my %found;
    while ($source =~ /LT_(MAIN|PLACE)\("(lt_\w+)",(.*?)\),?\n(?=    \S)/gs) {
        my ($kind, $name, $rest) = ($1, $2, $3);
        my $row = $found{$name} =
            { context => $kind eq 'MAIN' ? 'http' : 'location' };
        next if $kind eq 'PLACE';

        my ($set, $field, $post) =
            $rest =~ /(\w+),\s*(\w+),\s*([^,]+)$/ or die "$name: what row?\n";
        $row->{scale} = $set =~ /size/ ? \%size : \%time;
        my ($init) = $source =~ /init_\w+\(mcf->$field, ([^;]+)\);/;
        if (defined $init) {
            # an enum's constant ends in the word
            $row->{default} = $init =~ /^[A-Z_]+_([A-Z]+)$/ ? lc $1
                : number_in_code($init) * ($set =~ /_sec_/ ? 1000 : 1);
        }
        if ($post =~ /&(\w+)/) {
            my ($low, $high) = $source =~
                /\b$1 = \{\s*ngx_conf_check_num_bounds, (\w+), (\w+)\s*\}/;
            $row->{bounds} = [map { number_in_code($_) } $low, $high];
        } elsif ($post =~ /(\w+)/ && $post !~ /NULL/) {
            my ($enum) = $source =~ /\b$1\[\] = \{(.*?)ngx_null_string/s;
            $row->{words} = [$enum =~ /ngx_string\("(\w+)"\)/g];
        }
        if ($checks =~ /\{ "$name", [^"]*"([^"]+)" \}/
            || $checks =~ /"$name must be from ([^"]+)"/)
        {
            $row->{bounds} = bounds_of($1, $row->{scale});
        }
    }
    return %found;
}

# ---- what the worker's table says

sub parameters {
    my %found;
    my ($names) = slurp('worker/ltw_reload.c')
        =~ /ltw_reload_names\[\] = \{(.*?)\};/s;
    my %reloads = map { $_ => 1 } $names =~ /"(\w+)"/g;
    while ($table =~
        /X\((\w+), (\w+), "([^"]*)", (\d+), (\d+),[\s\\]*"([^"]*)"/g)
    {
        my ($name, $type, $default, $min, $max, $text) =
            ($1, $2, $3, $4, $5, $6);
        my $row = $found{$name} =
            { scale => \%time, reload => $reloads{$name} ? 'yes' : 'no' };
        $row->{default} = $default eq '!' ? 'required'
            : $default eq '' ? 'none' : plain($default, \%time);
        $row->{bounds} = [$min, $max] if $type =~ /TIME|COUNT|TEXT/;
        $row->{words} = [split ' ', (split /:/, $text)[0]]
            if $type eq 'CHOICE';
        $row->{words} = ['on', 'off'] if $type eq 'FLAG';
    }
    return %found;
}

# ---- the metrics' names

sub metrics {
    my ($file) = @_;
    return map { $_ => 1 } slurp($file) =~ /^\s+X\((\w+),/mg;
}

# ---- the pages

sub check_page {
    my ($page, $name, $row, $metric) = @_;
    my $text = eval { slurp($page) };
    ok defined $text, "$page is there" or return;

    my %cell = $text =~ /^\| (\w+) \| (.+) \|$/mg;
    like $text, qr/\A# \Q$name\E\n\n\S/, "$page: name and text";
    like $cell{syntax} // '', qr/^`\Q$name\E\b/, "$page: syntax";
    is $cell{context}, $row->{context}, "$page: context";
    is $cell{reload}, $row->{reload}, "$page: reload" if $row->{reload};
    ok defined $cell{default}, "$page: a default";
    if (defined $row->{default}) {
        my $said = ($cell{default} // '') =~ s/`//gr;
        is plain($said, $row->{scale}), $row->{default}, "$page: the default";
    }
    is_deeply bounds_of($cell{values}, $row->{scale}), $row->{bounds},
        "$page: the bounds (values: from to)" if $row->{bounds};
    is_deeply [($cell{values} // '') =~ /`(\w+)`/g], $row->{words},
        "$page: the words (values)" if $row->{words};
    my $since = $cell{since} // '(none)';
    like $changes, qr/^## \Q$since\E\b/m, "$page: since is in CHANGELOG.md";
    like $text, qr/^\*\*At the limit:\*\* \S/m, "$page: at the limit";
    like $text, qr/^```\w+\n(?:.*\n)*?.*\b\Q$name\E\b/m, "$page: an example";
    my ($metrics) = $text =~ /^\*\*Metrics:\*\* (.+)$/m;
    my @unknown = grep { !$metric->{$_} } ($metrics // '') =~ /`(\w+)`/g;
    ok defined $metrics && ($metrics eq 'none' || $metrics =~ /`/)
        && !@unknown, "$page: its metrics are metrics, or none"
        or diag("unknown: @unknown");
}

sub check_folder {
    my ($folder, $rows, $metric) = @_;
    my %listed = map { $_ => 1 }
        slurp("$folder/README.md") =~ /^\| \[`(\w+)`\]\(\1\.md\) \| \S/mg;
    is_deeply [sort keys %listed], [sort keys %$rows],
        "$folder/README.md lists all, and no other";
    my @pages = map { m{/(\w+)\.md$} && $1 ne 'README' ? $1 : () }
        glob "$folder/*.md";
    is_deeply \@pages, [sort keys %$rows], "$folder: a page each, no other";
    check_page("$folder/$_.md", $_, $rows->{$_}, $metric)
        for sort keys %$rows;
}

my %directive = directives();
my $rows = () = $source =~ /^    LT_(?:MAIN|PLACE)\(/mg;
is scalar keys %directive, $rows, 'all of the command table was understood';
my %parameter = parameters();
$rows = () = $table =~ /^    X\(/mg;
is scalar keys %parameter, $rows, 'all of the parameter table was understood';

check_folder('docs/directives', \%directive,
    { metrics('ngx_lt_module/ngx_http_lt_metrics.h') });
check_folder('docs/parameters', \%parameter,
    { metrics('worker/ltw_metrics.h') });

# The file to begin with has every parameter, and no other.
my %given = map { $_ => 1 }
    slurp('config/worker.conf') =~ /^(?:# )?([a-z]\w+) =/mg;
is_deeply [sort keys %given], [sort keys %parameter],
    'config/worker.conf has each parameter, and no other';

# Who is woken by an alert finds it in the runbook.
my $runbook = slurp('docs/runbook.md');
my @alerts = map { /^\s+- alert: (\w+)/mg } map { slurp($_) }
    glob 'config/prometheus/*alerts*.yml';
cmp_ok scalar @alerts, '>', 10, 'the alerts were found';
like $runbook, qr/`$_`/, "docs/runbook.md knows $_" for @alerts;
my %alert = map { $_ => 1 } @alerts;
is_deeply [grep { !$alert{$_} } $runbook =~ /`(Lt[A-Z]\w+)`/g], [],
    'docs/runbook.md names no alert that there is not';

# Links within the documentation lead somewhere.
for my $page ('README.md', glob('docs/*.md docs/*/*.md config/*/*.md')) {
    my ($folder) = $page =~ m{^(.*/)?};
    $folder //= '';
    for my $link (slurp($page) =~ /\]\((?!https?:)([^)\s]+)\)/g) {
        my ($file, $anchor) = split /#/, $link;
        my $target = ($file // '') eq '' ? $page : "$folder$file";
        ok -e $target, "$page: $link" or next;
        next if !defined $anchor || $target !~ /\.md$/;
        my %heading = map { s/[^\w\- ]//gr =~ tr/A-Z /a-z-/r => 1 }
            slurp($target) =~ /^#+ (.+)$/mg;
        ok $heading{$anchor}, "$page: $link, the heading";
    }
}

# Counters, events, parameters: what a guide names is in the code, or nginx's.
my %word = map { $_ => 1 } slurp(glob 'ngx_lt_module/*.[ch] worker/*.[ch]
    worker/*/*.[ch] lib/*.[ch] config/* config/*/* local/*.mjs apps/*/*.js
    Makefile bench/*.mjs') =~ /\b([a-z]\w*_\w+)\b/g;
$word{$_} = 1 for qw(auth_request large_client_header_buffers);
for my $page (grep { !/metrics/ } glob('docs/*.md docs/directives/*.md
    docs/parameters/*.md config/aws/*.md README.md'))
{
    my @quoted = slurp($page) =~ /`([^`\n]+)`/g;
    is_deeply [grep { !$word{$_} }
        map { /\b([a-z]+(?:_[a-z0-9]+)+)\b/g } @quoted], [],
        "$page: all names are in the code";
}

my ($version) = slurp('worker/ltw_main.c') =~ /LTW_VERSION "([^"]+)"/;
my ($newest) = $changes =~ /^## (\d\S*?),?(?: |$)/m;
is $newest, $version, 'the newest version of CHANGELOG.md is the code\'s';

done_testing();
