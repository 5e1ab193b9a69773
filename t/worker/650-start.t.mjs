/* What is missing or wrong at start: one clear line says what, and the worker
   goes to work when it is there. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { freePort } from '../../local/stack.mjs';
import { is, ok, plan, run } from '../e2e/tap.mjs';
import { clip, FINISH_CHECKS, sleep, until, withRig } from './harness.mjs';

plan(18 + 2 * FINISH_CHECKS);

/* Complaints of a worker: how often each event came. */
function complaints(worker) {
  const lines = worker.text.split('\n').filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter(({ level }) => level === 'error' || level === 'warn');
  return lines.map(({ event, code }) => code ? `${event} ${code}` : event);
}

/* A worker on a Redis database of its own. */
let databases = 0;
const lonely = (rig, changes) => rig.worker({ redis_db: ++databases,
  ...changes });

const works = (worker) => until(() => worker.log('shard_reading').length > 0,
  40_000);

/* A port that nobody listens at, until it leads to another. */
async function laterPort() {
  const port = await freePort();

  return { port, async lead(target) {
    const server = net.createServer((socket) => {
      const other = net.connect(target);
      socket.on('error', () => other.destroy());
      other.on('error', () => socket.destroy());
      socket.pipe(other).pipe(socket);
    });
    server.listen(port, '127.0.0.1').unref();
    await once(server, 'listening');
  } };
}

async function noKinesis(rig) {
  const later = await laterPort();
  const worker = await lonely(rig,
    { kinesis_endpoint: `http://127.0.0.1:${later.port}` });

  const [line] = await until(() => worker.log('aws_call_failed')
    .filter(({ service }) => service === 'kinesis').slice(0, 1)) ?? [];
  ok(line && /connect|refused/i.test(line.message),
    'no Kinesis: the log says that it cannot be reached', line);
  await sleep(3000);
  is(complaints(worker).length, 1, 'no Kinesis: once');
  await later.lead(Number(new URL(rig.aws.kinesis).port));
  ok(await works(worker), 'no Kinesis: the worker reads when it is there',
    worker.text.slice(-2000));
}

async function wrongKeys(rig) {
  const file = `${rig.dir}/wrong-keys`;
  const right = fs.readFileSync(rig.aws.credentials, 'utf8');
  fs.writeFileSync(file, right.replace(/(secret_access_key = ).*/, '$1wrong'));
  const worker = await lonely(rig, { aws_credentials_file: file });
  const line = await until(() => worker.log('aws_call_failed')[0]);

  is(line?.code, 'InvalidSignatureException',
    'wrong keys: the log has the name that AWS gives it');
  ok(/key/i.test(line?.hint), 'wrong keys: and says what to check', line);
  await sleep(3000);
  is(complaints(worker).length, 1, 'wrong keys: once');
  fs.writeFileSync(file, right);
  ok(await works(worker), 'wrong keys: the right ones are taken over');
}

async function noStream(rig) {
  const worker = await lonely(rig, { kinesis_stream: 'later' });
  const line = await until(() => worker.log('aws_call_failed')[0]);

  is(line?.code, 'ResourceNotFoundException',
    'no stream: the log has the name that AWS gives it');
  ok(/stream/i.test(line?.hint), 'no stream: and says what to check', line);
  await rig.createStream('later');
  ok(await works(worker), 'no stream: the worker reads it when it was made');
  is(complaints(worker).length, 1, 'no stream: one line was enough');
}

async function noRedis(rig) {
  const later = await laterPort();
  const worker = await lonely(rig, { redis: `127.0.0.1:${later.port}` });
  const line = await until(() => worker.log('redis_unreachable')[0]);

  ok(line?.address.endsWith(`:${later.port}`) && /redis/.test(line.hint),
    'no Redis: the log says where it should be', line);
  await sleep(3000);
  is(complaints(worker).length, 1, 'no Redis: once');
  await later.lead(rig.redis.socket);
  ok(await works(worker), 'no Redis: the worker reads when it is there');
}

/* A certificate that nobody here has signed. */
async function untrusted(rig) {
  const ca = `${rig.dir}/other-ca.pem`;
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null', '-out', ca,
    '-subj', '/CN=other', '-days', '1'], { stdio: 'ignore' });
  const worker = await rig.worker({ tls_ca_file: ca });
  const talk = await rig.talk(['es']);
  const { pcm } = await clip('0930');
  await talk.speak(pcm, { isLast: true });
  const line = await until(() => worker.log('stream_failed')[0]);

  ok(/certificate/.test(line?.message), 'untrusted: the log says why', line);
  ok(/tls_ca_file/.test(line?.hint), 'untrusted: and what to check', line);
  await sleep(2000);
  is(worker.log('stream_failed').length, 1,
    'untrusted: it is not tried all the time');
  ok(await talk.whenDrained(), 'untrusted: the talk comes to its end');
}

await run(() => Promise.all([
  withRig({ worker: false }, (rig) => Promise.all([noKinesis(rig),
    wrongKeys(rig), noStream(rig), noRedis(rig)])),
  withRig({ worker: false }, untrusted),
]));
