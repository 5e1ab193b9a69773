/* docs/capacity: the arithmetic against a bill made by hand, prices and
   measured figures against where they come from, the page in a browser. */
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { is, ok, plan, run } from './tap.mjs';
import { launch } from './tools.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const { capacity, MEASURED, PRICES } = createRequire(import.meta.url)('../../docs/capacity/capacity.js');
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const cents = (dollars) => dollars.toFixed(4);

const ONE = { talks: 1, languages: 1, listeners: 50, hours: 1, wordsAMinute: 150, voice: 'neural', mode: 'window',
  consumer: 'polling', tls: true };

function bill() {
  const { cost, ...rest } = capacity(ONE);
  is(cents(cost.transcribe), '1.4400', 'an hour of Transcribe');
  is(cents(cost.translate), '0.8100', '54,000 characters translated');
  is(cents(cost.polly), '0.8640', 'and spoken');
  is(cents(cost.s3), cents(1200 * 5e-6 + 1200 * 50 * 4e-7), '1,200 clips put, each fetched by 50');
  is(cents(cost.kinesis), cents(0.015 + MEASURED.units_a_speaker_hour * 1.4e-8), 'a shard, and what is put into it');
  is(cents(cost.total), cents(cost.transcribe + cost.translate + cost.polly + cost.s3 + cost.kinesis), 'together');
  is(rest.shards, 1, 'a shard');
  is(capacity({ ...ONE, talks: 27 }).shards, 2, '26 talks are a shard');
  is(capacity({ ...ONE, voice: 'none' }).cost.polly, 0, 'no voice, no Polly');
  is(rest.nginx.sockets, 51, 'a socket each');
  ok(capacity({ ...ONE, consumer: 'fanout' }).cost.kinesis > cost.kinesis + 0.015, 'fan-out costs');
  is(capacity({ ...ONE, listeners: 0 }).cost_a_listener_hour, null, 'nobody listens: no price a listener');
}

function sources() {
  const prices = JSON.parse(read('config/prices.json'));
  for (const [name, price] of Object.entries(PRICES)) {
    is(price, prices[name], `${name}: the price list's`);
  }
  const said = `${read('docs/benchmarks.md')}${read('docs/capacity.md')}`.replaceAll(/(\d),(?=\d{3})/g, '$1');
  for (const [name, figure] of Object.entries(MEASURED)) {
    const shown = name === 'speaker_bytes' ? (figure / 1024).toFixed(1) : String(figure);
    ok(figure > 0 && new RegExp(`\\b${shown.replace('.', '\\.')}\\b`).test(said), `${name}: ${shown} is in the documents`);
  }
}

async function page() {
  const browser = await launch();
  const tab = await browser.newPage({ viewport: { width: 1000, height: 900 } });
  const errors = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  await tab.goto(`file://${ROOT}/docs/capacity/index.html`);
  await tab.fill('#talks', '1');
  await tab.fill('#languages', '1');
  const text = await tab.innerText('#result');
  ok(/transcribe\s+\$1\.44/.test(text), 'the page shows it');
  if (process.env.SCREENSHOT) {
    await tab.screenshot({ path: process.env.SCREENSHOT });
  }
  is(errors.join(), '', 'without an error');
  await browser.close();
}

await run(async () => {
  plan(12 + Object.keys(PRICES).length + Object.keys(MEASURED).length + 2);
  bill();
  sources();
  await page();
});
