/* The parts of make dashboard-picture, by hand: how figures are written, what
   is asked for a panel, and the whole of config/grafana/ drawn over answers
   made up here.  No Prometheus, no browser. */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../local/stack.mjs';
import { cloudwatchPage } from '../dashboard/cloudwatch.mjs';
import { annotations, expand, fill, intervals, variables }
  from '../dashboard/grafana.mjs';
import { pageOf } from '../dashboard/page.mjs';
import { ticksOf } from '../dashboard/plot.mjs';
import { format } from '../dashboard/units.mjs';
import { is, ok, plan, refused, run } from './tap.mjs';

const DASHBOARD = JSON.parse(fs.readFileSync(
  path.join(ROOT, 'config/grafana/lt.json'), 'utf8'));
const RANGE = { from: 1000, to: 1120 };
const LIST = DASHBOARD.panels.filter(({ type }) => type !== 'row');

plan(19);

function figures() {
  const written = [[4.68, 's', '4.68 s'], [0.0219, 's', '21.9 ms'],
    [0, 's', '0 s'], [7200, 's', '2 hours'], [512_000, 'bytes', '500 KiB'],
    [1500, 'short', '1.5 K'], [3, undefined, '3'], [0.000012, 'currencyUSD',
      '$0.000012'], [NaN, 's', 'NaN']];
  is(written.map(([value, unit]) => format(value, unit)),
    written.map(([, , text]) => text), 'figures with their units');
  is(format(2.05, 'currencyUSD', 2), '$2.05', 'and as many digits as asked');
  is(ticksOf(0, 9.3), [0, 2.5, 5, 7.5, 10], 'round steps');
}

async function queries() {
  is(expand('a{b=~"$x"}[$__rate_interval] ${x}',
    { x: '.*', __rate_interval: '20s' }), 'a{b=~".*"}[20s] .*', 'variables');
  await refused((async () => expand('$y', {}))(), 'Error',
    'a variable that nobody set');
  await refused((async () => format(1, 'furlong'))(), 'Error',
    'a unit that nobody knows');
  is(intervals({ from: 0, to: 3600 }, 400).step, 10, 'a step for each point');
  const asked = [];
  const { series } = await fill({ targets: [
    { refId: 'A', expr: 'up[$__rate_interval]', legendFormat: 'in {{language}}' },
    { refId: 'B', expr: 'now', instant: true }] }, { range: RANGE, points: 500,
    values: {}, prometheus: {
      range: (query) => [asked.push(query), { labels: { language: 'es' },
        points: [[1000, 1]] }].slice(1),
      instant: (query) => [asked.push(query)].slice(1) } });
  is(asked, ['up[20s]', 'now'], 'what is asked');
  is(series.map(({ name, refId }) => [name, refId]), [['in es', 'A']],
    'what it is called');
  await refused(variables(DASHBOARD, { labelValues: () => [] }), 'Error',
    'a variable without a value');
}

/* Two series for each query; alerts from 1030 to 1050, and at 1090. */
const made = (value) => ({
  labelValues: () => ['a'],
  range: (query) => query.includes('ALERTS') ? [{ labels: { alertname: 'LtLate' },
    points: [1030, 1031, 1032, 1090].map((at) => [at, 1]) }]
    : ['es', 'fr'].map((language, i) => ({ labels: { language },
      points: [[1000, value], [1060, value * (i + 1)], [1119, value]] })),
  instant: () => [{ labels: { alertname: 'LtLate', service: 'polly' },
    points: [[1120, value]] }] });

async function draw(prometheus) {
  const values = await variables(DASHBOARD, prometheus);
  const filled = await Promise.all(DASHBOARD.panels.map((panel) =>
    panel.type === 'row' ? { panel, series: [] }
      : fill(panel, { prometheus, values, range: RANGE, points: 500 })));
  const spans = await annotations(DASHBOARD,
    { prometheus, values, range: RANGE });
  return { spans, html: pageOf(DASHBOARD,
    { filled, values, range: RANGE, spans }) };
}

const tile = (html, title) => new RegExp(`${title}.*?</section>`, 's')
  .exec(html)[0];

async function pages() {
  const { html, spans } = await draw(made(8));
  is(spans.map(({ name, from, to }) => [name, from, to]),
    [['LtLate', 1030, 1032], ['LtLate', 1090, 1090]], 'when alerts fired');
  is((html.match(/<section/g) ?? []).length, LIST.length, 'each panel is drawn');
  ok(!/NaN|undefined|No data/.test(html), 'with its data', html.match(
    /.{80}(?:NaN|undefined|No data)/)?.[0]);
  ok(/color:#f2495c">8\.0 s/.test(tile(html, 'How late, p90')),
    'red is what is past its threshold');
  ok(/LtLate/.test(tile(html, '>Alerts')), 'an alert has its name');
  const calm = (await draw(made(3))).html;
  ok(/color:#73bf69">3\.0 s/.test(tile(calm, 'How late, p90')), 'else green');
  const empty = await draw({ ...made(1), range: () => [], instant: () => [] });
  ok(/>none</.test(tile(empty.html, '>Alerts')), 'no alert: none');
  ok(/No data/.test(tile(empty.html, 'Redis, p99')), 'no data is said');
  ok((cloudwatchPage().match(/<section/g) ?? []).length > 8,
    'CloudWatch: each widget');
}

run(async () => {
  figures();
  await queries();
  await pages();
});
