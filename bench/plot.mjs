// Points and their distribution as one SVG, on its own paper.

const COLOURS = ['#0d5757', '#b45f06', '#6b4c9a', '#a8401b'];
const [WIDTH, HEIGHT, LEFT, TOP, PANEL, GAP, TALL] = [1080, 470, 60, 64, 590, 90, 320];

const escape = (text) => text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
const text = (x, y, words, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(words)}</text>`;
const line = (x1, y1, x2, y2, more) => `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${more}/>`;

function axes({ left, width, x, y, xName, yName }) {
    const parts = [];

    for (const [value, at] of y.ticks) {
        parts.push(line(left, at, left + width, at, 'class="grid"'), text(left - 8, at + 4, value, 'text-anchor="end"'));
    }
    for (const [value, at] of x.ticks) {
        parts.push(text(at, TOP + TALL + 20, value, 'text-anchor="middle"'));
    }
    parts.push(line(left, TOP + TALL, left + width, TOP + TALL, 'class="axis"'),
        text(left + width / 2, TOP + TALL + 42, xName, 'text-anchor="middle"'), text(left - 44, TOP - 14, yName));
    return parts;
}

// value → place, and five ticks.
function scale(max, from, to, unit = 1) {
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].find((one) => max / unit / one <= 6) ?? 200;
    const top = Math.ceil(max / unit / step) * step * unit;
    const at = (value) => from + (to - from) * value / top;

    return { at, ticks: Array.from({ length: Math.round(top / unit / step) + 1 },
        (_, i) => [String(Number((i * step).toFixed(1))), at(i * step * unit)]) };
}

// series: [{ name, points: [[s, ms]], p50, p90 }]
export function plot({ title, series }) {
    const longest = Math.max(1, ...series.flatMap(({ points }) => points.map(([s]) => s)));
    const slowest = Math.max(1000, ...series.flatMap(({ points }) => points.map(([, ms]) => ms)));
    const y = scale(slowest, TOP + TALL, TOP, 1000);
    const right = LEFT + PANEL + GAP, narrow = WIDTH - right - 30;
    const x = scale(longest, LEFT, LEFT + PANEL);
    const share = scale(100, TOP + TALL, TOP);
    const late = scale(slowest, right, right + narrow, 1000);
    const parts = [...axes({ left: LEFT, width: PANEL, x, y, xName: 'when it was said, s', yName: 'said to heard, s' }),
        ...axes({ left: right, width: narrow, x: late, y: share, xName: 'said to heard, s', yName: 'heard by then, %' })];

    series.forEach(({ name, points, p50, p90 }, i) => {
        const colour = COLOURS[i % COLOURS.length];
        const sorted = points.map(([, ms]) => ms).sort((a, b) => a - b);
        const steps = sorted.map((ms, n) => `${late.at(ms).toFixed(1)},${share.at(100 * (n + 1) / sorted.length).toFixed(1)}`);

        parts.push(...points.map(([s, ms]) => `<circle cx="${x.at(s).toFixed(1)}" cy="${y.at(ms).toFixed(1)}" r="3.2" fill="${colour}" fill-opacity=".65"/>`),
            line(LEFT, y.at(p50), LEFT + PANEL, y.at(p50), `stroke="${colour}" stroke-width="1.5" stroke-dasharray="7 4"`),
            `<polyline points="${steps.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
            `<rect x="${LEFT + i * 250}" y="${HEIGHT - 18}" width="12" height="12" rx="3" fill="${colour}"/>`,
            text(LEFT + i * 250 + 18, HEIGHT - 8, `${name}: p50 ${(p50 / 1000).toFixed(2)} s, p90 ${(p90 / 1000).toFixed(2)} s`));
    });
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">
<style>svg{background:#fffdf9}text{fill:#17262a}.grid{stroke:#d8cfbf}.axis{stroke:#17262a}</style>
${text(LEFT, 26, title, 'font-size="17" font-weight="600"')}
${parts.join('\n')}
</svg>
`;
}
