// Starts the stand-ins for a test, with helpers that tests share.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { credentials, region } from '../config.mjs';

const AWS = fileURLToPath(new URL('../aws.mjs', import.meta.url));
const CLIPS = '/usr/share/pocketsphinx/test/data/librivox';

export async function start(...options) {
    const dir = await mkdtemp(`${tmpdir()}/stand-ins-`);
    const recognizer = process.env.RECOGNIZER
        ? ['--recognizer', process.env.RECOGNIZER] : [];
    const child = spawn(process.execPath,
        [AWS, '--dir', dir, ...recognizer, ...options],
        { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface(child.stdout);
    const [line] = await Promise.race([once(lines, 'line'),
        once(child, 'exit').then(([code]) => {
            throw new Error(`aws.mjs ended with ${code}`);
        })]);
    return { ...JSON.parse(line), child, dir,
        async stop() {
            child.stdin.end();
            if (child.exitCode === null && child.signalCode === null) {
                await once(child, 'exit');
            }
            await rm(dir, { recursive: true, force: true });
        } };
}

// Options for an official client: one attempt, so that errors are seen.
export const client = (endpoint, more = {}) => ({ region, endpoint,
    credentials, maxAttempts: 1, ...more });

export async function setFault(env, fault) {
    const res = await fetch(`${env.admin}/fault`,
        { method: 'POST', body: JSON.stringify(fault) });
    return { status: res.status, body: await res.json() };
}

export const clearFaults = (env) =>
    fetch(`${env.admin}/fault`, { method: 'DELETE' });

export const getCalls = async (env) =>
    (await fetch(`${env.admin}/calls`)).json();

// PCM and text of one recording of the Debian package pocketsphinx-testdata.
export async function clip(number) {
    const files = await readdir(CLIPS);
    const file = files.find((name) => name.endsWith(`-${number}.wav`));
    const lines = (await readFile(`${CLIPS}/transcription`, 'utf8'))
        .split('\n');
    const text = lines.find((line) => line.includes(`-${number})`));
    const wav = await readFile(`${CLIPS}/${file}`);
    return { pcm: wav.subarray(44),
        text: text.replace(/<\/?s>|\(.*\)/g, '').trim() };
}

const wordsOf = (text) => text.toLowerCase().replace(/[^a-z' ]/g, ' ')
    .split(/\s+/).filter(Boolean);

// Word error rate: edits over the words that were said.
export function wordErrorRate(said, heard) {
    const [a, b] = [wordsOf(said), wordsOf(heard)];
    let row = b.map((_, i) => i + 1);
    row.unshift(0);
    for (const [i, word] of a.entries()) {
        const next = [i + 1];
        for (const [j, other] of b.entries()) {
            next.push(Math.min(row[j + 1] + 1, next[j] + 1,
                row[j] + (word === other ? 0 : 1)));
        }
        row = next;
    }
    return row.at(-1) / a.length;
}

// All processes below one, by /proc.
export async function descendants(pid) {
    const parents = new Map();
    for (const entry of await readdir('/proc')) {
        const stat = /^\d+$/.test(entry) && await readFile(
            `/proc/${entry}/stat`, 'utf8').catch(() => '');
        const [state, parent] = (stat || '').replace(/^.*\) /s, '').split(' ');
        if (stat && state !== 'Z') {
            parents.set(Number(entry), Number(parent));
        }
    }
    const found = [pid];
    for (const one of found) {
        parents.forEach((parent, child) => parent === one
            && found.push(child));
    }
    return found.slice(1);
}

export async function isAlive(pid) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return stat !== '' && !/\) Z /.test(stat);
}
