/* The speaker's page and a real nginx that is killed in the middle of a talk:
   every byte of the microphone is in Kinesis, once, in order. */
import path from 'node:path';
import { startLedger } from '../../bench/kinesis-ledger.mjs';
import { childrenOf } from '../../bench/processes.mjs';
import { startServers } from '../../bench/servers.mjs';
import { plan, ok, is, run } from './tap.mjs';
import { ROOT, launch, openPage, until } from './tools.mjs';

const BYTES_PER_S = 32_000;
const PAGES = `
        location /speaker/ { root ${path.join(ROOT, 'apps')}; index index.html; types {
            text/html html; text/javascript js; text/css css; image/svg+xml svg; } }
        location /shared/ { root ${path.join(ROOT, 'apps')}; types {
            text/javascript js; text/css css; image/svg+xml svg; } }`;

const text = (page, id) => page.textContent(`#${id}`);
const state = (page) => page.evaluate(() => document.body.dataset.state);

/* What the page hands out, counted where it leaves: all sockets together. */
const COUNT = () => {
  const { send } = WebSocket.prototype;

  window.sent = { end: 0, again: 0 };
  WebSocket.prototype.send = function count(data) {
    if (data instanceof Uint8Array) {
      const number = Number(new DataView(data.buffer).getBigUint64(0, true));
      const end = number + data.length - 8;

      window.sent.again += Math.max(0, Math.min(window.sent.end, end) - number);
      window.sent.end = Math.max(window.sent.end, end);
    }
    return send.call(this, data);
  };
};

async function kill(servers, page, n) {
  const [old] = childrenOf(servers.nginx);
  const links = (await page.seen('link')).length;

  process.kill(old, 'SIGKILL');
  is(await until(async () => (await page.seen('link')).slice(links)
    .some(({ state: name }) => name === 'open')), true, `kill ${n}: the page is back`);
}

await run(async () => {
  plan(13);
  const ledger = await startLedger();
  const servers = await startServers({ kinesisPort: ledger.port, record: 'framed',
    linger: '100ms', buffer: '8s', locations: PAGES });
  const browser = await launch();

  try {
    const page = await openPage(browser, 'about:blank');
    await page.addInitScript(COUNT);
    await page.goto(`http://127.0.0.1:${servers.port}/speaker/`);
    await page.click('#start');
    is(await until(async () => await text(page, 'link') === 'Connected'), true, 'on air');
    const id = await text(page, 'session-id');
    const stored = () => ledger.books.get(id)?.stored ?? 0;
    is(await until(() => stored() > 2 * BYTES_PER_S), true, 'speech is stored');

    ledger.mode = 'lied';               /* it stores, and nobody knows */
    const before = stored();
    await until(() => stored() > before + BYTES_PER_S);
    await kill(servers, page, 1);
    ledger.mode = 'ok';
    is(await until(() => ledger.books.get(id).doubled > 0), true,
      'what was stored and not known to be is said again');

    ledger.mode = 'unavailable';        /* all is in the process, or the page */
    const sent = await page.evaluate(() => window.sent.end);
    await until(async () => await page.evaluate(() => window.sent.end) > sent + 2 * BYTES_PER_S);
    await kill(servers, page, 2);
    is(await until(async () => (await page.seen('notice')).at(-1)?.code === 'behind'), true,
      'the page says that it is behind');
    is(await text(page, 'on-air'), 'On air', 'and goes on');
    const held = stored();
    ledger.mode = 'ok';
    is(await until(async () => (await page.seen('notice')).at(-1).code === 'caught-up'), true,
      'and that it has caught up');
    ok(stored() > held + 2 * BYTES_PER_S, 'with what the dead process had', stored() - held);

    await page.click('#end');
    await page.click('#confirm-end');
    is(await until(async () => await state(page) === 'over'), true, 'the talk ends');
    const { end, again } = await page.evaluate(() => window.sent);
    const book = ledger.books.get(id);
    is(await until(() => book.stored === end && end), end, 'every byte is there, also the last ones');
    is([book.holes, book.disorder, book.epochs], [[], 0, 1], 'in order, in one numbering');
    ok(again > 2 * BYTES_PER_S, 'a good deal was said twice', again);
  } finally {
    await browser.close();
    await servers.stop();
    ledger.stop();
  }
});
