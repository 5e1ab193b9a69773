/* The parts of the pages that need no browser. */
import fs from 'node:fs';
import { Outbox } from '../../apps/speaker/outbox.js';
import { Resampler } from '../../apps/speaker/resample.js';
import { trendOf } from '../../apps/listener/delay.js';
import { paced, paceFor, RATE_MAX, rmsOf } from '../../apps/listener/pace.js';
import { Segments } from '../../apps/listener/segments.js';
import english from '../../apps/listener/words/en.js';
import { plan, ok, is, run } from './tap.mjs';

const ascending = (list) => list.every((x, i) => i === 0 || x >= list[i - 1]);
const FOLDER = new URL('../../apps/listener/words/', import.meta.url);

/* Amplitude of the 16 kHz output for a sine, after the filter has settled. */
function resampled(fromHz, toneHz) {
  const resampler = new Resampler(fromHz, 16_000);
  const out = [];

  for (let at = 0; at < fromHz; at += 128) {
    const block = Float32Array.from({ length: 128 },
      (_, i) => Math.sin(2 * Math.PI * toneHz * (at + i) / fromHz));
    out.push(...resampler.push(block));
  }
  const steady = out.slice(2_000, 14_000);
  let [re, im, all] = [0, 0, 0];
  steady.forEach((x, i) => {
    re += x * Math.cos(2 * Math.PI * toneHz * i / 16_000);
    im += x * Math.sin(2 * Math.PI * toneHz * i / 16_000);
    all += x * x;
  });
  return { length: out.length,
    amplitude: 2 * Math.hypot(re, im) / steady.length,
    rms: Math.sqrt(all / steady.length) };
}

function testResampler() {
  for (const rate of [48_000, 44_100]) {
    const { length, amplitude } = resampled(rate, 1_000);

    ok(Math.abs(length - 16_000) < 60, `${rate} Hz: a second stays a second`,
      length);
    ok(Math.abs(amplitude - 1) < 0.01, `${rate} Hz: speech passes`, amplitude);
    ok(resampled(rate, 6_500).amplitude > 0.9, `${rate} Hz: and its upper end`);
    ok(resampled(rate, 10_000).rms < 0.01, `${rate} Hz: nothing folds back`,
      resampled(rate, 10_000).rms);
  }
}

/* sent: 'number+bytes' of each message; every byte of a frame tells which
   frame it was. */
function fakeLink() {
  return { state: 'open', bufferedAmount: 0, sent: [], wrong: 0,
    sendRaw(data) {
      const number = Number(new DataView(data.buffer).getBigUint64(0, true));

      this.sent.push(`${number}+${data.length - 8}`);
      this.wrong += data[8] !== number / 3_200 % 256;
    },
    taken() {
      return this.sent.splice(0);
    } };
}

function testOutbox() {
  const link = fakeLink();
  const box = new Outbox(link, 60);
  let said = 0;
  const push = (n) => {
    for (let i = 0; i < n; i++) {
      box.push(new Uint8Array(3_200).fill(said++).buffer);
    }
  };
  const ack = (bytes, { epoch = 7, lost = 0 } = {}) =>
    box.acknowledged({ epoch, bytes, lost, window: 96_000 });

  is(box.query, { ack: 1 }, 'a first connection asks for acknowledgements');
  box.opened();
  push(2);
  is(link.taken(), [], 'nothing is sent before the first');
  ack(0);
  is(link.taken(), ['0+6400'], 'then what has waited, joined');
  push(2);
  is(link.taken(), ['6400+3200', '9600+3200'], 'then each frame at once');
  is(box.keptSeconds, 0.4, 'all is kept');
  ack(8_000);
  is(box.keptSeconds, 0.2, 'until it is safe, frame by frame');

  link.state = 'waiting';
  push(30);
  is(link.taken(), [], 'a lost link: frames are kept');
  is(box.query, { ack: 1, resume: 7 }, 'the next connection goes on');
  link.state = 'open';
  box.opened();
  box.flush();
  is(link.taken(), [], 'not before it is acknowledged');
  ack(0);
  is(link.taken(), ['6400+28800', '35200+28800', '64000+28800', '92800+16000'],
    'from what was not known to be safe on, under 32 KiB a message');
  is([box.lostBytes, link.wrong], [0, 0], 'with nothing lost');

  push(10);
  is([link.taken(), box.stalled], [[], true], 'no more than a window ahead');
  ack(64_000);
  is(link.taken(), ['108800+28800', '137600+3200'], 'which moves on');

  link.bufferedAmount = 100_000;
  ack(140_800);
  push(5);
  is(link.taken(), [], 'a congested link gets nothing more');
  link.bufferedAmount = 0;
  box.flush();
  is(link.taken(), ['140800+16000'], 'until it has room');

  ack(156_800, { lost: 3_200 });
  is([box.keptSeconds, box.lostBytes], [0, 3_200], 'what the server lost counts');
  link.state = 'waiting';
  push(620);
  is([box.keptSeconds, box.lostBytes], [60, 67_200],
    'a long loss keeps the last minute and counts the rest');

  link.state = 'open';
  box.opened();
  said = 0;
  link.wrong = 0;
  ack(0, { epoch: 9 });
  is([link.taken()[0], box.query.resume], ['0+28800', 9],
    'another numbering begins at 0 with what is left');
}

function play(segments, now) {
  const out = [];

  for (;;) {
    const { segment, waitMs, skipped } = segments.next(now);
    skipped.forEach((one) => out.push(`-${one.number}`));
    if (!segment) {
      return waitMs === undefined ? out : [...out, `wait ${waitMs}`];
    }
    out.push(segment.number);
  }
}

function testSegments() {
  const ready = (segments, number, now) =>
    segments.settle(number, 'ready', {}, now);
  let s = new Segments({ gapMs: 1_500 });

  [3, 1, 2].forEach((n) => s.add(n, {}));
  is(play(s, 0), [], 'nothing is ready');
  ready(s, 2, 0);
  is(play(s, 100), ['wait 1400'], 'an earlier one is still loading');
  ready(s, 1, 200);
  is(play(s, 200), [1, 2], 'in order');
  ready(s, 3, 300);
  is(play(s, 300), [3], 'the last one');
  is([s.add(3, {}), s.late], [false, 1], 'what has been is not played again');

  s.add(5, {});
  s.add(5, {});
  ready(s, 5, 1_000);
  is(play(s, 1_000), ['wait 1500'], 'a hole is waited for');
  is(play(s, 2_500), ['-4', 5], 'then passed');
  is(s.missing, 1, 'and counted');

  [6, 7, 8].forEach((n) => s.add(n, {}));
  s.settle(6, 'failed', {}, 3_000);
  s.settle(7, 'text', {}, 3_000);
  is(play(s, 3_000), ['-6', 7], 'a broken one is passed at once, text has a turn');
  s.add(12, {});
  ready(s, 12, 4_000);
  is(play(s, 6_000), ['-11', '-8', 12], 'one that never loads does not hold up');
  is(s.missing, 6, 'all of the missing are counted');

  s = new Segments({ gapMs: 1_500 });
  [1_000, 4_000].forEach((n) => s.add(n, {}, false));
  ready(s, 1_000, 0);
  ready(s, 4_000, 0);
  is(play(s, 0), [1_000, 4_000], 'time stamps have no holes');

  for (let i = 5_000; i < 5_100; i++) {
    s.add(i, {}, false);
  }
  is(s.size, 64, 'no more than 64 wait');
}

/* Seconds of a sine, or of silence. */
function sound(hz, seconds, rate = 24_000) {
  return Float32Array.from({ length: seconds * rate },
    (_, i) => 0.3 * Math.sin(2 * Math.PI * hz * i / rate));
}

function joinSound(...parts) {
  const all = new Float32Array(parts.reduce((n, { length }) => n + length, 0));

  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
}

function pitchOf(samples, rate) {
  let crossings = 0;

  for (let i = 1; i < samples.length; i++) {
    crossings += samples[i - 1] < 0 && samples[i] >= 0;
  }
  return crossings / samples.length * rate;
}

/* The quietest 20 ms of it, over all of its loudness. */
function evenness(samples, rate) {
  const size = rate / 50;
  const frames = Array.from({ length: Math.floor(samples.length / size) },
    (_, i) => rmsOf(samples, i * size, (i + 1) * size));

  return Math.min(...frames) / rmsOf(samples);
}

function testPace() {
  const natural = paceFor(0);
  const steps = [0, 1, 2, 4, 10].map((aheadS) => paceFor(aheadS));
  const clip = joinSound(sound(0, 0.6), sound(300, 1), sound(0, 1),
    sound(300, 1), sound(0, 0.4));

  is([natural.rate, paced(clip, 24_000, natural) === clip], [1, true],
    'what need not wait is played as it is');
  ok(ascending(steps.map(({ rate }) => rate))
    && ascending(steps.map(({ pauseS }) => -pauseS)),
  'the more waits, the faster and the shorter the pauses', steps);
  is([Math.max(...steps.map(({ rate }) => rate)), RATE_MAX], [1.1, 1.1],
    'but never more than a tenth');
  is(paceFor(10, true), { pauseS: paceFor(10).pauseS, rate: 1 },
    'a voice that speaks faster already only pauses less');

  const short = paced(clip, 24_000, { rate: 1, pauseS: 0.2 });
  ok(Math.abs(short.length / 24_000 - 2.4) < 0.06,
    'pauses are cut down, those at the ends too', short.length / 24_000);
  ok(Math.abs(rmsOf(short) ** 2 * short.length
    / (rmsOf(clip) ** 2 * clip.length) - 1) < 0.001, 'and nothing else is');

  for (const [hz, rate] of [[110, 24_000], [440, 24_000], [300, 48_000]]) {
    const fast = paced(sound(hz, 3, rate), rate, { rate: 1.1, pauseS: Infinity });
    const seconds = fast.length / rate;

    ok(Math.abs(seconds - 3 / 1.1) < 0.04, `${hz} Hz: a tenth faster`, seconds);
    ok(Math.abs(pitchOf(fast, rate) / hz - 1) < 0.01,
      `${hz} Hz: at the same pitch`, pitchOf(fast, rate));
    ok(Math.abs(rmsOf(fast) / 0.2121 - 1) < 0.05 && evenness(fast, rate) > 0.8,
      `${hz} Hz: and as even`, [rmsOf(fast), evenness(fast, rate)]);
  }
  is(paced(new Float32Array(300), 24_000, { rate: 1.1, pauseS: 0.1 }).length > 0,
    true, 'a clip of nothing stays one');
}

function testTrend() {
  const from = (step) => Array.from({ length: 12 },
    (_, i) => 4_000 + step * i + (i % 2 ? 400 : -400));

  is([from(0), from(300), from(-300), [1_000, 9_000]].map(trendOf),
    ['steady', 'growing', 'shrinking', ''],
    'a trend is more than what comes and goes');
}

async function testWords() {
  const holes = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();

  for (const file of fs.readdirSync(FOLDER)) {
    const { default: words } = await import(new URL(file, FOLDER));
    const wrong = Object.keys(english).filter((key) => !words[key]
      || holes(words[key]) !== holes(english[key]));

    is(wrong.concat(Object.keys(words).filter((key) => !english[key])), [],
      `${file} says everything`);
  }
}

await run(async () => {
  plan(8 + 18 + 13 + 16 + 1 + fs.readdirSync(FOLDER).length);
  testResampler();
  testOutbox();
  testSegments();
  testPace();
  testTrend();
  await testWords();
});
