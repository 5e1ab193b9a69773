/* The rate of Polly, shared by two workers: calls wait for their turn; those
   that would have to wait too long become captions, and nothing is lost. */
import { ok } from '../e2e/tap.mjs';
import { checkCount, count, talkPerShard } from './counting.mjs';
import { FINISH_CHECKS, getCalls, setFault, until, withRig } from './harness.mjs';

const SHARDS = 2;
const TALKS = 4;
const WORDS = 24;
const RATE = 1;
const PATIENCE_MS = 60_000;
const KEY = 'lt:quota:{polly}:rate';

export const checks = 4 + 3 * TALKS + FINISH_CHECKS;

const spoken = async (rig) =>
  (await getCalls(rig.aws)).polly?.SynthesizeSpeech ?? 0;

async function overload(rig, workers) {
  const talks = [...await talkPerShard(rig, ['en'], SHARDS),
    ...await talkPerShard(rig, ['en'], SHARDS)];
  const began = Date.now();

  await Promise.all(talks.map((talk) => talk.speak(count(WORDS),
    { isLast: true })));
  for (const [i, talk] of talks.entries()) {
    ok(await talk.whenDrained(PATIENCE_MS), `talk ${i} comes to its end`);
    checkCount(`talk ${i}`, talk, 'en', WORDS);
  }
  const seconds = (Date.now() - began) / 1000;
  const calls = await spoken(rig);
  const sum = async (name) => (await Promise.all(workers.map((worker) =>
    worker.counter(name)))).reduce((a, b) => a + b);

  ok(calls > 2 && calls <= seconds * RATE + 2,
    'no more calls than the rate allows, of both workers',
    { calls, seconds });
  ok(await sum('calls_waited') > 0, 'calls wait for their turn');
  ok(talks.flatMap((talk) => talk.heard('en')).filter(({ type }) =>
    type === 'caption').length >= await sum('calls_refused'),
  'each that could not wait so long is a caption');
}

async function throttled(rig) {
  const talk = await rig.talk(['en']);

  await setFault(rig.aws, { service: 'polly', kind: 'throttle' });
  await talk.speak(count(4), { isLast: true });
  ok(await until(async () => Number(await rig.redis.do('HGET', KEY, 'rate'))
    > 0, PATIENCE_MS), 'throttled: the fleet asks for less from then on');
}

export async function main() {
  await withRig({ worker: false, shards: SHARDS }, async (rig) => {
    const workers = [await rig.worker({ polly_rate: RATE }),
      await rig.worker({ polly_rate: RATE })];

    await overload(rig, workers);
    await throttled(rig);
  });
}
