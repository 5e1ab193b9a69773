// The stand-ins for AWS in docker/compose.yaml, and the configuration of nginx and the worker beside them, in /run/lt.
// Clips come through nginx: localhost:8080 is the same inside the containers and outside, and so is what is signed.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { renderNginx, renderWorker, ROOT, startAws } from './stack.mjs';

const DIR = '/run/lt';
const PORT = 8080;
const ports = { port: PORT, redisPort: 6379, resultsPort: 8081, statusPort: 9100 };

fs.rmSync(path.join(DIR, 'worker.conf'), { force: true });
const { child, aws } = await startAws(DIR, 1, path.join(ROOT, 'build/local/recognizer'));
fs.writeFileSync(path.join(DIR, 'results-token'), `${randomBytes(24).toString('hex')}\n`, { mode: 0o644 });
renderNginx({
  dir: DIR, aws, nginxProcesses: 2, ...ports,
  places: {
    listen: String(PORT), pid: '/tmp/nginx.pid', tmp: '/tmp', errors: 'stderr', accesses: '/dev/stdout',
    module: '/usr/lib/nginx/modules/ngx_http_lt_module.so', apps: '/usr/share/lt/apps',
  },
  more: {
    http: [],
    locations: [['location = / {', `location /${aws.bucket}/ {
    proxy_pass                  ${aws.s3};
    proxy_set_header            Host $http_host;
}

location = / {`]],
  },
});
// the worker's image has no price list of this tree
const prices = path.join(ROOT, 'config/prices.json');
fs.copyFileSync(prices, path.join(DIR, 'prices.json'));
const file = renderWorker({ dir: DIR, aws: { ...aws, s3: `http://localhost:${PORT}` }, mode: 'window', ...ports });
fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(prices, path.join(DIR, 'prices.json')));
console.log('stand-ins for AWS are ready');

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => child.kill('SIGTERM'));
}
await child.ended;
process.exit(child.status === 'SIGTERM' || child.status === 0 ? 0 : 1);
