use strict;
use warnings;
use lib 't/lib';
use LT::Files;
use Cwd qw(abs_path);
use File::Temp ();
use JSON::PP ();
use Test::More;

# The alerts of config/prometheus by series made by hand: each side of each
# "or" fires its alert and no other, what is well fires none.  The same alerts
# by real faults: t/worker/685-alerts.t.mjs.

plan skip_all => 'promtool is not here'
    if system('command -v promtool >/dev/null 2>&1') != 0;

my $rules = abs_path('config/prometheus/lt-alerts.yml');

# A worker that has a shard and its keys: nobody misses it.
my %well = ('lt_worker_shards_owned{instance="w"}' => '1x20');

# What is asked for ('': none), and the series, a value each 30 s.
my @cases = (
    ['', 'all is well', {}],
    ['LtNginxDown', 'nginx', { 'up{job="lt-nginx"}' => '0x20' }],
    ['LtWorkerDown', 'a worker', { 'up{job="lt-worker"}' => '0x20' }],
    ['LtRedisGone', 'for a worker', { lt_worker_redis_connected => '0x20' }],
    ['LtRedisGone', 'for nginx', { lt_nginx_redis_missing => '1x20' }],
    ['LtRedisGone', 'for its commands',
        { lt_nginx_redis_errors_total => '0+6x20' }],
    ['LtAudioDropped', 'a full buffer',
        { 'lt_nginx_audio_dropped_bytes_total{reason="full"}' =>
            '0x15 64000x4' }],
    ['', 'a speaker that came back',
        { 'lt_nginx_audio_dropped_bytes_total{reason="replaced"}' =>
            '0x15 64000x4' }],
    ['LtKinesisRefuses', 'calls',
        { 'lt_nginx_kinesis_errors_total{reason="transient"}' => '0+3x20' }],
    ['LtKinesisRefuses', 'records',
        { lt_nginx_kinesis_records_throttled_total => '0+3x20' }],
    ['LtSpeakersSilent', 'no audio',
        { 'lt_nginx_sockets{role="speaker"}' => '1x20',
            lt_nginx_audio_accepted_bytes_total => '5x20',
            lt_nginx_audio_chunks_silenced_total => '0x20' }],
    ['', 'a speaker that pauses',
        { 'lt_nginx_sockets{role="speaker"}' => '1x20',
            lt_nginx_audio_accepted_bytes_total => '5x20',
            lt_nginx_audio_chunks_silenced_total => '0+9x20' }],
    ['LtReadingBehind', 'far', { lt_worker_kinesis_behind_seconds => '6x20' }],
    ['', 'not far', { lt_worker_kinesis_behind_seconds => '4x20' }],
    ['LtNothingRead', 'by a worker that stands',
        { lt_nginx_audio_stored_bytes_total => '0+9x20',
            lt_worker_records_read_total => '5x20' }],
    ['LtNothingRead', 'no worker at all',
        { lt_nginx_audio_stored_bytes_total => '0+9x20' }],
    ['LtShardWithoutOwner', 'one of several',
        { lt_worker_shards_unread => '1x20' }],
    ['LtShardWithoutOwner', 'workers without any',
        { 'lt_worker_shards_owned{instance="w"}' => '0x20' }],
    ['LtShardWithoutOwner', 'no worker at all',
        { 'lt_worker_shards_owned{instance="w"}' => '_x20' }],
    ['LtAudioLost', 'a gap',
        { 'lt_worker_pcm_bytes_total{fate="gap"}' => '0x15 9x4' }],
    ['LtAudioLost', 'overflow',
        { 'lt_worker_pcm_bytes_total{fate="overflow"}' => '0x15 9x4' }],
    ['', 'nobody listens',
        { 'lt_worker_pcm_bytes_total{fate="no_listener"}' => '0+9x20' }],
    ['LtLate', 'all after 7 s',
        { 'lt_worker_heard_seconds_bucket{le="7"}' => '0x20',
            'lt_worker_heard_seconds_bucket{le="10"}' => '0+5x20',
            'lt_worker_heard_seconds_bucket{le="+Inf"}' => '0+5x20' }],
    ['LtVoicesFail', 'captions instead', captions(captioned => '0+1x20')],
    ['LtVoicesFail', 'nothing instead', captions(failed => '0+1x20')],
    ['', 'captions, as all asked for',
        captions(captioned => '0+1x20', unasked => '0+1x20')],
    ['', 'captions, as the language has no voice',
        captions(captioned => '0+1x20', voiceless => '0+1x20')],
    ['', 'spoken with the one before',
        captions(captioned => '0+1x20', merged => '0+1x20')],
    ['LtTalksWait', 'for a stream',
        { lt_worker_streams_waited_total => '0x15 1x4' }],
    ['LtTalksWait', 'AWS refuses',
        { lt_worker_streams_throttled_total => '0x15 1x4' }],
    ['LtKeysEnd', 'of nginx',
        { lt_nginx_credentials_expire_timestamp_seconds => '800x20' }],
    ['LtKeysEnd', 'of a worker',
        { lt_worker_credentials_expire_timestamp_seconds => '800x20' }],
    ['', 'keys that never end',
        { lt_worker_credentials_expire_timestamp_seconds => '0x20' }],
    ['LtKeysMissing', 'in nginx', { lt_nginx_credentials_missing => '1x20' }],
    ['LtKeysMissing', 'in a worker',
        { lt_worker_credentials_ready => '0x20' }],
    ['LtCertificateEnds', 'in a week',
        { lt_nginx_certificate_expire_timestamp_seconds => '604800x20' }],
    ['', 'no certificate',
        { lt_nginx_certificate_expire_timestamp_seconds => '0x20' }],
);

sub captions {
    my %values = @_;
    my %series;
    for my $what (qw(captioned failed unasked voiceless merged)) {
        $series{"lt_worker_segments_${what}_total"} = $values{$what} // '0x20';
    }
    $series{qq{lt_worker_language_segments_${_}_total{language="es"}}}
        = $values{$_} // '0x20' for qw(captioned failed);
    return \%series;
}

# What promtool says to it: '' is well.
sub said {
    my ($series, $alert) = @_;
    my %all = (%well, %$series);
    my @wanted = $alert eq '' ? () : { labels =>
        qq[{alertname="$alert"}], value => 1 };
    my ($out, $file) = File::Temp::tempfile(UNLINK => 1);
    print $out JSON::PP->new->encode({ rule_files => [$rules],
        evaluation_interval => '30s', tests => [{ interval => '30s',
            input_series => [map { { series => $_, values => $all{$_} } }
                sort keys %all],
            promql_expr_test => [{ eval_time => '10m', exp_samples => \@wanted,
                expr => 'count by (alertname) (ALERTS{alertstate="firing"})'
            }] }] });
    close $out;
    my $said = `promtool test rules $file 2>&1`;
    return $? == 0 ? '' : $said;
}

my %fired;
for (@cases) {
    my ($alert, $what, $series) = @$_;
    is said($series, $alert), '', ($alert || 'no alert') . ": $what";
    $fired{$alert}++;
}
isnt said({}, 'LtLate'), '', 'an alert that does not fire is noticed';

# Each alert, each side of an "or" in it, and of these two patterns.
my %sides = (LtAudioLost => 2, LtKeysEnd => 2);
my %text = slurp($rules) =~ /alert: (\w+)\n(.*?)\n +labels:/gs;
for my $alert (sort keys %text) {
    my $ors = () = $text{$alert} =~ / or (?!vector)/g;
    cmp_ok $fired{$alert} // 0, '>=', $sides{$alert} // 1 + $ors,
        "$alert: each of its sides";
}

done_testing();
