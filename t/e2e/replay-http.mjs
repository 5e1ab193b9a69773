/* openapi.yaml against a real server: each example of an answer is asked for,
   in the state and with what x-given says, and compared. */
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { difference, misfit, openapi, require, unfold } from './documents.mjs';
import { LISTENERS_MAX, WORKER_TOKEN, until } from './replay-server.mjs';

const { WebSocket } = require('ws');
const { SignatureV4 } = require('@smithy/signature-v4');

const METHODS = ['get', 'post', 'patch', 'delete', 'options'];

/* { path, method, operation, status, response, name, given, value } */
export const examples = Object.entries(openapi.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).flatMap((method) => {
    const operation = { ...item[method], parameters: [...item.parameters ?? [], ...item[method].parameters ?? []] };

    return Object.entries(operation.responses).flatMap(([status, response]) =>
      Object.entries(response.content?.['application/json']?.examples ?? response['x-examples'] ?? {}).map(([name, example]) =>
        ({ path, method, operation, status: Number(status), response, name, given: example['x-given'] ?? {}, value: example.value })));
  }));

/* The examples of what is sent. */
export const bodies = Object.entries(openapi.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]?.requestBody).flatMap((method) => {
    const { schema, examples: all } = item[method].requestBody.content['application/json'];

    return Object.entries(all).map(([name, { value }]) => ({ path, method, name, schema, value }));
  }));

class Sha256 {
  constructor(key) {
    this.hash = key ? createHmac('sha256', key) : createHash('sha256');
  }
  update(data) { this.hash.update(data); }
  async digest() { return new Uint8Array(this.hash.digest()); }
}

const signer = new SignatureV4({ service: 'execute-api', region: 'us-east-1', sha256: Sha256,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'bench' } });

/* A listener, and what @connections calls it. */
async function listen(server, session) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?sessionId=${session.id}&targetLanguage=es`);
  const joined = new Promise((resolve, reject) => {
    socket.once('message', (data) => resolve(JSON.parse(String(data)).connectionId));
    socket.on('error', reject);
  });

  socket.on('open', () => socket.send('{"action":"joinSession"}'));
  return { socket, id: await joined };
}

const STATES = {
  async ended(server, session) {
    await server.change(session, 'DELETE');
  },
  async paused(server, session) {
    await server.change(session, 'PATCH', '{"status":"paused"}');
  },
  async absent(server, session) {
    await server.redis('DEL', `lt:{${session.id}}:session`);
  },
  async full(server, session) {
    return Promise.all(Array.from({ length: LISTENERS_MAX }, () => listen(server, session)));
  },
};

/* What stands in an example for what is another each time. */
function fill(text, { session, connectionId }) {
  const tokens = { owner: session.owner, other: session.other };

  return unfold(String(tokens[text] ?? text)).replaceAll('calm-river-417', session.id)
    .replaceAll(/[\w-]{27}=/g, connectionId ?? '$&');
}

function parameters({ operation, given }, place, context) {
  const rows = operation.parameters.filter((one) => one.in === place && one.example !== undefined)
    .map(({ name, example }) => [name, example]);
  const all = { ...Object.fromEntries(rows), ...given[{ query: 'query', header: 'headers' }[place]] };

  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)
    .map(([name, value]) => [name, fill(value, context)]));
}

function bodyOf({ operation, given, name }, context) {
  const documented = operation.requestBody?.content['application/json'].examples;

  if (given.body !== undefined) {
    return unfold(given.body);
  }
  if (!documented || given.query?.event) {
    return undefined;
  }
  return fill(JSON.stringify((documented[name] ?? Object.values(documented)[0]).value), context);
}

async function request(one, context) {
  const { given } = one;
  const filled = parameters(one, 'path', context);
  const path = (given.path ?? one.path).replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(filled[name]));
  const query = parameters(one, 'query', context);
  const headers = { host: `127.0.0.1:${context.server.port}`, ...parameters(one, 'header', context) };
  const method = given.method ?? one.method.toUpperCase();
  const body = bodyOf(one, context);

  if (body !== undefined && !headers['Transfer-Encoding']) {
    headers['content-length'] = String(Buffer.byteLength(body));
  }
  const token = { owner: context.session.owner, other: context.session.other, worker: WORKER_TOKEN }[given.token];
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const signed = given.token === 'signature'
    ? await signer.sign({ method, protocol: 'http:', hostname: '127.0.0.1', path, query, headers, body })
    : { headers };
  return { method, path: `${path}${Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : ''}`,
    headers: signed.headers, body };
}

/* { status, headers, text }, of an upgrade too. */
function send(port, { method, path, headers, body }) {
  return new Promise((resolve, reject) => {
    const call = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false });

    call.on('error', reject);
    call.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, text: '' });
    });
    call.on('response', async (response) => {
      let text = '';
      for await (const piece of response) {
        text += piece;
      }
      resolve({ status: response.statusCode, headers: response.headers, text });
    });
    call.end(body);
  });
}

function compare(one, answer, context) {
  const wrong = [];

  if (answer.status !== one.status) {
    return `status ${answer.status} ${answer.text}`;
  }
  for (const [name, { required, schema }] of Object.entries(one.response.headers ?? {})) {
    const value = answer.headers[name.toLowerCase()];
    const why = value === undefined ? required && 'it is missing' : misfit(schema, value);
    if (why) {
      wrong.push(`${name}: ${why}`);
    }
  }
  if (one.value === undefined) {
    return [...wrong, ...answer.text ? [`a body: ${answer.text}`] : []].join('; ');
  }
  if (!answer.headers['content-type']?.startsWith('application/json')) {
    wrong.push(`Content-Type ${answer.headers['content-type']}`);
  }
  const body = JSON.parse(answer.text);
  const { schema } = one.response.content['application/json'];
  const wanted = JSON.parse(fill(JSON.stringify(one.value), context));
  const isNew = one.status === 201;

  return [...wrong, misfit(schema, body), difference(body, wanted, isNew ? [] : [context.session.id])]
    .filter(Boolean).join('; ');
}

async function withListener(one, server, context) {
  const isAbout = one.path.includes('@connections') && one.given.connection !== 'gone';

  if (!isAbout) {
    return null;
  }
  const listener = await listen(server, context.session);
  context.connectionId = listener.id;
  if (one.given.connection === 'deaf') {
    listener.socket.pause();
    await until(async () => (await send(server.port, await request(one, context))).status !== 200, 'the socket to be full');
  }
  return listener;
}

/* Everything before the request itself; done() ends it. */
async function prepare(server, one) {
  const context = { server, session: await server.session() };
  const others = await STATES[one.given.session]?.(server, context.session) ?? [];
  const listener = await withListener(one, server, context);

  return { context, done: () => [listener, ...others].forEach((socket) => socket?.socket.terminate()) };
}

async function ask(server, one, { context, done }) {
  try {
    return compare(one, await send(server.port, await request(one, context)), context);
  } finally {
    done();
  }
}

/* '' = as described. */
export async function replay(server, one) {
  return ask(server, one, await prepare(server, one));
}

/* The same for those that want Redis away: all in one go, as each waits. */
export async function replayWithoutRedis(server, all) {
  const ready = [];

  for (const one of all) {
    ready.push(await prepare(server, one));
  }
  return server.withoutRedis(async () => {
    await sleep(100);
    return Promise.all(all.map((one, i) => ask(server, one, ready[i]).catch((error) => error.stack)));
  });
}
