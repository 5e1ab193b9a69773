/* One WebSocket that comes back: heartbeats, the five-second rule, backoff.
   Where it does not get through, Server-Sent Events: they only bring.

   States: idle → connecting → open → waiting → connecting …; closed is final
   and has a reason: 'done' (we or the server ended it in peace), 'refused',
   'replaced' (we have connected elsewhere), 'gave-up', or what `diagnose` said.

   Events: 'state' {state, reason, retryMs, attempt}; 'message' the parsed
   object, except heartbeat answers. Never more than one socket and one timer
   of each kind. What is sent while the link is not open is refused (false);
   the caller decides whether to keep it. */
import { EventStream } from './event-stream.js';
import { settings } from './settings.js';

const FINAL = { 1000: 'done', 1008: 'refused', 4409: 'replaced' };
const STEADY_MS = 10_000;
const SOCKET_TRIES = 3;      /* in a row, before events have a turn */

export class Link extends EventTarget {
  state = 'idle';
  clockOffsetMs = 0;       /* server's clock minus ours                */
  ignored = 0;             /* messages that were not JSON objects      */

  #url;
  #events;
  #diagnose;
  #beatWith;
  #socket = null;
  #attempt = 0;
  #refused = 0;            /* tries in a row that did not open */
  #byEvents = false;       /* they have opened */
  #lostAt = 0;
  #timers = {};

  /* url(): the address, asked anew each time; events(): that of the events.
     diagnose(): after a refused handshake, why; null means try again.
     beatWith(): what a heartbeat says beside its time. */
  constructor({ url, events = null, diagnose, beatWith = () => ({}) }) {
    super();
    this.#url = url;
    this.#events = events;
    this.#diagnose = diagnose;
    this.#beatWith = beatWith;
    addEventListener('online', () => this.#hurry());
  }

  open() {
    this.#attempt = 0;
    this.#lostAt = Date.now();
    this.#connect();
  }

  close(reason = 'done') {
    this.#end(reason);
  }

  send(object) {
    return this.sendRaw(JSON.stringify(object));
  }

  sendRaw(data) {
    if (this.state !== 'open' || this.#socket.isOneWay) {
      return false;
    }
    this.#socket.send(data);
    return true;
  }

  /* Is it still there? Otherwise that is found out at the next heartbeat. May
     be called often. */
  probe() {
    if (this.state === 'open' && Date.now() - this.#sentAt > settings.ackMs) {
      this.#beat();
    }
  }

  get bufferedAmount() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  #set(state, detail = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state',
      { detail: { state, attempt: this.#attempt, ...detail } }));
  }

  #timer(name, fn, ms) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = ms === undefined ? 0 : setTimeout(fn, ms);
  }

  get #isTurnOfEvents() {
    return this.#events !== null && (this.#byEvents
      || this.#refused >= SOCKET_TRIES && this.#refused % 2 === 1);
  }

  #connect() {
    this.#timer('retry');
    this.#drop();
    this.#set('connecting');

    const socket = this.#isTurnOfEvents ? new EventStream(this.#events())
      : new WebSocket(this.#url());
    let opened = false;

    socket.binaryType = 'arraybuffer';
    socket.onopen = () => { opened = true; this.#opened(); };
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lost(socket, opened, event);
    this.#socket = socket;
    this.#timer('connect', () => this.#lost(socket, false, {}),
      settings.connectMs);
  }

  #opened() {
    this.#timer('connect');
    this.#timer('steady', () => { this.#attempt = 0; }, STEADY_MS);
    this.#lostAt = 0;
    this.#refused = 0;
    this.#byEvents = this.#socket.isOneWay === true;
    this.#set('open');
    this.#beat();
  }

  /* The first beat goes out at once: its answer tells the server's clock. */
  #beat() {
    if (this.#socket.isOneWay) {
      return;
    }
    const sentAt = Date.now();

    this.#sentAt = sentAt;
    this.send({ action: 'heartbeat', timestamp: sentAt, ...this.#beatWith() });
    this.#timer('ack', () => this.#lost(this.#socket, true, {}),
      settings.ackMs);
    this.#timer('beat', () => this.#beat(), settings.heartbeatMs);
  }

  #sentAt = 0;

  #received(data) {
    let message = null;

    try {
      message = JSON.parse(data);
    } catch { /* counted below */ }

    if (message === null || typeof message !== 'object') {
      this.ignored++;
      return;
    }
    if (message.type === 'heartbeatAck') {
      this.#acknowledged(message);
      return;
    }
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  #acknowledged({ timestamp }) {
    const now = Date.now();

    this.#timer('ack');
    if (Number.isFinite(timestamp)) {
      this.clockOffsetMs = timestamp - (this.#sentAt + now) / 2;
    }
  }

  async #lost(socket, opened, { code, reason }) {
    if (socket !== this.#socket) {
      return;
    }
    this.#drop();

    if (FINAL[code]) {
      this.#end(FINAL[code], reason);
      return;
    }
    if (!opened) {
      this.#refused++;
      this.#byEvents = false;
      this.#set('connecting');
      const why = await this.#diagnose();

      if (this.state !== 'connecting' || this.#socket !== null) {
        return;
      }
      if (why !== null) {
        this.#end(why);
        return;
      }
    }
    this.#wait();
  }

  #wait() {
    this.#lostAt ||= Date.now();
    if (Date.now() - this.#lostAt > settings.giveUpMs) {
      this.#end('gave-up');
      return;
    }

    const steps = settings.retryMs;
    const step = steps[Math.min(this.#attempt, steps.length - 1)];
    const retryMs = Math.round(step * (0.75 + Math.random() / 2));

    this.#attempt++;
    this.#set('waiting', { retryMs });
    this.#timer('retry', () => this.#connect(), retryMs);
  }

  #hurry() {
    if (this.state === 'waiting') {
      this.#connect();
    }
  }

  /* A late event of a socket that we have dropped finds no handler. */
  #drop() {
    const socket = this.#socket;

    for (const name of ['connect', 'ack', 'beat', 'steady']) {
      this.#timer(name);
    }
    this.#socket = null;
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #end(reason, text = '') {
    this.#timer('retry');
    this.#drop();
    if (this.state !== 'closed') {
      this.#set('closed', { reason, text });
    }
  }
}
