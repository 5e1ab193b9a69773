package Test::Nginx::Shim::Check;

# Runs a block's requests and judges answers and error log, in the order and
# with the number of tests of the real module.

use strict;
use warnings;

use Time::HiRes qw(sleep);
use Test::More ();
use Test::Nginx::Shim::Request ();

my @body_checks;

sub add_body_check ($) { push @body_checks, shift }

sub run_requests ($$$) {
    my ($block, $dry_run, $repeat) = @_;
    my @requests = Test::Nginx::Shim::Request::from_block($block);
    my $pipelined = $block->pipelined_requests;
    my $total = $pipelined ? @$pipelined : @requests;
    my ($index, $left) = (0, '');
    while ($index < $total) {
        $left = Test::Nginx::Shim::Request::exchange($block, shift @requests)
            if @requests;
        if (!defined $block->ignore_response) {
            my $answer = parse_response($block, $left);
            $left = $answer->{left};
            check_answer($block, $answer, $index, $total > 1, $repeat);
        }
        sleep $block->wait if $block->wait;
        check_error_log($block, undef, $dry_run, $repeat, $total > 1);
        $index++;
    }
}

# { code, raw_headers, headers (lower case name => value), body, left }
sub parse_response {
    my ($block, $bytes) = @_;
    my %answer = (headers => {}, raw_headers => '', body => '', left => '');
    my ($head, $body) = $bytes =~ /^(.*?\r\n)\r\n(.*)$/s;
    return \%answer
        if !defined $head || $head !~ m{^HTTP/\d\.\d (\d\d\d)};
    @answer{qw(code raw_headers)} = ($1, $head);
    for (split /\r\n/, $head =~ s/^[^\n]*\n//r) {
        my ($key, $value) = split /\s*:\s*/, $_, 2;
        my $slot = \$answer{headers}{lc $key};
        $$slot = defined $$slot ? "$$slot, $value" : $value;
    }
    my $length = $answer{headers}{'content-length'};
    if ($answer{code} == 101 || $answer{code} == 304) {
        $answer{body} = $body;
    } elsif (($answer{headers}{'transfer-encoding'} // '') eq 'chunked') {
        @answer{qw(body left)} = decode_chunked($block, $body);
    } elsif (defined $length && length $body > $length) {
        @answer{qw(body left)}
            = (substr($body, 0, $length), substr $body, $length);
    } else {
        $answer{body} = $body;
    }
    return \%answer;
}

sub decode_chunked {
    my ($block, $raw) = @_;
    my $body = '';
    while ($raw =~ s/^[ \t]*([0-9A-Fa-f]+)[^\r\n]*\r\n//) {
        my $size = hex $1;
        last if length $raw < $size + 2;
        $body .= substr $raw, 0, $size, '';
        last if $raw !~ s/^\r\n//;
        return ($body, $raw) if $size == 0;
    }
    Test::More::fail($block->name . ' - invalid chunked data received');
    return ($body, '');
}

# With several requests, an expectation is an array with one value for each.
sub expected {
    my ($block, $section, $index, $need_array) = @_;
    my $value = $block->$section;
    return $value if ref $value ne 'ARRAY' && !$need_array;
    return $value->[$index] if ref $value eq 'ARRAY';
    Test::Nginx::Util::bail_out($block->name,
        " - several requests need an array of $section");
}

sub interpolate {
    my ($text) = @_;
    return $text if ref $text;
    $text =~ s/\$ServerPort\b/$Test::Nginx::Util::ServerPort/g;
    $text =~ s/\$ServerPortForClient\b/
        $Test::Nginx::Util::ServerPortForClient/gx;
    return $text;
}

sub check_answer {
    my ($block, $answer, @at) = @_;
    my $repeat = pop @at;
    my $name = $block->name;
    my $code = defined $block->error_code
        ? expected($block, 'error_code', @at) : 200;
    Test::More::is($answer->{code} // '', $code, "$name - status code ok");
    if (defined $block->raw_response_headers_like) {
        my $like = expected($block, 'raw_response_headers_like', @at);
        Test::More::like($answer->{raw_headers}, qr/$like/s,
            "$name - raw resp headers like");
    }
    check_headers($block, $answer, @at) if defined $block->response_headers;
    check_body($block, $answer, @at, $repeat);
    $_->($block, $answer->{body}, $at[0], $repeat, 0) for @body_checks;
}

sub check_headers {
    my ($block, $answer, @at) = @_;
    my $name = $block->name;
    for (split /\n/, expected($block, 'response_headers', @at)) {
        s/^\s+|\s+$//g;
        if (s/^!\s*//) {
            Test::More::unlike($answer->{raw_headers}, qr/^\s*\Q$_\E\s*:/m,
                "$name - header $_ not present in the raw headers");
            next;
        }
        my ($key, $value) = split /\s*:\s*/, $_, 2;
        Test::More::is($answer->{headers}{lc $key} // '', interpolate($value),
            "$name - header $key ok");
    }
}

sub check_body {
    my ($block, $answer, $index, $need_array, $repeat) = @_;
    my $name = $block->name;
    my $what = "(repeated req $repeat, req $index)";
    if (defined $block->response_body) {
        my $want = interpolate(
            expected($block, 'response_body', $index, $need_array));
        if (ref $want) {
            return Test::More::like($answer->{body}, $want,
                "$name - response_body - like $what");
        }
        Test::More::is($answer->{body},
            Test::Nginx::Util::expand_env($want, $name),
            "$name - response_body - response is expected $what");
    } elsif (defined $block->response_body_like) {
        my $want = interpolate(
            expected($block, 'response_body_like', $index, $need_array));
        Test::More::like($answer->{body}, qr/$want/s,
            "$name - response_body_like - response is expected ("
            . Test::Nginx::Util::trim($answer->{body}) . ')');
    }
}

# Also called by add-ons and after a must_die.  One test for each pattern.
sub check_error_log ($$$$$) {
    my ($block, undef, undef, $repeat, undef) = @_;
    my $name = $block->name;
    my $lines = Test::Nginx::Util::error_log_data();
    check_grep($block, $lines, $repeat);
    my @wanted = patterns($block->error_log);
    my @unwanted = patterns($block->no_error_log);
    for my $pattern (@wanted) {
        Test::More::ok(scalar(grep { matches($_, $pattern) } @$lines),
            "$name - pattern \"$pattern\" matches a line in error.log "
            . "(req $repeat)");
    }
    for my $pattern (@unwanted) {
        my ($hit) = grep { matches($_, $pattern) } @$lines;
        Test::More::ok(!defined $hit, "$name - pattern \"$pattern\" does not "
            . "match a line in error.log (req $repeat)");
        Test::More::diag($hit) if defined $hit;
    }
    for my $level (qw(alert crit emerg)) {
        next if grep { /\Q[$level/ } @wanted, @unwanted;
        warn "WARNING: $name - $_" for grep { /\[$level\]/ } @$lines;
    }
}

sub patterns {
    my ($value) = @_;
    return () if !defined $value;
    return ref $value eq 'ARRAY' ? grep { defined } @$value
        : ref $value ? $value : split /\n+/, $value =~ s/\n\z//r;
}

sub matches {
    my ($line, $pattern) = @_;
    return ref $pattern ? $line =~ $pattern : $line =~ /\Q$pattern\E/;
}

sub check_grep {
    my ($block, $lines, $repeat) = @_;
    my $name = $block->name;
    my $pattern = $block->grep_error_log;
    my $want = $block->grep_error_log_out;
    $pattern = $pattern->[$repeat] if ref $pattern eq 'ARRAY';
    $want = $want->[$repeat] if ref $want eq 'ARRAY';
    return if !defined $pattern && !defined $want;
    defined $pattern && defined $want or Test::Nginx::Util::bail_out($name,
        ' - grep_error_log and grep_error_log_out come together');
    $pattern = qr/\Q$pattern\E/ if !ref $pattern;
    my $got = join '', map { /$pattern/ && $& !~ /\n/ ? "$&\n" : () } @$lines;
    my $title = "$name - grep_error_log_out (req $repeat)";
    return Test::More::like($got, $want, $title) if ref $want;
    Test::More::is($got, Test::Nginx::Util::expand_env($want, $name), $title);
}

1;
