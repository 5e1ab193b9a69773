/* The worker is killed, Redis is killed, Redis stops answering: the talk goes
   on, no segment comes twice, no word is lost. */
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { clearFaults, clip, FINISH_CHECKS, isCounting, numbers, setFault,
  sleep, textOf, twice, understood, until, withRig, wordsOf }
  from './harness.mjs';

/* A recogniser that begins in the middle of a sentence hears it otherwise. */
const OTHERWISE_MAX = 2;
const LANGUAGES = ['en', 'es'];
const SHORT_BYTES = 96_000;
/* Longer than a lease is fresh, a batch waits and a pause is not filled. */
const STALL_MS = 12_000;

plan(30 + 2 * FINISH_CHECKS);

function checkWords(what, talk, expected, allowed) {
  const words = wordsOf(textOf(talk.heard('en')));
  const more = words.length - expected.length;

  note(`${what}: ${words.length} words of ${expected.length}`);
  ok(more <= allowed && twice(expected, words).length === 0,
    `${what}: no word is heard twice`, words.join(' '));
  ok(-more <= allowed, `${what}: no word is lost`, words.join(' '));
}

function checkNumbers(what, talk) {
  const [en, es] = LANGUAGES.map((code) => numbers(talk.heard(code)));

  ok(isCounting(en), `${what}: no segment is missing or doubled`, en);
  is(es, en, `${what}: in no language`);
}

/* At a moment at which segments are committed and not all told. */
async function whenUntold(worker, talk, least) {
  return until(() => {
    const committed = worker.log('segment_committed', { session: talk.id });
    const [en, es] = LANGUAGES.map((code) => talk.heard(code).length);
    return committed.length >= least && committed.length > Math.max(en, es)
      && { committed: committed.length, told: [en, es] };
  }, 40_000);
}

async function killed(rig, pcm, expected, { isRaw }) {
  const what = isRaw ? 'killed, raw' : 'killed';
  const talk = await rig.talk(LANGUAGES, { isRaw });
  const spoken = talk.speak(pcm, { isLast: true });
  const worker = rig.workers[0];

  return { what, talk, spoken, expected, async kill() {
    const at = await whenUntold(worker, talk, 4);
    ok(at, `${what}: segments are on their way`);
    note(`${what} at ${JSON.stringify(at)}`);
  } };
}

async function workerKilled(rig, pcm, expected) {
  await setFault(rig.aws, { service: 'polly', kind: 'slow', ms: 4000,
    times: -1 });
  const talks = [await killed(rig, pcm, expected, { isRaw: false }),
    await killed(rig, pcm, expected, { isRaw: true })];
  const over = await rig.talk(LANGUAGES);
  const [first] = rig.workers;

  await over.speak(pcm.subarray(0, SHORT_BYTES), { isLast: true });
  ok(await until(() => first.log('stream_closed', { session: over.id })[0]),
    'killed at its end: a talk was heard to its end');
  await talks[0].kill();
  await first.kill();
  note(`killed at its end, told: ${rig.results.drained(over.id).length}`);
  const successor = await rig.worker();
  await clearFaults(rig.aws);
  await Promise.all(talks.map(({ spoken }) => spoken));
  await talks[1].talk.end();
  for (const { what, talk } of talks) {
    ok(await talk.whenDrained(), `${what}: the talk comes to its end`);
    checkNumbers(what, talk);
    checkWords(what, talk, expected, OTHERWISE_MAX);
  }
  ok(await over.whenDrained(), 'killed at its end: the successor tells it');
  checkNumbers('killed at its end', over);
  checkWords('killed at its end', over,
    understood(pcm.subarray(0, SHORT_BYTES)), OTHERWISE_MAX);
  is(successor.log('lease_taken').map(({ former_owner: owner }) =>
    owner !== ''), [true], 'the successor takes the shard over');
}

async function redisGone(rig, pcm, expected) {
  const talk = await rig.talk(LANGUAGES);
  const [worker] = rig.workers;
  const spoken = talk.speak(pcm, { isLast: true });

  await until(() => talk.heard('en').length > 0);
  await rig.redis.kill();
  await sleep(3500);
  await rig.redis.start();
  ok(await until(() => worker.log('redis_connected').length === 2),
    'Redis killed: found again');
  is(worker.log('redis_unreachable').filter(({ error }) =>
    !/in time/.test(error)).length, 1,
  'Redis killed: one line says that it is gone');
  await spoken;
  ok(await talk.whenDrained(), 'Redis killed: the talk comes to its end');
  checkNumbers('Redis killed', talk);
  checkWords('Redis killed', talk, expected, OTHERWISE_MAX);
}

/* Words wait in Kinesis; silence in the middle of them would part them. */
async function redisStalled(rig, pcm, expected) {
  const talk = await rig.talk(LANGUAGES);
  const [worker] = rig.workers;
  const { counters: before } = await worker.figures();
  const spoken = talk.speak(pcm, { isLast: true });

  await sleep(4000);
  rig.redis.freeze('SIGSTOP');
  await sleep(STALL_MS);
  rig.redis.freeze('SIGCONT');
  await spoken;
  ok(await talk.whenDrained(), 'Redis stalled: the talk comes to its end');
  const { counters: after } = await worker.figures();
  is(after.silence_sent, before.silence_sent,
    'Redis stalled: a pause of ours is no pause of the speaker');
  is(after.streams_opened, before.streams_opened + 1,
    'Redis stalled: and no reason to close his stream');
  checkWords('Redis stalled', talk, expected, OTHERWISE_MAX);
}

await run(async () => {
  const clips = await Promise.all(['0890', '0920'].map(clip));
  const pcm = Buffer.concat(clips.map((one) => one.pcm));
  const expected = understood(pcm);

  await Promise.all([
    withRig({}, (rig) => workerKilled(rig, pcm, expected)),
    withRig({}, async (rig) => {
      await redisGone(rig, pcm, expected);
      await redisStalled(rig, pcm, expected);
    })]);
});
