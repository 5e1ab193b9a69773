// The whole stack on loopback: Redis, the stand-ins for AWS, nginx with our module, the worker.
// `make run`, `make demo` and the end-to-end tests start it from here; it stops what it started and nothing else.
import { spawn, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startIssuer } from './issuer.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const BUILD = process.env.BUILD ?? path.join(ROOT, 'build');
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;

export async function freePort() {
  return await new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function requireFree(port) {
  await new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (e) => reject(new Error(e.code === 'EADDRINUSE'
      ? `port ${port} is in use by another program; choose one: make run PORT=${port + 1}`
      : `port ${port}: ${e.message}`)));
    server.listen(port, '127.0.0.1', () => server.close(resolve));
  });
}

// A child that ends with us, even when we are killed, and whose output goes to a file.
function start(name, command, args, { dir, input = 'ignore', output, env = {} } = {}) {
  const file = path.join(dir, `${name}.log`);
  const log = fs.openSync(file, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args],
    { cwd: ROOT, stdio: [input, output ?? log, log], detached: true, env: { ...process.env, ...env } });
  fs.closeSync(log);
  child.name = name;
  child.logFile = file;
  child.ended = new Promise((resolve) => child.once('exit', (code, signal) => {
    child.status = signal ?? code;
    resolve();
  }));
  return child;
}

function tail(file, lines = 15) {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

async function until(what, child, probe) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.status !== undefined) {
      throw new Error(`${child.name} ended at once (${child.status}); ${child.logFile} says:\n${tail(child.logFile)}`);
    }
    if (await probe().catch(() => false)) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} not ready after ${START_TIMEOUT_MS / 1000} s; ${child.logFile} says:\n${tail(child.logFile)}`);
    }
    await sleep(50);
  }
}

const answers = (url) => async () => (await fetch(url)).ok;

function connects(port) {
  return () => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

// The shipped files are what runs; only the places in which a laptop differs are exchanged.
function render(name, changes, target) {
  let text = fs.readFileSync(path.join(ROOT, 'config/nginx', name), 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) {
      throw new Error(`config/nginx/${name} no longer contains "${from}": adapt local/stack.mjs`);
    }
    text = text.replaceAll(from, to);
  }
  fs.writeFileSync(path.join(target, name), text);
}

// With an identity provider: its keys for nginx, its address for the speaker's page.
function renderIdentity({ dir, provider }) {
  const config = fs.readFileSync(path.join(ROOT, 'apps/shared/config.js'), 'utf8');
  fs.writeFileSync(path.join(dir, 'config.js'), config.replace("login: ''", `login: '${provider.login}'`));
  return {
    http: [
      ['#lt_jwt_jwks_file       /etc/nginx/lt/jwks.json;', `lt_jwt_jwks_file ${provider.jwks};`],
      ['#lt_jwt_issuer          https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI;',
        `lt_jwt_issuer ${provider.issuer.url};`],
      ['#lt_jwt_audience        1example23456789;', `lt_jwt_audience ${provider.issuer.audience};`],
    ],
    locations: [['location /shared/ {',
      `location = /shared/config.js { alias ${path.join(dir, 'config.js')}; }\n\nlocation /shared/ {`]],
  };
}

// places: where things are, if not in dir and in this tree. more: further changes { http, locations }.
export function renderNginx({ dir, aws, redisPort, port, resultsPort, nginxProcesses, provider, fleet, places, more }) {
  const identity = provider ? renderIdentity({ dir, provider }) : more ?? { http: [], locations: [] };
  const at = {
    listen: `127.0.0.1:${port}`, pid: `${dir}/nginx.pid`, tmp: `${dir}/tmp`, errors: `${dir}/error.log`,
    accesses: `${dir}/lt-access.log`, module: path.join(BUILD, 'module/ngx_http_lt_module.so'), apps: path.join(ROOT, 'apps'),
    ...places,
  };
  const kinesis = new URL(aws.kinesis);
  const root = process.getuid?.() === 0;
  render('nginx.conf', [
    ['user                    www-data;', root ? 'user root;' : ''],
    ['worker_processes        auto;', `worker_processes ${nginxProcesses};`],
    ['/run/nginx.pid', at.pid],
    ['/var/log/nginx/error.log', at.errors],
    ['/var/log/nginx/lt-access.log', at.accesses],
    ['modules/ngx_http_lt_module.so', at.module],
    ['worker_shutdown_timeout 4h;', 'worker_shutdown_timeout 10s;'],
    ['worker_connections  16384;', 'worker_connections 1024;'],
    ['/etc/nginx/lt/', `${dir}/`],
    ['server_tokens       off;', `server_tokens off;
    client_body_temp_path ${at.tmp}; proxy_temp_path ${at.tmp};
    fastcgi_temp_path ${at.tmp}; uwsgi_temp_path ${at.tmp}; scgi_temp_path ${at.tmp};`],
    ['listen          8080;', `listen ${at.listen};`],
  ], dir);
  render('lt.conf', [
    ...identity.http,
    ['us-east-1;', `${aws.region};`],
    ['lt_aws_credentials_file /etc/nginx/lt/credentials;', fleet ? '' : `lt_aws_credentials_file ${aws.credentials};`],
    ['lt-audio;', `${aws.stream};`],
    ['lt_kinesis_host         kinesis.us-east-1.amazonaws.com;', `lt_kinesis_host ${kinesis.host};`],
    ['127.0.0.1:6379', `127.0.0.1:${redisPort}`],
    ['kinesis.us-east-1.amazonaws.com:443', kinesis.host],
    ['/etc/nginx/lt/results-token', path.join(dir, 'results-token')],
    ['/usr/share/lt/apps', at.apps],
    ['127.0.0.1:8081', `127.0.0.1:${resultsPort}`],
  ], dir);
  render('lt-locations.conf', [
    ...identity.locations,
    ['/usr/share/lt/apps', at.apps],
    ['https://lt_kinesis', 'http://lt_kinesis'],
    ['Host kinesis.us-east-1.amazonaws.com', `Host ${kinesis.host}`],
  ], dir);
}

export function renderWorker({ dir, aws, redisPort, resultsPort, statusPort, mode, fleet }) {
  const file = path.join(dir, 'worker.conf');
  fs.writeFileSync(file, Object.entries({
    aws_region: aws.region,
    ...(fleet ? {} : { aws_credentials_file: aws.credentials }),
    kinesis_stream: aws.stream,
    kinesis_endpoint: aws.kinesis,
    transcribe_endpoint: aws.transcribe,
    translate_endpoint: aws.translate,
    polly_endpoint: aws.polly,
    s3_endpoint: aws.s3,
    s3_bucket: aws.bucket,
    s3_path_style: 'on',
    tls_ca_file: aws.ca,
    redis: `127.0.0.1:${redisPort}`,
    results_urls: `http://127.0.0.1:${resultsPort}/lt/results`,
    results_token_file: path.join(dir, 'results-token'),
    status_listen: `127.0.0.1:${statusPort}`,
    price_list: path.join(ROOT, 'config/prices.json'),
    mode,
  }).map(([name, value]) => `${name} = ${value}\n`).join(''));
  return file;
}

export async function startAws(dir, shards, recognizer, speech) {
  const child = start('aws', process.execPath, ['local/aws.mjs', '--dir', dir, '--shards', String(shards),
    '--recognizer', recognizer, ...(speech ? ['--speech', speech] : [])], { dir, input: 'pipe', output: 'pipe' });
  let text = '';
  child.stdout.on('data', (data) => { text += data; });
  await until('the stand-ins for AWS', child, async () => text.includes('\n'));
  return { child, aws: JSON.parse(text.slice(0, text.indexOf('\n'))) };
}

/**
 * Starts everything. port: where browsers connect (0 = any free one). mode: window or live. identity: speakers need a
 * token of local/issuer.mjs. speech: a module in place of Translate and Polly. fleet: nginx and worker get temporary AWS keys as containers do. Returns { urls, dir, aws, children, issuer, stop() }; whoever starts a stack must stop it.
 */
export async function startStack({
  dir = path.join(BUILD, 'run'), port = 0, nginxProcesses = 2, shards = 1, mode = 'window',
  identity = false, fleet = false, recognizer = path.join(BUILD, 'local/recognizer'), speech = null, say = () => {},
} = {}) {
  dir = path.resolve(dir);
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(path.join(dir, 'tmp'), { recursive: true });
  fs.writeFileSync(path.join(dir, 'results-token'), `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  if (port) {
    await requireFree(port);
  } else {
    port = await freePort();
  }
  const children = [];
  let provider = null;
  const stop = () => stopAll(children).finally(() => provider?.close());
  const timed = async (what, work) => {
    const began = Date.now();
    const value = await work();
    say(`  ${what.padEnd(28)} ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    return value;
  };

  try {
    const redisPort = await freePort();
    await timed('Redis', async () => {
      const child = start('redis', 'redis-server', ['--port', String(redisPort), '--bind', '127.0.0.1',
        '--save', '', '--appendonly', 'no', '--dir', dir], { dir });
      children.push(child);
      await until('Redis', child, connects(redisPort));
    });
    const aws = await timed('stand-ins for AWS', async () => {
      const started = await startAws(dir, shards, recognizer, speech);
      children.push(started.child);
      return started.aws;
    });
    const resultsPort = await freePort();
    provider = identity ? await startIssuer({ dir }) : null;
    const env = fleet ? { AWS_CONTAINER_CREDENTIALS_FULL_URI: aws.container, HOME: dir } : {};
    renderNginx({ dir, aws, redisPort, port, resultsPort, nginxProcesses, provider, fleet });
    const base = `http://127.0.0.1:${port}`;
    const conf = path.join(dir, 'nginx.conf');
    await timed('nginx with ngx_lt_module', async () => {
      execFileSync('nginx', ['-t', '-q', '-p', dir, '-e', path.join(dir, 'nginx.log'), '-c', conf],
        { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
      const child = start('nginx', 'nginx', ['-p', dir, '-e', path.join(dir, 'nginx.log'), '-c', conf,
        '-g', 'daemon off;'], { dir, env });
      children.push(child);
      await until('nginx', child, answers(`${base}/health`));
    });
    const statusPort = await freePort();
    await timed('worker', async () => {
      const file = renderWorker({ dir, aws, redisPort, resultsPort, statusPort, mode, fleet });
      const child = start('worker', path.join(BUILD, 'lt-worker'), ['-c', file], { dir, env });
      children.push(child);
      await until('the worker', child, answers(`http://127.0.0.1:${statusPort}/`));
    });
    return {
      dir, aws, children, stop, redisPort, issuer: provider?.issuer,
      urls: {
        base, speaker: `${base}/speaker/`, listener: `${base}/listener/`, ws: `ws://127.0.0.1:${port}/ws`,
        console: `http://127.0.0.1:${resultsPort}/lt/console/`, status: `http://127.0.0.1:${resultsPort}/lt/status`, results: `http://127.0.0.1:${resultsPort}/lt/results`,
        worker: `http://127.0.0.1:${statusPort}/`, login: provider?.login,
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

// In the reverse order of starting, so that the worker can still hand over what it holds.
async function stopAll(children) {
  for (const child of [...children].reverse()) {
    if (child.status === undefined) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await child.ended;
      clearTimeout(timer);
    }
  }
}

async function main() {
  const argument = (name, fallback) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? fallback : process.argv[at + 1];
  };
  const stack = await startStack({
    dir: argument('--dir', path.join(BUILD, 'run')), port: Number(argument('--port', 8080)),
    mode: argument('--mode', 'window'), identity: process.argv.includes('--identity') || Boolean(process.env.IDENTITY),
    say: console.log,
  });
  console.log(`
  speak    ${stack.urls.speaker}
  listen   ${stack.urls.listener}
  console  ${stack.urls.console}
  counters ${stack.urls.status}  (nginx)
           ${stack.urls.worker}  (worker)
  logs     ${stack.dir}/*.log${stack.urls.login ? `
  tokens   curl -d '{"sub":"alice"}' ${stack.urls.login}` : ''}

  Ctrl-C stops everything that was started here.`);
  const reason = await Promise.race([
    ...['SIGINT', 'SIGTERM', 'SIGHUP'].map((s) => new Promise((r) => process.once(s, () => r(null)))),
    ...stack.children.map((c) => c.ended.then(() => c)),
  ]);
  if (reason) {
    console.error(`\n${reason.name} ended (${reason.status}); ${reason.logFile} says:\n${tail(reason.logFile)}`);
    process.exitCode = 1;
  } else {
    console.log('\nstopping');
  }
  await stack.stop();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(`make run: ${error.message}`);
    process.exitCode = 1;
  });
}
