/* Frames on their way out: sent at once while the link takes them, else kept
   for a few seconds and sent joined when it does again. Oldest out first, and
   counted: the speaker is told how much was lost. */
const BYTES_PER_S = 32_000;
const KEEP_BYTES = 6 * BYTES_PER_S;
const JOIN_BYTES = 30_400;           /* under the server's 32 KiB a message */
const CONGESTED_BYTES = 2 * BYTES_PER_S;

export class Outbox {
  sentBytes = 0;
  lostBytes = 0;

  #link;
  #frames = [];
  #kept = 0;

  constructor(link) {
    this.#link = link;
  }

  get keptSeconds() {
    return this.#kept / BYTES_PER_S;
  }

  get lostSeconds() {
    return this.lostBytes / BYTES_PER_S;
  }

  get congested() {
    return this.#link.bufferedAmount > CONGESTED_BYTES;
  }

  push(pcm) {
    this.#frames.push(pcm);
    this.#kept += pcm.byteLength;
    this.flush();
    while (this.#kept > KEEP_BYTES) {
      this.lostBytes += this.#shift().byteLength;
    }
  }

  flush() {
    while (this.#kept > 0 && this.#link.state === 'open' && !this.congested) {
      const joined = this.#join();

      this.#link.sendRaw(joined);
      this.sentBytes += joined.byteLength;
    }
  }

  #shift() {
    const frame = this.#frames.shift();

    this.#kept -= frame.byteLength;
    return frame;
  }

  #join() {
    const parts = [this.#shift()];
    let size = parts[0].byteLength;

    while (this.#frames.length > 0
           && size + this.#frames[0].byteLength <= JOIN_BYTES) {
      parts.push(this.#shift());
      size += parts.at(-1).byteLength;
    }

    const joined = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      joined.set(new Uint8Array(part), at);
      at += part.byteLength;
    }
    return joined;
  }
}
