/* The dashboard of config/aws/ as a page: where each widget stands, its name,
   what it asks for.  There are no values here: CloudWatch has them. */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../local/stack.mjs';
import { escape } from './plot.mjs';

const [WIDTH, CELL] = [1400, 24];
const STYLE = `body { margin: 0; background: #f2f3f3; color: #16191f;
    font: 13px "Amazon Ember", "Liberation Sans", sans-serif; }
  main { position: relative; margin: 12px; }
  section { position: absolute; box-sizing: border-box; overflow: hidden;
    background: #fff; border: 1px solid #d5dbdb; padding: 8px 12px; }
  h2 { font-size: 14px; margin: 0 0 6px; } li { line-height: 18px; }
  ul { margin: 0; padding: 0; list-style: none; } small { color: #687078; }`;

const template = () => fs.readFileSync(
  path.join(ROOT, 'config/aws/live-translation.yaml'), 'utf8');

function widgets() {
  const [, body] = /DashboardBody: !Sub \|\n((?: {8}.*\n)+)/.exec(template());
  return JSON.parse(body.replace(/\$\{IteratorAgeMs\}/g, '10000')).widgets;
}

/* A line for each metric; "." is what the one before has there. */
function lines({ metrics = [], stat, alarms = [] }) {
  let before = [];
  return [...alarms, ...metrics.map((row) => {
    const options = typeof row.at(-1) === 'object' ? row.at(-1) : {};
    if (options.expression) {
      return `${options.label ?? ''} ${options.expression}`;
    }
    before = row.filter((word) => typeof word === 'string')
      .map((word, i) => word === '.' ? before[i] : word);
    return `${options.label ?? ''} ${before.join(' ')}, ${options.stat ?? stat}`;
  })];
}

export function cloudwatchPage() {
  const list = widgets();
  const cell = WIDTH / 24;
  const tall = Math.max(...list.map(({ y, height }) => y + height)) * CELL;
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><main
    style="width:${WIDTH}px;height:${tall}px">${list.map((one) => `<section
    style="left:${one.x * cell}px;top:${one.y * CELL}px;width:${
    one.width * cell - 8}px;height:${one.height * CELL - 8}px"><h2>${
    escape(one.properties.title ?? '')}</h2>${
    escape(one.properties.markdown ?? '').replace(/^## (.*)$/m, '<h2>$1</h2>')
  }<ul>${
    lines(one.properties).map((line) => `<li><small>${escape(line)}</small></li>`)
      .join('')}</ul></section>`).join('')}</main>`;
}
export const CLOUDWATCH_WIDTH = WIDTH + 24;
