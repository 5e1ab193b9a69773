/* Transcribe fails in the middle of a talk, each way it can: the talk goes
   on, no word is heard twice, few are lost, and the log says what it was. */
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { clip, FINISH_CHECKS, isCounting, numbers, setFault, textOf, twice,
  until, withRig, wordsOf } from './harness.mjs';

const FAULTS = [
  { kind: 'cut', code: 'connection_lost' },
  { kind: '500', code: 'InternalFailureException' },
  { kind: 'throttle', code: 'LimitExceededException' },
  { kind: 'expired', code: 'BadRequestException' },
];
const FAULT_AFTER_MS = 4500;
/* A recogniser that begins in the middle of a sentence hears it otherwise. */
const OTHERWISE_MAX = 2;
const LOST_MAX = 3;

plan(3 + 5 * FAULTS.length + FINISH_CHECKS);

async function talkWith(rig, pcm, fault) {
  const talk = await rig.talk(['en']);

  if (fault) {
    await setFault(rig.aws, { service: 'transcribe', kind: fault.kind,
      times: 1, ms: FAULT_AFTER_MS });
  }
  const spoken = talk.speak(pcm, { isLast: true });
  await until(() => rig.workers[0].log('stream_opened',
    { session: talk.id }).length);
  return { talk, over: spoken.then(() => talk.whenDrained()) };
}

function check(rig, { kind, code }, { talk, over }, reference) {
  const heard = talk.heard('en');
  const words = wordsOf(textOf(heard));
  const more = words.length - reference.length;
  const log = rig.workers[0].log('stream_failed', { session: talk.id });

  note(`${kind}: ${words.length} words of ${reference.length}`);
  ok(over, `${kind}: the talk comes to its end`);
  is(log.map((line) => line.code), [code],
    `${kind}: one line says what happened`);
  ok(isCounting(numbers(heard)), `${kind}: no segment is missing or doubled`,
    numbers(heard));
  ok(more <= OTHERWISE_MAX && twice(reference, words).length === 0,
    `${kind}: no word is heard twice`, textOf(heard));
  ok(-more <= LOST_MAX, `${kind}: few words are lost`, textOf(heard));
}

await run(() => withRig({}, async (rig) => {
  const clips = await Promise.all(['0890', '0920'].map(clip));
  const pcm = Buffer.concat(clips.map((one) => one.pcm));
  const talks = [];

  for (const fault of [null, ...FAULTS]) {
    talks.push(await talkWith(rig, pcm, fault));
  }
  const over = await Promise.all(talks.map((one) => one.over));
  const reference = wordsOf(textOf(talks[0].talk.heard('en')));
  ok(reference.length > 20, 'a talk without a fault is heard', reference);
  FAULTS.forEach((fault, i) => check(rig, fault,
    { talk: talks[i + 1].talk, over: over[i + 1] }, reference));
  const { counters } = await rig.workers[0].figures();
  is(counters.streams_failed, FAULTS.length, 'each failure is counted once');
  is([counters.pcm_bytes_overflow, counters.pcm_bytes_gap], [0, 0],
    'no audio was lost');
}));
