/* The whole chain in a real browser: a recording goes into the microphone of
   the speaker's page, translated voices come out of two listeners' pages; a
   third one only reads, by events, for its network breaks WebSockets. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { percentile } from '../../local/client.mjs';
import { startStack } from '../../local/stack.mjs';
import { BYTES_PER_SECOND, loadTalk, wordErrorRate, writeWav }
  from '../../local/talk.mjs';
import { wireTroubles } from './documents.mjs';
import { plan, ok, is, note, run } from './tap.mjs';
import { ascending, launch, openPage, overlaps, shoot, until, DESKTOP, OUT,
  PHONE } from './tools.mjs';

const LANGUAGES = (process.env.LANGUAGES ?? 'es,pt').split(',');
const LEAD_S = 8;              /* silence in which the listeners come in */
const QUIET_MS = 12_000;       /* nothing new for so long: all was said */
const MAX_WER = 0.45;

/* Words that no text in the language goes without. */
const COMMON = { es: /\b(que|de|el|un|ser|y)\b/i, pt: /\b(que|de|o|um|ser|e)\b/i,
  ca: /\b(que|de|el|un|ser|i)\b/i, fr: /\b(que|de|le|un|être|et)\b/i };

const words = (text) => text.split(/\s+/).filter(Boolean);
const text = (page, id) => page.textContent(`#${id}`);

function makeRecording() {
  const { pcm, reference } = loadTalk();
  const file = path.join(OUT, 'talk.wav');
  const all = Buffer.concat([Buffer.alloc(LEAD_S * BYTES_PER_SECOND), pcm]);

  writeWav(file, all);
  return { file, seconds: all.length / BYTES_PER_SECOND,
    reference: reference.map((one) => one.text).join(' ') };
}

async function startSpeaker(browser, stack) {
  const page = await openPage(browser, stack.urls.speaker);

  await page.selectOption('#language', 'en');
  await page.click('#start');
  is(await until(async () => await text(page, 'link') === 'Connected', 15_000),
    true, 'the speaker is on air');
  return page;
}

async function startListener(browser, link, language, options) {
  const page = await openPage(browser, link, options);

  page.clips = [];
  page.on('response', async (response) => {
    if (/\.mp3(\?|$)/.test(response.url())) {
      const body = await response.body().catch(() => Buffer.alloc(0));
      page.clips.push({ status: response.status(), bytes: body.length,
        type: response.headers()['content-type'],
        mp3: body.length > 3 && (body.toString('latin1', 0, 3) === 'ID3'
          || (body[0] === 0xff && (body[1] & 0xe0) === 0xe0)) });
    }
  });
  await page.check(`[value=${language}]`, { force: true });
  await page.click('#join-button');
  const joined = await until(async () => (await page.seen('joined')).length > 0,
    15_000);
  ok(joined, `a listener joins in ${language}`,
    await page.textContent('body'));
  return page;
}

const spokenTo = async (page) =>
  [page.clips.length, (await page.seen('segment')).length];

/* Who reads what is said in its own language: no voice is made for that. */
async function startReader(browser, link) {
  const page = await startListener(browser, link, 'en', { init: () => {
    window.WebSocket = class {
      constructor() {
        setTimeout(() => this.onclose?.({ code: 1006 }));
      }

      close() {}
    };
    window.events = { url: '', sent: [], heard: [] };
    window.EventSource = class extends EventSource {
      constructor(url) {
        super(url);
        window.events.url = url;
        this.addEventListener('message',
          ({ data }) => window.events.heard.push(data));
      }
    };
  } });

  await page.click('#reading');
  await until(async () => (await page.seen('joined')).length === 2);
  page.before = await spokenTo(page);
  return page;
}

async function checkReader(page, heard) {
  const said = (await page.seen('text')).map((one) => one.text).join(' ');

  is(said, heard, 'who reads is told every word');
  is(await spokenTo(page), page.before, 'and no voice');
  ok((await page.seen('tail')).some(({ text: tail }) => tail.length > 0),
    'also what the speaker is just saying');
  is(page.troubles, [], 'without errors in the console');
}

async function checkAudience(speaker) {
  const counts = () => speaker.$$eval('#by-language li', (list) =>
    list.map((li) => `${li.dataset.language} ${li.dataset.count}`).sort());

  await until(async () => (await counts()).length === LANGUAGES.length, 8_000);
  is(await counts(), LANGUAGES.map((code) => `${code} 1`).sort(),
    'the speaker sees the listeners by language');
  is(await text(speaker, 'listeners'), String(LANGUAGES.length),
    'and their number');
}

async function checkInvitation(speaker, link) {
  const file = path.join(OUT, 'qr.png');

  await speaker.locator('#qr').screenshot({ path: file });
  const read = execFileSync('zbarimg', ['--quiet', '--raw', file],
    { encoding: 'utf8', stdio: 'pipe' }).trim();
  is(read, link, 'the QR code on the screen is the listener’s link');
}

/* Until every voice has been quiet for a while after the talk's end. */
async function listenToTheEnd(listeners, endsAt) {
  let before = '';
  let changedAt = Date.now();

  await until(async () => {
    const now = (await Promise.all(listeners.map(async (page) =>
      (await page.seen('played')).length))).join();

    if (now !== before) {
      [before, changedAt] = [now, Date.now()];
    }
    return Date.now() > endsAt && Date.now() - changedAt > QUIET_MS;
  }, endsAt - Date.now() + 60_000);
}

async function checkListener(page, language, source) {
  const begun = await page.seen('segment');
  const played = await page.seen('played');
  const seconds = begun.reduce((sum, { duration }) => sum + duration, 0);
  const said = (await page.seen('text')).map((one) => one.text).join(' ');
  const delays = begun.map(({ delayMs }) => delayMs);
  const numbersOf = (list) => list.map(({ number }) => number);
  const every = (list, check) => list.length > 0 && list.every(check);

  note(`${language}: ${begun.length} segments, ${seconds.toFixed(1)} s of voice; `
    + `delay p50 ${Math.round(percentile(delays, 0.5))} ms, `
    + `p90 ${Math.round(percentile(delays, 0.9))} ms; `
    + `waited for the one before: ${begun.map((one) => Math.round(one.waitedMs))}`);
  note(`${language}: ${said}`);

  ok(begun.length >= 3, `${language}: several segments were heard`, begun);
  ok(page.clips.length >= begun.length && every(page.clips, (clip) =>
    clip.status === 200 && clip.mp3 && clip.type === 'audio/mpeg'),
  `${language}: real MP3 files`, page.clips);
  ok(every(begun, ({ duration, rms }) => duration > 0.1 && rms > 0.005)
    && seconds > 5, `${language}: decoded, with sound in them`, begun);
  ok(every(begun, ({ number }) => numbersOf(played).includes(number)),
    `${language}: each played to its end`, [begun, played]);
  ok(every(played, ({ outputRms }) => outputRms > 0.005),
    `${language}: and came out`, played);
  ok(begun.length > 1 && ascending(numbersOf(begun)), `${language}: in order`,
    numbersOf(begun));
  ok(begun.length > 1 && overlaps(begun).length === 0,
    `${language}: never two at once`, begun);
  ok(words(said).length >= 30 && COMMON[language].test(said)
    && said.toLowerCase() !== source.toLowerCase(),
  `${language}: the captions are text in the language`, said);
  ok(every(begun, ({ delayMs }) => delayMs > 300 && delayMs < 30_000)
    && /^\d+\.\d /.test(await text(page, 'delay')),
  `${language}: the delay is measured and shown`, delays);
}

async function checkEnd(speaker, listeners) {
  await speaker.click('#end');
  await speaker.click('#confirm-end');
  is(await until(() => speaker.isVisible('#over')), true,
    'the speaker ends the talk');
  for (const [i, page] of listeners.entries()) {
    const ended = await until(() => page.isVisible('#over'), 40_000);
    ok(ended && words(await text(page, 'over-text')).length > 3,
      `${LANGUAGES[i]}: the end is said in words`);
    is(page.troubles, [], `${LANGUAGES[i]}: no errors in the console`);
  }
  is(speaker.troubles, [], 'none on the speaker’s page either');
}

/* Our own pages and their server keep to the contract of all others. */
function checkWire(page, role) {
  const [wire] = page.wires;

  ok(wire.sent.length > 1 && wire.heard.length > 1, `the ${role}’s socket`, wire);
  is(page.wires.flatMap((one) => wireTroubles(role, one)), [],
    `what goes over it is what docs/protocol says`);
}

async function shootAll(speaker, [listener]) {
  await shoot(speaker, 'speaker');
  await shoot(listener, 'listener');
  await shoot(speaker, 'speaker-phone', PHONE);
  await shoot(listener, 'listener-phone', PHONE);
  await speaker.setViewportSize(DESKTOP);
  await listener.setViewportSize(DESKTOP);
}

async function talk(stack) {
  const recording = makeRecording();
  const browser = await launch({ wav: recording.file });

  try {
    const speaker = await startSpeaker(browser, stack);
    const endsAt = Date.now() + recording.seconds * 1000;
    const link = await speaker.getAttribute('#share-link', 'href');
    const listeners = [];

    for (const language of LANGUAGES) {
      listeners.push(await startListener(browser, link, language));
    }
    await checkAudience(speaker);
    const reader = await startReader(browser, link);
    await checkInvitation(speaker, link);
    await until(async () => (await listeners[0].seen('played')).length >= 5,
      endsAt - Date.now());
    await shootAll(speaker, listeners);
    await listenToTheEnd(listeners, endsAt);

    const heard = (await speaker.seen('caption')).map((one) => one.text).join(' ');
    const wer = wordErrorRate(recording.reference, heard);
    note(`en: ${heard}`);
    ok(wer < MAX_WER, `what was understood: ${(wer * 100).toFixed(0)} % word errors`,
      recording.reference);
    for (const [i, page] of listeners.entries()) {
      await checkListener(page, LANGUAGES[i], heard);
    }
    await checkReader(reader, heard);
    await checkEnd(speaker, listeners);
    checkWire(speaker, 'speaker');
    checkWire(listeners[0], 'listener');
    const events = await reader.evaluate(() => window.events);
    ok(events.heard.length > 1 && reader.wires.length === 0,
      'the reader’s events', events);
    is(wireTroubles('listener', events), [],
      'they are what docs/protocol says');
  } finally {
    await browser.close();
    fs.rmSync(recording.file, { force: true });
  }
}

await run(async () => {
  plan(18 + 12 * LANGUAGES.length);

  const stack = await startStack({ dir: path.join(OUT, 'stack'),
    mode: process.env.MODE ?? 'window' });
  try {
    await talk(stack);
  } finally {
    await stack.stop();
  }
});
