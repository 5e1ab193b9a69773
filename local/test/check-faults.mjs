// The fault switch, the counters, and the end of the processes.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient, ListStreamsCommand, PutRecordsCommand }
    from '@aws-sdk/client-kinesis';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { TranslateClient, TranslateTextCommand } from '@aws-sdk/client-translate';
import { PollyClient, SynthesizeSpeechCommand } from '@aws-sdk/client-polly';
import { is, ok, refused } from '../../t/e2e/tap.mjs';
import { clearFaults, client, descendants, getCalls, isAlive, setFault, start }
    from './stand-ins.mjs';

const NAMES = {
    throttle: { kinesis: 'ProvisionedThroughputExceededException',
        translate: 'ThrottlingException', polly: 'ThrottlingException',
        s3: 'SlowDown' },
    500: { kinesis: 'InternalFailureException',
        translate: 'InternalServerException',
        polly: 'ServiceFailureException', s3: 'InternalError' },
    expired: { kinesis: 'ExpiredTokenException',
        translate: 'ExpiredTokenException', polly: 'ExpiredTokenException',
        s3: 'ExpiredToken' },
    skew: { kinesis: 'InvalidSignatureException',
        translate: 'InvalidSignatureException',
        polly: 'InvalidSignatureException', s3: 'RequestTimeTooSkewed' },
};

function callersOf(env) {
    const of = (service, Client, make, more) => () => new Client(
        client(env[service], more)).send(make());
    return {
        kinesis: of('kinesis', KinesisClient, () => new ListStreamsCommand({})),
        translate: of('translate', TranslateClient, () =>
            new TranslateTextCommand({ Text: 'x', SourceLanguageCode: 'en',
                TargetLanguageCode: 'en' })),
        polly: of('polly', PollyClient, () => new SynthesizeSpeechCommand(
            { Text: 'x', VoiceId: 'Lupe', OutputFormat: 'mp3' })),
        s3: of('s3', S3Client, () => new PutObjectCommand(
            { Bucket: env.bucket, Key: 'f', Body: 'x' }),
        { forcePathStyle: true }),
    };
}

async function errors(env) {
    const callers = callersOf(env);
    for (const [kind, names] of Object.entries(NAMES)) {
        for (const [service, call] of Object.entries(callers)) {
            await setFault(env, { service, kind });
            await refused(call(), names[service], `${service}: ${kind}`);
            ok(await call(), `${service}: ${kind} was for one call`);
        }
    }
    await setFault(env, { service: 'translate', kind: 'cut' });
    const cut = await callers.translate().catch((err) => err);
    ok(/ECONNRESET|socket hang up/.test(`${cut.code} ${cut.message}`),
        'cut: the connection is lost', `${cut.name} ${cut.message}`);
    await setFault(env, { service: 'polly', kind: 'slow', ms: 400 });
    const from = performance.now();
    await callers.polly();
    ok(performance.now() - from >= 400, 'slow: it takes its time');

    // A client that learns the server's clock from its answer gets through.
    await setFault(env, { service: 'translate', kind: 'skew', times: 2,
        ms: 20 * 60 * 1000 });
    ok(await new TranslateClient(client(env.translate, { maxAttempts: 3 }))
        .send(new TranslateTextCommand({ Text: 'x', SourceLanguageCode: 'en',
            TargetLanguageCode: 'en' })), 'skew: a client can correct it');
    await clearFaults(env);
}

async function rules(env) {
    const callers = callersOf(env);
    await setFault(env, { service: 'kinesis', operation: 'PutRecords',
        kind: '500' });
    ok(await callers.kinesis(), 'a fault of one operation spares the others');
    await clearFaults(env);
    await setFault(env, { service: 'kinesis', kind: 'partial' });
    const kinesis = new KinesisClient(client(env.kinesis));
    const Records = ['a', 'b', 'c', 'd', 'e'].map((PartitionKey) =>
        ({ PartitionKey, Data: Buffer.from('x') }));
    const answer = await kinesis.send(new PutRecordsCommand(
        { StreamName: env.stream, Records }));
    is([answer.FailedRecordCount, answer.Records.map((r) =>
        r.ErrorCode ?? !!r.SequenceNumber)], [3, ['InternalFailure', true,
        'InternalFailure', true, 'InternalFailure']],
    'partial: every second record fails, in its place');
    await setFault(env, { service: 'polly', kind: '500', times: -1 });
    await refused(callers.polly(), 'ServiceFailureException', 'times -1: once');
    await refused(callers.polly(), 'ServiceFailureException', 'and again');
    await clearFaults(env);
    ok(await callers.polly(), 'until it is deleted');
    for (const wrong of [{ service: 'nobody', kind: '500' },
        { service: 's3', kind: 'rain' }, { service: 's3', kind: 'partial' },
        { service: 's3', kind: '500', times: 0 },
        { service: 's3', kind: 'slow', ms: -1 }]) {
        is((await setFault(env, wrong)).status, 400,
            `refused: ${JSON.stringify(wrong)}`);
    }
}

async function counts(env) {
    const before = await getCalls(env);
    await callersOf(env).kinesis();
    const after = await getCalls(env);
    is(after.kinesis.ListStreams - before.kinesis.ListStreams, 1,
        'each call is counted');
    is(after.s3, before.s3, 'and no other');
}

// An upload that is reset half way ends kinesalite when it gets there.
async function resetUpload(env) {
    const { port } = new URL(env.kinesis);
    await new Promise((resolve) => {
        const req = http.request({ host: '127.0.0.1', port, method: 'POST',
            headers: { 'content-length': 100_000 } });
        req.on('error', resolve);
        req.write(Buffer.alloc(50_000), () => setTimeout(
            () => req.destroy(new Error('reset')), 50));
    });
    await sleep(200);
    ok(await callersOf(env).kinesis(), 'a reset upload harms nobody');
    const health = await (await fetch(`${env.admin}/health`)).json();
    is(health.kinesis.restarts, 0, 'the emulator never saw it');
}

// Killed, it is started again on the same files.
async function emulatorDies(env) {
    const pids = await descendants(env.child.pid);
    const lines = await Promise.all(pids.map((pid) =>
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    process.kill(pids[lines.findIndex((l) => l.includes('kinesalite-child'))],
        'SIGKILL');
    const call = callersOf(env).kinesis;
    const first = await call().catch((err) => err);
    let names = [];
    for (let i = 0; i < 50 && names.length === 0; i++) {
        await sleep(100);
        names = (await call().catch(() => ({}))).StreamNames ?? [];
    }
    ok(first.name === 'InternalFailure' && names.includes(env.stream),
        'the emulator is started again when it dies, with its streams',
        `${first.name} ${names}`);
}

async function allGone(pids) {
    for (let i = 0; i < 40; i++) {
        const alive = await Promise.all(pids.map(isAlive));
        if (!alive.some(Boolean)) {
            return true;
        }
        await sleep(100);
    }
    return false;
}

async function commandsOf(pids) {
    return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8')
        .then((name) => name.trim(), () => 'gone')));
}

// Nothing stays: at the end of standard input, by SIGTERM, by kill -9.
async function endings() {
    for (const [name, end] of [
        ['end of input', (child) => child.stdin.end()],
        ['SIGTERM', (child) => child.kill('SIGTERM')],
        ['kill -9', (child) => child.kill('SIGKILL')]]) {
        const env = await start();
        await new TranslateClient(client(env.translate)).send(
            new TranslateTextCommand({ Text: 'The house.',
                SourceLanguageCode: 'en', TargetLanguageCode: 'es' }));
        const pids = await descendants(env.child.pid);
        end(env.child);
        const gone = await allGone([env.child.pid, ...pids]);
        ok(pids.length > 10 && gone,
            `${name}: all of ${pids.length} processes end`,
            await commandsOf(pids));
        await env.stop();
    }
}

export async function checkFaults(env) {
    await errors(env);
    await rules(env);
    await counts(env);
    await resetUpload(env);
    await emulatorDies(env);
    await endings();
}
