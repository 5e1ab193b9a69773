/* The listener's page: join, listen, read. Wires the parts together. */
import { Link } from '../shared/link.js';
import { awake } from '../shared/awake.js';
import { diagnoseSession, readSession } from '../shared/session.js';
import { eventsUrl, readSessionId, settings, socketUrl }
  from '../shared/settings.js';
import { nativeName, englishName, isRightToLeft, offeredLanguages,
  preferredLanguage } from '../shared/languages.js';
import { Captions } from './captions.js';
import { Delay } from './delay.js';
import { Player } from './player.js';
import { Ripples } from './ripples.js';
import { say, speakLanguage } from './words.js';

const NOTICE_MS = 8_000;
const TRIES_BEFORE_DOUBT = 2;
const SIZES = [0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75];

const $ = (id) => document.getElementById(id);
const captions = new Captions({ box: $('captions'), list: $('lines'),
  tail: $('tail'), toNow: $('to-now') });
const delay = new Delay(
  { svg: $('delays'), text: $('delay'), trend: $('trend') });

const room = {
  sessionId: '', language: '', sourceLanguage: '',
  link: null, player: null, ripples: null, over: false, switching: false,
  reading: false,          /* text only, by choice */
  lastSegment: 0,          /* the highest that has arrived; 0: none */
};

/* What tests and bookmarklets may see: DOM events on the document. */
function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(`lt:${name}`, { detail }));
}

/* ---- Joining ---- */

function drawLanguages() {
  const chosen = preferredLanguage(null);

  for (const code of offeredLanguages()) {
    const label = document.createElement('label');
    const input = Object.assign(document.createElement('input'),
      { type: 'radio', name: 'language', value: code, checked: code === chosen });
    const own = Object.assign(document.createElement('b'),
      { textContent: nativeName(code), lang: code });
    const english = Object.assign(document.createElement('small'),
      { textContent: englishName(code), lang: 'en' });

    label.append(input, own, english);
    $('languages').append(label);
    $('switch').append(Object.assign(document.createElement('option'),
      { value: code, textContent: nativeName(code), lang: code }));
  }
  return chosen;
}

function refuseJoin(text, field) {
  $('join-error').textContent = text;
  $('join-error').hidden = false;
  $('talk').setAttribute('aria-invalid', String(field === $('talk')));
  $('join-button').disabled = false;
  field?.focus();
}

async function join(event) {
  event.preventDefault();
  $('join-error').hidden = true;

  const sessionId = readSessionId($('talk').value);
  const chosen = document.querySelector('[name=language]:checked');

  if (!sessionId) {
    refuseJoin(say('badTalk'), $('talk'));
    return;
  }
  if (!chosen) {
    refuseJoin(say('pickLanguage'), document.querySelector('[name=language]'));
    return;
  }
  $('talk').setAttribute('aria-invalid', 'false');
  $('join-button').disabled = true;
  await leave();
  room.sessionId = sessionId;
  room.lastSegment = 0;
  await startPlayer();
  setLanguage(chosen.value);
  startLink();
}

/* A join that still tries is given up for the next one. */
async function leave() {
  if (room.link && room.link.state !== 'closed') {
    room.over = true;
    room.link.close();
    await room.player.stop();
  }
  room.over = false;
}

function enterRoom() {
  document.body.dataset.state = 'listening';
  $('join').hidden = true;
  $('room').hidden = false;
  $('talk-name').textContent = room.sessionId;
  document.title = `${room.sessionId} · ${nativeName(room.language)}`;
  forgetDelay();
  history.replaceState(null, '', `?session=${room.sessionId}`);
  room.ripples = new Ripples($('ripples'), () => room.player.level);
  awake.hold();
  showPause();
  $('captions').focus({ preventScroll: true });
}

/* ---- Connection ---- */

function startLink() {
  const query = () => ({ sessionId: room.sessionId,
    targetLanguage: room.language, resume: 1,
    captions: room.reading ? 'only,live' : 'live',
    ...room.lastSegment > 0 && { lastSegment: room.lastSegment } });

  room.link = new Link({
    url: () => socketUrl(query()),
    events: settings.events ? () => eventsUrl(query()) : null,
    diagnose: () => diagnoseSession(room.sessionId),
    beatWith: () => delay.take(),
  });
  room.link.addEventListener('state', ({ detail }) => linkChanged(detail));
  room.link.addEventListener('message', ({ detail }) => received(detail));
  room.link.open();
}

function linkChanged({ state, reason, text, attempt }) {
  const words = {
    connecting: 'connecting', open: 'connected',
    waiting: navigator.onLine ? 'reconnecting' : 'offline', closed: 'ended',
  };

  $('link').dataset.state = state;
  $('link').textContent = say(words[state]);
  if (state === 'open') {
    room.switching = false;
    if (!room.link.send({ action: 'joinSession', sessionId: room.sessionId,
      targetLanguage: room.language })) {
      joinedSilently();
    }
  }
  if (state === 'waiting' && document.body.dataset.state === 'join') {
    $('join-error').textContent =
      say(attempt > TRIES_BEFORE_DOUBT ? 'notLetIn' : 'reconnecting');
    $('join-error').hidden = false;
    $('join-button').disabled = false;
  }
  if (state !== 'open') {
    captions.tail('');
  }
  if (state === 'closed' && !room.over) {
    linkClosed(reason, text);
  }
  tell('link', { state, reason });
}

async function linkClosed(reason, text) {
  const words = {
    'done': 'endedLong', 'ended': 'alreadyEnded', 'not-found': 'notFound',
    'refused': 'refused', 'gave-up': 'gaveUp',
  };

  if (document.body.dataset.state === 'join') {
    await room.player.stop();
    refuseJoin(say(words[reason], { text }), $('talk'));
    return;
  }
  endRoom(say(reason === 'ended' ? 'endedLong' : words[reason], { text }),
    { retry: reason === 'gave-up' || reason === 'refused' });
}

function received(message) {
  room.player.clockOffsetMs = room.link.clockOffsetMs;

  switch (message.type) {
  case 'sessionJoined':
    joined(message);
    break;
  case 'translatedAudio':
  case 'caption':
    segmentCame(message);
    break;
  case 'segmentsMissed':
    notice(say('gap'));
    tell('missed', { from: message.from, to: message.to });
    break;
  case 'broadcastPaused':
    showSpeaker('speakerPaused');
    break;
  case 'broadcastMuted':
    showSpeaker('speakerMuted');
    break;
  case 'broadcastResumed':
  case 'broadcastUnmuted':
    $('speaker-state').hidden = true;
    break;
  case 'languageChanged':
    room.switching = message.targetLanguage !== room.language;
    tell('language', { language: message.targetLanguage });
    break;
  case 'sessionEnded':
    endRoom(say('endedLong'));
    break;
  case 'error':
    refusedByServer(message);
    break;
  }
}

/* A caption with a tail is no segment: what the speaker is just saying. */
function segmentCame(message) {
  if (typeof message.tail === 'string') {
    captions.tail(message.tail, message.language);
    tell('tail', { text: message.tail });
    return;
  }
  if ((message.language ?? message.targetLanguage) === room.language) {
    room.lastSegment = Math.max(room.lastSegment, message.segment || 0);
    delay.pace(message.pace?.action);
    room.player.add(message);
  }
}

function joined({ sourceLanguage }) {
  room.sourceLanguage = sourceLanguage ?? '';
  $('speaker-state').hidden = true;
  if (document.body.dataset.state === 'join') {
    enterRoom();
  }
  $('original').textContent = sourceLanguage
    ? say('original', { language: nativeName(sourceLanguage) }) : '';
  tell('joined', { sessionId: room.sessionId, language: room.language });
}

/* Events cannot ask: what the talk is like, its page tells. */
async function joinedSilently() {
  const session = await readSession(room.sessionId).catch(() => ({}));

  if (room.link.state === 'open') {
    joined(session);
  }
}

function refusedByServer({ message }) {
  const text = say('server', { text: String(message ?? '') });

  if (document.body.dataset.state === 'join') {
    room.link.close();
    refuseJoin(text, $('talk'));
    return;
  }
  if (room.switching) {
    room.switching = false;
    room.link.open();
    return;
  }
  notice(text);
}

/* The end: the voice may finish its sentence; nothing new will come. */
function endRoom(text, { retry = false } = {}) {
  room.over = !retry;
  document.body.dataset.state = retry ? 'lost' : 'ended';
  $('speaker-state').hidden = true;
  $('over-text').textContent = text;
  $('retry').hidden = !retry;
  $('reading').disabled = true;
  $('over').hidden = false;
  if (!retry) {
    room.link.close();
    $('switch').disabled = true;
    awake.release();
  }
  tell('ended', { text });
}

/* ---- Sound ---- */

async function startPlayer() {
  const player = new Player();

  room.player = player;
  player.addEventListener('state', () => showPause());
  player.addEventListener('text', ({ detail }) => showText(detail));
  player.addEventListener('play', ({ detail }) => playing(detail));
  player.addEventListener('played', ({ detail }) => tell('played', detail));
  player.addEventListener('gap', ({ detail }) => {
    notice(say('gap'));
    tell('gap', detail);
  });
  player.addEventListener('skipped', ({ detail }) => {
    notice(say('skipped', { seconds: Math.round(detail.seconds) }));
    tell('skipped', detail);
  });
  await player.start(Number($('volume').value) / 100);
}

/* Some are spoken in the clip of the one before. */
const isSpoken = ({ reason }, sound) => sound || reason === 'merged';

function showText({ number, message, sound }) {
  captions.add(number, {
    text: message.transcript ?? message.text,
    language: room.language,
    source: message.sourceTranscript ?? message.sourceText,
    sourceLanguage: room.sourceLanguage,
    note: isSpoken(message, sound) || room.reading ? '' : say('noVoice'),
  });
  if (room.reading && Number.isFinite(message.timing?.captured)) {
    delay.add(Date.now() + room.player.clockOffsetMs - message.timing.captured);
  }
  tell('text', { number, text: message.transcript ?? message.text, sound });
}

function playing(detail) {
  captions.now(detail.number);
  room.ripples?.wake();
  if (detail.delayMs !== null) {
    delay.heard(detail.delayMs);
  }
  if (detail.rate > 1) {
    delay.pace('faster');
  }
  tell('segment', detail);
}

function showPause() {
  const { state } = room.player;
  const key = state === 'paused' ? 'play' : 'pause';

  $('pause').setAttribute('aria-pressed', String(state === 'paused'));
  $('pause').setAttribute('aria-label', say(key));
  $('pause').title = say(key);
  $('blocked').hidden = state !== 'blocked' || room.over || room.reading;
  document.body.dataset.sound = state;
  readAloud();
  if ('mediaSession' in navigator) {
    navigator.mediaSession.playbackState = state === 'paused' ? 'paused' : 'playing';
  }
}

/* A screen reader must not talk over the same words being spoken. */
function readAloud() {
  const heard = room.player.state !== 'paused' && $('volume').value !== '0'
    && !room.reading;

  $('captions').setAttribute('aria-live', heard ? 'off' : 'polite');
}

/* Without the voice, which then need not be made for us; or with it again. The
   next connection says so, and goes on after what has arrived. */
function setReading(reading) {
  room.reading = reading;
  document.body.dataset.reading = reading;
  $('reading').setAttribute('aria-pressed', String(reading));
  readAloud();
  forgetDelay();
  room.player.silence(reading);
  if (reading && room.player.state === 'paused') {
    setPaused(false);
  }
  room.link.open();
}

function forgetDelay() {
  delay.clear(say(room.reading ? 'noVoice' : 'behindUnknown'));
}

function setPaused(paused) {
  return paused ? room.player.pause() : room.player.resume();
}

function setLanguage(code) {
  room.language = code;
  $('switch').value = code;
  $('captions').dir = isRightToLeft(code) ? 'rtl' : 'ltr';
  if ('mediaSession' in navigator) {
    navigator.mediaSession.metadata = new MediaMetadata({
      title: room.sessionId, artist: nativeName(code) });
    navigator.mediaSession.setActionHandler('play', () => setPaused(false));
    navigator.mediaSession.setActionHandler('pause', () => setPaused(true));
  }
}

/* The connection stays.  Without one, or if the server cannot do it now, the
   next connection asks for that language. */
async function switchLanguage(code) {
  room.player.clear();
  captions.clear();
  setLanguage(code);
  room.switching = room.link.send({ action: 'changeLanguage',
    sessionId: room.sessionId, targetLanguage: code });
  if (!room.switching) {
    room.link.open();
  }
  await speakLanguage(code);
  showPause();
  forgetDelay();
}

/* ---- Small things said ---- */

let noticeTimer = 0;

function notice(text) {
  clearTimeout(noticeTimer);
  $('notice').textContent = text;
  $('notice').hidden = false;
  noticeTimer = setTimeout(() => { $('notice').hidden = true; }, NOTICE_MS);
}

function showSpeaker(key) {
  $('speaker-state').textContent = say(key);
  $('speaker-state').hidden = false;
}

let size = 2;

function readSize() {
  try {
    size = Number(localStorage.getItem('lt-size') ?? size);
  } catch { /* the default will do */ }
}

function resizeText(step) {
  const index = Math.max(0, Math.min(SIZES.length - 1, size + step));

  size = index;
  try {
    localStorage.setItem('lt-size', index);
  } catch { /* a private window: the size lives as long as the page */ }
  document.documentElement.style.setProperty('--size', SIZES[index]);
  $('smaller').disabled = index === 0;
  $('larger').disabled = index === SIZES.length - 1;
}

function start() {
  const chosen = drawLanguages();

  $('talk').value = new URLSearchParams(location.search).get('session') ?? '';
  $('join-form').addEventListener('submit', join);
  $('languages').addEventListener('change',
    (event) => speakLanguage(event.target.value));
  $('switch').addEventListener('change', () => switchLanguage($('switch').value));
  $('pause').addEventListener('click',
    () => setPaused(room.player.state !== 'paused'));
  $('unblock').addEventListener('click', () => setPaused(false));
  $('volume').addEventListener('input', () => {
    room.player.setVolume(Number($('volume').value) / 100);
    readAloud();
  });
  $('reading').addEventListener('click', () => setReading(!room.reading));
  $('smaller').addEventListener('click', () => resizeText(-1));
  $('larger').addEventListener('click', () => resizeText(1));
  $('retry').addEventListener('click', () => {
    $('over').hidden = true;
    $('reading').disabled = false;
    document.body.dataset.state = 'listening';
    room.link.open();
  });
  readSize();
  resizeText(0);
  if (chosen) {
    speakLanguage(chosen);
  }
}

start();
