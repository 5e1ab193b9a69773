/* SECONDS_ON_AIR=… before the screenshots, for fuller ones.
   The console in a real browser: a talk in two languages, then faults; it
   shows who talks, who listens, how late, what is lost, what it costs. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSession, speak } from '../../local/client.mjs';
import { startStack } from '../../local/stack.mjs';
import { loadTalk } from '../../local/talk.mjs';
import { setFault } from '../../local/test/stand-ins.mjs';
import * as figures from '../../apps/console/figures.js';
import { is, note, ok, plan, run } from './tap.mjs';
import { launch, openPage, until, OUT } from './tools.mjs';

plan(25);

const WIDE = { width: 1360, height: 900 };

/* ---- what the page reckons, by hand */

function reckoning() {
  const bounds = [100, 200, 500];
  is(figures.quantile(0.9, [10, 0, 0, 0], bounds), 0.09, 'p90 in one bucket');
  is(figures.quantile(0.5, [0, 5, 5, 0], bounds), 0.2, 'the middle of two');
  is(figures.quantile(0.9, [0, 0, 0, 3], bounds), 0.5, 'past the last bound');
  is(figures.quantile(0.9, [0, 0, 0, 0], bounds), null, 'of nothing');
  const worker = (id, es) => ({ id, figures: { bucket_bounds_ms: bounds,
    counters: { segments_failed: 1 }, gauges: {},
    languages: { es: { heard_ms: { buckets: es } } } } });
  const before = { state: { workers: [worker('a', [9, 0, 0, 0]),
    worker('gone', [9, 9, 9, 9])] } };
  const now = { state: { workers: [worker('a', [9, 0, 10, 0]),
    worker('new', [0, 0, 0, 0])] } };
  is(figures.heard(now, before, 'es'), 0.47,
    'since then, of the workers that are there');
  is(figures.sum(now, 'counters', 'segments_failed'), 2, 'a sum over workers');

  const losing = (dropped) => figures.lossesOf({ state: { workers: [{ id: 'a',
    figures: { counters: { pcm_bytes_gap: 64_000 } } }] }, nginx: { counters: {
    audio_dropped_full_bytes: dropped, audio_dropped_replaced_bytes: 9 } } });
  is(figures.audioLost(losing(96_000)), 3,
    'what nginx drops and workers miss is lost once');
  is(figures.audioLost(losing(0)), 2, 'what only they miss is lost');
  is(figures.voicesLost({ state: { workers: [{ id: 'a', figures: { counters: {
    segments_captioned: 9, segments_unasked: 4, segments_voiceless: 2,
    segments_merged: 1 } } }] } }), 2, 'captions that were meant are no loss');
}

/* ---- the page */

async function speakOn(stack, session, pcm) {
  const socket = await connect(`${stack.urls.ws}?sessionId=${session.sessionId
  }&token=${session.speakerToken}`);
  const voice = { isOn: true, socket };
  voice.over = (async () => {
    while (voice.isOn) {
      await speak({ send: (text) => voice.isOn && socket.send(text) },
        session.sessionId, pcm);
    }
  })();
  return voice;
}

const listenOn = (stack, session, language) => connect(
  `${stack.urls.ws}?sessionId=${session.sessionId}&targetLanguage=${language}`);
const shows = (page, id, pattern) => until(async () =>
  pattern.test((await page.innerText(`#${id}`)).replace(/\s+/g, ' ')), 40_000);

async function watch(stack, browser) {
  const page = await openPage(browser, stack.urls.console,
    { viewport: WIDE, colorScheme: 'light' });
  ok(await shows(page, 'talks', /No talk/), 'no talk yet');
  ok(await shows(page, 'lost', /Nothing/), 'nothing lost');
  ok(await shows(page, 'workers', /●.* 0\.0 s/), 'a worker has a shard');

  const { pcm } = loadTalk();
  const one = await createSession(stack);
  const two = await createSession(stack);
  const ears = await Promise.all(['es', 'es', 'fr', 'es'].map(
    (language, i) => listenOn(stack, i < 3 ? one : two, language)));
  const voices = [await speakOn(stack, one, pcm)];
  ok(await shows(page, 'talks', new RegExp(`${one.sessionId} on air, en`)),
    'who talks');
  ok(await shows(page, 'talks', new RegExp(`${two.sessionId} speaker gone`)),
    'who does not');
  ok(await shows(page, 'tiles', /2 talks 1 speakers connected 4 listeners/),
    'how many');
  ok(await shows(page, 'talks', /es 2 \d+ [\d.]+ s \d+ s ago.*fr 1 \d+ [\d.]+ s/),
    'who listens, and how late it was');
  ok(await shows(page, 'late', /es [\d.]+ s.*fr [\d.]+ s/),
    'p90 of each language');
  ok(await shows(page, 'cost', /polly .*\$0\.0|characters translated/),
    'what it costs');

  await sleep(1000 * (process.env.SECONDS_ON_AIR ?? 0));
  await setFault(stack.aws, { service: 'polly', kind: '500', times: 9 });
  ok(await shows(page, 'lost', /segments without a voice [1-9]/), 'what is lost');
  await shows(page, 'talks', /es 2 \d+ [\d.]+ s.*fr 1 \d+ [\d.]+ s/);
  const data = await (await fetch(`${stack.urls.console}data`)).text();
  is([one.speakerToken, 'transcript', 'Signature']
    .filter((secret) => data.includes(secret)), [],
  'no token, word or address in what it is given');
  await shoot(page, 'console');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot(page, 'console-dark');

  voices[0].isOn = false;
  process.kill(-stack.children.find(({ name }) => name === 'worker').pid,
    'SIGKILL');
  ok(await shows(page, 'workers', /says nothing|No worker/),
    'a dead worker is shown');
  process.kill(-stack.children.find(({ name }) => name === 'redis').pid,
    'SIGKILL');
  ok(await shows(page, 'news', /Redis does not answer/), 'so is Redis');
  await voices[0].over;
  [voices[0].socket, ...ears].forEach((socket) => socket.terminate());
  is(page.troubles, [], 'no error in the page');
  ok(await page.evaluate(() => {
    document.body.append(Object.assign(document.createElement('script'),
      { textContent: 'window.isOwned = true' }));
    return window.isOwned === undefined;
  }), 'no script runs but its own');
}

async function shoot(page, name) {
  await page.screenshot({ path: path.join(OUT, `${name}.png`), fullPage: true });
  note(`screenshot: ${path.join(OUT, `${name}.png`)}`);
}

run(async () => {
  reckoning();
  const stack = await startStack({ dir: path.join(OUT, 'console-stack') });
  const browser = await launch({ microphone: false });
  try {
    await watch(stack, browser);
    const { status } = await fetch(`${stack.urls.base}/lt/console/data`);
    is(status, 404, 'nothing of it on the public server');
  } finally {
    await browser.close();
    await stack.stop();
  }
});
