/* Elements and drawings.  Text is always text: nothing that came over the wire
   is read as HTML. */

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export const el = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

export const colour = (i) => `c${i % 7}`;

export function table(heads, rows) {
  return el('table', {}, el('thead', {}, el('tr', {}, ...heads.map(
    (head) => el('th', { scope: 'col', class: typeof head === 'string' ? ''
      : 'number' }, typeof head === 'string' ? head : head[0])))),
  el('tbody', {}, ...rows.map((cells) => el('tr', {}, ...cells.map(
    (cell) => (cell instanceof HTMLElement && cell.tagName === 'TD' ? cell
      : el('td', {}, cell)))))));
}

export const number = (text) => el('td', { class: 'number' }, text);

/* A bar of part, 0 to 1. */
export function bar(part, kind, label) {
  const fillPart = el('i');
  fillPart.style.width = `${part > 0 ? Math.max(2, Math.min(1, part) * 100) : 0}%`;
  return el('meter-bar', { class: kind, role: 'img', 'aria-label': label },
    fillPart);
}

export function key(names) {
  return el('div', { class: 'key' }, ...names.map((name, i) =>
    el('span', {}, svg('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' },
      svg('circle', { cx: 5, cy: 5, r: 4, class: colour(i) })), name)));
}

/* lines: [{ name, values }]: a value each second or null, newest last;
   limit: a line across. */
export function chart(lines, { seconds, limit, label }) {
  const [width, height, left, bottom] = [600, 160, 34, 18];
  const top = Math.max(limit * 1.2, ...lines.flatMap(({ values }) =>
    values.filter((value) => value !== null)));
  const x = (i) => left + (width - left) * i / (seconds - 1);
  const y = (value) => (height - bottom) * (1 - value / top) + 4;
  const grid = [0, limit / 2, limit].map((value) => svg('g', {},
    svg('line', { x1: left, x2: width, y1: y(value), y2: y(value),
      class: value === limit ? 'limit' : 'grid' }),
    svg('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' },
      `${value} s`)));
  const drawn = lines.map(({ values }, i) => svg('path', {
    class: `line ${colour(i)}`, d: pathOf(values, seconds, x, y) }));
  return svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': label }, ...grid, ...drawn,
  svg('text', { x: left, y: height }, `${seconds / 60} min ago`),
  svg('text', { x: width, y: height, 'text-anchor': 'end' }, 'now'));
}

function pathOf(values, seconds, x, y) {
  let isDown = false;
  return values.slice(-seconds).map((value, i, shown) => {
    if (value === null) {
      isDown = false;
      return '';
    }
    const step = `${isDown ? 'L' : 'M'}${
      x(seconds - shown.length + i).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
    return step;
  }).join('');
}

/* One bar of several parts: [{ text, seconds }]. */
export function stack(parts, label) {
  const total = parts.reduce((all, { seconds }) => all + seconds, 0) || 1;
  let at = 0;
  return svg('svg', { viewBox: '0 0 600 20', role: 'img', 'aria-label': label,
    preserveAspectRatio: 'none', class: 'stack' },
  ...parts.map(({ seconds }, i) => {
    const width = 600 * seconds / total;
    at += width;
    return svg('rect', { x: at - width, y: 0, height: 20, class: colour(i),
      'stroke-width': 0, width: Math.max(0, width - 1) });
  }));
}
