/* The speaker's page against a server that misbehaves on purpose. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { complaints, tabOrder } from './a11y.mjs';
import { FakeServer } from './fake-server.mjs';
import { plan, ok, is, run } from './tap.mjs';
import { launch, openPage, shoot, until, OUT, PHONE } from './tools.mjs';

const FAST = { retryMs: [300, 600], heartbeatMs: 700, ackMs: 300,
  connectMs: 1_000, giveUpMs: 20_000, statusMs: 500, keepS: 5 };
const BYTES_PER_S = 32_000;

let server;

const stateOf = (page) => page.evaluate(() => document.body.dataset.state);
const text = (page, id) => page.textContent(`#${id}`);
const shown = (page, id) => page.isVisible(`#${id}`);
const bytes = () => server.audio.reduce((sum, { length }) => sum + length, 0);
const heartbeats = () =>
  server.actions.filter(({ action }) => action === 'heartbeat').length;
const notices = async (page) => (await page.seen('notice'))
  .map(({ code }) => code);

/* What has arrived since frame n, doubles left out: bytes and holes. */
function arrived(n) {
  let [end, total, holes] = [server.numbers[n], 0, 0];

  server.audio.slice(n).forEach(({ length }, i) => {
    const number = server.numbers[n + i];

    holes += number > end;
    total += Math.max(0, number + length - end);
    end = Math.max(end, number + length);
  });
  return { total, holes, first: server.numbers[n] };
}

const actions = () => server.actions.map(({ action }) => action)
  .filter((name) => !['heartbeat', 'getSessionStatus'].includes(name));

function readQr(file) {
  try {
    return execFileSync('zbarimg', ['--quiet', '--raw', file],
      { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch (error) {
    return error.message;
  }
}

async function refusal(page) {
  await page.click('#start');
  await until(() => shown(page, 'start-error'), 15_000);
  return text(page, 'start-error');
}

async function testNoMicrophone() {
  const browser = await launch({ microphone: false });
  const page = await openPage(browser, `${server.base}/speaker/`,
    { permissions: [] });

  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  const said = await refusal(page);
  ok(/may not use the microphone/.test(said) && /allow the microphone/.test(said),
    'a denied microphone is explained, with what to do', said);
  is(server.sessions.size, 0, 'and no session is made for it');
  is(await page.$eval('#start', (node) => node.disabled), false,
    'one can try again');

  await page.evaluate(() => {
    delete navigator.mediaDevices.getUserMedia;
  });
  const real = await refusal(page);
  ok(/microphone/.test(real), 'the browser’s own refusal as well', real);
  await browser.close();
}

async function testRefused(browser) {
  const page = await openPage(browser, `${server.base}/speaker/`);

  is(await complaints(page), [], 'the first screen is accessible');
  is((await tabOrder(page)).slice(1).join(' '),
    'language microphone SUMMARY start', 'Tab goes through it in order');
  server.refuse = 400;
  ok(/refused the talk.*the house is full/.test(await refusal(page)),
    'a refused session is said, with the server’s words');
  server.refuse = 503;
  await page.click('#start');
  is(await until(async () => /cannot take a new talk/.test(
    await text(page, 'start-error')), 8_000), true, 'a busy server is said');
  server.refuse = null;
  await page.context().close();
}

async function testLive(page) {
  await page.click('#start');
  await until(async () => await stateOf(page) === 'live');
  is(await until(async () => await text(page, 'link') === 'Connected'), true,
    'the talk begins');
  is([server.sockets[0].token, server.sockets[0].sessionId],
    ['secret-of-the-speaker', await text(page, 'session-id')],
    'the socket brings the token and the session');

  await sleep(500);
  const before = bytes();
  await sleep(3_000);
  const rate = (bytes() - before) / 3;
  ok(Math.abs(rate - BYTES_PER_S) < 0.12 * BYTES_PER_S,
    '16 kHz, 16 bit, mono: 32,000 bytes a second', rate);
  ok(server.audio.every(({ length }) => length % 2 === 0 && length <= 32_768),
    'in whole samples, under 32 KiB a frame');
  const peak = server.audio.reduce((most, pcm) => {
    const samples = new Int16Array(new Uint8Array(pcm).buffer);
    return Math.max(most, ...samples.map(Math.abs));
  }, 0);
  ok(peak > 500, 'the microphone is in them', peak);
  is(await until(() => page.$eval('#level',
    (node) => Number(node.getAttribute('aria-valuenow')) > 0)), true,
  'the level is shown');
  ok(/^0:0[3-9]$/.test(await text(page, 'elapsed')), 'so is the time',
    await text(page, 'elapsed'));
}

async function testInvitation(page) {
  const link = `${server.base}/listener/?session=${await text(page, 'session-id')}`;
  const file = path.join(OUT, 'qr.png');

  is(await page.getAttribute('#share-link', 'href'), link, 'the link');
  await page.locator('#qr').screenshot({ path: file });
  is(readQr(file), link, 'the QR code on the screen reads as that link');
  await page.click('#copy-link');
  is(await page.evaluate(() => navigator.clipboard.readText()), link,
    'Copy copies it');
  await page.click('#show-big');
  await page.locator('#big').screenshot({ path: file });
  is(readQr(file), link, 'the large one too');
  is(await complaints(page), [], 'the large view is accessible');
  await page.keyboard.press('Escape');
}

async function testAudience(page) {
  server.audience = [{ languageCode: 'pt', count: 3 },
    { languageCode: 'es', count: 11 }];
  await until(async () => await text(page, 'listeners') === '14');
  is(await page.$$eval('#by-language li', (list) =>
    list.map((li) => `${li.dataset.language} ${li.innerText.replace(/\s+/g, ' ')}`)),
  ['es Español 11', 'pt Português 3'], 'listeners by language, most first');
  server.audience = null;
  is(await until(async () => await text(page, 'listeners') === '0'), true,
    'the status is asked for again and again');

  server.send({ type: 'caption', language: 'en', segment: 1, reason: 'waiting',
    text: 'Waiting for speech recognition: place 3 in line.' }, { role: 'speaker' });
  await until(() => shown(page, 'waiting'));
  is([await text(page, 'waiting-text'), (await page.$$('#captions li')).length],
    ['Waiting for speech recognition: place 3 in line.', 0],
    'a place in line is a state of its own, no words');
  is(await complaints(page), [], 'and accessible');
  server.send({ type: 'caption', language: 'en', text: 'He was not ill disposed.',
    segment: 1, timestamp: Date.now() }, { role: 'speaker' });
  await until(() => page.$('#captions li'));
  is(await page.$$eval('#captions li', (list) => list.map((li) => li.textContent)),
    ['He was not ill disposed.'], 'what was understood is shown');
  is(await shown(page, 'waiting'), false, 'nothing waits any more');
  is(await complaints(page), [], 'the live screen is accessible');
  await page.emulateMedia({ colorScheme: 'dark' });
  await sleep(400);
  is(await complaints(page), [], 'in the dark too');
  await shoot(page, 'speaker-phone', PHONE);
  is(await complaints(page), [], 'and on a phone');
  await page.setViewportSize({ width: 1280, height: 860 });
}

async function testMute(page) {
  await page.click('#mute');
  await until(() => actions().at(-1) === 'muteBroadcast');
  await sleep(200);
  const before = bytes();
  await sleep(700);
  is(bytes() - before, 0, 'muted: no audio leaves');
  is([await text(page, 'on-air'), await page.getAttribute('#mute', 'aria-pressed')],
    ['Muted', 'true'], 'and it shows');
  await page.keyboard.press('m');
  is(await until(() => bytes() > before), true, 'the key M brings it back');
  await page.click('#pause');
  await page.click('#pause');
  await until(() => actions().length === 4);
  is(actions(), ['muteBroadcast', 'unmuteBroadcast', 'pauseBroadcast',
    'resumeBroadcast'], 'the server is told each time');
}

async function testDrop(page) {
  await page.click('#mute');
  await page.click('#mute');
  server.window = 16_000;
  await sleep(500);
  server.deaf = true;
  const [count, began, beats] = [server.audio.length, Date.now(), heartbeats()];
  await sleep(2_000);
  const asked = heartbeats() - beats;
  ok(asked >= 1 && asked <= 10,
    'who acknowledges nothing is asked whether it is there, now and then', asked);

  server.window = 128_000;
  server.drop();
  server.deaf = false;
  is(await until(() => server.sockets[0]?.token), 'secret-of-the-speaker',
    'after a drop it comes back with its token');
  await until(() => arrived(count).total > 4 * BYTES_PER_S);
  const { total, holes, first } = arrived(count);
  const said = (Date.now() - began) / 1000 * BYTES_PER_S;
  is([holes, first], [0, server.numbers[count - 1]
    + server.audio[count - 1].length],
  'what was not acknowledged is sent again, without a hole');
  ok(Math.abs(total - said) < 0.25 * BYTES_PER_S * 4,
    'all that was said meanwhile', `${total} of ${said}`);
  ok(server.audio.slice(count).some(({ length }) => length > 3_200),
    'joined into larger frames');
  is(actions().slice(-2), ['resumeBroadcast', 'unmuteBroadcast'],
    'the server hears the state again');
}

async function testAway(page) {
  server.silent = true;
  is(await until(async () => (await page.seen('link')).at(-1).state === 'waiting'),
    true, 'an unanswered heartbeat ends the connection');
  is(await text(page, 'on-air'), 'Connecting', 'nobody is told that we are on air');
  server.silent = false;
  await until(async () => await text(page, 'link') === 'Connected');

  const count = server.audio.length;
  server.closed = true;
  server.drop();
  await until(() => page.$('#notices [data-code=away]'));
  ok(/Keep talking/.test(await page.textContent('#notices')),
    'an outage is told calmly', await page.textContent('#notices'));
  is(await complaints(page), [], 'and accessibly');
  await sleep(2_500);
  server.closed = false;
  is(await until(async () => (await notices(page)).at(-1) === 'caught-up'), true,
    'after which all that was said is sent');
  is(await page.textContent('#notices'), '', 'and the page says no more of it');
  is([arrived(count).holes, arrived(count).first], [0,
    server.numbers[count - 1] + server.audio[count - 1].length],
  'nothing is missing');

  server.closed = true;
  server.drop();
  is(await until(async () => (await notices(page)).includes('lost-audio')), true,
    'a longer one: what is lost is said');
  server.closed = false;
  is(await until(async () => await text(page, 'link') === 'Connected'), true,
    'and it comes back even so');
}

async function testReload(page) {
  const id = await text(page, 'session-id');

  await page.reload();
  is(await until(() => shown(page, 'go-on')), true,
    'after a reload the talk is offered again');
  is(await complaints(page), [], 'accessibly');
  await page.click('#go-on');
  await until(async () => await text(page, 'link') === 'Connected');
  is([await text(page, 'session-id'), server.sockets[0].token],
    [id, 'secret-of-the-speaker'], 'and goes on with the same name and token');
}

async function testEnd(page) {
  await page.click('#end');
  is(await complaints(page), [], 'the question is accessible');
  await page.click('[value=stay]');
  is(await stateOf(page), 'live', 'one can change one’s mind');
  await page.click('#end');
  await page.click('#confirm-end');
  await until(async () => await stateOf(page) === 'over');
  is(actions().at(-1), 'endSession', 'the session is ended');
  ok(/^0:\d\d$/.test(await text(page, 'sum-length')), 'and summed up');
  is(await complaints(page), [], 'the last screen is accessible');
  is(await until(() => server.sockets.length === 0), true, 'the socket is closed');
  is(page.troubles.filter((one) => !/WebSocket/.test(one)), [],
    'no errors in the console');

  await page.click('#again');
  await page.click('#start');
  await until(async () => await text(page, 'link') === 'Connected');
  server.sessions.get(await text(page, 'session-id')).status = 'ended';
  server.drop();
  await until(async () => await stateOf(page) === 'over');
  ok(/server closed the talk/.test(await text(page, 'over-text')),
    'a talk that the server has ended is said', await text(page, 'over-text'));

  await page.click('#again');
  is(await shown(page, 'go-on'), false, 'and not offered again');
  await page.click('#start');
  await until(async () => await text(page, 'link') === 'Connected');
  server.sockets[0].socket.close(4409, 'replaced');
  await until(async () => await stateOf(page) === 'over');
  ok(/another window/.test(await text(page, 'over-text')),
    'a talk that goes on elsewhere is left alone');
}

await run(async () => {
  plan(61);
  server = await new FakeServer().start();
  server.config = FAST;
  await testNoMicrophone();
  const browser = await launch();
  try {
    await testRefused(browser);
    const page = await openPage(browser, `${server.base}/speaker/`);
    await testLive(page);
    await testInvitation(page);
    await testAudience(page);
    await testMute(page);
    await testDrop(page);
    await testAway(page);
    await testReload(page);
    await testEnd(page);
  } finally {
    await browser.close();
    await server.stop();
  }
});
