/* Runs on the audio thread: gathers the microphone into frames of signed
   16-bit little-endian PCM at 16 kHz mono and posts each with its level.
   The message 'flush' posts what is left and then {flushed: true}. */
import { Resampler } from './resample.js';

const RATE_HZ = 16_000;

class PcmFrames extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.frame = new Float32Array(processorOptions.frameSamples);
    this.filled = 0;
    this.resampler = sampleRate === RATE_HZ
      ? null : new Resampler(sampleRate, RATE_HZ);
    this.port.onmessage = () => {
      this.post();
      this.port.postMessage({ flushed: true });
    };
  }

  process([input]) {
    if (input.length > 0) {
      this.gather(this.resampler?.push(input[0]) ?? input[0]);
    }
    return true;
  }

  gather(samples) {
    for (const sample of samples) {
      this.frame[this.filled++] = sample;
      if (this.filled === this.frame.length) {
        this.post();
      }
    }
  }

  post() {
    const pcm = new DataView(new ArrayBuffer(this.filled * 2));
    let peak = 0;
    let energy = 0;

    for (let i = 0; i < this.filled; i++) {
      const x = Math.max(-1, Math.min(1, this.frame[i]));

      pcm.setInt16(i * 2, x < 0 ? x * 0x8000 : x * 0x7fff, true);
      peak = Math.max(peak, Math.abs(x));
      energy += x * x;
    }
    if (this.filled > 0) {
      const rms = Math.sqrt(energy / this.filled);
      this.port.postMessage({ pcm: pcm.buffer, peak, rms }, [pcm.buffer]);
    }
    this.filled = 0;
  }
}

registerProcessor('pcm-frames', PcmFrames);
