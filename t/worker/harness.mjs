/* What the worker's tests share: the real lt-worker (LT_WORKER chooses the
   binary) and a real Redis between the stand-ins for AWS and an endpoint for
   results that remembers its posts. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { credentials } from '../../local/config.mjs';
import { freePort, ROOT } from '../../local/stack.mjs';
import * as standIns from '../../local/test/stand-ins.mjs';
import { is, note, ok } from '../e2e/tap.mjs';
import { until } from '../lib/until.mjs';

export { clip, clearFaults, getCalls, setFault, wordErrorRate }
  from '../../local/test/stand-ins.mjs';

const require = createRequire(path.join(ROOT, 'local/package.json'));
const { CreateStreamCommand, KinesisClient, PutRecordsCommand }
  = require('@aws-sdk/client-kinesis');

const BUILD = process.env.BUILD ?? path.join(ROOT, 'build');
const WORKER = process.env.LT_WORKER ?? path.join(BUILD, 'lt-worker');
const TOKEN = 'canary-token-canary-token-canary';
const REPORT = /Sanitizer|runtime error:|Assertion .* failed/;
const RECORD_MS = 200;
const BYTES_PER_MS = 32;

process.env.RECOGNIZER ??= path.join(BUILD, 'local/recognizer');

export { sleep, until };

/* A child that ends with us, even when we are killed. */
function start(command, args, log, env = {}) {
  const file = fs.openSync(log, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args],
    { stdio: ['ignore', file, file], env: { ...process.env, ...env } });

  fs.closeSync(file);
  child.over = once(child, 'exit').then(([code, signal]) => signal ?? code);
  return child;
}

/* ---- Redis ---- */

/* On a socket of its own: no other test can get it by chance. */
class Redis {
  constructor(dir) {
    Object.assign(this, { dir, socket: `${dir}/redis.sock` });
  }

  async start() {
    this.child = start('redis-server', ['--port', '0', '--unixsocket',
      this.socket, '--dir', this.dir, '--save', '',
      '--appendonly', 'yes', '--appendfsync', 'always'],
    `${this.dir}/redis.log`);
    await until(() => this.do('PING').catch(() => false));
  }

  async do(...command) {
    const { stdout } = await promisify(execFile)('redis-cli',
      ['-s', this.socket, ...command.map(String)]);
    if (/^(ERR|Could not connect|LOADING)/.test(stdout)) {
      throw new Error(stdout);
    }
    return stdout.trim();
  }

  async hash(key) {
    const words = (await this.do('HGETALL', key)).split('\n');
    return Object.fromEntries(words.flatMap(
      (word, i) => i % 2 ? [] : [[word, words[i + 1]]]));
  }

  freeze(signal) {
    this.child.kill(signal);
  }

  async kill() {
    this.child?.kill('SIGKILL');
    await this.child?.over;
  }
}

/* ---- where the worker posts to ---- */

export class Results {
  posts = [];
  refused = [];
  answer = () => 200;       /* of a request: a status, or 'never' */

  constructor(port = 0) {
    this.port = port;
  }

  async start() {
    this.server = http.createServer((req, res) => this.#serve(req, res));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/lt/results`;
  }

  async #serve(req, res) {
    const query = Object.fromEntries(
      new URL(req.url, 'http://x').searchParams);
    let text = '';
    for await (const part of req.setEncoding('utf8')) {
      text += part;
    }
    const status = req.headers.authorization === `Bearer ${TOKEN}`
      ? this.answer() : 401;
    (status === 200 ? this.posts : this.refused).push({ at: Date.now(),
      status, ...query, message: text && JSON.parse(text) });
    if (status !== 'never') {
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end('{"delivered":1,"published":true}');
    }
  }

  /* What listeners of one language got, in the order in which it came. */
  heard(session, language) {
    return this.posts.filter((post) => post.session === session
      && post.language === language).map((post) => ({ at: post.at,
      ...post.message }));
  }

  speaker(session) {
    return this.posts.filter((post) => post.session === session
      && post.to === 'speaker').map((post) => post.message);
  }

  drained(session) {
    return this.posts.filter((post) => post.session === session
      && post.event === 'drained');
  }

  stop() {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}

/* ---- the worker ---- */

class Worker {
  constructor(rig, config, name, env) {
    this.statusPort = config.status_listen.split(':')[1];
    this.logFile = `${rig.dir}/${name}.log`;
    const file = `${rig.dir}/${name}.conf`;
    fs.writeFileSync(file, Object.entries(config)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} = ${value}\n`).join(''));
    this.child = start(WORKER, ['-c', file], this.logFile,
      { ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'print_stacktrace=1',
        ...env });
    this.child.over.then((status) => { this.status = status; });
  }

  get text() {
    return fs.readFileSync(this.logFile, 'utf8');
  }

  /* Lines of the log with that event and these fields. */
  log(event, fields = {}) {
    return this.text.split('\n').filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line)).filter((line) => line.event === event
        && Object.entries(fields).every(([key, value]) => line[key] === value));
  }

  async figures() {
    return (await fetch(`http://127.0.0.1:${this.statusPort}/`)).json();
  }

  async counter(name) {
    return (await this.figures()).counters[name];
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.child.over;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await this.child.over;
    clearTimeout(timer);
  }
}

/* ---- talks ---- */

let sessions = 0;

/* The 32 bytes of lib/lt_audio_record.h. */
function frameOf(pcm, { epoch, offset, captured, isLast }) {
  const head = Buffer.alloc(32);
  head.write('LTA1\x01', 0, 'latin1');
  head[5] = isLast ? 2 : 0;
  head.writeUInt16LE(32, 6);
  head.writeBigUInt64LE(BigInt(epoch), 8);
  head.writeBigUInt64LE(BigInt(offset), 16);
  head.writeBigInt64LE(BigInt(captured), 24);
  return Buffer.concat([head, pcm]);
}

class Talk {
  bytes = 0;
  constructor(rig, id, isRaw) {
    Object.assign(this, { rig, id, isRaw, epoch: Date.now() });
  }

  put(data) {
    return this.rig.kinesis.send(new PutRecordsCommand({
      StreamName: this.rig.aws.stream,
      Records: [{ PartitionKey: this.id, Data: data }] }));
  }

  /* At real speed, against one clock; as nginx would write it. */
  async speak(pcm, { isLast = false, again = false } = {}) {
    const step = RECORD_MS * BYTES_PER_MS;
    const began = Date.now();
    let sent = Promise.resolve();
    for (let at = 0; at < pcm.length; at += step) {
      const part = pcm.subarray(at, at + step);
      const captured = began + at / BYTES_PER_MS;
      await sleep(Math.max(0,
        captured + part.length / BYTES_PER_MS - Date.now()));
      const data = this.isRaw ? part : frameOf(part, { epoch: this.epoch,
        offset: this.bytes, captured,
        isLast: isLast && at + step >= pcm.length });
      this.bytes += part.length;
      await sent;
      this.last = { data, bytes: part.length };
      sent = this.put(data);
      if (again) {
        await sent;
        sent = this.put(data);
      }
    }
    await sent;
  }

  /* The last record comes once more.  Its audio's bytes. */
  async repeat() {
    await this.put(this.last.data);
    return this.last.bytes;
  }

  async end() {
    await this.rig.redis.do('HSET', `lt:{${this.id}}:session`, 'status',
      'ended');
  }

  heard(language) {
    return this.rig.results.heard(this.id, language);
  }

  async whenDrained(ms = 60_000) {
    return until(() => this.rig.results.drained(this.id)[0], ms);
  }
}

/* ---- the rig ---- */

class Rig {
  workers = [];
  errorLogs = [];               /* of an nginx beside it */

  /* standIns: more arguments of local/aws.mjs. */
  async start({ worker = true, shards = 1, config = {}, standIns: more = [] }
    = {}) {
    this.dir = fs.mkdtempSync(`${tmpdir()}/lt-worker-`);
    this.redis = new Redis(this.dir);
    this.results = new Results();
    fs.writeFileSync(`${this.dir}/token`, `${TOKEN}\n`, { mode: 0o600 });
    [this.aws] = await Promise.all([standIns.start('--shards', `${shards}`,
      ...more),
      this.redis.start(),
      this.results.start()]);
    this.kinesis = new KinesisClient(standIns.client(this.aws.kinesis));
    if (worker) {
      await this.worker(config);
    }
    return this;
  }

  async config(changes = {}) {
    return { aws_region: this.aws.region, kinesis_stream: this.aws.stream,
      aws_credentials_file: this.aws.credentials,
      kinesis_endpoint: this.aws.kinesis,
      transcribe_endpoint: this.aws.transcribe,
      translate_endpoint: this.aws.translate, polly_endpoint: this.aws.polly,
      s3_endpoint: this.aws.s3, s3_bucket: this.aws.bucket,
      s3_path_style: 'on', tls_ca_file: this.aws.ca,
      redis: `unix:${this.redis.socket}`,
      results_urls: this.results.url, results_token_file: `${this.dir}/token`,
      status_listen: `127.0.0.1:${await freePort()}`, batch_window: '1s',
      price_list: path.join(ROOT, 'config/prices.json'),
      starting_position: 'trim_horizon', ...changes };
  }

  /* A parameter that is undefined is left out. */
  async worker(changes, env = {}) {
    const worker = new Worker(this, await this.config(changes),
      `worker-${this.workers.length}`, env);
    this.workers.push(worker);
    await until(() => worker.status !== undefined
      || worker.figures().catch(() => false));
    return worker;
  }

  createStream(name) {
    return this.kinesis.send(new CreateStreamCommand({ StreamName: name,
      ShardCount: 1 }));
  }

  async talk(languages, { source = 'en', isRaw = false } = {}) {
    const talk = new Talk(this, `canary-talk-${101 + sessions++}`, isRaw);
    await this.redis.do('HSET', `lt:{${talk.id}}:session`, 'sessionId',
      talk.id, 'sourceLanguage', source, 'status', 'active');
    if (languages.length > 0) {
      await this.listen(talk, languages);
    }
    return talk;
  }

  listen(talk, languages) {
    return this.redis.do('HSET', `lt:{${talk.id}}:languages`,
      ...languages.flatMap((language) => [language, 1]));
  }

  /* ---- the end: FINISH_CHECKS checks */

  async finish() {
    for (const worker of this.workers) {
      await worker.stop();
    }
    const texts = this.workers.map((worker) => worker.text);
    const reports = [...texts, ...this.errorLogs.filter(fs.existsSync)
      .map((log) => fs.readFileSync(log, 'utf8'))].join('').split('\n')
      .filter((line) => REPORT.test(line));
    is(reports, [], 'no sanitizer complained');
    is(this.workers.map(({ status }) => status).filter(
      (status) => status !== 0 && status !== 'SIGKILL'), [],
    'every worker that was not killed ended well');
    is(this.#leaks(texts.join('')), [],
      'no secret, address of a clip or spoken word is in a log');
    this.results?.stop();
    this.kinesis?.destroy();
    await this.aws?.stop();
    await this.redis?.kill();
    if (process.env.KEEP) {
      note(`kept: ${this.dir}`);
    } else {
      fs.rmSync(this.dir, { recursive: true, force: true });
    }
  }

  #leaks(text) {
    const log = text.toLowerCase();
    const said = (this.results?.posts ?? []).flatMap(({ message }) => [
      message?.transcript, message?.sourceTranscript, message?.text,
      message?.sourceText]).filter(Boolean);
    const phrases = new Set(said.flatMap(phrasesOf));
    const secrets = [TOKEN, credentials.secretAccessKey, 'X-Amz-Signature',
      'AWS4-HMAC-SHA256', 'Bearer', '.mp3'];
    return [...phrases, ...secrets].filter(
      (one) => log.includes(one.toLowerCase()));
  }
}

/* Two words in a row, and long words: what no log says by chance. */
function phrasesOf(text) {
  const words = text.toLowerCase().split(/[^\p{L}']+/u).filter(Boolean);
  return [...words.slice(1).map((word, i) => `${words[i]} ${word}`),
    ...words].filter((phrase) => phrase.length > 9);
}

export const FINISH_CHECKS = 3;

export async function withRig(options, main) {
  const rig = new Rig();
  try {
    await rig.start(options);
    await main(rig);
  } catch (error) {
    ok(false, 'the test ran to its end', error.stack);
  }
  await rig.finish();
}

/* ---- judging ---- */

/* Seconds of an MP3, by decoding it; 0: it cannot be. */
export function decodedSeconds(mp3) {
  try {
    const wav = execFileSync('lame', ['--quiet', '--mp3input', '--decode',
      '-', '-'], { input: mp3, maxBuffer: 1 << 26,
      stdio: ['pipe', 'pipe', 'ignore'] });
    return (wav.length - 44) / 2 / wav.readUInt32LE(24);
  } catch {
    return 0;
  }
}

export const numbers = (segments) => segments.map(({ segment }) => segment);
export const isCounting = (list, from = 1) => list.length > 0
  && list.every((number, i) => number === from + i);
export const textOf = (segments) => segments.map(
  ({ sourceTranscript, sourceText, text }) => sourceTranscript ?? sourceText
    ?? text).join(' ');

export const wordsOf = (text) => text.toLowerCase().match(/[a-z']+/g) ?? [];
const pairsOf = (words) => words.slice(1).map((w, i) => `${words[i]} ${w}`);

/* Pairs of words that come more than once, and not so in the reference. */
export function twice(reference, words) {
  const left = pairsOf(reference);

  return pairsOf(words).filter((pair, i, pairs) =>
    pairs.indexOf(pair) !== i && !left.includes(pair));
}

/* What the recogniser hears when nothing goes wrong. */
export function understood(pcm) {
  const lines = execFileSync(process.env.RECOGNIZER, { input: pcm,
    encoding: 'utf8' }).split('\n').filter((line) => line.includes('"final"'));
  return lines.flatMap((line) => JSON.parse(line).words.map(({ w }) => w));
}
