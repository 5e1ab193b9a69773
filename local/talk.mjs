// A talk to translate: LibriVox recordings (public domain) from Debian's pocketsphinx-testdata, joined by pauses.
import fs from 'node:fs';
import path from 'node:path';

const FOLDER = '/usr/share/pocketsphinx/test/data/librivox';
const SAMPLE_RATE = 16_000;
export const BYTES_PER_SECOND = SAMPLE_RATE * 2;

// The PCM of a RIFF file that is s16le, 16 kHz, mono.
function readWav(file) {
  const data = fs.readFileSync(file);
  for (let at = 12; at + 8 <= data.length;) {
    const id = data.toString('latin1', at, at + 4);
    const length = data.readUInt32LE(at + 4);
    if (id === 'fmt ' && (data.readUInt16LE(at + 10) !== 1 || data.readUInt32LE(at + 12) !== SAMPLE_RATE)) {
      throw new Error(`${file}: not 16 kHz mono`);
    }
    if (id === 'data') {
      return data.subarray(at + 8, at + 8 + length);
    }
    at += 8 + length + (length & 1);
  }
  throw new Error(`${file}: no data chunk`);
}

/** { pcm, reference: [{ text, from, to }] }, times in seconds from the start of the talk. */
export function loadTalk({ rounds = 1, pauseSeconds = 1 } = {}) {
  const pause = Buffer.alloc(pauseSeconds * BYTES_PER_SECOND);
  const lines = fs.readFileSync(path.join(FOLDER, 'transcription'), 'utf8').trim().split('\n');
  const parts = [pause];
  const reference = [];
  let bytes = pause.length;
  for (let round = 0; round < rounds; round++) {
    for (const line of lines) {
      const [, text, name] = /^<s> (.*) <\/s> \((.*)\)$/.exec(line);
      const pcm = readWav(path.join(FOLDER, `${name}.wav`));
      reference.push({ text, from: bytes / BYTES_PER_SECOND, to: (bytes + pcm.length) / BYTES_PER_SECOND });
      parts.push(pcm, pause);
      bytes += pcm.length + pause.length;
    }
  }
  return { pcm: Buffer.concat(parts), reference };
}

/** The same as a WAV file, for a browser's fake microphone. */
export function writeWav(file, pcm) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + pcm.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(SAMPLE_RATE, 24);
  head.writeUInt32LE(BYTES_PER_SECOND, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(pcm.length, 40);
  fs.writeFileSync(file, Buffer.concat([head, pcm]));
}

const words = (text) => text.toLowerCase().replace(/[^a-z' ]/g, ' ').split(/\s+/).filter(Boolean);

/** Word error rate: edits (substituted, missing, added words) per word of the reference. */
export function wordErrorRate(reference, heard) {
  const want = words(reference);
  const got = words(heard);
  let row = got.map((_, i) => i + 1);
  row.unshift(0);
  for (let i = 1; i <= want.length; i++) {
    const next = [i];
    for (let j = 1; j <= got.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (want[i - 1] === got[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[got.length] / want.length;
}
