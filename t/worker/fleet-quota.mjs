/* The account's quota, shared by two workers: a talk over it waits in line, its
   speaker is told, and all of it is heard when its turn comes. */
import { is, ok } from '../e2e/tap.mjs';
import { checkCount, count, talkPerShard } from './counting.mjs';
import { FINISH_CHECKS, setFault, until, withRig } from './harness.mjs';

const SHARDS = 2;
const WORDS = 24;
const PATIENCE_MS = 60_000;
const FIGURES = 'lt:quota:{transcribe}:figures';

export const checks = 11 + FINISH_CHECKS;

const waits = (rig, talk) => rig.results.speaker(talk.id).filter(
  ({ reason }) => reason === 'waiting');

async function inLine(rig, [first, second]) {
  const spoken = [first.speak(count(WORDS), { isLast: true })];
  await until(() => first.heard('en').length > 0, PATIENCE_MS);
  spoken.push(second.speak(count(WORDS), { isLast: true }));

  ok(await until(() => waits(rig, second).length > 0, PATIENCE_MS),
    'in line: the speaker is told');
  is(waits(rig, second)[0].text,
    'Waiting for speech recognition: place 1 in line.',
    'in line: with his place');
  is([second.heard('en'), waits(rig, first)], [[], []],
    'in line: and nobody else');
  await Promise.all(spoken);
  for (const [name, talk] of [['first', first], ['second', second]]) {
    ok(await talk.whenDrained(PATIENCE_MS), `in line: the ${name} talk ends`);
    checkCount(`in line, ${name}`, talk, 'en', WORDS);
  }
  is(await rig.redis.do('ZCARD', 'lt:quota:{transcribe}:streams'), '0',
    'in line: all places are given back');
}

async function throttled(rig) {
  const talk = await rig.talk(['en']);

  await setFault(rig.aws, { service: 'transcribe', kind: 'throttle' });
  await talk.speak(count(4), { isLast: true });
  await talk.whenDrained(PATIENCE_MS);
  ok(Number(await rig.redis.do('HGET', FIGURES, 'cut')) > 0,
    'throttled: the fleet asks for less from then on');
}

export async function main() {
  await withRig({ shards: SHARDS, config: { transcribe_streams_max: 1 } },
    async (rig) => {
      await rig.worker({ transcribe_streams_max: 1 });
      await inLine(rig, await talkPerShard(rig, ['en'], SHARDS));
      await throttled(rig);
    });
}
