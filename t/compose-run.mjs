// docker/compose.yaml by podman alone: compose-run.mjs PROJECT up|down
// For podman-compose older than 1.1, which knows no "network_mode: service:…". Understands what that file uses, and
// nothing else.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { parse } = createRequire(new URL('../local/package.json', import.meta.url))('yaml');
const WAIT_MS = 90_000;
const KNOWN = ['build', 'image', 'command', 'ports', 'volumes', 'read_only', 'tmpfs', 'cap_drop', 'security_opt',
  'network_mode', 'depends_on', 'healthcheck', 'stop_grace_period'];

const [project, what] = process.argv.slice(2);
const { services, volumes } = parse(fs.readFileSync(new URL('../docker/compose.yaml', import.meta.url), 'utf8'));
const podman = (words, stdio = 'ignore') => spawnSync('podman', words, { stdio }).status;
const container = (name) => `${project}-${name}`;

function fail(name, text) {
  podman(['logs', container(name)], 'inherit');
  console.error(`${name} ${text}`);
  process.exit(1);
}

async function whenHealthy(name) {
  for (const end = Date.now() + WAIT_MS; podman(['healthcheck', 'run', container(name)]) !== 0;) {
    if (Date.now() > end) {
      fail(name, `is not healthy after ${WAIT_MS / 1000} s`);
    }
    await sleep(500);
  }
}

async function run(name, service) {
  const strange = Object.keys(service).filter((key) => !KNOWN.includes(key));
  if (strange.length > 0) {
    fail(name, `has what is new here: ${strange}: adapt t/compose-run.mjs`);
  }
  for (const other of Object.keys(service.depends_on ?? {})) {
    await whenHealthy(other);
  }
  const all = (option, values = []) => values.flatMap((value) => [option, value]);
  const words = ['run', '-d', '--name', container(name), ...all('-p', service.ports), ...all('--tmpfs', service.tmpfs),
    ...all('--cap-drop', service.cap_drop), ...all('--security-opt', service.security_opt),
    ...all('-v', service.volumes?.map((volume) => `${project}-${volume}`)),
    ...(service.read_only ? ['--read-only'] : []),
    ...all('--network', service.network_mode && [service.network_mode.replace('service:', `container:${project}-`)]),
    ...all('--health-cmd', service.healthcheck && [service.healthcheck.test.slice(1).join(' ')]),
    service.image, ...(service.command ?? [])];
  if (podman(words) !== 0) {
    fail(name, `was not started: podman ${words.join(' ')}`);
  }
}

if (what === 'up') {
  for (const [name, service] of Object.entries(services)) {
    await run(name, service);
  }
  await whenHealthy(Object.keys(services).at(-1));
} else {
  for (const name of Object.keys(services).reverse()) {
    podman(['rm', '-f', '-t', '20', container(name)]);
  }
  podman(['volume', 'rm', '-f', ...Object.keys(volumes).map(container)]);
}
