/* How a clip is played when more waits than should: with shorter pauses, then
   a little faster, at the same pitch.  Pure; samples are mono, -1 to 1. */
const FRAME_S = 0.01;
const QUIET = 0.02;            /* of the clip's loudest frame */
const WINDOW_S = 0.03;
const SEEK_S = 0.008;
const COARSE = 4;              /* samples between two that are looked at */

/* From so much unplayed sound on, a pause lasts pauseS at most. */
const STEPS = [
  { aheadS: 6, pauseS: 0.08, rate: 1.1 },
  { aheadS: 3, pauseS: 0.15, rate: 1.05 },
  { aheadS: 1.2, pauseS: 0.25, rate: 1 },
];
const NATURAL = { pauseS: Infinity, rate: 1 };

export const RATE_MAX = STEPS[0].rate;

/* A voice that was made to speak faster is not made faster once more. */
export function paceFor(aheadS, isFast = false) {
  const { pauseS, rate } = STEPS.find((step) => aheadS >= step.aheadS)
    ?? NATURAL;

  return { pauseS, rate: isFast ? 1 : rate };
}

/* The samples as this pace has them. */
export function paced(samples, sampleRate, { pauseS, rate }) {
  const short = pauseS === Infinity ? samples
    : withoutPauses(samples, sampleRate, pauseS);

  return rate === 1 ? short : faster(short, sampleRate, rate);
}

export function rmsOf(samples, from = 0, to = samples.length) {
  let energy = 0;

  for (let i = from; i < to; i++) {
    energy += samples[i] ** 2;
  }
  return Math.sqrt(energy / Math.max(1, to - from));
}

/* Every quiet stretch longer than pauseS loses its middle; those at both ends
   what is not next to the speech. */
function withoutPauses(samples, sampleRate, pauseS) {
  const size = Math.round(sampleRate * FRAME_S);
  const frames = Array.from({ length: Math.ceil(samples.length / size) },
    (_, i) => rmsOf(samples, i * size, Math.min(samples.length, (i + 1) * size)));
  const limit = Math.max(...frames) * QUIET;
  const keep = Math.max(1, Math.round(pauseS / FRAME_S / 2));
  const isNear = (i) => {
    for (let k = Math.max(0, i - keep); k <= i + keep; k++) {
      if (frames[k] >= limit) {
        return true;
      }
    }
    return false;
  };
  const out = new Float32Array(samples.length);
  let length = 0;

  frames.forEach((_, i) => {
    if (isNear(i)) {
      const part = samples.subarray(i * size, (i + 1) * size);
      out.set(part, length);
      length += part.length;
    }
  });
  return out.subarray(0, length);
}

/* How well two stretches fit; every step-th sample. */
function likeness(samples, a, b, length, step) {
  let sum = 0;

  for (let i = 0; i < length; i += step) {
    sum += samples[a + i] * samples[b + i];
  }
  return sum;
}

/* The place around `ideal` that continues best what came to `next`. */
function bestPlace(samples, ideal, next, window, seek) {
  const limit = samples.length - window;
  const best = (from, to, step, first) => {
    let [place, most] = [first, -Infinity];

    for (let at = Math.max(0, from); at <= Math.min(limit, to); at += step) {
      const like = likeness(samples, at, next, window, step);
      if (like > most) {
        [place, most] = [at, like];
      }
    }
    return place;
  };
  const near = best(ideal - seek, ideal + seek, COARSE, ideal);

  return best(near - COARSE + 1, near + COARSE - 1, 1, near);
}

/* Waveform similarity overlap-add: windows are taken at `rate`, each where it
   fits what is there, and laid over one another at their own pace, so that
   voices keep their pitch.  Both ends are as they were. */
function faster(samples, sampleRate, rate) {
  const hop = Math.round(sampleRate * WINDOW_S / 2);
  const window = 2 * hop;
  const seek = Math.round(sampleRate * SEEK_S);
  const frames = Math.floor((samples.length - window - seek) / (hop * rate));

  if (frames < 2) {
    return samples;
  }
  const out = new Float32Array(samples.length);
  const last = frames - 1;
  let place = 0;

  out.set(samples.subarray(0, hop));
  for (let frame = 0; frame < frames; frame++) {
    const at = frame * hop;

    if (frame > 0) {
      place = bestPlace(samples, Math.round(at * rate),
        Math.min(place + hop, samples.length - window), window, seek);
    }
    for (let i = frame === 0 ? hop : 0; i < window; i++) {
      const weight = frame === last && i >= hop ? 1
        : 0.5 - 0.5 * Math.cos(Math.PI * i / hop);
      out[at + i] += weight * samples[place + i];
    }
  }
  const end = last * hop + window;
  const rest = samples.subarray(place + window);

  out.set(rest, end);
  return out.subarray(0, end + rest.length);
}
