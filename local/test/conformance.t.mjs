// Drives the stand-ins with AWS's official clients, so that our own code is
// never judged by our own servers only. Prints TAP; needs the recognizer
// (RECOGNIZER=path, default build/local/recognizer).
import { readFile } from 'node:fs/promises';
import { checkFaults } from './check-faults.mjs';
import { checkCli, checkPolly, checkS3, checkTranslate } from './check-http.mjs';
import { checkFleet } from './check-fleet.mjs';
import { checkKinesis } from './check-kinesis.mjs';
import { checkIdle, checkStreamLimits, checkTranscribe }
    from './check-transcribe.mjs';
import { start } from './stand-ins.mjs';
import { note, ok, run } from '../../t/e2e/tap.mjs';

const LIMIT_MS = 180_000;

async function conform(env) {
    env.caText = await readFile(env.ca, 'utf8');

    const idle = checkIdle(env);

    await checkKinesis(env);
    await checkTranslate(env);
    await checkS3(env, await checkPolly(env));
    await checkCli(env);
    await checkTranscribe(env);
    (await idle)();
    await checkStreamLimits(env);
    await checkFleet(env);
    await checkFaults(env);
}

await run(async () => {
    const from = performance.now();
    const env = await start('--shards', '2');

    ok(performance.now() - from < 10_000, 'all stand-ins are ready within 10 s');
    setTimeout(() => {
        ok(false, `the test ends within ${LIMIT_MS / 1000} s`);
        process.exit(1);        // the stand-ins end with their standard input
    }, LIMIT_MS).unref();
    try {
        await conform(env);
    } finally {
        await env.stop();
    }
    note(`${((performance.now() - from) / 1000).toFixed(1)} s`);
});
