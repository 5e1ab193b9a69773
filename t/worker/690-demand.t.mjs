/* Who listens decides what is made: languages begin and end with their
   listeners, captions cost no voice, a talk's hour has its limit; and voices
   that are late or lost keep nobody waiting. */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../local/stack.mjs';
import { strangeness } from '../e2e/documents.mjs';
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { FINISH_CHECKS, getCalls, isCounting, numbers, sleep, textOf, until,
  withRig, wordsOf } from './harness.mjs';

const SECOND = 32_000;
const TALK_S = 22;
const BEGIN_MS = 1000;          /* a language begins after its first listener */
const END_MS = 10_000;          /* and ends after its last */
const POLL_MS = 1500;           /* Redis is asked, words come */

/* Short sentences, so that there are many segments. */
const WORDS = Array.from({ length: 80 }, (_, i) => ({
  w: 'abcdefghij'[i % 10].repeat(4 + i % 3), s: 0.5 + i * 0.4,
  e: 0.8 + i * 0.4, mark: i % 3 === 2 ? '.' : '' }));

plan(20 + 2 * FINISH_CHECKS);

function scripted(dir, speech) {
  const write = (name, value) => {
    fs.writeFileSync(`${dir}/${name}`, JSON.stringify(value));
    return `${dir}/${name}`;
  };
  process.env.SCRIPT = write('script.json', WORDS);
  process.env.SPEECH = write('speech.json', { log: `${dir}/requests`,
    translateMs: 50, voiceMs: 50, ...speech });
  fs.writeFileSync(`${dir}/requests`, '');
  return { config: { mode: 'live', terminology: 'ours' }, standIns: [
    '--recognizer', path.join(ROOT, 'bench/scripted-recognizer.mjs'),
    '--speech', path.join(ROOT, 'bench/scripted-speech.mjs')] };
}

const requests = (dir, operation) => fs.readFileSync(`${dir}/requests`, 'utf8')
  .split('\n').filter(Boolean).map((line) => JSON.parse(line))
  .filter((request) => request.operation === operation);
const reasons = (segments) => [...new Set(segments.map(
  ({ type, reason }) => type === 'caption' ? reason : 'voice'))];
const set = (rig, talk, ...fields) =>
  rig.redis.do('HSET', `lt:{${talk.id}}:session`, ...fields);

/* Committed in the talk: number -> Unix ms. */
const committed = (rig, talk) => new Map(rig.workers[0].log(
  'segment_committed', { session: talk.id }).map(
  ({ segment, time, ts }) => [segment, Date.parse(time ?? ts)]));

async function comesAndGoes(rig, talk) {
  await until(() => talk.heard('es').length > 1);
  const joined = Date.now();
  await rig.listen(talk, ['pt']);
  await sleep(3000);
  const left = Date.now();
  await rig.redis.do('HDEL', `lt:{${talk.id}}:languages`, 'pt');
  return { joined, left };
}

function checkPortuguese(rig, talk, { joined, left }) {
  const times = committed(rig, talk);
  const pt = new Set(numbers(talk.heard('pt')));
  const between = (from, to) => [...times].filter(
    ([, at]) => at > from && at < to).map(([segment]) => segment);
  const wanted = between(joined + BEGIN_MS, left);
  const late = between(left + END_MS + POLL_MS, Infinity);

  ok(wanted.length > 0 && wanted.every((segment) => pt.has(segment)),
    'a language begins within a second of its first listener',
    { wanted, got: [...pt] });
  ok(late.length > 0 && late.every((segment) => !pt.has(segment)),
    'and ends ten seconds after its last', { late, got: [...pt] });
  is(between(0, joined).filter((segment) => pt.has(segment)), [],
    'what was said before is not made up for');
}

function checkTails(rig, talk) {
  const tails = rig.results.posts.filter(({ session, to }) =>
    session === talk.id && to === 'live').map(({ message }) => message);
  const said = new Set(WORDS.map(({ w }) => w));

  ok(tails.length > 5 && tails.length < 4 * TALK_S,
    'the words that may still change are told, not too often', tails.length);
  ok(tails.every(({ text, tail, segment, language }) => text === ''
    && segment === undefined && language === 'en'
    && wordsOf(tail).every((word) => said.has(word))),
  'they are words of the talk, and no segment', tails[0]);
  ok(tails.some(({ tail }) => tail !== ''), 'there are some');
}

async function demand(rig) {
  const [talk, unheard, poor] = await Promise.all([rig.talk(['es', 'fr']),
    rig.talk([]), rig.talk(['es'])]);
  await set(rig, talk, 'captionsOnly:fr', 1, 'captionsLive:es', 1,
    'lexicons', 'one two');
  await set(rig, poor, 'maxCostPerHour', '0.1', 'terminology', 'theirs');
  /* another worker has spent most of it; a stream costs 0.006 */
  await rig.redis.do('HSET', `lt:{${poor.id}}:worker`, 'hour', Date.now(),
    'spent', 99_000);

  const spoken = [talk.speak(Buffer.alloc(TALK_S * SECOND),
    { isLast: true }), ...[unheard, poor].map((one) => one.speak(
    Buffer.alloc(8 * SECOND), { isLast: true }))];
  const times = await comesAndGoes(rig, talk);
  await Promise.all(spoken);
  ok(await talk.whenDrained() && await poor.whenDrained()
    && await unheard.whenDrained(), 'all talks come to their end');

  const [es, fr, pt] = ['es', 'fr', 'pt'].map((code) => talk.heard(code));
  const translated = requests(rig.speechDir, 'TranslateText');
  const voiced = requests(rig.speechDir, 'SynthesizeSpeech');
  ok(es.length > 4 && isCounting(numbers(es)), 'Spanish is told', numbers(es));
  is(reasons(es).filter((reason) => !['voice', 'merged', 'behind']
    .includes(reason)), [], 'and spoken');
  is([reasons(fr), numbers(fr)], [['unasked'], numbers(es)],
    'French, of which all want captions only, is written');
  checkPortuguese(rig, talk, times);
  checkTails(rig, talk);
  is(reasons(poor.heard('es')), ['budget'],
    'a talk whose hour is spent has captions only');
  is(poor.heard('es')[0].pace.action, 'captions', 'and says so');
  const { spent } = await rig.redis.hash(`lt:{${poor.id}}:worker`);
  ok(spent > 105_000 && spent < 120_000, 'who comes next knows it', spent);
  is([...new Set(voiced.map(({ LanguageCode }) => LanguageCode))].sort(),
    ['es-ES', 'pt-BR'], 'nothing else was spoken');
  is(translated.length, es.length + fr.length + pt.length
    + poor.heard('es').length, 'nothing was translated for nobody');
  is([(await getCalls(rig.aws)).transcribe.StartStreamTranscription,
    rig.workers[0].log('segment_committed', { session: unheard.id }).length],
  [2, 0], 'a talk without listeners costs nothing');
  is([new Set(translated.map(({ TerminologyNames }) => TerminologyNames[0])),
    new Set(voiced.map(({ LexiconNames }) => LexiconNames.join()))]
    .map((names) => [...names].sort().join(' ')), ['ours theirs', 'one,two'],
  'names that Translate and Polly are to know are the talk\'s, or ours');
  is(rig.results.posts.filter(({ event }) => event !== 'drained')
    .map(({ to, message }) => strangeness(
      to === 'speaker' ? to : 'listener', message)).filter(Boolean), [],
  'each message is what docs/protocol says of it');
}

/* A fifth of the voices come too late, a tenth not at all. */
async function lateAndLost(rig) {
  const talk = await rig.talk(['es']);

  await talk.speak(Buffer.alloc(16 * SECOND), { isLast: true });
  await talk.whenDrained();
  const es = talk.heard('es');
  note(es.map(({ segment, reason }) => `${segment} ${reason ?? ''}`).join());
  ok(['late', 'voice_failed', 'voice'].every(
    (reason) => reasons(es).includes(reason)) && isCounting(numbers(es)),
  'what is late or lost is written, in order', reasons(es));
  is(wordsOf(textOf(es)), WORDS.filter(({ e }) => e < 15.7).map(({ w }) => w)
    .slice(0, wordsOf(textOf(es)).length), 'no word is missing');
}

await run(async () => {
  const dir = fs.mkdtempSync('/tmp/lt-demand-');
  try {
    await withRig(scripted(dir, {}), (rig) => demand(
      Object.assign(rig, { speechDir: dir })));
    await withRig(scripted(dir, { late: 0.2, lateMs: 15_000, lost: 0.1 }),
      lateAndLost);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
