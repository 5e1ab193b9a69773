use lib 't/lib';
use LT::Env '-bare';
use Test::Nginx::Socket 'no_plan';

# What our suites use of Test::Nginx, on plain nginx: the shim and the real
# module must agree on every line of this.

our $checked = 0;
our $initialised;
add_response_body_check(sub { $checked++ if $_[1] =~ /checked/ });
env_to_nginx('LT_HARNESS=yes');
no_shuffle();
no_long_string();
no_root_location();
repeat_each(1);
workers(1);
worker_connections(32);
log_level('info');
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(request => 'GET /default')
        if !defined $block->request && $block->name =~ /preprocessor/;
});

run_tests();
is $checked, 1, 'the added check saw its body';
is $initialised, 1, 'init ran';

__DATA__

=== TEST 1: a request, its headers and its body
--- config
    location = /a { add_header X-Port $server_port; return 200 "a\n"; }
    location = /default { return 204; }
    location = /checked { return 200 checked; }
    location = /echo {
        return 200 "$request_method $http_host $http_connection $http_x_a\n";
    }
    location /html/ { alias $TEST_NGINX_SERVER_ROOT/html/; }
    location /chunked/ {
        alias $TEST_NGINX_SERVER_ROOT/html/;
        sub_filter_types *;
        sub_filter one two;
    }
    location = /missing { root /nonexistent; }
    location = /nothing { return 444; }
--- user_files
>>> one.txt
one
>>> sub/two.txt
port $TEST_NGINX_PORT
--- request
GET /a
--- response_headers
X-Port: $ServerPort
Content-Length: 2
!Location
--- raw_response_headers_like: ^HTTP/1.1 200 OK\r\n.*Content-Type: text/plain\r\n
--- response_body
a

=== TEST 2: the server of the block before; a status
--- request
GET /default
--- error_code: 204

=== TEST 3: the preprocessor made the request
--- error_code: 204

=== TEST 4: several requests, each on its own connection
--- request eval
["GET /echo", "POST /echo\nbody"]
--- more_headers eval
["X-A: 1", "Host: other\nX-A: 2"]
--- response_body eval
["GET localhost close 1\n", "POST other close 2\n"]

=== TEST 5: pipelined bodies
--- pipelined_requests eval
["GET /echo", "GET /a"]
--- response_body eval
["GET localhost keep-alive \n", "a\n"]

=== TEST 6: user files, interpolated
--- request
GET /html/sub/two.txt
--- response_body eval
"port $ENV{TEST_NGINX_PORT}\n"

=== TEST 7: an absent file is logged
--- request
GET /missing
--- error_code: 404
--- response_body_like: 404 Not Found
--- error_log
/nonexistent/missing
--- no_error_log eval
[qr/\[alert\]/, "[crit]"]

=== TEST 8: chunked
--- request
GET /chunked/one.txt
--- response_headers
Transfer-Encoding: chunked
--- response_body_like: ^(one|two)$

=== TEST 9: raw request in pieces
--- raw_request eval
["GET /a HT", "TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
--- raw_request_middle_delay: 0.1
--- response_body
a

=== TEST 10: nothing comes
--- raw_request eval: "GET /a HT"
--- timeout: 200ms
--- abort
--- error_code:

=== TEST 11: closed without an answer
--- request
GET /nothing
--- ignore_response
--- no_error_log
[crit]

=== TEST 12: lines of the error log in order
--- request eval
["GET /missing", "GET /missing?x"]
--- error_code eval
[404, 404]
--- wait: 0.1

=== TEST 13: grep_error_log
--- request
GET /missing?grep
--- error_code: 404
--- grep_error_log eval: qr{GET /missing\?g\w+}
--- grep_error_log_out
GET /missing?grep

=== TEST 14: init, and the body check
--- init
$main::initialised = 1;
--- request
GET /checked

=== TEST 15: must_die
--- config
    no_such_directive;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown directive "no_such_directive"

=== TEST 16: must_die with an exit code
--- http_config
    no_such_directive;
--- config
--- must_die: 1
--- suppress_stderr
--- error_log
[emerg]

=== TEST 17: parts of the configuration, and the environment
--- main_config
    env LT_UNSET;
--- post_main_config
    worker_rlimit_nofile 256;
--- http_config
    map $uri $mapped { default from_map; }
--- config
    location / { return 200 $mapped; }
--- log_level: warn
--- request
GET /
--- response_body: from_map

=== TEST 18: skipped by version
--- skip_nginx: 2: > 1.0.0: for the test
--- config
    broken
--- request
GET /

=== TEST 19: not skipped by version
--- skip_nginx: 1: < 1.0.0
--- config
    location / { return 200 ok; }
--- request
GET /

=== TEST 20: skipped by code
--- skip_eval: 3: 1 + 1 == 2
--- config
    broken
--- request
GET /
