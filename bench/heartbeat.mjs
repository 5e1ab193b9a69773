// How soon a heartbeat is answered while many speakers stream.
//   node bench/heartbeat.mjs --module FILE [--speakers 200] [--seconds 20]
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from '../local/client.mjs';
import { startSink } from './kinesis-sink.mjs';
import { jsonChunk, openSpeaker } from './speaker.mjs';
import { createSession, startServers, status } from './servers.mjs';

const { WebSocket } = createRequire(new URL('../local/package.json', import.meta.url))('ws');
const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    speakers: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
} });
const CHUNK_BYTES = 8192, CHUNK_MS = 256, BEAT_MS = 10;


const sink = await startSink({ framed: false });
const servers = await startServers({ module: options.module, kinesisPort: sink.port,
    linger: '100ms', workers: 2 });
const figures = { bench: 'heartbeat', speakers: Number(options.speakers) };
try {
    const sockets = [];
    const timers = [];

    for (let i = 0; i < figures.speakers; i += 1) {
        const session = await createSession(servers.port);
        const socket = await openSpeaker(servers.port, session);
        const chunk = jsonChunk(Buffer.alloc(CHUNK_BYTES, i), session.sessionId);
        sockets.push(socket);
        setTimeout(() => timers.push(setInterval(() => socket.write(chunk), CHUNK_MS)),
            Math.random() * CHUNK_MS);
    }

    // Several sockets ask in turn, so that no limit of one is in the way.
    const { sessionId } = await createSession(servers.port);
    const askers = await Promise.all(Array.from({ length: 20 }, () => new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${servers.port}/ws?sessionId=${sessionId}&targetLanguage=es`);
        socket.on('open', () => resolve(socket));
        socket.on('error', reject);
    })));
    const times = [];
    const beat = (socket) => new Promise((resolve, reject) => {
        const start = performance.now();
        const late = setTimeout(() => reject(new Error('no heartbeatAck in 5 s')), 5000);
        socket.once('message', () => {
            clearTimeout(late);
            times.push(performance.now() - start);
            resolve();
        });
        socket.send('{"action":"heartbeat"}');
    });
    const end = Date.now() + Number(options.seconds) * 1000;

    await sleep(1000);
    for (let i = 0; Date.now() < end; i += 1) {
        await Promise.all([beat(askers[i % askers.length]), sleep(BEAT_MS)]);
    }

    timers.forEach(clearInterval);
    const at = (share) => Number(percentile(times, share).toFixed(2));
    const { counters } = await status(servers.port);
    Object.assign(figures, { beats: times.length, chunks: counters.audio_chunks,
        p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) });
    [...sockets, ...askers].forEach((socket) => (socket.destroy ?? socket.terminate).call(socket));
} finally {
    await servers.stop();
    sink.stop();
}
console.log(JSON.stringify(figures));
process.exit(figures.p99_ms < 100 ? 0 : 1);
