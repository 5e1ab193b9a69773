/* Marks in all that must stay secret: tokens, keys, audio, words.  A whole talk
   with faults, nginx and worker as talkative as they get, then a search of all
   logs.  And the talk's trace: from its handshake to AWS and to the results. */
import fs from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { connect, createSession, speak } from '../../local/client.mjs';
import { credentials } from '../../local/config.mjs';
import { createRequire } from 'node:module';
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { clearFaults, clip, FINISH_CHECKS, setFault, sleep, until, withRig }
  from './harness.mjs';
import { startNginx } from './nginx.mjs';

const WebSocket = createRequire(new URL('../../local/package.json',
  import.meta.url))('ws');

plan(15 + FINISH_CHECKS);

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

/* Passes on to target, and remembers what came. */
async function record(target) {
  const seen = [];
  const server = http.createServer((req, res) => {
    seen.push({ ...req.headers, method: req.method });
    const to = http.request(`${target.replace(/\/$/, '')}${req.url}`,
      { method: req.method, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
      });
    to.on('error', () => res.destroy());
    req.pipe(to);
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return { seen, url: `http://127.0.0.1:${server.address().port}` };
}

/* ---- the talk, with what goes wrong */

async function talk(rig, nginx, worker, marks) {
  const session = await createSession(nginx);
  const path = `${nginx.urls.ws}?sessionId=${session.sessionId}`;
  const listener = await connect(`${path}&targetLanguage=es`);
  const heard = [];
  listener.on('message', (data) => heard.push(JSON.parse(data)));
  const socket = new WebSocket(`${path}&token=${session.speakerToken}`,
    { headers: { traceparent: PARENT }, perMessageDeflate: false });
  await once(socket, 'open');
  marks.token = session.speakerToken;

  const { pcm } = await clip('0870');
  marks.audio = pcm.toString('base64', 8192, 8192 + 48);
  marks.audioHex = pcm.toString('hex', 8192, 8192 + 16);
  await speak(socket, session.sessionId, pcm);
  await until(() => heard.some(({ type }) => type === 'translatedAudio'));
  await setFault(rig.aws, { service: 'polly', kind: '500', times: -1 });
  await setFault(rig.aws, { service: 'translate', kind: 'throttle', times: 2 });
  await setFault(rig.aws, { service: 'kinesis', operation: 'PutRecords',
    kind: '500', times: 2 });
  await speak(socket, session.sessionId, pcm);
  await until(() => heard.some(({ type }) => type === 'caption'));
  await clearFaults(rig.aws);
  socket.send(`{"action":"audioChunk","audioData":"${marks.audio}"`);
  socket.send(JSON.stringify({ action: marks.token, token: marks.token }));
  await connect(`${path}&token=${marks.wrong}`).catch(() => {});
  await fetch(`${nginx.results}?session=${session.sessionId}`, { method: 'POST',
    headers: { authorization: `Bearer ${marks.wrong}` },
    body: JSON.stringify({ type: 'caption', text: marks.words }) });
  await fetch(`${nginx.results}?session=${session.sessionId}`, { method: 'POST',
    headers: { authorization: `Bearer ${marks.results}` },
    body: `{"text":"${marks.words}` });
  await fetch(`${nginx.urls.base}/sessions/${session.sessionId}`, {
    method: 'DELETE', headers: { authorization: `Bearer ${marks.token}` } });
  await until(() => worker.log('session_ended').length > 0, 20_000);
  socket.terminate();
  listener.terminate();
  await sleep(300);
  return { session, heard };
}

/* ---- the search */

const phrases = (messages) => messages.flatMap((message) =>
  [message.transcript, message.sourceTranscript, message.text,
    message.sourceText]).filter(Boolean).flatMap((text) => {
  const words = text.toLowerCase().split(/[^\p{L}']+/u).filter(Boolean);
  return words.slice(1).map((word, i) => `${words[i]} ${word}`)
    .filter((pair) => pair.length > 9);
});

/* Lines of ours in nginx's log; at debug nginx itself writes whole headers. */
const ours = (text) => text.split(/\n(?=\d{4}\/\d\d\/)/).filter((line) =>
  !/\[debug\]/.test(line) || /: (\*\d+ )?lt\b/.test(line)).join('\n');

const found = (texts, marks) => marks.filter((mark) => texts.some((text) =>
  text.toLowerCase().includes(mark.toLowerCase())));

run(() => withRig({ worker: false }, async (rig) => {
  const nginx = await startNginx(rig, { level: 'debug' });
  const marks = { results: fs.readFileSync(`${rig.dir}/token`, 'utf8').trim(),
    secret: credentials.secretAccessKey, wrong: `canary-${'x9'.repeat(18)}`,
    words: 'kanarienvogel zwitschert', signature: 'X-Amz-Signature',
    authorization: 'AWS4-HMAC-SHA256', clip: '.mp3?' };
  const [translate, polly, s3, results] = await Promise.all(
    [rig.aws.translate, rig.aws.polly, rig.aws.s3, nginx.inner].map(record));
  const worker = await rig.worker({ log_level: 'debug',
    results_urls: `${results.url}/lt/results`, translate_endpoint: translate.url,
    polly_endpoint: polly.url, s3_endpoint: s3.url });
  const { session, heard } = await talk(rig, nginx, worker, marks);
  const said = [...new Set(phrases(heard))];
  note(`${heard.length} messages, ${said.length} pairs of words, ${
    Object.keys(marks).length} marks`);

  /* the marks were really there, and the logs are */
  ok(said.length > 3, 'words were heard', heard);
  const log = nginx.logs();
  ok(/\[debug\]/.test(log), 'nginx was at debug');
  ok(worker.text.includes('"level":"debug"'), 'the worker was at debug');
  ok(log.includes(session.sessionId) && worker.text.includes(session.sessionId),
    'both wrote of the talk');
  ok(/"status":500|segment_failed/.test(worker.text)
    && /kinesis_put_failed/.test(log) && /result_refused/.test(log)
    && /handshake_refused/.test(log) && /message_refused/.test(log),
  'and of what went wrong');

  const texts = [ours(log), worker.text,
    fs.readFileSync(`${rig.dir}/redis.log`, 'utf8')];
  const all = [...Object.values(marks), ...said];
  is(found(texts, all), [], 'no token, key, audio or word in any log');
  is(found([`x ${marks.token} x`, `y ${said[0].toUpperCase()} y`], all),
    [marks.token, said[0]], 'they would be found');
  is(found([await (await fetch(`${nginx.inner}/metrics`)).text(),
    await (await fetch(`http://127.0.0.1:${worker.statusPort}/`)).text()],
  [...all, session.sessionId]), [], 'nor in the metrics, nor the talk');

  /* the trace */
  for (const [name, { seen }] of Object.entries({ translate, polly, s3,
    results })) {
    const traces = seen.filter(({ method }) => method !== 'GET')
      .map((headers) => headers.traceparent ?? 'none');
    ok(seen.length > 0 && traces.every((trace) => trace.split('-')[1] === TRACE)
      && new Set(traces).size === traces.length,
    `${name}: each request is a span of the talk's trace`, traces);
  }
  is(s3.seen[0]['x-amzn-trace-id'].replace(/Parent=\w+/, ''),
    `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)};;Sampled=1`,
    'in the form of AWS, too');
  is(worker.log('session_opened')[0]?.trace, PARENT, 'in the worker\'s log');
  ok(log.includes(PARENT), 'in nginx\' access log');
  await nginx.stop();
}));
