// The talks of the fleet bench: a speaker at one nginx, a listener at another,
// and the ledger of what was said and heard.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../local/client.mjs';
import { audio, CELL_BYTES, wordEnd } from './fleet-audio.mjs';
import { createSession } from './servers.mjs';

const CHUNK_MS = 256;           // what the existing speaker app sends
const END_MS = 60_000;


export class Talk {
    heard = [];                 // messages with their time of arrival
    saidMs = 0;

    constructor(number, ports) {
        this.number = number;
        this.ports = ports.map((_, i) => ports[(i + number) % ports.length]);
    }

    async open() {
        const [port, other] = [this.ports[0], this.ports.at(-1)];
        const { sessionId, speakerToken } = await createSession(port);
        this.id = sessionId;
        this.listener = await connect(`ws://127.0.0.1:${other}/ws?sessionId=${sessionId}&targetLanguage=es`);
        this.over = new Promise((resolve) => {
            this.listener.on('close', () => { this.isCut = !this.isOver; resolve(); });
            this.listener.on('message', (data) => {
                const message = JSON.parse(data);
                if (message.type === 'translatedAudio' || (message.type === 'caption' && message.segment)) {
                    this.heard.push({ ...message, at: Date.now() });
                } else if (message.type === 'sessionEnded') {
                    this.isOver = true;
                    resolve();
                }
            });
        });
        this.speaker = await connect(`ws://127.0.0.1:${port}/ws?sessionId=${sessionId}&token=${speakerToken}`);
        this.dropped = 0;
        this.speaker.on('message', (data) => {
            const { type, bytes } = JSON.parse(data);
            this.dropped += type === 'audioDropped' ? bytes : 0;
        });
        this.speaker.on('close', () => { this.isSpeakerCut ||= !this.isEnding; });
    }

    // At real speed, against one clock.
    async speak(ms) {
        const began = Date.now();
        while (this.saidMs < ms) {
            const length = Math.min(CHUNK_MS, ms - this.saidMs);
            await sleep(Math.max(0, began + this.saidMs + length - Date.now()));
            this.speaker.send(audio(this.number, this.saidMs, length));
            this.saidMs += length;
        }
        this.isEnding = true;
        this.speaker.send(JSON.stringify({ action: 'endSession', sessionId: this.id }));
        await Promise.race([this.over, sleep(END_MS)]);
        this.speaker.close();
        this.listener.close();
    }

    get saidBytes() {
        return this.saidMs * CELL_BYTES;
    }
}

const textOf = ({ sourceTranscript, sourceText, text }) => sourceTranscript ?? sourceText ?? text;
const wordsOf = (segment) => (textOf(segment).match(/\d+/g) ?? []).map(Number);

// What the listener of a talk missed, got twice, and waited for.
export function judge({ heard, saidMs }) {
    const numbers = heard.map(({ segment }) => segment);
    const words = heard.filter((one, i) => numbers.indexOf(one.segment) === i).flatMap(wordsOf);
    const last = Math.max(0, ...numbers);
    let said = 0;
    while (wordEnd(said + 1) < saidMs) {
        said += 1;
    }
    const found = new Set(words);
    const waits = heard.slice(1).map((one, i) => ({ wait: one.at - heard[i].at, at: one.at }));
    return {
        segments: last, words: said,
        lost: last - new Set(numbers).size,
        doubled: numbers.length - new Set(numbers).size,
        captions: heard.filter(({ type }) => type === 'caption').length,
        disorder: numbers.filter((n, i) => i > 0 && n < numbers[i - 1]).length,
        wordsLost: Array.from({ length: said }, (_, i) => i + 1).filter((n) => !found.has(n)),
        wordsDoubled: words.length - found.size,
        gap: waits.reduce((a, b) => (b.wait > a.wait ? b : a), { wait: 0, at: 0 }),
        over8s: waits.filter(({ wait }) => wait > 8000).length,
    };
}
