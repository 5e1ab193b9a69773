// A talk through the packages that are installed in a root: node talk.mjs ROOT [SECONDS]; or through what runs
// already: node talk.mjs URL [SECONDS].
// Configures them as docs/install.md says, but for the stand-ins of AWS; starts Redis, nginx and the worker there as
// their units would; says what came. Ports are those of the shipped files: run it in a network namespace.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSession, listen, speak } from '../local/client.mjs';
import { BYTES_PER_SECOND, loadTalk } from '../local/talk.mjs';

const [root, seconds = '20'] = process.argv.slice(2);
const isRunning = /^http:/.test(root);
const base = isRunning ? root : 'http://127.0.0.1:8080';
const out = isRunning ? fs.mkdtempSync('/tmp/lt-talk-') : path.join(root, 'tmp');
const WAIT_MS = 60_000;
const inRoot = (file) => path.join(root, file);

function edit(file, changes) {
  let text = fs.readFileSync(inRoot(file), 'utf8');
  for (const [from, to] of changes) {
    if (!from.test(text)) {
      throw new Error(`${file} has nothing like ${from}: adapt t/package-talk.mjs`);
    }
    text = text.replace(from, to);
  }
  fs.writeFileSync(inRoot(file), text);
}

function put(file, text, owner) {
  fs.writeFileSync(inRoot(file), text, { mode: 0o640 });
  const line = fs.readFileSync(inRoot('/etc/group'), 'utf8').split('\n').find((l) => l.startsWith(`${owner}:`));
  fs.chownSync(inRoot(file), 0, Number(line.split(':')[2]));
}

function configure(aws) {
  const kinesis = new URL(aws.kinesis).host;
  edit('/etc/nginx/lt/lt.conf', [
    [/^lt_aws_region .*$/m, `lt_aws_region           ${aws.region};`],
    [/^#?lt_aws_credentials_file .*$/m, 'lt_aws_credentials_file /etc/nginx/lt/credentials;'],
    [/^lt_kinesis_host .*$/m, `lt_kinesis_host         ${kinesis};`],
    [/(upstream lt_kinesis {\n *server +)[^;]+/, `$1${kinesis}`],
  ]);
  edit('/etc/nginx/lt/lt-locations.conf', [
    [/https?:\/\/lt_kinesis\//, 'http://lt_kinesis/'],
    [/(proxy_set_header +Host) [^;]+/, `$1 ${kinesis}`],
  ]);
  const own = Object.entries({
    aws_region: aws.region, kinesis_stream: aws.stream, s3_bucket: aws.bucket, aws_credentials_file: '/etc/lt/credentials',
    kinesis_endpoint: aws.kinesis, transcribe_endpoint: aws.transcribe, translate_endpoint: aws.translate,
    polly_endpoint: aws.polly, s3_endpoint: aws.s3, s3_path_style: 'on', tls_ca_file: '/etc/lt/ca.pem',
    status_listen: '127.0.0.1:9100',
  });
  let text = fs.readFileSync(inRoot('/etc/lt/worker.conf'), 'utf8');
  for (const [name, value] of own) {
    text = text.replace(new RegExp(`^(# )?${name} =.*$`, 'm'), `${name} = ${value}`);
  }
  fs.writeFileSync(inRoot('/etc/lt/worker.conf'), text);
  const token = `${randomBytes(24).toString('hex')}\n`;
  const keys = fs.readFileSync(aws.credentials, 'utf8');
  put('/etc/nginx/lt/results-token', token, 'www-data');
  put('/etc/nginx/lt/credentials', keys, 'www-data');
  put('/etc/lt/results-token', token, 'lt-worker');
  put('/etc/lt/credentials', keys, 'lt-worker');
  put('/etc/lt/ca.pem', fs.readFileSync(aws.ca), 'lt-worker');
  const site = inRoot('/etc/nginx/sites-enabled/lt');
  fs.rmSync(site, { force: true });
  fs.symlinkSync('../sites-available/lt', site);
}

const children = [];
function start(name, command, args, options = {}) {
  const log = fs.openSync(inRoot(`/var/log/${name}.out`), 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log], ...options });
  children.push(child);
  child.once('exit', (code, signal) => {
    child.status = signal ?? code;
    if (!child.isStopped) {
      console.error(`${name} ended (${child.status}):\n${fs.readFileSync(inRoot(`/var/log/${name}.out`), 'utf8').slice(-2000)}`);
      process.exit(1);
    }
  });
  return child;
}

async function answers(url) {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await sleep(100)) {
    if (await fetch(url).then((a) => a.ok, () => false)) {
      return;
    }
  }
  throw new Error(`${url} does not answer`);
}

// What systemd would run, as whom.
function startUnit() {
  const unit = fs.readFileSync(inRoot('/lib/systemd/system/lt-worker.service'), 'utf8');
  const field = (name) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)[1];
  const user = field('User');
  start('lt-worker', 'chroot', [`--userspec=${user}:${field('Group')}`, root, 'env', '-i', 'HOME=/var/lib/lt-worker',
    'PATH=/usr/bin', ...field('ExecStart').split(' ')]);
}

async function startAws(dir) {
  const child = start('aws', process.execPath, ['local/aws.mjs', '--dir', dir], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  for await (const data of child.stdout) {
    text += data;
    if (text.includes('\n')) {
      return JSON.parse(text);
    }
  }
  throw new Error('the stand-ins for AWS did not start');
}

async function talk() {
  const stack = { urls: { base, ws: `${base.replace('http', 'ws')}/ws` } };
  const page = await fetch(`${stack.urls.base}/listener/`);
  if (!page.ok || !/text\/html/.test(page.headers.get('content-type'))) {
    throw new Error(`the listener's page answers ${page.status}`);
  }
  const { sessionId, speakerToken } = await createSession(stack);
  const listener = await listen(stack, { sessionId, language: 'es', out,
    show: (language, text) => console.log(`  ${language}  ${text}`) });
  const speaker = await connect(`${stack.urls.ws}?sessionId=${sessionId}&token=${encodeURIComponent(speakerToken)}`);
  await speak(speaker, sessionId, loadTalk().pcm.subarray(0, Number(seconds) * BYTES_PER_SECOND));
  speaker.send(JSON.stringify({ action: 'endSession', sessionId }));
  const ended = await Promise.race([listener.ended, sleep(WAIT_MS).then(() => 'timeout')]);
  await Promise.all(listener.pending);
  if (ended !== true || listener.segments.length === 0 || listener.captions.length > 0) {
    throw new Error(`ended: ${ended}, ${listener.segments.length} clips, ${listener.captions.length} without voice`);
  }
  return listener.segments.length;
}

async function startPackages() {
  configure(await startAws(inRoot('/tmp/aws')));
  console.log('configured');
  start('redis', 'chroot', [root, 'redis-server', '--save', '', '--appendonly', 'no']);
  start('nginx', 'chroot', [root, 'nginx', '-g', 'daemon off;']);
  await answers(`${base}/health`);
  startUnit();
  await answers('http://127.0.0.1:9100/');
}

await (isRunning ? answers(`${base}/health`) : startPackages());
console.log('running');
console.log(`${await talk()} clips heard`);
await Promise.all(children.reverse().map((child) => new Promise((resolve) => {
  child.isStopped = true;
  child.once('exit', resolve);
  child.kill('SIGTERM');
})));
if (isRunning) {
  fs.rmSync(out, { recursive: true });
}
process.exit(0);
