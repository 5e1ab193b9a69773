// The audio of the fleet bench: each millisecond (a cell of 32 bytes, as 16 kHz
// s16le has) says which talk it is of, which millisecond of it, and which word
// is said. So whoever hears it knows what it has been given, byte by byte.
//   0 magic   4 talk   6 index   10 word, 0: a pause   12 ms that the word lasts
export const CELL_BYTES = 32, CELL_MS = 1;
export const WORD_MS = 400, GAP_MS = 100, SENTENCE = 10, PAUSE_MS = 700;

const MAGIC = 0x3143744c;
const SENTENCE_MS = SENTENCE * (WORD_MS + GAP_MS) - GAP_MS + PAUSE_MS;

// Which word is said at that millisecond (from 1; 0: none).
function wordAt(ms) {
    const within = ms % SENTENCE_MS;
    const word = Math.floor(within / (WORD_MS + GAP_MS));
    return word < SENTENCE && within % (WORD_MS + GAP_MS) < WORD_MS
        ? Math.floor(ms / SENTENCE_MS) * SENTENCE + word + 1 : 0;
}

// When it is over.
export function wordEnd(n) {
    return Math.floor((n - 1) / SENTENCE) * SENTENCE_MS + (n - 1) % SENTENCE * (WORD_MS + GAP_MS) + WORD_MS;
}

export function audio(talk, fromMs, ms) {
    const pcm = Buffer.alloc(ms * CELL_BYTES);
    for (let i = 0; i < ms; i += 1) {
        const at = i * CELL_BYTES;
        pcm.writeUInt32LE(MAGIC, at);
        pcm.writeUInt16LE(talk, at + 4);
        pcm.writeUInt32LE(fromMs + i, at + 6);
        pcm.writeUInt16LE(wordAt(fromMs + i), at + 10);
        pcm.writeUInt16LE(WORD_MS, at + 12);
    }
    return pcm;
}

// null: no cell begins here.
export const readCell = (data, at) => data.readUInt32LE(at) !== MAGIC ? null : {
    talk: data.readUInt16LE(at + 4), index: data.readUInt32LE(at + 6),
    word: data.readUInt16LE(at + 10), length: data.readUInt16LE(at + 12),
};
