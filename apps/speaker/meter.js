/* The level as a picture: the last seconds as bars, the present as one bar.
   Levels come ten times a second; the picture moves smoothly between them,
   at half the screen's rate: it runs for hours. */
const stillness = matchMedia('(prefers-reduced-motion: reduce)');
const BARS = 90;
const FLOOR_DB = -60;
const FRAME_MS = 30;

/* 0 to 1 over the range that speech uses. */
export function loudness(amplitude) {
  const db = 20 * Math.log10(Math.max(amplitude, 1e-6));

  return Math.max(0, Math.min(1, 1 - db / FLOOR_DB));
}

export class Meter {
  #canvas;
  #bar;
  #bars = new Array(BARS).fill(0);
  #level = 0;
  #since = 0;
  #told = 0;
  #loudest = 0;            /* since it was told */
  #frame = 0;

  constructor(canvas, bar) {
    this.#canvas = canvas;
    this.#bar = bar;
  }

  start() {
    let drawnAt = 0;
    const draw = (now) => {
      if (now - drawnAt >= FRAME_MS && !stillness.matches) {
        drawnAt = now;
        this.#paint();
      }
      this.#frame = requestAnimationFrame(draw);
    };

    this.#paint();
    draw(0);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }

  push({ peak, rms }) {
    const now = performance.now();

    this.#level = loudness(rms);
    this.#bars.push(this.#level);
    this.#bars.shift();
    this.#since = now;
    this.#bar.style.setProperty('--level', loudness(peak).toFixed(3));
    this.#bar.toggleAttribute('data-hot', peak > 0.98);
    this.#loudest = Math.max(this.#loudest, this.#level);
    if (stillness.matches) {
      this.#paint();
    }
    if (now - this.#told > 1_000) {
      this.#told = now;
      this.#bar.setAttribute('aria-valuenow', Math.round(this.#loudest * 100));
      this.#loudest = 0;
    }
  }

  #paint() {
    const { width, height } = this.#canvas;
    const paint = this.#canvas.getContext('2d');
    const step = width / (BARS - 1);
    const moved = stillness.matches ? 0
      : Math.min(1, (performance.now() - this.#since) / 100);

    paint.clearRect(0, 0, width, height);
    paint.fillStyle = getComputedStyle(this.#canvas).color;
    this.#bars.forEach((level, i) => {
      const tall = Math.max(4, level * level * (height - 8));

      paint.globalAlpha = 0.18 + 0.82 * (i / BARS) ** 1.6;
      paint.beginPath();
      paint.roundRect((i - moved) * step, (height - tall) / 2,
        step * 0.55, tall, step * 0.27);
      paint.fill();
    });
    paint.globalAlpha = 1;
  }
}
