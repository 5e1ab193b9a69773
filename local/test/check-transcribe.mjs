// Transcribe streaming: the official client for what must work, a raw one for
// what must be refused.
import { randomUUID } from 'node:crypto';
import { StartStreamTranscriptionCommand, TranscribeStreamingClient }
    from '@aws-sdk/client-transcribe-streaming';
import { is, note, ok, refused } from '../../t/e2e/tap.mjs';
import { clearFaults, client, clip, setFault, wordErrorRate }
    from './stand-ins.mjs';
import { RawStream, connect } from './raw-transcribe.mjs';

const CHUNK = 3200;     // 100 ms
const silence = (seconds) => Buffer.alloc(seconds * 32_000);

function* chunks(pcm) {
    for (let at = 0; at < pcm.length; at += CHUNK) {
        yield pcm.subarray(at, at + CHUNK);
    }
}

// By the official client, over HTTP/2 with prior knowledge.
async function transcribe(env, pcm, more = {}, options = {}) {
    const transcribe = new TranscribeStreamingClient(client(
        env.transcribe.replace('https:', 'http:'), options));
    const answer = await transcribe.send(new StartStreamTranscriptionCommand({
        LanguageCode: 'en-US', MediaEncoding: 'pcm',
        MediaSampleRateHertz: 16000, EnablePartialResultsStabilization: true,
        PartialResultsStability: 'high', ...more,
        AudioStream: (async function* () {
            for (const AudioChunk of chunks(pcm)) {
                yield { AudioEvent: { AudioChunk } };
            }
        })() }));
    const results = [];
    for await (const event of answer.TranscriptResultStream) {
        results.push(...event.TranscriptEvent?.Transcript?.Results ?? []);
    }
    transcribe.destroy();
    return { answer, results };
}

const textOf = (results) => results.filter((r) => !r.IsPartial)
    .map((r) => r.Alternatives[0].Transcript).join(' ');

// What was Stable once comes again, unchanged, in all that follows.
function brokenPromises(results) {
    const stable = new Map();
    let broken = 0;
    for (const { ResultId, Alternatives: [{ Items }] } of results) {
        const before = stable.get(ResultId) ?? [];
        broken += before.filter((item, i) =>
            Items[i]?.Content !== item.Content || !Items[i]?.Stable).length;
        stable.set(ResultId, Items.filter((item) => item.Stable));
    }
    return broken;
}

async function realSpeech(env) {
    const clips = await Promise.all(['0870', '0880', '0890'].map(clip));
    const pcm = Buffer.concat(clips.flatMap((c) => [c.pcm, silence(1)]));
    const sessionId = randomUUID();
    const { answer, results } = await transcribe(env, pcm,
        { SessionId: sessionId });
    is([answer.SessionId, !!answer.RequestId], [sessionId, true],
        'the answer names session and request');
    const finals = results.filter((r) => !r.IsPartial);
    const partials = results.filter((r) => r.IsPartial);
    const seconds = pcm.length / 32_000;
    ok(finals.length >= 3, 'a final for each pause', finals.length);
    ok(partials.length > seconds * 1.5 && partials.length < seconds * 5,
        `partials while it is spoken: ${partials.length} in ${seconds} s`);
    const rate = wordErrorRate(clips.map((c) => c.text).join(' '),
        textOf(results));
    ok(rate < 0.45, `word error rate ${rate.toFixed(2)}`, textOf(results));
    is(brokenPromises(results), 0, 'stable words do not change');
    ok(partials.some((r) => r.Alternatives[0].Items.some((i) => i.Stable)),
        'words become stable before the final');
    const items = finals.flatMap((r) => r.Alternatives[0].Items)
        .filter((i) => i.Type === 'pronunciation');
    ok(items.every((item, i) => item.EndTime > item.StartTime
        && (i === 0 || item.StartTime >= items[i - 1].StartTime)
        && item.EndTime <= seconds), 'words have rising times');
    ok(finals.every((r) => /^[A-Z].*\.$/.test(r.Alternatives[0].Transcript)),
        'finals have a capital and a full stop');
    const plain = await transcribe(env, clips[1].pcm,
        { EnablePartialResultsStabilization: false,
            PartialResultsStability: undefined });
    ok(plain.results.length > 0 && plain.results.every((r) =>
        r.Alternatives[0].Items.every((i) => i.Stable === undefined)),
    'no Stable where it was not asked for');
}

// More than 12 s without a pause is cut all the same.
async function longSpeech(env) {
    const { pcm } = await clip('0870');
    const voiced = pcm.subarray(16_000, pcm.length - 32_000);
    const { results } = await transcribe(env,
        Buffer.concat([voiced, voiced, voiced, silence(1)]));
    const lengths = results.filter((r) => !r.IsPartial)
        .map((r) => r.EndTime - r.StartTime);
    ok(lengths.length >= 2 && Math.max(...lengths) <= 12.5,
        'long speech comes in parts of 12 s at most', lengths.join(' '));
}

async function refusals(env) {
    const { pcm } = await clip('0880');
    const cases = [
        ['a wrong chunk signature', (s) => s.send(pcm.subarray(0, CHUNK),
            { change: (sig) => sig.fill(0, 0, 1) && sig.fill(7, 1) }),
        /signature/],
        ['a chunk that is sent twice', async (s) => {
            const frame = await s.frame(RawStream.audio(silence(0.1)));
            s.h2.write(Buffer.concat([frame, frame]));
        }, /signature/],
        ['changed audio under a signature', async (s) => {
            const payload = RawStream.audio(silence(0.1));
            const frame = await s.frame(payload);
            // the inner frame's last sample, checksums made good again
            const other = RawStream.audio(Buffer.alloc(3200, 1));
            const { prior } = s;
            const fake = await s.frame(other, { change: () =>
                Buffer.from(prior, 'hex') });
            ok(frame.length === fake.length, 'both frames are equally long');
            s.h2.write(fake);
        }, /signature/],
        ['a damaged frame', async (s) => {
            const frame = await s.frame(RawStream.audio(silence(0.1)));
            frame[200] ^= 1;
            s.h2.write(frame);
        }, /damaged/],
        ['a frame of another day', (s) => s.send(silence(0.1),
            { date: new Date(Date.now() - 6 * 60 * 1000) }), /expired/],
        ['an end without the empty frame', async (s) => {
            await s.send(silence(0.1));
            s.h2.end();
        }, /without the preceding empty frame/],
        ['an impossible length', (s) => s.h2.write(Buffer.alloc(16, 0xff)),
            /not possible/],
        ['an odd number of bytes', (s) => s.send(Buffer.alloc(3201)),
            /whole samples/],
        ['two seconds in one chunk', (s) => s.send(silence(2)),
            /1 second|not possible/],
    ];
    for (const [what, act, pattern] of cases) {
        const session = await connect(env);
        const stream = await RawStream.open(session);
        await act(stream);
        const last = (await stream.messages()).at(-1);
        ok(last?.type === 'BadRequestException'
            && pattern.test(last.value.Message), `${what} is refused`,
        JSON.stringify(last));
        session.destroy();
    }
}

async function starts(env) {
    const session = await connect(env);
    const first = await RawStream.open(session);
    is((await first.headers)[':status'], 200,
        'headers come before any audio, over TLS');
    const second = await RawStream.open(session);
    is((await second.messages())[0].type, 'BadRequestException',
        'a second stream on one connection is refused');
    is((await first.finish()).length, 0, 'an empty talk ends without results');
    session.destroy();
    for (const [headers, what] of [
        [{ 'x-amzn-transcribe-sample-rate': '8000' }, 'a wrong rate'],
        [{ 'x-amzn-transcribe-language-code': 'xx-XX' }, 'a wrong language'],
        [{ 'x-amzn-transcribe-session-id': 'mine' }, 'a bad session id'],
    ]) {
        const other = await connect(env);
        const stream = await RawStream.open(other, headers);
        is((await stream.messages())[0].type, 'BadRequestException', what);
        other.destroy();
    }
    await refused(transcribe(env, silence(0.1), {}, { credentials:
        { accessKeyId: 'LOCALLOCALLOCALLOCAL', secretAccessKey: 'wrong' } }),
    'InvalidSignatureException', 'a wrong secret');
}

async function limits(env) {
    const id = randomUUID();
    const sessions = await Promise.all(Array.from({ length: 26 },
        () => connect(env)));
    const open = await Promise.all(sessions.slice(0, 25).map((s, i) =>
        RawStream.open(s, i === 0 ? { 'x-amzn-transcribe-session-id': id }
            : {})));
    await Promise.all(open.map((s) => s.headers));
    const over = await RawStream.open(sessions[25]);
    is([(await over.headers)[':status'], (await over.messages())[0].type],
        [429, 'LimitExceededException'], 'the 26th stream is too many');
    open[24].h2.close();
    await open[24].closed;
    sessions[25].destroy();
    sessions[25] = await connect(env);
    const again = await RawStream.open(sessions[25],
        { 'x-amzn-transcribe-session-id': id });
    is((await open[0].messages()).at(-1).type, 'ConflictException',
        'a session id that is opened again ends the first stream');
    is((await again.headers)[':status'], 200, 'and goes on in the second');
    sessions.forEach((s) => s.destroy());
}

async function faults(env) {
    const speech = async () => (await transcribe(env, silence(0.5))).results;
    for (const [kind, name] of [['throttle', 'LimitExceededException'],
        ['500', 'InternalFailureException'],
        ['expired', 'ExpiredTokenException'],
        ['skew', 'InvalidSignatureException']]) {
        await setFault(env, { service: 'transcribe', kind });
        await refused(speech(), name, `fault ${kind} at the start`);
    }
    is(await speech(), [], 'each fault was for one call');
    for (const [kind, name] of [['throttle', 'LimitExceededException'],
        ['500', 'InternalFailureException'],
        ['expired', 'BadRequestException']]) {
        await setFault(env, { service: 'transcribe', kind, ms: 50 });
        const session = await connect(env);
        const stream = await RawStream.open(session);
        await stream.send(silence(0.1));
        is((await stream.messages()).at(-1)?.type, name,
            `fault ${kind} in mid-stream`);
        session.destroy();
    }
    await setFault(env, { service: 'transcribe', kind: 'cut', ms: 50 });
    const session = await connect(env);
    const stream = await RawStream.open(session);
    is((await stream.headers)[':status'], 200, 'fault cut: it begins well');
    const gone = new Promise((resolve) => session.once('close', resolve));
    await Promise.all([gone, stream.closed]);
    is(stream.bytes.length, 0, 'and the connection is lost without a word');
    await clearFaults(env);
}

// Runs beside the rest: it takes 15 s.
export async function checkIdle(env) {
    const session = await connect(env);
    const stream = await RawStream.open(session);
    await stream.send(silence(0.1));
    const from = performance.now();
    const last = (await stream.messages()).at(-1);
    const seconds = (performance.now() - from) / 1000;
    session.destroy();
    return () => {
        ok(seconds > 14 && seconds < 17, 'no audio for 15 s ends a stream',
            seconds);
        is([last?.type, last?.value.Message], ['BadRequestException',
            'Your request timed out because no new audio was received for '
            + '15 seconds.'], 'in AWS\'s words');
    };
}

export async function checkTranscribe(env) {
    await realSpeech(env);
    await longSpeech(env);
    await starts(env);
    await refusals(env);
    await faults(env);
    note('limits');
}

export { limits as checkStreamLimits };
