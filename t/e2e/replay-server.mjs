/* The server that the examples of docs/protocol are replayed against: a real
   nginx with our module, a real Redis, a Kinesis that counts. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Issuer } from '../../local/issuer.mjs';
import { startServers } from '../../bench/servers.mjs';
import { startSink } from '../../bench/kinesis-sink.mjs';
import { until as within } from '../lib/until.mjs';

export const WORKER_TOKEN = 'a-token-of-the-workers-for-tests';
export const LISTENERS_MAX = 3;
export const WAIT_MS = 20_000;


export async function until(check, what) {
  const value = await within(check, WAIT_MS);
  if (!value) {
    throw new Error(`waited in vain: ${what}`);
  }
  return value;
}

/* One command of words without spaces; the answer as it comes. */
function askRedis(port, ...words) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${words.join(' ')}\r\n`));

    socket.on('data', (data) => { resolve(String(data)); socket.destroy(); });
    socket.on('error', reject);
  });
}

const LOCATIONS = `
        location = /health { lt_sessions; }
        location = /events { lt_events; }
        location = /lt/results { lt_results; client_body_buffer_size 64k; }
        location /prod/ { lt_connections; client_body_buffer_size 64k; }`;

/* provider: speakers need tokens of an issuer; kinesis: false, and what it
   does not take in a second is lost. */
export async function startServer({ provider = false, kinesis = true } = {}) {
  const sink = await startSink();
  const issuer = new Issuer('https://issuer.example');

  if (!kinesis) {
    sink.stop();
  }
  const servers = await startServers({ kinesisPort: sink.port, buffer: kinesis ? '8s' : '1s', locations: LOCATIONS, http: (dir) => {
    fs.writeFileSync(path.join(dir, 'results-token'), `${WORKER_TOKEN}\n`, { mode: 0o600 });
    fs.writeFileSync(path.join(dir, 'jwks.json'), JSON.stringify(issuer.jwks()));
    return `lt_results_token_file ${dir}/results-token;
    lt_connections_credentials_file ${dir}/credentials;
    lt_listeners_max ${LISTENERS_MAX};
    lt_end_grace 1s;
    ${provider ? `lt_jwt_jwks_file ${dir}/jwks.json; lt_jwt_issuer ${issuer.url}; lt_jwt_audience ${issuer.audience};` : ''}`;
  } });
  const base = `http://127.0.0.1:${servers.port}`;
  const redis = (...words) => askRedis(servers.redisPort, ...words);
  const redisPid = Number(/process_id:(\d+)/.exec(await redis('INFO', 'server'))[1]);
  const isHealthy = async () => (await fetch(`${base}/health`)).ok;

  await until(isHealthy, 'Redis');
  return {
    ...servers, base, sink, redis, provider,

    /* What proves to be the owner of a new session, and somebody else. */
    async session() {
      const tokens = ['alice', 'bob'].map((sub) => issuer.token({ sub }));
      const make = async (token) => {
        const response = await fetch(`${base}/sessions`, { method: 'POST', body: '{"sourceLanguage":"en"}',
          headers: provider ? { Authorization: `Bearer ${token}` } : {} });
        if (response.status !== 201) {
          throw new Error(`POST /sessions: ${response.status}`);
        }
        return response.json();
      };
      const [mine, other] = [await make(tokens[0]), await make(tokens[1])];
      return { id: mine.sessionId, otherId: other.sessionId,
        owner: mine.speakerToken ?? tokens[0], other: other.speakerToken ?? tokens[1] };
    },

    change(session, method, body) {
      return fetch(`${base}/sessions/${session.id}`, { method, body, headers: { Authorization: `Bearer ${session.owner}` } });
    },

    /* While work() runs, Redis does not answer. */
    async withoutRedis(work) {
      process.kill(redisPid, 'SIGSTOP');
      try {
        return await work();
      } finally {
        process.kill(redisPid, 'SIGCONT');
        await until(isHealthy, 'Redis again');
      }
    },

    async stop() {
      await servers.stop();
      sink.stop();
    },
  };
}
