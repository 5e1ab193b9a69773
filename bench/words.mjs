// Two texts, word by word.

export const wordsOf = (text) => text.toLowerCase().match(/[a-z']+/g) ?? [];

// What makes `got` out of `want` by the fewest changes, in order: { want, got }
// indices of both; a lost word has no got, an added one no want.
export function align(want, got) {
    const cost = Array.from({ length: want.length + 1 }, (_, i) =>
        Int32Array.from({ length: got.length + 1 }, (_, k) => i === 0 ? k : k === 0 ? i : 0));
    const change = (i, k) => Number(want[i - 1] !== got[k - 1]);

    for (let i = 1; i <= want.length; i++) {
        for (let k = 1; k <= got.length; k++) {
            cost[i][k] = Math.min(cost[i - 1][k] + 1, cost[i][k - 1] + 1, cost[i - 1][k - 1] + change(i, k));
        }
    }
    const pairs = [];
    for (let i = want.length, k = got.length; i > 0 || k > 0;) {
        if (i > 0 && k > 0 && cost[i][k] === cost[i - 1][k - 1] + change(i, k)) {
            pairs.push({ want: --i, got: --k });
        } else if (k === 0 || (i > 0 && cost[i][k] === cost[i - 1][k] + 1)) {
            pairs.push({ want: --i });
        } else {
            pairs.push({ got: --k });
        }
    }
    return pairs.reverse();
}

// Substituted, lost and added words for each of `want`.
export function errorRate(want, got) {
    const wrong = align(want, got).filter((pair) => want[pair.want] !== got[pair.got]);

    return wrong.length / Math.max(1, want.length);
}
