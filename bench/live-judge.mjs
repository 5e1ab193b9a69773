// What listeners of bench/live.mjs got, against what was said.

const STAGES_MS = 650;          // commit to clip, when nothing is late

const plain = (text) => text.toLowerCase().match(/[a-z']+/g) ?? [];

// When each text's last word ended, s, by counting words of the script.
export function phraseEnds(texts, words) {
    let n = 0;

    return texts.map((text) => {
        n += plain(text).length;
        return words[Math.min(n, words.length) - 1].e;
    });
}

// By the least squares, of points [s, ms]: ms that it grows in a minute.
export function drift(points) {
    const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
    const [x, y] = [0, 1].map((i) => mean(points.map((p) => p[i])));
    const over = points.reduce((a, p) => a + (p[0] - x) * (p[1] - y), 0);
    const under = points.reduce((a, p) => a + (p[0] - x) ** 2, 0);

    return under > 0 ? over / under * 60 : 0;
}

// The same of a text that is read again and again, in `seconds` each time: of
// the means of `whole` readings, since a text's sentences differ by more than
// the lag grows. NaN of fewer than two.
export function driftOfReadings(points, seconds, whole) {
    const means = Array.from({ length: whole }, (_, i) => points.filter(([at]) => Math.floor(at / seconds) === i))
        .filter((reading) => reading.length > 0)
        .map((reading) => [0, 1].map((i) => reading.reduce((sum, p) => sum + p[i], 0) / reading.length));

    return means.length > 1 ? drift(means) : NaN;
}

// Words that were said and not told, or told twice.
export function compare(words, texts) {
    const got = texts.flatMap(plain);
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

// Of segments { segment, url or not, heard, duration s } in order: when each
// begins and stops, and how long its listener had nothing to hear though it
// was due: committed, and the usual time for its stages over.
export function play(told, commits) {
    let free = 0;               // the last clip has been played

    return told.map(({ segment, url, heard, duration, reason }) => {
        const due = Math.max(free, (commits.get(segment) ?? heard) + STAGES_MS);
        const start = Math.max(free, heard);
        const stall = reason === 'merged' ? 0 : Math.max(0, start - due);

        free = url ? start + duration * 1000 : free;
        return { start, stop: free, stall };
    });
}
