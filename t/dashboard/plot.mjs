/* One time series panel as SVG: axes, lines or stacked areas, thresholds, and
   when alerts fired. */
import { format } from './units.mjs';

const [RIGHT, TOP, BOTTOM] = [8, 6, 22];
/* What a unit is counted in, when there is so much of it. */
const STEPS = { bytes: [1, 1024, 1024 ** 2, 1024 ** 3],
  s: [1, 60, 3600, 86_400] };
const TICKS_S = [5, 10, 15, 30, 60, 120, 300, 600];

export const escape = (text) => String(text).replace(/[&<>"]/g,
  (c) => `&#${c.charCodeAt(0)};`);

/* Round steps from 0 or the least value to the largest. */
export function ticksOf(least, most, wanted = 4) {
  const rough = (most - least) / wanted || 0.25;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((n) => n * power >= rough) * power;
  const from = Math.floor(least / step);
  const to = Math.max(Math.ceil(most / step - 1e-9), from + 1);
  return Array.from({ length: to - from + 1 },
    (_, i) => Number(((from + i) * step).toPrecision(12)));
}

/* Each upon the one before it, where both have a value. */
function stacked(series) {
  const below = new Map();
  return series.map((one) => ({ ...one, points: one.points.map(([at, value]) => {
    const base = below.get(at) ?? 0;
    below.set(at, base + value);
    return [at, base + value, base];
  }) }));
}

/* Runs of points without a gap: a missing step breaks the line. */
function runs(points, step) {
  const list = [];
  points.forEach((point, i) => {
    if (i === 0 || point[0] - points[i - 1][0] > 1.5 * step) {
      list.push([]);
    }
    list.at(-1).push(point);
  });
  return list;
}

const path = (points) => points.map(([x, y], i) =>
  `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function drawSeries(one, { x, y, step, custom }) {
  const opacity = (custom.fillOpacity ?? 0) / 100;
  return runs(one.points, step).map((run) => {
    const top = run.map(([at, value]) => [x(at), y(value)]);
    const floor = run.map(([at, , base]) => [x(at), y(base ?? 0)]).reverse();
    const area = opacity > 0 ? `<path d="${path([...top, ...floor])}Z" fill="${
      one.color}" fill-opacity="${opacity}"/>` : '';
    const dot = run.length === 1 ? `<circle cx="${top[0][0]}" cy="${top[0][1]}"
      r="2" fill="${one.color}"/>` : '';
    return `${area}<path d="${path(top)}" fill="none" stroke="${one.color}"
      stroke-width="${custom.lineWidth ?? 1}"/>${dot}`;
  }).join('');
}

function axes({ x, y, ticks, labels, left, range, width, height }) {
  const parts = ticks.map((tick, i) => `<line class="grid" x1="${left}" x2="${
    width - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${left - 8}" y="${
    y(tick) + 4}" text-anchor="end">${escape(labels[i])}</text>`);
  const every = TICKS_S.find((s) => (range.to - range.from) / s
    <= (width - left) / 90) ?? TICKS_S.at(-1);
  for (let at = Math.ceil(range.from / every) * every;
    x(at) < width - 20; at += every) {
    const time = new Date(at * 1000).toISOString().slice(11, 19);
    parts.push(`<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${TOP}" y2="${
      height - BOTTOM}"/><text x="${x(at)}" y="${height - 6}"
      text-anchor="middle">${time}</text>`);
  }
  return parts.join('');
}

function limits(defaults, { y, left, width, most }) {
  if (!/line|dashed/.test(defaults.custom?.thresholdsStyle?.mode ?? 'off')) {
    return '';
  }
  return defaults.thresholds.steps.filter(({ value }) => value !== null
    && value <= most).map(({ value, color }) => `<line x1="${left}" x2="${
    width - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="${color}"
    stroke-dasharray="8 4"/>`).join('');
}

const alerts = (spans, { x, height }) => spans.map(({ from, to }) => `<rect
  class="alert" x="${x(from).toFixed(1)}" width="${Math.max(1, x(to) - x(from))
  .toFixed(1)}" y="${TOP}" height="${height - TOP - BOTTOM}"/><rect
  class="alert-foot" x="${x(from).toFixed(1)}" width="${Math.max(1,
  x(to) - x(from)).toFixed(1)}" y="${height - BOTTOM}" height="3"/>`).join('');

/* series: with color. spans: alerts. Returns the SVG. */
export function plot({ panel, series, step, range, spans, width, height }) {
  const { defaults } = panel.fieldConfig;
  const custom = defaults.custom ?? {};
  const known = series.map((one) => ({ ...one,
    points: one.points.filter(([, value]) => Number.isFinite(value)) }));
  const drawn = custom.stacking?.mode === 'normal' ? stacked(known) : known;
  const values = drawn.flatMap(({ points }) => points.map(([, value]) => value));
  const unit = STEPS[defaults.unit]?.findLast((n) => n <= Math.max(...values))
    ?? 1;
  const ticks = ticksOf((defaults.min ?? Math.min(0, ...values)) / unit,
    Math.max(0, ...values) / unit || 1, height < 140 ? 3 : 4)
    .map((tick) => tick * unit);
  const labels = ticks.map((tick) => format(tick, defaults.unit));
  const left = 14 + 6.2 * Math.max(...labels.map(({ length }) => length));
  const x = (at) => left + (width - left - RIGHT) * (at - range.from)
    / (range.to - range.from);
  const y = (value) => height - BOTTOM - (height - TOP - BOTTOM)
    * (value - ticks[0]) / (ticks.at(-1) - ticks[0]);
  const view = { x, y, ticks, labels, left, range, width, height, step, custom,
    most: ticks.at(-1) };

  return `<svg width="${width}" height="${height}">${axes(view)}${
    alerts(spans, view)}${[...drawn].reverse().map((one) =>
    drawSeries(one, view)).join('')}${limits(defaults, view)}</svg>`;
}
