// A talk through nginx and worker that run already: node package-talk.mjs URL [SECONDS]
// Says what a listener heard; fails when that is nothing, or not all of it was spoken.
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSession, listen, speak } from '../local/client.mjs';
import { BYTES_PER_SECOND, loadTalk } from '../local/talk.mjs';
import { until } from './lib/until.mjs';

const [base, seconds = '20'] = process.argv.slice(2);
const out = fs.mkdtempSync('/tmp/lt-talk-');
const WAIT_MS = 60_000;

async function talk() {
  const stack = { urls: { base, ws: `${base.replace('http', 'ws')}/ws` } };
  const page = await fetch(`${stack.urls.base}/listener/`);
  if (!page.ok || !/text\/html/.test(page.headers.get('content-type'))) {
    throw new Error(`the listener's page answers ${page.status}`);
  }
  const { sessionId, speakerToken } = await createSession(stack);
  const listener = await listen(stack, { sessionId, language: 'es', out,
    show: (language, text) => console.log(`  ${language}  ${text}`) });
  const speaker = await connect(`${stack.urls.ws}?sessionId=${sessionId}&token=${encodeURIComponent(speakerToken)}`);
  await speak(speaker, sessionId, loadTalk({ rounds: Math.ceil(seconds / 30) }).pcm.subarray(0, Number(seconds) * BYTES_PER_SECOND));
  speaker.send(JSON.stringify({ action: 'endSession', sessionId }));
  const ended = await Promise.race([listener.ended, sleep(WAIT_MS).then(() => 'timeout')]);
  await Promise.all(listener.pending);
  if (ended !== true || listener.segments.length === 0 || listener.captions.length > 0) {
    throw new Error(`ended: ${ended}, ${listener.segments.length} clips, ${listener.captions.length} without voice`);
  }
  return listener.segments.length;
}

if (!await until(() => fetch(`${base}/health`).then((answer) => answer.ok, () => false), WAIT_MS)) {
  throw new Error(`${base}/health does not answer`);
}
console.log(`${await talk()} clips heard`);
fs.rmSync(out, { recursive: true });
process.exit(0);
