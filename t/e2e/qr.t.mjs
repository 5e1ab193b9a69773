/* Our QR encoder against an independent reader: zbarimg. */
import { execFileSync } from 'node:child_process';
import { qrEncode } from '../../apps/shared/qr.js';
import { plan, ok, is, run } from './tap.mjs';

const CAPACITY = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213];
const LINK = 'https://talks.example.org/listener/?session=blessed-shepherd-123';
const SCALE = 4;

/* A portable bitmap with the quiet zone of four modules that the norm wants. */
function bitmap({ size, dark }) {
  const side = (size + 8) * SCALE;
  const pixel = (y, x) => {
    const row = Math.floor(y / SCALE) - 4;
    return dark[row]?.[Math.floor(x / SCALE) - 4] ? '1' : '0';
  };
  const rows = Array.from({ length: side },
    (_, y) => Array.from({ length: side }, (_, x) => pixel(y, x)).join(' '));

  return `P1\n${side} ${side}\n${rows.join('\n')}\n`;
}

function read(code) {
  try {
    return execFileSync('zbarimg', ['--quiet', '--raw', 'pbm:-'],
      { input: bitmap(code), encoding: 'utf8', stdio: 'pipe' }).replace(/\n$/, '');
  } catch (error) {
    return `zbarimg failed: ${error.message}`;
  }
}

function filler(length, seed) {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789-/?=&.:ABCDEFGH';

  return Array.from({ length }, (_, i) =>
    letters[(i * 7 + seed * 13 + i * i) % letters.length]).join('');
}

await run(() => {
  plan(CAPACITY.length * 3 + 4);

  CAPACITY.forEach((capacity, i) => {
    const full = filler(capacity, i);
    const code = qrEncode(full);

    is(code.version, i + 1, `${capacity} bytes fill version ${i + 1}`);
    is(read(code), full, `version ${i + 1} full reads back`);

    const least = filler((CAPACITY[i - 1] ?? 0) + 1, i + 50);
    is(read(qrEncode(least)), least, `version ${i + 1} with padding reads back`);
  });

  is(read(qrEncode(LINK)), LINK, 'a listener link reads back');

  const texts = Array.from({ length: 60 }, (_, i) => filler(30, i));
  const masks = new Set(texts.map((text) => qrEncode(text).mask));
  ok(masks.size >= 5, 'the mask depends on the text', [...masks]);
  is(texts.filter((text) => read(qrEncode(text)) !== text), [],
    'each of them reads back');

  let refused = '';
  try {
    qrEncode(filler(214, 1));
  } catch (error) {
    refused = error.name;
  }
  is(refused, 'RangeError', '214 bytes are refused');
});
