/* Segments as running text: they are cut by time, often in mid-sentence, so
   each continues the paragraph before it until a sentence has ended there.

   <li> one paragraph; in it a <p class=…> per row (what is said, its source),
   in that a <span data-segment> per segment. The paragraph and the spans of
   the segment being spoken have data-now. Oldest paragraphs go first. */
const PARAGRAPH_CHARS = 140;
const SENTENCE_END = /[.!?…。！？؟]["'”’»)]*\s*$/;

const glue = (language) => (['ja', 'zh'].includes(language) ? '' : ' ');

export class RunningText {
  #list;
  #max;
  #seen = new Map();       /* number → its spans */
  #open = null;            /* the paragraph that may go on */

  constructor(list, { maxSegments }) {
    this.#list = list;
    this.#max = maxSegments;
  }

  /* rows: [{name, text, language}], the first one decides about paragraphs.
     false: this segment is there already, or says nothing. */
  add(number, rows, note = '') {
    if (this.#seen.has(number) || !rows[0].text) {
      return false;
    }
    const li = this.#open ?? this.#newParagraph(rows);
    const spans = rows.filter(({ text }) => text)
      .map((row) => this.#append(li, number, row));

    if (note) {
      spans[0].after(Object.assign(document.createElement('small'),
        { className: 'note', textContent: note }));
    }
    this.#seen.set(number, spans);
    this.#open = this.#isFull(li, rows[0]) ? null : li;
    this.#trim();
    return true;
  }

  now(number) {
    for (const node of this.#list.querySelectorAll('[data-now]')) {
      node.removeAttribute('data-now');
    }
    for (const span of this.#seen.get(number) ?? []) {
      span.setAttribute('data-now', '');
      span.closest('li').setAttribute('data-now', '');
    }
  }

  clear() {
    this.#seen.clear();
    this.#open = null;
    this.#list.replaceChildren();
  }

  #newParagraph(rows) {
    const li = document.createElement('li');

    for (const { name, language } of rows) {
      const p = document.createElement('p');

      p.className = name;
      p.dir = 'auto';
      p.lang = language ?? '';
      li.append(p);
    }
    this.#list.append(li);
    return li;
  }

  #append(li, number, { name, text, language }) {
    const p = li.querySelector(`.${CSS.escape(name)}`);
    const span = document.createElement('span');

    span.dataset.segment = number;
    span.textContent = text.trim();
    if (p.childNodes.length > 0) {
      p.append(glue(language));
    }
    p.append(span);
    return span;
  }

  #isFull(li, { name, text }) {
    return SENTENCE_END.test(text)
      || li.querySelector(`.${CSS.escape(name)}`).textContent.length
        > PARAGRAPH_CHARS;
  }

  #trim() {
    while (this.#seen.size > this.#max && this.#list.childElementCount > 1) {
      const first = this.#list.firstElementChild;

      for (const span of first.querySelectorAll('[data-segment]')) {
        this.#seen.delete(Number(span.dataset.segment));
      }
      first.remove();
    }
  }
}
