use strict;
use warnings;
use lib 't/lib';
use LT::Events;
use Test::More;

# docs/logs.md has each event that the code writes, with its fields, and no
# other.  `perl t/022-docs-logs.t --write` writes the rows anew and keeps their
# texts: a new row has none, and that is a failure too.

my $page = 'docs/logs.md';
my %events = (nginx => { LT::Events::nginx() },
    worker => { LT::Events::worker() });

for my $program (sort keys %events) {
    my $of = $events{$program};
    my $text = LT::Events::slurp($page);
    my ($part) = $text =~ /^## $program\n(.*?)(?=^## |\z)/ms;
    my %said = map { /^\| `(\w+)` \| (.*?) \| (.*) \|$/ ? ($1 => [$2, $3]) : () }
        split /\n/, $part // '';
    my %fields = map { $_ => join(' ', map { "`$_`" } sort keys %{$of->{$_}}) }
        keys %$of;

    if (@ARGV) {
        my $rows = join '', map { "| `$_` | $fields{$_} | "
            . ($said{$_} ? $said{$_}[1] : '') . " |\n" } sort keys %$of;
        $text =~ s/^(## $program\n(?:(?!\| `|## ).*\n)*)(?:\| `.*\n)*/$1$rows/m;
        open my $out, '>', $page or die "$page: $!\n";
        print $out $text;
        close $out;
        next;
    }
    cmp_ok scalar keys %$of, '>', 25, "$program: the events were found";
    is join(' ', sort keys %said), join(' ', sort keys %$of),
        "$page has each event of $program, and no other";
    for (sort keys %$of) {
        is $said{$_}[0], $fields{$_}, "$_: its fields";
        like $said{$_}[1], qr/\w/, "$_: what it says";
    }
}

exit if @ARGV;

# So it is with nginx's variables.
my %variable = map { $_ => 1 } map { /ngx_string\("(lt_\w+)"\)/g }
    LT::Events::slurp('ngx_lt_module/ngx_http_lt_variables.c');
my %described = map { $_ => 1 }
    LT::Events::slurp($page) =~ /^\| `\$(lt_\w+)` \| \S/mg;
is_deeply [sort keys %described], [sort keys %variable],
    'each variable of nginx, and no other';

done_testing();
