/* How far behind the speaker the listener is: now, which way it goes, what is
   done to keep up, and a line of the last segments. */
import { say } from './words.js';

const POINTS = 24;
const TREND_POINTS = 12;
const TREND_LEAST = 5;
const STEADY_MS = 1_000;       /* less over those points is no trend */
const FLOOR_MS = 8_000;        /* the line's height is this at least */
const PLAYED_MAX_MS = 600_000; /* more is a wrong clock */

/* 'steady', 'growing' or 'shrinking'; '' while there are too few. */
export function trendOf(list) {
  const last = list.slice(-TREND_POINTS);
  const n = last.length;

  if (n < TREND_LEAST) {
    return '';
  }
  const middle = (n - 1) / 2;
  const mean = last.reduce((sum, ms) => sum + ms, 0) / n;
  const slope = last.reduce((sum, ms, i) => sum + (i - middle) * (ms - mean), 0)
    / last.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  const change = slope * (n - 1);

  return Math.abs(change) < STEADY_MS ? 'steady'
    : change > 0 ? 'growing' : 'shrinking';
}

/* What the worker does about a backlog, and we do ourselves: see pace.js. */
const PACES = { faster: 'paceFaster', captions: 'paceCaptions',
  skip: 'paceSkip' };

export class Delay {
  #line;
  #text;
  #trend;
  #list = [];
  #pace = '';
  #played = null;        /* of the last that was heard since take() */

  constructor({ svg, text, trend }) {
    this.#line = svg.querySelector('polyline');
    this.#text = text;
    this.#trend = trend;
  }

  heard(ms) {
    this.#played = ms;
    this.add(ms);
  }

  /* For a heartbeat: each is told once. */
  take() {
    const playedMs = this.#played;

    this.#played = null;
    return playedMs !== null && playedMs >= 0 && playedMs <= PLAYED_MAX_MS
      ? { playedMs: Math.round(playedMs) } : {};
  }

  /* Read or heard. */
  add(ms) {
    this.#list = [...this.#list, ms].slice(-POINTS);
    this.#text.dataset.ms = Math.round(ms);
    this.#text.textContent = say('behind', { seconds: (ms / 1000).toFixed(1) });
    this.#draw();
    this.#tell();
  }

  /* action: one of PACES; anything else is nothing special. */
  pace(action) {
    this.#pace = PACES[action] ?? '';
    this.#tell();
  }

  /* text: what to say until there is one again. */
  clear(text) {
    this.#list = [];
    this.#pace = '';
    this.#text.textContent = text;
    this.#draw();
    this.#tell();
  }

  #tell() {
    const key = this.#pace || trendOf(this.#list);

    this.#trend.dataset.key = key;
    this.#trend.textContent = key ? say(key) : '';
  }

  /* In a box of 100 by 100, the newest at the right. */
  #draw() {
    const top = Math.max(FLOOR_MS, ...this.#list);
    const left = 100 - (this.#list.length - 1) * 100 / (POINTS - 1);

    this.#line.setAttribute('points', this.#list.map((ms, i) =>
      `${(left + i * 100 / (POINTS - 1)).toFixed(1)},${(100 - 96 * ms / top).toFixed(1)}`)
      .join(' '));
  }
}
