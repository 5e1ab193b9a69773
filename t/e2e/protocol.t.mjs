/* docs/protocol is valid, and true: every example in it, replayed. */
import { asyncapi, asyncapiErrors, misfit, openapiErrors } from './documents.mjs';
import * as http from './replay-http.mjs';
import * as socket from './replay-socket.mjs';
import { startServer } from './replay-server.mjs';
import { is, ok, plan, run } from './tap.mjs';

/* Examples that are not what their own schema says. */
function misfits() {
  const wrong = [];
  const look = (where, schema, value) => {
    const why = misfit(schema, value);
    if (why) {
      wrong.push(`${where}: ${why}`);
    }
  };

  for (const [channel, { messages }] of Object.entries(asyncapi.channels)) {
    for (const [key, { payload, examples }] of Object.entries(messages)) {
      examples.forEach((example) => look(`${channel} ${key} ${example.name}`, payload, example.payload));
    }
  }
  for (const { path, method, status, response, name, value } of http.examples) {
    if (value !== undefined) {
      look(`${method} ${path} ${status} ${name}`, response.content['application/json'].schema, value);
    }
  }
  for (const { path, method, name, schema, value } of http.bodies) {
    look(`${method} ${path} ${name}`, schema, value);
  }
  return wrong;
}

async function replaySocket(server, all) {
  for (const one of all) {
    const wrong = await socket.replay(server, one).catch((error) => error.stack);
    ok(!wrong, `${one.channel} ${one.key}: ${one.example.name}`, wrong);
  }
}

const titled = ({ method, path, status, name }) => `${method.toUpperCase()} ${path} ${status}: ${name}`;

async function replayHttp(server, all) {
  const away = all.filter(({ given }) => given.redis === 'away');

  for (const one of all.filter(({ given }) => given.redis !== 'away')) {
    const wrong = await http.replay(server, one).catch((error) => error.stack);
    ok(!wrong, titled(one), wrong);
  }
  if (away.length > 0) {
    (await http.replayWithoutRedis(server, away)).forEach((wrong, i) => ok(!wrong, titled(away[i]), wrong));
  }
}

/* With work(server), and nothing is left of it. */
async function serving(options, work) {
  const server = await startServer(options);

  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

/* Examples that nothing would send or wait for. */
const strays = () => [...socket.strays, ...http.bodies
  .filter(({ path, method, name }) => !http.examples.some((one) =>
    one.path === path && one.method === method && one.name === name))
  .map(({ path, method, name }) => `${method} ${path} ${name}`)];

plan(4 + http.examples.length + socket.examples.length + 2);
run(async () => {
  is(asyncapiErrors(), [], 'asyncapi.yaml is AsyncAPI 3.0');
  is(await openapiErrors(), [], 'openapi.yaml is OpenAPI 3.1');
  is(misfits(), [], 'the examples are what their schemas say');
  is(strays(), [], 'each belongs to another');

  await serving({}, async (server) => {
    await replaySocket(server, socket.examples.filter((one) => !socket.isUnstored(one)));
    await replayHttp(server, http.examples.filter(({ given }) => !given.provider));
  });
  await serving({ provider: true, kinesis: false }, async (server) => {
    await replaySocket(server, socket.examples.filter(socket.isUnstored));
    await replayHttp(server, http.examples.filter(({ given }) => given.provider));
  });
  is(socket.troubles, [], 'nothing was heard that is not described');
  is(socket.documented.filter((name) => !socket.seen.has(name)), [], 'and all that is described was heard');
});
