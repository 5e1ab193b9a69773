use lib 't/lib';
use LT::Env;
use Test::Nginx::Socket 'no_plan';
use LT::Suite;
use LT::Jwt;

use Digest::SHA ();

# Speakers known by the tokens of an identity provider.

our $Jwks = "$LT::Env::Dir/jwks.json";
our $Rsa = LT::Jwt->new(kid => 'rsa-1', type => 'RS256');
our $Ec = LT::Jwt->new(kid => 'ec-1', type => 'ES256');
our $Next = LT::Jwt->new(kid => 'ec-2', type => 'ES256');
our $Weak = LT::Jwt->new(kid => 'weak-1', type => 'RS256', bits => 1024);
our $Wide = LT::Jwt->new(kid => 'wide-1', type => 'ES256', curve => 'P-384');

our $Provider = <<"END";
lt_jwt_jwks_file $Jwks;
lt_jwt_issuer $Issuer;
lt_jwt_audience another-app $Client;
END

# Keys that are of no use stand beside those that are.
sub good_keys { write_jwks($Jwks, $Weak, $Wide, $Rsa, $Ec) }

# (status, data, headers) of a POST with that token in the header
sub create {
    my ($token, $query) = @_;
    return api(POST => '/sessions' . ($query // ''), { sourceLanguage => 'en' },
        { defined $token ? (Authorization => "Bearer $token") : () });
}

sub made {
    my ($status, $data) = create(@_);
    die "POST /sessions: $status\n" if $status != 201;
    return $data->{sessionId};
}

# Opened without a language: to speak.
sub speak {
    my ($id, $token) = @_;
    return connect_ws("/ws?token=$token&sessionId=$id");
}

sub is_speaker {
    my ($socket) = @_;
    return 0 if $socket->status != 101;
    $socket->send_json({ action => 'getSessionStatus' });
    return defined $socket->json('sessionStatus', 2);
}

sub log_text {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    local $/;
    return <$in>;
}

sub log_lines {
    my ($what) = @_;
    return grep { /$what/ }
        split /\n/, log_text($Test::Nginx::Util::ErrLogFile);
}

# One key for each reason not to use it.
sub unusable {
    write_jwks("$LT::Env::Dir/unusable.json", $Weak, $Wide, {},
        $Rsa->jwk(kid => undef), $Rsa->jwk(kid => ''), $Rsa->jwk(use => 'enc'),
        $Rsa->jwk(alg => 'RS512'), $Rsa->jwk(kty => 'EC'),
        $Rsa->jwk(n => undef), $Ec->jwk(y => $Ec->jwk->{x}),
        $Ec->jwk(alg => 'RS256'), { kty => 'oct', kid => 'o', k => 'c2VjcmV0' });
    return $Provider =~ s/jwks\.json/unusable.json/r;
}

good_keys();
run_tests();

__DATA__

=== TEST 1: RS256 and ES256 make sessions that belong to their subject
--- lt_http eval: $::Provider
--- ws
for my $key ($::Rsa, $::Ec) {
    my ($status, $data, $headers) = create($key->token);
    is $status, 201, "$key->{type}: created";
    is $data->{speakerId}, 'alice', "$key->{type}: her session";
    ok !exists $data->{speakerToken}, "$key->{type}: no other key to it";
    is $headers->{'access-control-allow-origin'}, '*', "$key->{type}: CORS";
    my %record = @{redis()->command(HGETALL =>
        "lt:{$data->{sessionId}}:session")};
    is $record{speakerKey}, 'sub:' . Digest::SHA::sha256_hex('alice'),
        "$key->{type}: what Redis holds";
}
is +(api(GET => '/sessions/' . made($::Ec->token)))[1]{speakerId}, 'alice',
    'everybody may read it';
is +(create($::Ec->token({ sub => "\x{e9}\"\\ \x{1F600}" })))[1]{speakerId},
    "\x{e9}\"\\ \x{1F600}", 'any subject';

=== TEST 2: the subject's token opens the socket, in the query or the header
--- lt_http eval: $::Provider
--- ws
my $id = made($::Rsa->token);
ok is_speaker(speak($id, $::Rsa->token)), 'the same key';
ok is_speaker(speak($id, $::Ec->token)), 'another key, the same subject';
ok is_speaker(connect_ws("/ws?sessionId=$id", headers => {
    Authorization => 'Bearer ' . $::Ec->token })), 'in the header';
my $socket = speak($id, $::Ec->token);
$socket->send_binary(pcm(640, 1));
ok eventually { counters()->{audio_chunks} == 1 }, 'and audio is taken';

=== TEST 3: the query wins over the header
--- lt_http eval: $::Provider
--- ws
my ($good, $bad) = ($::Ec->token, $::Ec->token({ exp => time - 1 }));
is +(create(undef, "?token=$good"))[0], 201, 'in the query';
is +(create($bad, "?token=$good"))[0], 201, 'good in the query, bad not seen';
is +(create($good, "?token=$bad"))[0], 401, 'bad in the query';
is +(create($good, '?token='))[0], 201, 'an empty one is none';
my $id = made($good);
ok is_speaker(connect_ws("/ws?token=$good&sessionId=$id", headers => {
    Authorization => "Bearer $bad" })), 'at the socket too';
is connect_ws("/ws?token=$bad&sessionId=$id", headers => {
    Authorization => "Bearer $good" })->status, 401, 'and bad';

=== TEST 4: what proves nothing is refused, and the log says why
--- lt_http eval: $::Provider
--- http_config
large_client_header_buffers 4 32k;
--- ws
my $foreign = LT::Jwt->new(kid => 'ec-1', type => 'ES256');
my $rsa = $::Rsa->token;
my ($head, $claims, $signature) = split /\./, $::Ec->token;
my $hs = sub { Digest::SHA::hmac_sha256($_[0], $::Rsa->public_pem) };
my $n = sub { Digest::SHA::hmac_sha256($_[0],
    MIME::Base64::decode_base64url($::Rsa->jwk->{n})) };
my $bob = (split /\./, $::Ec->token({ sub => 'bob' }))[1];
my @refused = (
    ['none at all', undef],
    ['alg none', $::Ec->token({}, { alg => 'none' }, ''), 'alg'],
    ['alg None with a signature', $::Ec->token({}, { alg => 'None' }),
        'no signed JWT'],
    ['HS256 with the public key', $::Rsa->token({}, { alg => 'HS256' }, $hs),
        'alg'],
    ['HS256 with the modulus', $::Rsa->token({}, { alg => 'HS256' }, $n),
        'alg'],
    ['RS512', $::Rsa->token({}, { alg => 'RS512' }), 'alg'],
    ['PS256', $::Rsa->token({}, { alg => 'PS256' }), 'alg'],
    ['RS256 by an EC key', $::Ec->token({}, { alg => 'RS256' }), 'alg'],
    ['ES256 by an RSA key', $::Rsa->token({}, { alg => 'ES256' }), 'alg'],
    ['no alg', $::Rsa->token({}, { alg => undef }), 'no signed JWT'],
    ['alg a number', $::Rsa->token({}, { alg => 5 }), 'no signed JWT'],
    ['unknown kid', $::Next->token, 'kid is not'],
    ['no kid', $::Ec->token({}, { kid => undef }), 'kid is not'],
    ['kid a number', $::Ec->token({}, { kid => 1 }), 'kid is not'],
    ['a key of 1024 bits', $::Weak->token, 'kid is not'],
    ['a key on P-384', $::Wide->token({}, { alg => 'ES384' }), 'kid is not'],
    ['a foreign key with our kid', $foreign->token, 'signature is wrong'],
    ['another signature', $::Ec->token({}, {}, 'x' x 64),
        'signature is wrong'],
    ['a short signature', $::Ec->token({}, {}, 'x'), 'signature is wrong'],
    ['no signature', $::Ec->token({}, {}, ''), 'no signed JWT|signature'],
    ['other claims', "$head.$bob.$signature", 'signature is wrong'],
    ['an embedded key', $foreign->token({}, { kid => 'ec-1',
        jwk => $foreign->jwk }), 'signature is wrong'],
    ['crit', $::Ec->token({}, { crit => ['b64'], b64 => JSON::PP::false }),
        'crit'],
    ['two parts', "$head.$claims", 'no signed JWT'],
    ['four parts', "$head.$claims.$signature.x", 'no signed JWT|signature'],
    ['five parts', "$head.$claims.$signature.x.y", 'no signed JWT|signature'],
    ['no base64', '!!.!!.!!', 'no signed JWT'],
    ['dots', '...', 'no signed JWT'],
    ['a word', 'nonsense', 'no signed JWT'],
    ['claims that are no JSON', $::Ec->token('{'), 'no JSON object'],
    ['claims that are a list', $::Ec->token('[]'), 'no JSON object'],
    ['no claims', $::Ec->token(''), 'no JSON object|no signed JWT'],
    ['expired', $::Ec->token({ exp => time - 1 }), 'expired'],
    ['expired just now', $::Ec->token({ exp => time }), 'expired'],
    ['no exp', $::Ec->token({ exp => undef }), 'exp is missing'],
    ['exp as text', $::Ec->token({ exp => 'never' }), 'exp is missing'],
    ['not yet valid', $::Ec->token({ nbf => time + 60 }), 'not yet valid'],
    ['from the future', $::Ec->token({ iat => time + 60 }), 'in the future'],
    ['wrong iss', $::Ec->token({ iss => "$Issuer/" }), 'iss'],
    ['no iss', $::Ec->token({ iss => undef }), 'iss'],
    ['wrong aud', $::Ec->token({ aud => "$Client-2" }), 'aud'],
    ['no aud', $::Ec->token({ aud => undef }), 'aud'],
    ['client_id beside a wrong aud', $::Ec->token({ aud => 'x',
        client_id => $Client }), 'aud'],
    ['an access token', $::Ec->token({ token_use => 'access' }), 'token_use'],
    ['no token_use', $::Ec->token({ token_use => undef }), 'token_use'],
    ['no sub', $::Ec->token({ sub => undef }), 'sub is missing'],
    ['an empty sub', $::Ec->token({ sub => '' }), 'sub is missing'],
    ['sub a list', $::Ec->token({ sub => ['alice'] }), 'sub is missing'],
    ['a long sub', $::Ec->token({ sub => 'a' x 257 }), 'sub is missing'],
    ['over 8 KiB', $::Ec->token({ x => 'x' x 6200 }), '8192'],
);
my $before = counters()->{tokens_refused};
for (@refused) {
    my ($what, $token, $reason) = @$_;
    my @lines = log_lines('event=token_refused');
    my ($status, $data, $headers) = create($token);
    is $status, 401, "$what: status";
    is $data->{code}, 'UNAUTHORIZED', "$what: code";
    is $data->{message}, 'Unauthorized', "$what: message";
    is $headers->{'access-control-allow-origin'}, '*', "$what: CORS";
    next if !defined $token;
    my @more = log_lines('event=token_refused');
    is @more, @lines + 1, "$what: one line in the log";
    like $more[-1] // '', qr/reason="[^"]*(?:$reason)/, "$what: the reason";
}
is counters()->{tokens_refused} - $before, @refused - 1, 'all counted';
my $long = $::Ec->token({ x => 'x' x 5600 });
cmp_ok length $long, '>', 7600, 'a long one';
is +(create($long))[0], 201, 'below 8 KiB';
is +(create($rsa))[0], 201, 'the others are still good';

=== TEST 5: 401 comes before what is wrong with the body
--- lt_http eval: $::Provider
--- ws
is +(api(POST => '/sessions', 'nonsense'))[0], 401, 'no token';
is +(api(POST => '/sessions', 'nonsense',
    { Authorization => 'Bearer ' . $::Ec->token }))[0], 400, 'a good one';
is +(api(POST => '/sessions', { sourceLanguage => 'en' },
    { Authorization => 'Basic ' . $::Ec->token }))[0], 401, 'not a Bearer';

=== TEST 6: who speaks, who listens, who is sent away
--- lt_http eval: $::Provider
--- ws
my $id = made($::Ec->token);
my %token = (mine => $::Ec->token, other => $::Ec->token({ sub => 'bob' }),
    expired => $::Ec->token({ exp => time - 1 }), broken => 'nonsense');
for (['mine', 101], ['other', 400, 'MISSING_TARGET_LANGUAGE'],
    ['expired', 401, 'UNAUTHORIZED'], ['broken', 401, 'UNAUTHORIZED'])
{
    my ($who, $status, $code) = @$_;
    my $socket = speak($id, $token{$who});
    is $socket->status, $status, "$who: status";
    is $socket->error->{code}, $code, "$who: code" if $code;
    my $listener = connect_ws(
        "/ws?token=$token{$who}&sessionId=$id&targetLanguage=es");
    is $listener->status, 101, "$who: with a language";
    ok !is_speaker($listener), "$who: a listener";
}
is connect_ws("/ws?sessionId=$id&targetLanguage=es")->status, 101,
    'no token: a listener';
is connect_ws("/ws?sessionId=$id")->error->{code}, 'MISSING_TARGET_LANGUAGE',
    'no token, no language';
is speak($id, $token{mine} =~ s/^.*\.//r)->status, 401, 'a part of a token';
is speak($id, $_)->status, 401, $_ for 'alice', 'sub:alice',
    'sub:' . Digest::SHA::sha256_hex('alice');

=== TEST 7: the session's troubles come before the token's
--- lt_http eval: "$::Provider\nlt_end_grace 1s;"
--- ws
my $id = made($::Ec->token);
is speak('nosuch-talk-123', 'broken')->error->{code}, 'SESSION_NOT_FOUND',
    'no such session';
is connect_ws('/ws?token=broken')->error->{code}, 'MISSING_SESSION_ID',
    'no session id';
speak($id, $::Ec->token)->send_json({ action => 'endSession' });
my $again = eventually {
    my $try = speak($id, 'broken');
    $try->status != 401 && $try;
};
is $again->error->{code}, 'SESSION_INACTIVE', 'an ended session';
is speak($id, $::Ec->token)->error->{code}, 'SESSION_INACTIVE',
    'with a good token too';

=== TEST 8: a provider leaves no way in by a session's secret, nor the reverse
--- ws
my $session = session();
ok is_speaker(speak($session->{sessionId}, $session->{speakerToken})),
    'without a provider the secret opens';
is speak($session->{sessionId}, $::Ec->token)->status, 401, 'a JWT does not';
my $key = 'sub:' . Digest::SHA::sha256_hex('alice');
redis()->command(HSET => "lt:{$session->{sessionId}}:session", speakerKey =>
    $key);
is speak($session->{sessionId}, $_)->status, 401, "not by $_"
    for 'alice', 'sub:alice', $key;

=== TEST 9: access tokens have client_id in place of aud
--- lt_http eval: "$::Provider\nlt_jwt_token_use access;"
--- ws
my %access = (token_use => 'access', aud => undef, client_id => $Client);
is +(create($::Ec->token(\%access)))[0], 201, 'an access token';
is +(create($::Ec->token({ %access, client_id => 'x' })))[0], 401,
    'of another client';
is +(create($::Ec->token))[0], 401, 'an id token';

=== TEST 10: other providers know no token_use
--- lt_http eval: "$::Provider\nlt_jwt_token_use any;"
--- ws
is +(create($::Ec->token({ token_use => undef })))[0], 201, 'without';
is +(create($::Ec->token({ token_use => 'x' })))[0], 201, 'any';
is +(create($::Ec->token({ aud => ['x', 'another-app'] })))[0], 201,
    'one of several audiences';

=== TEST 11: clocks may differ
--- lt_http eval: "$::Provider\nlt_jwt_leeway 1m;"
--- ws
is +(create($::Ec->token({ exp => time - 30 })))[0], 201, 'expired 30 s ago';
is +(create($::Ec->token({ exp => time - 61 })))[0], 401, '61 s ago';
is +(create($::Ec->token({ nbf => time + 30, iat => time + 30 })))[0], 201,
    'valid in 30 s';
is +(create($::Ec->token({ nbf => time + 90 })))[0], 401, 'in 90 s';

=== TEST 12: new keys are taken without a reload; a broken file changes nothing
--- lt_http eval: $::Provider
--- ws
my @pids = worker_pids();
my $works = sub { (create($_[0]->token))[0] == 201 };
my $refusals = sub { scalar log_lines('event=jwks_refused') };
ok $works->($::Ec), 'the old key';
ok !$works->($::Next), 'the new key is not known';

write_jwks($::Jwks, $::Next);
ok eventually { $works->($::Next) }, 'the new key works';
ok !$works->($::Ec), 'the old one has gone';
is_deeply [worker_pids()], \@pids, 'without a reload';

my $lines = $refusals->();
for ('{"keys":', '{"keys":[]}', 'x' x 70_000) {
    my $short = substr $_, 0, 12;
    write_jwks($::Jwks, $_);
    ok eventually { $refusals->() == $lines + 1 }, "\"$short\": one line";
    $lines++;
    ok $works->($::Next), "\"$short\": the key stays";
}
unlink $::Jwks;
ok eventually { $refusals->() == $lines + 1 }, 'a file that is away: one line';
ok $works->($::Next), 'the key stays';
select undef, undef, undef, 2.5;
is $refusals->(), $lines + 1, 'not said again';

main::good_keys();
ok eventually { $works->($::Rsa) }, 'back again';
is_deeply [worker_pids()], \@pids, 'still without a reload';

=== TEST 13: reloads and processes that end
--- lt_http eval: $::Provider
--- ws
for (1 .. 3) {
    main::reload();
    is +(create($::Ec->token))[0], 201, 'after a reload';
}

=== TEST 14: no token in any log
--- lt_http eval: $::Provider
--- http_config
limit_req_zone $binary_remote_addr zone=one:64k rate=1r/m;
log_format all '$request $request_uri $args $arg_token';
--- locations
    location = /ws { lt_websocket; access_log logs/all.log all; }
    location /sessions { lt_sessions; access_log logs/all.log all; }
    location = /lt/status { lt_status; }
    location = /few { lt_websocket; limit_req zone=one; }
    location = /none { lt_websocket; deny all; }
--- ws
my @tokens = ($::Ec->token, $::Rsa->token, $::Ec->token({ exp => 1 }),
    'canary-in-the-coal-mine');
my $id = made($tokens[0], "?token=$tokens[0]");
create($_, "?x=1&token=$_&y=2") for @tokens;
for my $path (qw(/ws /few /none)) {
    for my $token (@tokens) {
        for ("sessionId=$id", "sessionId=$id&targetLanguage=es", 'x=1') {
            connect_ws("$path?token=$token&$_");
            connect_ws("$path?$_&TOKEN=$token");
            connect_ws("$path?$_", headers => {
                Authorization => "Bearer $token" });
            api(GET => "$path?$_&token=$token");
        }
    }
}
my $dir = $Test::Nginx::Util::ErrLogFile =~ s{[^/]+$}{}r;
my %text = map { $_ => log_text("$dir$_") } qw(error.log access.log all.log);
like $text{'error.log'}, qr/limiting requests/, 'limit_req has refused';
like $text{'error.log'}, qr/access forbidden by rule/, 'deny has refused';
like $text{'all.log'}, qr/token=\*+/, 'stars';
like $text{'all.log'}, qr/&y=2/, 'the rest is there';
for my $file (sort keys %text) {
    ok length $text{$file}, "$file was written";
    for my $token (@tokens) {
        my ($secret) = $token =~ /([^.]+)\z/;
        ok index($text{$file}, $secret) < 0, "$file: no token";
    }
}

=== TEST 15: at level debug only what nginx itself reads from the network
--- lt_http eval: $::Provider
--- log_level: debug
--- ws
my $token = $::Ec->token;
my ($secret) = $token =~ /([^.]+)\z/;
delete $LT::Suite::secrets{$secret};
my $id = made($token);
connect_ws("/ws?token=$token&sessionId=$id");
connect_ws("/ws?sessionId=$id", headers => {
    Authorization => "Bearer $token" });
my @lines = log_lines("\Q$secret");
my @theirs = grep { /\[debug\].*(?:http request line:|http args:|http header:)/ }
    @lines;
cmp_ok scalar @lines, '>', 0, 'nginx writes down what it reads';
is_deeply [grep { my $line = $_; !grep { $_ eq $line } @theirs } @lines], [],
    'and nobody writes more';
is scalar(grep { /lt: / } @lines), 0, 'we do not';

=== TEST 16: only the owner changes and ends a session
--- lt_http eval: $::Provider
--- ws
my $id = made($::Ec->token);
my %token = (none => undef, broken => 'nonsense',
    expired => $::Ec->token({ exp => time - 1 }),
    other => $::Ec->token({ sub => 'bob' }), mine => $::Rsa->token);
for (['none', 401], ['broken', 401], ['expired', 401], ['other', 403]) {
    my ($who, $status) = @$_;
    my %headers = defined $token{$who}
        ? (Authorization => "Bearer $token{$who}") : ();
    is +(api(PATCH => "/sessions/$id", { qualityTier => 'premium' },
        \%headers))[0], $status, "PATCH, $who";
    is +(api(DELETE => "/sessions/$id", undef, \%headers))[0], $status,
        "DELETE, $who";
}
my ($status, $data) = api(GET => "/sessions/$id");
is $data->{qualityTier}, 'standard', 'nothing has changed';
is $data->{status}, 'active', 'nor ended';
my $mine = { Authorization => "Bearer $token{mine}" };
is +(api(PATCH => '/sessions/nosuch-talk-123', { qualityTier => 'premium' },
    $mine))[0], 404, 'a session that is not there';
is +(api(PATCH => "/sessions/$id", { qualityTier => 'premium' }, $mine))[0],
    200, 'PATCH, the owner';
is +(api(DELETE => "/sessions/$id", undef, $mine))[0], 204,
    'DELETE, the owner';
is +(api(GET => "/sessions/$id"))[1]{status}, 'ended', 'it has ended';

=== TEST 17: no keys
--- lt_http
lt_jwt_issuer https://issuer;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_jwks_file

=== TEST 18: no keys, the default said aloud
--- lt_http
lt_jwt_token_use id;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_jwks_file

=== TEST 19: no issuer
--- lt_http eval: $::Provider =~ s/lt_jwt_issuer.*\n//r
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_issuer

=== TEST 20: no audience
--- lt_http eval: $::Provider =~ s/lt_jwt_audience.*\n//r
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_audience

=== TEST 21: a leeway that is too wide
--- lt_http eval: "$::Provider\nlt_jwt_leeway 301s;"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_leeway
5m

=== TEST 22: an unknown token_use
--- lt_http eval: "$::Provider\nlt_jwt_token_use refresh;"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
refresh

=== TEST 23: no JWKS
--- lt_http eval: $::Provider =~ s/jwks\.json/absent.json/r
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_jwks_file
absent.json
No such file

=== TEST 24: a JWKS that is a directory
--- lt_http eval: $::Provider =~ s{/jwks\.json}{}r
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_jwks_file
regular file

=== TEST 25: an empty JWKS
--- lt_http eval: main::write_jwks("$LT::Env::Dir/bad.json", ''); $::Provider =~ s/jwks\.json/bad.json/r
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_jwks_file
not JSON

=== TEST 26: a JWKS without a key for us
--- lt_http eval: main::unusable()
--- must_die
--- suppress_stderr
--- error_log
[emerg]
lt_jwt_jwks_file
no usable key

=== TEST 27: a JWKS without keys
--- lt_http eval: main::write_jwks("$LT::Env::Dir/none.json", '{"keys":[]}'); $::Provider =~ s/jwks\.json/none.json/r
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no usable key
