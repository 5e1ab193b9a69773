/* What is said, as text: the sentence being spoken large, earlier ones above,
   and below, set apart, what the speaker is just saying and may still change.
   Follows the talk by itself until the reader scrolls back. */
import { RunningText } from '../shared/running-text.js';

const MAX_SEGMENTS = 400;
const NEAR_PX = 80;

export class Captions {
  #box;
  #toNow;
  #tail;
  #text;
  #following = true;

  constructor({ box, list, tail, toNow }) {
    this.#box = box;
    this.#tail = tail;
    this.#toNow = toNow;
    this.#text = new RunningText(list, { maxSegments: MAX_SEGMENTS });
    box.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    toNow.addEventListener('click', () => this.follow());
  }

  add(number, { text, language, source, sourceLanguage, note }) {
    const rows = [{ name: 'said', text, language },
      { name: 'source', text: source === text ? '' : source,
        language: sourceLanguage }];

    if (this.#text.add(number, rows, note)) {
      this.now(number);
    }
  }

  now(number) {
    this.#text.now(number);
    if (this.#following) {
      this.follow();
    }
  }

  /* In the speaker's own words; '' takes them away. */
  tail(text, language) {
    this.#tail.textContent = text;
    this.#tail.lang = language ?? '';
    this.#tail.hidden = text === '';
    if (this.#following) {
      this.follow();
    }
  }

  follow() {
    this.#following = true;
    this.#toNow.hidden = true;
    this.#box.scrollTo({ top: this.#box.scrollHeight });
  }

  clear() {
    this.tail('');
    this.#text.clear();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;

    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.#toNow.hidden = this.#following;
  }
}
