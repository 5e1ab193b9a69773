/* Translate, Polly and S3 fail: listeners get captions with the reason, in
   order, and never wait for what failed. */
import { once } from 'node:events';
import http from 'node:http';
import { strangeness } from '../e2e/documents.mjs';
import { is, ok, plan, run } from '../e2e/tap.mjs';
import { clearFaults, clip, decodedSeconds, FINISH_CHECKS, getCalls,
  isCounting, numbers, setFault, sleep, until, withRig } from './harness.mjs';

const SILENCE = Buffer.alloc(32_000);
const DEADLINE_MS = 10_000;
const QUIET_MS = 3300;

/* The last try's timeout and the segment's deadline come together. */
const SLOW = ['late', 'voice_failed'];

/* What goes wrong while a clip is spoken, and what listeners of Spanish and
   English get: a reason, or null for a voice. */
const PHASES = [
  { service: 'translate', kind: '500', es: 'translation_failed', en: null },
  { service: 'translate', kind: '500', times: 1, es: null, en: null },
  { service: 'translate', kind: 'expired', times: 1, es: null, en: null },
  { service: 'polly', kind: 'cut', times: 1, es: null, en: null },
  { service: 'polly', kind: 'slow', times: 2, ms: 3500, es: null, en: null },
  { service: 'polly', kind: '500', es: 'voice_failed', en: 'voice_failed' },
  { service: 's3', operation: 'PutObject', kind: '500', es: 'store_failed',
    en: 'store_failed' },
  { service: 'polly', kind: 'slow', ms: 14_000, es: SLOW, en: SLOW },
];

plan(4 * PHASES.length + 11 + 3 * FINISH_CHECKS);

const reasonOf = ({ type, reason }) => type === 'caption' ? reason : null;
const nameOf = ({ service, kind, times }) =>
  `${service} ${kind}${times === 1 ? ' once' : ''}`;

/* Until the recogniser, on a busy machine too, has nothing more to say, and
   one or two words that it kept back have come. */
async function quiet(committed, before) {
  let last = await until(() => committed() > before && committed(), 20_000);

  for (let since = Date.now(); Date.now() - since < QUIET_MS;) {
    await sleep(100);
    if (committed() !== last) {
      last = committed();
      since = Date.now();
    }
  }
}

/* What came after the first n segments of each language. */
async function speakPhase(rig, talk, pcm, { es, en, ...fault }) {
  const before = talk.heard('es').length;
  const committed = () => rig.workers[0].log('segment_committed').length;

  await setFault(rig.aws, { times: -1, ...fault });
  await talk.speak(Buffer.concat([pcm, SILENCE]));
  await quiet(committed, before);
  await until(() => ['es', 'en', 'de'].every(
    (code) => talk.heard(code).length === committed()), 20_000);
  await clearFaults(rig.aws);
  const [spanish, english, german] = ['es', 'en', 'de'].map(
    (code) => talk.heard(code).slice(before));
  const name = nameOf(fault);
  const like = (list, reason) => list.length > 0 && list.every(
    (one) => [reason].flat().includes(reasonOf(one)));

  ok(like(spanish, es), `${name}: Spanish gets ${es ?? 'a voice'}`,
    spanish.map(reasonOf));
  ok(like(english, en), `${name}: English gets ${en ?? 'a voice'}`,
    english.map(reasonOf));
  ok(like(german, 'translation_failed'),
    `${name}: German, which cannot be had, the words themselves`,
    german.map(reasonOf));
  is([numbers(english), numbers(german)],
    [numbers(spanish), numbers(spanish)], `${name}: all get all segments`);
  return spanish;
}

/* From its commit to its post, ms, each segment in each language. */
function waitsOf(worker) {
  const committed = new Map(worker.log('segment_committed').map(
    ({ segment, time }) => [segment, Date.parse(time)]));

  return ['segment_published', 'segment_captioned'].flatMap(
    (event) => worker.log(event).map(({ segment, time }) =>
      Date.parse(time) - committed.get(segment)));
}

/* AWS quotes the text that it refuses. */
async function quoted(rig) {
  const server = http.createServer(async (req, res) => {
    let body = '';
    for await (const part of req.setEncoding('utf8')) {
      body += part;
    }
    res.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    res.end(JSON.stringify({ __type: 'ValidationException',
      message: `Value '${JSON.parse(body).Text}' at 'text' failed` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const worker = await rig.worker({
    translate_endpoint: `http://127.0.0.1:${server.address().port}` });
  const talk = await rig.talk(['es']);
  await talk.speak((await clip('0930')).pcm, { isLast: true });
  await talk.whenDrained();
  ok(talk.heard('es').length > 0 && worker.log('aws_call_failed',
    { code: 'ValidationException', message: 'Value ' }).length > 0,
  'a text that AWS refuses is a caption, and not in the log');
  server.close();
}

async function phases(rig) {
  const clips = await Promise.all(['0880', '0930'].map(clip));
  const talk = await rig.talk(['es', 'en', 'de']);
  const heard = [];

  for (const [i, phase] of PHASES.entries()) {
    heard.push(await speakPhase(rig, talk, clips[i % 2].pcm, phase));
  }
  await talk.end();
  ok(await talk.whenDrained(), 'the talk comes to its end');
  const [untranslated] = heard[0];
  is(untranslated.text, untranslated.sourceText,
    'what could not be translated is shown as it was said');
  const unvoiced = heard[5][0];
  ok(unvoiced.text.length > 0 && unvoiced.text !== unvoiced.sourceText,
    'what could not be voiced is shown translated', unvoiced);
  ok(isCounting(numbers(talk.heard('es'))),
    'over all that the order was kept', numbers(talk.heard('es')));
  is(rig.results.posts.filter(({ event }) => event !== 'drained')
    .map(({ to, message }) => strangeness(to ?? 'listener', message))
    .filter(Boolean), [], 'each message is what docs/protocol says of it');
  const waits = waitsOf(rig.workers[0]);
  ok(waits.length > 0 && Math.max(...waits) < DEADLINE_MS + 1500,
    'no segment waits much longer than its deadline', waits);
  const failed = rig.workers[0].log('segment_failed');
  ok(['translate', 'voice', 'store'].every((stage) => failed.some(
    (line) => line.stage === stage && line.code)),
  'the log names the stage and its error', failed.slice(0, 3));
}

/* audio_delivery = inline: clips come in their messages, S3 is not needed. */
async function inlined(rig) {
  const { pcm } = await clip('0930');
  const talk = await rig.talk(['es']);

  await setFault(rig.aws, { service: 's3', kind: '500', times: -1 });
  await talk.speak(pcm, { isLast: true });
  await talk.whenDrained();
  const heard = talk.heard('es');
  const seconds = heard.map(({ url }) => decodedSeconds(Buffer.from(
    /^data:audio\/mpeg;base64,(.+)$/.exec(url)?.[1] ?? '', 'base64')));

  ok(heard.length > 0 && heard.every(({ duration }, i) =>
    Math.abs(seconds[i] - duration) < 0.15),
  'inline: each message brings its clip', { heard, seconds });
  is(heard.map(({ at, ...message }) => strangeness('listener', message))
    .filter(Boolean), [], 'and is what docs/protocol says of it');
  is([(await getCalls(rig.aws)).s3?.PutObject ?? 0,
    await rig.workers[0].counter('segments_inlined')], [0, heard.length],
  'nothing was stored');
}

await run(() => Promise.all([withRig({}, phases),
  withRig({ worker: false }, quoted),
  withRig({ config: { audio_delivery: 'inline' } }, inlined)]));
