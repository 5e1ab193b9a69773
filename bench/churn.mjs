// Listeners come, switch and go at random while nginx processes are killed:
// what Redis counts at the end must be what is there.
//   node bench/churn.mjs --module FILE [--listeners 1000] [--seconds 60]
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { childrenOf } from './processes.mjs';
import { createSession, startServers } from './servers.mjs';

const { WebSocket } = createRequire(new URL('../local/package.json', import.meta.url))('ws');
const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    listeners: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
} });
const LANGUAGES = ['es', 'fr', 'de', 'it', 'pt'];
const WORKERS = 4, KILL_MS = 7000, SETTLE_MS = 30000;

const any = (list) => list[Math.floor(Math.random() * list.length)];

// One HGETALL on a connection of its own, as an object.
const hash = (port, key) => new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('error', reject);
    socket.on('data', (data) => { answer += data; });
    socket.on('end', () => {
        const words = answer.split('\r\n').filter((line, i) => i > 0 && i % 2 === 0 && line !== '');
        const pairs = [];
        for (let i = 0; i + 1 < words.length; i += 2) {
            pairs.push([words[i], words[i + 1]]);
        }
        resolve(Object.fromEntries(pairs));
    });
    socket.write(`*2\r\n$7\r\nHGETALL\r\n$${key.length}\r\n${key}\r\n*1\r\n$4\r\nQUIT\r\n`);
});

const figures = { bench: 'churn', joins: 0, switches: 0, kills: 0, count_error: 0, language_error: 0, negative: 0 };
const here = new Set();

const join = (url) => new Promise((resolve) => {
    const listener = { language: any(LANGUAGES), socket: null };
    const socket = new WebSocket(`${url}&targetLanguage=${listener.language}`);
    listener.socket = socket;
    socket.on('open', () => { figures.joins += 1; here.add(listener); resolve(); });
    socket.on('message', (data) => {
        const message = JSON.parse(data);
        if (message.type === 'languageChanged') {
            figures.switches += 1;
            listener.language = message.targetLanguage;
        }
    });
    socket.on('error', () => { here.delete(listener); resolve(); });
    socket.on('close', () => { here.delete(listener); resolve(); });
});

// Towards a number that wanders, so that most of what happens is coming and going.
const step = async (url) => {
    const wanted = Number(options.listeners) * (0.5 + Math.random() / 2);
    const list = [...here];
    const todo = Array.from({ length: 40 }, () => Math.random());
    await Promise.all(todo.map(async (x, i) => {
        const listener = any(list);
        if (x < 0.2 && listener !== undefined) {
            listener.socket.send(JSON.stringify({ action: 'changeLanguage', targetLanguage: any(LANGUAGES) }));
        } else if (list.length + i < wanted) {
            await join(url);
        } else if (listener !== undefined) {
            here.delete(listener);
            x < 0.6 ? listener.socket.terminate() : listener.socket.close(1000);
        }
    }));
};

const kill = (nginx) => {
    process.kill(any(childrenOf(nginx)), 'SIGKILL');
    figures.kills += 1;
};

const servers = await startServers({ module: options.module, kinesisPort: 1, workers: WORKERS,
    http: () => 'lt_listeners_max 10000;' });
try {
    const { sessionId } = await createSession(servers.port);
    const url = `ws://127.0.0.1:${servers.port}/ws?sessionId=${sessionId}`;
    const languages = () => hash(servers.redisPort, `lt:{${sessionId}}:languages`);
    const end = Date.now() + Number(options.seconds) * 1000;
    let next = Date.now() + KILL_MS;

    while (Date.now() < end) {
        await step(url);
        figures.negative += Object.values(await languages()).filter((n) => Number(n) < 1).length;
        if (Date.now() > next) {
            kill(servers.nginx);
            next += KILL_MS;
        }
    }

    const check = async () => {
        const counted = await languages();
        const listed = Object.keys(await hash(servers.redisPort, `lt:{${sessionId}}:listeners`)).length;
        const really = {};
        for (const { language } of here) {
            really[language] = (really[language] ?? 0) + 1;
        }
        figures.count_error = Math.abs(listed - here.size);
        figures.language_error = LANGUAGES.reduce((sum, code) =>
            sum + Math.abs(Number(counted[code] ?? 0) - (really[code] ?? 0)), 0);
    };
    const settled = Date.now() + SETTLE_MS;
    do {
        await sleep(1000);
        await check();
    } while (Date.now() < settled && figures.count_error + figures.language_error !== 0);
    figures.listeners = here.size;
} finally {
    for (const { socket } of here) {
        socket.terminate();
    }
    await servers.stop();
}
console.log(JSON.stringify(figures));
process.exit(figures.count_error + figures.language_error + figures.negative === 0 ? 0 : 1);
