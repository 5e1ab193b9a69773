/* Who has a recogniser keeps it: while another is opened beside it, when it
   breaks.  Who waits for one loses nothing, whoever dies meanwhile; nor does
   who begins at LATEST while Kinesis does not answer. */
import { is, ok } from '../e2e/tap.mjs';
import { checkCount, count } from './counting.mjs';
import { clearFaults, FINISH_CHECKS, setFault, sleep, until, withRig }
  from './harness.mjs';

const PATIENCE_MS = 60_000;

export const checks = 15 + 4 * FINISH_CHECKS;

const isToldToWait = (rig, talk) => rig.results.speaker(talk.id).some(
  ({ reason }) => reason === 'waiting');

/* The only place is its own: the next stream shares it. */
async function rotated(rig) {
  const worker = await rig.worker({ transcribe_streams_max: 1,
    transcribe_stream_age: '6s' });
  const talk = await rig.talk(['en']);

  await talk.speak(count(40), { isLast: true });
  ok(await talk.whenDrained(PATIENCE_MS), 'rotated: the talk ends');
  ok(await worker.counter('streams_rotated') > 0,
    'rotated: a full quota does not keep a stream from being renewed');
  ok(!isToldToWait(rig, talk), 'rotated: and the speaker is told nothing');
  checkCount('rotated', talk, 'en', 40);
}

/* Another waits for it: he goes on waiting. */
async function broken(rig) {
  await setFault(rig.aws, { service: 'transcribe', kind: 'cut', ms: 9000 });
  const worker = await rig.worker({ transcribe_streams_max: 1 });
  const first = await rig.talk(['en']);
  const spoken = first.speak(count(40), { isLast: true });
  await until(() => first.heard('en').length > 0, PATIENCE_MS);
  const second = await rig.talk(['en']);

  await Promise.all([spoken, second.speak(count(16), { isLast: true })]);
  ok(await first.whenDrained(PATIENCE_MS), 'broken: the first talk ends');
  is([worker.log('stream_failed').length, isToldToWait(rig, first),
    isToldToWait(rig, second)], [1, false, true],
  'broken: its place is kept for the next stream');
  checkCount('broken', first, 'en', 40);
}

/* No place for 20 s, then no worker either. */
async function killed(rig) {
  const first = await rig.worker({ transcribe_streams_max: 1 });
  const other = await rig.talk(['en']);
  const spoken = [other.speak(count(70))];
  await until(() => other.heard('en').length > 0, PATIENCE_MS);
  const talk = await rig.talk(['en']);

  spoken.push(talk.speak(count(50), { isLast: true }));
  await until(() => isToldToWait(rig, talk), PATIENCE_MS);
  await sleep(16_000);
  await first.kill();
  const heir = await rig.worker({ transcribe_streams_max: 2 });
  await Promise.all(spoken);
  ok(await talk.whenDrained(PATIENCE_MS), 'killed: the talk that waited ends');
  checkCount('killed', talk, 'en', 50);
  is([await heir.counter('pcm_bytes_gap'),
    await heir.counter('pcm_bytes_overflow')], [0, 0],
  'killed: all of it was heard');
}

/* The latest is that of the beginning, not of each try. */
async function latest(rig) {
  const worker = await rig.worker({ starting_position: 'latest' });
  await until(() => worker.log('shard_reading').length > 0, PATIENCE_MS);
  await sleep(1500);
  await setFault(rig.aws, { service: 'kinesis', operation: 'GetRecords',
    kind: '500', times: -1 });
  await sleep(2000);
  const talk = await rig.talk(['en']);

  await talk.speak(count(8));
  await until(() => worker.log('shard_stuck').length > 0, PATIENCE_MS);
  await sleep(1500);
  await clearFaults(rig.aws);
  await talk.speak(count(8, 9), { isLast: true });
  await talk.whenDrained(PATIENCE_MS);
  checkCount('latest', talk, 'en', 16);
}

export const main = () => Promise.all([rotated, broken, killed, latest].map(
  (part) => withRig({ worker: false }, part)));
