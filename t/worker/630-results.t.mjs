/* nginx does not take results: down, refusing, slow.  Posts are tried again
   and elsewhere, given up in time, and the log says what to look at. */
import { freePort } from '../../local/stack.mjs';
import { is, ok, plan, run } from '../e2e/tap.mjs';
import { clip, FINISH_CHECKS, numbers, sleep, until, withRig }
  from './harness.mjs';

const SILENCE = Buffer.alloc(32_000);
const GIVEN_UP_MS = 5000;       /* LTW_PUBLISH_DEADLINE_MS */

plan(16 + 2 * FINISH_CHECKS);

/* Speaks, and waits until each segment was told or given up. */
async function speak(rig, talk, pcm) {
  const worker = rig.workers[0];
  const committed = () => worker.log('segment_committed',
    { session: talk.id }).length;
  const over = () => worker.log('segment_published',
    { session: talk.id }).length + worker.log('segment_failed',
    { session: talk.id }).length;
  const before = committed();

  await talk.speak(Buffer.concat([pcm, SILENCE]));
  await sleep(3000);
  await until(() => over() === committed(), 30_000);
  return committed() - before;
}

/* The first of two hosts is not there; then the other one goes too. */
async function down(rig, talk, pcm) {
  const worker = rig.workers[0];
  const count = await speak(rig, talk, pcm);

  is(talk.heard('en').length, count, 'down: another host takes it');
  is(worker.log('publish_failed', { session: talk.id })
    .filter(({ hint }) => !/nginx running/.test(hint)), [],
  'down: the log asks whether nginx runs there');

  rig.results.stop();
  const began = Date.now();
  const lost = await speak(rig, talk, pcm);
  ok(lost > 0 && talk.heard('en').length === count,
    'all down: nobody gets anything');
  is(worker.log('segment_failed', { session: talk.id, stage: 'publish',
    code: 'no_nginx' }).length, lost,
  'all down: each loss is in the log, once');
  ok(Date.now() - began < lost * GIVEN_UP_MS + 8000,
    'all down: each is given up in time', Date.now() - began);
  is(await worker.counter('segments_failed'), lost,
    'all down: each is counted');

  await rig.results.start();
  await speak(rig, talk, pcm);
  const heard = numbers(talk.heard('en'));
  ok(heard.length > count && heard[count] === count + lost + 1,
    'up again: what comes next is told, the numbers show the gap', heard);
}

/* One host that answers what we want it to. */
async function moody(rig, worker, pcm) {
  const talk = await rig.talk(['en']);
  let n = 0;

  rig.results.answer = () => n++ % 3 === 2 ? 200 : 503;
  const speech = Buffer.concat([pcm, SILENCE]);
  await talk.speak(speech);
  ok(await until(() => talk.heard('en').length > 0), '503: told in the end');
  const first = talk.heard('en').length;
  ok(worker.log('publish_failed', { status: 503 }).length >= 2,
    '503: each refusal is in the log');

  rig.results.answer = () => 401;
  await talk.speak(speech);
  const refused = await until(() => worker.log('publish_failed',
    { status: 401 })[0]);
  ok(/results_token_file/.test(refused?.hint),
    '401: the log says which files differ', refused);
  await sleep(1500);
  const refusals = rig.results.refused.filter(({ status }) => status === 401)
    .map(({ message, to }) => `${message.segment} ${to}`);
  ok(refusals.length > 0 && new Set(refusals).size === refusals.length,
    '401: it is not tried again', refusals);

  rig.results.answer = () => 'never';
  await talk.speak(speech);
  ok(await until(() => worker.log('publish_failed', { status: 0 }).length),
    'hanging: each try is given up');
  rig.results.answer = () => 200;
  await talk.end();
  ok(await talk.whenDrained(), 'the talk comes to its end');
  const told = numbers(talk.heard('en'));
  ok(told.length > first && told.every((n, i) => !i || n > told[i - 1]),
    'hanging: told when it answers again, in order', told);
  is(new Set(told).size, told.length, 'nothing was told twice');
}

await run(async () => {
  const { pcm } = await clip('0930');

  await Promise.all([withRig({ worker: false }, async (rig) => {
    const nobody = `http://127.0.0.1:${await freePort()}/lt/results`;
    await rig.worker({ results_urls: `${nobody} ${rig.results.url}` });
    const talk = await rig.talk(['en']);
    await down(rig, talk, pcm);
    await talk.end();
    ok(await talk.whenDrained(), 'down: the talk comes to its end');
  }), withRig({}, (rig) => moody(rig, rig.workers[0], pcm))]);
});
