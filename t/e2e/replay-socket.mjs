/* asyncapi.yaml against a real server: each example that a client may send is
   sent, and what the sockets of its session then hear is compared with the
   examples of the same name.  Whatever a socket hears must be described. */
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncapi, at, difference, require, strangeness, unfold } from './documents.mjs';
import { WAIT_MS, WORKER_TOKEN, until } from './replay-server.mjs';

const { WebSocket } = require('ws');

const operations = Object.values(asyncapi.operations).map(({ action, channel, messages, reply }) => ({
  action, channel: channel.$ref.split('/').pop(),
  messages: messages.map(({ $ref }) => $ref.split('/').pop()),
  reply: reply?.messages.map(({ $ref }) => $ref.split('/').pop()) ?? [],
}));

/* { channel, key, message } of all that an action (send, receive) has. */
function described(action, withReplies) {
  const found = new Map();

  for (const one of operations) {
    const keys = [...one.action === action ? one.messages : [], ...withReplies ? one.reply : []];
    for (const key of keys) {
      found.set(`${one.channel} ${key}`, { channel: one.channel, key,
        message: at(asyncapi, `/channels/${one.channel}/messages/${key}`) });
    }
  }
  return [...found.values()];
}

const fromClients = described('receive', false);
const fromServer = described('send', true);

const names = (list) => new Set(list.flatMap(({ message }) => message.examples.map(({ name }) => name)));
const isBrought = ({ message }) => message['x-by'] === 'worker';
const known = names([...fromClients, ...fromServer.filter(isBrought)]);
const brought = fromServer.filter(isBrought).flatMap(({ channel, key, message }) =>
  message.examples.map((example) => ({ channel, key, example })));

/* Examples of an answer that belong to no example of a question. */
export const strays = fromServer.flatMap(({ channel, key, message }) =>
  message.examples.filter(({ name }) => !known.has(name)).map(({ name }) => `${channel} ${key} ${name}`));

export const examples = [
  ...fromClients.flatMap(({ channel, key, message }) =>
    message.examples.map((example) => ({ channel, key, message, example }))),
  ...brought];

/* Those that want Kinesis away. */
export const isUnstored = ({ example }) => example.name === 'unstored';

/* Channels and types that have been seen, and what should not have been. */
export const seen = new Set();
export const troubles = [];

export const documented = fromServer.map(({ channel, key }) => `${channel} ${key}`);

class Socket {
  heard = [];

  constructor(server, channel, query) {
    this.channel = channel;
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?${new URLSearchParams(query)}`);
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.socket.on('message', (data, isBinary) => this.#take(isBinary ? null : String(data)));
  }

  #take(text) {
    const message = text === null ? { type: 'a binary frame' } : JSON.parse(text);
    const wrong = strangeness(this.channel, message);

    if (wrong) {
      troubles.push(`${this.channel} ${message.type}: ${wrong}`);
    }
    seen.add(`${this.channel} ${message.type}`);
    this.heard.push(message);
  }

  send(message) {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  hears(type) {
    return until(() => this.heard.find((message) => message.type === type), `${this.channel}: ${type}`);
  }
}

/* A session with a speaker and a listener, who come as the messages of an
   example want it. */
async function open(server, { name }) {
  const query = (role) => Object.assign({}, ...[...fromClients, ...fromServer]
    .filter(({ channel, message }) => channel === role && message.examples.some((one) => one.name === name))
    .map(({ message }) => message['x-query']));
  const session = await server.session();
  const sockets = {
    speaker: new Socket(server, 'speaker', { token: session.owner, sessionId: session.id, ...query('speaker') }),
    listener: new Socket(server, 'listener', { sessionId: session.id, targetLanguage: 'es', ...query('listener') }),
  };

  await Promise.all(Object.values(sockets).map(({ opened }) => opened));
  return { session, sockets };
}

/* What has to be so before an example is sent. */
const PREPARE = {
  async resumeAfterPause({ sockets: { speaker } }) {
    speaker.send({ action: 'pauseBroadcast' });
    await speaker.hears('broadcastPaused');
  },
  async joinLate({ sockets: { speaker, listener } }) {
    for (const [action, type] of [['pauseBroadcast', 'broadcastPaused'], ['muteBroadcast', 'broadcastMuted']]) {
      speaker.send({ action });
      await speaker.hears(type);
      await listener.hears(type);
    }
  },
  tooOften({ sockets: { speaker } }) {
    for (let i = 0; i < 60; i++) {
      speaker.send({ action: 'refreshConnection' });
    }
  },
  tooManyQuestions({ sockets: { speaker } }) {
    for (let i = 0; i < 16; i++) {
      speaker.send({ action: 'getSessionStatus' });
    }
  },
  async sessionGone({ server, session }) {
    await server.redis('DEL', `lt:{${session.id}}:session`);
  },
  async sessionOver({ server, session, sockets: { speaker } }) {
    speaker.send({ action: 'endSession' });
    await until(async () => (await (await server.change(session, 'GET')).json()).status === 'ended', 'the end');
  },
};

const WITHOUT_REDIS = ['redisAway', 'tooManyQuestions'];

const named = (text, session) =>
  unfold(text).replaceAll('calm-river-417', session.id).replaceAll('bright-harbor-208', session.otherId);

/* As it goes onto the socket. */
function outgoing({ message, example }, session) {
  if (message.contentType === 'application/octet-stream') {
    return Buffer.from(example.payload, 'base64');
  }
  return named(typeof example.payload === 'string' ? example.payload : JSON.stringify(example.payload), session);
}

/* The first of that type is the answer; what comes unasked may come later. */
async function differs(socket, wanted, isAnswer, ids) {
  const deadline = Date.now() + WAIT_MS;
  let last = `no ${wanted.type} came`;

  for (;;) {
    const heard = socket.heard.filter(({ type, updateReason }) =>
      type === wanted.type && updateReason === wanted.updateReason);
    for (const message of isAnswer ? heard.slice(0, 1) : heard) {
      last = difference(message, wanted, ids);
      if (!last) {
        return '';
      }
    }
    if ((isAnswer && heard.length > 0) || Date.now() > deadline) {
      return `${socket.channel} ${wanted.type}: ${last}`;
    }
    await sleep(20);
  }
}

/* What is to be heard for an example, by whom. */
const expected = (name) => fromServer.flatMap(({ channel, key, message }) =>
  message.examples.filter((example) => example.name === name).map(({ payload }) => ({ channel, key, payload })));

/* Of one role only where the roles share an action. */
function expectedOf({ channel, key, example }) {
  const { reply } = operations.find((one) => one.action === 'receive' && one.channel === channel
    && one.messages.includes(key));
  const all = expected(example.name).map((one) => ({ ...one, isAnswer: one.channel === channel && reply.includes(one.key) }));
  const others = fromClients.filter((one) => one.channel !== channel
    && one.message.examples.some(({ name }) => name === example.name));

  if (reply.length > 0 && !all.some(({ isAnswer }) => isAnswer)) {
    throw new Error(`${channel} ${example.name}: the answer has no example of that name`);
  }
  return others.length > 0 ? all.filter((one) => one.channel === channel) : all;
}

async function replayAsked(server, one) {
  const { session, sockets } = await open(server, one.example);
  const stored = server.sink.counts.bytes;
  const context = { server, session, sockets };
  const text = outgoing(one, session);
  const wanted = expectedOf(one);
  const ask = async () => {
    await PREPARE[one.example.name]?.(context);
    for (const socket of Object.values(sockets)) {
      socket.heard.length = 0;
    }
    sockets[one.channel].send(text);
    return (await Promise.all(wanted.map(({ channel, payload, isAnswer }) =>
      differs(sockets[channel], JSON.parse(named(JSON.stringify(payload), session)), isAnswer,
        [session.id, session.otherId].slice(0, payload.type === 'sessionCreated' ? 1 : 2)))))
      .filter(Boolean).join('; ');
  };

  let wrong = await (WITHOUT_REDIS.includes(one.example.name) ? server.withoutRedis(ask) : ask());
  if (wanted.length === 0) {            // audio: it goes to Kinesis and is not answered
    await until(() => server.sink.counts.bytes === stored + 16, 'the audio in Kinesis');
    wrong = sockets[one.channel].heard.map(({ type }) => type).filter((type) => type !== 'sessionStatus').join(' ');
  }
  Object.values(sockets).forEach(({ socket }) => socket.terminate());
  return wrong;
}

/* What the worker brings, and what else is heard then. */
async function replayBrought(server, { channel, key, example }) {
  const { session, sockets } = await open(server, example);
  const socket = sockets[channel];
  const body = named(JSON.stringify(example.payload), session);
  const query = channel === 'speaker' ? { to: 'speaker' } : { language: 'es' };
  const beside = expected(example.name).filter((one) => one.channel === channel && one.key !== key);
  const response = await fetch(`${server.base}/lt/results?${new URLSearchParams({ session: session.id, ...query })}`,
    { method: 'POST', body, headers: { Authorization: `Bearer ${WORKER_TOKEN}` } });
  let wrong = `POST /lt/results: ${response.status}`;

  if (response.status === 200) {
    const message = await socket.hears(example.payload.type);
    const others = await Promise.all(beside.map(({ payload }) =>
      differs(socket, JSON.parse(named(JSON.stringify(payload), session)), true, [session.id])));
    wrong = [JSON.stringify(message) === body ? '' : `got ${JSON.stringify(message)}`, ...others].filter(Boolean).join('; ');
  }
  Object.values(sockets).forEach((one) => one.socket.terminate());
  return wrong;
}

/* '' = as described. */
export const replay = (server, one) => (one.message ? replayAsked : replayBrought)(server, one);
