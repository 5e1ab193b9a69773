// AWS on a laptop: node local/aws.mjs --dir DIR [--shards N] [--recognizer P]
// [--speech M: a module with other translateService and pollyService]
// Starts every stand-in on a free loopback port, prints one JSON line when
// all are ready, and ends, with its children, when its standard input ends or
// on SIGTERM or SIGINT.
import { access, chmod, constants, mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bucket, credentials, region, stream } from './config.mjs';
import { Calls, Faults, startAdmin } from './faults.mjs';
import { startFleet } from './fleet.mjs';
import { startFront } from './front.mjs';
import { kinesisService } from './kinesis.mjs';
import * as polly from './polly.mjs';
import { s3Service } from './s3.mjs';
import { makeCertificates } from './tls.mjs';
import { startTranscribe } from './transcribe.mjs';
import * as translate from './translate.mjs';

const RECOGNIZER = fileURLToPath(
    new URL('../build/local/recognizer', import.meta.url));
const USAGE = 'usage: aws.mjs --dir DIR [--shards N] [--recognizer PATH] '
    + '[--speech MODULE]';

function readArguments() {
    const { values } = parseArgs({ options: {
        dir: { type: 'string' },
        shards: { type: 'string', default: '1' },
        recognizer: { type: 'string', default: RECOGNIZER },
        speech: { type: 'string' },
    } });
    const shards = Number(values.shards);
    if (!values.dir || !Number.isInteger(shards) || shards < 1
        || shards > 500) {
        throw new Error(USAGE);
    }
    return { ...values, dir: resolve(values.dir), shards };
}

async function writeCredentials(dir) {
    const file = `${dir}/credentials`;
    await writeFile(file, '# Keys of the stand-ins on this machine: not a '
        + 'secret, they open nothing else.\n[default]\n'
        + `aws_access_key_id = ${credentials.accessKeyId}\n`
        + `aws_secret_access_key = ${credentials.secretAccessKey}\n`);
    await chmod(file, 0o600);
    return file;
}

// What has been started, to be ended in the opposite order.
const running = [];

function end(code) {
    running.splice(0).reverse().forEach((stop) => stop());
    process.exit(code);
}

async function startAll({ dir, shards, recognizer, speech }) {
    await access(recognizer, constants.X_OK).catch(() => {
        throw new Error(`no recognizer at ${recognizer}: build it first`);
    });
    await mkdir(dir, { recursive: true });
    const [{ ca, tls }, kinesis, s3] = await Promise.all([
        makeCertificates(dir), kinesisService(dir, shards), s3Service(dir)]);
    const { translateService, pollyService } = speech
        ? await import(resolve(speech)) : { ...translate, ...polly };
    const services = [kinesis, s3, translateService(), pollyService()];
    services.forEach((service) => running.push(service.stop));

    const shared = { tls, faults: new Faults(), calls: new Calls() };
    const urls = {};
    for (const service of services) {
        const front = await startFront(service, shared);
        running.push(front.close);
        urls[service.name] = `http://127.0.0.1:${front.port}`;
    }
    const transcribe = await startTranscribe(shared, recognizer);
    running.push(transcribe.close);
    urls.transcribe = `https://127.0.0.1:${transcribe.port}`;

    const fleet = await startFleet();
    running.push(fleet.close);

    const admin = await startAdmin({ ...shared, services: Object.keys(urls),
        health: () => ({ ok: true, kinesis: kinesis.health(),
            transcribe: transcribe.health() }) });
    running.push(admin.close);
    return { region, ...urls, admin: `http://127.0.0.1:${admin.port}`, ca,
        credentials: await writeCredentials(dir), stream, bucket,
        fleet: fleet.url, container: fleet.container };
}

process.on('SIGTERM', () => end(0));
process.on('SIGINT', () => end(0));
process.stdin.on('end', () => end(0)).on('error', () => end(0)).resume();
process.stdout.on('error', () => end(0));
process.on('unhandledRejection', (err) => {
    console.error(`stand-ins: ${err?.stack ?? err}`);
    end(1);
});

try {
    const ready = await startAll(readArguments());
    process.stdout.write(`${JSON.stringify(ready)}\n`);
} catch (err) {
    console.error(`stand-ins: ${err.message}`);
    end(1);
}
