/* Talks of numbers for the counting recogniser: what is heard can be compared
   word by word. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { is, note, ok } from '../e2e/tap.mjs';
import { isCounting, numbers } from './harness.mjs';

const BYTES_PER_MS = 32;
const WORD_MS = 400;
const GAP_MS = 100;
const SENTENCE = 10;            // words, then a pause
const PAUSE_MS = 700;
const HASH_KEYS = 1n << 128n;

process.env.RECOGNIZER = fileURLToPath(
  new URL('counting-recognizer', import.meta.url));

const silence = (ms) => Buffer.alloc(ms * BYTES_PER_MS);

/* The numbers 1 to n, two a second. */
export function count(n, first = 1) {
  const parts = [];
  for (let i = first; i < first + n; i++) {
    const word = Buffer.alloc(WORD_MS * BYTES_PER_MS);
    for (let at = 0; at < word.length; at += 2) {
      word.writeInt16LE(i, at);
    }
    parts.push(word, silence(i % SENTENCE === 0 ? PAUSE_MS : GAP_MS));
  }
  return Buffer.concat(parts);
}

/* Which of n equal shards a talk's audio goes to. */
export function shardOf(id, n) {
  const hash = BigInt(`0x${createHash('md5').update(id).digest('hex')}`);
  return Number(hash * BigInt(n) / HASH_KEYS);
}

/* One talk a shard. */
export async function talkPerShard(rig, languages, shards) {
  const talks = [];
  while (talks.filter(Boolean).length < shards) {
    const talk = await rig.talk(languages);
    talks[shardOf(talk.id, shards)] ??= talk;
  }
  return talks;
}

/* A post that was accepted while its sender was killed is sent again, word by
   word the same: who listens knows it by its number. */
function heardOnce(talk, language) {
  const heard = talk.heard(language);
  const isAgain = (one, i) => heard.findIndex((other) =>
    other.segment === one.segment
    && (other.text ?? other.transcript) === (one.text ?? one.transcript)) < i;
  return { segments: heard.filter((one, i) => !isAgain(one, i)),
    again: heard.filter(isAgain).length };
}

/* 2 checks: the ledger of segments, the ledger of words. */
export function checkCount(what, talk, language, n, againMax = 0) {
  const { segments, again } = heardOnce(talk, language);
  const words = segments.flatMap(({ transcript, text }) =>
    (transcript ?? text).match(/\d+/g)?.map(Number) ?? []);
  const gaps = segments.slice(1).map(({ at }, i) => at - segments[i].at);

  note(`${what}: ${segments.length} segments, ${again} again, longest gap ${
    Math.max(...gaps)} ms`);
  ok(isCounting(numbers(segments)) && again <= againMax,
    `${what}: no segment is missing or doubled`, numbers(segments));
  is(words, Array.from({ length: n }, (_, i) => i + 1),
    `${what}: every word is heard once, in order`);
}
