/* What is said, as text: the line being spoken large, earlier ones above it.
   Follows the talk by itself until the reader scrolls back. */
const MAX_LINES = 400;
const NEAR_PX = 80;

export class Captions {
  #box;
  #list;
  #toNow;
  #lines = new Map();      /* number → <li> */
  #following = true;

  constructor({ box, list, toNow }) {
    this.#box = box;
    this.#list = list;
    this.#toNow = toNow;
    box.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    toNow.addEventListener('click', () => this.follow());
  }

  get count() {
    return this.#lines.size;
  }

  /* {text, language, source, sourceLanguage, note}; in the order of numbers. */
  add(number, line) {
    if (this.#lines.has(number) || !line.text) {
      return;
    }
    const li = document.createElement('li');

    li.dataset.segment = number;
    li.append(paragraph('said', line.text, line.language));
    if (line.source && line.source !== line.text) {
      li.append(paragraph('source', line.source, line.sourceLanguage));
    }
    if (line.note) {
      li.append(paragraph('note', line.note));
    }
    this.#insert(number, li);
    this.#lines.set(number, li);
    this.#trim();
    this.now(number);
  }

  now(number) {
    for (const [key, li] of this.#lines) {
      li.toggleAttribute('data-now', key === number);
    }
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
    this.#lines.clear();
    this.#list.replaceChildren();
  }

  #insert(number, li) {
    const later = [...this.#list.children]
      .find((other) => Number(other.dataset.segment) > number);

    this.#list.insertBefore(li, later ?? null);
  }

  #trim() {
    while (this.#lines.size > MAX_LINES) {
      const first = this.#list.firstElementChild;

      this.#lines.delete(Number(first.dataset.segment));
      first.remove();
    }
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;

    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.#toNow.hidden = this.#following;
  }
}

function paragraph(name, text, language) {
  const p = document.createElement('p');

  p.className = name;
  p.textContent = text;
  p.dir = 'auto';
  if (language) {
    p.lang = language;
  }
  return p;
}
