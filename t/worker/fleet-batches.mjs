/* A batch's settings: what cannot be worked on is set aside with all that is
   in it, and holds nothing up. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { is, ok } from '../e2e/tap.mjs';
import { checkCount, count } from './counting.mjs';
import { FINISH_CHECKS, until, withRig } from './harness.mjs';

const { PutRecordCommand } = createRequire(
  new URL('../../local/package.json', import.meta.url))(
  '@aws-sdk/client-kinesis');

const WORDS = 20;
const PATIENCE_MS = 30_000;
const POISON = Buffer.from('not audio of any talk');

export const checks = 15 + FINISH_CHECKS;

const linesOf = (text) => text.split('\n').filter(Boolean).map(
  (line) => JSON.parse(line));

function readFile(rig, name = 'failed.jsonl') {
  const file = `${rig.dir}/${name}`;
  return fs.existsSync(file) ? linesOf(fs.readFileSync(file, 'utf8')) : [];
}

const putPoison = (rig) => rig.kinesis.send(new PutRecordCommand({
  StreamName: rig.aws.stream, PartitionKey: 'no/session', Data: POISON }));

async function checkFile(rig, first) {
  const other = await rig.talk(['en']);
  const pcm = count(3);

  await putPoison(rig);
  await other.speak(pcm);
  const seconds = () => readFile(rig).filter((one) =>
    one.partitionKey === other.id);
  const bytes = () => Buffer.concat(seconds().map(({ data }) =>
    Buffer.from(data, 'base64').subarray(32)));

  ok(await until(() => bytes().length === pcm.length, PATIENCE_MS),
    'refused: all of a talk that is one too many is set aside',
    bytes().length);
  ok(bytes().equals(pcm), 'refused: with its audio');
  is([...new Set(seconds().map(({ reason }) => reason))], ['refused'],
    'refused: and the reason');
  const worker = rig.workers[0];
  ok(await worker.counter('records_refused') > seconds().length,
    'refused: it was offered more than once');
  const poison = readFile(rig).filter(({ reason }) => reason === 'poison');
  is(poison.map(({ data, partitionKey }) => [partitionKey,
    Buffer.from(data, 'base64').toString()]),
  [['no/session', POISON.toString()]], 'poison is set aside as it came');
  is(fs.statSync(`${rig.dir}/failed.jsonl`).mode & 0o777, 0o600,
    'nobody else can read it');
  ok(await first.whenDrained(PATIENCE_MS), 'the talk comes to its end');
  ok(await until(() => worker.log('batch_done').some((line) =>
    line.records > 1 && line.sessions > 0 && line.transcribe_ms > 0
    && line.done_ms >= line.transcribe_ms), PATIENCE_MS),
  'batches are logged: records, sessions, transcription time');
  checkCount('beside them a talk', first, 'en', WORDS);
}

/* Another worker, after the first: the same into S3, and what is too old. */
async function checkS3(rig) {
  const read = () => linesOf(fs.readdirSync(rig.aws.dir, { recursive: true })
    .filter((name) => /failed\/audio\/.*_object$/.test(name))
    .map((name) => fs.readFileSync(`${rig.aws.dir}/${name}`, 'utf8'))
    .join(''));

  await rig.workers[0].stop();
  await putPoison(rig);
  const worker = await rig.worker({ maximum_record_age: '1s',
    on_failure: `s3://${rig.aws.bucket}/failed/audio` });
  await until(() => worker.log('shard_reading')[0]);
  await putPoison(rig);
  ok(await until(() => read().length > 0, PATIENCE_MS),
    'S3: an object with what was set aside');
  ok(read().every(({ reason, data }) => data
    === POISON.toString('base64') && ['poison', 'too_old'].includes(reason)),
  'S3: each record as it came');
}

/* Without bisection a batch fails as a whole, with the talk that was taken. */
async function checkWhole(rig) {
  await rig.workers[1].stop();
  const worker = await rig.worker({ sessions_max: 1, batch_window: '3s',
    maximum_retry_attempts: 1, bisect_on_error: 'off',
    on_failure: `${rig.dir}/whole.jsonl` });
  await until(() => worker.log('shard_reading')[0]);
  const talks = await Promise.all([rig.talk(['en']), rig.talk(['en'])]);
  const failed = () => readFile(rig, 'whole.jsonl');

  await Promise.all(talks.map((talk) => talk.speak(count(2))));
  ok(await until(() => talks.every(({ id }) => failed().some((one) =>
    one.partitionKey === id)), PATIENCE_MS),
  'bisect_on_error off: all of the batch is set aside');
  ok(failed().every(({ data }) => data.length > 0),
    'bisect_on_error off: with the audio that a talk had taken');
  const numbers = failed().map(({ sequenceNumber }) => sequenceNumber);
  is(numbers.length, new Set(numbers).size,
    'bisect_on_error off: each record once');
}

export async function main() {
  await withRig({ worker: false }, async (rig) => {
    await rig.worker({ sessions_max: 1, maximum_retry_attempts: 1,
      on_failure: `${rig.dir}/failed.jsonl`, parallelization_factor: 4 });
    const first = await rig.talk(['en']);
    const spoken = first.speak(count(WORDS), { isLast: true });

    await until(() => rig.workers[0].log('session_opened')[0]);
    await Promise.all([spoken, checkFile(rig, first)]);
    await checkS3(rig);
    await checkWhole(rig);
  });
}
