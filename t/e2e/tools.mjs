/* What the browser tests share. The npm packages are those of local/. */
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export { until } from '../lib/until.mjs';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(path.join(ROOT, 'local/package.json'));

export const { WebSocketServer } = require('ws');
const { chromium } = require('playwright-core');

export const OUT = path.resolve(process.env.OUT
  ?? path.join(process.env.BUILD ?? path.join(ROOT, 'build'), 'e2e'));
fs.mkdirSync(OUT, { recursive: true });

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--autoplay-policy=no-user-gesture-required',
];

/* wav: what the fake microphone hears, once; null: a microphone that beeps. */
export function launch({ wav = null, microphone = true } = {}) {
  const fake = microphone ? ['--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream'] : [];
  const file = wav ? [`--use-file-for-fake-audio-capture=${wav}%noloop`] : [];

  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, ...fake, ...file],
  });
}

export const DESKTOP = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };

/* A page of its own context that remembers what went wrong in it, every lt:…
   event that it dispatched, and the texts on its sockets.  init runs in it
   before its own scripts. */
export async function openPage(browser, url, { init = () => {}, ...options }
  = {}) {
  const context = await browser.newContext({ viewport: DESKTOP,
    permissions: ['microphone', 'clipboard-read', 'clipboard-write'],
    locale: 'en-GB', ...options });
  const page = await context.newPage();
  const troubles = [];
  const wires = [];

  page.on('websocket', (socket) => {
    const wire = { url: socket.url(), sent: [], heard: [] };
    const keep = (list) => ({ payload }) => typeof payload === 'string' && list.push(payload);

    wires.push(wire);
    socket.on('framesent', keep(wire.sent));
    socket.on('framereceived', keep(wire.heard));
  });
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('console', (message) => message.type() === 'error'
    && troubles.push(message.text()));
  page.on('dialog', (dialog) => dialog.accept());
  await page.addInitScript(init);
  await page.addInitScript(() => {
    window.seen = [];
    const dispatch = document.dispatchEvent;
    document.dispatchEvent = function (event) {
      if (event.type.startsWith('lt:')) {
        window.seen.push({ type: event.type.slice(3), at: Date.now(),
          ...event.detail });
      }
      return dispatch.call(this, event);
    };
  });
  await page.goto(url);
  page.troubles = troubles;
  page.wires = wires;
  page.seen = (type) => page.evaluate(
    (wanted) => window.seen.filter((one) => one.type === wanted), type);
  return page;
}

export async function shoot(page, name, size = DESKTOP) {
  await page.setViewportSize(size);
  await page.waitForTimeout(350);
  await page.screenshot({ path: path.join(OUT, `${name}.png`) });
}

/* In the order of starting, each begins when the one before has ended. */
export function overlaps(segments) {
  return segments.filter((one, i) => i > 0 && one.startTime
    < segments[i - 1].startTime + segments[i - 1].duration - 0.002);
}

export function ascending(numbers) {
  return numbers.every((n, i) => i === 0 || n > numbers[i - 1]);
}
