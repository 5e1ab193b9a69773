/* QR codes (ISO/IEC 18004): byte mode, error correction M, versions 1 to 10.
   Pure: text in, matrix out; qrPath draws it as one SVG path.

   Limits: 213 bytes of UTF-8; more is a RangeError. */

/* Per version: error correction bytes per block, then [blocks, data bytes]. */
const LAYOUT = [
  null,
  [10, [[1, 16]]], [16, [[1, 28]]], [26, [[1, 44]]], [18, [[2, 32]]],
  [24, [[2, 43]]], [16, [[4, 27]]], [18, [[4, 31]]],
  [22, [[2, 38], [2, 39]]], [22, [[3, 36], [2, 37]]], [26, [[4, 43], [1, 44]]],
];
const ALIGNMENT = [
  null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34],
  [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50],
];
const MASKS = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (r, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => (r * c) % 2 + (r * c) % 3 === 0,
  (r, c) => ((r * c) % 2 + (r * c) % 3) % 2 === 0,
  (r, c) => ((r + c) % 2 + (r * c) % 3) % 2 === 0,
];

/* GF(256) with the polynomial 0x11d. */
const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);

for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x & 0x80 ? 0x11d : 0);
}

const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

function generator(degree) {
  let poly = [1];

  for (let i = 0; i < degree; i++) {
    const next = [...poly, 0];
    poly.forEach((k, j) => { next[j + 1] ^= times(k, EXP[i]); });
    poly = next;
  }
  return poly;
}

function remainder(data, poly) {
  const rest = new Uint8Array(data.length + poly.length - 1);

  rest.set(data);
  for (let i = 0; i < data.length; i++) {
    const lead = rest[i];
    poly.forEach((k, j) => { rest[i + j] ^= times(k, lead); });
  }
  return rest.subarray(data.length);
}

const dataLength = (version) =>
  LAYOUT[version][1].reduce((sum, [blocks, size]) => sum + blocks * size, 0);

const headBits = (version) => (version < 10 ? 12 : 20);

function fitVersion(length) {
  for (let version = 1; version <= 10; version++) {
    if (headBits(version) + length * 8 <= dataLength(version) * 8) {
      return version;
    }
  }
  throw new RangeError('too long for a QR code of version 10');
}

function dataBytes(bytes, version) {
  const bits = [];
  const put = (value, width) => {
    for (let i = width - 1; i >= 0; i--) {
      bits.push((value >> i) & 1);
    }
  };
  const room = dataLength(version) * 8;

  put(4, 4);
  put(bytes.length, headBits(version) - 4);
  bytes.forEach((byte) => put(byte, 8));
  put(0, Math.min(4, room - bits.length));
  put(0, (8 - bits.length % 8) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) {
    put(pad, 8);
  }

  const out = new Uint8Array(room / 8);
  bits.forEach((bit, i) => { out[i >> 3] |= bit << (7 - i % 8); });
  return out;
}

/* The blocks' data bytes in turn, then their correction bytes in turn. */
function codewords(data, version) {
  const [correction, groups] = LAYOUT[version];
  const poly = generator(correction);
  const blocks = [];
  let at = 0;

  for (const [count, size] of groups) {
    for (let i = 0; i < count; i++, at += size) {
      const part = data.subarray(at, at + size);
      blocks.push({ part, check: remainder(part, poly) });
    }
  }

  const out = [];
  const longest = blocks.at(-1).part.length;

  for (let i = 0; i < longest; i++) {
    blocks.forEach(({ part }) => { if (i < part.length) out.push(part[i]); });
  }
  for (let i = 0; i < correction; i++) {
    blocks.forEach(({ check }) => out.push(check[i]));
  }
  return out;
}

/* value followed by its BCH check bits. */
function checked(value, poly, width) {
  const top = 31 - Math.clz32(poly);
  let rest = value << top;

  for (let i = width - 1; i >= 0; i--) {
    if (rest >> (i + top) & 1) {
      rest ^= poly << i;
    }
  }
  return value << top | rest;
}

class Grid {
  constructor(version) {
    this.size = 17 + 4 * version;
    this.dark = Array.from({ length: this.size },
      () => new Array(this.size).fill(false));
    this.fixed = this.dark.map((row) => row.slice());
  }

  set(row, col, dark) {
    if (row >= 0 && col >= 0 && row < this.size && col < this.size) {
      this.dark[row][col] = dark;
      this.fixed[row][col] = true;
    }
  }

  /* Rings around a centre: dark where the distance is in `darkAt`. */
  rings(row, col, reach, darkAt) {
    for (let dr = -reach; dr <= reach; dr++) {
      for (let dc = -reach; dc <= reach; dc++) {
        const distance = Math.max(Math.abs(dr), Math.abs(dc));
        this.set(row + dr, col + dc, darkAt.includes(distance));
      }
    }
  }
}

function drawFixed(grid, version) {
  const { size } = grid;
  const spots = ALIGNMENT[version];
  const far = size - 7;

  for (let i = 0; i < size; i++) {
    grid.set(6, i, i % 2 === 0);
    grid.set(i, 6, i % 2 === 0);
  }
  for (const row of spots) {
    for (const col of spots) {
      const corner = (row === 6 && (col === 6 || col === far))
        || (row === far && col === 6);
      if (!corner) {
        grid.rings(row, col, 2, [0, 2]);
      }
    }
  }
  for (const [row, col] of [[3, 3], [3, size - 4], [size - 4, 3]]) {
    grid.rings(row, col, 4, [0, 1, 3]);
  }
  drawVersion(grid, version);
  drawFormat(grid, 0);
}

function drawVersion(grid, version) {
  if (version < 7) {
    return;
  }
  const bits = checked(version, 0x1f25, 6);

  for (let i = 0; i < 18; i++) {
    const long = grid.size - 11 + i % 3;
    const short = Math.floor(i / 3);
    grid.set(short, long, Boolean(bits >> i & 1));
    grid.set(long, short, Boolean(bits >> i & 1));
  }
}

/* Level M is 00, so the five data bits are the mask's number alone. */
function drawFormat(grid, mask) {
  const bits = checked(mask, 0x537, 5) ^ 0x5412;
  const { size } = grid;

  for (let i = 0; i < 15; i++) {
    const dark = Boolean(bits >> i & 1);
    const down = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i;
    const left = i < 8 ? size - 1 - i : i < 9 ? 15 - i : 14 - i;
    grid.set(down, 8, dark);
    grid.set(8, left, dark);
  }
  grid.set(size - 8, 8, true);
}

/* Upwards and downwards in pairs of columns from the right; column 6 is not
   in any pair. */
function drawData(grid, words) {
  const { size } = grid;
  let bit = 0;
  let up = true;

  for (let right = size - 1; right > 0; right -= 2, up = !up) {
    if (right === 6) {
      right = 5;
    }
    for (let i = 0; i < size; i++) {
      const row = up ? size - 1 - i : i;
      for (const col of [right, right - 1]) {
        if (!grid.fixed[row][col]) {
          grid.dark[row][col] = Boolean(words[bit >> 3] >> (7 - bit % 8) & 1);
          bit++;
        }
      }
    }
  }
}

function applyMask(grid, mask) {
  grid.dark.forEach((row, r) => row.forEach((dark, c) => {
    row[c] = grid.fixed[r][c] ? dark : dark !== MASKS[mask](r, c);
  }));
}

function linePenalty(line) {
  let penalty = 0;
  const text = line.map((dark) => (dark ? '1' : '0')).join('');

  for (const run of text.match(/0{5,}|1{5,}/g) ?? []) {
    penalty += run.length - 2;
  }
  penalty += 40 * (text.match(/(?=10111010000)|(?=00001011101)/g) ?? []).length;
  return penalty;
}

function penalty({ dark, size }) {
  let sum = 0;
  let count = 0;

  for (let i = 0; i < size; i++) {
    sum += linePenalty(dark[i]) + linePenalty(dark.map((row) => row[i]));
  }
  for (let r = 0; r < size; r++) {
    for (let c = 0; c < size; c++) {
      count += dark[r][c];
      if (r > 0 && c > 0 && dark[r][c] === dark[r - 1][c]
          && dark[r][c] === dark[r][c - 1] && dark[r][c] === dark[r - 1][c - 1]) {
        sum += 3;
      }
    }
  }
  return sum + 10 * Math.floor(Math.abs(count * 20 - size * size * 10)
                               / (size * size));
}

/* The matrix, true = dark; version and mask for those who want to know. */
export function qrEncode(text) {
  const bytes = [...new TextEncoder().encode(text)];
  const version = fitVersion(bytes.length);
  const words = codewords(dataBytes(bytes, version), version);
  const candidates = MASKS.map((_, mask) => {
    const grid = new Grid(version);

    drawFixed(grid, version);
    drawData(grid, words);
    applyMask(grid, mask);
    drawFormat(grid, mask);
    return { mask, grid, penalty: penalty(grid) };
  });
  const best = candidates.reduce((a, b) => (b.penalty < a.penalty ? b : a));

  return { version, mask: best.mask, size: best.grid.size,
    dark: best.grid.dark };
}

/* One path for an SVG with viewBox `0 0 size+8 size+8`: quiet zone included. */
export function qrPath({ dark }) {
  return dark.flatMap((row, r) => row.map((on, c) =>
    (on ? `M${c + 4} ${r + 4}h1v1h-1z` : ''))).join('');
}
