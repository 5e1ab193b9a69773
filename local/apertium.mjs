// Translation engines: Apertium's own pipelines, kept standing. Its wrapper
// buffers for ever, so the stages of a mode file are run themselves, each
// flushing at a NUL; one text goes in and comes out at a time.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

const MODES = '/usr/share/apertium/modes';
const TEXT_TIMEOUT_MS = 15_000;     // a first text waits for dictionaries
const MAX_WAITING = 200;
const TAIL = '.[][\n]';         // ends a sentence that has no full stop

// "lt-proc $1 'x' | apertium-tagger -g $2 'y'" with every stage unbuffered;
// $1 = -n: no marks at words that are not in the dictionary.
function shellOf(mode) {
    return mode.trim().split('|').map((stage) => stage.trim()
        .replace(/\$1/g, '-n').replace(/\$2/g, '')
        .replace(/^(\S+)/, '$1 -z')).join(' | ');
}

const escapeText = (text) => text.replace(/[\^$/[\]{}<>@\\]/g, '\\$&')
    .replace(/[\0\r\n]/g, ' ');
const unescapeText = (text) => text.replace(/\\(.)/g, '$1');

class Pipeline {
    #child;             // a promise: it is started by its first text
    #pid;
    #waiting = [];
    #output = [];
    constructor(name) {
        this.name = name;
    }

    async #start() {
        const mode = await readFile(`${MODES}/${this.name}.mode`, 'utf8');
        const child = spawn('/bin/sh', ['-c', shellOf(mode)],
            { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
        this.#pid = child.pid;
        child.stdin.on('error', () => {});
        child.stdout.on('data', (data) => child.pid === this.#pid
            && this.#read(data));
        for (const event of ['error', 'exit']) {
            child.on(event, () => child.pid === this.#pid
                && this.#fail('ended'));
        }
        return child;
    }

    #read(data) {
        for (let end; (end = data.indexOf(0)) !== -1;
            data = data.subarray(end + 1)) {
            this.#output.push(data.subarray(0, end));
            const text = Buffer.concat(this.#output).toString('utf8');
            this.#output = [];
            const job = this.#waiting.shift();
            job?.resolve(unescapeText(text.replace('[][\n]', ''))
                .replace(/\s*\.?\s*$/, '').trim());
        }
        this.#output.push(data);
    }

    #fail(why) {
        this.stop();
        this.#waiting.splice(0).forEach((job) => job.reject(
            new Error(`apertium ${this.name} ${why}`)));
        this.#output = [];
    }

    // The text without its full stop, in the other language.
    async translate(text) {
        if (this.#waiting.length >= MAX_WAITING) {
            throw new Error(`apertium ${this.name} is overloaded`);
        }
        const child = await (this.#child ??= this.#start());
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => this.#fail('hangs'),
                TEXT_TIMEOUT_MS);
            const done = (settle) => (value) => {
                clearTimeout(timer);
                settle(value);
            };
            this.#waiting.push({ resolve: done(resolve),
                reject: done(reject) });
            child.stdin.write(`${escapeText(text)}${TAIL}\0`);
        });
    }

    // The shell's whole group; its stages also end with their input.
    stop() {
        const pid = this.#pid;
        this.#pid = this.#child = undefined;
        if (pid !== undefined) {
            try {
                process.kill(-pid, 'SIGKILL');
            } catch { /* gone already */ }
        }
    }
}

// From English everything goes by Catalan: Apertium's English-Catalan data is
// far better kept than its English-Spanish.
const ROUTES = {
    'en-ca': ['eng-cat'],
    'en-es': ['eng-cat', 'cat-spa'],
    'en-pt': ['eng-cat', 'cat-spa', 'es-pt'],
    'en-fr': ['eng-cat', 'cat-fra'],
    'es-en': ['spa-eng'],
    'es-ca': ['spa-cat'],
    'es-pt': ['es-pt'],
    'es-fr': ['spa-cat', 'cat-fra'],
};

const PLEASE = { es: 'por favor', ca: 'si us plau', pt: 'por favor',
    fr: 's\'il vous plaît', en: 'please' };
const POLITE = /,?\s*\bplease\b\s*,?|,?\s*\bpor favor\b\s*,?/i;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const pipelines = new Map();

function pipelineOf(name) {
    if (!pipelines.has(name)) {
        pipelines.set(name, new Pipeline(name));
    }
    return pipelines.get(name);
}

async function sentence(text, route, target) {
    const [, body, mark] = /^(.*?)([.!?…]*)$/su.exec(text.trim());
    const polite = POLITE.test(body);
    let words = (polite ? body.replace(POLITE, ' ') : body).trim()
        .replace(/\bi\b/g, route[0].startsWith('eng') ? 'I' : 'i');
    for (const name of words ? route : []) {
        words = await pipelineOf(name).translate(words);
    }
    if (polite) {
        words = [words, PLEASE[target]].filter(Boolean).join(', ');
    }
    return (mark ? capital(words) : words) + mark;
}

export const hasRoute = (source, target) => `${source}-${target}` in ROUTES;

export async function translate(text, source, target) {
    const sentences = text.match(/[^.!?…]+[.!?…]*\s*|[.!?…]+/gu) ?? [];
    const route = ROUTES[`${source}-${target}`];
    const done = [];
    for (const one of sentences) {
        done.push(await sentence(one, route, target));
    }
    return done.join(' ').replace(/\s+/g, ' ').trim();
}

export function stopApertium() {
    pipelines.forEach((pipeline) => pipeline.stop());
}
