/* AWS keys as a fleet has them: from an instance, a container's agent, a web
   identity; expired, refreshed, late, and wrong in every way. */
import fs from 'node:fs';
import { startFleet } from '../../local/fleet.mjs';
import { is, ok, plan, run } from '../e2e/tap.mjs';
import { clip, FINISH_CHECKS, sleep, until, withRig } from './harness.mjs';

const WRONG = [
  /* fault, source, what the log says */
  ['500', 'ImdsToken', /IMDS answers 500/],
  ['slow', 'ImdsToken', /IMDS does not answer: .*hop limit/],
  ['cut', 'ImdsToken', /IMDS does not answer/],
  ['line-end', 'ImdsToken', /IMDS' token must be one line/],
  ['garbage', 'ImdsRole', /no name of a role/],
  ['refusal', 'ImdsKeys', /an error: AssumeRoleUnauthorizedAccess/],
  ['oversize', 'ImdsKeys', /does not answer|too long/],
  ['garbage', 'Container', /not JSON/],
  ['late', 'Container', /expired when they came/],
  ['tokenless', 'Container', /no session token/],
  ['500', 'WebIdentity', /STS answers 500/],
  ['garbage', 'WebIdentity', /none of AssumeRoleWithWebIdentity/],
  ['tokenless', 'WebIdentity', /no session token/],
];
const TAKEN_MS = 40_000;

plan(16 + 2 * WRONG.length + FINISH_CHECKS);

const tell = (fleet, path, data = {}) => fetch(`${fleet}/_test/${path}`,
  { method: 'POST', body: JSON.stringify(data) });
const requests = async (fleet) => (await (await fetch(
  `${fleet}/_test/requests`)).json()).requests;
const works = (worker) => until(() => worker.log('shard_reading').length > 0,
  TAKEN_MS);
const taken = (worker) => worker.log('credentials_taken').length;

/* The environment says where keys come from, and nothing else does. */
const bare = { aws_credentials_file: undefined };
const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', HOME: '',
  AWS_EC2_METADATA_DISABLED: 'true' };
const onInstance = (url) => ({ ...none, AWS_EC2_METADATA_DISABLED: 'false',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: url });
const inContainer = (url, tokenFile) => ({ ...none,
  AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile });
const byWebIdentity = (url, tokenFile) => ({ ...none,
  AWS_ENDPOINT_URL_STS: url, AWS_ROLE_ARN: 'arn:aws:iam::0:role/test',
  AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile });

let databases = 0;
async function lonely(rig, env) {
  const stream = `lonely-${++databases}`;
  await rig.createStream(stream);
  return rig.worker({ ...bare, redis_db: databases, kinesis_stream: stream },
    env);
}

function putToken(rig, name, text) {
  fs.writeFileSync(`${rig.dir}/${name}`, text, { mode: 0o600 });
  return `${rig.dir}/${name}`;
}

async function instance(rig) {
  const { fleet } = rig.aws;
  const worker = await lonely(rig, onInstance(fleet));
  ok(await works(worker), 'instance: the worker reads');
  is((await requests(fleet)).map(({ operation }) => operation)
    .filter((operation) => operation.startsWith('Imds')), ['ImdsToken', 'ImdsRole', 'ImdsKeys'],
  'instance: asked the way of version 2');
}

/* A whole talk by the keys of a web identity, then the end of these keys. */
async function webIdentity(rig) {
  const { fleet } = rig.aws;
  await tell(fleet, 'life', { seconds: 400 });
  const worker = await rig.worker(bare, byWebIdentity(fleet,
    putToken(rig, 'web', 'canary.web.identity')));
  ok(await works(worker), 'web identity: the worker reads');

  const talk = await rig.talk(['es']);
  const { pcm } = await clip('0930');
  await talk.speak(pcm, { isLast: true });
  await talk.end();
  ok(await talk.whenDrained(), 'web identity: the talk comes to its end');
  const [segment] = talk.heard('es');
  const query = new URL(segment?.url ?? 'http://none').searchParams;
  ok(query.get('X-Amz-Security-Token'),
    'web identity: the address of a clip has the session token');
  const seconds = Number(query.get('X-Amz-Expires'));
  ok(seconds > 300 && seconds <= 400,
    'web identity: and lasts as long as the keys, not longer', seconds);
  is((await fetch(segment?.url ?? 'http://none')).status, 200,
    'web identity: and opens the clip');
  is(await worker.counter('aws_failures'), 0, 'web identity: nothing has failed');

  const before = taken(worker);
  await tell(fleet, 'expire');
  ok(await until(() => taken(worker) > before, TAKEN_MS),
    'web identity: expired keys are replaced at once');
  await sleep(1000);
  is(await worker.counter('aws_failures'), 0,
    'web identity: and no call was lost by that');
}

/* The token file has a line end first: then it is mended. */
async function container(rig) {
  const file = putToken(rig, 'agent', 'canary-agent\n');
  const worker = await lonely(rig, inContainer(rig.aws.container, file));
  ok(await until(() => worker.log('credentials_failed').some(({ error }) =>
    /AUTHORIZATION_TOKEN_FILE must be one line/.test(error))),
  'container: a token with a line end is no header');
  putToken(rig, 'agent', 'canary-agent');
  ok(await works(worker), 'container: the mended token is read');
  ok((await requests(rig.aws.fleet)).some(({ path, headers }) =>
    rig.aws.container.endsWith(path)
    && headers.authorization === 'canary-agent'),
  'container: and sent');
}

/* Keys of a few seconds: new ones come before they end, unnoticed. */
async function shortLived(rig) {
  const fleet = await startFleet();
  await tell(fleet.url, 'life', { seconds: 8 });
  const worker = await lonely(rig, inContainer(fleet.container,
    putToken(rig, 'short', 'canary-agent')));
  ok(await until(() => taken(worker) >= 3, TAKEN_MS),
    'short-lived: refreshed again and again');
  is(worker.log('credentials_failed').length, 0, 'short-lived: without fail');
  fleet.close();
}

async function wrong(rig, [kind, operation, sentence]) {
  const fleet = await startFleet();
  await tell(fleet.url, 'fault', { kind, operation });
  const file = putToken(rig, `${kind}-${operation}`, 'canary-wrong');
  const env = operation === 'Container' ? inContainer(fleet.container, file)
    : operation === 'WebIdentity' ? byWebIdentity(fleet.url, file)
      : onInstance(fleet.url);
  const worker = await lonely(rig, env);
  const line = await until(() => worker.log('credentials_failed')[0],
    TAKEN_MS);
  ok(sentence.test(line?.error), `${operation}, ${kind}: said in the log`,
    line);
  ok(await until(() => taken(worker) > 0, TAKEN_MS),
    `${operation}, ${kind}: and tried again`);
  await worker.stop();
  fleet.close();
}

await run(() => withRig({ worker: false }, async (rig) => {
  await Promise.all([instance(rig), container(rig), webIdentity(rig)]);
  await Promise.all([shortLived(rig), ...WRONG.map((row) => wrong(rig, row))]);
  const logs = rig.workers.map(({ text }) => text).join('');
  is(['canary-agent', 'canary.web', 'canary-wrong', 'temporary/', 'tmp+/']
    .filter((secret) => logs.includes(secret)), [],
  'no key and no token is in a log');
}));
