// The fleet of a bench: lt-workers with a configuration each, killed, stopped,
// started anew; and what their logs say afterwards.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../local/stack.mjs';
import { stopChild, waitFor } from './servers.mjs';

const linesOf = (file) => readFileSync(file, 'utf8').split('\n').filter((line) => line.startsWith('{'))
    .map((line) => { const one = JSON.parse(line); return { ...one, at: Date.parse(one.time) }; });

export class Fleet {
    all = [];                   // every process that there ever was
    kills = [];

    constructor({ binary, dir, config }) {
        Object.assign(this, { binary, dir, config });
    }

    // A child that ends with us, even when we are killed.
    async start(changes = {}) {
        const statusPort = await freePort();
        const name = join(this.dir, `worker-${this.all.length}`);
        writeFileSync(`${name}.conf`, Object.entries({ ...this.config, status_listen: `127.0.0.1:${statusPort}`, ...changes })
            .map(([key, value]) => `${key} = ${value}\n`).join(''));
        const log = openSync(`${name}.log`, 'a');
        const child = spawn('setpriv', ['--pdeathsig', 'KILL', this.binary, '-c', `${name}.conf`],
            { stdio: ['ignore', log, log] });
        closeSync(log);
        const worker = { child, log: `${name}.log`, statusPort, conf: `${name}.conf`, pid: child.pid };
        this.all.push(worker);
        await waitFor(statusPort, child, `${name}: see ${worker.log}`);
        return worker;
    }

    async figures(worker) {
        return (await fetch(`http://127.0.0.1:${worker.statusPort}/`)).json();
    }

    // Ended, and nobody asked for it.
    get crashes() {
        return this.all.filter((worker) => !this.living.includes(worker)
            && !this.kills.some((kill) => kill.worker === worker)).length;
    }

    get living() {
        return this.all.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    }

    async kill(worker) {
        this.kills.push({ worker, at: Date.now() });
        await stopChild(worker.child, 'SIGKILL');
    }

    async stop() {
        await Promise.all(this.living.map(({ child }) => stopChild(child, 'SIGTERM')));
    }

    // Of each shard that a killed worker had: ms until another one had it.
    takeovers() {
        const logs = new Map(this.all.map((worker) => [worker, linesOf(worker.log)]));
        return this.kills.flatMap(({ worker, at }) => {
            const shards = new Set();
            for (const { event, shard } of logs.get(worker)) {
                if (event === 'lease_taken') {
                    shards.add(shard);
                } else if (event === 'lease_lost' || event === 'lease_released') {
                    shards.delete(shard);
                }
            }
            return [...shards].map((shard) => Math.min(...this.all.filter((other) => other !== worker)
                .flatMap((other) => logs.get(other)).filter((line) => line.event === 'lease_taken'
                    && line.shard === shard && line.at >= at).map((line) => line.at - at)));
        });
    }

    // How often each event came, of all logs.
    events(...names) {
        const lines = this.all.flatMap(({ log }) => linesOf(log));
        return Object.fromEntries(names.map((name) => [name, lines.filter(({ event }) => event === name).length]));
    }
}
