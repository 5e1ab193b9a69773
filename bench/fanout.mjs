// Fan-out beside nchan: the same listeners (fanout-client) hear the same
// messages from nginx with the module and from nginx with nchan, one process of
// each, one after the other.  Debian: apt-get install libnginx-mod-nchan
//   node bench/fanout.mjs --module FILE --bin DIR
//       [--listeners 1000,10000] [--bytes 400,16384] [--seconds 5] [--rounds 3]
//   … --slow: one listener in a hundred reads at 5 kbit/s
// Fails below 1.5 times nchan's deliveries per CPU second (several messages at
// once), above 1.5 KiB for an idle listener or 16 KiB with TLS (of the last row);
// --slow: when the others' p99 grows by 10 % or a queue beyond its bound.
// A row is the median of its rounds.  "at once" = messages that are posted in
// the same moment.  The table's columns are explained in docs/benchmarks.md.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from '../local/client.mjs';
import { freePort } from '../local/stack.mjs';
import { makeCertificates } from '../local/tls.mjs';
import { childrenOf, cpuSeconds, rssBytes, startTalker } from './processes.mjs';
import { createSession, startNginx, startServers, stopChild } from './servers.mjs';

const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    bin: { type: 'string' },
    listeners: { type: 'string', default: '1000,10000' },
    bytes: { type: 'string', default: '400,16384' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string' },
    slow: { type: 'boolean', default: false },
} });
const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const TOKEN = 'a-token-for-the-fanout-bench', CONNECTIONS = 20000;
const BURST = 4;
const ROUNDS = Number(options.rounds ?? (options.slow ? 7 : 3));
const RATIO_MIN = 1.5, IDLE_MAX = 1536, IDLE_TLS_MAX = 16384;
const SLOW_CHANGE_MAX = 0.1, QUEUE_MAX = 256 * 1024;
const numbers = (text) => text.split(',').map(Number);
const median = (list) => percentile(list, 0.5);
const say = (text) => process.stderr.write(`${text}\n`);
const scratch = mkdtempSync(join(tmpdir(), 'lt-fanout-'));

const certificates = async () => {
    const { tls } = await makeCertificates(scratch);
    writeFileSync(join(scratch, 'cert.pem'), tls.cert);
    writeFileSync(join(scratch, 'key.pem'), tls.key, { mode: 0o600 });
};

const tlsListen = (port) => `listen 127.0.0.1:${port} ssl; ssl_certificate ${scratch}/cert.pem;
        ssl_certificate_key ${scratch}/key.pem;`;

const startOurs = async () => {
    const tlsPort = await freePort();
    const servers = await startServers({
        module: options.module, kinesisPort: 1, connections: CONNECTIONS,
        http: (dir) => {
            writeFileSync(join(dir, 'token'), `${TOKEN}\n`);
            return `lt_listeners_max 10000; lt_results_token_file ${dir}/token;`;
        },
        locations: `${tlsListen(tlsPort)} keepalive_requests 1000000; location = /lt/results { lt_results; }`,
    });
    const { sessionId } = await createSession(servers.port);
    return {
        port: servers.port, tlsPort, pid: servers.worker, stop: servers.stop,
        path: `/ws?sessionId=${sessionId}&targetLanguage=es`,
        publish: `/lt/results?session=${sessionId}&language=es ${TOKEN}`,
    };
};

const nchanConf = (dir, port, tlsPort) => `
load_module ${NCHAN};
worker_processes 1;
error_log ${dir}/error.log notice;
pid ${dir}/nginx.pid;
events { worker_connections ${CONNECTIONS}; }
http {
    access_log off; keepalive_requests 1000000;
    client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy;
    fastcgi_temp_path ${dir}/fastcgi; uwsgi_temp_path ${dir}/uwsgi; scgi_temp_path ${dir}/scgi;
    server {
        listen 127.0.0.1:${port};
        ${tlsListen(tlsPort)}
        location = /ws { nchan_subscriber websocket; nchan_channel_id $arg_id; nchan_subscriber_first_message newest; }
        location = /publish { nchan_publisher; nchan_channel_id $arg_id; nchan_message_buffer_length 64; client_body_buffer_size 64k; }
    }
}
`;

const startNchan = async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lt-nchan-'));
    const [port, tlsPort] = [await freePort(), await freePort()];
    writeFileSync(join(dir, 'nginx.conf'), nchanConf(dir, port, tlsPort));
    const nginx = await startNginx(dir, port);
    const [pid] = childrenOf(nginx.pid);
    return {
        port, tlsPort, pid, path: '/ws?id=talk', publish: '/publish?id=talk', dropped: async () => 0,
        stop: async () => {
            await stopChild(nginx, 'SIGTERM');
            rmSync(dir, { recursive: true, force: true });
        },
    };
};

// What the kernel holds, for both ends of all sockets.
const kernelBytes = () => Number(/^Slab:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]) * 1024;

const connectTo = (server, listeners, tls, slow) => startTalker(join(options.bin, 'fanout-client'),
    [listeners, slow, tls ? server.tlsPort : server.port, tls ? 'tls' : 'plain', server.path]);

// [{ system, listeners, tls, bytes, burst, … }] of one start of a server.
const measure = async (system, start, { listeners, tls, slow, cases }) => {
    const server = await start();
    const rows = [];
    let client = null;
    try {
        const [rss, kernel] = [rssBytes(server.pid), kernelBytes()];
        client = connectTo(server, listeners, tls, slow);
        await client.hear();
        await sleep(1000);
        const idle = (rssBytes(server.pid) - rss) / listeners;
        const kernelIdle = (kernelBytes() - kernel) / listeners;
        await client.ask(`run ${server.port} 0.5 400 1 ${server.publish}`);
        for (const { bytes, burst } of cases) {
            const before = cpuSeconds(server.pid);
            const figures = await client.ask(`run ${server.port} ${options.seconds} ${bytes} ${burst} ${server.publish}`);
            const cpu = cpuSeconds(server.pid) - before;
            rows.push({ ...figures, system, listeners, tls, slow, bytes, burst, idle, kernelIdle,
                per_cpu_s: figures.received / cpu, per_s: figures.received / figures.seconds,
                rss: rssBytes(server.pid) - rss });
        }
    } finally {
        await client?.stop();
        await server.stop();
    }
    return rows;
};

// The same case in several rounds: the median of each figure.
const together = (rounds) => rounds[0].map((row, i) => {
    const figures = { ...row };
    for (const [name, value] of Object.entries(row)) {
        if (typeof value === 'number') {
            figures[name] = median(rounds.map((rows) => rows[i][name]));
        }
    }
    return figures;
});

const compare = async (setting) => {
    const rounds = { ours: [], nchan: [] };
    for (let i = 0; i < ROUNDS; i += 1) {
        say(`${setting.listeners} listeners${setting.tls ? ', TLS' : ''}${setting.slow ? ', slow ones' : ''}, round ${i + 1}`);
        rounds.ours.push(await measure('ours', startOurs, setting));
        rounds.nchan.push(await measure('nchan', startNchan, setting));
    }
    return [...together(rounds.ours), ...together(rounds.nchan)];
};

const COLUMNS = [
    ['system', 7, (r) => r.system], ['listeners', 10, (r) => r.listeners], ['tls', 5, (r) => (r.tls ? 'yes' : 'no')],
    ['slow', 6, (r) => r.slow], ['bytes', 7, (r) => r.bytes], ['at once', 8, (r) => r.burst],
    ['per CPU s', 11, (r) => Math.round(r.per_cpu_s)], ['per s', 9, (r) => Math.round(r.per_s)],
    ['p50 ms', 9, (r) => r.p50_ms.toFixed(1)], ['p99 ms', 9, (r) => r.p99_ms.toFixed(1)],
    ['idle B', 8, (r) => Math.round(r.idle)], ['kernel B', 10, (r) => Math.round(r.kernelIdle)],
    ['RSS MiB', 9, (r) => (r.rss / 1048576).toFixed(1)],
];

const print = (rows) => {
    const line = (cells) => console.log(cells.map((text, i) =>
        (i ? String(text).padStart(COLUMNS[i][1]) : String(text).padEnd(COLUMNS[i][1]))).join(''));
    line(COLUMNS.map(([title]) => title));
    rows.forEach((row) => line(COLUMNS.map(([, , cell]) => cell(row))));
};

const round = (value, digits) => Number(value.toFixed(digits));

const all = async () => {
    const cases = numbers(options.bytes).flatMap((bytes) => [1, BURST].map((burst) => ({ bytes, burst })));
    const rows = [];
    for (const listeners of numbers(options.listeners)) {
        for (const tls of [false, true]) {
            rows.push(...await compare({ listeners, tls, slow: 0, cases }));
        }
    }
    print(rows);
    const first = rows[0].listeners;
    const row = (system, burst) => rows.find((r) => r.system === system && r.listeners === first
        && !r.tls && r.bytes === rows[0].bytes && r.burst === burst);
    const tls = rows.filter((r) => r.system === 'ours' && r.tls).at(-1);
    return {
        bench: 'fanout',
        cpu_ratio_vs_nchan: round(row('ours', BURST).per_cpu_s / row('nchan', BURST).per_cpu_s, 2),
        cpu_ratio_one_at_a_time: round(row('ours', 1).per_cpu_s / row('nchan', 1).per_cpu_s, 2),
        idle_bytes_per_listener: Math.round(row('ours', 1).idle), idle_bytes_nchan: Math.round(row('nchan', 1).idle),
        idle_bytes_tls: tls ? Math.round(tls.idle) : null,
        p99_ms: row('ours', 1).p99_ms, p99_ms_nchan: row('nchan', 1).p99_ms,
    };
};

const slowly = async () => {
    const cases = numbers(options.bytes).map((bytes) => ({ bytes, burst: 1 }));
    const [listeners] = numbers(options.listeners);
    const slow = Math.ceil(listeners / 100);
    const rounds = { without: [], with: [] };
    for (let i = 0; i < ROUNDS; i += 1) {
        rounds.without.push(await measure('ours', startOurs, { listeners, tls: false, slow: 0, cases }));
        rounds.with.push(await measure('ours', startOurs, { listeners, tls: false, slow, cases }));
    }
    const [before, after] = [together(rounds.without), together(rounds.with)];
    print([...before, ...after]);
    // What else the machine does only adds: the best round of each tells what the slow ones do.
    const best = (side, i) => Math.min(...rounds[side].map((rows) => rows[i].p99_ms));
    return { bench: 'fanout-slow', p99_change: cases.map((_, i) => round(best('with', i) / best('without', i) - 1, 3)),
        queue_bytes: Math.round((after.at(-1).rss - before.at(-1).rss) / slow) };
};

let figures;
try {
    if (!existsSync(NCHAN) && !options.slow) {
        throw new Error('nchan is needed: apt-get install libnginx-mod-nchan');
    }
    await certificates();
    figures = options.slow ? await slowly() : await all();
} finally {
    rmSync(scratch, { recursive: true, force: true });
}
console.log(JSON.stringify(figures));
if (options.slow) {
    process.exit(figures.p99_change.some((change) => change >= SLOW_CHANGE_MAX) || figures.queue_bytes > QUEUE_MAX ? 1 : 0);
}
process.exit((figures.cpu_ratio_vs_nchan < RATIO_MIN
    || figures.idle_bytes_per_listener > IDLE_MAX || figures.idle_bytes_tls > IDLE_TLS_MAX) ? 1 : 0);
