/* The order of what is heard: numbered segments in, the next one to play out.
   Pure: no audio, no network; the clock is a parameter, so that it can be
   tested without waiting.

   A segment is wanted → ready (its audio is decoded), spoken by text only, or
   failed; next() gives the lowest one as soon as nothing before it can still
   come. What is missing is waited for gapMs, counted from when a later one
   was ready, then skipped. */
const MAX_WAITING = 64;

export class Segments {
  late = 0;                /* came after their turn            */
  missing = 0;             /* never came, or came broken       */

  #gapMs;
  #waiting = new Map();    /* number → segment                 */
  #last = null;            /* number that went out last        */
  #numbered = true;        /* numbers without holes: gaps mean something */

  constructor({ gapMs }) {
    this.#gapMs = gapMs;
  }

  get size() {
    return this.#waiting.size;
  }

  /* false: seen before, its turn has passed, or too many wait. `numbered` false: the server
     counts in time stamps, where a hole says nothing. */
  add(number, segment, numbered = true) {
    if (this.#waiting.has(number)) {
      return false;
    }
    if (this.#last !== null && number <= this.#last) {
      this.late++;
      return false;
    }
    if (this.#waiting.size >= MAX_WAITING) {
      this.missing++;
      return false;
    }
    this.#numbered = numbered;
    this.#waiting.set(number, { ...segment, number, state: 'wanted', readyAt: 0 });
    return true;
  }

  settle(number, state, detail, now) {
    const segment = this.#waiting.get(number);

    if (segment) {
      Object.assign(segment, detail, { state, readyAt: now });
    }
    return Boolean(segment);
  }

  /* Those whose audio should be fetched next, lowest first. */
  wanted() {
    return this.#sorted().filter(({ state }) => state === 'wanted');
  }

  /* {segment} to play; {waitMs} ask again then; {} nothing to do. Failed ones
     and holes whose time is over are passed and listed in `skipped`. */
  next(now) {
    const skipped = [];

    for (;;) {
      const sorted = this.#sorted();
      const [first] = sorted;
      const settled = sorted.find(({ state }) => state !== 'wanted');

      if (!settled) {
        return { skipped };
      }
      if (this.#isHeldUp(first)) {
        const waitMs = settled.readyAt + this.#gapMs - now;
        if (waitMs > 0) {
          return { waitMs, skipped };
        }
        this.#pass(settled, skipped);
        continue;
      }
      this.#waiting.delete(first.number);
      this.#last = first.number;
      if (first.state !== 'failed') {
        return { segment: first, skipped };
      }
      this.missing++;
      skipped.push(first);
    }
  }

  #sorted() {
    return [...this.#waiting.values()].sort((a, b) => a.number - b.number);
  }

  /* Its own audio is not there yet, or one before it may still come. */
  #isHeldUp(first) {
    const hole = this.#numbered && this.#last !== null
      && first.number > this.#last + 1;

    return first.state === 'wanted' || hole;
  }

  /* Everything before the one that is ready has had its time. */
  #pass(settled, skipped) {
    const before = this.#sorted().filter(({ number }) => number < settled.number);
    const span = this.#numbered && this.#last !== null
      ? settled.number - this.#last - 1 : before.length;

    this.missing += span;
    if (span > before.length) {
      skipped.push({ number: settled.number - 1, holes: span - before.length });
    }
    for (const segment of before) {
      this.#waiting.delete(segment.number);
      skipped.push(segment);
    }
    this.#last = settled.number - 1;
  }

  clear() {
    this.#waiting.clear();
    this.#last = null;
  }
}
