// make demo: a real recording through a real speaker connection at real speed, heard in two languages; then the figures.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BYTES_PER_SECOND, loadTalk, wordErrorRate } from './talk.mjs';
import { connect, createSession, listen, percentile, speak } from './client.mjs';
import { ROOT, startStack } from './stack.mjs';

const LANGUAGES = (process.env.LANGUAGES ?? 'es,pt').split(',');
const ROUNDS = Number(process.env.ROUNDS ?? 2);
const OUT = path.resolve(process.env.OUT ?? path.join(ROOT, 'out'));
const END_TIMEOUT_MS = 45_000;

const STAGES = [
  ['ingest', 'captured', 'arrived'],
  ['batch_wait', 'arrived', 'batched'],
  ['transcript', 'batched', 'transcribed'],
  ['translation', 'transcribed', 'translated'],
  ['voice', 'translated', 'voiced'],
  ['store', 'voiced', 'stored'],
  ['delivery', 'stored', 'heard'],
  ['total', 'captured', 'heard'],
];

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);

// Decodes the clip as a player would: seconds and loudness.
function decode(file) {
  const wav = execFileSync('lame', ['--quiet', '--decode', file, '-'], { maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'ignore'] });
  const rate = wav.readUInt32LE(24);
  let sum = 0;
  for (let at = 44; at + 2 <= wav.length; at += 2) {
    sum += wav.readInt16LE(at) ** 2;
  }
  const samples = (wav.length - 44) / 2;
  return { seconds: samples / rate, rms: Math.sqrt(sum / Math.max(1, samples)) };
}

async function json(url) {
  return (await fetch(url)).json();
}

function cost(calls, figures, prices) {
  const n = (service, operation) => calls[service]?.[operation] ?? 0;
  const items = {
    kinesis: prices.kinesis_shard_hour * (figures.talk_seconds / 3600)
      + n('kinesis', 'PutRecords') * prices.kinesis_put_unit_25_kib,
    transcribe: Math.max(15 * n('transcribe', 'StartStreamTranscription'), figures.transcribed_seconds) / 60
      * prices.transcribe_minute,
    translate: figures.translated_characters * prices.translate_character,
    polly: figures.spoken_characters * prices.polly_neural_character,
    s3: n('s3', 'PutObject') * prices.s3_put + n('s3', 'GetObject') * prices.s3_get,
  };
  items.total = Object.values(items).reduce((a, b) => a + b, 0);
  return items;
}

function latencies(listeners) {
  const result = {};
  for (const [stage, from, to] of STAGES) {
    const values = listeners.flatMap((l) => l.segments.map((s) => s.timing[to] - s.timing[from])).filter(Number.isFinite);
    result[stage] = { p50: percentile(values, 0.5), p90: percentile(values, 0.9), max: percentile(values, 1) };
  }
  return result;
}

function languages(listeners) {
  return Object.fromEntries(listeners.map((l) => {
    const clips = l.segments.map((s) => decode(s.file));
    return [l.language, {
      segments: l.segments.length,
      mp3_seconds: Number(clips.reduce((a, c) => a + c.seconds, 0).toFixed(2)),
      silent_clips: clips.filter((c) => c.rms < 50).length,
      captions_only: l.captions.length,
      in_order: l.segments.every((s, i) => i === 0 || s.sequenceNumber > l.segments[i - 1].sequenceNumber),
    }];
  }));
}

function print(report) {
  const row = (...cells) => console.log(`  ${String(cells[0]).padEnd(14)}${cells.slice(1).map((c) => String(c).padStart(11)).join('')}`);
  const head = (...cells) => console.log(`\n  ${paint(1, String(cells[0]).padEnd(14))}${cells.slice(1).map((c) => paint(1, c.padStart(11))).join('')}`);
  head('language', 'segments', 'mp3 s', 'no voice');
  for (const [code, l] of Object.entries(report.languages)) {
    row(code, l.segments, l.mp3_seconds, l.captions_only);
  }
  head('latency, ms', 'median', 'p90', 'max');
  for (const [stage] of STAGES) {
    const l = report.latency_ms[stage];
    row(stage.replace('_', ' '), l.p50, l.p90, l.max);
  }
  head('audio', 'bytes');
  row('spoken', report.bytes_spoken);
  row('accepted', report.bytes_accepted);
  row('in Kinesis', report.bytes_stored);
  row('processed', report.bytes_processed);
  head('AWS call', 'calls');
  for (const [service, operations] of Object.entries(report.aws_calls)) {
    for (const [operation, n] of Object.entries(operations)) {
      console.log(`  ${`${service} ${operation}`.padEnd(38)}${String(n).padStart(5)}`);
    }
  }
  console.log(`\n  batches a minute ${report.batches_per_minute}, S3 requests for incoming audio ${report.s3_ingest_requests},`
    + ` word error rate of the transcript ${(report.transcript_wer * 100).toFixed(1)} %`);
  console.log(`  this talk at AWS list prices: $${report.cost_usd.total.toFixed(4)} (`
    + Object.entries(report.cost_usd).filter(([k]) => k !== 'total').map(([k, v]) => `${k} ${v.toFixed(4)}`).join(', ') + ')');
}

async function main() {
  fs.rmSync(OUT, { recursive: true, force: true });
  fs.mkdirSync(OUT, { recursive: true });
  console.log(paint(1, 'Starting the stack on free loopback ports'));
  const stack = await startStack({ dir: path.join(OUT, 'run'), mode: process.env.MODE, say: console.log });
  try {
    await run(stack);
  } finally {
    await stack.stop();
  }
}

async function run(stack) {
  const talk = loadTalk({ rounds: ROUNDS });
  const { sessionId, speakerToken } = await createSession(stack);
  const began = Date.now();
  const said = new Map();
  const stamp = () => `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s`;
  const show = (language, text, seconds, message) => {
    if (message?.sourceTranscript && !said.has(message.segment)) {
      said.set(message.segment, message.sourceTranscript);
      console.log(`\n${stamp()}  ${paint(36, 'en')}  ${message.sourceTranscript}`);
    }
    console.log(`${stamp()}  ${paint(32, language)}  ${text}${seconds === undefined ? '' : paint(2, `   ${seconds.toFixed(1)} s after it was said`)}`);
  };
  const listeners = await Promise.all(LANGUAGES.map((l) => listen(stack, { sessionId, language: l, out: OUT, show })));
  const speaker = await connect(`${stack.urls.ws}?sessionId=${sessionId}&token=${encodeURIComponent(speakerToken)}`);
  console.log(paint(1, `\nTalk ${sessionId}: ${(talk.pcm.length / BYTES_PER_SECOND).toFixed(0)} s of English at real speed,`
    + ` heard in ${LANGUAGES.join(' and ')}`));

  const spoken = await speak(speaker, sessionId, talk.pcm);
  speaker.send(JSON.stringify({ action: 'endSession', sessionId, reason: 'Speaker ended session' }));
  const timeout = sleep(END_TIMEOUT_MS).then(() => 'timeout');
  const ended = await Promise.race([Promise.all(listeners.map((l) => l.ended)), timeout]);
  const failures = (await Promise.allSettled(listeners.flatMap((l) => l.pending))).filter((r) => r.status === 'rejected');
  const wallSeconds = (Date.now() - began) / 1000;
  listeners.forEach((l) => l.segments.sort((a, b) => a.sequenceNumber - b.sequenceNumber));
  speaker.close();
  listeners.forEach((l) => l.socket.close());

  const [nginx, worker, calls] = [await json(stack.urls.status), await json(stack.urls.worker), await json(`${stack.aws.admin}/calls`)];
  const heard = [...said].sort(([a], [b]) => a - b).map(([, text]) => text).join(' ');
  const characters = (field) => listeners.flatMap((l) => l.segments).reduce((n, s) => n + s[field].length, 0);
  const report = {
    languages: languages(listeners),
    latency_ms: latencies(listeners),
    talk_seconds: Number(spoken.seconds.toFixed(1)),
    bytes_spoken: spoken.bytes,
    bytes_accepted: nginx.counters.audio_accepted_bytes,
    bytes_stored: nginx.counters.audio_stored_bytes,
    bytes_processed: worker.counters.pcm_bytes_fed,
    batches_per_minute: Number((worker.counters.batches_closed / wallSeconds * 60).toFixed(1)),
    aws_calls: calls,
    s3_ingest_requests: (calls.s3?.PutObject ?? 0) - (worker.aws_calls?.s3?.PutObject ?? 0),
    transcript_wer: Number(wordErrorRate(talk.reference.map((r) => r.text).join(' '), heard).toFixed(3)),
  };
  report.cost_usd = cost(calls, {
    talk_seconds: wallSeconds, transcribed_seconds: spoken.seconds,
    translated_characters: characters('sourceTranscript'), spoken_characters: characters('transcript'),
  }, JSON.parse(fs.readFileSync(path.join(ROOT, 'config/prices.json'))));
  fs.writeFileSync(path.join(OUT, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  fs.writeFileSync(path.join(OUT, 'captions.txt'), listeners.flatMap((l) => l.segments.map((s) => ({ ...s, l: l.language })))
    .sort((a, b) => a.segment - b.segment)
    .map((s) => `${String(s.segment).padStart(3)} ${s.l}  ${s.transcript}\n        en  ${s.sourceTranscript}\n`).join(''));
  print(report);
  verdict(report, ended, failures);
}

function verdict(report, ended, failures) {
  const wrong = failures.map((f) => f.reason.message);
  for (const [code, l] of Object.entries(report.languages)) {
    if (l.segments === 0 || l.mp3_seconds === 0 || l.silent_clips > 0) {
      wrong.push(`${code}: ${l.segments} segments, ${l.mp3_seconds} s of audio, ${l.silent_clips} silent clips`);
    }
    if (!l.in_order) {
      wrong.push(`${code}: segments out of order`);
    }
  }
  if (ended === 'timeout' || !ended.every(Boolean)) {
    wrong.push(`the talk was not ended for the listeners within ${END_TIMEOUT_MS / 1000} s`);
  }
  console.log(`\n  clips, captions.txt, report.json and the logs (run/*.log) are in ${path.relative(process.cwd(), OUT) || '.'}/`);
  if (wrong.length) {
    console.error(paint(31, `\n  not well: ${wrong.join('; ')}`));
    process.exitCode = 1;
  }
}

main().catch((error) => {
  console.error(paint(31, `make demo: ${error.message}`));
  process.exitCode = 1;
});
