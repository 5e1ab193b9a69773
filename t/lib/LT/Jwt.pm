package LT::Jwt;

# An identity provider for tests: keys made by the openssl program, their JWKs,
# and tokens, good and bad.  Every token is known to LT::Suite as a secret.
#
#   my $key = LT::Jwt->new(kid => 'k1', type => 'RS256');   # or ES256; bits,
#                                                           # curve
#   write_jwks($file, $key, …);       # renamed into place
#   $key->token({ sub => 'alice' });  # claims over good ones; undef = without
#   $key->token({}, { alg => 'none' }, '');   # header, signature

use strict;
use warnings;
use base 'Exporter';

use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use LT::Env ();

our @EXPORT = qw(write_jwks $Issuer $Client);
our $Issuer = 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Test';
our $Client = 'our-app-client';

my $json = JSON::PP->new->utf8->canonical;
my $keys = 0;

sub new {
    my ($class, %key) = @_;
    my $self = bless { type => 'RS256', bits => 2048, curve => 'P-256', %key },
        $class;
    $self->{file} = "$LT::Env::Dir/key-" . ++$keys . '.pem';
    my @how = $self->{type} eq 'RS256'
        ? ('RSA', '-pkeyopt', "rsa_keygen_bits:$self->{bits}")
        : ('EC', '-pkeyopt', "ec_paramgen_curve:$self->{curve}");
    system('openssl', 'genpkey', '-quiet', '-algorithm', @how, '-out',
        $self->{file}) == 0 or die "openssl genpkey failed\n";
    return $self;
}

sub openssl {
    my ($input, @command) = @_;
    my $pid = open2(my $out, my $in, 'openssl', @command);
    binmode $_ for $in, $out;
    print $in $input;
    close $in;
    my $answer = do { local $/; <$out> };
    waitpid $pid, 0;
    die "openssl $command[0] failed\n" if $?;
    return $answer;
}

# members: use => 'enc', kid => undef …
sub jwk {
    my ($self, %members) = @_;
    my %jwk = (kid => $self->{kid}, use => 'sig', alg => $self->{type});
    if ($self->{type} eq 'RS256') {
        my ($hex) = openssl('', 'rsa', '-in', $self->{file}, '-noout',
            '-modulus') =~ /=([0-9A-F]+)/;
        %jwk = (%jwk, kty => 'RSA', e => 'AQAB',
            n => encode_base64url(pack 'H*', $hex));
    } else {
        my $size = $self->{curve} eq 'P-256' ? 32 : 48;
        my $point = substr openssl('', 'pkey', '-in', $self->{file},
            '-pubout', '-outform', 'DER'), -2 * $size;
        %jwk = (%jwk, kty => 'EC', crv => $self->{curve},
            x => encode_base64url(substr $point, 0, $size),
            y => encode_base64url(substr $point, $size));
    }
    %jwk = (%jwk, %members);
    delete @jwk{grep { !defined $jwk{$_} } keys %jwk};
    return \%jwk;
}

sub public_pem {
    my ($self) = @_;
    return openssl('', 'pkey', '-in', $self->{file}, '-pubout');
}

# Keys or JWKs, or one string as it is.
sub write_jwks {
    my ($file, @keys) = @_;
    my $text = @keys == 1 && !ref $keys[0] ? $keys[0]
        : $json->encode({ keys =>
            [map { ref $_ eq 'HASH' ? $_ : $_->jwk } @keys] });
    open my $out, '>', "$file.new" or die "$file: $!\n";
    print $out $text;
    close $out;
    rename "$file.new", $file or die "$file: $!\n";
}

# ECDSA-Sig-Value in DER to r and s of 32 bytes each
sub raw_signature {
    my ($der) = @_;
    my ($r, $s) = unpack 'x2 x C/a x C/a', $der;
    return join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
}

sub sign {
    my ($self, $text) = @_;
    my $signature = openssl($text, 'dgst', '-sha256', '-sign', $self->{file});
    return $self->{type} eq 'ES256' ? raw_signature($signature) : $signature;
}

sub known {
    my ($token) = @_;
    no warnings 'once';
    my (undef, undef, $signature) = split /\./, $token;
    $LT::Suite::secrets{$signature} = 1 if length($signature // '') > 20;
    return $token;
}

sub without_undef {
    my (%all) = @_;
    delete @all{grep { !defined $all{$_} } keys %all};
    return \%all;
}

# signature: bytes, or code that gets what is to be signed
sub token {
    my ($self, $claims, $header, $signature) = @_;
    my $payload = !ref $claims && defined $claims ? $claims
        : $json->encode(without_undef(iss => $Issuer, aud => $Client,
            token_use => 'id', sub => 'alice', iat => time - 5,
            exp => time + 300, %{$claims // {}}));
    my $text = join '.', map { encode_base64url($_) } $json->encode(
        without_undef(alg => $self->{type}, kid => $self->{kid}, typ => 'JWT',
            %{$header // {}})), $payload;
    $signature = $self->sign($text) if !defined $signature;
    $signature = $signature->($text) if ref $signature;
    return known($text . '.' . encode_base64url($signature));
}

1;
