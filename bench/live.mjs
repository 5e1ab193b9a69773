// How long after it was said a phrase is heard, in mode live and in mode
// window, by the whole chain: a scripted recogniser with Transcribe's delays,
// and stages as slow as AWS's.
//   node bench/live.mjs [--seconds 90] [--modes live,window] [--languages es,pt]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connect, createSession, listen, percentile, speak } from '../local/client.mjs';
import { ROOT, startStack } from '../local/stack.mjs';
import { BYTES_PER_SECOND } from '../local/talk.mjs';

const { values: options } = parseArgs({ options: {
    seconds: { type: 'string', default: '90' },
    modes: { type: 'string', default: 'live,window' },
    languages: { type: 'string', default: 'es,pt' },
    wpm: { type: 'string', default: '150' },
} });
const SECONDS = Number(options.seconds), WORDS_PER_S = Number(options.wpm) / 60;
const STAGES = [
    { service: 'translate', operation: 'TranslateText', ms: 200 },
    { service: 'polly', operation: 'SynthesizeSpeech', ms: 300 },
    { service: 's3', operation: 'PutObject', ms: 100 },
];
const END_MS = 60_000;

const TEXT = `Good morning everybody, and welcome to this house. I want to talk about water today.
Most of us open the tap and never think about it. Where does it come from, and where does it go when we have used it?
When I was a young man, my family lived near a big river, and every summer we went down to swim. The water was clean and cold.
Now the river is small, because the city takes so much of it, and nobody can swim there in the summer. What has changed?
There are more people, more houses, and more fields. Each person uses about one hundred and fifty litres every day.
A good farmer needs less water than his father did, but there are many more farmers than before. So we have to choose.
We can build more walls and bigger lakes, or we can learn to use less. I think that we should do the second thing first.`;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const plain = (text) => text.toLowerCase().match(/[a-z']+/g) ?? [];

// Words with times, at an even pace: a comma is a short pause, the end of a
// sentence a longer one.
function script() {
    const words = [];
    let at = 1;

    while (at < SECONDS) {
        for (const token of TEXT.split(/\s+/)) {
            const [, w, mark] = /^(.*?)([.,?!]?)$/.exec(token);
            const length = (0.5 + w.length / 10) / WORDS_PER_S;

            words.push({ w: w.toLowerCase(), s: at, e: at + length, mark });
            at += length + { '': 0.02, ',': 0.2 }[mark || ''] || 0.6;
            if (at >= SECONDS) {
                break;
            }
        }
    }
    return words;
}

async function setStages(stack) {
    for (const stage of STAGES) {
        const answer = await fetch(`${stack.aws.admin}/fault`, { method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ ...stage, kind: 'slow', times: -1 }) });
        if (!answer.ok) {
            throw new Error(`no slow ${stage.service}: ${await answer.text()}`);
        }
    }
}

// Where each segment's last word ended, by counting words of the script.
function phraseEnds(segments, words) {
    let n = 0;
    return segments.map(({ sourceTranscript }) => {
        n += plain(sourceTranscript).length;
        return words[Math.min(n, words.length) - 1].e;
    });
}

// By the least squares: ms that the lag grows in a minute.
function drift(points) {
    const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
    const [x, y] = [0, 1].map((i) => mean(points.map((p) => p[i])));
    const over = points.reduce((a, p) => a + (p[0] - x) * (p[1] - y), 0);
    const under = points.reduce((a, p) => a + (p[0] - x) ** 2, 0);
    return under > 0 ? over / under * 60 : 0;
}

function compare(words, segments) {
    const got = segments.flatMap(({ sourceTranscript }) => plain(sourceTranscript));
    const want = words.flatMap(({ w }) => plain(w));
    let lost = 0, doubled = 0;

    for (let i = 0, k = 0; i < want.length || k < got.length;) {
        if (want[i] === got[k]) {
            i++, k++;
        } else if (got.indexOf(want[i], k) - k < 12 && got.indexOf(want[i], k) >= 0) {
            doubled++, k++;
        } else {
            lost++, i++;
        }
    }
    return { lost, doubled };
}

async function measure(mode, dir, words) {
    const out = path.join(dir, mode);
    mkdirSync(out);
    const stack = await startStack({ dir: path.join(dir, `${mode}-stack`), mode,
        recognizer: path.join(ROOT, 'bench/scripted-recognizer.mjs') });
    try {
        await setStages(stack);
        const { sessionId, speakerToken } = await createSession(stack);
        const show = () => {};
        const listeners = await Promise.all(options.languages.split(',').map(
            (language) => listen(stack, { sessionId, language, out, show })));
        const speaker = await connect(`${stack.urls.ws}?sessionId=${sessionId}&token=${encodeURIComponent(speakerToken)}`);
        const began = Date.now();

        await speak(speaker, sessionId, Buffer.alloc((SECONDS + 3) * BYTES_PER_SECOND), began);
        speaker.send(JSON.stringify({ action: 'endSession', sessionId }));
        await Promise.race([Promise.all(listeners.map((l) => l.ended)), sleep(END_MS)]);
        await Promise.all(listeners.flatMap((l) => l.pending));
        speaker.close();
        listeners.forEach((l) => l.socket.close());
        return { began, listeners };
    } finally {
        await stack.stop();
    }
}

function judge({ began, listeners }, words) {
    const points = [];
    const numbers = new Map();
    let revisions = 0, lost = 0, doubled = 0;

    for (const { segments } of listeners) {
        segments.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
        const ends = phraseEnds(segments, words);
        segments.forEach((segment, i) => {
            points.push([ends[i], segment.timing.heard - began - ends[i] * 1000]);
            revisions += (numbers.get(segment.segment) ?? segment.sourceTranscript) !== segment.sourceTranscript;
            numbers.set(segment.segment, segment.sourceTranscript);
        });
        const { lost: l, doubled: d } = compare(words, segments);
        lost += l;
        doubled += d;
    }
    const lags = points.map(([, lag]) => lag);
    return { segments: numbers.size, p50: percentile(lags, 0.5), p90: percentile(lags, 0.9), p99: percentile(lags, 0.99),
        max: Math.max(...lags), lost, doubled, revisions, drift: drift(points) };
}

const dir = mkdtempSync(path.join(tmpdir(), 'lt-live-'));
const words = script();
process.env.SCRIPT = path.join(dir, 'script.json');
writeFileSync(process.env.SCRIPT, JSON.stringify(words));
const found = {};
try {
    for (const mode of options.modes.split(',')) {
        found[mode] = judge(await measure(mode, dir, words), words);
    }
} finally {
    rmSync(dir, { recursive: true, force: true });
}

const rows = ['segments', 'p50', 'p90', 'p99', 'max', 'lost', 'doubled', 'revisions', 'drift'];
console.log(`\n  ${SECONDS} s at ${options.wpm} words a minute, ${options.languages}; ms from a phrase's end to its clip at the listener\n`);
console.log(`  ${'mode'.padEnd(8)}${rows.map((r) => r.padStart(11)).join('')}`);
for (const [mode, figures] of Object.entries(found)) {
    console.log(`  ${mode.padEnd(8)}${rows.map((r) => String(Math.round(figures[r])).padStart(11)).join('')}`);
}
const { live = {}, window = {} } = found;
console.log(JSON.stringify({ bench: 'live', live_p50_ms: Math.round(live.p50), live_p90_ms: Math.round(live.p90),
    window_p90_ms: Math.round(window.p90), words_lost: live.lost, words_doubled: live.doubled, revisions: live.revisions,
    drift_ms_per_min: Math.round(live.drift) }));
