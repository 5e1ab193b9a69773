// Polly's SynthesizeSpeech and DescribeVoices on espeak-ng and lame, run as
// children. The text goes in by standard input: arguments are for all to see.
import { spawn } from 'node:child_process';
import { AwsError } from './sigv4.mjs';
import { jsonAnswer, parseJson } from './front.mjs';

const MAX_CHARACTERS = 3000;
const MAX_CONCURRENT = 18;          // as AWS's for neural voices
const MAX_AUDIO_BYTES = 64 * 1024 * 1024;
const CHILD_TIMEOUT_MS = 20_000;
const ENGINES = ['standard', 'neural', 'long-form', 'generative'];
const RATES = { mp3: [8000, 16000, 22050, 24000, 44100, 48000],
    pcm: [8000, 16000] };
const TYPES = { mp3: 'audio/mpeg', pcm: 'audio/pcm' };

// Id, language, its name, gender, engines, espeak-ng voice.
const VOICES = [
    ['Joanna', 'en-US', 'US English', 'Female', 'gns', 'en-us+f3'],
    ['Matthew', 'en-US', 'US English', 'Male', 'gns', 'en-us+m3'],
    ['Ruth', 'en-US', 'US English', 'Female', 'gn', 'en-us+f2'],
    ['Amy', 'en-GB', 'British English', 'Female', 'gns', 'en-gb+f3'],
    ['Lucia', 'es-ES', 'Castilian Spanish', 'Female', 'gns', 'es+f5'],
    ['Sergio', 'es-ES', 'Castilian Spanish', 'Male', 'gn', 'es+m3'],
    ['Mia', 'es-MX', 'Mexican Spanish', 'Female', 'gns', 'es-419+f5'],
    ['Lupe', 'es-US', 'US Spanish', 'Female', 'gns', 'es-419+f5'],
    ['Pedro', 'es-US', 'US Spanish', 'Male', 'gn', 'es-419+m3'],
    ['Lea', 'fr-FR', 'French', 'Female', 'gns', 'fr-fr+f3'],
    ['Remi', 'fr-FR', 'French', 'Male', 'gn', 'fr-fr+m3'],
    ['Gabrielle', 'fr-CA', 'Canadian French', 'Female', 'n', 'fr-fr+f2'],
    ['Camila', 'pt-BR', 'Brazilian Portuguese', 'Female', 'gns', 'pt-br+f3'],
    ['Ines', 'pt-PT', 'Portuguese', 'Female', 'ns', 'pt+f3'],
    ['Arlet', 'ca-ES', 'Catalan', 'Female', 'n', 'ca+f3'],
    ['Vicki', 'de-DE', 'German', 'Female', 'gns', 'de+f3'],
    ['Bianca', 'it-IT', 'Italian', 'Female', 'gns', 'it+f3'],
].map(([Id, LanguageCode, LanguageName, Gender, engines, espeak]) => ({
    view: { Id, Name: Id, LanguageCode, LanguageName, Gender,
        SupportedEngines: ENGINES.filter((e) => engines.includes(e[0])) },
    espeak,
}));

function invalid(field, value, allowed) {
    return new AwsError('ValidationException',
        `1 validation error detected: Value '${String(value).slice(0, 40)}' at `
        + `'${field}' failed to satisfy constraint: Member must satisfy enum `
        + `value set: [${allowed.join(', ')}]`);
}

// The request as settled values, or what AWS says of it.
function parse(input) {
    const { Text, VoiceId, OutputFormat, Engine = 'standard',
        TextType = 'text' } = input;
    if (typeof Text !== 'string' || Text === '') {
        throw new AwsError('ValidationException',
            '1 validation error detected: Value at \'text\' failed to satisfy '
            + 'constraint: Member must not be null');
    }
    const voice = VOICES.find(({ view }) => view.Id === VoiceId);
    if (!voice) {
        throw invalid('voiceId', VoiceId, VOICES.map(({ view }) => view.Id));
    }
    if (!(OutputFormat in TYPES)) {
        throw invalid('outputFormat', OutputFormat, Object.keys(TYPES));
    }
    if (!ENGINES.includes(Engine)) {
        throw invalid('engine', Engine, ENGINES);
    }
    if (!['text', 'ssml'].includes(TextType)) {
        throw invalid('textType', TextType, ['ssml', 'text']);
    }
    if (!voice.view.SupportedEngines.includes(Engine)) {
        throw new AwsError('EngineNotSupportedException',
            `This voice does not support the selected engine: ${Engine}`);
    }
    const rate = Number(input.SampleRate ?? (OutputFormat === 'pcm' ? 16000
        : Engine === 'standard' ? 22050 : 24000));
    if (!RATES[OutputFormat].includes(rate)) {
        throw new AwsError('InvalidSampleRateException',
            'The specified sample rate is not valid.');
    }
    const ssml = TextType === 'ssml';
    if (ssml && !/^\s*<speak\b[^]*<\/speak>\s*$/.test(Text)) {
        throw new AwsError('InvalidSsmlException', 'Invalid SSML request');
    }
    const spoken = ssml ? Text.replace(/<[^>]*>/g, '') : Text;
    if ([...spoken].length > MAX_CHARACTERS) {
        throw new AwsError('TextLengthExceededException',
            'Maximum text length has been exceeded');
    }
    return { text: Text, ssml, rate, format: OutputFormat, voice,
        characters: [...spoken].length };
}

// Runs a filter: bytes in, bytes out.
function filter(command, args, input) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args,
            { stdio: ['pipe', 'pipe', 'ignore'], timeout: CHILD_TIMEOUT_MS,
                killSignal: 'SIGKILL' });
        const parts = [];
        let length = 0;
        child.on('error', reject);
        child.stdin.on('error', () => {});
        child.stdout.on('data', (part) => {
            parts.push(part);
            length += part.length;
            if (length > MAX_AUDIO_BYTES) {
                child.kill('SIGKILL');
            }
        });
        child.on('close', (code) => code === 0
            ? resolve(Buffer.concat(parts))
            : reject(new Error(`${command} ended with ${code}`)));
        child.stdin.end(input);
    });
}

const WAV_HEADER_BYTES = 44;
const ESPEAK_RATE = 22050;

// By the nearest of two neighbours, weighted: for the pcm format only.
function resample(pcm, from, to) {
    const count = Math.floor(pcm.length / 2 * to / from);
    const out = Buffer.alloc(count * 2);
    for (let i = 0; i < count; i++) {
        const at = i * from / to;
        const left = Math.floor(at);
        const a = pcm.readInt16LE(left * 2);
        const b = left * 2 + 2 < pcm.length ? pcm.readInt16LE(left * 2 + 2) : a;
        out.writeInt16LE(Math.round(a + (b - a) * (at - left)), i * 2);
    }
    return out;
}

async function speak({ text, ssml, rate, format, voice }) {
    const wav = await filter('espeak-ng', ['--stdout', '--stdin', '-b', '1',
        '-v', voice.espeak, '-s', '160', ...(ssml ? ['-m'] : [])], text);
    if (format === 'pcm') {
        const pcm = wav.subarray(WAV_HEADER_BYTES);
        return resample(pcm.subarray(0, pcm.length & ~1), ESPEAK_RATE, rate);
    }
    return filter('lame', ['--quiet', '-m', 'm', '--resample',
        String(rate / 1000), '-b', '48', '-q', '7', '-', '-'], wav);
}

let speaking = 0;

async function synthesize(body) {
    const request = parse(parseJson(body));
    if (speaking >= MAX_CONCURRENT) {
        throw new AwsError('ThrottlingException', 'Rate exceeded');
    }
    speaking++;
    try {
        return { body: await speak(request), headers: {
            'content-type': TYPES[request.format],
            'x-amzn-requestcharacters': String(request.characters),
        } };
    } finally {
        speaking--;
    }
}

function describe(url) {
    const query = new URL(url, 'http://host').searchParams;
    const [language, engine] = [query.get('LanguageCode'), query.get('Engine')];
    const Voices = VOICES.map(({ view }) => view).filter((view) =>
        (!language || view.LanguageCode === language)
        && (!engine || view.SupportedEngines.includes(engine)));
    return jsonAnswer({ Voices }, 'application/json');
}

const OPERATIONS = { 'POST /v1/speech': 'SynthesizeSpeech',
    'GET /v1/voices': 'DescribeVoices' };

export function pollyService() {
    return {
        name: 'polly', signingName: 'polly', protocol: 'rest',
        maxBody: 256 * 1024,
        throttleCode: 'ThrottlingException',
        failureCode: 'ServiceFailureException',
        operationOf: (req) =>
            OPERATIONS[`${req.method} ${req.url.split('?')[0]}`] ?? 'Unknown',
        async handle({ req, body, operation }) {
            switch (operation) {
            case 'SynthesizeSpeech': return synthesize(body);
            case 'DescribeVoices': return describe(req.url);
            default: throw new AwsError('UnknownOperationException', '', 404);
            }
        },
        stop: () => {},
    };
}
