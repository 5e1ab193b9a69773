// How much a deployment needs and costs. No browser in here: t/e2e/capacity.t.mjs runs it too.
'use strict';

// AWS's list prices: config/prices.json is the source, the test compares.
const PRICES = {
  kinesis_shard_hour: 0.015,
  kinesis_put_unit_25_kib: 0.000000014,
  transcribe_minute: 0.024,
  translate_character: 0.000015,
  polly_standard_character: 0.000004,
  polly_neural_character: 0.000016,
  polly_generative_character: 0.00003,
  s3_put: 0.000005,
  s3_get: 0.0000004,
};

// Of AWS's documents, not of the price list.
const LIMITS = {
  shard_bytes_a_second: 1e6,                // written; 2e6 read
  fanout_shard_hour: 0.015,
  fanout_gb: 0.013,
  put_unit_bytes: 25 * 1024,
};

// Measured: docs/benchmarks.md and docs/capacity.md say how.
const MEASURED = {
  listener_bytes: 1454,                     // idle, plain
  listener_tls_bytes: 15585,
  deliveries_a_cpu_second: 133000,          // 400 bytes, one message at a time, 10,000 listeners
  deliveries_tls_a_cpu_second: 95000,
  chunks_a_cpu_second: 35934,               // TLS to Kinesis
  chunks_cbor_a_cpu_second: 42725,          // the same, lt_kinesis_protocol cbor
  speaker_bytes: 15.2 * 1024,
  speaker_cbor_bytes: 18.6 * 1024,
  units_a_speaker_hour: 14422,
  worker_bytes: 14 * 1024 * 1024,           // a process without a talk
  worker_talk_bytes: 226.6 * 1024,          // a talk in one language
  worker_talk_ms_a_second: 0.911,           // its CPU time for each second
  worker_language_bytes: 9 * 1024,          // each further language of it
  worker_language_ms_a_second: 0.144,
};

const AUDIO_BYTES_A_SECOND = 32000;
const RECORD_A_SECOND = 1000 / 256;         // a chunk of 8,192 bytes each 256 ms is one record, at most
const CHARACTERS_A_WORD = 6;
const CLIP_BYTES_A_SECOND = 6000;           // Polly's MP3, 48 kbit/s
const SEGMENT_S = { window: 3, live: 2 };   // make demo: 20 and 30 segments in a minute

/**
 * want: { talks, languages, listeners (of each language), hours, wordsAMinute, voice: standard|neural|generative|none,
 *   mode: window|live, consumer: polling|fanout, tls,
 *   protocol: json|cbor (lt_kinesis_protocol) }. Per hour, unless it says otherwise; bytes and dollars.
 */
function capacity(want) {
  const { talks, languages, listeners } = want;
  const people = talks * languages * listeners;
  const characters = want.wordsAMinute * 60 * CHARACTERS_A_WORD;
  const clips = 3600 / SEGMENT_S[want.mode] * languages * talks;
  const voiced = want.voice === 'none' ? 0 : 1;

  const shards = Math.max(1, Math.ceil(talks / Math.floor(LIMITS.shard_bytes_a_second * 0.85 / AUDIO_BYTES_A_SECOND)));
  const gigabytes = talks * AUDIO_BYTES_A_SECOND * 3600 / 1e9;
  const units = talks * MEASURED.units_a_speaker_hour;
  const fanout = want.consumer === 'fanout' ? shards * LIMITS.fanout_shard_hour + gigabytes * LIMITS.fanout_gb : 0;

  const cost = {
    kinesis: shards * PRICES.kinesis_shard_hour + units * PRICES.kinesis_put_unit_25_kib + fanout,
    transcribe: talks * 60 * PRICES.transcribe_minute,
    translate: talks * languages * characters * PRICES.translate_character,
    polly: voiced * talks * languages * characters * (PRICES[`polly_${want.voice}_character`] ?? 0),
    s3: voiced * (clips * PRICES.s3_put + clips * listeners * PRICES.s3_get),
  };
  cost.total = Object.values(cost).reduce((sum, dollars) => sum + dollars, 0);

  const [listenerBytes, deliveries] = want.tls ? [MEASURED.listener_tls_bytes, MEASURED.deliveries_tls_a_cpu_second]
    : [MEASURED.listener_bytes, MEASURED.deliveries_a_cpu_second];
  const [speakerBytes, chunks] = want.protocol === 'cbor' ? [MEASURED.speaker_cbor_bytes, MEASURED.chunks_cbor_a_cpu_second]
    : [MEASURED.speaker_bytes, MEASURED.chunks_a_cpu_second];
  return {
    shards,
    transcribe_streams: talks,
    polly_calls_a_second: voiced * clips / 3600,
    nginx: {
      memory_bytes: people * listenerBytes + talks * (speakerBytes + (want.tls ? listenerBytes : 0)),
      cores: talks * RECORD_A_SECOND / chunks + clips * listeners / 3600 / deliveries,
      sockets: people + talks,
    },
    workers: {
      memory_bytes: MEASURED.worker_bytes
        + talks * (MEASURED.worker_talk_bytes + (languages - 1) * MEASURED.worker_language_bytes),
      cores: talks * (MEASURED.worker_talk_ms_a_second + (languages - 1) * MEASURED.worker_language_ms_a_second) / 1000,
    },
    egress_bits_a_second: voiced * people * CLIP_BYTES_A_SECOND * 8,
    cost,
    cost_all: cost.total * want.hours,
    cost_a_listener_hour: people > 0 ? cost.total / people : null,
  };
}

if (typeof module !== 'undefined') {
  module.exports = { capacity, MEASURED, PRICES };
}
