/* One talk in three languages, one that nobody hears, one of raw records:
   what listeners get, in which order, and what it costs. */
import { strangeness } from '../e2e/documents.mjs';
import { is, ok, plan, run } from '../e2e/tap.mjs';
import { clip, decodedSeconds, FINISH_CHECKS, getCalls, isCounting, numbers,
  sleep, textOf, until, withRig, wordErrorRate } from './harness.mjs';

const STAGES = ['captured', 'arrived', 'batched', 'transcribed', 'translated',
  'voiced', 'stored'];

plan(25 + FINISH_CHECKS);

const isRising = (list) => list.every((n, i) => i === 0 || n >= list[i - 1]);

async function clipsOf(segments) {
  return Promise.all(segments.map(async ({ url, duration }) => {
    const answer = await fetch(url);
    const seconds = decodedSeconds(Buffer.from(await answer.arrayBuffer()));
    return { type: answer.headers.get('content-type'), seconds,
      isAsLongAsSaid: Math.abs(seconds - duration) < 0.15 };
  }));
}

function checkTiming(segments, began, ended) {
  const times = segments.map(({ timing }) => STAGES.map((s) => timing[s]));

  is(times.flat().filter((ms) => !Number.isInteger(ms)), [],
    'each segment has the time of each stage');
  ok(times.every(isRising), 'no stage ends before the one before it', times);
  ok(isRising(times.map(([captured]) => captured)),
    'each segment was said after the one before', times);
  ok(times.every(([captured]) => captured > began && captured < ended),
    'they were said while the speaker spoke', { times, began, ended });
}

async function heardTalk(rig, pcm, text) {
  const talk = await rig.talk(['en', 'es', 'pt']);
  const began = Date.now();

  await talk.speak(pcm, { isLast: true, again: true });
  const ended = Date.now();
  const drained = await talk.whenDrained();
  const [en, es, pt] = ['en', 'es', 'pt'].map((code) => talk.heard(code));
  const speaker = rig.results.speaker(talk.id);
  const clips = await clipsOf([...en, ...es, ...pt]);

  ok(en.length >= 3, 'the talk was told in segments', en.length);
  ok(isCounting(numbers(es)), 'they are numbered from 1', numbers(es));
  is([numbers(en), numbers(pt)], [numbers(es), numbers(es)],
    'all languages get each once and in order');
  is(numbers(speaker), numbers(es), 'the speaker gets captions of the same');
  is(textOf(speaker), textOf(es), 'with the words that were understood');
  is(rig.results.posts.filter(({ session, language, to, event }) =>
    session === talk.id && !['en', 'es', 'pt'].includes(language)
    && to !== 'speaker' && event !== 'drained'), [],
  'no other language, nothing else');
  is(rig.results.posts.filter(({ session, event }) => session === talk.id
    && event !== 'drained').map(({ to, message }) =>
    strangeness(to ?? 'listener', message)).filter(Boolean), [],
  'each message is what docs/protocol says of it');
  is(en.filter((s) => s.transcript !== s.sourceTranscript), [],
    'English hears the words as they were said');
  is(es.filter((s) => s.transcript === s.sourceTranscript), [],
    'Spanish hears others');
  is(clips.filter(({ type, seconds, isAsLongAsSaid }) =>
    type !== 'audio/mpeg' || seconds < 0.1 || !isAsLongAsSaid), [],
  'each clip is an MP3 that can be decoded and is as long as said');
  checkTiming(es, began, ended);
  ok(wordErrorRate(text, textOf(en)) < 0.45,
    'these are the words that were spoken', textOf(en));
  ok(drained && drained.at >= Math.max(...pt.map(({ at }) => at)),
    'after the last one nginx is told that the talk is drained');
  ok(drained.play_ms >= 0 && drained.play_ms < 120_000,
    'and how long it plays', drained);
  const repeated = await talk.repeat();
  return { es, repeated, translated: es.length + pt.length,
    voiced: en.length + es.length + pt.length };
}

async function unheardTalk(rig, pcm) {
  const talk = await rig.talk([]);

  await talk.speak(pcm.subarray(0, 64_000), { isLast: true });
  await talk.whenDrained();
  return talk;
}

async function rawTalk(rig, pcm, text) {
  const talk = await rig.talk(['es'], { isRaw: true });

  await talk.speak(pcm);
  await sleep(500);
  await talk.end();
  ok(await talk.whenDrained(), 'a talk that Redis calls ended is drained');
  ok(isCounting(numbers(talk.heard('es')))
    && wordErrorRate(text, textOf(talk.heard('es'))) < 0.6,
  'raw records are understood too', textOf(talk.heard('es')));
  return talk.heard('es').length;
}

await run(() => withRig({}, async (rig) => {
  const [first, second, third] = await Promise.all(
    ['0890', '0920', '0930'].map(clip));
  const both = Buffer.concat([first.pcm, Buffer.alloc(24_000), second.pcm]);
  const [heard, unheard, raw] = await Promise.all([
    heardTalk(rig, both, `${first.text} ${second.text}`),
    unheardTalk(rig, both), rawTalk(rig, third.pcm, third.text)]);
  const twice = both.length + heard.repeated;
  const counters = await until(async () => {
    const now = (await rig.workers[0].figures()).counters;
    return now.pcm_bytes_duplicate >= twice && now;
  }) ?? (await rig.workers[0].figures()).counters;
  const calls = await getCalls(rig.aws);

  is(calls.transcribe.StartStreamTranscription, 2,
    'Transcribe hears talks with listeners only, each in one stream');
  is([calls.translate.TranslateText, calls.polly.SynthesizeSpeech,
    calls.s3.PutObject], [heard.translated + raw, heard.voiced + raw,
    heard.voiced + raw], 'nothing is translated, spoken or stored twice');
  is(counters.pcm_bytes_no_listener, unheard.bytes,
    'audio that nobody hears is counted');
  is(counters.pcm_bytes_duplicate, twice,
    'records that came twice are heard once, even after the end');
  is([counters.pcm_bytes_gap, counters.pcm_bytes_overflow,
    counters.segments_failed], [0, 0, 0], 'nothing was lost');
  ok(await until(() => rig.redis.do('HGET', 'lt:shard:lt-audio:'
    + 'shardId-000000000000', 'checkpoint')), 'a checkpoint is kept');
}));
