/* @connections by those it is for: AWS's own clients, errors included. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { createSession, startServers } from '../../bench/servers.mjs';
import { freePort } from '../../local/stack.mjs';
import { plan, ok, is, run } from './tap.mjs';

const require = createRequire(new URL('../../local/package.json', import.meta.url));
const { WebSocket } = require('ws');
const { ApiGatewayManagementApiClient, PostToConnectionCommand, GetConnectionCommand,
  DeleteConnectionCommand } = require('@aws-sdk/client-apigatewaymanagementapi');

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'bench' };

/* A listener and what it hears. */
const listener = (port, sessionId) => new Promise((resolve, reject) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?sessionId=${sessionId}&targetLanguage=es`);
  const heard = [];
  let wake = () => {};

  socket.on('error', reject);
  socket.on('message', (data, isBinary) => {
    const text = String(data);
    heard.push(!isBinary && text.startsWith('{') ? JSON.parse(text) : text);
    wake();
  });
  const next = async () => {
    if (heard.length === 0) {
      await Promise.race([new Promise((done) => { wake = done; }),
        new Promise((done) => { setTimeout(done, 5000).unref(); })]);
    }
    return heard.shift();
  };
  socket.on('open', async () => {
    socket.send(JSON.stringify({ action: 'joinSession', sessionId, targetLanguage: 'es' }));
    resolve({ socket, next, id: (await next()).connectionId });
  });
});

const client = (port, credentials = KEYS) => new ApiGatewayManagementApiClient({
  endpoint: `http://127.0.0.1:${port}/prod`, region: 'eu-west-1', credentials, maxAttempts: 1 });

const nameOf = async (promise) => {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error.name;
  }
};

async function javascript(port, here) {
  const api = client(port);
  const [first] = here;

  for (const [i, { id, next }] of here.entries()) {
    await api.send(new PostToConnectionCommand({ ConnectionId: id,
      Data: JSON.stringify({ type: 'notification', i, text: 'señor' }) }));
    is(await next(), { type: 'notification', i, text: 'señor' }, `socket ${i} hears`);
  }
  const about = await api.send(new GetConnectionCommand({ ConnectionId: first.id }));
  ok(Math.abs(about.ConnectedAt - Date.now()) < 60000, 'ConnectedAt is a date', about);
  is(about.Identity.SourceIp, '127.0.0.1', 'SourceIp');
  ok(about.LastActiveAt >= about.ConnectedAt, 'LastActiveAt');

  const post = (credentials, Data = 'x', ConnectionId = first.id) =>
    nameOf(client(port, credentials).send(new PostToConnectionCommand({ ConnectionId, Data })));

  is(await post({ ...KEYS, secretAccessKey: 'wrong' }), 'ForbiddenException', 'a wrong secret');
  is(await post({ ...KEYS, accessKeyId: 'NOBODY' }), 'ForbiddenException', 'a wrong key');
  is(await post({ ...KEYS, sessionToken: 'x' }), 'ForbiddenException', 'a token of nobody');
  is(await post(KEYS, 'x'.repeat(70000)), 'PayloadTooLargeException', 'too large');
  is(await post(KEYS, 'x', 'L0SM9cOFvHcCIhw='), 'GoneException', 'an id of another gateway');
  is(await post(KEYS, 'x', 'a/../b?c=d&e f='), 'GoneException', 'an id with anything in it');

  const slow = await listener(port, here.sessionId);
  slow.socket.pause();
  let name = 'no error';
  for (let i = 0; i < 500 && name === 'no error'; i++) {
    name = await post(KEYS, 'x'.repeat(60000), slow.id);
  }
  is(name, 'LimitExceededException', 'who does not read');
  slow.socket.terminate();

  const closed = new Promise((resolve) => { first.socket.on('close', resolve); });
  await api.send(new DeleteConnectionCommand({ ConnectionId: first.id }));
  is(await closed, 1000, 'DeleteConnection closes');
  for (const Command of [PostToConnectionCommand, GetConnectionCommand, DeleteConnectionCommand]) {
    is(await nameOf(api.send(new Command({ ConnectionId: first.id, Data: 'x' }))),
      'GoneException', `${Command.name}: gone`);
  }
}

/* Debian's: another in the path may be of any version. */
const aws = async (port, secret, ...args) => {
  try {
    const { stdout } = await promisify(execFile)('/usr/bin/aws', ['apigatewaymanagementapi', ...args,
      '--endpoint-url', `http://127.0.0.1:${port}/prod`, '--region', 'us-east-1', '--output', 'json'],
      { env: { PATH: process.env.PATH, HOME: '/nonexistent', AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: secret, AWS_MAX_ATTEMPTS: '1', AWS_EC2_METADATA_DISABLED: 'true' } });
    return stdout;
  } catch (error) {
    return error.stderr;
  }
};

async function commandLine(port, { id, next, socket }) {
  const about = [KEYS.secretAccessKey, 'get-connection', '--connection-id', id];

  is(await aws(port, KEYS.secretAccessKey, 'post-to-connection', '--connection-id', id,
    '--data', '{"type":"x"}', '--cli-binary-format', 'raw-in-base64-out'), '', 'awscli posts');
  is(await next(), { type: 'x' }, 'and it is heard');
  is(JSON.parse(await aws(port, ...about)).Identity.SourceIp, '127.0.0.1', 'awscli gets');
  ok(/ForbiddenException/.test(await aws(port, 'wrong', ...about.slice(1))), 'a wrong secret');
  const closed = new Promise((resolve) => { socket.on('close', resolve); });
  is(await aws(port, KEYS.secretAccessKey, 'delete-connection', '--connection-id', id), '',
    'awscli deletes');
  is(await closed, 1000, 'and it is closed');
  ok(/GoneException/.test(await aws(port, ...about)), 'gone');
}

/* A process that is left behind would keep the caller waiting. */
process.on('uncaughtException', (error) => { ok(false, 'no error is left over', error.stack); });

await run(async () => {
  plan(6 + 3 + 6 + 1 + 1 + 3 + 7);
  const servers = await startServers({ kinesisPort: await freePort(), workers: 2,
    http: (dir) => `lt_connections_credentials_file ${dir}/credentials;`,
    locations: 'location /prod/ { lt_connections; }' });
  try {
    const { sessionId } = await createSession(servers.port);
    const here = [];

    for (let i = 0; i < 6; i++) {
      here.push(await listener(servers.port, sessionId));
    }
    here.sessionId = sessionId;
    await javascript(servers.port, here);
    await commandLine(servers.port, here[1]);
  } finally {
    await servers.stop();
  }
});
