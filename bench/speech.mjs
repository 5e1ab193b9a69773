// A recorded talk with its transcript through the real chain at real speed, in
// mode live and in mode window: is it what the same recogniser makes of the
// whole file, and how long after it was said is it heard?
//   node bench/speech.mjs [--rounds 2] [--modes live,window] [--engines local,aws] [--languages es,pt]
// Engine local: this machine's recogniser, translator and voice. aws: what that
// recogniser heard is replayed with Transcribe's timing, the other stages are as
// slow as AWS's, so that the figures do not depend on this machine's speed.
// The recording is five sentences of a LibriVox reading (public domain, from
// Debian's pocketsphinx-testdata), with pauses and in one breath, in turns. The
// table, speech.json and speech.svg go to OUT.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect, createSession, listen, speak } from '../local/client.mjs';
import { ROOT, startStack } from '../local/stack.mjs';
import { BYTES_PER_SECOND, loadTalk } from '../local/talk.mjs';
import { Transcript } from '../local/transcript.mjs';
import { plot } from './plot.mjs';
import { judge } from './speech-judge.mjs';
import { errorRate, wordsOf } from './words.mjs';

const { values: options } = parseArgs({ options: {
    rounds: { type: 'string', default: '2' },
    modes: { type: 'string', default: 'live,window' },
    engines: { type: 'string', default: 'local,aws' },
    languages: { type: 'string', default: 'es,pt' },
} });
const BUILD = process.env.BUILD ?? path.join(ROOT, 'build');
const OUT = path.resolve(process.env.OUT ?? path.join(ROOT, 'out'));
const RECOGNIZER = path.join(BUILD, 'local/recognizer');
const STAGES = [
    { service: 'translate', operation: 'TranslateText', ms: 200 },
    { service: 'polly', operation: 'SynthesizeSpeech', ms: 300 },
    { service: 's3', operation: 'PutObject', ms: 100 },
];
const STABILITY = 'high';       // what the worker asks for
const PAUSES_S = [1, 0.15];
const LEAD_S = 2;               // silence before, so that all are there
const TAIL_S = 3;
const END_MS = 60_000;


// The words of a result, with what stands behind them.
function marked(items) {
    const words = [];

    for (const { Type, Content, StartTime, EndTime } of items) {
        if (Type === 'pronunciation') {
            words.push({ w: Content.toLowerCase(), s: StartTime, e: EndTime });
        } else {
            words.at(-1).mark = Content;
        }
    }
    return words;
}

// What the recogniser makes of the file when it has it as a whole.
function whole(pcm) {
    const transcript = new Transcript({ stability: STABILITY });
    const lines = execFileSync(RECOGNIZER, { input: pcm, encoding: 'utf8', maxBuffer: 1 << 28 }).trim().split('\n');

    return lines.map((line) => JSON.parse(line)).filter(({ type }) => type !== 'ready')
        .map((line) => transcript.take(line)).filter((result) => result && !result.IsPartial)
        .flatMap((result) => marked(result.Alternatives[0].Items));
}

function recording() {
    const parts = Array.from({ length: Number(options.rounds) }, () => PAUSES_S).flat()
        .map((pauseSeconds) => loadTalk({ pauseSeconds }));

    const talk = Buffer.concat(parts.map(({ pcm }) => pcm));

    return { pcm: Buffer.concat([Buffer.alloc(LEAD_S * BYTES_PER_SECOND), talk, Buffer.alloc(TAIL_S * BYTES_PER_SECOND)]),
        rounds: { begin: LEAD_S, seconds: talk.length / BYTES_PER_SECOND / options.rounds, count: Number(options.rounds) },
        reference: parts.flatMap(({ reference }) => reference.map(({ text }) => text)).join(' ') };
}

async function slow(stack) {
    for (const stage of STAGES) {
        await fetch(`${stack.aws.admin}/fault`, { method: 'POST', headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ ...stage, kind: 'slow', times: -1 }) });
    }
}

async function talk(stack, pcm, out) {
    const { sessionId, speakerToken } = await createSession(stack);
    const listeners = await Promise.all(options.languages.split(',').map(
        (language) => listen(stack, { sessionId, language, out, show: () => {} })));
    const speaker = await connect(`${stack.urls.ws}?sessionId=${sessionId}&token=${encodeURIComponent(speakerToken)}`);
    const began = Date.now();

    await speak(speaker, sessionId, pcm, began);
    speaker.send(JSON.stringify({ action: 'endSession', sessionId }));
    await Promise.race([Promise.all(listeners.map((l) => l.ended)), sleep(END_MS)]);
    await Promise.all(listeners.flatMap((l) => l.pending));
    speaker.close();
    listeners.forEach((l) => l.socket.close());
    return { began, listeners };
}

async function measure(engine, mode, { dir, pcm }) {
    const out = path.join(dir, `${engine}-${mode}`);
    mkdirSync(out);
    const stack = await startStack({ dir: path.join(out, 'stack'), mode,
        recognizer: engine === 'local' ? RECOGNIZER : path.join(ROOT, 'bench/scripted-recognizer.mjs') });
    try {
        if (engine === 'aws') {
            await slow(stack);
        }
        return await talk(stack, pcm, out);
    } finally {
        await stack.stop();
    }
}

const COLUMNS = [
    ['segments', (r) => r.segments], ['WER %', (r) => (r.wer * 100).toFixed(1)], ['of whole %', (r) => (r.wer_whole * 100).toFixed(1)],
    ['lost', (r) => r.lost], ['at border', (r) => r.border_lost], ['added', (r) => r.added], ['at border', (r) => r.border_added],
    ['clip p50 ms', (r) => Math.round(r.clip_p50)], ['p90', (r) => Math.round(r.clip_p90)],
    ['heard p50', (r) => Math.round(r.p50)], ['p90', (r) => Math.round(r.p90)], ['p99', (r) => Math.round(r.p99)],
    ['revisions', (r) => r.revisions], ['ms/min', (r) => Math.round(r.drift)],
];

function print(found) {
    const row = (name, cells) => console.log(`  ${name.padEnd(14)}${cells.map((c) => String(c).padStart(12)).join('')}`);

    console.log();
    row('engine, mode', COLUMNS.map(([name]) => name));
    found.forEach(({ name, result }) => row(name, COLUMNS.map(([, cell]) => cell(result))));
}

async function main() {
    const { pcm, reference, rounds } = recording();
    const words = whole(pcm);
    const seconds = Math.round(pcm.length / BYTES_PER_SECOND);
    const dir = mkdtempSync(path.join(tmpdir(), 'lt-speech-'));
    const found = [];

    process.env.SCRIPT = path.join(dir, 'script.json');
    writeFileSync(process.env.SCRIPT, JSON.stringify(words));
    console.log(`  ${seconds} s of recorded speech, ${wordsOf(reference).length} words; the recogniser makes ${words.length} of the whole file,`
        + ` word error rate ${(errorRate(wordsOf(reference), words.map(({ w }) => w)) * 100).toFixed(1)} %`);
    try {
        for (const engine of options.engines.split(',')) {
            for (const mode of options.modes.split(',')) {
                const result = judge(await measure(engine, mode, { dir, pcm }), { whole: words, reference, rounds });
                found.push({ name: `${engine}, ${mode}`, engine, mode, result });
            }
        }
    } finally {
        rmSync(dir, { recursive: true, force: true });
    }
    print(found);
    mkdirSync(OUT, { recursive: true });
    writeFileSync(path.join(OUT, 'speech.json'), `${JSON.stringify(found, null, 1)}\n`);
    writeFileSync(path.join(OUT, 'speech.svg'), plot({ title: `A recorded talk of ${seconds} s, from a segment's last word to its first sound`,
        series: found.map(({ name, result }) => ({ name, ...result })) }));
    conclude(found);
}

function conclude(found) {
    const sum = (field) => found.reduce((n, { result }) => n + result[field], 0);
    const figures = found.map(({ engine, mode, result: { clip_p50, clip_p90, p50, p90, p99, wer } }) => [`${engine}_${mode}`,
        { clip_p50_ms: Math.round(clip_p50), clip_p90_ms: Math.round(clip_p90), p50_ms: Math.round(p50), p90_ms: Math.round(p90), p99_ms: Math.round(p99), wer: Number(wer.toFixed(3)) }]);

    console.log(`\n  ${path.relative(process.cwd(), path.join(OUT, 'speech.svg'))} shows it`);
    console.log(JSON.stringify({ bench: 'speech', ...Object.fromEntries(figures),
        border_lost: sum('border_lost'), border_added: sum('border_added'), revisions: sum('revisions') }));
    if (sum('border_lost') + sum('border_added') + sum('revisions') > 0) {
        console.error('  not well: words were lost, added or revised at the borders of segments');
        process.exitCode = 1;
    }
}

await main();
