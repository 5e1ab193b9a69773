/* SIGHUP: what can change does, what cannot is named, a file with a mistake
   changes nothing. */
import fs from 'node:fs';
import { is, ok } from '../e2e/tap.mjs';
import { count } from './counting.mjs';
import { FINISH_CHECKS, Results, until, withRig } from './harness.mjs';

const WORDS = 6;
const PATIENCE_MS = 30_000;

export const checks = 8 + FINISH_CHECKS;

/* The worker's file with these values, then SIGHUP, then that event. */
async function reload(rig, worker, changes, event) {
  const file = `${rig.dir}/worker-0.conf`;
  const kept = fs.readFileSync(file, 'utf8').split('\n').filter(
    (line) => !(line.split(' = ')[0] in changes));
  const before = worker.log(event).length;

  fs.writeFileSync(file, [...kept, ...Object.entries(changes).map(
    ([name, value]) => `${name} = ${value}`), ''].join('\n'));
  worker.child.kill('SIGHUP');
  return event && until(() => worker.log(event)[before], PATIENCE_MS);
}

/* Says some words; whether they are heard there. */
async function isHeard(rig, results) {
  const talk = await rig.talk(['en']);

  await talk.speak(count(WORDS), { isLast: true });
  return until(() => results.heard(talk.id, 'en').length > 0 && talk,
    PATIENCE_MS);
}

async function refused(rig, worker, results) {
  const line = await reload(rig, worker, { batch_size: 'many' },
    'reload_refused');
  ok(/batch_size: "many" is not a number/.test(line?.error) && line.line > 0,
    'a mistake: the log says where', line);
  ok(await isHeard(rig, results), 'a mistake: nothing was changed');
}

async function quiet(rig, worker, results) {
  await reload(rig, worker, { batch_size: 50, log_level: 'error' });
  const talk = await isHeard(rig, results);
  ok(talk, 'log_level: the talk goes on');
  is(worker.log('session_opened', { session: talk?.id }), [],
    'log_level: less is logged');
}

export async function main() {
  const other = new Results();

  await other.start();
  await withRig({ worker: false }, async (rig) => {
    const token = `${rig.dir}/token-2`;
    fs.writeFileSync(token, 'not-the-token-not-the-token\n');
    const worker = await rig.worker({ results_token_file: token });

    fs.copyFileSync(`${rig.dir}/token`, token);
    const line = await reload(rig, worker, { results_urls: other.url,
      batch_window: '1500ms', redis_db: 3 }, 'reloaded');
    is(line?.changed, 'results_urls results_token_file batch_window',
      'what has changed is taken, a new token in the same file too');
    is((await until(() => worker.log('reload_needs_restart')[0]))?.parameters,
      'redis_db', 'what needs a restart is named');
    ok(await isHeard(rig, other), 'results go to the new address');
    is([rig.results.posts, rig.results.refused], [[], []],
      'and to no other');
    await refused(rig, worker, other);
    await quiet(rig, worker, other);
  });
  other.stop();
}
