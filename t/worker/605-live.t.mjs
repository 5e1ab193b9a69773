/* Mode live: words are told while the talk goes on, each once, and a worker
   that is killed in the middle takes none with it. */
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { clip, FINISH_CHECKS, isCounting, numbers, textOf, twice, understood,
  until, withRig, wordsOf } from './harness.mjs';

const LANGUAGES = ['en', 'es'];
/* A recogniser that begins in the middle of a sentence hears it otherwise. */
const OTHERWISE_MAX = 2;
const LIVE = { mode: 'live' };

plan(12 + 2 * FINISH_CHECKS);

const lag = ({ at, timing }) => at - timing.captured;

function checkTalk(what, talk, expected, allowed) {
  const words = wordsOf(textOf(talk.heard('en')));
  const [en, es] = LANGUAGES.map((code) => numbers(talk.heard(code)));
  const more = words.length - expected.length;

  ok(isCounting(en), `${what}: segments are numbered from 1`, en);
  is(es, en, `${what}: and the same in each language`);
  ok(more <= allowed && twice(expected, words).length === 0,
    `${what}: no word is told twice`, words.join(' '));
  ok(-more <= allowed, `${what}: no word is lost`, words.join(' '));
}

async function whole(rig, pcm, expected) {
  const talk = await rig.talk(LANGUAGES);
  const spoken = talk.speak(pcm, { isLast: true });

  await until(() => talk.heard('en').length > 1);
  ok(talk.bytes < pcm.length, 'segments are told before the talk is over');
  await spoken;
  ok(await talk.whenDrained(), 'the talk is drained');
  checkTalk('live', talk, expected, OTHERWISE_MAX);
  note(`lag, ms: ${talk.heard('es').map(lag).join(' ')}`);
}

async function killed(rig, pcm, expected) {
  const talk = await rig.talk(LANGUAGES);
  const spoken = talk.speak(pcm, { isLast: true });

  ok(await until(() => talk.heard('es').length >= 3), 'killed: in mid-talk');
  await rig.workers[0].kill();
  await rig.worker(LIVE);
  await spoken;
  ok(await talk.whenDrained(), 'killed: the successor tells the rest');
  checkTalk('killed', talk, expected, OTHERWISE_MAX);
}

await run(async () => {
  const clips = await Promise.all(['0890', '0920'].map(clip));
  const pcm = Buffer.concat(clips.map((one) => one.pcm));
  const expected = understood(pcm);

  await withRig({ config: LIVE }, (rig) => whole(rig, pcm, expected));
  await withRig({ config: LIVE }, (rig) => killed(rig, pcm, expected));
});
