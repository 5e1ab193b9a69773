/* make dashboard-picture: config/grafana/lt.json, drawn.  A real stack with
   talks in it is scraped by a real Prometheus for two and a half minutes; each
   panel's queries are asked as Grafana asks them, and what comes back is drawn
   by page.mjs: a preview, Grafana itself is not needed.  A query without an
   answer ends it with 1, for it says nothing to anybody.  Beside it the widgets
   of CloudWatch, without values.
     node t/dashboard/picture.mjs        OUT=… for what it leaves */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, startStack } from '../../local/stack.mjs';
import { launch, openPage, OUT } from '../e2e/tools.mjs';
import { CLOUDWATCH_WIDTH, cloudwatchPage } from './cloudwatch.mjs';
import { annotations, fill, variables } from './grafana.mjs';
import { PAGE_WIDTH, pageOf, place } from './page.mjs';
import { startPrometheus } from './prometheus.mjs';
import { tell } from './talks.mjs';

/* panel and refId of queries that have nothing to say here, and why. */
const MAY_BE_EMPTY = {
  'Keys and certificates end in C': 'the stack speaks no TLS',
};

const DASHBOARD = JSON.parse(fs.readFileSync(
  path.join(ROOT, 'config/grafana/lt.json'), 'utf8'));
const now = () => Date.now() / 1000;

/* All panels with their data. */
async function ask(prometheus, range) {
  const values = await variables(DASHBOARD, prometheus);
  const filled = [];
  for (const panel of DASHBOARD.panels) {
    filled.push(panel.type === 'row' ? { panel, series: [] }
      : await fill(panel, { prometheus, values, range,
        points: place(panel.gridPos).width }));
  }
  const spans = await annotations(DASHBOARD, { prometheus, values, range });
  return { filled, values, range, spans };
}

/* Queries without an answer. */
const silent = (filled) => filled.flatMap(({ panel, series }) =>
  (panel.targets ?? []).filter(({ refId }) =>
    !series.some((one) => one.refId === refId
      && one.points.some(([, value]) => Number.isFinite(value)))
    && !(`${panel.title} ${refId}` in MAY_BE_EMPTY))
    .map(({ refId, expr }) => `${panel.title} ${refId}: ${expr}`));

async function shoot(browser, name, width, html) {
  const file = path.join(OUT, `${name}.html`);
  fs.writeFileSync(file, html);
  const page = await openPage(browser, `file://${file}`,
    { viewport: { width, height: 200 } });
  await page.screenshot({ path: path.join(OUT, `${name}.png`), fullPage: true });
  return page.troubles;
}

async function main() {
  const ends = [];
  const began = now();
  const say = (text) => console.log(`${(now() - began).toFixed(0).padStart(5)
  } s  ${text}`);
  try {
    const stack = await startStack({ dir: path.join(OUT, 'dashboard'),
      fleet: true });
    ends.push(() => stack.stop());
    const prometheus = await startPrometheus(
      path.join(OUT, 'dashboard/prometheus'), {
        nginx: new URL(stack.urls.status).host,
        worker: new URL(stack.urls.worker).host });
    ends.push(() => prometheus.stop());
    const browser = await launch({ microphone: false });
    ends.push(() => browser.close());

    const from = Math.floor(now());
    const talks = await tell(stack, browser, say);
    const data = await ask(prometheus, { from, to: Math.floor(now()) });
    fs.writeFileSync(path.join(OUT, 'dashboard.json'), JSON.stringify(data));
    const troubles = [
      ...await shoot(browser, 'dashboard', PAGE_WIDTH, pageOf(DASHBOARD, data)),
      ...await shoot(browser, 'cloudwatch', CLOUDWATCH_WIDTH, cloudwatchPage()),
      ...silent(data.filled).map((one) => `no answer: ${one}`)];
    await Promise.all(talks.map((one) => one.stop()));
    say(`${path.join(OUT, 'dashboard.png')}: ${data.filled.length} panels, ${
      new Set(data.spans.map(({ name }) => name)).size} alerts fired`);
    troubles.forEach((one) => console.error(one));
    process.exitCode = troubles.length > 0 ? 1 : 0;
  } finally {
    for (const end of ends.reverse()) {
      await end();
    }
  }
}

await main();
