/* What suites need of Prometheus: its text format, and promtool when it is
   there. */
import { execFileSync, spawnSync } from 'node:child_process';

/* Name with its labels, as written -> value. */
export function parse(text) {
  return Object.fromEntries(text.split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

export const labelsOf = (text) => [...new Set([...text.matchAll(
  /[{,](\w+)="/g)].map(([, label]) => label))].sort();

export const hasPromtool = (() => {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/* What promtool says to input; '' = nothing to complain of. */
export function promtool(args, input) {
  const { status, stdout, stderr } = spawnSync('promtool', args,
    { input, encoding: 'utf8' });

  return status === 0 ? '' : `${status}: ${stdout}${stderr}`;
}
