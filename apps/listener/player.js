/* Plays the segments of one listener: fetches ahead, decodes, schedules them
   end to end in order, never two at once.

   Everything that is ready is handed to the audio clock at once, so that
   gapless play depends on no timer; timers only tell the page what is heard.
   What has to wait is played with shorter pauses and a little faster (pace.js).

   Events: 'text' {number, message, sound} once per segment, when its voice
   begins (or at once when there is none to wait for); 'play' {number, startTime,
   duration, rate, savedS (by its pace), rms, delayMs, waitedMs (since its audio
   was there)}; 'played' {number, endTime, outputRms};
   'gap' {number, holes}; 'skipped' {seconds}; 'state' {state}: idle, playing,
   paused, blocked (the browser took the sound away). */
import { settings } from '../shared/settings.js';
import { loadClip, monoOf } from './clip.js';
import { paced, paceFor, rmsOf } from './pace.js';
import { Segments } from './segments.js';

const LEAD_S = 0.06;           /* the nearest start that is never too late */
const FETCHES = 3;

export class Player extends EventTarget {
  clockOffsetMs = 0;       /* the server's clock minus ours */

  #context = null;
  #gain;
  #analyser;
  #element = null;
  #segments = new Segments({ gapMs: settings.gapMs });
  #abort = new AbortController();
  #loading = 0;
  #scheduled = [];         /* in order; those that ended are taken out */
  #playhead = 0;
  #pauseWanted = false;
  #isSilent = false;       /* text only: nothing is fetched or played */
  #pumpTimer = 0;
  #startTimer = 0;

  /* From a click: browsers let no page make a sound without one. */
  async start(volume) {
    const context = new AudioContext();

    this.#context = context;
    this.#gain = new GainNode(context, { gain: volume });
    this.#analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.#gain.connect(this.#analyser);
    await this.#connectOutput();
    context.onstatechange = () => this.#stateChanged();
    document.addEventListener('visibilitychange', this.#shown);
    await context.resume();
  }

  /* Through a media element, so that the lock screen knows of it and a phone's
     ringer switch does not silence it; straight out where that is refused. */
  async #connectOutput() {
    const output = new MediaStreamAudioDestinationNode(this.#context);
    const element = new Audio();

    if ('audioSession' in navigator) {
      navigator.audioSession.type = 'playback';
    }
    try {
      element.srcObject = output.stream;
      await element.play();
      this.#analyser.connect(output);
      this.#element = element;
    } catch {
      this.#analyser.connect(this.#context.destination);
    }
  }

  get state() {
    if (this.#pauseWanted) {
      return 'paused';
    }
    if (this.#context?.state !== 'running') {
      return this.#context ? 'blocked' : 'idle';
    }
    return this.#scheduled.length > 0 ? 'playing' : 'idle';
  }

  /* Loudness of what is heard now, 0 to 1. */
  get level() {
    if (this.state !== 'playing') {
      return 0;
    }
    const samples = new Float32Array(this.#analyser.fftSize);

    this.#analyser.getFloatTimeDomainData(samples);
    return rmsOf(samples);
  }

  setVolume(volume) {
    this.#gain.gain.setTargetAtTime(volume, this.#context.currentTime, 0.02);
  }

  async pause() {
    this.#pauseWanted = true;
    await this.#context.suspend();
    this.#tellTextNow();
    this.#sayState();
  }

  async resume() {
    this.#pauseWanted = false;
    await Promise.all([this.#context.resume(), this.#element?.play()]);
    this.#sayState();
  }

  /* Another language: what was queued is not what they want to hear. */
  clear() {
    this.#drop();
    this.#segments.clear();
    this.#sayState();
  }

  /* Text only, or the voice again: what waits is told as text at once. */
  silence(isSilent) {
    this.#isSilent = isSilent;
    if (isSilent) {
      this.#tellTextNow();
      this.#drop();
      this.#segments.wanted().forEach(({ number }) =>
        this.#segments.settle(number, 'text', {}, performance.now()));
      this.#pump();
    }
    this.#sayState();
  }

  /* Whatever is being fetched or has been scheduled. */
  #drop() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#scheduled.forEach((item) => this.#cancel(item));
    this.#scheduled = [];
    this.#playhead = 0;
  }

  async stop() {
    this.clear();
    clearTimeout(this.#pumpTimer);
    clearTimeout(this.#startTimer);
    document.removeEventListener('visibilitychange', this.#shown);
    this.#element?.pause();
    this.#context.onstatechange = null;
    await this.#context.close();
  }

  /* A translatedAudio message, or a caption: a segment without a voice. */
  add(message) {
    const numbered = Number.isInteger(message.segment);
    const number = numbered ? message.segment
      : Number(message.sequenceNumber || message.timestamp);

    if (!Number.isFinite(number)
        || !this.#segments.add(number, { message }, numbered)) {
      return;
    }
    if (!message.url || this.#isSilent) {
      this.#segments.settle(number, 'text', {}, performance.now());
    }
    this.#fetchAhead();
    this.#pump();
  }

  #fetchAhead() {
    for (const segment of this.#segments.wanted()) {
      if (this.#loading >= FETCHES) {
        return;
      }
      if (!segment.asked) {
        segment.asked = true;
        this.#load(segment);
      }
    }
  }

  async #load({ number, message }) {
    const { signal } = this.#abort;
    let state = 'ready';
    let detail = {};

    this.#loading++;
    try {
      const buffer = await loadClip(this.#context, message.url, signal);
      detail = { buffer, rms: rmsOf(buffer.getChannelData(0)) };
    } catch (error) {
      state = 'failed';
      detail = { why: String(error.message) };
    }
    this.#loading--;
    if (!signal.aborted) {
      this.#segments.settle(number, state, detail, performance.now());
    }
    this.#fetchAhead();
    this.#pump();
  }

  #pump() {
    clearTimeout(this.#pumpTimer);
    for (;;) {
      const { segment, waitMs, skipped } = this.#segments.next(performance.now());

      skipped.forEach((one) => this.#passed(one));
      if (segment) {
        this.#schedule(segment);
        continue;
      }
      if (waitMs !== undefined) {
        this.#pumpTimer = setTimeout(() => this.#pump(), waitMs);
      }
      return;
    }
  }

  /* Its words are not lost with its voice: they have their turn. */
  #passed({ number, message, holes = 0 }) {
    if (message) {
      this.#schedule({ number, message });
    }
    this.#say('gap', { number, holes });
  }

  #schedule(segment) {
    const { currentTime } = this.#context;
    const at = Math.max(currentTime + LEAD_S, this.#playhead);
    const item = { ...segment, at, endAt: at, rate: 1, savedS: 0, begun: false,
      told: false };

    if (item.buffer && this.#isSilent) {
      item.buffer = null;
    }
    if (item.buffer) {
      this.#pace(item, at - currentTime);
      item.endAt = at + item.buffer.duration;
      this.#begin(item);
    }
    this.#playhead = item.endAt;
    this.#scheduled.push(item);
    this.#catchUp();
    if (this.state === 'paused' || this.state === 'blocked') {
      this.#tellTextNow();
    }
    this.#watchStarts();
  }

  #pace(item, aheadS) {
    const { buffer, message } = item;
    const pace = paceFor(aheadS, message.pace?.action === 'faster');
    const samples = pace.rate === 1 && pace.pauseS === Infinity ? null
      : paced(monoOf(buffer), buffer.sampleRate, pace);

    if (samples?.length > 0) {
      item.buffer = new AudioBuffer({ length: samples.length,
        sampleRate: buffer.sampleRate });
      item.buffer.copyToChannel(samples, 0);
      item.rate = pace.rate;
      item.savedS = buffer.duration - item.buffer.duration;
    }
  }

  #begin(item) {
    item.source = new AudioBufferSourceNode(this.#context,
      { buffer: item.buffer });
    item.source.connect(this.#gain);
    item.source.onended = () => this.#ended(item);
    item.source.start(item.at);
  }

  #cancel(item) {
    if (item.source) {
      item.source.onended = null;
      item.source.stop();
      item.source.disconnect();
    }
  }

  /* Too far behind the speaker: go on with the newest, say what was left out. */
  #catchUp() {
    const { currentTime } = this.#context;

    if (this.#playhead - currentTime <= settings.maxBehindS) {
      return;
    }
    const newest = this.#scheduled.at(-1);
    const dropped = this.#scheduled.filter(
      (item) => item.at > currentTime && item !== newest);

    if (dropped.length === 0) {
      return;
    }
    dropped.concat(newest).forEach((item) => this.#cancel(item));
    dropped.forEach((item) => this.#tellText(item, false));
    this.#scheduled = this.#scheduled.filter((item) => !dropped.includes(item));
    this.#say('skipped', { seconds: newest.at - dropped[0].at });

    newest.at = dropped[0].at;
    newest.endAt = newest.at + (newest.buffer?.duration ?? 0);
    this.#playhead = newest.endAt;
    if (newest.buffer) {
      this.#begin(newest);
    }
  }

  /* One timer for the next start; it is only for telling, never for playing. */
  #watchStarts() {
    clearTimeout(this.#startTimer);
    if (this.#context.state !== 'running') {
      return;
    }
    const { currentTime } = this.#context;

    this.#scheduled.filter((item) => !item.begun && item.at <= currentTime)
      .forEach((item) => this.#begun(item));
    this.#scheduled = this.#scheduled.filter(
      (item) => item.buffer || !item.begun);

    const coming = this.#scheduled.find((item) => !item.begun);
    if (coming) {
      this.#startTimer = setTimeout(() => this.#watchStarts(),
        Math.max(5, (coming.at - currentTime) * 1000));
    }
    this.#sayState();
  }

  #begun(item) {
    const { number, at, buffer, rms, rate, savedS } = item;

    item.begun = true;
    this.#tellText(item, Boolean(buffer));
    if (buffer) {
      this.#meter(item);
      this.#say('play', { number, startTime: at,
        duration: buffer.duration, rate, savedS, rms,
        delayMs: this.#delay(item), waitedMs: performance.now() - item.readyAt });
    }
  }

  /* From the mouth to the ear: the last word's end to its voice's begin. */
  #delay({ message, at }) {
    const captured = message.timing?.captured;
    const sinceMs = (this.#context.currentTime - at) * 1000;
    const outputMs = (this.#context.outputLatency ?? 0) * 1000;

    return Number.isFinite(captured)
      ? Date.now() + this.clockOffsetMs - sinceMs + outputMs - captured : null;
  }

  /* The loudest that came out while this segment played. */
  #meter(item) {
    item.outputRms = 0;
    item.metering = setInterval(() => {
      item.outputRms = Math.max(item.outputRms, this.level);
    }, 100);
  }

  #ended(item) {
    const { number, endAt, outputRms = 0 } = item;

    if (!item.begun) {
      this.#watchStarts();
    }
    clearInterval(item.metering);
    this.#scheduled = this.#scheduled.filter((one) => one !== item);
    this.#say('played', { number, endTime: endAt, outputRms });
    this.#watchStarts();
  }

  #tellText(item, sound) {
    if (!item.told) {
      item.told = true;
      this.#say('text', { number: item.number, message: item.message, sound });
    }
  }

  #tellTextNow() {
    this.#scheduled.forEach((item) => this.#tellText(item, Boolean(item.buffer)));
  }

  #stateChanged() {
    if (this.state === 'blocked') {
      this.#tellTextNow();
    }
    this.#watchStarts();
    this.#sayState();
  }

  #shown = () => {
    if (!document.hidden && this.state === 'blocked') {
      this.#context.resume().catch(() => this.#sayState());
    }
  };

  #sayState() {
    this.#say('state', { state: this.state });
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
