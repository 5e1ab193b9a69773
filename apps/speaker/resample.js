/* From the sound card's rate to 16 kHz, block by block: a windowed sinc that
   cuts off below 8 kHz. Used where the browser does not give us a context of
   16 kHz (Firefox refuses a microphone of another rate). Pure, no browser. */
const HALF = 16;           /* taps on either side, in periods of the slower rate */

export class Resampler {
  #step;                   /* input samples per output sample */
  #scale;
  #reach;                  /* input samples on either side    */
  #held;
  #next;                   /* where in #held the next output sample lies */

  constructor(fromHz, toHz) {
    this.#step = fromHz / toHz;
    this.#scale = Math.min(1, toHz / fromHz) * 0.94;
    this.#reach = Math.ceil(HALF / this.#scale);
    this.#held = new Float32Array(this.#reach);
    this.#next = this.#reach;
  }

  /* What can be computed now; the rest waits for the next block. */
  push(block) {
    const held = new Float32Array(this.#held.length + block.length);

    held.set(this.#held);
    held.set(block, this.#held.length);

    const out = [];
    while (this.#next + this.#reach < held.length) {
      out.push(this.#at(held, this.#next));
      this.#next += this.#step;
    }

    const done = Math.max(0, Math.floor(this.#next) - this.#reach);
    this.#held = held.slice(done);
    this.#next -= done;

    return Float32Array.from(out);
  }

  #at(held, centre) {
    const first = Math.max(0, Math.ceil(centre - this.#reach));
    const last = Math.floor(centre + this.#reach);
    let sum = 0;

    for (let i = first; i <= last; i++) {
      const x = (i - centre) * this.#scale;
      const window = 0.5 + 0.5 * Math.cos(Math.PI * x / HALF);
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      sum += held[i] * sinc * window;
    }
    return sum * this.#scale;
  }
}
