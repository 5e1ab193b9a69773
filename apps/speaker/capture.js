/* The microphone as frames of 16 kHz mono PCM. Nothing is kept here. */
const RATE_HZ = 16_000;
const FLUSH_MS = 500;

export const FRAME_MS = 100;

/* Codes: 'denied', 'none' (no microphone), 'busy' (another program has it),
   'insecure' (the page is not on https or localhost), 'broken'. */
export class CaptureError extends Error {
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

const REASONS = {
  NotAllowedError: 'denied', SecurityError: 'denied',
  NotFoundError: 'none', OverconstrainedError: 'none',
  NotReadableError: 'busy', AbortError: 'busy',
};

async function openMicrophone(options) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CaptureError('insecure');
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: options.echoCancellation,
        noiseSuppression: options.noiseSuppression,
        autoGainControl: options.autoGainControl,
        ...(options.deviceId ? { deviceId: { exact: options.deviceId } } : {}),
      },
    });
  } catch (error) {
    throw new CaptureError(REASONS[error.name] ?? 'broken', error);
  }
}

/* At 16 kHz where the browser can, else at its own rate: the worklet converts. */
function openContext(stream) {
  const fast = new AudioContext({ sampleRate: RATE_HZ });

  try {
    return { context: fast, source: fast.createMediaStreamSource(stream) };
  } catch {
    fast.close();
    const own = new AudioContext();
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}

async function connectWorklet(context, source) {
  await context.audioWorklet.addModule(
    new URL('./pcm-worklet.js', import.meta.url));

  const node = new AudioWorkletNode(context, 'pcm-frames', {
    numberOfOutputs: 0,
    processorOptions: { frameSamples: RATE_HZ * FRAME_MS / 1000 },
  });
  source.connect(node);
  return node;
}

export class Capture {
  #stream;
  #context;
  #node;
  #closing;

  /* onFrame({pcm, peak, rms}); onTrouble('lost' | 'interrupted' | 'resumed').
     To be called from a click: some browsers start no audio without one. */
  static async open(options, { onFrame, onTrouble }) {
    const capture = new Capture();

    capture.#stream = await openMicrophone(options);
    try {
      await capture.#start(onFrame, onTrouble);
    } catch (error) {
      await capture.close();
      throw new CaptureError('broken', error);
    }
    return capture;
  }

  async #start(onFrame, onTrouble) {
    const { context, source } = openContext(this.#stream);
    const [track] = this.#stream.getAudioTracks();

    this.#context = context;
    this.#node = await connectWorklet(context, source);
    this.#node.port.onmessage = ({ data }) => data.pcm && onFrame(data);
    track.onended = () => onTrouble('lost');
    context.onstatechange = () => {
      if (context.state !== 'closed') {
        onTrouble(context.state === 'running' ? 'resumed' : 'interrupted');
      }
    };
    await context.resume();
  }

  /* After a phone call or a sleep: again from a click, or when we are shown. */
  resume() {
    return this.#context.resume();
  }

  setSilent(silent) {
    this.#stream.getAudioTracks().forEach((t) => { t.enabled = !silent; });
  }

  /* The last part of a frame still goes to onFrame before this resolves. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close() {
    if (this.#node) {
      await this.#flush();
    }
    this.#stream.getTracks().forEach((track) => {
      track.onended = null;
      track.stop();
    });
    if (this.#context && this.#context.state !== 'closed') {
      this.#context.onstatechange = null;
      await this.#context.close();
    }
  }

  #flush() {
    return new Promise((resolve) => {
      this.#node.port.addEventListener('message',
        ({ data }) => data.flushed && resolve());
      this.#node.port.postMessage('flush');
      setTimeout(resolve, FLUSH_MS);
    });
  }
}
