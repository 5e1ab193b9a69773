// Transcribe streaming over HTTP/2: verifies the request's signature and the
// chain of every frame, feeds the recogniser, answers in event-stream frames.
import { randomUUID } from 'node:crypto';
import http2 from 'node:http2';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { AwsError, EventChain, verifyRequest } from './sigv4.mjs';
import { applyFault, destroyConnection } from './front.mjs';
import { listen } from './listen.mjs';
import { Recognizer } from './recognizer.mjs';
import { Transcript } from './transcript.mjs';

const OPERATION = 'StartStreamTranscription';
const MAX_STREAMS = 25;
const IDLE_MS = 15_000;
const RATE = 16_000;
const MAX_AUDIO_BYTES = RATE * 2;       // one event: at most a second
const MAX_FRAME_BYTES = MAX_AUDIO_BYTES + 1024;
const MIN_FRAME_BYTES = 16;
const MAX_UNSENT_BYTES = 1024 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const SERVICE = { throttleCode: 'LimitExceededException', throttleStatus: 429,
    failureCode: 'InternalFailureException' };
const MID_STREAM = {
    throttle: new AwsError('LimitExceededException', 'Rate exceeded', 429),
    500: new AwsError('InternalFailureException', 'Internal failure', 500),
    expired: new AwsError('BadRequestException',
        'The security token included in the request is expired'),
    conflict: new AwsError('ConflictException',
        'A new stream started with the same session ID.', 409),
};

const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes).toString('utf8'),
    (text) => Buffer.from(text, 'utf8'));

const bad = (message) => new AwsError('BadRequestException', message);

function encodeJson(headers, value) {
    const typed = { ...headers, ':content-type': 'application/json' };
    return codec.encode({
        headers: Object.fromEntries(Object.entries(typed).map(
            ([name, text]) => [name, { type: 'string', value: text }])),
        body: Buffer.from(JSON.stringify(value)),
    });
}

// Cuts bytes as they come into whole frames.
class FrameReader {
    #rest = Buffer.alloc(0);

    *push(data) {
        this.#rest = Buffer.concat([this.#rest, data]);
        while (this.#rest.length >= 4) {
            const length = this.#rest.readUInt32BE(0);
            if (length < MIN_FRAME_BYTES || length > MAX_FRAME_BYTES) {
                throw bad(`A frame of ${length} bytes is not possible.`);
            }
            if (this.#rest.length < length) {
                return;
            }
            yield this.#rest.subarray(0, length);
            this.#rest = this.#rest.subarray(length);
        }
    }

    get isEmpty() {
        return this.#rest.length === 0;
    }
}

function decodeFrame(bytes) {
    try {
        return codec.decode(bytes);
    } catch (err) {
        throw bad(`The frame is damaged: ${err.message}`);
    }
}

// The PCM of a signed frame's payload.
function decodeAudio(payload) {
    const { headers, body } = decodeFrame(payload);
    if (headers[':message-type']?.value !== 'event'
        || headers[':event-type']?.value !== 'AudioEvent') {
        throw bad('The stream takes AudioEvent events only.');
    }
    if (body.length > MAX_AUDIO_BYTES || body.length % 2 !== 0) {
        throw bad('An audio chunk is at most 1 second of whole samples.');
    }
    return body;
}

function readParameters(headers) {
    const get = (name) => headers[`x-amzn-transcribe-${name}`];
    const stabilise = get('enable-partial-results-stabilization') === 'true';
    const settings = { language: get('language-code'),
        encoding: get('media-encoding'), rate: get('sample-rate'),
        sessionId: get('session-id') ?? randomUUID(),
        stability: stabilise ? get('partial-results-stability') ?? 'high'
            : undefined };
    if (!/^en-(US|GB|AU|IN|IE|NZ|ZA|AB|WL)$/.test(settings.language ?? '')) {
        throw bad('The language code is missing or not one that this'
            + ' stand-in hears: English only.');
    }
    if (settings.encoding !== 'pcm' || Number(settings.rate) !== RATE) {
        throw bad(`This stand-in takes media-encoding pcm at ${RATE} Hz.`);
    }
    if (!UUID.test(settings.sessionId)) {
        throw bad('The session id must be a UUID.');
    }
    if (![undefined, 'low', 'medium', 'high'].includes(settings.stability)) {
        throw bad('partial-results-stability is low, medium or high.');
    }
    return settings;
}

// The last answer while the client still sends: its half is closed too.
function endEarly(req, res, data) {
    req.stream?.once('finish', () => req.stream.close(
        http2.constants.NGHTTP2_NO_ERROR));
    res.end(data);
    req.resume();
}

// One talk's stream, from its checked request to its end.
class TalkStream {
    #ended = false;             // the empty frame has come
    #closed = false;
    #timer;
    #faultTimer;
    constructor({ req, res, proof, settings, recognizer, onAudio, onClose }) {
        Object.assign(this, { req, res, onAudio, onClose });
        this.chain = new EventChain(proof.signature, proof.keys);
        this.frames = new FrameReader();
        this.transcript = new Transcript(settings);
        this.recognizer = new Recognizer(recognizer,
            (line) => this.#send(line), (err) => this.#finish(err));
        this.#watch();
    }

    #watch() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.fail(bad('Your request timed out '
            + 'because no new audio was received for 15 seconds.')), IDLE_MS);
    }

    failAfter(ms, fault) {
        this.#faultTimer = setTimeout(() => fault.kind === 'cut'
            ? destroyConnection(this.req)
            : this.fail(MID_STREAM[fault.kind]), ms);
    }

    async run() {
        try {
            for await (const data of this.req) {
                for (const frame of this.frames.push(data)) {
                    await this.#take(frame);
                }
            }
            if (!this.#ended) {
                throw bad('A complete signal was sent without the preceding '
                    + 'empty frame.');
            }
        } catch (err) {
            this.fail(err instanceof AwsError ? err
                : MID_STREAM[500], !(err instanceof AwsError));
        }
    }

    async #take(bytes) {
        if (this.#ended) {
            throw bad('Data came after the empty frame.');
        }
        const { headers, body } = decodeFrame(bytes);
        const date = headers[':date']?.value;
        const signature = headers[':chunk-signature']?.value;
        if (!(date instanceof Date) || !(signature instanceof Uint8Array)) {
            throw bad('A frame has no :date or no :chunk-signature.');
        }
        await this.chain.verify({ date, signature, payload: body,
            nowMs: Date.now() });
        if (body.length === 0) {
            this.#ended = true;
            clearTimeout(this.#timer);
            this.recognizer.end();
            return;
        }
        const pcm = decodeAudio(body);
        this.onAudio(pcm.length);
        if (pcm.length > 0) {
            this.#watch();
        }
        await this.recognizer.write(pcm);
    }

    #send(line) {
        const result = this.transcript.take(line);
        if (this.#closed || result === undefined) {
            return;
        }
        if (this.res.writableLength > MAX_UNSENT_BYTES) {
            destroyConnection(this.req);    // it does not read
            return;
        }
        this.res.write(encodeJson({ ':message-type': 'event',
            ':event-type': 'TranscriptEvent' },
        { Transcript: { Results: [result] } }));
    }

    // The recogniser is done: with all of the audio, or before its time.
    #finish(err) {
        if (this.#ended && !err) {
            this.#close(() => this.res.end());
        } else {
            this.fail(MID_STREAM[500]);
        }
    }

    // Says why, if there is still somebody to say it to.
    fail(err, isGone = false) {
        this.#close(() => {
            if (!isGone && !this.res.destroyed) {
                endEarly(this.req, this.res, encodeJson({
                    ':message-type': 'exception', ':exception-type': err.code,
                }, { Message: err.message }));
            }
        });
    }

    #close(last) {
        if (this.#closed) {
            return;
        }
        this.#closed = true;
        clearTimeout(this.#timer);
        clearTimeout(this.#faultTimer);
        this.recognizer.kill();
        last();
        this.onClose();
    }
}

function refuse(req, res, err) {
    if (res.destroyed || res.stream?.destroyed) {
        return;
    }
    const known = err instanceof AwsError ? err : MID_STREAM[500];
    res.writeHead(known.status, { 'content-type': 'application/json',
        'x-amzn-errortype': known.code });
    endEarly(req, res, JSON.stringify({ Message: known.message }));
}

class Server {
    #used = new WeakSet();      // HTTP/2 sessions: one stream each, ever
    #talks = new Map();         // session id -> TalkStream
    #starting = 0;
    constructor(shared, recognizer) {
        Object.assign(this, { shared, recognizer });
    }

    #check(req) {
        if (req.httpVersionMajor !== 2) {
            throw bad('The stream needs HTTP/2.');
        }
        if (req.method !== 'POST' || req.url !== '/stream-transcription') {
            throw new AwsError('UnknownOperationException', '', 404);
        }
        if (this.#used.has(req.stream.session)) {
            throw bad('One stream per HTTP/2 session.');
        }
        if (this.#talks.size + this.#starting > MAX_STREAMS) {
            throw new AwsError('LimitExceededException', 'You have reached '
                + 'your account\'s limit of concurrent streams.', 429);
        }
        this.#used.add(req.stream.session);
    }

    async handle(req, res) {
        const { faults, calls } = this.shared;
        const fault = faults.take('transcribe', OPERATION);
        const isLater = fault?.ms > 0 && (fault.kind in MID_STREAM
            || fault.kind === 'cut');
        calls.add('transcribe', OPERATION);
        this.#starting++;
        try {
            this.#check(req);
            const clockError = await applyFault(isLater ? undefined : fault,
                SERVICE, req);
            res.setHeader('date',
                new Date(Date.now() + clockError).toUTCString());
            const proof = await verifyRequest({ method: req.method,
                url: req.url, headers: req.headers, body: Buffer.alloc(0),
                service: 'transcribe', nowMs: Date.now() + clockError });
            const talk = this.#open(req, res, proof);
            if (isLater) {
                talk.failAfter(fault.ms, fault);
            }
            talk.run();
        } catch (err) {
            if (!(err instanceof AwsError)) {
                console.error(`transcribe: ${err.stack}`);
            }
            refuse(req, res, err);
        } finally {
            this.#starting--;
        }
    }

    #open(req, res, proof) {
        const settings = readParameters(req.headers);
        const { sessionId } = settings;
        this.#talks.get(sessionId)?.fail(new AwsError('ConflictException',
            'A new stream started with the same session ID.', 409));
        res.writeHead(200, {
            'content-type': 'application/vnd.amazon.eventstream',
            'x-amzn-request-id': randomUUID(),
            'x-amzn-transcribe-session-id': sessionId,
            'x-amzn-transcribe-language-code': settings.language,
            'x-amzn-transcribe-media-encoding': settings.encoding,
            'x-amzn-transcribe-sample-rate': settings.rate,
        });
        res.flushHeaders();
        const talk = new TalkStream({ req, res, proof, settings,
            recognizer: this.recognizer,
            onAudio: (bytesIn) => this.shared.calls.add('transcribe',
                OPERATION, { calls: 0, bytesIn }),
            onClose: () => this.#talks.get(sessionId) === talk
                && this.#talks.delete(sessionId) });
        this.#talks.set(sessionId, talk);
        return talk;
    }

    get streams() {
        return this.#talks.size;
    }
}

export async function startTranscribe(shared, recognizer) {
    const server = new Server(shared, recognizer);
    const port = await listen({ tls: shared.tls,
        onRequest: (req, res) => server.handle(req, res) });
    return { ...port, health: () => ({ streams: server.streams }) };
}
