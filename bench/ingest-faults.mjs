// Does a byte get lost while Kinesis, the keys, the network and nginx fail?
//   node bench/ingest-faults.mjs --module FILE [--seconds 60] [--speakers 40]
//       [--outage 0]
// Speakers stream framed audio. Half of them are like the existing app, whose
// sockets stay; half ask for acknowledgements, are cut off again and again and
// replay, with the speaker page's own code. Kinesis throttles, takes parts,
// answers 5xx, refuses expired tokens, is slow, cuts connections before and
// after it has stored; nginx reloads twice. --outage: so many seconds in which
// nothing is taken, more than lt_audio_buffer holds, so that something has to
// be given up. At the end every accepted byte is in the stream once, in
// order, by checksum for each session; or its loss was announced.
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Outbox } from '../apps/speaker/outbox.js';
import { FAULTS, startLedger } from './kinesis-ledger.mjs';
import { createSession, startServers, status } from './servers.mjs';

const { WebSocket } = createRequire(new URL('../local/package.json', import.meta.url))('ws');
const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    speakers: { type: 'string', default: '40' },
    outage: { type: 'string', default: '0' },
} });
const CHUNK_BYTES = 8192, CHUNK_MS = 256;
const FAULT_MS = 900, PEACE_MS = 1600;  // together shorter than lt_audio_buffer
const KEEP_S = 60, SETTLE_MS = 60_000;
const ANNOUNCE_MS = 2000;               // losses are told once a second

const any = (list) => list[Math.floor(Math.random() * list.length)];
const sum = (list) => list.reduce((a, b) => a + b, 0);

// What all speakers do: say things, and remember what.
class Speaker {
    said = 0;
    hash = createHash('sha256');
    cuts = 0;

    constructor(port, session) {
        this.id = session.sessionId;
        this.query = { sessionId: this.id, token: session.speakerToken };
        this.port = port;
    }

    connect(query) {
        return new WebSocket(`ws://127.0.0.1:${this.port}/ws?${new URLSearchParams({ ...this.query, ...query })}`);
    }

    start() {
        setTimeout(() => { this.timer = setInterval(() => this.say(), CHUNK_MS); }, Math.random() * CHUNK_MS);
    }

    say() {
        const pcm = randomBytes(CHUNK_BYTES);

        this.said += pcm.length;
        this.hash.update(pcm);
        this.send(pcm);
    }

    hush() {
        clearInterval(this.timer);
    }
}

// As the existing app: one socket, JSON, no way to say anything again.
class Plain extends Speaker {
    lost = 0;

    open() {
        return new Promise((resolve, reject) => {
            this.socket = this.connect({});
            this.socket.on('open', resolve);
            this.socket.on('error', reject);
            this.socket.on('message', (data) => {
                const { type, bytes } = JSON.parse(data);
                this.lost += type === 'audioDropped' ? bytes : 0;
            });
            this.socket.on('close', () => { this.cuts += 1; });
        });
    }

    send(pcm) {
        this.socket.send(JSON.stringify({ action: 'audioChunk', audioData: pcm.toString('base64') }));
    }
}

// As our page.
class Keeping extends Speaker {
    link = { state: 'waiting', bufferedAmount: 0, sendRaw: (data) => this.socket.send(data) };
    outbox = new Outbox(this.link, KEEP_S);

    open() {
        const socket = this.connect(this.outbox.query);

        this.socket = socket;
        socket.on('open', () => { this.link.state = 'open'; this.outbox.opened(); });
        socket.on('message', (data) => {
            const message = JSON.parse(data);
            if (message.type === 'audioAck' && socket === this.socket) {
                this.outbox.acknowledged(message);
            }
        });
        socket.on('error', () => {});
        socket.on('close', () => {
            this.link.state = 'waiting';
            if (!this.over) {
                setTimeout(() => this.open(), 200 + Math.random() * 800);
            }
        });
        return Promise.resolve();
    }

    send(pcm) {
        this.outbox.push(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length));
    }

    cut() {
        if (this.link.state === 'open') {
            this.cuts += 1;
            this.socket.terminate();
        }
    }

    get lost() {
        return this.outbox.lostBytes;
    }
}

const haunt = async (ledger, end) => {
    const names = Object.keys(FAULTS).filter((name) => name !== 'ok');

    while (Date.now() < end) {
        ledger.mode = any(names);
        await sleep(FAULT_MS * (0.3 + Math.random() * 0.7));
        ledger.mode = 'ok';
        await sleep(Math.random() * PEACE_MS);
    }
    ledger.mode = 'ok';
};

const cutAgain = async (speakers, end) => {
    while (Date.now() < end) {
        await sleep(10_000 * Math.random() / speakers.length);
        any(speakers).cut();
    }
};

const outage = async (ledger, start, seconds) => {
    if (seconds > 0) {
        await sleep(start);
        const until = Date.now() + seconds * 1000;
        while (Date.now() < until) {
            ledger.mode = 'unavailable';
            await sleep(5);
        }
        ledger.mode = 'ok';
    }
};

// Until nothing is pending anywhere.
const settle = async (servers, keeping) => {
    const deadline = Date.now() + SETTLE_MS;
    let now;
    do {
        await sleep(200);
        now = await status(servers.port);
    } while (Date.now() < deadline
        && (now.gauges.ingest_pending_bytes > 0 || keeping.some(({ outbox }) => outbox.keptSeconds > 0)));
    return now.counters;
};

const ledger = await startLedger();
const servers = await startServers({ module: options.module, kinesisPort: ledger.port, linger: '100ms', buffer: '8s',
    record: 'framed', workers: 2 });
const figures = { bench: 'ingest-faults' };
try {
    const all = [];
    for (let i = 0; i < Number(options.speakers); i += 1) {
        all.push(new (i % 2 ? Keeping : Plain)(servers.port, await createSession(servers.port)));
    }
    const keeping = all.filter((one) => one instanceof Keeping);
    await Promise.all(all.map((one) => one.open()));
    all.forEach((one) => one.start());

    const ms = Number(options.seconds) * 1000;
    const end = Date.now() + ms;
    const reload = async (at) => { await sleep(at); process.kill(servers.nginx, 'SIGHUP'); };
    await Promise.all([haunt(ledger, end), cutAgain(keeping, end), reload(ms / 3), reload(ms * 2 / 3),
        outage(ledger, ms / 2, Number(options.outage))]);
    all.forEach((one) => one.hush());
    const counters = await settle(servers, keeping);
    await sleep(ANNOUNCE_MS);
    keeping.forEach((one) => { one.over = true; });

    const books = all.map((one) => ({ one, book: ledger.books.get(one.id) }));
    // of each speaker: what is neither stored nor announced to it, and what
    // was announced and is there all the same
    const open = books.map(({ one, book }) => one.said - book.stored - one.lost);
    Object.assign(figures, {
        seconds: Number(options.seconds), speakers: all.length,
        accepted_bytes: sum(all.map(({ said }) => said)),
        stored_bytes: sum(books.map(({ book }) => book.stored)),
        lost_bytes: sum(open.map((n) => Math.max(n, 0))),
        announced_bytes: sum(all.map(({ lost }) => lost)),
        out_of_order: sum(books.map(({ book }) => book.disorder)),
        announced_in_vain: sum(open.map((n) => Math.max(-n, 0))),
        dropped: Object.fromEntries(Object.entries(counters).filter(([name, n]) => /^audio_dropped_/.test(name) && n > 0)),
        doubled_bytes: sum(books.map(({ book }) => book.doubled)),
        epochs: sum(books.map(({ book }) => book.epochs)),
        client_cuts: sum(keeping.map(({ cuts }) => cuts)), plain_cuts: sum(all.map(({ cuts }) => cuts)) - sum(keeping.map(({ cuts }) => cuts)),
        checksums_equal: books.filter(({ one, book }) => one.hash.digest('hex') === book.hash.digest('hex')).length,
        calls: ledger.calls,
    });
} finally {
    await servers.stop();
    ledger.stop();
}
console.log(JSON.stringify(figures));
const isWhole = Number(options.outage) > 0 || figures.checksums_equal === figures.speakers;
process.exit(figures.lost_bytes === 0 && figures.out_of_order === 0 && isWhole ? 0 : 1);
