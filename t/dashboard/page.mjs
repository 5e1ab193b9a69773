/* A dashboard with its data as one HTML page: Grafana's grid, its dark colours,
   its row, stat, timeseries and bargauge panels. */
import { expand } from './grafana.mjs';
import { escape, plot } from './plot.mjs';
import { format } from './units.mjs';

const [WIDTH, GAP, CELL, HEAD, LEGEND] = [1600, 8, 30, 34, 22];
const PALETTE = ['green', 'yellow', 'lightblue', 'orange', 'red', 'blue',
  'purple', 'lime', 'gold', 'teal', 'brown', 'pink'];
const COLOURS = { green: '#73bf69', yellow: '#fade2a', lightblue: '#8ab8ff',
  orange: '#ff9830', red: '#f2495c', blue: '#5794f2', purple: '#b877d9',
  lime: '#96d98d', gold: '#e0b400', teal: '#38b5a9', brown: '#b0855c',
  pink: '#ff7fb2', text: '#ccccdc' };
/* What a panel has that names none: 80 is red. */
const THRESHOLDS = [{ color: 'green', value: null }, { color: 'red', value: 80 }];

const STYLE = `
  body { margin: 0; background: #111217; color: #ccccdc;
    font: 13px Inter, "Liberation Sans", sans-serif; }
  header { display: flex; gap: 12px; align-items: center; height: 48px;
    padding: 0 16px; font-size: 15px; }
  header span { font-size: 12px; background: #181b1f; padding: 5px 9px;
    border: 1px solid #2c2f36; border-radius: 2px; }
  header i { margin-left: auto; font-style: normal; font-size: 12px;
    opacity: .65; }
  main { position: relative; width: ${WIDTH}px; margin: 0 16px; }
  .panel { position: absolute; background: #181b1f; border: 1px solid #24272d;
    border-radius: 2px; box-sizing: border-box; overflow: hidden; }
  .row { position: absolute; font-size: 16px; font-weight: 500;
    line-height: 30px; }
  h2 { font-size: 14px; font-weight: 500; margin: 8px 10px 0; height: 26px;
    white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  h2 small { font-size: 11px; opacity: .6; border: 1px solid; border-radius: 9px;
    padding: 0 5px; margin-left: 5px; }
  .big { display: flex; position: absolute; inset: 30px 8px 8px;
    align-items: center; justify-content: center; font-weight: 500;
    flex-wrap: wrap; text-align: center; gap: 2px 14px; line-height: 1.1; }
  .spark { position: absolute; left: 0; bottom: 0; opacity: .5; }
  .legend { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12px;
    margin: 0 12px; }
  .legend span { line-height: ${LEGEND}px; white-space: nowrap; }
  .legend small { opacity: .7; margin-left: 8px; }
  .legend b { display: inline-block; width: 14px; height: 4px; margin: 0 6px 3px 0;
    border-radius: 2px; }
  .bars { display: grid; grid-template-columns: max-content 1fr max-content;
    gap: 6px 10px; margin: 4px 12px; align-items: center; }
  .bars div { background: #22252b; height: 20px; }
  .bars div i { display: block; height: 100%; }
  .empty { position: absolute; inset: 30px 0 0; display: flex; opacity: .6;
    align-items: center; justify-content: center; }
  svg { display: block; } svg text { fill: #ccccdc; opacity: .75; font-size: 11px; }
  .grid { stroke: #ccccdc; stroke-opacity: .09; }
  .alert { fill: #f2495c; fill-opacity: .045; } .alert-foot { fill: #f2495c; }`;

const colour = (name) => COLOURS[name] ?? name;

/* The threshold that a value has reached. */
const reached = (steps, value) => colour(steps.filter((one) =>
  one.value === null || value >= one.value).at(-1).color);

const fixed = (panel, name) => panel.fieldConfig.overrides
  .find(({ matcher }) => matcher.id === 'byName' && matcher.options === name)
  ?.properties.find(({ id }) => id === 'color')?.value.fixedColor;

function coloured(panel, series) {
  const { color, thresholds } = panel.fieldConfig.defaults;
  return series.map((one, i) => ({ ...one, color: colour(fixed(panel, one.name)
    ?? (color?.mode === 'fixed' ? color.fixedColor : PALETTE[i % PALETTE.length])),
  reached: color?.mode === 'fixed' ? colour(color.fixedColor)
    : reached(thresholds?.steps ?? THRESHOLDS, one.points.at(-1)[1]) }));
}

/* The one reduction that the dashboard asks for. */
const CALCS = { lastNotNull: { title: 'Last *', of: (values) => values.at(-1) } };
const reduced = ({ points }, calc) => CALCS[calc].of(points.map(([, v]) => v));

/* ---- the kinds of panels */

function stat({ panel, series, range }, { width, height }) {
  const { unit, decimals } = panel.fieldConfig.defaults;
  const { reduceOptions, textMode, graphMode } = panel.options;
  const words = series.map((one) => ({ color: one.reached, text:
    textMode === 'name' ? one.name
      : format(reduced(one, reduceOptions.calcs[0]), unit, decimals) }));
  const longest = Math.max(...words.map(({ text }) => text.length));
  const size = Math.min(height * 0.36, 1.5 * width / longest,
    words.length > 1 ? 20 : 64);
  const spark = graphMode === 'area' && series.length === 1
    ? sparkline(series[0], range, width, height * 0.3) : '';
  return `${spark}<div class="big" style="font-size:${size.toFixed(0)}px">${
    words.map(({ text, color }) => `<span style="color:${color}">${
      escape(text)}</span>`).join('')}</div>`;
}

function sparkline({ points, reached: color }, range, width, height) {
  const values = points.map(([, value]) => value);
  const [least, most] = [Math.min(0, ...values), Math.max(...values)];
  const xy = points.map(([at, value]) => `${(width * (at - range.from)
    / (range.to - range.from)).toFixed(1)},${(height - (height - 2)
    * (value - least) / (most - least || 1)).toFixed(1)}`);
  const x = (i) => xy.at(i).split(',')[0];
  return `<svg class="spark" width="${width}" height="${height}"><polygon points="${
    x(0)},${height} ${xy.join(' ')} ${x(-1)},${height}" fill="${color}"
    fill-opacity=".25"/><polyline points="${xy.join(' ')}" fill="none" stroke="${
    color}"/></svg>`;
}

function legend({ panel, series }, width) {
  const { calcs } = panel.options.legend;
  const { unit, decimals } = panel.fieldConfig.defaults;
  const key = ({ color, name }) => `<b style="background:${color}"></b>${
    escape(name)}`;
  const last = (one) => calcs.map((calc) => `<small>${CALCS[calc].title}: ${
    format(reduced(one, calc), unit, decimals)}</small>`).join('');
  const long = series.reduce((sum, { name }) => sum + 34 + name.length * 6.6
    + calcs.length * 58, 0);
  return { height: Math.ceil(long / (width - 24)) * LEGEND,
    html: series.map((one) => `<span>${key(one)}${last(one)}</span>`).join('') };
}

function timeseries(filled, { width, height }) {
  const { height: below, html } = legend(filled, width);
  return `${plot({ ...filled, width: width - 2,
    height: height - HEAD - below - 8 })}<div class="legend">${html}</div>`;
}

function bargauge({ panel, series }) {
  const { unit, decimals, max } = panel.fieldConfig.defaults;
  const values = series.map((one) =>
    reduced(one, panel.options.reduceOptions.calcs[0]));
  const most = max ?? Math.max(...values);
  return `<div class="bars">${series.map((one, i) => `<span>${escape(one.name)
  }</span><div><i style="width:${(100 * values[i] / (most || 1)).toFixed(1)
  }%;background:${one.color}"></i></div><span style="color:${one.color}">${
    escape(format(values[i], unit, decimals))}</span>`).join('')}</div>`;
}

const KINDS = { stat, timeseries, bargauge };

/* ---- the whole */

export function place({ x, y, w, h }) {
  const cell = (WIDTH + GAP) / 24;
  return { left: x * cell, top: y * (CELL + GAP), width: w * cell - GAP,
    height: h * (CELL + GAP) - GAP };
}

function drawPanel(filled, values) {
  const { panel } = filled;
  const box = place(panel.gridPos);
  const style = `style="left:${box.left}px;top:${box.top}px;width:${box.width
  }px;height:${box.height}px"`;
  if (panel.type === 'row') {
    return `<div class="row" ${style}>⌄ ${escape(panel.title)}</div>`;
  }
  if (!KINDS[panel.type]) {
    throw new Error(`panel ${panel.title}: t/dashboard/page.mjs draws no ${
      panel.type}`);
  }
  const series = coloured(panel, filled.series);
  const { noValue } = panel.fieldConfig.defaults;
  const body = series.length > 0
    ? KINDS[panel.type]({ ...filled, series }, box)
    : `<div class="empty">${escape(noValue ?? 'No data')}</div>`;
  return `<section class="panel" ${style}><h2>${escape(expand(panel.title, values))
  }${panel.description ? '<small>i</small>' : ''}</h2>${body}</section>`;
}

/* filled: panels as grafana.mjs fills them. spans: alerts. */
export function pageOf(dashboard, { filled, values, range, spans }) {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) =>
    place(gridPos).top + place(gridPos).height));
  const time = (s) => new Date(s * 1000).toISOString().slice(0, 19)
    .replace('T', ' ');
  return `<!doctype html><meta charset="utf-8"><title>${escape(dashboard.title)
  }</title><style>${STYLE}</style><header>${escape(dashboard.title)}${
    dashboard.templating.list.map(({ name, label }) => `<span>${escape(label)}: ${
      values[name] === '.*' ? 'All' : escape(values[name])}</span>`).join('')
  }<i>${time(range.from)} to ${time(range.to)} UTC</i></header><main style="height:${
    bottom + 16}px">${filled.map((one) => drawPanel({ ...one, range, spans }, values))
    .join('')}</main>`;
}
export const PAGE_WIDTH = WIDTH + 32;
