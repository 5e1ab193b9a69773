/* The speaker's page: set up, on air, afterwards. Wires the parts together. */
import { awake } from '../shared/awake.js';
import { diagnoseSession } from '../shared/session.js';
import { qrEncode, qrPath } from '../shared/qr.js';
import { englishName, nativeName, preferredLanguage, spokenLanguages }
  from '../shared/languages.js';
import { RunningText } from '../shared/running-text.js';
import { Broadcast } from './broadcast.js';
import { CaptureError } from './capture.js';
import { forgetTalk, keptTalk } from './kept.js';
import { Meter } from './meter.js';
import { endings, fill, links, notices, startFailures } from './words.js';

const MAX_CAPTIONS = 200;
const SILENT_MS = 8_000;
const SILENT_PEAK = 0.004;
const SERVER_NOTICE_MS = 12_000;
const KINDS = { 'slow': 'way', 'away': 'way', 'behind': 'way',
  'caught-up': 'way', 'resumed': 'interrupted' };

const $ = (id) => document.getElementById(id);
const meter = new Meter($('wave'), $('level'));
const understood = new RunningText($('captions'),
  { maxSegments: MAX_CAPTIONS });

const show = {
  talk: null, startedAt: 0, heardAt: 0, hotAt: 0,
  most: 0, languages: new Set(), clock: 0,
};

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(`lt:${name}`, { detail }));
}

function setState(state) {
  document.body.dataset.state = state;
  $('setup').hidden = state !== 'setup';
  $('live').hidden = state !== 'live';
  $('over').hidden = state !== 'over';
  $('link').hidden = state !== 'live';
  tell('state', { state });
}

/* ---- Before ---- */

function drawLanguages() {
  const chosen = preferredLanguage('en');

  for (const code of spokenLanguages()) {
    $('language').append(new Option(
      code === 'en' ? 'English' : `${nativeName(code)} (${englishName(code)})`,
      code, false, code === chosen));
  }
}

/* Their names are known only once the microphone was allowed. */
async function drawMicrophones() {
  const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
  const named = devices.filter(({ kind, label, deviceId }) =>
    kind === 'audioinput' && label && deviceId !== 'default');
  const chosen = $('microphone').value;

  $('microphone').length = 1;
  named.forEach(({ label, deviceId }) => $('microphone').append(
    new Option(label, deviceId, false, deviceId === chosen)));
}

function refuseStart(error) {
  const key = error instanceof CaptureError && error.code === 'busy'
    ? 'busy-microphone' : error.code;
  const [what, todo] = startFailures[key] ?? startFailures.broken;
  const [first, second] = $('start-error').children;

  first.textContent = what;
  second.textContent = fill(todo, { text: error.text });
  $('start-error').hidden = false;
  tell('refused', { code: key });
}

/* After a reload: the talk of this tab, if the server still has it. */
async function offerKept() {
  const kept = keptTalk();

  $('kept').hidden = true;
  if (kept === null) {
    return;
  }
  if (await diagnoseSession(kept.sessionId) !== null) {
    forgetTalk();
    return;
  }
  $('kept-id').textContent = kept.sessionId;
  $('language').value = kept.language;
  $('kept').hidden = false;
}

async function start(session = null) {
  $('start').disabled = $('go-on').disabled = true;
  $('start').lastElementChild.textContent = 'Starting…';
  $('start-error').hidden = true;
  try {
    const talk = await Broadcast.start({
      session,
      language: $('language').value,
      microphone: {
        deviceId: $('microphone').value,
        echoCancellation: $('echoCancellation').checked,
        noiseSuppression: $('noiseSuppression').checked,
        autoGainControl: $('autoGainControl').checked,
      },
    });
    goLive(talk);
  } catch (error) {
    refuseStart(error);
  }
  $('start').disabled = $('go-on').disabled = false;
  $('start').lastElementChild.textContent = 'Start the talk';
}

/* ---- On air ---- */

function goLive(talk) {
  Object.assign(show, { talk, startedAt: talk.startedAt, heardAt: Date.now(),
    most: 0, languages: new Set() });
  talk.addEventListener('level', ({ detail }) => levelChanged(detail));
  talk.addEventListener('link', ({ detail }) => linkChanged(detail));
  talk.addEventListener('status', ({ detail }) => statusChanged(detail));
  talk.addEventListener('caption', ({ detail }) => addCaption(detail));
  talk.addEventListener('notice', ({ detail }) => noticed(detail));
  talk.addEventListener('ended', ({ detail }) => ended(detail));

  drawInvitation(talk.sessionId);
  statusChanged({ listenerCount: 0, languageDistribution: [] });
  understood.clear();
  $('no-captions').hidden = false;
  showWaiting('');
  $('notices').replaceChildren();
  setState('live');
  meter.start();
  show.clock = setInterval(tick, 1_000);
  tick();
  showControls();
  awake.hold();
  $('on-air').focus();
  talk.connect();
  tell('live', { sessionId: talk.sessionId });
}

function drawInvitation(sessionId) {
  const link = new URL('../listener/', location.href);

  link.search = new URLSearchParams({ session: sessionId });

  const code = qrEncode(link.href);
  for (const svg of [$('qr'), $('qr-big')]) {
    svg.setAttribute('viewBox', `0 0 ${code.size + 8} ${code.size + 8}`);
    svg.firstElementChild.setAttribute('d', qrPath(code));
  }
  $('session-id').textContent = sessionId;
  $('share-link').href = link.href;
  $('share-link').textContent = link.href.replace(/^https?:\/\//, '');
  $('big-name').textContent = sessionId;
  $('big-link').textContent = link.href;
}

function clockText(ms) {
  const s = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  const minutes = Math.floor(s / 60) % 60;

  return s < 3600 ? `${minutes}:${two(s % 60)}`
    : `${Math.floor(s / 3600)}:${two(minutes)}:${two(s % 60)}`;
}

function tick() {
  const now = Date.now();

  $('elapsed').textContent = clockText(now - show.startedAt);
  showHint(now);
}

function levelChanged(level) {
  const now = Date.now();
  const { paused, muted } = show.talk;

  meter.push(level);
  if (paused || muted || level.peak > SILENT_PEAK) {
    show.heardAt = now;
  }
  if (level.peak > 0.98) {
    show.hotAt = now;
  }
}

function showHint(now) {
  const { paused, muted, ending } = show.talk;
  const text = ending ? 'Sending your last words…'
    : paused ? 'Paused. Nobody hears you.'
    : muted ? 'Muted. Nobody hears you.'
    : now - show.heardAt > SILENT_MS ? 'We hear nothing. Is the right microphone chosen, and is it switched on?'
    : now - show.hotAt < 2_000 ? 'Too loud: move away from the microphone a little.'
    : '';

  if ($('hint').textContent !== text) {
    $('hint').textContent = text;
  }
}

function linkChanged({ state, reason }) {
  $('link').dataset.state = state;
  $('link').textContent = links[state];
  showControls();
  tell('link', { state, reason });
}

function showControls() {
  const { talk } = show;
  const off = talk.paused || talk.muted;
  const away = $('link').dataset.state !== 'open';

  setPressed($('mute'), talk.muted, talk.muted ? 'Unmute' : 'Mute');
  setPressed($('pause'), talk.paused, talk.paused ? 'Go on' : 'Pause');
  document.body.dataset.air = off || away ? 'off' : 'on';
  $('on-air').textContent = talk.paused ? 'Paused'
    : talk.muted ? 'Muted' : away ? 'Connecting' : 'On air';
  document.title = `${$('on-air').textContent} · ${talk.sessionId}`;
}

function setPressed(button, pressed, label) {
  button.setAttribute('aria-pressed', String(pressed));
  button.lastElementChild.textContent = label;
}

/* An array [{languageCode, count}]; the object form of others is read too. */
function readDistribution(distribution) {
  const pairs = Array.isArray(distribution)
    ? distribution.map(({ languageCode, count }) => [languageCode, count])
    : Object.entries(distribution ?? {});

  return pairs.filter(([code, count]) => code && count > 0)
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

function statusChanged({ listenerCount, languageDistribution }) {
  const count = Number(listenerCount) || 0;
  const pairs = readDistribution(languageDistribution);

  show.most = Math.max(show.most, count);
  pairs.forEach(([code]) => show.languages.add(code));
  $('listeners').textContent = count;
  $('nobody').hidden = count > 0;
  $('by-language').replaceChildren(...pairs.map(([code, n]) => {
    const li = document.createElement('li');
    const name = Object.assign(document.createElement('b'),
      { textContent: nativeName(code), lang: code, title: englishName(code) });
    const number = Object.assign(document.createElement('span'),
      { textContent: n });

    li.dataset.language = code;
    li.dataset.count = n;
    li.style.setProperty('--share', n / count);
    li.append(name, number);
    return li;
  }));
}

/* The talk's place in line for a recogniser is no words of the speaker's. */
function showWaiting(text) {
  $('waiting-text').textContent = text;
  $('waiting').hidden = text === '';
  tell('waiting', { text });
}

function addCaption({ text, segment, reason }) {
  const box = $('captions');

  if (reason === 'waiting') {
    $('no-captions').hidden = true;
    showWaiting(text);
    return;
  }
  showWaiting('');
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;

  understood.add(segment, [{ name: 'said', text, language: $('language').value }]);
  understood.now(segment);
  $('no-captions').hidden = true;
  if (atEnd) {
    box.scrollTop = box.scrollHeight;
  }
  tell('caption', { text, segment });
}

/* One line for each kind of trouble; it goes when the trouble does, which is
   a notice without words. */
function noticed({ code, text, seconds }) {
  const kind = KINDS[code] ?? code;
  const old = $('notices').querySelector(`[data-kind=${kind}]`);

  tell('notice', { code });
  if (!notices[code]) {
    old?.remove();
    return;
  }

  const p = Object.assign(document.createElement('p'), {
    className: kind === 'way' ? 'notice' : 'notice bad',
    textContent: fill(notices[code], { text, seconds: Math.round(seconds) }),
  });

  Object.assign(p.dataset, { code, kind });
  old ? old.replaceWith(p) : $('notices').append(p);
  if (code === 'server') {
    setTimeout(() => p.remove(), SERVER_NOTICE_MS);
  }
}

/* ---- Afterwards ---- */

function ended({ reason, text }) {
  meter.stop();
  clearInterval(show.clock);
  awake.release();
  $('confirm').close();
  $('big').close();
  $('over-text').textContent = fill(endings[reason] ?? endings.done, { text });
  $('sum-length').textContent = clockText(Date.now() - show.startedAt);
  $('sum-listeners').textContent = show.most;
  $('sum-languages').textContent =
    [...show.languages].map(nativeName).join(', ') || 'none';
  setState('over');
  document.title = 'Ended · live translation';
  $('over-title').focus();
  tell('ended', { reason });
}

/* ---- Buttons ---- */

function toggle(which) {
  const { talk } = show;

  if (which === 'mute') {
    talk.setMuted(!talk.muted);
  } else {
    talk.setPaused(!talk.paused);
  }
  showControls();
  showHint(Date.now());
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    $('copied').textContent = `${what} copied.`;
  } catch {
    $('copied').textContent = `Copying was refused. Please copy by hand: ${text}`;
  }
  setTimeout(() => { $('copied').textContent = ''; }, 4_000);
}

function shortcut(event) {
  const typing = event.target.closest('input, select, textarea, dialog');
  const which = { m: 'mute', p: 'pause' }[event.key.toLowerCase()];

  if (which && !typing && !event.ctrlKey && !event.metaKey && !event.altKey
      && document.body.dataset.state === 'live') {
    event.preventDefault();
    toggle(which);
  }
}

function begin() {
  drawLanguages();
  drawMicrophones();
  offerKept();
  navigator.mediaDevices?.addEventListener('devicechange', drawMicrophones);
  $('start-form').addEventListener('submit', (event) => {
    event.preventDefault();
    start();
  });
  $('go-on').addEventListener('click', () => start(keptTalk()));
  $('mute').addEventListener('click', () => toggle('mute'));
  $('pause').addEventListener('click', () => toggle('pause'));
  $('end').addEventListener('click', () => $('confirm').showModal());
  $('confirm').addEventListener('close', () => {
    if ($('confirm').returnValue === 'end') {
      show.talk.end();
      showHint(Date.now());
    }
    $('confirm').returnValue = '';
  });
  $('copy-link').addEventListener('click', () => copy($('share-link').href, 'Link'));
  $('copy-id').addEventListener('click',
    () => copy($('session-id').textContent, 'Name'));
  $('show-big').addEventListener('click', () => $('big').showModal());
  $('again').addEventListener('click', () => {
    setState('setup');
    drawMicrophones();
    offerKept();
  });
  addEventListener('keydown', shortcut);
  addEventListener('visibilitychange', () => {
    if (!document.hidden && show.talk && !show.talk.over) {
      show.talk.resumeCapture();
    }
  });
  addEventListener('beforeunload', (event) => {
    if (show.talk && !show.talk.over) {
      event.preventDefault();
    }
  });
}

begin();
