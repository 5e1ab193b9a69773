/* Rings from a point, as wide as the voice is loud: that one hears something
   can be seen. Drawn only while something is heard; still when motion is
   unwelcome. */
const stillness = matchMedia('(prefers-reduced-motion: reduce)');
const FRAME_MS = 40;
const REST = 0.01;

export class Ripples {
  #canvas;
  #level;
  #loud = 0;
  #timer = 0;
  #drawnAt = 0;

  /* level(): 0 to 1, what is heard now. */
  constructor(canvas, level) {
    this.#canvas = canvas;
    this.#level = level;
    this.#paint();
  }

  /* Runs until the sound has faded by itself. */
  wake() {
    if (this.#timer === 0 && !stillness.matches) {
      this.#timer = requestAnimationFrame((now) => this.#frame(now));
    }
  }

  #frame(now) {
    this.#timer = 0;
    if (now - this.#drawnAt >= FRAME_MS) {
      const level = Math.min(1, this.#level() * 5);

      this.#loud += (level - this.#loud) * (level > this.#loud ? 0.5 : 0.2);
      this.#drawnAt = now;
      this.#paint();
      if (level === 0 && this.#loud < REST) {
        return;
      }
    }
    this.wake();
  }

  #paint() {
    const { width, height } = this.#canvas;
    const paint = this.#canvas.getContext('2d');
    const [x, y] = [width * 0.22, height / 2];
    const loud = this.#loud;
    const spread = 0.35 + 0.4 * loud;

    paint.clearRect(0, 0, width, height);
    paint.strokeStyle = paint.fillStyle = getComputedStyle(this.#canvas).color;
    paint.lineWidth = 4;
    paint.lineCap = 'round';
    paint.beginPath();
    paint.arc(x, y, 8 + loud * 4, 0, 7);
    paint.fill();
    for (let ring = 1; ring <= 4; ring++) {
      paint.globalAlpha = Math.max(0.12, Math.min(1, loud * 2.4 - ring * 0.35));
      paint.beginPath();
      paint.arc(x, y, 8 + ring * 21, -spread, spread);
      paint.stroke();
    }
    paint.globalAlpha = 1;
  }
}
