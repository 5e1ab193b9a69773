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
  consumer: 'polling', tls: true, protocol: 'json' };

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

function hosts() {
  const { nginx, workers } = capacity({ ...ONE, talks: 500, languages: 3 });
  is(Math.round(workers.memory_bytes / 1024), Math.round(14 * 1024 + 500 * (226.6 + 2 * 9)), 'workers: memory of 500 talks');
  is(workers.cores.toFixed(3), (500 * (0.911 + 2 * 0.144) / 1000).toFixed(3), 'and CPU');
  is(nginx.cores.toFixed(3), (500 * 1000 / 256 / 35934 + 500 * 3 * 50 / 3 / 95000).toFixed(3), 'nginx: CPU for chunks and messages');
  is(Math.round(nginx.memory_bytes / 1e6), Math.round((75500 * 15585 + 500 * 15.2 * 1024) / 1e6), 'and memory of 75,500 sockets');
  ok(capacity({ ...ONE, protocol: 'cbor' }).nginx.cores < capacity(ONE).nginx.cores, 'CBOR is less work');
  ok(capacity({ ...ONE, tls: false }).nginx.cores < capacity(ONE).nginx.cores, 'so is no TLS');
}

function sources() {
  const prices = JSON.parse(read('config/prices.json'));
  for (const [name, price] of Object.entries(PRICES)) {
    is(price, prices[name], `${name}: the price list's`);
  }
  const said = `${read('docs/benchmarks.md')}${read('docs/capacity.md')}`.replaceAll(/(\d),(?=\d{3})/g, '$1');
  for (const [name, figure] of Object.entries(MEASURED)) {
    const unit = /^(speaker|worker).*_bytes$/.test(name) ? figure < 2 ** 20 ? 1024 : 2 ** 20 : 1;
    const shown = String(Number((figure / unit).toFixed(unit === 1 ? 3 : 1)));
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
  ok(/transcribe\s+\$1\.44/.test(await tab.innerText('#result')), 'the page shows it');
  await tab.fill('#talks', '500');
  await tab.selectOption('#protocol', 'cbor');
  const text = await tab.innerText('#result');
  ok(/What workers need\s+memory, in one process\s+130\.7 MB\s+CPU cores, a thread for each process\s+0\.46/.test(text),
    'what workers need', text);
  ok(/What nginx needs\s+sockets\s+25500\s+memory for them\s+406\.9 MB\s+CPU cores\s+0\.13/.test(text), 'what nginx needs', text);
  if (process.env.SCREENSHOT) {
    await tab.screenshot({ path: process.env.SCREENSHOT });
  }
  is(errors.join(), '', 'without an error');
  await browser.close();
}

await run(async () => {
  plan(12 + 6 + Object.keys(PRICES).length + Object.keys(MEASURED).length + 4);
  bill();
  hosts();
  sources();
  await page();
});
