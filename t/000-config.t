use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;

# What nginx -t refuses, and that each refusal says what would be right.

run_tests();

__DATA__

=== TEST 1: the good configuration starts
--- request
GET /lt/status
--- response_body_like: "counters":\{.*"gauges":\{

=== TEST 2: the Kinesis location does not exist
--- lt_http
lt_kinesis_location /nowhere;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_kinesis_location
/nowhere

=== TEST 3: no lt_kinesis_location
--- lt_http
!lt_kinesis_location
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_kinesis_location

=== TEST 4: the Kinesis location is not internal
--- lt_server
!internal
--- must_die
--- suppress_stderr
--- error_log
[emerg]
internal

=== TEST 5: the Kinesis location goes nowhere
--- lt_server
!proxy_pass
--- must_die
--- suppress_stderr
--- error_log
[emerg]
proxy_pass

=== TEST 6: unknown region
--- lt_http
lt_aws_region us-esat-1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
us-esat-1
region

=== TEST 7: no region
--- lt_http
!lt_aws_region
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_aws_region

=== TEST 8: no stream
--- lt_http
!lt_kinesis_stream
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_kinesis_stream

=== TEST 9: no Redis
--- lt_http
!lt_redis
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_redis

=== TEST 10: the credentials file does not exist
--- lt_http
lt_aws_credentials_file $TEST_NGINX_LT_DIR/absent;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_aws_credentials_file
/absent
No such file

=== TEST 11: the credentials file has no such profile
--- lt_http
lt_aws_credentials_file $TEST_NGINX_LT_DIR/credentials profile=nobody;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_aws_credentials_file
nobody

=== TEST 12: the credentials file is a directory
--- lt_http
lt_aws_credentials_file $TEST_NGINX_LT_DIR;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_aws_credentials_file

=== TEST 13: the token file does not exist
--- lt_http
lt_results_token_file $TEST_NGINX_LT_DIR/absent;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_results_token_file
/absent

=== TEST 14: lt_results without authentication
--- lt_http
!lt_results_token_file
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_results
lt_results_token_file

=== TEST 15: a token that is too short to be one
--- user_files eval
">>> $ENV{TEST_NGINX_LT_DIR}/short\nsecret\n"
--- lt_http
lt_results_token_file $TEST_NGINX_LT_DIR/short;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_results_token_file
16
--- no_error_log
secret

=== TEST 16: an empty token file
--- user_files eval
">>> $ENV{TEST_NGINX_LT_DIR}/empty\n\n"
--- lt_http
lt_results_token_file $TEST_NGINX_LT_DIR/empty;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_results_token_file

=== TEST 17: linger out of bounds
--- lt_http
lt_kinesis_linger 6s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_kinesis_linger

=== TEST 18: an unknown record format
--- lt_http
lt_kinesis_record opus;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
opus

=== TEST 19: a second lt_redis
--- http_config
lt_redis 127.0.0.1:1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"lt_redis" directive is duplicate

=== TEST 20: lt_redis without an address
--- lt_http
lt_redis :::::;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_redis
host:port

=== TEST 21: the password file of Redis cannot be read
--- lt_http
lt_redis 127.0.0.1:$TEST_NGINX_REDIS_PORT password_file=/absent;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
/absent

=== TEST 22: no credentials file, and none in the environment
--- lt_http
!lt_aws_credentials_file
--- must_die
--- suppress_stderr
--- error_log
[emerg]
AWS_ACCESS_KEY_ID
