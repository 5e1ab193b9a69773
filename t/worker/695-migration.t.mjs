/* Two pipelines on one stream (docs/migration.md): talks of the other one are
   skipped and cost nothing, ours are heard; raw and framed records mix. */
import { is, ok, plan, run } from '../e2e/tap.mjs';
import { clip, FINISH_CHECKS, getCalls, until, withRig } from './harness.mjs';

plan(8 + FINISH_CHECKS);

const SILENCE = Buffer.alloc(64_000);

async function together(rig) {
  const worker = rig.workers[0];
  const speech = Buffer.concat([(await clip('0880')).pcm, SILENCE]);
  const raw = await rig.talk(['en'], { isRaw: true });
  const framed = await rig.talk(['en']);
  const theirs = await rig.talk([], { isRaw: true });
  await rig.redis.do('DEL', `lt:{${theirs.id}}:session`);

  await Promise.all([raw, framed, theirs].map((talk) => talk.speak(speech)));
  ok(await until(() => raw.heard('en').length > 0), 'raw: is heard');
  ok(await until(() => framed.heard('en').length > 0), 'framed: is heard');
  ok(await until(() => worker.log('session_unknown').length > 0),
    'theirs: the log says that Redis has no such talk');
  is(worker.log('session_unknown').map(({ session }) => session),
    [theirs.id], 'theirs: once');
  is(rig.results.posts.filter(({ session }) => session === theirs.id), [],
    'theirs: nobody is told anything');
  is((await getCalls(rig.aws)).transcribe.StartStreamTranscription, 2,
    'theirs: no Transcribe stream');
  is(await worker.counter('records_failed'), 0, 'theirs: no failure');
  ok(await until(async () =>
    (await worker.figures()).gauges.batch_bytes_held === 0),
  'theirs: their records hold nobody up');
}

await run(async () => {
  await withRig({}, together);
});
