/* Each alert of config/prometheus/ by a real fault: a real stack is scraped
   while its parts are broken one after the other, and promtool runs the rules
   over what was scraped.  A scrape is half a minute of Prometheus' time. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { connect, createSession, speak } from '../../local/client.mjs';
import { ROOT } from '../../local/stack.mjs';
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { hasPromtool, parse, promtool } from '../lib/prometheus.mjs';
import { clearFaults, clip, FINISH_CHECKS, setFault, sleep, until, withRig }
  from './harness.mjs';
import { startNginx } from './nginx.mjs';

const RULES = `${ROOT}/config/prometheus/lt-alerts.yml`;
const SCRAPE_MS = 400;
const STEP_S = 30;        /* in Prometheus' time */
const ALERTS = [...fs.readFileSync(RULES, 'utf8').matchAll(/alert: (\w+)/g)]
  .map(([, name]) => name);

const HEARD = (le) => `lt_worker_heard_seconds_bucket{language="es",le="${le}",`
  + 'job="lt-worker",instance="worker"}';

plan(5 + FINISH_CHECKS);

/* ---- what Prometheus would have scraped */

class Scrapes {
  targets = [];             // { job, instance, url }
  series = new Map();       // series with job and instance -> values by time
  n = 0;

  add(job, instance, url) {
    this.targets.push({ job, instance, url });
  }

  #put(name, { job, instance }, value) {
    const labels = `job="${job}",instance="${instance}"`;
    const full = name.endsWith('}') ? `${name.slice(0, -1)},${labels}}`
      : `${name}{${labels}}`;
    if (!this.series.has(full)) {
      this.series.set(full, []);
    }
    this.series.get(full)[this.n] = value;
  }

  async #scrape(target) {
    const text = await fetch(target.url, { signal: AbortSignal.timeout(2000) })
      .then((res) => res.text(), () => null);
    this.#put('up', target, text === null ? 0 : 1);
    for (const [name, value] of Object.entries(parse(text ?? ''))) {
      const moment = /_timestamp_seconds/.test(name) && value > 0;
      this.#put(name, target, moment
        ? value - Math.floor(Date.now() / 1000) + this.n * STEP_S : value);
    }
  }

  start() {
    this.running = (async () => {
      while (!this.isOver) {
        const next = sleep(SCRAPE_MS);
        await Promise.all(this.targets.map((target) => this.#scrape(target)));
        this.n++;
        await next;
      }
    })();
  }

  async stop() {
    this.isOver = true;
    await this.running;
  }

  /* By how much a series rose in the last n scrapes. */
  rise(n, series) {
    const list = this.series.get(series) ?? [];
    return (list[this.n - 1] ?? 0) - (list[this.n - n] ?? 0);
  }

  /* A file for promtool: no alert by the time healthy, all of them after. */
  test(healthy) {
    const values = (list) => Array.from({ length: this.n }, (_, i) => list[i]
      ?? (i > 0 && list[i - 1] !== undefined ? 'stale' : '_')).join(' ');
    const fired = 'count by (alertname) (count_over_time('
      + 'ALERTS{alertstate="firing"}[1000m])) > bool 0';
    return { rule_files: [RULES], evaluation_interval: `${STEP_S}s`, tests: [{
      interval: `${STEP_S}s`,
      input_series: [...this.series].map(([series, list]) => ({ series,
        values: values(list) })),
      promql_expr_test: [
        { expr: fired, eval_time: `${healthy * STEP_S}s`, exp_samples: [] },
        { expr: fired, eval_time: `${(this.n - 1) * STEP_S}s`, exp_samples: [...ALERTS]
          .sort().map((name) => ({ labels: `{alertname="${name}"}`,
            value: 1 })) }] }] };
  }
}

/* ---- the stack */

const certificate = (dir) => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-days', '3', '-subj', '/CN=test',
    '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`],
  { stdio: 'ignore' });
  return `ssl_certificate ${dir}/cert.pem;\nssl_certificate_key ${dir}/key.pem;\n`;
};

const inContainer = (url) => ({ AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '', HOME: '', AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: url });

/* A speaker's page that sends for as long as it is told to. */
async function speaker(nginx, pcm, language) {
  const session = await createSession(nginx);
  const query = `?sessionId=${session.sessionId}`;
  const listener = await connect(
    `${nginx.urls.ws}${query}&targetLanguage=${language}`);
  const socket = await connect(
    `${nginx.urls.ws}${query}&token=${session.speakerToken}`);
  let isOn = true;
  const over = (async () => {
    while (isOn) {
      await speak({ send: (text) => isOn && socket.send(text) },
        session.sessionId, pcm);
    }
  })();
  return { listener, socket, over, hush() { isOn = false; } };
}

const fault = (rig, service, operation, kind, ms) => setFault(rig.aws,
  { service, operation, kind, ms, times: -1 });

/* Waits for a figure of a page; what breaks stays broken until it shows. */
const shows = (url, series, check) => until(async () => {
  const page = parse(await (await fetch(url)).text());
  return check(page[series] ?? 0);
}, 25_000);

/* ---- the faults, and how long each has to last */

async function story(rig, scrapes) {
  const bare = `${rig.dir}/tls`;
  fs.mkdirSync(bare);
  const nginx = await startNginx(rig, { more: {
    http: [['lt_kinesis_linger       100ms;',
      'lt_kinesis_linger 100ms;\nlt_audio_buffer 1s;']], locations: [] } });
  const shared = { results_urls: nginx.results, transcribe_streams_max: 1,
    kinesis_stream: rig.aws.stream };
  const worker = await rig.worker(shared);
  const page = `http://127.0.0.1:${worker.statusPort}/metrics`;
  scrapes.add('lt-nginx', 'nginx', `${nginx.inner}/metrics`);
  scrapes.add('lt-worker', 'worker', page);
  const { pcm } = await clip('0870');
  const one = await speaker(nginx, pcm, 'es');
  scrapes.start();
  ok(await shows(page, 'lt_worker_heard_seconds_count{language="es"}',
    (n) => n > 1), 'a healthy talk is heard');
  const healthy = scrapes.n - 1;

  // keys that end soon, and none: two more workers
  await fetch(`${rig.aws.fleet}/_test/life`, { method: 'POST',
    body: '{"seconds":250}' });
  const ending = await rig.worker({ ...shared,
    aws_credentials_file: undefined }, inContainer(rig.aws.container));
  scrapes.add('lt-worker', 'ending',
    `http://127.0.0.1:${ending.statusPort}/metrics`);
  const keyless = await rig.worker({ ...shared,
    aws_credentials_file: undefined, redis_db: 1 },
  inContainer('http://127.0.0.1:9/none'));
  scrapes.add('lt-worker', 'keyless',
    `http://127.0.0.1:${keyless.statusPort}/metrics`);

  // reading is refused for longer than a listener should wait
  await fault(rig, 'kinesis', 'GetRecords', 'throttle');
  await sleep(8500);
  await clearFaults(rig.aws);
  const two = await speaker(nginx, pcm, 'fr');  // no second stream for it
  await shows(page, 'lt_worker_streams_waited_total', (n) => n > 0);
  await shows(page, 'lt_worker_heard_seconds_count{language="es"}',
    (n) => n > 5);

  // each stage takes nearly as long as it may, then there are no voices
  await fault(rig, 'translate', undefined, 'slow', 2200);
  await fault(rig, 'polly', undefined, 'slow', 4500);
  await until(() => scrapes.rise(10, HEARD('+Inf'))
    > scrapes.rise(10, HEARD('7')) + 1, 25_000);
  await sleep(4 * SCRAPE_MS);
  await clearFaults(rig.aws);
  await fault(rig, 'polly', undefined, '500');
  await until(() => scrapes.rise(20,
    'lt_worker_language_segments_captioned_total{language="es",'
    + 'job="lt-worker",instance="worker"}') > 3, 25_000);
  await clearFaults(rig.aws);

  await fault(rig, 'kinesis', 'PutRecords', '500');
  await shows(`${nginx.inner}/metrics`,
    'lt_nginx_audio_dropped_bytes_total{reason="full"}', (n) => n > 64_000);
  await clearFaults(rig.aws);
  await shows(page, 'lt_worker_pcm_bytes_total{fate="gap"}', (n) => n > 0);

  // quiet microphones, and Redis stands still
  one.hush();
  two.hush();
  await sleep(1200);
  rig.redis.freeze('SIGSTOP');
  await sleep(3500);
  rig.redis.freeze('SIGCONT');
  await sleep(500);

  const three = await speaker(nginx, pcm, 'es');
  await Promise.all([worker, ending, keyless].map((one) => one.kill()));
  await sleep(10 * SCRAPE_MS);
  three.hush();

  // a certificate for three days, then nginx is gone
  fs.appendFileSync(`${nginx.dir}/lt-locations.conf`, certificate(bare));
  process.kill(Number(fs.readFileSync(`${nginx.dir}/nginx.pid`, 'utf8')),
    'SIGHUP');
  await shows(`${nginx.inner}/metrics`,
    'lt_nginx_certificate_expire_timestamp_seconds', (n) => n > 0);
  await sleep(4 * SCRAPE_MS);
  await Promise.all([one, two, three].map(({ over }) => over));
  await nginx.stop('SIGTERM');
  await sleep(7 * SCRAPE_MS);
  await scrapes.stop();
  return healthy;
}

run(() => withRig({ worker: false }, async (rig) => {
  const scrapes = new Scrapes();
  const healthy = await story(rig, scrapes);
  const file = `${rig.dir}/alerts.test.yml`;

  fs.writeFileSync(file, JSON.stringify(scrapes.test(healthy), null, 1));
  note(`${scrapes.n} scrapes, ${scrapes.series.size} series; healthy until ${
    healthy}`);
  is(ALERTS.length > 10, true, 'the rules were found');
  const skipped = hasPromtool ? '' : ' (skipped: no promtool)';
  is(hasPromtool ? promtool(['check', 'rules', RULES]) : '', '',
    `the rules are rules${skipped}`);
  is(hasPromtool ? promtool(['test', 'rules', file]) : '', '',
    `no alert while all is well, and ${ALERTS.length} by their faults${
      skipped}`);
  const broken = scrapes.test(healthy);
  broken.tests[0].promql_expr_test[1].exp_samples.pop();
  fs.writeFileSync(file, JSON.stringify(broken));
  ok(!hasPromtool || /FAILED/.test(promtool(['test', 'rules', file])),
    `an alert more than expected is noticed${skipped}`);
}));
