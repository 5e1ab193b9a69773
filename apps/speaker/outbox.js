/* Audio on its way out, kept until the server says that it is safe (audioAck):
   after a reconnect the rest is sent once more, with the same numbers, so
   that nothing is lost or doubled. Sent as soon as the link takes it, joined
   when there is much; at most a window ahead of what is safe. What does not
   fit is given up, the oldest first, and counted.
   docs/protocol/acknowledged-audio.md */
const BYTES_PER_S = 32_000;
const HEAD_BYTES = 8;
const JOIN_BYTES = 30_400;           /* under the server's 32 KiB a message */
const CONGESTED_BYTES = 2 * BYTES_PER_S;
const POLL_MS = 50;

export class Outbox {
  epoch = 0;               /* of the numbering; 0: not known yet */
  lostBytes = 0;

  #link;
  #keepBytes;
  #frames = [];            /* {number, pcm} without a hole, up to #end */
  #end = 0;
  #sent = 0;               /* up to here on this connection */
  #settled = 0;
  #window = 0;
  #told = 0;               /* lost, as the server said on this connection */
  #ready = false;          /* the first audioAck of this connection is here */

  constructor(link, keepSeconds) {
    this.#link = link;
    this.#keepBytes = keepSeconds * BYTES_PER_S;
  }

  /* What a connection has to say of it. */
  get query() {
    return this.epoch ? { ack: 1, resume: this.epoch } : { ack: 1 };
  }

  get #start() {
    return this.#frames[0]?.number ?? this.#end;
  }

  /* Said and not known to be safe. */
  get keptSeconds() {
    return (this.#end - this.#start) / BYTES_PER_S;
  }

  get lostSeconds() {
    return this.lostBytes / BYTES_PER_S;
  }

  get congested() {
    return this.#link.bufferedAmount > CONGESTED_BYTES;
  }

  /* The server takes no more before it says what is safe. */
  get stalled() {
    return this.#ready && this.#end > this.#settled + this.#window;
  }

  push(pcm) {
    this.#frames.push({ number: this.#end, pcm });
    this.#end += pcm.byteLength;
    while (this.#end - this.#start > this.#keepBytes) {
      this.lostBytes += this.#frames.shift().pcm.byteLength;
    }
    this.#sent = Math.max(this.#sent, this.#start);
    this.flush();
  }

  /* There is a new connection; nothing is sent before its first audioAck. */
  opened() {
    this.#ready = false;
  }

  acknowledged({ epoch, bytes, lost, window }) {
    if (!this.#ready) {
      this.#begin(epoch);
    }
    this.lostBytes += lost - this.#told;
    this.#told = lost;
    this.#window = window;
    this.#settled = Math.max(this.#settled, bytes);
    while (this.#frames.length > 0 && this.#settled
           >= this.#frames[0].number + this.#frames[0].pcm.byteLength) {
      this.#frames.shift();
    }
    this.flush();
  }

  #begin(epoch) {
    if (epoch !== this.epoch) {
      const start = this.#start;

      this.#frames.forEach((frame) => { frame.number -= start; });
      this.#end -= start;
      this.#settled = 0;
      this.epoch = epoch;
    }
    this.#ready = true;
    this.#told = 0;
    this.#sent = this.#start;
  }

  flush() {
    while (this.#ready && this.#sent < this.#end
           && this.#sent < this.#settled + this.#window
           && this.#link.state === 'open' && !this.congested) {
      this.#link.sendRaw(this.#join());
    }
  }

  #join() {
    const first = this.#frames.findIndex(({ number }) => number >= this.#sent);
    const { number, pcm } = this.#frames[first];
    let [last, end] = [first, number + pcm.byteLength];

    while (last + 1 < this.#frames.length
           && end - number + this.#frames[last + 1].pcm.byteLength <= JOIN_BYTES) {
      end += this.#frames[++last].pcm.byteLength;
    }

    const joined = new Uint8Array(HEAD_BYTES + end - number);
    new DataView(joined.buffer).setBigUint64(0, BigInt(number), true);
    for (const frame of this.#frames.slice(first, last + 1)) {
      joined.set(new Uint8Array(frame.pcm), HEAD_BYTES + frame.number - number);
    }
    this.#sent = end;
    return joined;
  }

  /* Resolves when all is safe, or after that time. */
  async drained(ms) {
    const deadline = Date.now() + ms;

    while (this.keptSeconds > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
