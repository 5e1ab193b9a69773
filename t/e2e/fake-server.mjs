/* The pages' server without the chain behind it: sessions, sockets, tones for
   voices. A test drives it by method calls and reads what arrived. */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { ROOT, WebSocketServer } from './tools.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript',
  '.css': 'text/css', '.svg': 'image/svg+xml' };

/* A WAV file of a tone: decoded like any clip, recognised by its pitch. */
function tone(hz, seconds) {
  const samples = Math.round(seconds * 24_000);
  const wav = Buffer.alloc(44 + samples * 2);

  wav.write('RIFF\0\0\0\0WAVEfmt ', 0, 'latin1');
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(24_000, 24);
  wav.writeUInt32LE(48_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    const x = Math.sin(2 * Math.PI * hz * i / 24_000) * 0.3;
    wav.writeInt16LE(Math.round(x * 0x7fff), 44 + i * 2);
  }
  return wav;
}

export class FakeServer {
  sessions = new Map();    /* id → {status, sourceLanguage}          */
  sockets = [];            /* open ones: {socket, role, language}    */
  actions = [];            /* what arrived as JSON, with its role    */
  queries = [];            /* of listeners, as they came             */
  audio = [];              /* PCM of the speaker, as it came         */
  numbers = [];            /* of their first bytes                   */
  deaf = false;            /* what comes is not taken, nor acknowledged */
  clips = new Map();       /* path → {body, delayMs, status}         */
  fetched = [];            /* paths of clips that were asked for     */
  audience = null;         /* languageDistribution instead of the real one */
  refuse = null;           /* HTTP status of every POST /sessions    */
  silent = false;          /* heartbeats are not answered            */
  stubborn = false;        /* no socket gets another language */
  closed = false;          /* upgrades are refused                   */
  eventful = false;        /* GET /events is answered                */
  epoch = 1_790_000_000_000;
  window = 128_000;        /* bytes that may be on their way */
  config = {};             /* on top of apps/shared/config.js        */

  #server;
  #count = 100;

  async start() {
    this.#server = http.createServer((request, response) =>
      this.#request(request, response));
    const wss = new WebSocketServer({ noServer: true });

    this.#server.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url, 'http://x');

      if (this.closed || this.#status(url) !== 'active') {
        socket.end('HTTP/1.1 503 Away\r\nConnection: close\r\n\r\n');
        return;
      }
      wss.handleUpgrade(request, socket, head, (ws) => this.#opened(ws, url));
    });
    await new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', resolve));
    this.base = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  async stop() {
    this.sockets.forEach(({ socket }) => socket.terminate());
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  addSession(id, status = 'active') {
    this.sessions.set(id, { status, sourceLanguage: 'en' });
    return id;
  }

  /* To all sockets of a role and language. */
  send(message, { role, language } = {}) {
    for (const one of this.sockets) {
      if ((!role || one.role === role)
          && (!language || one.language === language)) {
        one.socket.send(JSON.stringify(message));
      }
    }
  }

  /* A translated segment with a tone of its own; inline: in the message. */
  segment(number, { language = 'es', seconds = 0.6, delayMs = 0, status = 200,
    body = tone(200 + 40 * number, seconds), text = `frase número ${number}`,
    source = `sentence number ${number}`, behindMs = 4_000, inline = false,
    ...more } = {}) {
    const clip = `/clips/${language}-${number}.mp3`;
    const now = Date.now();

    const url = inline ? `data:audio/mpeg;base64,${body.toString('base64')}`
      : this.base + clip;

    this.clips.set(clip, { body, delayMs, status });
    this.send({ type: 'translatedAudio', sessionId: 'calm-river-204',
      targetLanguage: language, language, url,
      timestamp: now, duration: seconds, transcript: text,
      sourceTranscript: source, sequenceNumber: number, segment: number,
      timing: { captured: now - behindMs, stored: now }, ...more }, { language });
  }

  drop() {
    this.sockets.splice(0).forEach(({ socket }) => socket.terminate());
  }

  #status(url) {
    return this.sessions.get(url.searchParams.get('sessionId'))?.status;
  }

  #opened(socket, url) {
    const language = url.searchParams.get('targetLanguage');
    const one = { socket, language, role: language ? 'listener' : 'speaker',
      token: url.searchParams.get('token'),
      sessionId: url.searchParams.get('sessionId') };

    this.sockets.push(one);
    if (language) {
      this.queries.push(Object.fromEntries(url.searchParams));
    }
    if (url.searchParams.get('ack') === '1') {
      this.#numbering(one, Number(url.searchParams.get('resume')));
    }
    socket.on('message', (data, binary) => this.#message(one, data, binary));
    socket.on('close', () => {
      this.sockets = this.sockets.filter((other) => other !== one);
    });
  }

  #message(one, data, binary) {
    if (binary) {
      this.#audio(one, data);
      return;
    }
    const message = JSON.parse(data);
    const answer = this.#answer(one, message);

    this.actions.push({ role: one.role, ...message });
    if (answer) {
      one.socket.send(JSON.stringify({ timestamp: Date.now(), ...answer }));
    }
  }

  /* As the module: the last numbering goes on, another begins anew. */
  #numbering(one, resume) {
    one.epoch = resume === this.epoch ? resume : ++this.epoch;
    this.#acknowledge(one, 0);
  }

  #acknowledge(one, bytes) {
    one.socket.send(JSON.stringify({ type: 'audioAck', sessionId: one.sessionId,
      epoch: one.epoch, bytes, lost: 0, window: this.window,
      timestamp: Date.now() }));
  }

  #audio(one, data) {
    if (this.deaf) {
      return;
    }
    const number = Number(data.readBigUInt64LE(0));

    this.audio.push(data.subarray(8));
    this.numbers.push(number);
    this.#acknowledge(one, number + data.length - 8);
  }

  #answer(one, { action, targetLanguage }) {
    const { sessionId, language } = one;

    switch (action) {
    case 'heartbeat':
      return this.silent ? null : { type: 'heartbeatAck' };
    case 'joinSession':
      return { type: 'sessionJoined', sessionId, targetLanguage: language,
        sourceLanguage: 'en', connectionId: 'x-1' };
    case 'changeLanguage':
      if (this.stubborn) {
        return { type: 'error', code: 503, message: 'not now' };
      }
      one.language = targetLanguage;
      return { type: 'languageChanged', sessionId, targetLanguage,
        sourceLanguage: 'en' };
    case 'getSessionStatus':
      return this.statusOf(sessionId);
    default:
      return null;
    }
  }

  statusOf(sessionId) {
    const counts = {};

    for (const { language } of this.sockets) {
      if (language) {
        counts[language] = (counts[language] ?? 0) + 1;
      }
    }
    const languageDistribution = this.audience ?? Object.entries(counts)
      .map(([languageCode, count]) => ({ languageCode, count }));

    return { type: 'sessionStatus', sessionId, languageDistribution,
      listenerCount: languageDistribution.reduce((n, { count }) => n + count, 0),
      updateReason: 'requested' };
  }

  #request(request, response) {
    const { pathname } = new URL(request.url, 'http://x');
    const json = (status, body) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };

    if (pathname === '/sessions' && request.method === 'POST') {
      this.#create(json);
    } else if (pathname.startsWith('/sessions/')) {
      const session = this.sessions.get(pathname.slice(10));
      json(session ? 200 : 404, session ?? { message: 'no such session' });
    } else if (pathname === '/events' && this.eventful) {
      this.#events(request, response);
    } else if (pathname.startsWith('/clips/')) {
      this.#clip(pathname, response);
    } else {
      this.#file(pathname, response);
    }
  }

  /* As the module: what a socket would bring. */
  #events(request, response) {
    const url = new URL(request.url, 'http://x');
    const one = { role: 'listener',
      language: url.searchParams.get('targetLanguage'),
      socket: { send: (text) => response.write(`data: ${text}\n\n`),
        terminate: () => response.destroy() } };

    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    this.sockets.push(one);
    this.queries.push({ byEvents: true,
      ...Object.fromEntries(url.searchParams) });
    request.on('close', () => {
      this.sockets = this.sockets.filter((other) => other !== one);
    });
  }

  #create(json) {
    if (this.refuse) {
      json(this.refuse, { type: 'error', message: 'the house is full' });
      return;
    }
    const sessionId = this.addSession(`calm-river-${++this.#count}`);

    json(201, { sessionId, speakerToken: 'secret-of-the-speaker',
      status: 'active', sourceLanguage: 'en' });
  }

  #clip(pathname, response) {
    const { body, delayMs, status } = this.clips.get(pathname)
      ?? { body: '', delayMs: 0, status: 404 };

    this.fetched.push(pathname);
    setTimeout(() => {
      response.writeHead(status, { 'Content-Type': 'audio/mpeg',
        'Access-Control-Allow-Origin': '*' });
      response.end(body);
    }, delayMs);
  }

  #file(pathname, response) {
    const name = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    const file = path.join(ROOT, 'apps', path.normalize(name));

    if (pathname === '/favicon.ico' || !fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    let text = fs.readFileSync(file, 'utf8');
    if (pathname === '/shared/config.js') {
      text += `\nObject.assign(config, ${JSON.stringify(this.config)});\n`;
    }
    response.writeHead(200, { 'Content-Type': TYPES[path.extname(file)]
      ?? 'application/octet-stream' });
    response.end(text);
  }
}
