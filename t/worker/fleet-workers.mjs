/* Three workers, four shards, a talk in each: shards are shared out while they
   are read; one worker is stopped for longer than its lease and continued, one
   killed, one told to end.  No talk loses a segment, none is heard twice. */
import { is, ok } from '../e2e/tap.mjs';
import { checkCount, count, talkPerShard } from './counting.mjs';
import { clearFaults, FINISH_CHECKS, Results, setFault, sleep, until, withRig }
  from './harness.mjs';

const SHARDS = 4;
const WORDS = 100;
const STOP_MS = 10_000;
const PATIENCE_MS = 40_000;
const SLOW_MS = 700;            // so that it is stopped with words to say

export const checks = 9 + 3 * SHARDS + FINISH_CHECKS;

async function ownedBy(workers) {
  return Promise.all(workers.map(async (worker) => worker.status === undefined
    ? (await worker.figures()).gauges.shards_owned : 0));
}

const isSharedOut = (owned) => owned.every((n) => n > 0)
  && owned.reduce((a, b) => a + b) === SHARDS && owned;

async function stopAndContinue(rig, zombie) {
  const abandoned = () => zombie.log('session_abandoned').length;

  await setFault(rig.aws, { service: 's3', operation: 'PutObject',
    kind: 'slow', ms: SLOW_MS, times: -1 });
  await sleep(2 * SLOW_MS);
  zombie.child.kill('SIGSTOP');
  await clearFaults(rig.aws);
  await sleep(STOP_MS);
  const continued = Date.now();
  zombie.child.kill('SIGCONT');
  ok(await until(() => zombie.log('lease_lost')[0], PATIENCE_MS),
    'stopped and continued: it knows that it has lost its shard');
  ok(await until(() => abandoned() > 0, PATIENCE_MS),
    'stopped and continued: and leaves the talks to others');
  const again = zombie.log('lease_taken').map(({ time }) => Date.parse(time))
    .find((at) => at >= continued) ?? Infinity;
  is(rig.results.posts.filter(({ by, at }) => by === zombie
    && at >= continued && at < again), [],
  'stopped and continued: it says nothing before it has a shard again');
}

async function dropOut(rig, workers) {
  const [first, second, third] = workers;

  await stopAndContinue(rig, second);
  await third.kill();
  const fourth = await rig.worker();
  ok(await until(async () => isSharedOut(
    await ownedBy([first, second, fourth])), PATIENCE_MS),
  'killed: its shards go to the others, a new worker gets some');
  first.child.kill('SIGTERM');
  ok(await until(() => first.status === 0, PATIENCE_MS),
    'told to end: it ends well');
  ok(await until(() => [second, fourth].flatMap((worker) =>
    worker.log('lease_taken')).some(({ former_owner: owner }) =>
    owner === ''), PATIENCE_MS),
  'told to end: its shards were given back, not left to expire');
}

export async function main() {
  await withRig({ shards: SHARDS }, async (rig) => {
    const talks = await talkPerShard(rig, ['en'], SHARDS);
    const spoken = talks.map((talk) => talk.speak(count(WORDS),
      { isLast: true }));
    const [first] = rig.workers;

    is(await ownedBy([first]), [SHARDS], 'one worker alone reads all shards');
    const own = new Results();          /* to tell who has posted */
    await own.start();
    const second = await rig.worker({ results_urls: own.url });
    own.posts.push = (post) => rig.results.posts.push({ ...post, by: second });
    const workers = [first, second, await rig.worker()];
    const owned = await until(async () => isSharedOut(await ownedBy(workers)),
      PATIENCE_MS);
    ok(owned, 'three workers have shared them out', await ownedBy(workers));
    is(first.log('lease_lost').length, 0, 'by handing them over');
    await dropOut(rig, workers);
    await Promise.all(spoken);
    for (const [i, talk] of talks.entries()) {
      ok(await talk.whenDrained(PATIENCE_MS), `talk ${i} comes to its end`);
      checkCount(`talk ${i}`, talk, 'en', WORDS, 2);
    }
    own.stop();
  });
}
