// From the recogniser's words to the Results of a TranscriptEvent: one
// growing result per utterance, as Transcribe sends them.
import { randomUUID } from 'node:crypto';

// The last words that may still change, by partial-results-stability.
const UNSTABLE_WORDS = { high: 2, medium: 3, low: 5 };
const OVERLAP_S = 0.05;
const SAME_WORD_S = 0.3;    // a word's time may shift so far

// As a recogniser with case and punctuation would write them.
const SPELLING = { i: 'I', 'i\'m': 'I\'m', 'i\'ll': 'I\'ll', 'i\'ve': 'I\'ve',
    'i\'d': 'I\'d', mr: 'mister', mrs: 'missus', dr: 'doctor' };

const spell = (word) => SPELLING[word] ?? word;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export class Transcript {
    #unstable;          // undefined: no stabilisation
    #id;                // of the open result
    #stable = [];       // its words that were sent as Stable
    #shown = [];        // its words as last sent

    constructor({ stability } = {}) {
        this.#unstable = stability && UNSTABLE_WORDS[stability];
    }

    // What was once stable stays. Newer words follow the last stable one, or
    // where that is no longer heard, its time.
    #merge(words) {
        const last = this.#stable.at(-1);
        if (!last) {
            return words;
        }
        const same = words.findLastIndex((word) => word.w === last.w
            && Math.abs(word.s - last.s) < SAME_WORD_S);
        const rest = same !== -1 ? words.slice(same + 1)
            : words.filter((word) => word.s >= last.e - OVERLAP_S);
        return [...this.#stable, ...rest];
    }

    // A word is stable when enough came after it and it did not change, or
    // when the recogniser says so.
    #settle(words, stable = words.length - this.#unstable) {
        for (let i = this.#stable.length; i < stable; i++) {
            if (words[i].w !== this.#shown[i]?.w) {
                return;
            }
            this.#stable.push(words[i]);
        }
    }

    #item(word, index, isFinal) {
        const content = spell(word.w);
        const item = { Content: index === 0 ? capital(content) : content,
            Type: 'pronunciation', StartTime: word.s, EndTime: word.e,
            VocabularyFilterMatch: false };
        if (isFinal && word.c !== undefined) {
            item.Confidence = word.c;
        }
        if (this.#unstable !== undefined) {
            item.Stable = isFinal || index < this.#stable.length;
        }
        return item;
    }

    // A recogniser that knows punctuation says it behind the word.
    #marked(item, mark) {
        return mark ? [item, { ...item, Content: mark, Type: 'punctuation',
            StartTime: item.EndTime }] : [item];
    }

    #result(words, isFinal) {
        const items = words.flatMap((word, i) => this.#marked(
            this.#item(word, i, isFinal), word.mark));
        const text = items.map(({ Content, Type }, i) =>
            (i > 0 && Type === 'pronunciation' ? ' ' : '') + Content).join('');
        const end = words.at(-1).e;
        const isOpen = isFinal && items.at(-1).Type === 'pronunciation';
        if (isOpen) {
            items.push({ Content: '.', Type: 'punctuation', StartTime: end,
                EndTime: end, VocabularyFilterMatch: false,
                ...(this.#unstable !== undefined && { Stable: true }) });
        }
        return { ResultId: this.#id, StartTime: words[0].s, EndTime: end,
            IsPartial: !isFinal, ChannelId: 'ch_0',
            Alternatives: [{ Transcript: isOpen ? `${text}.` : text,
                Items: items }] };
    }

    // The result to send for the recogniser's line, undefined: none.
    take({ type, words, stable }) {
        const isFinal = type === 'final';
        let all = this.#merge(words);
        if (all.length === 0 && isFinal) {
            all = this.#shown;      // what was shown does not vanish
        }
        if (all.length === 0) {
            return undefined;
        }
        this.#id ??= randomUUID();
        if (this.#unstable !== undefined && !isFinal) {
            this.#settle(all, stable);
        }
        this.#shown = all;
        const result = this.#result(all, isFinal);
        if (isFinal) {
            [this.#id, this.#stable, this.#shown] = [undefined, [], []];
        }
        return result;
    }
}
