/* The status page: figures as JSON and for Prometheus, liveness, readiness. */
import net from 'node:net';
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { hasPromtool, labelsOf, parse, promtool } from '../lib/prometheus.mjs';
import { clearFaults, clip, FINISH_CHECKS, setFault, until, withRig }
  from './harness.mjs';

const NOT_READY_MS = 4_000;    /* 2 s, on a busy machine */

plan(28 + FINISH_CHECKS);

async function ask(worker, path, method = 'GET') {
  const res = await fetch(`http://127.0.0.1:${worker.statusPort}${path}`,
    { method });
  return { status: res.status, type: res.headers.get('content-type'),
    text: await res.text() };
}

/* Bytes instead of a request; the first line of the answer. */
function sendRaw(worker, bytes) {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(worker.statusPort, '127.0.0.1');
    socket.on('data', (data) => { text += data; });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text.split('\r\n')[0]));
    socket.end(bytes);
  });
}

/* Until /ready answers so; what it said last, and after how many ms. */
async function whenReady(worker, status) {
  const began = Date.now();
  const last = await until(async () => {
    const answer = await ask(worker, '/ready');
    return answer.status === status && answer;
  }, 25_000);
  return { ...JSON.parse(last?.text ?? '{}'), after: Date.now() - began };
}

async function pages(worker) {
  is((await ask(worker, '/live')).text, '{"status":"live"}', '/live');
  is((await ask(worker, '/nothing')).status, 404, 'no such page');
  is((await ask(worker, '/metrics', 'POST')).status, 405, 'only GET');
  const head = await ask(worker, '/metrics', 'HEAD');
  is([head.status, head.text], [200, ''], 'HEAD has no body');
  is((await ask(worker, '/metrics?x=1')).type,
    'text/plain; version=0.0.4; charset=utf-8', 'the type of the text format');
  const answers = [];
  for (const bytes of ['X\r\n\r\n', '\r\n\r\n', 'GET\0 / HTTP/1.1\r\n\r\n',
    `GET /${'a'.repeat(5000)}\r\n\r\n`, 'GET /live HTTP/1.1\r\n\r\n']) {
    answers.push(await sendRaw(worker, bytes));
  }
  is(answers, ['HTTP/1.1 405 Method Not Allowed',
    'HTTP/1.1 405 Method Not Allowed', '', '', 'HTTP/1.1 200 OK'],
  'what is no request is refused');
  const idle = Array.from({ length: 40 }, () =>
    net.connect(worker.statusPort, '127.0.0.1').on('error', () => {}));
  await Promise.all(idle.map((socket) =>
    new Promise((resolve) => socket.on('connect', resolve))));
  is((await ask(worker, '/live')).status, 200,
    'who says nothing keeps nobody out');
  idle.forEach((socket) => socket.destroy());
}

async function figures(rig, worker) {
  const talk = await rig.talk(['es', 'fr']);
  const { pcm } = await clip('0870');
  await talk.speak(pcm, { isLast: true });
  await talk.end();
  ok(await talk.whenDrained(), 'a talk was heard in two languages');

  const text = (await ask(worker, '/metrics')).text;
  const series = parse(text);
  const json = await worker.figures();
  is(series.lt_worker_segments_published_total,
    json.counters.segments_published, 'a counter is the same in both forms');
  is(['es', 'fr'].map((language) => [
    series[`lt_worker_language_segments_published_total{language="${language}"}`],
    series[`lt_worker_heard_seconds_count{language="${language}"}`]]),
  ['es', 'fr'].map(() => Array(2).fill(talk.heard('es').filter(
    ({ type }) => type === 'translatedAudio').length)),
  'each language has its segments and how late they were');
  ok(series['lt_worker_heard_seconds_sum{language="es"}'] > 0.1,
    'they came later than they were said', series);
  ok(series['lt_worker_pcm_bytes_total{fate="fed"}'] >= pcm.length,
    'audio that was fed is counted in bytes');
  ok(series['lt_worker_aws_calls_total{service="kinesis",operation="GetRecords"}']
    > 0, 'AWS calls are counted by service and operation');
  is(labelsOf(text).filter((label) => !['fate', 'language', 'le', 'operation',
    'reason', 'service', 'state', 'action'].includes(label)), [],
  'no id is a label');
  ok(!text.includes(talk.id), 'nor is the talk named');
  is(hasPromtool ? promtool(['check', 'metrics'], text) : '', '',
    `promtool finds nothing${hasPromtool ? '' : ' (skipped: not here)'}`);
}

async function readiness(rig, worker) {
  const ready = await whenReady(worker, 200);
  is([ready.redis, ready.kinesis, ready.credentials, ready.status],
    ['ok', 'ok', 'ok', 'ready'], 'ready');

  rig.redis.freeze('SIGSTOP');
  const noRedis = await whenReady(worker, 503);
  rig.redis.freeze('SIGCONT');
  ok(/no answer for \d+ ms/.test(noRedis.redis) && noRedis.kinesis === 'ok',
    'Redis stands still: not ready, and why', noRedis);
  ok(noRedis.after < NOT_READY_MS, 'soon', noRedis);
  is((await ask(worker, '/live')).status, 200, 'but alive');
  is((await whenReady(worker, 200)).status, 'ready', 'ready again');

  await setFault(rig.aws, { service: 'kinesis', kind: 'slow', times: -1,
    ms: 60_000 });
  const slow = await whenReady(worker, 503);
  ok(/no answer/.test(slow.kinesis) && slow.redis === 'ok',
    'Kinesis stands still: not ready, and why', slow);
  ok(slow.after < NOT_READY_MS, 'as soon', slow);
  await clearFaults(rig.aws);
  is((await whenReady(worker, 200)).status, 'ready', 'ready again');

  await setFault(rig.aws, { service: 'kinesis', kind: '500', times: -1 });
  const broken = await whenReady(worker, 503);
  ok(/no answer/.test(broken.kinesis), 'Kinesis fails: not ready', broken);
  is((await ask(worker, '/live')).status, 200, 'but alive');
  await clearFaults(rig.aws);
  is((await whenReady(worker, 200)).status, 'ready', 'ready again');
  note(`not ready after: Redis stopped ${noRedis.after} ms, Kinesis stopped ${
    slow.after} ms, Kinesis 5xx ${broken.after} ms`);
}

run(() => withRig({}, async (rig) => {
  const [worker] = rig.workers;

  await pages(worker);
  await figures(rig, worker);
  await readiness(rig, worker);

  const idle = await rig.worker({ kinesis_stream: 'nobody-reads-it',
    redis_db: 1 });
  is((await whenReady(idle, 200)).status, 'ready',
    'a worker with nothing to read asks Kinesis, and a refusal is an answer');
}));
