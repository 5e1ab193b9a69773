// A deployment at noon: nginx is reloaded again and again, its binary upgraded
// once and a worker process killed now and then, while listeners of ours and
// existing apps hear a talk.  What each of ours hears is written down.
//   node bench/reload.mjs --module FILE [--listeners 1000] [--legacy 50]
//       [--seconds 120] [--reloads 20] [--kills 0] [--window 5]
// The long one: --listeners 5000 --legacy 200 --seconds 600 --kills 4.
// Fails when a segment is lost or doubled at one of ours, when one of them is away
// for more than 3 s, when an existing app's socket is closed although its window is
// open, or when nginx leaves something behind.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../local/client.mjs';
import { until } from '../t/lib/until.mjs';
import { childrenOf } from './processes.mjs';
import { createSession, startServers, status } from './servers.mjs';

const { WebSocket } = createRequire(new URL('../local/package.json', import.meta.url))('ws');
const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    listeners: { type: 'string', default: '1000' },
    legacy: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '120' },
    reloads: { type: 'string', default: '20' },
    kills: { type: 'string', default: '0' },
    window: { type: 'string', default: '5' },
} });
const TOKEN = 'a-token-for-the-reload-bench', LANGUAGES = ['es', 'fr', 'de', 'it'];
const SEGMENT_MS = 1000, WORKERS = 2, SETTLE_MS = 30000, BACK_MAX_MS = 3000;

const DEPLOYS = Number(options.reloads) + 1;        // the upgrade

const figures = { bench: 'reload', listeners: Number(options.listeners), legacy: Number(options.legacy), segments: 0,
    reloads: 0, upgrades: 0, kills: 0, moves: 0, back_ms_p50: 0, back_ms_max: 0,
    segments_lost: 0, segments_doubled: 0, segments_missed: 0, legacy_closed_early: 0, legacy_lost: 0,
    old_processes: 0, sockets_left: 0 };
const backMs = [];
let isOver = false;

// One of ours: comes back by itself, with the last segment that it has had.
class Listener {
    heard = new Map();          // segment -> how often
    last = 0;
    lostAt = 0;

    constructor(url, language) {
        Object.assign(this, { url, language });
    }

    connect() {
        const query = `&targetLanguage=${this.language}&resume=1${this.last ? `&lastSegment=${this.last}` : ''}`;
        return new Promise((resolve) => {
            const socket = new WebSocket(this.url + query);
            this.socket = socket;
            socket.on('open', () => {
                if (this.lostAt) {
                    backMs.push(Date.now() - this.lostAt);
                    this.lostAt = 0;
                }
                resolve();
            });
            socket.on('message', (data) => this.#take(JSON.parse(data)));
            socket.on('error', () => {});
            socket.on('close', () => {
                if (!isOver) {
                    figures.moves += this.lostAt ? 0 : 1;
                    this.lostAt ||= Date.now();
                    setTimeout(() => this.connect().then(resolve), 50 + Math.random() * 200);
                }
            });
        });
    }

    #take({ type, segment, from, to }) {
        if (type === 'segmentsMissed') {
            figures.segments_missed += to - from + 1;
        }
        if (segment) {
            this.heard.set(segment, (this.heard.get(segment) ?? 0) + 1);
            this.last = Math.max(this.last, segment);
        }
    }
}

// An existing app: never comes back.
const legacy = (url, language) => new Promise((resolve) => {
    const socket = new WebSocket(`${url}&targetLanguage=${language}`);
    const one = { socket, heard: new Set(), closed: false };
    socket.on('open', () => resolve(one));
    socket.on('message', (data) => one.heard.add(JSON.parse(data).segment));
    socket.on('close', () => { one.closed = true; });
    socket.on('error', () => {});
});

const isAlive = (pid) => {
    try { process.kill(pid, 0); return true; } catch { return false; }
};

const servers = await startServers({
    module: options.module, kinesisPort: 1, workers: WORKERS, connections: 16384,
    http: (dir) => {
        writeFileSync(join(dir, 'token'), `${TOKEN}\n`);
        return `lt_listeners_max 10000; lt_drain ${options.window}s; lt_results_token_file ${dir}/token;`;
    },
    locations: 'location = /lt/results { lt_results; }',
});

// A daemon of its own: a master whose parent lives takes that for an upgrade
// under way and refuses another.
const masterPid = () => {
    try { return Number(readFileSync(join(servers.dir, 'nginx.pid'), 'utf8')); } catch { return 0; }
};
const startDaemon = async () => {
    process.kill(servers.nginx, 'SIGTERM');
    await until(() => !isAlive(servers.nginx), 10000);
    const nginx = execFileSync('sh', ['-c', 'command -v nginx'], { encoding: 'utf8' }).trim();
    execFileSync(nginx, ['-p', servers.dir, '-e', join(servers.dir, 'error.log'),
        '-c', join(servers.dir, 'nginx.conf')]);
    await until(() => masterPid() !== 0, 10000);
    return masterPid();
};
let master = 0;

const say = async (session, language, segment) => {
    const body = JSON.stringify({ type: 'translatedAudio', language, segment, sequenceNumber: segment });
    for (;;) {                          // the worker does not give up either
        const answer = await fetch(`http://127.0.0.1:${servers.port}/lt/results?session=${session}&language=${language}`,
            { method: 'POST', body, headers: { Authorization: `Bearer ${TOKEN}` } }).catch(() => null);
        if (answer?.status === 200) {
            return;
        }
        await sleep(50);
    }
};

const upgrade = async () => {
    const old = master;
    process.kill(old, 'SIGUSR2');
    const isNew = () => {
        master = masterPid();
        return master !== 0 && master !== old;
    };
    if (!await until(isNew, 10000)) {
        throw new Error('the new binary did not start');
    }
    process.kill(old, 'SIGQUIT');
    figures.upgrades += 1;
};

const deploy = async (n) => {
    if (n === Math.ceil(DEPLOYS / 2)) {
        await upgrade();
        return;
    }
    process.kill(master, 'SIGHUP');
    figures.reloads += 1;
};

const many = async (count, make) => {
    const all = [];
    while (all.length < count) {
        all.push(...await Promise.all(Array.from({ length: Math.min(50, count - all.length) },
            (_, i) => make(LANGUAGES[(all.length + i) % LANGUAGES.length]))));
    }
    return all;
};

try {
    master = await startDaemon();
    const { sessionId } = await createSession(servers.port);
    const url = `ws://127.0.0.1:${servers.port}/ws?sessionId=${sessionId}`;
    const ours = await many(figures.listeners, async (language) => {
        const one = new Listener(url, language);
        await one.connect();
        return one;
    });
    const apps = await many(figures.legacy, (language) => legacy(url, language));
    const start = Date.now();
    const duration = Number(options.seconds) * 1000;
    const first = new Set(childrenOf(master));
    let deployed = 0;

    while (Date.now() - start < duration) {
        const next = Date.now() + SEGMENT_MS;
        figures.segments += 1;
        await Promise.all(LANGUAGES.map((language) => say(sessionId, language, figures.segments)));
        if ((Date.now() - start) / duration * (DEPLOYS + 1) > deployed + 1) {
            deployed += 1;
            await deploy(deployed);
        } else if (figures.kills < Number(options.kills)
            && (Date.now() - start) / duration * (Number(options.kills) + 1) > figures.kills + 0.5) {
            const now = childrenOf(master).filter((pid) => !first.has(pid));  // no existing app is there
            if (now.length > 0) {
                process.kill(now[0], 'SIGKILL');
                figures.kills += 1;
            }
        }
        await sleep(Math.max(0, next - Date.now()));
    }
    const all = Array.from({ length: figures.segments }, (_, i) => i + 1);
    await until(() => ours.every(({ last }) => last === figures.segments), SETTLE_MS);

    for (const { heard } of ours) {
        figures.segments_lost += all.filter((n) => !heard.has(n)).length;
        figures.segments_doubled += [...heard.values()].filter((n) => n > 1).length;
    }
    figures.legacy_closed_early = apps.filter(({ closed }) => closed).length;
    figures.legacy_lost = apps.reduce((sum, { heard }) => sum + all.filter((n) => !heard.has(n)).length, 0);
    figures.back_ms_p50 = percentile(backMs, 0.5) ?? 0;
    figures.back_ms_max = percentile(backMs, 1) ?? 0;
    isOver = true;
    apps.forEach(({ socket }) => socket.terminate());
    const now = new Set(childrenOf(master));
    const old = [...first].filter((pid) => !now.has(pid) || deployed > 0);
    await until(() => !old.some(isAlive), Number(options.window) * 1000 + SETTLE_MS);
    figures.old_processes = old.filter(isAlive).length;
    figures.moved_by_drain = (await status(servers.port)).counters.sockets_moved;
    ours.forEach(({ socket }) => socket.terminate());
} finally {
    isOver = true;
    figures.sockets_left = (servers.log().match(/open socket #\d+ left/g) ?? []).length;
    figures.alerts = (servers.log().match(/\[(alert|emerg)\](?!.*(signal 9|open socket))/g) ?? []).length;
    if (master !== 0) {
        process.kill(master, 'SIGTERM');
        await until(() => !isAlive(master), 10000);
    }
    await servers.stop();
}
console.log(JSON.stringify(figures));
process.exit(figures.segments_lost + figures.segments_doubled + figures.legacy_closed_early + figures.legacy_lost
    + figures.old_processes + figures.sockets_left + figures.alerts === 0 && figures.back_ms_max <= BACK_MAX_MS ? 0 : 1);
