// An identity provider for one machine: keys of its own, made at its start, and a token for whoever asks. What Cognito is in
// production; nothing that it signs is worth anything elsewhere.
//   node local/issuer.mjs --dir DIR [--port N]   prints {"jwks","issuer","audience","login"} as one JSON line
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BODY_MAX = 4096;
const LIFE_S = 3600;

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const algorithms = {
  ES256: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), options: {} },
};

export class Issuer {
  audience = 'local-app';
  #keys = new Map();

  constructor(url) {
    this.url = url;
    for (const [alg, { make }] of Object.entries(algorithms)) {
      this.#keys.set(alg, { kid: `local-${alg.toLowerCase()}-${randomUUID()}`, ...make() });
    }
  }

  // What Cognito has at /.well-known/jwks.json.
  jwks() {
    return { keys: [...this.#keys].map(([alg, { kid, publicKey }]) =>
      ({ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' })) };
  }

  // An ID token; claims come over the usual ones.
  token({ sub, alg = 'ES256', claims = {} }) {
    const now = Math.floor(Date.now() / 1000);
    const { kid, privateKey } = this.#keys.get(alg);
    const text = `${encode({ alg, kid, typ: 'JWT' })}.${encode({
      iss: this.url, aud: this.audience, token_use: 'id', sub, iat: now, exp: now + LIFE_S, ...claims,
    })}`;

    return `${text}.${sign('sha256', text, { key: privateKey, ...algorithms[alg].options }).toString('base64url')}`;
  }
}

async function readJson(request) {
  let text = '';
  for await (const piece of request) {
    text += piece;
    if (text.length > BODY_MAX) {
      throw new Error('the body is too large');
    }
  }
  const body = JSON.parse(text);
  if (typeof body?.sub !== 'string' || body.sub === '' || body.sub.length > 256) {
    throw new Error('"sub" must be a text of 1 to 256 characters');
  }
  if (body.alg !== undefined && !Object.hasOwn(algorithms, body.alg)) {
    throw new Error(`"alg" must be one of ${Object.keys(algorithms).join(', ')}`);
  }
  return body;
}

// POST /token {"sub":…, "alg"?} → {"token":…, "expiresIn": seconds}; GET /.well-known/jwks.json
async function answer(issuer, request, response) {
  const say = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store',
      'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Content-Type' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
  if (request.method === 'OPTIONS') {
    say(204);
  } else if (request.method === 'GET' && request.url === '/.well-known/jwks.json') {
    say(200, issuer.jwks());
  } else if (request.method === 'POST' && request.url === '/token') {
    try {
      const { sub, alg } = await readJson(request);
      say(200, { token: issuer.token({ sub, alg }), expiresIn: LIFE_S });
    } catch (error) {
      say(400, { message: error.message });
    }
  } else {
    say(404, { message: 'POST /token or GET /.well-known/jwks.json' });
  }
}

/**
 * Listens on loopback and writes DIR/jwks.json, in place at once.
 * Returns { issuer, jwks (path), login (URL), close() }.
 */
export async function startIssuer({ dir, port = 0 }) {
  let issuer;
  const server = http.createServer((request, response) => answer(issuer, request, response));
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${server.address().port}`;
  const jwks = path.join(path.resolve(dir), 'jwks.json');

  issuer = new Issuer(url);
  fs.writeFileSync(`${jwks}.new`, JSON.stringify(issuer.jwks()));
  fs.renameSync(`${jwks}.new`, jwks);
  return { issuer, jwks, login: `${url}/token`, close: () => { server.close(); server.closeAllConnections(); } };
}

async function main() {
  const argument = (name, fallback) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? fallback : process.argv[at + 1];
  };
  const { issuer, jwks, login } = await startIssuer({ dir: argument('--dir', '.'), port: Number(argument('--port', 0)) });
  console.log(JSON.stringify({ jwks, issuer: issuer.url, audience: issuer.audience, login }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(`issuer: ${error.message}`);
    process.exitCode = 1;
  });
}
