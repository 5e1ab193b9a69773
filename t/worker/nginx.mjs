/* A real nginx with the module beside a rig of harness.mjs: the shipped
   configuration, on the rig's Redis and stand-ins. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { freePort, renderNginx } from '../../local/stack.mjs';
import { until } from './harness.mjs';

/* A module with sanitizers needs their libraries; what they report is in
   nginx's error log. */
function environment() {
  const libraries = () => ['libasan.so', 'libubsan.so'].map((name) =>
    execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' })
      .trim());
  return !process.env.LT_ASAN ? process.env : { ...process.env,
    LD_PRELOAD: libraries().join(' '), ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1' };
}

/* more: pairs of text in a shipped file and what stands there instead, as
   { http: [[from, to], …], locations: [[from, to], …] } */
export async function startNginx(rig, { processes = 2, more,
  level = 'notice' } = {}) {
  const dir = `${rig.dir}/nginx`;
  const port = await freePort();
  const inside = await freePort();

  fs.mkdirSync(`${dir}/tmp`, { recursive: true });
  fs.copyFileSync(`${rig.dir}/token`, `${dir}/results-token`);
  renderNginx({ dir, aws: rig.aws, redisPort: 6379, port, resultsPort: inside,
    nginxProcesses: processes, more });
  const conf = `${dir}/lt.conf`;
  fs.writeFileSync(conf, fs.readFileSync(conf, 'utf8').replace(
    'lt_redis                127.0.0.1:6379',
    `lt_redis unix:${rig.redis.socket}`));
  const main = `${dir}/nginx.conf`;
  fs.writeFileSync(main, fs.readFileSync(main, 'utf8').replace(
    /(error_log .*) notice;/, `$1 ${level};`));
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nginx', '-p', dir,
    '-e', `${dir}/start.log`, '-c', `${dir}/nginx.conf`, '-g',
    'daemon off;'], { stdio: 'ignore', env: environment() });
  const over = once(child, 'exit');
  const inner = `http://127.0.0.1:${inside}`;
  rig.errorLogs.push(`${dir}/error.log`);
  const ready = await until(() => fetch(`${inner}/lt/health/live`)
    .then(({ ok }) => ok, () => false));
  if (!ready) {
    throw new Error(`nginx: ${fs.readFileSync(`${dir}/start.log`, 'utf8')}`);
  }
  return { dir, inner, results: `${inner}/lt/results`,
    urls: { base: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/ws` },
    logs: () => ['error.log', 'lt-access.log', 'start.log'].map((name) =>
      fs.readFileSync(`${dir}/${name}`, 'utf8')).join('\n'),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await over;
    } };
}
