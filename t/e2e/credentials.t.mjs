/* The whole chain on temporary AWS keys, against fronts that verify each
   signature and session token: renewed while a speaker talks, and once all
   expired at a stroke. Not a byte is lost. */
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStack } from '../../local/stack.mjs';
import { client } from '../../local/test/stand-ins.mjs';
import { plan, ok, is, run } from './tap.mjs';
import { until, OUT, ROOT } from './tools.mjs';

const require = createRequire(path.join(ROOT, 'local/package.json'));
const WebSocket = require('ws');
const { GetRecordsCommand, GetShardIteratorCommand, KinesisClient }
  = require('@aws-sdk/client-kinesis');
const CHUNK = 8192;
const CHUNKS = 50;                      /* one in 200 ms: 10 s */
const LIFE_S = 6;

plan(9);

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const figures = async (url) => (await fetch(url)).json();
const tell = (stack, what, data = {}) => fetch(`${stack.aws.fleet}/_test/${what}`,
  { method: 'POST', body: JSON.stringify(data) });

async function speak(stack, pcm) {
  const answer = await fetch(`${stack.urls.base}/sessions`, { method: 'POST',
    body: '{"sourceLanguage":"en"}' });
  const { sessionId, speakerToken: token } = await answer.json();
  const socket = new WebSocket(
    `${stack.urls.ws}?${new URLSearchParams({ sessionId, token })}`);
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  for (let i = 0; i < CHUNKS; i++) {
    socket.send(pcm.subarray(i * CHUNK, (i + 1) * CHUNK));
    if (i === 40) {                     /* refused 5 s after the first time */
      await tell(stack, 'expire');
    }
    await sleep(200);
  }
  return { sessionId, socket };
}

/* What the stream holds of a session, by the records' offsets. */
async function stored(stack, sessionId, length) {
  const kinesis = new KinesisClient(client(stack.aws.kinesis));
  let { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({
    StreamName: stack.aws.stream, ShardId: 'shardId-000000000000',
    ShardIteratorType: 'TRIM_HORIZON' }));
  const pcm = Buffer.alloc(length);
  for (let pages = 0; pages < 20 && ShardIterator; pages++) {
    const page = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    for (const { PartitionKey, Data } of page.Records) {
      if (PartitionKey === sessionId) {
        Buffer.from(Data).copy(pcm, Number(
          Buffer.from(Data).readBigUInt64LE(16)), 32);
      }
    }
    ShardIterator = page.MillisBehindLatest > 0 ? page.NextShardIterator : null;
    await sleep(250);
  }
  kinesis.destroy();
  return pcm;
}

async function main(stack) {
  await tell(stack, 'life', { seconds: LIFE_S });
  ok(await until(async () => (await figures(stack.urls.status))
    .credentials.isReady), 'nginx has temporary keys');
  is((await figures(stack.urls.status)).credentials.source, 'container',
    'of the container');
  ok(await until(async () => (await figures(stack.urls.worker))
    .gauges.credentials_ready === 1), 'and so has the worker');
  await tell(stack, 'expire');          /* the first ones lived longer */

  const pcm = randomBytes(CHUNK * CHUNKS);
  const { sessionId, socket } = await speak(stack, pcm);
  const nginx = await until(async () => {
    const now = await figures(stack.urls.status);
    return now.counters.audio_stored_bytes >= pcm.length && now;
  });
  is(nginx?.counters.audio_stored_bytes, pcm.length, 'all audio is stored');
  is(sha256(await stored(stack, sessionId, pcm.length)), sha256(pcm),
    'byte for byte');
  ok(nginx?.counters.credentials_taken >= 4, 'nginx: by several keys',
    nginx?.counters.credentials_taken);
  ok(nginx?.counters.kinesis_errors_credentials >= 1,
    'nginx: some of which were refused');
  const worker = (await figures(stack.urls.worker)).counters;
  ok(worker.credentials_taken >= 3, 'worker: by several keys',
    worker.credentials_taken);
  is(worker.aws_failures, 0, 'worker: without losing a call');
  socket.close();
}

await run(async () => {
  const stack = await startStack({ dir: path.join(OUT, 'credentials'),
    nginxProcesses: 1, fleet: true });
  try {
    await main(stack);
  } finally {
    await stack.stop();
  }
});
