// Transcribe, Translate, Polly and S3 that answer at once, for benches in which
// the speech itself does not matter. Over http://, signatures are not looked at.
//   node bench/fleet-speech.mjs [--clock]     prints {"url"}; to the line
//     ledger    it answers {"talks":[{heard,again,end},…],"streams","conflicts"},
//               bytes of each talk: different ones, doubles, the last one's place
// The recogniser knows the audio of fleet-audio.mjs: it writes down which bytes
// of a talk it was given, and says a word when it has heard all of it. --clock:
// it hears two words a second in any audio, and a pause after ten. As with
// Transcribe the last word of a partial result may still change, and a stream
// ends when another one is opened with its session-id.
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { CELL_BYTES, CELL_MS, readCell } from './fleet-audio.mjs';

const { EventStreamCodec } = createRequire(new URL('../local/package.json', import.meta.url))('@smithy/eventstream-codec');
const BY_CLOCK = process.argv.includes('--clock');
const PAUSE_MS = 500;           // then a result is final
const CLOCK_WORD_MS = 500, CLOCK_SENTENCE = 10;
const WHOLE = 0.9;              // of a word's cells: else it is not understood
const MAX_STREAM_FRAME = 64 * 1024;
const TALK_MS_MAX = 1 << 22;    // over an hour

const text = (bytes) => Buffer.from(bytes).toString('utf8');
const codec = new EventStreamCodec(text, (string) => Buffer.from(string, 'utf8'));

// MPEG-2 layer III, 24 kHz, mono, 48 kbit/s: a frame is 144 bytes and 24 ms.
const SILENT_FRAME = Buffer.concat([Buffer.from([0xff, 0xf3, 0x64, 0xc4]), Buffer.alloc(140)]);
const MP3 = Buffer.concat(Array.from({ length: 42 }, () => SILENT_FRAME));

const event = (headers, value) => codec.encode({
    headers: Object.fromEntries(Object.entries({ ...headers, ':content-type': 'application/json' }).map(
        ([name, value]) => [name, { type: 'string', value }])),
    body: Buffer.from(JSON.stringify(value)),
});
const exception = (code, message) => event({ ':message-type': 'exception', ':exception-type': code },
    { Message: message });

// What was heard of each talk: how often each millisecond of its audio was.
class Ledger {
    talks = new Map();
    streams = 0;
    conflicts = 0;

    of(talk) {
        if (!this.talks.has(talk)) {
            this.talks.set(talk, { cells: new Uint8Array(TALK_MS_MAX), end: 0 });
        }
        return this.talks.get(talk);
    }

    hear(talk, cell) {
        const one = this.of(talk);
        one.cells[cell] += one.cells[cell] < 255;
        one.end = Math.max(one.end, cell + 1);
    }

    figures() {
        const talks = [];
        for (const [talk, { cells, end }] of this.talks) {
            let heard = 0, again = 0;
            for (let i = 0; i < end; i += 1) {
                heard += cells[i] > 0;
                again += cells[i] > 0 ? cells[i] - 1 : 0;
            }
            talks[talk] = { heard: heard * CELL_BYTES, again: again * CELL_BYTES,
                end: end * CELL_BYTES };
        }
        return { talks, streams: this.streams, conflicts: this.conflicts };
    }
}

const ledger = new Ledger();

// The payload of the event inside a signed frame: two heads to step over.
function pcmOf(frame) {
    const inner = (bytes) => bytes.subarray(12 + bytes.readUInt32BE(4), bytes.length - 4);
    const outer = inner(frame);
    return outer.length === 0 ? outer : inner(outer);
}

// One stream: PCM in, results out.
class Hearing {
    #rest = Buffer.alloc(0);
    #at = 0;                    // ms of audio
    #words = [];                // of the open result
    #word = { n: 0, s: 0, cells: 0 };
    #quiet = 0;
    #results = 0;

    constructor(say) {
        this.say = say;
    }

    #result(isFinal) {
        const [first, last] = [this.#words[0], this.#words.at(-1)];
        const items = this.#words.map(({ n, s, e }, i) => ({ Content: String(n), Type: 'pronunciation',
            StartTime: s / 1000, EndTime: e / 1000, Stable: isFinal || i < this.#words.length - 1 }));
        if (isFinal) {
            items.push({ Content: '.', Type: 'punctuation', StartTime: last.e / 1000, EndTime: last.e / 1000,
                Stable: true });
        }
        this.say({ ResultId: `r${this.#results}`, StartTime: first.s / 1000, EndTime: last.e / 1000,
            IsPartial: !isFinal, ChannelId: 'ch_0',
            Alternatives: [{ Transcript: this.#words.map(({ n }) => n).join(' '), Items: items }] });
    }

    #endWord() {
        const { n, s, cells, length } = this.#word;
        if (n > 0 && cells >= length * WHOLE) {
            this.#words.push({ n, s, e: this.#at });
            this.#result(false);
        }
    }

    #endResult() {
        if (this.#words.length > 0) {
            this.#result(true);
            this.#results += 1;
            this.#words = [];
        }
    }

    #step(n, length) {
        if (n !== this.#word.n) {
            this.#endWord();
            this.#word = { n, s: this.#at, cells: 0, length };
        }
        this.#word.cells += 1;
        this.#quiet = n > 0 ? 0 : this.#quiet + CELL_MS;
        this.#at += CELL_MS;
        if (this.#quiet === PAUSE_MS) {
            this.#endResult();
        }
    }

    #byClock(ms) {
        const before = Math.floor(this.#at / CLOCK_WORD_MS);
        this.#at += ms;
        for (let n = before + 1; n <= Math.floor(this.#at / CLOCK_WORD_MS); n += 1) {
            this.#words.push({ n, s: (n - 1) * CLOCK_WORD_MS, e: n * CLOCK_WORD_MS - 50 });
            this.#result(false);
            if (n % CLOCK_SENTENCE === 0) {
                this.#endResult();
            }
        }
    }

    // Cells may begin anywhere: a stream that is opened again begins where the
    // one before it was settled.
    take(pcm) {
        const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, pcm]) : pcm;
        let at = 0;

        if (BY_CLOCK) {
            this.#byClock(pcm.length / CELL_BYTES);
            return;
        }
        for (; at + CELL_BYTES <= data.length;) {
            const cell = readCell(data, at);
            if (cell) {
                ledger.hear(cell.talk, cell.index);
                this.#step(cell.word, cell.length);
                at += CELL_BYTES;
            } else if (data.readUInt32LE(at) === 0) {       // the worker's own silence
                this.#step(0, 0);
                at += CELL_BYTES;
            } else {
                at += 2;
            }
        }
        this.#rest = Buffer.from(data.subarray(at));
    }

    end() {
        this.#step(0, 0);
        this.#endResult();
    }
}

const streams = new Map();      // session-id -> end(exception)

function transcribe(stream, headers) {
    const id = headers['x-amzn-transcribe-session-id'];
    let rest = Buffer.alloc(0);
    const end = (last) => {
        if (streams.get(id) === end) {
            streams.delete(id);
        }
        if (!stream.destroyed && !stream.writableEnded) {
            stream.end(last);
        }
    };
    const hearing = new Hearing((result) => stream.writableEnded || stream.destroyed
        || stream.write(event({ ':message-type': 'event', ':event-type': 'TranscriptEvent' },
            { Transcript: { Results: [result] } })));

    if (streams.has(id)) {
        ledger.conflicts += 1;
        streams.get(id)(exception('ConflictException', 'A new stream started with the same session ID.'));
    }
    ledger.streams += 1;
    streams.set(id, end);
    stream.respond({ ':status': 200, 'content-type': 'application/vnd.amazon.eventstream' });
    stream.on('error', () => {});
    stream.on('close', () => streams.get(id) === end && streams.delete(id));
    stream.on('data', (data) => {
        rest = rest.length > 0 ? Buffer.concat([rest, data]) : data;
        while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
            const length = rest.readUInt32BE(0);
            if (length < 16 || length > MAX_STREAM_FRAME) {
                end(exception('BadRequestException', `A frame of ${length} bytes is not possible.`));
                return;
            }
            const pcm = pcmOf(rest.subarray(0, length));
            rest = rest.subarray(length);
            if (streams.get(id) !== end) {
                return;                         // ended by a conflict
            }
            if (pcm.length === 0) {
                hearing.end();
                end();
            } else {
                hearing.take(pcm);
            }
        }
    });
}

const CALLS = {
    translate: (body) => {
        const { Text, SourceLanguageCode, TargetLanguageCode } = JSON.parse(body);
        return { type: 'application/x-amz-json-1.1',
            body: JSON.stringify({ TranslatedText: Text, SourceLanguageCode, TargetLanguageCode }) };
    },
    polly: () => ({ type: 'audio/mpeg', body: MP3 }),
    s3: () => ({ type: 'application/xml', body: '' }),
    results: () => ({ type: 'application/json', body: '{"delivered":1,"published":true}' }),
};

function callOf(req) {
    if (req.headers['x-amz-target']) {
        return CALLS.translate;
    }
    return req.url === '/v1/speech' ? CALLS.polly : req.url.startsWith('/lt/results') ? CALLS.results : CALLS.s3;
}

function serve(req, res) {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('error', () => {});
    req.on('end', () => {
        const { type, body } = callOf(req)(Buffer.concat(parts).toString('utf8'));
        res.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
        res.end(body);
    });
}

// HTTP/2 with prior knowledge and HTTP/1.1 on one port: told by the first byte.
const h1 = http.createServer({ keepAliveTimeout: 75_000 }, serve);
const h2 = http2.createServer({ settings: { initialWindowSize: 1 << 20 } }).on('stream', transcribe);
h1.on('clientError', (_, socket) => socket.destroy());
h2.on('sessionError', () => {});
const port = net.createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.once('readable', () => {
        const head = socket.read();
        if (head) {
            socket.unshift(head);
            (head.toString('latin1', 0, 4) === 'PRI ' ? h2 : h1).emit('connection', socket);
        }
    });
}).listen({ port: 0, host: '127.0.0.1', backlog: 1024 });

await once(port, 'listening');
console.log(JSON.stringify({ url: `http://127.0.0.1:${port.address().port}` }));
createInterface({ input: process.stdin })
    .on('line', () => console.log(JSON.stringify(ledger.figures())))
    .on('close', () => process.exit(0));
