// Ingest beside what a team would write instead: the same speakers (ingest-load)
// talk to nginx with the module, to a Node relay that puts each chunk and to one
// that batches (ingest-relay); each writes to the same kind of Kinesis, which
// answers at once (ingest-sink). One process is measured at a time. Beside them
// the floor: only what no program can leave out (ingest-floor).
//   node bench/ingest.mjs --module FILE --bin DIR
//       [--seconds 10] [--warm 8] [--tls] [--json-only]
//   … --speakers 2000 --seconds 600 [--protocol json|cbor] [--workers 1]
// The second form runs ours alone and fails when a byte is lost, when a process
// is larger by 1 MiB or more than after the first minute, or when p99 is over
// 150 ms and the linger. The table's columns are explained in docs/benchmarks.md.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeCertificates } from '../local/tls.mjs';
import { childrenOf, cpuSeconds, rssBytes, startTalker } from './processes.mjs';
import { createSession, startServers, status } from './servers.mjs';

const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    bin: { type: 'string' },
    speakers: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    warm: { type: 'string', default: '8' },
    protocol: { type: 'string', default: 'json' },
    workers: { type: 'string', default: '1' },
    tls: { type: 'boolean', default: false },
    'json-only': { type: 'boolean', default: false },
} });
const CHUNK_BYTES = 8192, CHUNKS_PER_S = 4, LINGER_MS = 100;
const P99_MAX_MS = 150 + LINGER_MS, GROWTH_MAX = 1024 * 1024;
const BUFFER_TOTAL = '600m';            // 8 s of 2,000 speakers: only faults fill it
const COMPARED = 100;                   // speakers; all three keep up with them
const SPEAKERS = [1, 26, 500];          // of the table of costs

const say = (text) => process.stderr.write(`${text}\n`);
const scratch = mkdtempSync(join(tmpdir(), 'lt-ingest-'));

// CPU seconds that SHA-256 of one byte takes: every request is signed.
const shaSecondsPerByte = () => {
    const block = Buffer.alloc(1 << 20, 7);
    let best = Infinity;
    for (let round = 0; round < 5; round += 1) {
        const before = process.cpuUsage();
        const hash = createHash('sha256');
        for (let i = 0; i < 100; i += 1) {
            hash.update(block);
        }
        hash.digest();
        const { user, system } = process.cpuUsage(before);
        best = Math.min(best, (user + system) / 1e6 / (100 * block.length));
    }
    return best;
};

const certificates = async () => {
    const { ca, tls } = await makeCertificates(scratch);
    const files = { ca, cert: join(scratch, 'cert.pem'), key: join(scratch, 'key.pem') };
    writeFileSync(files.cert, tls.cert);
    writeFileSync(files.key, tls.key, { mode: 0o600 });
    return files;
};

const files = options.tls ? await certificates() : null;

const startSink = async () => {
    const sink = startTalker(join(options.bin, 'ingest-sink'),
        [CHUNK_BYTES, 0, ...files ? [files.cert, files.key] : []]);
    const { port } = await sink.hear();
    const endpoint = options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
    return { ...sink, port, endpoint };
};

const startOurs = (protocol) => async (sink) => {
    const servers = await startServers({
        module: options.module, kinesisPort: sink.port, kinesisTls: files,
        linger: `${LINGER_MS}ms`, buffer: '8s', workers: Number(options.workers),
        http: () => `${protocol === 'json' ? '' : `lt_kinesis_protocol ${protocol};`}
    lt_audio_buffer_total ${BUFFER_TOTAL};`,
    });
    const dropped = async () => Object.fromEntries(Object.entries((await status(servers.port)).counters)
        .filter(([counter, n]) => /^audio_dropped_/.test(counter) && n > 0));
    return { port: servers.port, pids: childrenOf(servers.nginx), stop: servers.stop, dropped,
        session: async () => {
            const { sessionId, speakerToken } = await createSession(servers.port);
            return `${sessionId} ${speakerToken}`;
        } };
};

const startPeer = (command, args) => async (sink) => {
    const peer = startTalker(command, args(sink), files ? { NODE_EXTRA_CA_CERTS: files.ca } : {});
    const { port } = await peer.hear();
    let n = 0;
    return { port, pids: [peer.pid], stop: peer.stop,
        session: async () => { n += 1; return `calm-river-${n} none`; } };
};

const startRelay = (mode) => startPeer(process.execPath, (sink) =>
    [new URL('./ingest-relay.mjs', import.meta.url).pathname, mode, sink.endpoint]);

const FLOOR = 'floor';                  // its PCM has no times and numbers: only its CPU counts

const SYSTEMS = {
    'ours json': startOurs('json'), 'ours cbor': startOurs('cbor'),
    'relay put': startRelay('put'), 'relay batch': startRelay('batch'),
    [FLOOR]: startPeer(join(options.bin, 'ingest-floor'), (sink) => [sink.port, CHUNK_BYTES, LINGER_MS]),
};

const sum = (values) => values.reduce((a, b) => a + b, 0);
const cpuOf = (pids) => sum(pids.map(cpuSeconds));
const rssOf = (pids) => pids.map(rssBytes);

// Waits while looking at the memory: by how much each process is larger than at
// the first minute's end, when the time is over (growth) and at most (peak:
// audio that waited for a moment); and all of it at each minute.
const watch = async (pids, seconds) => {
    const start = Date.now();
    const seen = { growth: 0, peak: 0, minutes_kib: [] };
    let first = null;
    while (Date.now() - start < seconds * 1000) {
        await sleep(Math.min(5000, seconds * 1000 - (Date.now() - start)));
        const now = rssOf(pids);
        if (Math.floor((Date.now() - start) / 60_000) > seen.minutes_kib.length) {
            seen.minutes_kib.push(sum(now) / 1024);
            first ??= now;
        }
        seen.growth = first ? Math.max(...now.map((rss, i) => rss - first[i])) : 0;
        seen.peak = Math.max(seen.peak, seen.growth);
    }
    return seen;
};

// What was sent reaches Kinesis after the last frame; then nothing more comes.
const settled = async (sink, figures, sent) => {
    const total = { ...figures };
    for (let i = 0; i < 100 && total.chunks < sent; i += 1) {
        await sleep(100);
        const more = await sink.ask('reset');
        for (const name of ['calls', 'chunks', 'bytes', 'disorder', 'bad']) {
            total[name] += more[name];
        }
    }
    return total;
};

const measure = async (name, speakers, seconds) => {
    say(`${name}, ${speakers} speakers, ${seconds} s`);
    const sink = await startSink();
    const system = await SYSTEMS[name](sink);
    const warm = Number(options.warm);
    let load = null;
    try {
        const lines = [];
        for (let i = 0; i < speakers; i += 1) {
            lines.push(await system.session());
        }
        const rssIdle = sum(rssOf(system.pids));
        load = startTalker(join(options.bin, 'ingest-load'),
            [system.port, speakers, warm + seconds, CHUNKS_PER_S, CHUNK_BYTES, 'json']);
        await load.ask(lines.join('\n'));
        await sleep(warm * 1000);

        const before = await sink.ask('reset');
        const cpu = cpuOf(system.pids);
        const memory = await watch(system.pids, seconds - 0.5);
        const steady = await sink.ask('reset');
        const used = cpuOf(system.pids) - cpu;
        const rss = sum(rssOf(system.pids));

        const sent = await load.hear();
        const first = Object.fromEntries(Object.keys(before).map((k) => [k, before[k] + steady[k]]));
        const total = await settled(sink, first, sent.chunks);
        const hours = speakers * (seconds - 0.5) / 3600;
        return {
            system: name, speakers, chunks: steady.chunks, load: sent,
            cpu_us_per_chunk: used * 1e6 / steady.chunks,
            cpu_s_per_byte: used / steady.bytes,
            chunks_per_cpu_s: steady.chunks / used,
            p50_ms: steady.p50_ms, p99_ms: steady.p99_ms, max_ms: steady.max_ms,
            kib_per_speaker: (rss - rssIdle) / 1024 / speakers,
            wire_per_chunk: steady.wire / steady.chunks,
            calls_per_speaker_hour: steady.calls / hours,
            units_per_speaker_hour: steady.units / hours,
            lost_bytes: sent.bytes - total.bytes, unsent: sent.unsent,
            disorder: total.disorder, bad: total.bad, memory,
            dropped: await system.dropped?.(),
        };
    } finally {
        await load?.stop();
        await system.stop();
        await sink.stop();
    }
};

const COLUMNS = [
    ['system', 12, (r) => r.system], ['speakers', 9, (r) => r.speakers],
    ['chunks/CPU s', 13, (r) => Math.round(r.chunks_per_cpu_s)],
    ['CPU ms/1000', 12, (r) => r.cpu_us_per_chunk.toFixed(1)],
    ['p50 ms', 8, (r) => r.p50_ms], ['p99 ms', 8, (r) => r.p99_ms],
    ['KiB/speaker', 12, (r) => r.kib_per_speaker.toFixed(1)],
    ['wire B/chunk', 13, (r) => Math.round(r.wire_per_chunk)],
    ['calls/sp.h', 11, (r) => Math.round(r.calls_per_speaker_hour)],
    ['units/sp.h', 12, (r) => Math.round(r.units_per_speaker_hour)],
    ['lost B', 11, (r) => r.lost_bytes], ['disorder', 9, (r) => r.disorder],
];

const OF_FLOOR = ['system', 'speakers', 'chunks/CPU s', 'CPU ms/1000', 'wire B/chunk'];

const print = (rows) => {
    const line = (cells) => console.log(cells.map((text, i) =>
        (i ? String(text).padStart(COLUMNS[i][1]) : String(text).padEnd(COLUMNS[i][1]))).join(''));
    line(COLUMNS.map(([title]) => title));
    rows.forEach((row) => line(COLUMNS.map(([title, , cell]) =>
        (row.system === FLOOR && !OF_FLOOR.includes(title) ? '-' : cell(row)))));
};

const round = (value, digits) => Number(value.toFixed(digits));

const speaksCbor = () => {
    const text = spawnSync('grep', ['-c', 'lt_kinesis_protocol', options.module]).stdout;
    return Number(text) > 0 && !options['json-only'];
};

const compare = async () => {
    const seconds = Number(options.seconds);
    const ours = speaksCbor() ? ['ours json', 'ours cbor'] : ['ours json'];
    const best = ours.at(-1);
    const rows = [];
    for (const name of [...ours, 'relay put', 'relay batch']) {
        rows.push(await measure(name, COMPARED, seconds));
    }
    for (const speakers of SPEAKERS) {
        for (const name of [...ours, ...speakers < COMPARED ? ['relay put'] : [], 'relay batch']) {
            rows.push(await measure(name, speakers, seconds));
        }
    }
    if (!options.tls) {
        rows.push(await measure(FLOOR, SPEAKERS.at(-1), seconds));
    }
    const row = (name, speakers) => rows.find((r) => r.system === name && r.speakers === speakers);
    const cpu = (name) => row(name, COMPARED).cpu_us_per_chunk;
    const sha = shaSecondsPerByte();
    const top = SPEAKERS.at(-1);
    print(rows);
    return {
        bench: 'ingest',
        cpu_ratio_vs_relay_put: round(cpu('relay put') / cpu('ours json'), 1),
        cpu_ratio_vs_relay_batch: round(cpu('relay batch') / cpu('ours json'), 1),
        sha256_bound_share: round(sha / row(best, top).cpu_s_per_byte, 3),
        sha256_bound_share_floor: options.tls ? null : round(sha / row(FLOOR, top).cpu_s_per_byte, 3),
        kib_per_speaker: round(row('ours json', top).kib_per_speaker, 1),
        p99_accept_ms: row('ours json', top).p99_ms,
        sha256_us_per_chunk: round(sha * CHUNK_BYTES * 1e6, 2),
        lost_bytes: sum(rows.filter((r) => ours.includes(r.system)).map((r) => r.lost_bytes)),
        tls: options.tls,
    };
};

const endure = async () => {
    const row = await measure(`ours ${options.protocol}`, Number(options.speakers), Number(options.seconds));
    print([row]);
    return {
        bench: 'ingest-long', speakers: row.speakers, chunks: row.chunks, lost_bytes: row.lost_bytes,
        disorder: row.disorder, dropped: row.dropped, unsent: row.unsent, growth_bytes: row.memory.growth,
        peak_bytes: row.memory.peak, rss_kib: row.memory.minutes_kib,
        kib_per_speaker: round(row.kib_per_speaker, 1), p50_accept_ms: row.p50_ms,
        p99_accept_ms: row.p99_ms, max_accept_ms: row.max_ms, blocked: row.load.blocked,
        load_late_ms: row.load.late_ms, tls: options.tls,
        sha256_bound_share: round(shaSecondsPerByte() / row.cpu_s_per_byte, 3),
    };
};

let figures;
try {
    figures = options.speakers ? await endure() : await compare();
} finally {
    rmSync(scratch, { recursive: true, force: true });
}
console.log(JSON.stringify(figures));
const isBad = figures.lost_bytes !== 0 || (figures.bench === 'ingest-long'
    && (figures.growth_bytes >= GROWTH_MAX || figures.p99_accept_ms >= P99_MAX_MS || figures.disorder > 0));
process.exit(isBad ? 1 : 0);
