// Fifty talks while workers die: what is lost, what comes twice, how long does
// anybody wait?
//   node bench/fleet.mjs --module FILE --worker FILE [--minutes 10] [--talks 50]
//       [--keep DIR]
// Two nginx, three workers, one Redis, one stream of six shards (local/aws.mjs);
// speech that answers at once (fleet-speech.mjs) and says which bytes it heard.
// Each talk's speaker is at one nginx, its listener, in another language, at
// the other. All the time a worker is killed with -9 each 30 s, in turn, and
// one is started in its place. Once a worker is stopped for 10 s and continued,
// once Redis (appendonly, fsync each second) is ended and started; two shards
// are split and two pairs merged, while talks run.
// Byte ledger: every millisecond of a talk's audio has its number in it; lost
// is what was accepted and no recogniser was ever given. Segment ledger, at the
// listeners: numbers from 1 without a gap, none twice; each word of the talk
// once. A wait is the time between two segments that follow one another at a
// listener, all of it; a gap is how much longer it is than the spacing that
// segments should have, batch_window (3 s): in it the listener hears nothing.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { percentile } from '../local/client.mjs';
import { freePort } from '../local/stack.mjs';
import * as standIns from '../local/test/stand-ins.mjs';
import { judge, Talk } from './fleet-talks.mjs';
import { Fleet } from './fleet-workers.mjs';
import { startTalker } from './processes.mjs';
import { startRedis, startServers, stopChild } from './servers.mjs';

const { KinesisClient, ListShardsCommand, MergeShardsCommand, SplitShardCommand } = createRequire(
    new URL('../local/package.json', import.meta.url))('@aws-sdk/client-kinesis');
const { values: options } = parseArgs({ options: {
    module: { type: 'string' },
    worker: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    talks: { type: 'string', default: '50' },
    keep: { type: 'string' },
} });
const PERIOD_MS = 30_000;
const TOTAL_MS = Math.round(Number(options.minutes) * 60_000 / 5600) * 5600;    // whole sentences
const SHARDS = 6, WORKERS = 3, SPACING_MS = 3000, STOP_MS = 10_000, GAP_MAX_MS = 8000;
const TOKEN = 'fleet-bench-fleet-bench-fleet-bench';
// Within a period, ms: a kill, and what else there is in some.
const AT = { reshard: 3000, kill: 12_000, stop: 24_000, redis: 26_000 };

const say = (text) => console.log(`  ${text}`);

// ---- the stream's shards

async function openShards({ client, stream }) {
    const { Shards } = await client.send(new ListShardsCommand({ StreamName: stream }));
    return Shards.filter((one) => !one.SequenceNumberRange.EndingSequenceNumber)
        .map(({ ShardId, HashKeyRange: { StartingHashKey, EndingHashKey } }) =>
            ({ id: ShardId, from: BigInt(StartingHashKey), to: BigInt(EndingHashKey) }))
        .sort((a, b) => (a.from < b.from ? -1 : 1));
}

async function split(kinesis) {
    const [widest] = (await openShards(kinesis)).sort((a, b) => (a.to - a.from > b.to - b.from ? -1 : 1));
    await kinesis.client.send(new SplitShardCommand({ StreamName: kinesis.stream, ShardToSplit: widest.id,
        NewStartingHashKey: String((widest.from + widest.to) / 2n + 1n) }));
    say(`${widest.id} is split`);
}

async function merge(kinesis) {
    const shards = await openShards(kinesis);
    const pairs = shards.slice(1).map((right, i) => [shards[i], right])
        .sort((a, b) => (a[1].to - a[0].from < b[1].to - b[0].from ? -1 : 1));
    const [left, right] = pairs[0];
    await kinesis.client.send(new MergeShardsCommand({ StreamName: kinesis.stream, ShardToMerge: left.id,
        AdjacentShardToMerge: right.id }));
    say(`${left.id} and ${right.id} are merged`);
}

// ---- what goes wrong

function plan({ fleet, kinesis, redis }) {
    const periods = Math.max(1, Math.floor(TOTAL_MS / PERIOD_MS));
    const at = (period, offset) => (period % periods) * PERIOD_MS + offset;
    const half = Math.floor(periods / 2);
    const kills = Array.from({ length: periods }, (_, i) => [at(i, AT.kill), async () => {
        const [oldest] = fleet.living.filter((worker) => worker !== fleet.stopped);
        say(`${path.basename(oldest.log, '.log')} is killed`);
        await fleet.kill(oldest);
        await fleet.start();
    }]);
    const stop = [at(Math.floor(periods / 4), AT.stop), async () => {
        fleet.stopped = fleet.living.at(-1);
        say(`${path.basename(fleet.stopped.log, '.log')} is stopped`);
        fleet.stopped.child.kill('SIGSTOP');
        await sleep(STOP_MS);
        fleet.stopped.child.kill('SIGCONT');
        delete fleet.stopped;
    }];
    return [...kills, stop,
        [at(half, AT.redis), async () => { await redis.restart(); say('Redis was restarted'); }],
        [at(0, AT.reshard), () => split(kinesis)],
        [at(half, AT.reshard), () => merge(kinesis)],
        [at(Math.floor(periods / 3), AT.reshard + 15_000), () => split(kinesis)],
        [at(periods - 1, AT.reshard + 15_000), () => merge(kinesis)],
    ].sort((a, b) => a[0] - b[0]);
}

async function trouble(things) {
    const began = Date.now();
    const running = [];
    for (const [at, act] of plan(things)) {
        await sleep(Math.max(0, began + at - Date.now()));
        running.push(act().catch((error) => say(`trouble went wrong: ${error.message}`)));
    }
    await Promise.all(running);
}

// ---- the figures

function report({ talks, fleet, ledger, kills, took }) {
    const found = talks.map(judge);
    const sum = (of) => found.reduce((a, one) => a + of(one), 0);
    const bytes = talks.map((talk) => talk.saidBytes - (ledger.talks[talk.number]?.heard ?? 0));
    const longest = found.reduce((a, one) => (one.gap.wait > a.gap.wait ? one : a));
    const result = {
        bench: 'fleet', talks: talks.length, minutes: TOTAL_MS / 60_000, kills,
        audio_bytes: talks.reduce((a, talk) => a + talk.saidBytes, 0),
        audio_bytes_lost: bytes.reduce((a, b) => a + b, 0),
        segments: sum((one) => one.segments), segments_lost: sum((one) => one.lost),
        segments_doubled: sum((one) => one.doubled), segments_captioned: sum((one) => one.captions),
        segments_out_of_order: sum((one) => one.disorder),
        words: sum((one) => one.words), words_lost: sum((one) => one.wordsLost.length),
        words_doubled: sum((one) => one.wordsDoubled), crashes: fleet.crashes,
        longest_gap_ms: longest.gap.wait - SPACING_MS, longest_wait_ms: longest.gap.wait,
        takeover_p50_ms: percentile(took, 0.5), takeover_max_ms: Math.max(...took),
    };
    for (const [i, one] of found.entries()) {
        if (bytes[i] || one.lost || one.doubled || one.wordsLost.length || one.wordsDoubled || !talks[i].isOver) {
            say(`talk ${talks[i].number} ${talks[i].id}: ${JSON.stringify({ ...one, wordsLost: one.wordsLost.slice(0, 10), bytesLost: bytes[i],
                dropped: talks[i].dropped, isOver: Boolean(talks[i].isOver), isSpeakerCut: talks[i].isSpeakerCut })}`);
        }
    }
    say(`longest wait until ${new Date(longest.gap.at).toISOString()}; waits over 8 s: ${sum((one) => one.over8s)}`);
    say(`take-overs: ${took.length}; streams: ${ledger.streams}, ${ledger.conflicts} ended by another; bytes heard again: ${
        ledger.talks.reduce((a, one) => a + one.again, 0)}`);
    say(JSON.stringify(fleet.events('lease_taken', 'lease_lost', 'session_abandoned', 'shard_moving', 'shard_read_out',
        'stream_failed', 'audio_gap', 'segment_failed', 'publish_failed', 'shard_stuck', 'aws_call_failed', 'redis_lost')));
    return result;
}

const isGood = (r) => r.audio_bytes_lost === 0 && r.segments_lost === 0 && r.segments_doubled === 0
    && r.segments_out_of_order === 0 && r.words_lost === 0 && r.words_doubled === 0 && r.crashes === 0 && r.longest_wait_ms < GAP_MAX_MS;

async function main() {
    const dir = options.keep ?? mkdtempSync(path.join(tmpdir(), 'lt-fleet-'));
    mkdirSync(path.join(dir, 'redis'), { recursive: true });
    writeFileSync(path.join(dir, 'token'), `${TOKEN}\n`, { mode: 0o600 });
    process.env.RECOGNIZER = fileURLToPath(import.meta.url);    // nobody asks the stand-ins for speech
    const endings = [];
    try {
        const redisPort = await freePort();
        const start = () => startRedis(path.join(dir, 'redis'), redisPort, '--appendonly', 'yes', '--appendfsync', 'everysec');
        const redis = { child: await start(), async restart() {
            await stopChild(this.child, 'SIGTERM');
            this.child = await start();
        } };
        endings.push(() => stopChild(redis.child, 'SIGKILL'));
        const aws = await standIns.start('--shards', String(SHARDS));
        endings.push(() => aws.stop());
        const client = new KinesisClient(standIns.client(aws.kinesis));
        endings.push(() => client.destroy());
        const speech = startTalker(process.execPath, [fileURLToPath(new URL('fleet-speech.mjs', import.meta.url))]);
        endings.push(() => speech.stop());
        const { url } = await speech.hear();
        const hosts = [];
        for (let i = 0; i < 2; i += 1) {
            hosts.push(await startServers({ module: options.module, kinesisPort: new URL(aws.kinesis).port, redisPort,
                linger: '100ms', buffer: '8s', record: 'framed', stream: aws.stream,
                credentials: readFileSync(aws.credentials, 'utf8'),
                http: () => `lt_audio_rate 0; lt_results_token_file ${dir}/token;`,
                locations: 'location = /lt/results { lt_results; client_max_body_size 1m; client_body_buffer_size 64k; }' }));
            endings.push(() => hosts[i].stop());
        }
        const fleet = new Fleet({ binary: options.worker, dir, config: {
            aws_region: aws.region, aws_credentials_file: aws.credentials, kinesis_stream: aws.stream,
            kinesis_endpoint: aws.kinesis, transcribe_endpoint: url, translate_endpoint: url, polly_endpoint: url,
            s3_endpoint: url, s3_bucket: aws.bucket, s3_path_style: 'on', redis: `127.0.0.1:${redisPort}`,
            results_urls: hosts.map(({ port }) => `http://127.0.0.1:${port}/lt/results`).join(' '),
            results_token_file: `${dir}/token`, transcribe_streams_max: 100, translate_rate: 1000,
            polly_rate: 1000 } });
        endings.push(() => fleet.stop());
        for (let i = 0; i < WORKERS; i += 1) {
            await fleet.start();
        }
        const talks = Array.from({ length: Number(options.talks) }, (_, i) => new Talk(i, hosts.map(({ port }) => port)));
        for (const talk of talks) {
            await talk.open();
        }
        say(`${talks.length} talks, ${TOTAL_MS / 1000} s of audio each`);
        await Promise.all([trouble({ fleet, kinesis: { client, stream: aws.stream }, redis }),
            ...talks.map(async (talk) => { await sleep(talk.number * 50); await talk.speak(TOTAL_MS); })]);
        writeFileSync(path.join(dir, 'talks.json'), JSON.stringify(talks.map(({ id, number, heard }) => ({ id, number, heard }))));
        const result = report({ talks, fleet, ledger: await speech.ask('ledger'), kills: fleet.kills.length,
            took: fleet.takeovers() });
        console.log(JSON.stringify(result));
        process.exitCode = isGood(result) ? 0 : 1;
    } finally {
        for (const end of endings.reverse()) {
            await end();
        }
        if (!options.keep) {
            rmSync(dir, { recursive: true, force: true });
        }
    }
}

await main();
