/* Transcribe streams for hours, in seconds: one is replaced while its talk goes
   on; what ends one early costs no word and repeats none. */
import { is, ok } from '../e2e/tap.mjs';
import { checkCount, count } from './counting.mjs';
import { FINISH_CHECKS, setFault, until, withRig } from './harness.mjs';

const WORDS = 40;
const PATIENCE_MS = 40_000;
const AGE_MS = 6000;
/* Each stream of the second talk meets one, so long after its beginning. */
const FAULT_MS = 3000;
const FAULTS = ['cut', '500', 'throttle', 'expired', 'conflict'];
const CODES = ['connection_lost', 'InternalFailureException',
  'LimitExceededException', 'BadRequestException', 'ConflictException'];

export const checks = 17 + FINISH_CHECKS;

async function replaced(rig) {
  const worker = await rig.worker({ transcribe_stream_age: `${AGE_MS}ms` });
  const talk = await rig.talk(['en']);

  await talk.speak(count(WORDS), { isLast: true });
  ok(await talk.whenDrained(PATIENCE_MS), 'replaced: the talk comes to its end');
  ok(await worker.counter('streams_rotated') >= 2,
    'replaced: its stream was, more than once');
  is(worker.log('stream_failed'), [], 'replaced: none failed');
  checkCount('replaced', talk, 'en', WORDS);
  await worker.stop();
}

async function ended(rig) {
  const worker = await rig.worker();
  const talk = await rig.talk(['en']);

  for (const kind of FAULTS) {
    await setFault(rig.aws, { service: 'transcribe', kind, ms: FAULT_MS });
  }
  await talk.speak(count(WORDS));
  await until(() => worker.log('stream_failed').length === FAULTS.length,
    PATIENCE_MS);
  await talk.speak(count(4, WORDS + 1), { isLast: true });
  is(worker.log('stream_failed').map(({ code }) => code), CODES,
    'ended early: each is known by its name');
  ok(await talk.whenDrained(PATIENCE_MS),
    'ended early: the talk comes to its end');
  checkCount('ended early', talk, 'en', WORDS + 4);
  is(await worker.counter('pcm_bytes_overflow'), 0,
    'ended early: no audio was dropped');
}

/* One stream for two talks. */
async function silent(rig) {
  const worker = await rig.worker({ transcribe_silence: '2s',
    transcribe_streams_max: 1 });
  const [one, two] = [await rig.talk(['en']), await rig.talk(['en'])];

  await one.speak(count(8));
  await until(() => worker.log('segment_committed', { session: one.id }).length);
  await two.speak(count(8), { isLast: true });
  ok(await two.whenDrained(PATIENCE_MS),
    'silent: who waited for the stream is heard');
  await one.speak(count(8, 9), { isLast: true });
  ok(await one.whenDrained(PATIENCE_MS),
    'silent: who gave it back has another when he speaks');
  is(await worker.counter('streams_silent'), 1, 'silent: it was given back');
  checkCount('silent: one', one, 'en', 16);
  checkCount('silent: two', two, 'en', 8);
  await worker.stop();
}

export async function main() {
  await withRig({ worker: false }, async (rig) => {
    await replaced(rig);
    await silent(rig);
    await ended(rig);
  });
}
