/* What Grafana makes of a dashboard before it draws: values of its variables,
   one query for each target, names of the series. */
import { SCRAPE_S } from './prometheus.mjs';

/* What the data source is told of the scrapes: rates are over four of these,
   20 s, so that batches of 3 s make no waves. */
const INTERVAL_S = 5;
const STEPS_S = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600];

/* $name and ${name}; a name that nobody set is an error, for Grafana would send
   it as it stands. */
export function expand(text, values) {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, bare) => {
    const value = values[braced ?? bare];
    if (value === undefined) {
      throw new Error(`$${braced ?? bare} has no value in: ${text}`);
    }
    return value;
  });
}

/* The intervals of a panel that is so many points wide. */
export function intervals({ from, to }, points) {
  const wanted = Math.max((to - from) / points, SCRAPE_S);
  const step = STEPS_S.find((s) => s >= wanted) ?? STEPS_S.at(-1);
  return { step, values: { __interval: `${step}s`,
    __rate_interval: `${Math.max(step + INTERVAL_S, 4 * INTERVAL_S)}s`,
    __range: `${Math.round(to - from)}s` } };
}

/* All of each, as the dashboard opens; a list without an entry is an error. */
export async function variables(dashboard, prometheus) {
  const values = {};
  for (const one of dashboard.templating.list) {
    if (one.type === 'query') {
      const [, metric, label] = /^label_values\((.*), (\w+)\)$/
        .exec(one.query.query);
      const list = await prometheus.labelValues(label, metric);
      if (list.length === 0) {
        throw new Error(`variable ${one.name}: ${one.definition} is empty`);
      }
      values[one.name] = one.allValue;
    } else {
      values[one.name] = one.query;
    }
  }
  return values;
}

const named = (format, labels) => format
  ? format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '')
  : JSON.stringify(labels);

/* The panel with its data: [{ refId, name, points }] */
export async function fill(panel, { prometheus, values, range, points }) {
  const { step, values: built } = intervals(range, points);
  const series = [];
  for (const { refId, expr, legendFormat, instant } of panel.targets) {
    const query = expand(expr, { ...values, ...built });
    const answer = instant ? await prometheus.instant(query, range.to)
      : await prometheus.range(query, { ...range, step });
    series.push(...answer.map(({ labels, points: list }) => ({ refId,
      name: named(legendFormat, labels), points: list })));
  }
  return { panel, series, step };
}

/* When which alert fired: [{ name, from, to }] */
export async function annotations(dashboard, { prometheus, values, range }) {
  const spans = [];
  for (const one of dashboard.annotations.list.filter(({ expr }) => expr)) {
    const step = SCRAPE_S;
    for (const { labels, points } of await prometheus.range(
      expand(one.expr, values), { ...range, step })) {
      points.forEach(([at], i) => {
        if (i > 0 && at - points[i - 1][0] <= step) {
          spans.at(-1).to = at;
        } else {
          spans.push({ name: named(one.titleFormat, labels), from: at,
            to: at });
        }
      });
    }
  }
  return spans;
}
