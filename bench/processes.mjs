// What a process costs, from /proc, and programs that talk in lines of JSON.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readFileSync, readdirSync } from 'node:fs';

// CPU time of all its threads in seconds, user and system, by the scheduler's
// clock: /proc/<pid>/stat counts in steps of 10 ms.
export const cpuSeconds = (pid) => {
    let ns = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
        try {
            ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
        } catch { /* a thread that has just ended */ }
    }
    return ns / 1e9;
};

export const rssBytes = (pid) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

export const childrenOf = (pid) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

// A child that prints JSON lines: say() writes one line, hear() resolves with
// the next object it prints.
export const startTalker = (command, args, env = {}) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const hear = async () => {
        const { value, done } = await lines.next();
        if (done) {
            throw new Error(`${command} ended`);
        }
        return JSON.parse(value);
    };
    const say = (line) => child.stdin.write(`${line}\n`);
    const ask = (line) => { say(line); return hear(); };
    const stop = () => new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) {
            resolve();
            return;
        }
        child.once('exit', resolve);
        child.stdin.end();
        setTimeout(() => child.kill('SIGKILL'), 5000).unref();
    });
    return { pid: child.pid, say, hear, ask, stop, end: () => child.stdin.end() };
};
