use lib 't/lib';
use LT::Env '-bare';
use Test::More;

# A harness is worth what it refuses: every test of the suite below must be
# "not ok", under the shim as under the real Test::Nginx.

my $suite = "$LT::Env::Dir/fails.t";
open my $out, '>', $suite or die "$suite: $!\n";
print $out do { local $/; <DATA> };
close $out;
my @tap = do {
    local $ENV{LT_INNER} = 1;
    my @include = map { "-I$_" } @INC;
    open my $in, '-|', $^X, @include, $suite or die "$^X: $!\n";
    grep { /^(?:not )?ok/ } <$in>;
};

like $tap[0], qr/^ok .*status code/, 'the good answer is ok';
shift @tap;
my @want = ('status code', 'header X-A', 'header Content-Type not present',
    'response_body - response', 'response_body_like', 'raw resp headers',
    'pattern "never written"', 'pattern "(?^:rewritten data)"',
    'grep_error_log_out', 'timed out', 'die as expected',
    'expected exit code');
for my $want (@want) {
    my ($line) = grep { /\Q$want\E/ } @tap;
    like $line, qr/^not ok/, "refused: $want";
}
my @passed = grep { /^ok/ && !/status code|die as/ } @tap;
is "@passed", '', 'nothing else passed';
done_testing();

__DATA__
BEGIN { open STDERR, '>', '/dev/null' }
use Test::Nginx::Socket 'no_plan';
no_shuffle();
no_long_string();
log_level('notice');
timeout(1);
run_tests();

__DATA__

=== TEST 1: good
--- config
    location = /a { return 200 a; }
--- request
GET /a

=== TEST 2: another exit code
--- config
    no_such_directive;
--- must_die: 3
--- suppress_stderr

=== TEST 3: headers and body
--- config
    location = /a { return 404 a; }
    location = /rewritten { rewrite_log on; rewrite ^ /a; }
--- request
GET /a
--- response_headers
X-A: b
!Content-Type
--- response_body: b
--- raw_response_headers_like: X-A: b

=== TEST 4: body pattern, log patterns
--- request
GET /rewritten
--- error_code: 404
--- response_body_like: ^b
--- error_log
never written
--- no_error_log eval
qr/rewritten data/
--- grep_error_log: rewritten
--- grep_error_log_out
nothing

=== TEST 5: no answer in time
--- raw_request eval: "GET /a HT"
--- timeout: 300ms
--- ignore_response

=== TEST 6: it does not die
--- config
    location = /a { return 200 a; }
--- must_die
