// Who uses a stack: a speaker and listeners, as the existing apps are.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { BYTES_PER_SECOND } from './talk.mjs';

const CHUNK_BYTES = 8192;                   // what the existing speaker app sends

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] : null;
}

export async function createSession(stack) {
  const answer = await fetch(`${stack.urls.base}/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sourceLanguage: 'en', qualityTier: 'standard' }),
  });
  if (answer.status !== 201) {
    throw new Error(`POST /sessions answered ${answer.status}: ${await answer.text()}`);
  }
  return answer.json();
}

export function connect(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
    socket.once('unexpected-response', (_, answer) => reject(new Error(`${url.split('?')[0]}: HTTP ${answer.statusCode}`)));
  });
}

// A listener as the existing app is one: joins, fetches each clip, notes when it has it.
export async function listen(stack, { sessionId, language, out, show }) {
  const listener = { language, segments: [], captions: [], order: [], pending: [] };
  const socket = await connect(`${stack.urls.ws}?sessionId=${sessionId}&targetLanguage=${language}`);
  listener.socket = socket;
  listener.ended = new Promise((resolve) => { listener.end = resolve; });
  socket.on('close', () => listener.end(false));
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.segment) {
      listener.order.push(message.segment);
    }
    if (message.type === 'translatedAudio') {
      listener.pending.push(fetchClip(listener, message, { out, show }));
    } else if (message.type === 'caption') {
      listener.captions.push({ ...message, heard: Date.now() });
      show(language, `${message.text} (no voice: ${message.reason})`);
    } else if (message.type === 'sessionEnded') {
      listener.end(true);
    }
  });
  socket.send(JSON.stringify({ action: 'joinSession', sessionId, targetLanguage: language }));
  return listener;
}

async function fetchClip(listener, message, { out, show }) {
  const answer = await fetch(message.url);
  const mp3 = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) {
    throw new Error(`clip ${message.segment} (${listener.language}): HTTP ${answer.status}`);
  }
  const file = path.join(out, `${String(message.segment).padStart(3, '0')}-${listener.language}.mp3`);
  fs.writeFileSync(file, mp3);
  const timing = { ...message.timing, heard: Date.now() };
  listener.segments.push({ ...message, timing, file });
  show(listener.language, message.transcript, (timing.heard - timing.captured) / 1000, message);
}

// At real speed, against one clock, so that no delay adds up.
export async function speak(socket, sessionId, pcm, began = Date.now()) {
  for (let at = 0; at + CHUNK_BYTES <= pcm.length; at += CHUNK_BYTES) {
    await sleep(began + ((at + CHUNK_BYTES) / BYTES_PER_SECOND) * 1000 - Date.now());
    socket.send(JSON.stringify({
      action: 'audioChunk', sessionId, audioData: pcm.toString('base64', at, at + CHUNK_BYTES), timestamp: Date.now(),
      format: 'pcm', sampleRate: 16000, channels: 1, encoding: 's16le',
    }));
  }
  return { seconds: (Date.now() - began) / 1000, bytes: Math.floor(pcm.length / CHUNK_BYTES) * CHUNK_BYTES };
}
