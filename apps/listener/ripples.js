/* Rings from a point, as wide as the voice is loud: that one hears something
   can be seen. Still when motion is unwelcome. */
const still = matchMedia('(prefers-reduced-motion: reduce)');

export function startRipples(canvas, level) {
  const paint = canvas.getContext('2d');
  const [x, y] = [canvas.width * 0.22, canvas.height / 2];
  let loud = 0;
  let timer = 0;

  function draw() {
    const now = still.matches ? 0.5 : level();

    loud += (Math.min(1, now * 5) - loud) * (now > loud ? 0.4 : 0.12);
    paint.clearRect(0, 0, canvas.width, canvas.height);
    paint.strokeStyle = paint.fillStyle = getComputedStyle(canvas).color;
    paint.lineWidth = 4;
    paint.lineCap = 'round';
    paint.beginPath();
    paint.arc(x, y, 8 + loud * 4, 0, 7);
    paint.fill();
    for (let ring = 1; ring <= 4; ring++) {
      const spread = 0.35 + 0.4 * loud;

      paint.globalAlpha = Math.max(0.12, Math.min(1, loud * 2.4 - ring * 0.35));
      paint.beginPath();
      paint.arc(x, y, 8 + ring * 21, -spread, spread);
      paint.stroke();
    }
    paint.globalAlpha = 1;
    timer = requestAnimationFrame(draw);
  }

  draw();
  return () => cancelAnimationFrame(timer);
}
