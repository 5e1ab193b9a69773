use strict;
use warnings;
use lib 't/lib';
use LT::Files;
use Test::More;

# The protocol's documents against the code, and the map of its tests.

my $code = slurp(glob 'ngx_lt_module/*.c ngx_lt_module/actions/*.c');
my %sent = map { $_ => 1 } $code =~ /"([A-Z]{3,}(?:_[A-Z]+)+)"/g;
delete @sent{grep { /^AWS_/ } keys %sent};
my $protocol = slurp('docs/protocol/README.md');
my $documents = slurp(glob 'docs/protocol/*.yaml');
for (sort keys %sent) {
    like $protocol, qr/`$_`/, "error code $_ is described";
    next if $_ eq 'INTERNAL_ERROR';    # nobody can ask for that
    ok $documents =~ /\bcode: $_\b/, "error code $_ has an example";
}

# Every action and every message of the code is in the AsyncAPI document.
my ($rows) = slurp('ngx_lt_module/ngx_http_lt_actions.c')
    =~ /ngx_http_lt_actions\[\] = \{(.*?)^\};/ms;
my @actions = $rows =~ /^    \{ "(\w+)"/mg;
cmp_ok scalar @actions, '>', 14, 'the action table was found';
my @types = ((map { /lt_message_open\(&w, out, "(\w+)"\)/g,
    /put_cstr\(&w, "type", "(\w+)"/g } slurp('lib/lt_message.c'), $code,
    slurp(glob 'worker/*/*.c')),
    slurp('ngx_lt_module/actions/ngx_http_lt_action_broadcast.c')
        =~ /^    \{ "\w+", "(\w+)"/mg);
cmp_ok scalar @types, '>', 15, 'the messages were found';
ok $documents =~ /\baction: \{ const: $_ \}/, "action $_ is described"
    for @actions;
ok $documents =~ /\btype: \{ const: $_ \}/, "message $_ is described"
    for @types;

# What holds the contract is there.
my $map = slurp('docs/protocol/tests.md');
my $named = 0;
for my $row ($map =~ /^\| (.*) \| \d+ \|$/mg) {
    while ($row =~ /`(t\/[^`]+)`([ \d]*)/g) {
        my ($test, @blocks) = ($1, split ' ', $2);
        my %has = -f $test ? map { $_ => 1 }
            slurp($test) =~ /^=== TEST (\d+):/mg : ();
        my @missing = grep { !$has{$_} } @blocks;
        ok -f $test && !@missing, "$test @blocks"
            or diag("in tests.md, but not there: $test @missing");
        $named++;
    }
}
cmp_ok $named, '>', 100, 'the rows were found';

done_testing();
