/* From what lt_console answers to what a person wants to know.  Pure: no
   page, no clock.  Counters only grow, so a minute is one answer minus another. */

const BYTES_PER_SECOND = 32_000;

export const LATE_S = 7;        /* what LtLate of config/prometheus/ says */
export const SOON_S = 5;

/* Lists come as {} from Redis when they are empty. */
const list = (value) => (Array.isArray(value) ? value : []);

/* A worker's beat may stop: its figures are gone after 10 s. */
export const workersOf = (data) => list(data.state?.workers);
const liveOf = (data) => workersOf(data).filter(({ figures }) => figures);

/* The sum of one figure over all workers. */
export const sum = (data, group, name) => liveOf(data).reduce(
  (total, { figures }) => total + (figures[group]?.[name] ?? 0), 0);

export function talksOf(data) {
  return list(data.state?.talks).map((talk) => ({ ...talk,
    ears: Object.values(talk.languages).reduce((a, b) => a + b, 0),
    languages: Object.entries(talk.languages).sort(([a], [b]) =>
      (a < b ? -1 : 1)).map(([code, listeners]) => {
      const last = talk.last?.[code];
      return { code, listeners, segment: last?.segment,
        kind: last?.kind, ago: last?.at && (data.now - last.at) / 1000,
        late: last?.captured && (last.at - last.captured) / 1000 };
    }) }));
}

/* What a speaker is doing, in a word. */
export function stateOf(talk) {
  if (talk.status !== 'active') {
    return talk.status;
  }
  return talk.paused ? 'paused' : talk.speaker ? 'on air' : 'speaker gone';
}

/* Bucket counts of all workers together; since: an answer before, or none. */
function histogram(data, since, pick) {
  const counts = [];
  const add = (answer, sign) => liveOf(answer).forEach(({ id, figures }) => {
    const known = sign > 0 || liveOf(data).some((one) => one.id === id);
    list(known && pick(figures)?.buckets).forEach((n, i) => {
      counts[i] = (counts[i] ?? 0) + sign * n;
    });
  });
  add(data, 1);
  if (since) {
    add(since, -1);
  }
  return counts;
}

/* Seconds below which that part of them is, as Prometheus reckons it; null:
   there are none. */
export function quantile(part, counts, boundsMs) {
  const total = counts.reduce((a, b) => a + b, 0);
  let below = 0;
  if (total <= 0) {
    return null;
  }
  for (const [i, n] of counts.entries()) {
    if (n > 0 && below + n >= part * total) {
      const low = i > 0 ? boundsMs[i - 1] : 0;
      const high = boundsMs[i] ?? low;
      return (low + (high - low) * (part * total - below) / n) / 1000;
    }
    below += n;
  }
  return boundsMs.at(-1) / 1000;
}

const bounds = (data) => liveOf(data)[0]?.figures.bucket_bounds_ms ?? [];

export function languagesOf(data) {
  return [...new Set(liveOf(data).flatMap(({ figures }) =>
    Object.keys(figures.languages ?? {})))].sort();
}

/* p90 of what was heard since then, in one language or all. */
export function heard(data, since, language) {
  const codes = language ? [language] : languagesOf(data);
  const counts = codes.map((code) => histogram(data, since,
    (figures) => figures.languages?.[code]?.heard_ms));
  const all = bounds(data).concat(0).map((_, i) => counts.reduce(
    (total, one) => total + (one[i] ?? 0), 0));
  return quantile(0.9, all, bounds(data));
}

const STAGES = [['record_age_ms', 'into and out of Kinesis'],
  ['batch_wait_ms', 'batch'], ['transcribe_ms', 'transcript'],
  ['translate_ms', 'translation'], ['polly_ms', 'voice'],
  ['store_ms', 'store'], ['publish_ms', 'to nginx']];

/* Mean seconds of each stage since then. */
export function stages(data, since) {
  const total = (answer, name, part) => liveOf(answer).reduce((all,
    { figures }) => all + (figures.histograms?.[name]?.[part] ?? 0), 0);
  return STAGES.map(([name, text]) => {
    const n = total(data, name, 'count') - (since ? total(since, name, 'count') : 0);
    const ms = total(data, name, 'sum_ms') - (since ? total(since, name, 'sum_ms') : 0);
    return { text, seconds: n > 0 && ms >= 0 ? ms / n / 1000 : 0 };
  });
}

/* ---- what is lost: by reason, in seconds of speech or in pieces */

/* Captions that were asked for, or whose words are spoken in another clip. */
const MEANT = ['segments_unasked', 'segments_voiceless', 'segments_merged'];

const counter = (name) => (data) => sum(data, 'counters', name);
export const voicesLost = (data) => Math.max(0, MEANT.reduce(
  (n, name) => n - sum(data, 'counters', name), sum(data, 'counters',
    'segments_captioned')));

const DROPS = [[/^audio_dropped_(?!replaced)(\w+)_bytes$/, 's', 'audio, nginx: '],
  [/^messages_dropped_?(\w*)$/, 'n', 'messages to slow listeners: '],
  [/^(sockets_too_slow)$/, 'n', 'listeners closed: '],
  [/^(segments_missed)$/, 'n', 'segments missed after a return: '],
  [/^(publishes_dropped)$/, 'n', 'messages to other hosts: ']];
const LOSSES = [
  ['audio, missing at the worker', 's', counter('pcm_bytes_gap')],
  ['audio, not taken by Transcribe', 's', counter('pcm_bytes_overflow')],
  ['records of Kinesis', 'n', counter('records_lost')],
  ['segments without a voice', 'n', voicesLost],
  ['segments not delivered', 'n', counter('segments_failed')],
  ['results that waited too long', 'n', counter('results_dropped')]];

/* Seconds of speech.  What an nginx drops the workers miss, too. */
export function audioLost(losses) {
  const seconds = (pattern) => losses.filter(({ text }) => pattern.test(text))
    .reduce((all, { total }) => all + total, 0);
  return Math.max(seconds(/^audio, nginx/), seconds(/^audio, missing/))
    + seconds(/^audio, not taken/);
}

export function lossesOf(data, since) {
  const rows = [];
  const add = (text, unit, now, before) => rows.push({ text, unit,
    total: unit === 's' ? now / BYTES_PER_SECOND : now,
    recent: Math.max(0, now - before) / (unit === 's' ? BYTES_PER_SECOND : 1) });
  for (const [name, value] of Object.entries(data.nginx.counters)) {
    for (const [pattern, unit, text] of DROPS) {
      const reason = pattern.exec(name)?.[1];
      if (reason !== undefined) {
        add(text + reason.replaceAll('_', ' '), unit, value,
          since?.nginx.counters[name] ?? value);
      }
    }
  }
  for (const [text, unit, figure] of LOSSES) {
    add(text, unit, figure(data), figure(since ?? data));
  }
  return rows.filter(({ total }) => total > 0);
}

/* ---- what it costs: dollars by service */

const COST = /^cost_(\w+)_microdollars$/;

export function costOf(data) {
  const total = {};
  for (const { figures } of liveOf(data)) {
    for (const [name, value] of [...Object.entries(figures.counters),
      ...Object.entries(figures.gauges)]) {
      const service = COST.exec(name)?.[1];
      if (service) {
        total[service] = (total[service] ?? 0) + value / 1e6;
      }
    }
  }
  return Object.entries(total).map(([service, dollars]) => ({ service, dollars }));
}
