#!/usr/bin/env node
// A recogniser that knows what is said (SCRIPT: a JSON file [{ w, s, e, mark }],
// seconds from the first byte): it hears time, not sound, so that latency does
// not depend on this machine's speed. Takes and gives what
// local/engines/recognizer.c does. The delays are those that users of Amazon
// Transcribe saw: partial results each 60 to 160 ms while somebody speaks, words
// stable 0.4 to 0.8 s after they were said, the closing result 1.3 s after the
// text last changed.
import { readFileSync } from 'node:fs';

const RATE_BYTES = 32_000;
const STEP_S = 0.1;             // between two partial results
const HEARD_S = 0.2;            // a word's end until it is shown
const STABLE_S = 0.5;           // shown for so long, or the next one is: it
                                // will not change any more
const CLOSING_S = 1.3;
const LONG_S = 15;              // a result that long ends with its sentence

const words = JSON.parse(readFileSync(process.env.SCRIPT, 'utf8'));
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

let bytes = 0;
let first = 0;                  // word of the open result
let shown = 0;
let changedAt = 0;
let nextAt = 0;

function result(type, until, now) {
    const part = words.slice(first, until);
    const isSettled = now - changedAt >= STABLE_S;
    say({ type, start: part[0].s, end: part.at(-1).e,
        stable: part.length - !isSettled,
        // what ends a sentence is known with what follows
        words: part.map((word, i) => i + 1 < part.length || isSettled ? word
            : { ...word, mark: undefined }) });
}

const isLong = (part) => part.at(-1).e - part[0].s >= LONG_S
    && /[.?!]/.test(part.at(-1).mark ?? '');

function hear(now) {
    let heard = shown;

    while (heard < words.length && words[heard].e + HEARD_S <= now) {
        heard++;
    }
    if (heard > shown) {
        shown = heard;
        changedAt = now;
    }
    if (shown > first && (now - changedAt >= CLOSING_S
        || isLong(words.slice(first, shown)) && now - changedAt >= STABLE_S)) {
        result('final', shown, now);
        first = shown;
    } else if (shown > first && now >= nextAt) {
        result('partial', shown, now);
        nextAt = now + STEP_S;
    }
}

say({ type: 'ready' });
for await (const data of process.stdin) {
    const until = (bytes + data.length) / RATE_BYTES;

    for (let now = bytes / RATE_BYTES; now < until; now += STEP_S / 2) {
        hear(now);
    }
    bytes += data.length;
}
if (shown > first) {
    result('final', shown, Infinity);
}
