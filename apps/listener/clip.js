/* A segment's voice: from an address, or out of the message itself (a data:
   URL), to samples that can be played. */
import { settings } from '../shared/settings.js';

const RETRY_MS = [200, 400];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* An AudioBuffer; throws when there is none to be had. */
export async function loadClip(context, url, signal) {
  const bytes = url.startsWith('data:') ? inlined(url)
    : await download(url, bounded(signal, settings.fetchMs));
  const buffer = await context.decodeAudioData(bytes);

  if (!(buffer.duration > 0)) {
    throw new Error('empty audio');
  }
  return buffer;
}

/* By hand: the page's policy lets it fetch from servers only. */
function inlined(url) {
  const [, base64] = /^data:[^,]*;base64,(.*)$/.exec(url)
    ?? [null, ''];

  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
}

/* The network may fail once or twice; a refusal (expired, gone) stays one. */
async function download(url, signal) {
  for (let n = 0; ; n++) {
    try {
      const response = await fetch(url, { signal });

      if (response.ok) {
        return await response.arrayBuffer();
      }
      if (response.status < 500 || n === RETRY_MS.length) {
        throw new Error(`status ${response.status}`, { cause: 'refused' });
      }
    } catch (error) {
      if (signal.aborted || error.cause === 'refused' || n === RETRY_MS.length) {
        throw error;
      }
    }
    await sleep(RETRY_MS[n]);
  }
}

/* Aborts with `outer`, at the latest after ms. */
function bounded(outer, ms) {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(), ms);

  outer.addEventListener('abort', () => {
    clearTimeout(timer);
    own.abort();
  }, { once: true });
  return own.signal;
}

/* One channel of all. */
export function monoOf(buffer) {
  const mono = buffer.getChannelData(0).slice();

  for (let n = 1; n < buffer.numberOfChannels; n++) {
    buffer.getChannelData(n).forEach((x, i) => { mono[i] += x; });
  }
  return buffer.numberOfChannels === 1 ? mono
    : mono.map((x) => x / buffer.numberOfChannels);
}
