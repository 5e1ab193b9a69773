/* A Prometheus of its own for a stack: the shipped configuration and rules,
   with the stack's addresses and a shorter interval; and its HTTP interface. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, ROOT } from '../../local/stack.mjs';
import { until } from '../lib/until.mjs';

export const SCRAPE_S = 1;

function configure(dir, targets) {
  const changes = [['15s', `${SCRAPE_S}s`],
    ['lt-alerts.yml', path.join(ROOT, 'config/prometheus/lt-alerts.yml')],
    ['127.0.0.1:8081', targets.nginx], ['127.0.0.1:9100', targets.worker]];
  let text = fs.readFileSync(
    path.join(ROOT, 'config/prometheus/prometheus.yml'), 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) {
      throw new Error(`config/prometheus/prometheus.yml has no "${from}"`);
    }
    text = text.replaceAll(from, to);
  }
  fs.writeFileSync(path.join(dir, 'prometheus.yml'), text);
}

/* targets: { nginx, worker }, host and port of their /metrics. */
export async function startPrometheus(dir, targets) {
  fs.mkdirSync(dir, { recursive: true });
  configure(dir, targets);
  const address = `127.0.0.1:${await freePort()}`;
  const log = fs.openSync(path.join(dir, 'prometheus.log'), 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'prometheus',
    `--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/tsdb`,
    `--web.listen-address=${address}`, '--log.level=warn'],
  { stdio: ['ignore', log, log] });
  fs.closeSync(log);
  const over = once(child, 'exit');
  const one = new Prometheus(`http://${address}/api/v1`);
  one.stop = async () => {
    child.kill('SIGTERM');
    await over;
  };
  if (!await until(() => one.ask('query', { query: 'min(up) == 1' }).then(
    ({ result }) => result.length > 0, () => false))) {
    await one.stop();
    throw new Error(`Prometheus scrapes nothing: ${dir}/prometheus.log`);
  }
  return one;
}

export class Prometheus {
  constructor(base) {
    this.base = base;
  }

  async ask(what, parameters) {
    const answer = await fetch(`${this.base}/${what}?${
      new URLSearchParams(parameters)}`);
    const { status, data, error } = await answer.json();
    if (status !== 'success') {
      throw new Error(`${parameters.query ?? what}: ${error}`);
    }
    return data;
  }

  labelValues(label, metric) {
    return this.ask(`label/${label}/values`, { 'match[]': metric });
  }

  /* [{ labels, points: [[s, number]] }] */
  async range(query, { from, to, step }) {
    const { result } = await this.ask('query_range',
      { query, start: from, end: to, step });
    return result.map(({ metric, values }) => ({ labels: metric,
      points: values.map(([at, value]) => [at, Number(value)]) }));
  }

  async instant(query, at) {
    const { result } = await this.ask('query', { query, time: at });
    return result.map(({ metric, value }) => ({ labels: metric,
      points: [[value[0], Number(value[1])]] }));
  }
}
