package LT::Cbor;

# As much of CBOR (RFC 8949) as Kinesis' CBOR 1.1 protocol needs.  Byte strings
# are decoded to base64, as the JSON protocol has them.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);

sub head {
    my ($major, $n) = @_;
    my $bits = $major << 5;
    return $n < 24 ? pack 'C', $bits | $n
        : $n < 256 ? pack 'CC', $bits | 24, $n
        : $n < 65536 ? pack 'Cn', $bits | 25, $n : pack 'CN', $bits | 26, $n;
}

# Hashes, arrays, texts; numbers are told by their look.
sub encode {
    my ($data) = @_;
    return head(5, scalar keys %$data)
        . join '', map { encode($_) . encode($data->{$_}) } sort keys %$data
        if ref $data eq 'HASH';
    return head(4, scalar @$data) . join '', map { encode($_) } @$data
        if ref $data eq 'ARRAY';
    return head(0, $data) if $data =~ /^\d{1,9}\z/ && $data !~ /^0\d/;
    return head(3, length $data) . $data;
}

sub decode {
    my ($bytes) = @_;
    my $at = 0;
    my $data = item(\$bytes, \$at);
    die "bytes behind the item\n" if $at != length $bytes;
    return $data;
}

sub take {
    my ($bytes, $at, $n) = @_;
    die "cut short\n" if $$at + $n > length $$bytes;
    my $taken = substr $$bytes, $$at, $n;
    $$at += $n;
    return $taken;
}

my %length = (24 => [1, 'C'], 25 => [2, 'n'], 26 => [4, 'N'], 27 => [8, 'Q>']);

sub item {
    my ($bytes, $at) = @_;
    my $first = ord take($bytes, $at, 1);
    my ($major, $n) = ($first >> 5, $first & 31);
    if ($n >= 24) {
        my $how = $length{$n} or die "no definite length\n";
        $n = unpack $how->[1], take($bytes, $at, $how->[0]);
    }
    return $n if $major == 0;
    return encode_base64(take($bytes, $at, $n), '') if $major == 2;
    return take($bytes, $at, $n) if $major == 3;
    return [map { item($bytes, $at) } 1 .. $n] if $major == 4;
    return { map { my $key = item($bytes, $at); ($key, item($bytes, $at)) }
        1 .. $n } if $major == 5;
    die "major type $major\n";
}

1;
