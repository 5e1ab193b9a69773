/* A stack whose speakers must be known: the local issuer's tokens against our
   nginx, with Node's crypto on one side and cjose on the other, and the
   speaker's page that fetches one. */
import fs from 'node:fs';
import path from 'node:path';
import { startStack } from '../../local/stack.mjs';
import { plan, ok, is, run } from './tap.mjs';
import { launch, openPage, until, OUT, ROOT } from './tools.mjs';
import { createRequire } from 'node:module';

const WebSocket = createRequire(path.join(ROOT, 'local/package.json'))('ws');
const text = (page, id) => page.textContent(`#${id}`);

function create(stack, token) {
  return fetch(`${stack.urls.base}/sessions`, { method: 'POST',
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    body: '{"sourceLanguage":"en"}' });
}

/* The status of an upgrade. */
function upgrade(stack, query) {
  return new Promise((resolve) => {
    const socket = new WebSocket(
      `${stack.urls.ws}?${new URLSearchParams(query)}`);

    socket.on('open', () => { resolve(101); socket.close(); });
    socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode));
    socket.on('error', () => {});
  });
}

const askToken = (stack, body) => fetch(stack.urls.login, { method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body) });

async function testIssuer(stack) {
  const answer = await askToken(stack, { sub: 'alice' });
  const { token, expiresIn } = await answer.json();
  const [header, claims] = token.split('.').slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url')));

  is([answer.status, header.alg, claims.sub, claims.token_use, expiresIn],
    [200, 'ES256', 'alice', 'id', 3600], 'the issuer makes a token');
  is((await Promise.all([{}, { sub: '' }, { sub: 5 }, '{', 'x'.repeat(5_000),
    { sub: 'a', alg: 'none' }, { sub: 'a', alg: 'toString' }]
    .map((body) => askToken(stack, body)))).map(({ status }) => status),
  Array(7).fill(400), 'and none for what makes no sense');

  const { keys } = JSON.parse(fs.readFileSync(path.join(stack.dir, 'jwks.json')));
  is(keys.map(({ alg }) => alg).sort(), ['ES256', 'RS256'], 'two keys');
  ok(keys.every((key) => !key.d && !key.p), 'public ones');
}

async function testTokens(stack) {
  for (const alg of ['ES256', 'RS256']) {
    const token = stack.issuer.token({ sub: 'alice', alg });
    const created = await create(stack, token);
    const { sessionId, speakerId, speakerToken } = await created.json();

    is([created.status, speakerId, speakerToken], [201, 'alice', undefined],
      `${alg}: a session of hers`);
    is(await upgrade(stack, { token, sessionId }), 101, `${alg}: her socket`);
  }
  const { sessionId } = await (await create(stack,
    stack.issuer.token({ sub: 'alice' }))).json();
  const late = { sub: 'alice',
    claims: { exp: Math.floor(Date.now() / 1000) - 1 } };

  is((await create(stack)).status, 401, 'no session without a token');
  is((await create(stack, stack.issuer.token(late))).status, 401,
    'none with one that has expired');
  is(await upgrade(stack, { token: stack.issuer.token(late), sessionId }), 401,
    'no socket either');
  is(await upgrade(stack, { token: stack.issuer.token({ sub: 'bob' }),
    sessionId }), 400, 'nor for somebody else');
}

async function testPage(stack) {
  const browser = await launch();
  const page = await openPage(browser, stack.urls.speaker);
  const onAir = () => until(async () =>
    await text(page, 'link') === 'Connected', 15_000);
  const speaker = async () => {
    const { sessionId } = (await page.seen('live'))[0];
    const answer = await fetch(`${stack.urls.base}/sessions/${sessionId}`);
    return (await answer.json()).speakerId;
  };

  await page.click('#start');
  is(await onAir(), true, 'the speaker’s page signs in and is on air');
  const before = await speaker();
  ok(/^speaker-[0-9a-f-]{36}$/.test(before), 'as somebody', before);

  await page.reload();
  await until(() => page.isVisible('#go-on'));
  await page.click('#go-on');
  is(await onAir(), true, 'and after a reload again');
  is(await speaker(), before, 'as the same one');
  is(page.troubles, [], 'nothing went wrong in the page');
  await browser.close();
}

function testLogs(stack) {
  const found = fs.readdirSync(stack.dir).filter((name) => name.endsWith('.log'))
    .filter((name) => /eyJ[\w-]+\.[\w-]+\.[\w-]{20}/.test(
      fs.readFileSync(path.join(stack.dir, name), 'utf8')));

  is(found, [], 'no token in any log');
}

plan(18);
run(async () => {
  const stack = await startStack({ dir: path.join(OUT, 'identity'),
    identity: true });
  try {
    await testIssuer(stack);
    await testTokens(stack);
    await testPage(stack);
  } finally {
    await stack.stop();
  }
  testLogs(stack);
});
