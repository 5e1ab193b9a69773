/* Server-Sent Events in the shape of a WebSocket that cannot send: opens, gives
   messages, closes once; it does not come back by itself, Link does that. */
export class EventStream {
  isOneWay = true;
  bufferedAmount = 0;
  onopen = null;
  onmessage = null;
  onclose = null;

  #source;

  constructor(url) {
    this.#source = new EventSource(url);
    this.#source.onopen = () => this.onopen?.();
    this.#source.onmessage = (event) => this.onmessage?.(event);
    this.#source.onerror = () => this.#over({});
    this.#source.addEventListener('close',
      ({ data }) => this.#over(JSON.parse(data)));
  }

  close() {
    this.#source.close();
  }

  #over(how) {
    this.#source.close();
    this.onclose?.(how);
  }
}
