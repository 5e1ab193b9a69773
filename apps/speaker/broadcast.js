/* One talk of a speaker: session, microphone, socket. Says what happens by
   events and knows nothing of the page.

   Events: 'link' {state, reason, retryMs}; 'level' {peak, rms}; 'status'
   (sessionStatus); 'caption' {text, segment}; 'notice' {code, …}: 'lost-audio'
   {seconds}, 'slow', 'away', 'behind', 'caught-up', 'microphone-lost',
   'interrupted', 'resumed', 'server' {text}; 'ended' {reason, text}. */
import { Link } from '../shared/link.js';
import { login, signIn } from '../shared/login.js';
import { createSession, diagnoseSession } from '../shared/session.js';
import { settings, socketUrl } from '../shared/settings.js';
import { Capture } from './capture.js';
import { forgetTalk, keepTalk } from './kept.js';
import { Outbox } from './outbox.js';

const END_LINGER_MS = 1_000;
const END_WAIT_MS = 5_000;     /* for the last words to be safe */
const BEHIND_S = 3;            /* more is not just the way there and back */

export class Broadcast extends EventTarget {
  sessionId = '';
  startedAt = 0;
  paused = false;
  muted = false;
  ending = false;
  over = false;

  #token = '';
  #capture = null;
  #link;
  #outbox;
  #polling = 0;
  #reported = 0;
  #trouble = '';          /* of the way to the server: 'slow', 'away', 'behind' */
  #clicked = false;      /* pause or mute was used at least once */

  /* Resolves when the microphone runs and the session exists; throws a
     CaptureError or a SessionError. The microphone first: a session that
     nobody can speak in helps no one. session: one to go on with. */
  static async start({ language, microphone, session = null }) {
    const talk = new Broadcast();

    talk.#capture = await Capture.open(microphone, {
      onFrame: (frame) => talk.#frame(frame),
      onTrouble: (what) => talk.#microphone(what),
    });
    try {
      await signIn();
      talk.#own(session ?? await createSession(language, login.token),
        language);
    } catch (error) {
      await talk.#capture.close();
      throw error;
    }
    talk.#makeLink();
    return talk;
  }

  #own({ sessionId, speakerToken = '', startedAt = Date.now() }, language) {
    this.sessionId = sessionId;
    this.startedAt = startedAt;
    this.#token = speakerToken;
    keepTalk({ sessionId, speakerToken, startedAt, language });
  }

  #makeLink() {
    this.#link = new Link({
      url: () => socketUrl({ token: login.token || this.#token,
        sessionId: this.sessionId, ...this.#outbox.query }),
      diagnose: () => diagnoseSession(this.sessionId),
    });
    this.#outbox = new Outbox(this.#link, settings.keepS);
    this.#link.addEventListener('state', ({ detail }) => this.#state(detail));
    this.#link.addEventListener('message', ({ detail }) => this.#message(detail));
  }

  connect() {
    this.#link.open();
    this.#polling = setInterval(() => this.#ask(), settings.statusMs);
  }

  #say(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #frame({ pcm, peak, rms }) {
    const silent = this.paused || this.muted;

    this.#say('level', silent ? { peak: 0, rms: 0 } : { peak, rms });
    if (silent || this.over || !this.#outbox) {
      return;
    }
    this.#outbox.push(pcm);
    this.#watch();
  }

  /* Losses are told once a second at most, the rest when it changes. */
  #watch() {
    const lost = this.#outbox.lostSeconds;
    const now = this.#wayThere();

    if (lost - this.#reported >= 1) {
      this.#reported = lost;
      this.#say('notice', { code: 'lost-audio', seconds: lost });
    }
    if (now !== this.#trouble) {
      this.#trouble = now;
      this.#say('notice', { code: now || 'caught-up' });
    }
    if (this.#outbox.stalled) {
      this.#link.probe();
    }
  }

  #wayThere() {
    const { congested, keptSeconds } = this.#outbox;

    if (this.#link.state !== 'open') {
      return keptSeconds > 0 && this.#outbox.epoch !== 0
        ? 'away' : this.#trouble;
    }
    if (keptSeconds <= BEHIND_S) {
      return '';
    }
    /* after an absence much goes out at once, and that is not slow */
    return this.#trouble === 'slow' || (congested && this.#trouble === '')
      ? 'slow' : 'behind';
  }

  #microphone(what) {
    if (!this.over) {
      this.#say('notice', { code: what === 'lost' ? 'microphone-lost' : what });
    }
  }

  #state(detail) {
    if (detail.state === 'open') {
      this.#outbox.opened();
      this.#tellState();
      this.#ask();
    }
    this.#say('link', detail);
    if (detail.state === 'closed' && !this.over) {
      this.#finish(detail.reason, detail.text);
    }
  }

  #message(message) {
    switch (message.type) {
    case 'sessionStatus':
      this.#say('status', message);
      break;
    case 'audioAck':
      this.#outbox.acknowledged(message);
      this.#watch();
      break;
    case 'caption':
      this.#say('caption', message);
      break;
    case 'sessionEnded':
      this.#finish('done');
      break;
    case 'error':
      this.#say('notice', { code: 'server', text: String(message.message) });
      break;
    }
  }

  #ask() {
    this.#link.send({ action: 'getSessionStatus' });
  }

  #control(action) {
    this.#link.send({ action, timestamp: Date.now() });
  }

  /* After a reconnect the server may not have heard the last click. */
  #tellState() {
    if (this.#clicked) {
      this.#control(this.paused ? 'pauseBroadcast' : 'resumeBroadcast');
      this.#control(this.muted ? 'muteBroadcast' : 'unmuteBroadcast');
    }
  }

  setPaused(paused) {
    this.paused = paused;
    this.#clicked = true;
    this.#control(paused ? 'pauseBroadcast' : 'resumeBroadcast');
  }

  setMuted(muted) {
    this.muted = muted;
    this.#clicked = true;
    this.#capture.setSilent(muted);
    this.#control(muted ? 'muteBroadcast' : 'unmuteBroadcast');
  }

  resumeCapture() {
    return this.#capture.resume();
  }

  /* The last words go out first; the server drains and tells the listeners. */
  async end() {
    if (this.over || this.ending) {
      return;
    }
    this.ending = true;
    await this.#capture.close();
    await this.#outbox.drained(END_WAIT_MS);
    this.#link.send({ action: 'endSession', sessionId: this.sessionId,
      reason: 'Speaker ended session' });
    this.#finish('done');
  }

  #finish(reason, text = '') {
    if (this.over) {
      return;
    }
    this.over = true;
    if (reason !== 'replaced') {
      forgetTalk();
    }
    clearInterval(this.#polling);
    this.#capture.close();
    setTimeout(() => this.#link.close(), END_LINGER_MS);
    this.#say('ended', { reason, text });
  }
}
