// Translate and Polly that need no engines: a text is its own translation, a
// clip is as long as it would be in that language and silent. SPEECH is a JSON
// file { wpm, longer: { fr: 1.3 }, translateMs, voiceMs, late, lateMs, lost }:
// late and lost are shares of the clips; whose turn it is is always the same.
// With "log" in it each request is written to that file, a line each.
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonAnswer, parseJson } from '../local/front.mjs';
import { pollyService as realPolly } from '../local/polly.mjs';
import { AwsError } from '../local/sigv4.mjs';
import { translateService as realTranslate } from '../local/translate.mjs';

const PAD_S = 0.1;              // silence at a clip's ends
const FRAME_S = 0.024;
const FRAME = Buffer.alloc(144);        // MPEG 2, layer III, 24 kHz, 48 kbit/s
Buffer.from([0xff, 0xf3, 0x64, 0xc4]).copy(FRAME);

const plan = { wpm: 150, longer: {}, translateMs: 200, voiceMs: 300, late: 0,
    lateMs: 4000, lost: 0, ...JSON.parse(readFileSync(process.env.SPEECH)) };

function note(operation, input) {
    if (plan.log) {
        appendFileSync(plan.log, `${JSON.stringify({ operation, ...input })}\n`);
    }
}

// Every nth clip, n = 1 / share; the first one is "at" of n.
function isTurn(turn, share, at) {
    const n = Math.round(1 / share);
    return share > 0 && turn % n === Math.floor(n * at);
}

function clip({ Text, TextType, LanguageCode }) {
    const text = TextType === 'ssml' ? Text.replace(/<[^>]*>/g, '') : Text;
    const rate = Number(/rate="(\d+)%"/.exec(Text)?.[1] ?? 100) / 100;
    const words = text.trim().split(/\s+/).length;
    const longer = plan.longer[LanguageCode.slice(0, 2)] ?? 1;
    const seconds = words * 60 / plan.wpm * longer / rate + PAD_S;

    return Buffer.concat(Array(Math.ceil(seconds / FRAME_S)).fill(FRAME));
}

export function translateService() {
    return { ...realTranslate({ isCold: true }), async handle({ body }) {
        const input = parseJson(body);
        const { Text, SourceLanguageCode, TargetLanguageCode } = input;
        note('TranslateText', input);
        await sleep(plan.translateMs);
        return jsonAnswer({ TranslatedText: Text, SourceLanguageCode,
            TargetLanguageCode });
    } };
}

export function pollyService() {
    const real = realPolly();
    let n = 0;

    return { ...real, async handle(call) {
        if (call.operation !== 'SynthesizeSpeech') {
            return real.handle(call);
        }
        const turn = ++n;
        const input = parseJson(call.body);
        note('SynthesizeSpeech', input);
        await sleep(isTurn(turn, plan.late, 0.9) ? plan.lateMs : plan.voiceMs);
        if (isTurn(turn, plan.lost, 0.5)) {
            throw new AwsError('InvalidSsmlException', 'Invalid SSML request');
        }
        return { body: clip(input), headers: { 'content-type': 'audio/mpeg' } };
    } };
}
