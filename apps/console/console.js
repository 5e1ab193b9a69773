/* Asks lt_console each second and shows it.  Reads only. */
import { bar, chart, el, key, number, stack, table } from './draw.js';
import { audioLost, costOf, heard, languagesOf, LATE_S, lossesOf, SOON_S,
  stages, stateOf, sum, talksOf, voicesLost, workersOf } from './figures.js';

const EVERY_MS = 1000;
const MINUTE = 60;
const KEPT = 300;               /* answers: five minutes */

const answers = [];
const lines = new Map();        /* language -> p90 by second */
let failedSince = null;

const $ = (id) => document.getElementById(id);
const put = (id, ...children) => $(id).replaceChildren(...children);
const seconds = (value) => (value === null || value === undefined ? '–'
  : `${value.toFixed(1)} s`);
const kindOf = (late) => (late === null || late === undefined ? ''
  : late > LATE_S ? 'bad' : late > SOON_S ? 'warm' : 'good');
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;
const dollars = (value) => `$${value.toFixed(value > 0 && value < 1 ? 4 : 2)}`;
const none = (text) => el('p', { class: 'none' }, text);

const aMinuteAgo = () => answers.at(-1 - MINUTE) ?? answers[0];

function age(ms) {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/* ---- at a glance */

function tile(value, text, kind = '') {
  return el('div', { class: `tile ${kind}` }, el('b', {}, value),
    el('span', {}, text));
}

function showTiles(data, since) {
  const late = heard(data, since) ?? heard(data);
  const losses = lossesOf(data, since);
  const audio = audioLost(losses);
  const cost = costOf(data).reduce((total, one) => total + one.dollars, 0);
  const { gauges } = data.nginx;

  put('tiles',
    tile(talksOf(data).filter(({ status }) => status === 'active').length,
      'talks'),
    tile(gauges.sockets_speaker, 'speakers connected'),
    tile(gauges.sockets_listener, 'listeners connected'),
    tile(seconds(late), 'heard after, p90', kindOf(late)),
    tile(`${audio.toFixed(1)} s`, 'audio lost', audio > 0 ? 'bad' : 'good'),
    tile(voicesLost(data) + sum(data, 'counters', 'segments_failed'),
      'segments without a voice',
    losses.some(({ recent, unit }) => unit === 'n' && recent > 0) ? 'warm' : ''),
    tile(dollars(cost), 'spent'));
}

/* ---- talks */

function talkRows(talk, now) {
  const first = [el('span', { class: 'id' }, talk.id), el('span',
    { class: talk.speaker && !talk.paused ? 'good' : 'warm' },
    `${stateOf(talk)}, ${talk.source}`), age(now - talk.created)];
  const rows = talk.languages.map(({ code, listeners, segment, late, ago, kind }) => [
    code, number(listeners), number(segment ?? '–'),
    bar((late ?? 0) / LATE_S / 1.5, kindOf(late), `${code}: ${seconds(late)} late`),
    number(el('span', { class: kindOf(late) },
      kind === 'caption' ? 'no voice' : seconds(late))),
    number(ago === undefined ? '–' : `${Math.round(ago)} s ago`)]);
  return (rows.length > 0 ? rows : [[el('span', { class: 'none' },
    'nobody listens'), number(0), '', '', '', '']])
    .map((row, i) => [...(i === 0 ? first : ['', '', '']), ...row]);
}

function showTalks(data) {
  const talks = talksOf(data).filter(({ status }) => status !== 'ended')
    .sort((a, b) => b.ears - a.ears || (a.id < b.id ? -1 : 1));
  if (data.state === null) {
    put('talks', none('Redis does not answer: talks cannot be seen.'));
  } else if (talks.length === 0) {
    put('talks', none('No talk at the moment.'));
  } else {
    put('talks', table(['talk', 'speaker', 'since', 'language', ['listeners'],
      ['segment'], 'late', [''], ['last one']],
    talks.flatMap((talk) => talkRows(talk, data.now))));
    if (data.state.more_talks > 0) {
      $('talks').append(none(`and ${data.state.more_talks} more`));
    }
  }
}

/* ---- how late */

function showLate(data, since) {
  for (const language of languagesOf(data)) {
    if (!lines.has(language)) {
      lines.set(language, Array(answers.length - 1).fill(null));
    }
  }
  for (const [language, values] of lines) {
    values.push(heard(data, since, language));
    values.splice(0, values.length - KEPT);
  }
  const shown = [...lines].map(([name, values]) => ({ name, values }));
  put('late', chart(shown, { seconds: KEPT, limit: LATE_S,
    label: 'Seconds until heard, by language, of the last five minutes' }),
  key(shown.map(({ name, values }) => `${name} ${seconds(values.at(-1))}`)));

  const parts = stages(data, since === data ? null : since);
  put('stages', stack(parts, 'Where the time goes'),
    key(parts.map((part) => `${part.text} ${part.seconds.toFixed(2)} s`)));
}

/* ---- losses, workers, costs */

function showLost(data, since) {
  const losses = lossesOf(data, since);
  const value = (n, unit) => (unit === 's' ? `${n.toFixed(1)} s` : `${n}`);
  put('lost', losses.length === 0
    ? el('p', { class: 'none good' }, 'Nothing, since nginx and workers began.')
    : table(['what', ['last minute'], ['since they began']],
      losses.map(({ text, unit, recent, total }) => [text,
        number(el('span', { class: recent > 0 ? 'bad' : '' },
          value(recent, unit))), number(value(total, unit))])));
}

function showWorkers(data) {
  const workers = workersOf(data);
  const unread = Math.max(0, ...workers.map(({ figures }) =>
    figures?.gauges.shards_unread ?? 0));
  put('workers', workers.length === 0
    ? el('p', { class: 'none bad' }, 'No worker: nothing is translated.')
    : table(['worker', 'shards', ['talks'], ['streams'], ['behind'], ['held']],
      workers.map(({ id, figures }) => (figures ? [
        el('span', { class: 'id' }, id.slice(0, 8)),
        '● '.repeat(Math.min(figures.gauges.shards_owned, 24)) || '–',
        number(figures.gauges.sessions_live),
        number(figures.gauges.streams_live),
        number(el('span', { class: kindOf(figures.gauges.kinesis_behind_ms / 1000) },
          seconds(figures.gauges.kinesis_behind_ms / 1000))),
        number(`${Math.round(figures.gauges.batch_bytes_held / 1024)} KiB`)]
        : [el('span', { class: 'id bad' }, id.slice(0, 8)),
          el('span', { class: 'bad' }, 'says nothing'), '', '', '', '']))));
  if (unread > 0) {
    $('workers').append(el('p', { class: 'bad' },
      `${plural(unread, 'shard is', 'shards are')} read by nobody.`));
  }
}

function showCost(data) {
  const costs = costOf(data).sort((a, b) => b.dollars - a.dollars);
  const most = Math.max(...costs.map((one) => one.dollars), 1e-9);
  const characters = sum(data, 'counters', 'characters_translated');
  const voiced = sum(data, 'counters', 'characters_voiced');
  const minutes = sum(data, 'counters', 'pcm_bytes_fed') / 32_000 / 60;
  put('cost', costs.length === 0 ? none('Workers have no price list.')
    : table(['service', '', ['spent']], costs.map(({ service, dollars: spent }) => [
      service, bar(spent / most, '', `${service}: ${dollars(spent)}`),
      number(dollars(spent))])),
  el('p', { class: 'soft' }, `Since the workers began, by list prices: ${
    minutes.toFixed(1)} minutes transcribed, ${characters} characters translated, ${
    voiced} spoken.`));
}

/* ---- each second */

function show(data) {
  answers.push(data);
  answers.splice(0, answers.length - KEPT);
  const since = aMinuteAgo();
  showTiles(data, since === data ? null : since);
  showTalks(data);
  showLate(data, since === data ? null : since);
  showLost(data, since);
  showWorkers(data);
  showCost(data);
}

function tell(text, isBad) {
  if ($('news').textContent !== text) {
    $('news').textContent = text;
  }
  $('news').classList.toggle('is-bad', isBad);
}

async function tick() {
  try {
    const answer = await fetch('data', { cache: 'no-store',
      signal: AbortSignal.timeout(5000) });
    if (!answer.ok) {
      throw new Error(`nginx answers ${answer.status}`);
    }
    const data = await answer.json();
    failedSince = null;
    show(data);
    tell(data.state === null ? 'Redis does not answer'
      : `${plural(data.nginx.gauges.processes, 'nginx process', 'nginx processes')} of this host, ${
        plural(workersOf(data).length, 'worker', 'workers')}`,
    data.state === null);
  } catch (error) {
    failedSince ??= Date.now();
    tell(`No figures for ${Math.round((Date.now() - failedSince) / 1000)} s: ${
      error.message}`, true);
  }
  setTimeout(tick, EVERY_MS);
}

tick();
