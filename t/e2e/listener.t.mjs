/* The listener's page against a server that misbehaves on purpose. */
import { complaints, tabOrder } from './a11y.mjs';
import { FakeServer } from './fake-server.mjs';
import { plan, ok, is, run } from './tap.mjs';
import { ascending, launch, openPage, overlaps, shoot, until, PHONE }
  from './tools.mjs';

const TALK = 'calm-river-204';
const FAST = { retryMs: [100, 200], heartbeatMs: 700, ackMs: 300,
  connectMs: 1_000, giveUpMs: 2_500, gapMs: 800, maxBehindS: 5 };

let server;
let browser;

const stateOf = (page) => page.evaluate(() => document.body.dataset.state);
const text = (page, id) => page.textContent(`#${id}`);
const shown = (page, id) => page.isVisible(`#${id}`);
const numbers = async (page, type) =>
  (await page.seen(type)).map(({ number }) => number);
const lines = (page) => page.$$eval('#lines .said [data-segment]',
  (nodes) => nodes.map((node) => node.textContent));

async function joined(options = {}, language = 'es') {
  const page = await openPage(browser,
    `${server.base}/listener/?session=${TALK}`, options);

  await page.check(`[value=${language}]`, { force: true });
  await page.click('#join-button');
  await until(async () => await stateOf(page) === 'listening');
  return page;
}

const heard = (page, n, ms) =>
  until(async () => (await numbers(page, 'played')).includes(n), ms);

/* ---- Joining ---- */

async function testJoin() {
  const page = await openPage(browser, `${server.base}/listener/`,
    { locale: 'es-ES' });
  const refused = async (id) => {
    await page.fill('#talk', id);
    await page.click('#join-button');
    await until(() => shown(page, 'join-error'));
    return text(page, 'join-error');
  };

  is(await text(page, 'join-button'), '\n        \n        Entrar en la charla\n      ',
    'the page speaks the browser’s language');
  is(await page.$eval('[value=es]', (node) => node.checked), true,
    'and proposes it');
  is(await complaints(page), [], 'the join form is accessible');
  is((await tabOrder(page)).join(' '), 'talk es join-button',
    'Tab goes from the talk to the language to the button');

  await page.check('[value=en]', { force: true });
  ok(/two words and three digits/.test(await refused('what?')),
    'a wrong name is explained');
  is(await page.evaluate(() => document.activeElement.id), 'talk',
    'and the field is focused');
  ok(/no talk with this name/.test(await refused('no-such-999')),
    'an unknown talk is said');
  server.addSession('old-talk-100', 'ended');
  ok(/is over/.test(await refused('old-talk-100')), 'an ended talk is said');

  server.closed = true;
  await page.fill('#talk', TALK);
  await page.click('#join-button');
  is(await until(async () => /does not let us in/.test(
    await text(page, 'join-error')), 5_000), true, 'a full talk is said');
  server.closed = false;
  await page.fill('#talk', 'Calm River 204');
  await page.focus('#talk');
  await page.keyboard.press('Enter');
  is(await until(async () => await stateOf(page) === 'listening'), true,
    'the name as people type it, with the keyboard alone, gets in');
  is(server.actions.filter(({ action }) => action === 'joinSession').at(-1),
    { role: 'listener', action: 'joinSession', sessionId: TALK,
      targetLanguage: 'en' }, 'joinSession is sent');
  await page.context().close();
}

/* ---- Playing ---- */

async function testOrder(page) {
  server.segment(1, { delayMs: 500 });
  server.segment(2);
  server.segment(4);
  server.segment(3, { delayMs: 200 });
  server.segment(4);
  await heard(page, 4);

  const played = await page.seen('segment');
  is(played.map(({ number }) => number), [1, 2, 3, 4],
    'slow, early and repeated segments play in order, once');
  is(overlaps(played), [], 'none over another');
  ok(played.slice(1).every((one, i) => one.startTime
    - played[i].startTime - played[i].duration < 0.005),
  'without a gap between them', played);
  ok(played.every(({ duration, rms }) => duration > 0.5 && rms > 0.1),
    'each was decoded', played);
  ok((await page.seen('played')).every(({ outputRms }) => outputRms > 0.05),
    'each came out of the speaker', await page.seen('played'));

  const delay = Number(await page.getAttribute('#delay', 'data-ms'));
  ok(delay > 4_000 && delay < 8_000, 'the delay is measured', delay);
  is(await text(page, 'delay'), `${(delay / 1000).toFixed(1)} s después del orador`,
    'and shown in words');
  is((await lines(page)).at(-1), 'frase número 4', 'captions are shown');
  is(await page.$$eval('#lines li', (list) => list.map((li) => li.innerText)),
    ['frase número 1 frase número 2 frase número 3 frase número 4\n\n'
     + 'sentence number 1 sentence number 2 sentence number 3 sentence number 4'],
    'as running text: a sentence goes on over several segments');
  is(await text(page, 'original'), 'Original: English',
    'the original language is named');
  is(await page.getAttribute('#captions', 'aria-live'), 'off',
    'a screen reader does not talk over the voice');
}

async function testMissing(page) {
  const began = Date.now();

  server.segment(6);
  await heard(page, 6);
  const [six] = (await page.seen('segment')).slice(-1);
  ok(six.number === 6 && six.at - began >= 750 && six.at - began < 2_500,
    'a missing segment is waited for, then passed', six.at - began);
  is((await numbers(page, 'gap')), [5], 'the gap is told');
  is(await text(page, 'notice'), 'Una parte breve de la charla no nos llegó.',
    'in words');

  server.segment(5);
  server.segment(7, { body: Buffer.from('this is not audio') });
  server.segment(8, { status: 404 });
  server.segment(9);
  await heard(page, 9);
  is((await numbers(page, 'segment')).slice(-2), [6, 9],
    'late, broken and absent audio is not played');
  is((await lines(page)).slice(-3),
    ['frase número 7', 'frase número 8', 'frase número 9'],
    'but its words are there');

  server.send({ type: 'caption', sessionId: TALK, language: 'es', segment: 10,
    text: 'sin voz', sourceText: 'voiceless', reason: 'voice_failed' });
  server.segment(11);
  await heard(page, 11);
  is((await lines(page)).slice(-2), ['sin voz', 'frase número 11'],
    'a caption without voice has its turn');
  is((await page.$$eval('.note', (list) => list.map((one) =>
    `${one.previousElementSibling.textContent}: ${one.textContent}`))),
  ['frase número 7: Solo texto', 'frase número 8: Solo texto',
    'sin voz: Solo texto'], 'what has no voice is marked');
  ok(ascending(await numbers(page, 'segment')), 'the order held throughout');
}

async function testReconnect(page) {
  const joins = () => server.actions.filter(
    ({ action }) => action === 'joinSession').length;
  const before = joins();

  server.drop();
  is(await until(() => joins() > before), true, 'after a drop it joins again');
  await until(async () => await text(page, 'link') === 'Conectado');
  is([server.queries[0], server.queries.at(-1)].map(({ resume, lastSegment }) => [resume, lastSegment]),
    [['1', undefined], ['1', '11']], 'from where it was');
  server.send({ type: 'segmentsMissed', sessionId: TALK, language: 'es', from: 12, to: 12 });
  is(await until(() => shown(page, 'notice')), true, 'what is missing is said');
  server.segment(12);
  is(await heard(page, 12), true, 'and plays on');

  ok(await until(() => server.actions.some(({ action, playedMs }) =>
    action === 'heartbeat' && playedMs > 0)), 'a heartbeat says how late it was');

  server.silent = true;
  await until(async () => (await page.seen('link')).at(-1).state !== 'open', 3_000);
  is((await page.seen('link')).at(-1).state !== 'open', true,
    'an unanswered heartbeat ends the connection');
  server.silent = false;
  is(await until(async () => await text(page, 'link') === 'Conectado'), true,
    'and makes a new one');
}

async function testPause(page) {
  await page.click('#pause');
  server.segment(13);
  await page.waitForTimeout(1_000);
  is((await numbers(page, 'segment')).at(-1), 12, 'paused: nothing plays');
  is((await lines(page)).at(-1), 'frase número 13', 'the words go on');
  is(await page.getAttribute('#captions', 'aria-live'), 'polite',
    'and are read out');
  is(await page.getAttribute('#pause', 'aria-label'), 'Reproducir',
    'the button says what it does now');
  await page.click('#pause');
  is(await heard(page, 13), true, 'it goes on where it stopped');

  await page.click('#pause');
  for (let n = 14; n <= 20; n++) {
    server.segment(n, { seconds: 1.5 });
  }
  const skipped = await until(async () => (await page.seen('skipped'))[0]);
  await page.click('#pause');
  ok(skipped?.seconds > 1, 'too far behind: it skips', skipped);
  is(await heard(page, 20, 12_000), true, 'to the newest');
  is(overlaps(await page.seen('segment')), [], 'still none over another');
  is((await lines(page)).length, 19, 'no words were lost on the way');
}

/* A clip in its message is played like any other, and nothing is fetched. */
async function testInline(page) {
  const fetched = server.fetched.length;

  server.segment(21, { inline: true });
  server.segment(22, { inline: true, body: Buffer.from('no audio') });
  server.segment(23);
  server.segment(24, { inline: true });
  await heard(page, 24);
  const played = (await page.seen('segment')).slice(-3);

  is(played.map(({ number }) => number), [21, 23, 24],
    'clips in messages and clips to fetch play in order');
  ok(played.every(({ duration, rms }) => duration > 0.5 && rms > 0.1),
    'both are decoded', played);
  is(overlaps(played), [], 'none over another');
  is((await lines(page)).slice(-4).map((line) => line.slice(-2)),
    ['21', '22', '23', '24'], 'a spoilt one is read, in its turn');
  is(server.fetched.length - fetched, 1, 'only what has an address is fetched');
}

/* What has to wait is played faster, gaplessly, and that is said. */
async function testPace(page) {
  for (let n = 25; n <= 27; n++) {
    server.segment(n, { seconds: 1.6, inline: n === 26 });
  }
  await heard(page, 27);
  const played = (await page.seen('segment')).slice(-3);

  is([played[0].rate, played[0].savedS], [1, 0], 'the first one is as it was');
  ok(played[2].rate === 1.05 && played[2].savedS > 0.05
    && Math.abs(played[2].duration + played[2].savedS - 1.6) < 0.01,
  'the last one, which had to wait, is faster', played);
  ok(played.slice(1).every((one, i) => Math.abs(one.startTime
    - played[i].startTime - played[i].duration) < 0.005),
  'one after the other, as before', played);
  is(await text(page, 'trend'), 'un poco más rápido, para no atrasarse',
    'that is said');
  server.segment(28, { pace: { lagMs: 9_000, action: 'captions' } });
  is(await until(async () => await text(page, 'trend')
    === 'solo texto por un momento, para no atrasarse'), true,
  'and what the worker does');
  await heard(page, 28);
  server.send({ type: 'caption', sessionId: TALK, language: 'es', segment: 29,
    text: 'dicha antes', reason: 'merged', pace: { lagMs: 2_000, action: 'normal' } });
  is(await until(async () => (await lines(page)).at(-1) === 'dicha antes'), true,
    'what was spoken with the one before is read');
  is(await page.$$eval('#lines .note', (list) =>
    list.at(-1).previousElementSibling.textContent), 'frase número 22',
  'and is not marked as text only');
  for (const n of [30, 31, 32, 33]) {
    server.segment(n, { seconds: 0.2, behindMs: 4_000 + 900 * (n - 28) });
    await heard(page, n);
  }
  is(await page.getAttribute('#trend', 'data-key'), 'growing',
    'a delay that grows is said');
  ok((await page.getAttribute('#delays polyline', 'points')).split(' ').length
    >= 12, 'and drawn');
}

/* What the speaker is just saying: set apart, and never a segment. */
async function testTail(page) {
  const before = (await lines(page)).length;
  const tail = (words) => server.send({ type: 'caption', sessionId: TALK,
    language: 'en', text: '', tail: words, timestamp: Date.now() });

  is(server.queries.at(-1).captions, 'live', 'the page asks for it');
  tail('and so we');
  tail('and so we have to');
  is(await until(async () => await shown(page, 'tail')
    && await text(page, 'tail')), 'and so we have to', 'the last words are shown');
  is([await page.getAttribute('#tail', 'lang'), await page.$eval('#tail',
    (node) => getComputedStyle(node).fontStyle), await page.getAttribute('#tail',
    'aria-hidden')], ['en', 'italic', 'true'],
  'in their own language, drawn differently, not read out');
  is((await lines(page)).length, before, 'they are no caption');
  tail('');
  is(await until(async () => !await shown(page, 'tail')), true,
    'and taken away when they are settled');
}

/* Text only: another connection, which asks for no voice. */
async function testReading(page) {
  const open = () => until(async () =>
    await text(page, 'link') === 'Conectado');
  const fetched = server.fetched.length;
  const played = (await numbers(page, 'segment')).length;

  server.segment(34, { seconds: 3, delayMs: 200 });
  server.segment(35, { delayMs: 200 });
  await until(() => server.fetched.length === fetched + 2);
  await page.click('#reading');
  is(await until(() => server.queries.at(-1).captions === 'only,live'
    && server.queries.at(-1).lastSegment), '35',
  'the next connection asks for captions only, and goes on');
  is(await until(async () => (await lines(page)).slice(-2).join()
    === 'frase número 34,frase número 35', 5_000), true,
  'what waited is read now');
  await open();
  server.segment(36);
  server.send({ type: 'caption', sessionId: TALK, language: 'es', segment: 37,
    text: 'sin voz', sourceText: 'voiceless', reason: 'captions_only' });
  is(await until(async () => (await lines(page)).slice(-2).join()
    === 'frase número 36,sin voz'), true, 'all that comes is read');
  is([server.fetched.length - fetched, (await numbers(page, 'segment')).length],
    [2, played], 'nothing is fetched or played');
  is([await shown(page, 'pause'), await page.getAttribute('#captions', 'aria-live'),
    await page.$$eval('#lines li:last-child .note', (list) => list.length)],
  [false, 'polite', 0], 'there is nothing to pause, readers read, no note');
  is(await complaints(page), [], 'it is accessible');
  is([await page.getAttribute('#reading', 'aria-label'),
    await page.getAttribute('#reading', 'aria-pressed')],
  ['Solo texto, sin la voz', 'true'], 'the button says what it does');

  await page.click('#reading');
  is(await until(() => server.queries.at(-1).captions === 'live'), true,
    'the voice again: another connection');
  await open();
  server.segment(38);
  is(await heard(page, 38), true, 'and it is heard');
}

async function testMessages(page) {
  server.send({ type: 'broadcastPaused', sessionId: TALK });
  await until(() => shown(page, 'speaker-state'));
  ok(/pausa/.test(await text(page, 'speaker-state')), 'a pause is said');
  server.send({ type: 'broadcastResumed', sessionId: TALK });
  is(await until(async () => !await shown(page, 'speaker-state')), true,
    'and its end');
  is(await complaints(page), [], 'the room is accessible');
  await shoot(page, 'listener-phone', PHONE);
  is(await complaints(page), [], 'on a phone too');

  const listeners = () => server.sockets.filter(
    ({ role }) => role === 'listener');
  const [{ socket }] = listeners();

  await page.selectOption('#switch', 'pt');
  await until(() => listeners().some(({ language }) => language === 'pt'));
  is(listeners().map((one) => one.socket === socket), [true],
    'another language comes over the same connection');
  server.stubborn = true;
  await page.selectOption('#switch', 'fr');
  await until(() => listeners().map(({ language }) => language).join() === 'fr');
  is(listeners().map((one) => one.socket === socket), [false],
    'or over a new one if the server cannot');
  server.stubborn = false;
  await page.selectOption('#switch', 'pt');
  await until(() => listeners().some(({ language }) => language === 'pt'));
  await until(async () => await text(page, 'link') === 'Conectado');
  server.segment(39, { language: 'pt', text: 'frase em português' });
  await heard(page, 39);
  is(await lines(page), ['frase em português'], 'with captions of its own');

  server.send({ type: 'sessionEnded', sessionId: TALK, message: 'over' });
  await until(() => shown(page, 'over'));
  is(await text(page, 'over-text'), 'A palestra terminou. Obrigado por ouvir.',
    'the end is said in words');
  is(await until(() => server.sockets.length === 0, 3_000), true,
    'and the connection closed');
  is(page.troubles.filter((one) => !/404/.test(one)), [],
    'no errors in the console');
  await page.context().close();
}

/* A network that breaks WebSockets: the same talk by events. */
async function testEvents() {
  server.closed = true;
  server.eventful = true;
  const page = await joined();
  const asked = () => server.queries.filter(({ byEvents }) => byEvents);

  is(await text(page, 'link'), 'Conectado', 'refused sockets: events connect');
  ok(await until(async () => /English/.test(await text(page, 'original'))),
    'what the talk is like is known');
  server.segment(31);
  is(await heard(page, 31), true, 'a segment comes by events');
  server.drop();
  await until(() => asked().length > 1);
  is(asked().at(-1).lastSegment, '31', 'after a drop: from where it was');
  await until(async () => await text(page, 'link') === 'Conectado');
  server.segment(32);
  is(await heard(page, 32), true, 'and plays on');
  await page.selectOption('#switch', 'fr');
  is(await until(() => asked().at(-1).targetLanguage === 'fr'), true,
    'another language is another request');
  server.send({ type: 'sessionEnded', sessionId: TALK });
  is(await until(async () => await stateOf(page) === 'ended'), true,
    'the end comes by events, too');
  is(page.troubles.filter((one) => !/503|WebSocket|INCOMPLETE_CHUNKED/.test(one)), [],
    'and nothing else is wrong');
  server.closed = false;
  server.eventful = false;
  await page.context().close();
}

async function testGone() {
  const page = await joined({ colorScheme: 'dark', locale: 'en-GB' }, 'en');

  is(await complaints(page), [], 'the dark room is accessible');
  server.closed = true;
  server.drop();
  is(await until(() => shown(page, 'over'), 8_000), true,
    'a server that stays away is given up');
  ok(/Check your network/.test(await text(page, 'over-text')), 'in words');
  is(await page.isDisabled('#reading'), true, 'and there is nothing to read');
  server.closed = false;
  await page.click('#retry');
  is(await until(async () => await text(page, 'link') === 'Connected'), true,
    'Try again connects');

  server.sessions.get(TALK).status = 'ended';
  server.drop();
  await until(async () => await stateOf(page) === 'ended');
  ok(/talk has ended/.test(await text(page, 'over-text')),
    'a talk that ended meanwhile is said');
  await page.context().close();
}

await run(async () => {
  plan(98);
  server = await new FakeServer().start();
  server.config = FAST;
  server.addSession(TALK);
  browser = await launch();
  try {
    await testJoin();
    const page = await joined();
    await testOrder(page);
    await testMissing(page);
    await testReconnect(page);
    await testPause(page);
    await testInline(page);
    await testPace(page);
    await testTail(page);
    await testReading(page);
    await testMessages(page);
    await testEvents();
    await testGone();
  } finally {
    await browser.close();
    await server.stop();
  }
});
