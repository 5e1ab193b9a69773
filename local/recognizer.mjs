// The recogniser's process: PCM in, one object per JSON line out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';

export class Recognizer {
    #child;
    // onResult({ type, start, end, words }); onEnd(error or undefined) once.
    constructor(path, onResult, onEnd) {
        // a scripted one is in JavaScript
        const command = path.endsWith('.mjs') ? [process.execPath, [path]]
            : [path, []];
        this.#child = spawn(...command, { stdio: ['pipe', 'pipe', 'inherit'] });
        this.#child.stdin.on('error', () => {});
        this.#child.on('error', onEnd);
        this.#child.on('close', (code) => onEnd(code === 0 ? undefined
            : new Error(`recognizer ended with ${code}`)));
        readline.createInterface(this.#child.stdout).on('line', (line) => {
            const result = JSON.parse(line);
            if (result.type !== 'ready') {
                onResult(result);
            }
        });
    }

    // Waits while the recogniser has enough to do.
    async write(pcm) {
        const { stdin } = this.#child;
        if (!stdin.destroyed && !stdin.write(pcm)) {
            await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
        }
    }

    end() {
        this.#child.stdin.end();
    }

    kill() {
        this.#child.kill('SIGKILL');
    }
}
