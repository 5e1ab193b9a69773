// Does a speaker's connection grow?  Sends many chunks through one connection
// and compares the nginx worker process before and after.  Fails when it grew
// by 2 MiB or more, or when a byte did not arrive.
//   node bench/soak.mjs --module FILE [--chunks 100000] [--json] [--framed]
import { parseArgs } from 'node:util';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSink } from './kinesis-sink.mjs';
import { createSession, startServers, status } from './servers.mjs';
import { binaryChunk, jsonChunk, openSpeaker } from './speaker.mjs';

const CHUNK = 8192;
const WINDOW = 256 * 1024;              // sent and not yet acknowledged
const WARM_UP = 0.1;                    // of all chunks, before the first sample
const GROWTH_MAX = 2 * 1024 * 1024;
const STALL_MS = 10000;

const { values } = parseArgs({ options: {
    module: { type: 'string' },
    chunks: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
    framed: { type: 'boolean', default: false },
} });

const chunks = Number(values.chunks);

const kilobytes = (text, name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) * 1024;

const memory = (pid) => ({
    rss: kilobytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS'),
    anon: kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss_Anon'),
});

// Resolves when at most left bytes of what was sent are not in Kinesis yet.
const settle = async (port, sent, left) => {
    for (let seen = -1, since = Date.now(); ;) {
        const { counters } = await status(port);
        const lost = sent - counters.audio_stored_bytes;
        if (lost <= left) {
            return counters;
        }
        if (counters.audio_stored_bytes !== seen) {
            [seen, since] = [counters.audio_stored_bytes, Date.now()];
        } else if (Date.now() - since > STALL_MS) {
            throw new Error(`${lost} bytes do not get to Kinesis`);
        }
        await sleep(5);
    }
};

const send = async (socket, port, frame, from, to) => {
    const step = WINDOW / 2 / CHUNK;
    for (let n = from; n < to; n += step) {
        const count = Math.min(step, to - n);
        for (let i = 0; i < count; i += 1) {
            if (!socket.write(frame)) {
                await once(socket, 'drain');
            }
        }
        await settle(port, (n + count) * CHUNK, WINDOW - step * CHUNK);
        if (Math.floor((n + count) / 10000) > Math.floor(n / 10000)) {
            process.stderr.write(`${n + count} of ${chunks} chunks\n`);
        }
    }
    await settle(port, to * CHUNK, 0);
};

const sink = await startSink({ framed: values.framed });
const servers = await startServers({
    module: values.module, kinesisPort: sink.port,
    record: values.framed ? 'framed' : 'raw',
});
let failed = true;
try {
    const session = await createSession(servers.port);
    const socket = await openSpeaker(servers.port, session);
    const pcm = Buffer.from(Array.from({ length: CHUNK }, (_, i) => (i * 31) & 0xff));
    const frame = values.json ? jsonChunk(pcm, session.sessionId) : binaryChunk(pcm);
    const warm = Math.ceil(chunks * WARM_UP);

    await send(socket, servers.port, frame, 0, warm);
    const before = memory(servers.worker);
    const began = Date.now();
    await send(socket, servers.port, frame, warm, chunks);
    const seconds = (Date.now() - began) / 1000;
    const after = memory(servers.worker);
    const { counters } = await status(servers.port);

    const result = {
        bench: 'soak', chunks, rss_growth_bytes: after.rss - before.rss,
        anon_growth_bytes: after.anon - before.anon, rss_bytes: after.rss,
        bytes_accepted: counters.audio_accepted_bytes, bytes_arrived: sink.counts.bytes,
        kinesis_calls: sink.counts.calls, chunk_form: values.json ? 'json' : 'binary',
        chunks_per_s: Math.round((chunks - warm) / seconds),
    };
    failed = result.rss_growth_bytes >= GROWTH_MAX
        || result.bytes_accepted !== chunks * CHUNK || result.bytes_arrived !== chunks * CHUNK;
    socket.destroy();
    process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
    process.stderr.write(`soak: ${error.message}\n${servers.log()}`);
} finally {
    await servers.stop();
    sink.stop();
}
process.exit(failed ? 1 : 0);
