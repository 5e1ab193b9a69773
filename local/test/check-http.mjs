// Translate, Polly and S3 by their official clients.
import { execFile, spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { DescribeVoicesCommand, PollyClient, SynthesizeSpeechCommand }
    from '@aws-sdk/client-polly';
import { GetObjectCommand, PutObjectCommand, S3Client }
    from '@aws-sdk/client-s3';
import { TranslateClient, TranslateTextCommand } from '@aws-sdk/client-translate';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { credentials, region } from '../config.mjs';
import { is, ok, refused } from '../../t/e2e/tap.mjs';
import { client } from './stand-ins.mjs';

const run = promisify(execFile);

export async function checkTranslate(env) {
    const translate = new TranslateClient(client(env.translate));
    const to = async (target, Text, source = 'en') => (await translate.send(
        new TranslateTextCommand({ Text, SourceLanguageCode: source,
            TargetLanguageCode: target }))).TranslatedText;

    for (const [target, text, pattern, source] of [
        ['es', 'Good morning. The weather is nice.', /^Buenos días\. .*tiempo/],
        ['es', 'good morning everybody', /buenos días/i],
        ['ca', 'The new school is near the river.', /escola nova.*riu/],
        ['pt', 'The new school is near the river.', /escola nova.*rio/],
        ['fr', 'The new school is near the river.', /école nouvelle.*rivi|fleuve/],
        ['en', 'La escuela nueva está cerca del río.', /new school.*river/, 'es'],
        ['pt', 'La escuela nueva.', /escola nova/, 'es'],
        ['fr', 'La escuela nueva.', /école nouvelle/i, 'es'],
    ]) {
        const text2 = await to(target, text, source);
        ok(pattern.test(text2), `${source ?? 'en'} to ${target}: ${text2}`);
    }
    const please = await to('es', 'please close the door');
    ok(/por favor$/.test(please) && !/complac/.test(please),
        `"please" is rendered: ${please}`);
    is(await to('en', 'as it is <b>', 'en'), 'as it is <b>',
        'the same language is an echo');
    const odd = await to('es', 'a $5 <b> [x] ^y$ {z} \\ @ / end');
    ok(odd.includes('<b>') && odd.includes('[x]') && odd.includes('{z} \\'),
        `markup survives: ${odd}`);
    const many = await Promise.all(Array.from({ length: 20 },
        (_, i) => to('es', `The house number ${i}.`)));
    ok(many.every((text, i) => text.includes(` ${i}.`)),
        'twenty at once keep their order', many.join('|'));
    await refused(to('ja', 'x'), 'UnsupportedLanguagePairException',
        'a pair that there is not');
    await refused(to('es', 'x'.repeat(10_001)),
        'TextSizeLimitExceededException', 'a text over 10,000 bytes');
}

export async function checkPolly(env) {
    const polly = new PollyClient(client(env.polly));
    const speak = (input) => polly.send(new SynthesizeSpeechCommand({
        Text: 'Buenos días a todos.', VoiceId: 'Lupe', Engine: 'neural',
        OutputFormat: 'mp3', SampleRate: '24000', ...input }));

    const answer = await speak({});
    const mp3 = await answer.AudioStream.transformToByteArray();
    is([answer.ContentType, answer.RequestCharacters], ['audio/mpeg', 20],
        'an MP3, and its characters counted');
    await writeFile(`${env.dir}/voice.mp3`, mp3);
    const decoded = spawnSync('lame', ['--quiet', '--decode', '-t',
        `${env.dir}/voice.mp3`, '-'], { maxBuffer: 1 << 24 }).stdout;
    const peak = Math.max(...new Int16Array(decoded.buffer.slice(
        decoded.byteOffset, decoded.byteOffset + (decoded.length & ~1))));
    ok(decoded.length > 24_000 && decoded.length < 5 * 48_000 && peak > 3000,
        'it decodes to speech at 24 kHz', `${decoded.length} B, peak ${peak}`);
    const slow = await (await speak({ TextType: 'ssml', Text: '<speak><prosody'
        + ' rate="50%">Buenos días a todos.</prosody></speak>' }))
        .AudioStream.transformToByteArray();
    ok(slow.length > mp3.length * 1.3, 'SSML: half the rate takes longer',
        `${slow.length} to ${mp3.length}`);
    await refused(speak({ VoiceId: 'Nobody' }), 'ValidationException',
        'a voice that there is not');
    await refused(speak({ VoiceId: 'Sergio', Engine: 'standard' }),
        'EngineNotSupportedException', 'an engine that it has not');
    await refused(speak({ SampleRate: '12345' }),
        'InvalidSampleRateException', 'a strange sample rate');
    await refused(speak({ Text: 'x'.repeat(3001) }),
        'TextLengthExceededException', 'too long a text');
    await refused(speak({ TextType: 'ssml' }), 'InvalidSsmlException',
        'SSML that is none');
    const { Voices } = await polly.send(new DescribeVoicesCommand(
        { LanguageCode: 'ca-ES' }));
    is(Voices.map((v) => v.Id), ['Arlet'], 'DescribeVoices by language');
    return mp3;
}

// A presigned GET as a client without the SDK makes it: only host is signed.
function presign(url, date, expires) {
    const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
    const day = date.slice(0, 8);
    const scope = `${day}/${region}/s3/aws4_request`;
    const query = [['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
        ['X-Amz-Credential', `${credentials.accessKeyId}/${scope}`],
        ['X-Amz-Date', date], ['X-Amz-Expires', expires],
        ['X-Amz-SignedHeaders', 'host']]
        .map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
    const { pathname, host } = new URL(url);
    const canonical = `GET\n${pathname}\n${query}\nhost:${host}\n\nhost\n`
        + 'UNSIGNED-PAYLOAD';
    const key = [day, region, 's3', 'aws4_request'].reduce(hmac,
        `AWS4${credentials.secretAccessKey}`);
    const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n`
        + createHash('sha256').update(canonical).digest('hex'));
    return `${url}?${query}&X-Amz-Signature=${signature.toString('hex')}`;
}

const stamp = (ms) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');

export async function checkS3(env, mp3) {
    const options = { ...client(env.s3), forcePathStyle: true };
    const s3 = new S3Client(options);
    const object = { Bucket: env.bucket, Key: 'session-1/es/000001.mp3' };
    const put = (one) => one.send(new PutObjectCommand({ ...object, Body: mp3,
        ContentType: 'audio/mpeg' }));

    ok((await put(s3)).ETag, 'PutObject');
    const url = await getSignedUrl(s3, new GetObjectCommand(object),
        { expiresIn: 60 });
    const got = await fetch(url, { headers: { origin: 'http://listener' } });
    const body = Buffer.from(await got.arrayBuffer());
    ok(got.status === 200 && body.equals(Buffer.from(mp3)),
        'the presigned GET brings the same bytes');
    is([got.headers.get('content-type'),
        got.headers.get('access-control-allow-origin') !== null],
    ['audio/mpeg', true], 'as audio, and to pages of another origin');

    const plain = `${env.s3}/${env.bucket}/${object.Key}`;
    const statusOf = async (target) => (await fetch(target)).status;
    is(await statusOf(presign(plain, stamp(Date.now()), 60)), 200,
        'a presigned URL by hand');
    is(await statusOf(presign(plain, stamp(Date.now() - 120_000), 60)), 403,
        'expired: 403');
    is(await statusOf(presign(plain, stamp(Date.now()), 60)
        .replace('000001', '000002')), 403, 'tampered path: 403');
    is(await statusOf(url.replace('Expires=60', 'Expires=6000')), 403,
        'tampered time: 403');
    is(await statusOf(plain), 403, 'not signed: 403');
    await refused(put(new S3Client({ ...options, credentials:
        { ...credentials, secretAccessKey: 'wrong' } })),
    'SignatureDoesNotMatch', 'a wrong secret');
}

// Debian's awscli: another language, another implementation (botocore).
export async function checkCli(env) {
    const environment = { ...process.env, AWS_DEFAULT_REGION: region,
        AWS_SHARED_CREDENTIALS_FILE: env.credentials, AWS_PAGER: '' };
    const aws = async (endpoint, ...args) => (await run('/usr/bin/aws',
        ['--endpoint-url', endpoint, ...args], { env: environment })).stdout;
    const file = `${env.dir}/cli.bin`;
    await writeFile(file, 'x');
    ok(JSON.parse(await aws(env.kinesis, 'kinesis', 'list-streams'))
        .StreamNames.includes(env.stream), 'awscli: kinesis list-streams');
    ok(/casa/.test(await aws(env.translate, 'translate', 'translate-text',
        '--text', 'The house', '--source-language-code', 'en',
        '--target-language-code', 'es')), 'awscli: translate translate-text');
    ok(/ETag/.test(await aws(env.s3, 's3api', 'put-object', '--bucket',
        env.bucket, '--key', 'cli', '--body', file)), 'awscli: s3api put-object');
    ok(/audio\/mpeg/.test(await aws(env.polly, 'polly', 'synthesize-speech',
        '--voice-id', 'Lucia', '--output-format', 'mp3', '--text', 'Hola',
        file)), 'awscli: polly synthesize-speech');
}
