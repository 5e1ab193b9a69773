// What a listener got of a recorded talk, against what the same recogniser makes
// of the whole file.
import { percentile } from '../local/client.mjs';
import { align, errorRate, wordsOf } from './words.mjs';
import { driftOfReadings } from './live-judge.mjs';

// What one listener was told, in order: clips, and captions in place of one.
function told({ segments, captions }) {
    return [...segments.map((s) => ({ ...s, source: s.sourceTranscript, heard: s.timing.heard })),
        ...captions.filter(({ segment }) => segment > 0).map((c) => ({ ...c, source: c.sourceText ?? c.text }))]
        .sort((a, b) => a.segment - b.segment);
}

// Each segment's words, its place among all of them, and where each is aligned.
function placed(segments, whole) {
    const words = segments.flatMap(({ source }, segment) => wordsOf(source).map((w) => ({ w, segment })));
    const pairs = align(whole.map(({ w }) => w), words.map(({ w }) => w));

    return { words, pairs };
}

// Lost and added words next to the border of two segments, and elsewhere. A word
// that was heard otherwise (a partial result that its final one corrects after it
// was told) is neither.
function changes({ words, pairs }, whole) {
    const found = { border_lost: 0, border_added: 0, lost: 0, added: 0, otherwise: 0 };
    let at = -1;                    // the last word of ours so far

    for (const { want, got } of pairs) {
        at = got ?? at;
        if (got === undefined) {
            found.lost++;
            found.border_lost += words[at]?.segment !== words[at + 1]?.segment;
        } else if (want === undefined) {
            found.added++;
            found.border_added += words[got - 1]?.segment !== words[got + 1]?.segment;
        } else {
            found.otherwise += whole[want].w !== words[got].w;
        }
    }
    return found;
}

// When each segment's last word ended, s, by the whole file's times.
function ends(segments, { words, pairs }, whole) {
    const end = [];
    let last = 0;

    for (const { want, got } of pairs) {
        last = want === undefined ? last : whole[want].e;
        if (got !== undefined) {
            end[words[got].segment] = last;
        }
    }
    return segments.map((_, i) => end[i]);
}

// Clips one after the other: when each is first heard, ms; none: undefined.
function starts(segments) {
    let free = 0;

    return segments.map(({ url, heard, duration }) => {
        if (!url) {
            return undefined;
        }
        const start = Math.max(free, heard);
        free = start + duration * 1000;
        return start;
    });
}

// listeners: of local/client.mjs; whole: [{ w, s, e }]; reference: what was said, in
// so many rounds, from second `begin` on, in `seconds` each.
export function judge({ began, listeners }, { whole, reference, rounds: { begin, seconds, count } }) {
    const texts = new Map();
    const points = [];
    const arrivals = [];
    const all = { border_lost: 0, border_added: 0, lost: 0, added: 0, otherwise: 0, revisions: 0, captions: 0 };

    for (const segments of listeners.map(told)) {
        const place = placed(segments, whole);
        const until = ends(segments, place, whole);

        starts(segments).forEach((ms, i) => {
            if (ms !== undefined && until[i] !== undefined) {
                points.push([until[i], ms - began - until[i] * 1000]);
                arrivals.push(segments[i].heard - began - until[i] * 1000);
            }
        });
        Object.entries(changes(place, whole)).forEach(([name, n]) => { all[name] += n; });
        for (const { segment, source, url } of segments) {
            all.revisions += (texts.get(segment) ?? source) !== source;
            all.captions += !url;
            texts.set(segment, source);
        }
    }
    const got = wordsOf([...texts].sort(([a], [b]) => a - b).map(([, text]) => text).join(' '));
    const lags = points.map(([, lag]) => lag);
    return { points, segments: texts.size, ...all,
        wer: errorRate(wordsOf(reference), got), wer_whole: errorRate(whole.map(({ w }) => w), got),
        clip_p50: percentile(arrivals, 0.5), clip_p90: percentile(arrivals, 0.9),
        p50: percentile(lags, 0.5), p90: percentile(lags, 0.9), p99: percentile(lags, 0.99),
        drift: driftOfReadings(points.map(([at, lag]) => [at - begin, lag]), seconds, count) };
}
