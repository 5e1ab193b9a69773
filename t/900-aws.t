use strict;
use warnings;
use lib 't/lib';
use LT::Files;
use Test::More;

# The roles of config/aws allow what the programs call, and nothing else.

# ---- what the template allows, by resource

my $template = slurp('config/aws/live-translation.yaml');
my ($resources) = $template =~ /^Resources:\n(.*?)^Outputs:/ms;
my %allowed;
while ($resources =~ /^  (\w+):\n((?:(?:    .*)?\n|  #.*\n)+)/mg) {
    my ($name, $text) = ($1, $2);
    next if $text !~ /Effect: Allow/;
    my @actions = $text =~ /^ +- (\w+:\w+)$/mg;
    $allowed{$name} = \@actions if @actions;
    unlike $text, qr/^ +- \w+:.*\*/m, "$name: no action with a star";
}

# ---- what the code calls

my %called;
for my $file (glob('worker/*/*.c')) {
    my $code = slurp($file);
    $called{"\L$1\E:$2"} = 1 while $code =~
        /\.service = LTW_AWS_(\w+),\s*\.operation = "(\w+)"/g;
    $called{"kinesis:$_"} = 1
        for $code =~ /LT_KINESIS_TARGET "(\w+)"/g,
            $code =~ /ltw_aws_kinesis_begin\(&call, "(\w+)"/g,
            $code =~ /ltw_consumer_call\(aws, "(\w+)"/g;
    $called{"$1:$2"} = 1 while $code =~
        /ltw_count_call\([^"]*"(\w+)",\s*"(\w+)"\)/g;
    $called{'s3:GetObject'} = 1 if $code =~ /lt_sigv4_presign\(/;
}
my %nginx = map { ("kinesis:$_" => 1) }
    map { slurp($_) =~ /kinesis_new\([^"]*"(\w+)"/g }
    glob 'ngx_lt_module/*.c';

is_deeply [sort @{ $allowed{NginxRole} }], [sort keys %nginx],
    'nginx: the role is what it calls';
is_deeply [sort @{ $allowed{WorkerRole} }, @{ $allowed{WorkerFanOut} }],
    [sort keys %called], 'worker: the roles are what it calls';
cmp_ok scalar keys %called, '>', 10, 'the calls were found';

# ---- the rest that was promised

like $template, qr/StreamMode: ON_DEMAND/, 'the stream is on-demand';
like $template, qr/RetentionPeriodHours: 24\b/, 'it keeps a day';
like $template, qr/EncryptionType: KMS/, 'it is encrypted';
like $template, qr/$_: true/, "the bucket: $_" for qw(BlockPublicAcls
    BlockPublicPolicy IgnorePublicAcls RestrictPublicBuckets);
like $template, qr/ExpirationInDays: 1\b/, 'objects live a day';
unlike $template, qr/^[^#"]*: [&*]\w/m, 'no YAML aliases: AWS knows none';

done_testing();
