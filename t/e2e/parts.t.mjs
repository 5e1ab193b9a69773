/* The parts of the pages that need no browser. */
import fs from 'node:fs';
import { Outbox } from '../../apps/speaker/outbox.js';
import { Resampler } from '../../apps/speaker/resample.js';
import { Segments } from '../../apps/listener/segments.js';
import english from '../../apps/listener/words/en.js';
import { plan, ok, is, run } from './tap.mjs';

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

function fakeLink() {
  return { state: 'open', bufferedAmount: 0, sent: [],
    sendRaw(data) { this.sent.push(data.byteLength); } };
}

function testOutbox() {
  const link = fakeLink();
  const box = new Outbox(link);
  const frame = () => new Int16Array(1_600).fill(7).buffer;
  const push = (n) => { for (let i = 0; i < n; i++) box.push(frame()); };

  push(3);
  is(link.sent, [3200, 3200, 3200], 'an open link gets each frame at once');

  link.state = 'waiting';
  push(25);
  is(box.keptSeconds, 2.5, 'a lost link: frames are kept');
  link.state = 'open';
  box.flush();
  is(link.sent.slice(3), [28800, 28800, 22400], 'and go out joined, under 32 KiB');
  is(box.lostBytes, 0, 'with nothing lost');

  link.state = 'waiting';
  push(80);
  is([box.keptSeconds, box.lostSeconds], [6, 2],
    'a long loss keeps the newest six seconds and counts the rest');

  link.state = 'open';
  link.bufferedAmount = 100_000;
  box.flush();
  is(box.keptSeconds, 6, 'a congested link gets nothing more');
  link.bufferedAmount = 0;
  box.flush();
  is([box.keptSeconds, box.sentBytes], [0, 88 * 3200], 'until it has room');
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
  plan(8 + 7 + 13 + fs.readdirSync(FOLDER).length);
  testResampler();
  testOutbox();
  testSegments();
  await testWords();
});
