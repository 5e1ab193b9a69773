// What a talk costs one worker process, and whether that stays so.
//   node bench/capacity.mjs --worker FILE [--talks 500] [--minutes 10]
//       [--speed 1] [--languages es]
// All talks speak all the time (capacity-kinesis.mjs), each has one listener in
// each of these languages; speech and nginx answer at once (fleet-speech.mjs --clock).
// CPU is the worker's, of all its threads; memory is its RSS less that before
// anybody spoke. --speed 6: six seconds of audio in each, so that a talk is an
// hour old after ten minutes; CPU is still for a second of a talk.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../local/stack.mjs';
import { Fleet } from './fleet-workers.mjs';
import { cpuSeconds, rssBytes, startTalker } from './processes.mjs';
import { startRedis, stopChild } from './servers.mjs';

const { values: options } = parseArgs({ options: {
    worker: { type: 'string' },
    talks: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '10' },
    speed: { type: 'string', default: '1' },
    languages: { type: 'string', default: 'es' },
} });
const [TALKS, MINUTES, SPEED] = [options.talks, options.minutes, options.speed].map(Number);
const LANGUAGES = options.languages.split(',');
const SHARDS = 20, STEP_MS = 30_000, WARM_MS = 60_000;
const KIB_MAX = 256 + 16 * (LANGUAGES.length - 1), GROWTH_KIB_MAX = 8;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

// A listener in each language for each talk, as nginx would note it.
function join(socket, ids) {
    const commands = ids.flatMap((id) => [`HSET lt:{${id}}:session sessionId ${id} sourceLanguage en status active`,
        `HSET lt:{${id}}:languages ${LANGUAGES.map((code) => `${code} 1`).join(' ')}`]);
    execFileSync('redis-cli', ['-s', socket], { input: commands.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] });
}

async function watch(fleet, worker, base) {
    const rows = [];
    const began = Date.now();
    let before = { at: began, cpu: cpuSeconds(worker.pid), segments: 0 };

    while (Date.now() - began < MINUTES * 60_000) {
        await sleep(Math.min(STEP_MS, MINUTES * 60_000 - (Date.now() - began)));
        const { counters, gauges, histograms } = await fleet.figures(worker);
        const now = { at: Date.now(), cpu: cpuSeconds(worker.pid), segments: counters.segments_published };
        const seconds = (now.at - before.at) / 1000;
        const row = { minute: (now.at - began) / 60_000, talks: gauges.sessions_live, streams: gauges.streams_live,
            core: (now.cpu - before.cpu) / seconds, rss: rssBytes(worker.pid),
            segments: (now.segments - before.segments) / seconds, late: histograms.loop_late_ms.max_ms,
            lost: counters.pcm_bytes_overflow + counters.pcm_bytes_gap + counters.segments_failed
                + counters.segments_captioned + counters.streams_failed };
        row.kib = (row.rss - base) / 1024 / TALKS;
        rows.push(row);
        console.log(`  ${row.minute.toFixed(1).padStart(6)} min ${String(row.talks).padStart(5)} talks  ${
            (row.core * 100).toFixed(1).padStart(5)} % of a core  ${(row.core * 1000 / TALKS / SPEED).toFixed(3)} ms/talk s  ${
            (row.rss / 1048576).toFixed(1).padStart(6)} MiB  ${row.kib.toFixed(1).padStart(6)} KiB/talk  ${
            row.segments.toFixed(0).padStart(4)} segments/s`);
        before = now;
    }
    return rows;
}

function judge(rows) {
    const steady = rows.filter(({ minute }) => minute * 60_000 > Math.min(WARM_MS, MINUTES * 30_000));
    const core = steady.reduce((a, { core: one }) => a + one, 0) / steady.length;
    return { bench: 'capacity', talks: TALKS, languages: LANGUAGES.length, minutes: MINUTES, speed: SPEED,
        hours_of_talk: Math.round(TALKS * MINUTES * SPEED / 6) / 10,
        cpu_ms_per_talk_second: Number((core * 1000 / TALKS / SPEED).toFixed(3)),
        talks_per_core: Math.round(TALKS * SPEED / core),
        kib_per_talk: Number(Math.max(...steady.map(({ kib }) => kib)).toFixed(1)),
        growth_kib_per_talk: Number((steady.at(-1).kib - steady[0].kib).toFixed(1)),
        talks_live: steady.at(-1).talks, lost_or_failed: steady.at(-1).lost,
        loop_late_max_ms: steady.at(-1).late, cpu: os.cpus()[0].model };
}

// A talk at speed 6 has six times the audio in memory.
const isGood = (r) => r.kib_per_talk < KIB_MAX * SPEED && r.growth_kib_per_talk <= GROWTH_KIB_MAX * SPEED
    && r.talks_live === TALKS && r.lost_or_failed === 0;

async function main() {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'lt-capacity-'));
    const endings = [() => rmSync(dir, { recursive: true, force: true })];
    try {
        const socket = `${dir}/redis.sock`;
        const redis = await startRedis(dir, await freePort(), '--unixsocket', socket);
        endings.push(() => stopChild(redis, 'SIGKILL'));
        const kinesis = startTalker(process.execPath, [here('capacity-kinesis.mjs'), SHARDS, TALKS, SPEED].map(String));
        const speech = startTalker(process.execPath, [here('fleet-speech.mjs'), '--clock']);
        endings.push(() => kinesis.stop(), () => speech.stop());
        const [{ url: stream, ids }, { url }] = await Promise.all([kinesis.hear(), speech.hear()]);
        join(socket, ids);
        writeFileSync(`${dir}/credentials`, '[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = bench\n');
        writeFileSync(`${dir}/token`, 'capacity-bench-capacity-bench\n', { mode: 0o600 });
        const fleet = new Fleet({ binary: options.worker, dir, config: { aws_region: 'us-east-1',
            aws_credentials_file: `${dir}/credentials`, kinesis_stream: 'bench', kinesis_endpoint: stream,
            transcribe_endpoint: url, translate_endpoint: url, polly_endpoint: url, s3_endpoint: url, s3_bucket: 'bench',
            s3_path_style: 'on', redis: `unix:${socket}`, results_urls: `${url}/lt/results`, results_token_file: `${dir}/token`,
            batch_size: 1000, transcribe_streams_max: 10_000, transcribe_starts_max: 1000, translate_rate: 10_000,
            polly_rate: 10_000, starting_position: 'trim_horizon', log_level: 'warn' } });
        const worker = await fleet.start();
        endings.push(() => fleet.stop());
        await sleep(3000);
        const base = rssBytes(worker.pid);
        console.log(`  ${TALKS} talks for ${MINUTES} minutes at speed ${SPEED}; ${(base / 1048576).toFixed(1)} MiB before`);
        await kinesis.ask('speak');
        const result = judge(await watch(fleet, worker, base));
        console.log(JSON.stringify(result));
        process.exitCode = isGood(result) ? 0 : 1;
    } finally {
        for (const end of endings.reverse()) {
            await end();
        }
    }
}

await main();
