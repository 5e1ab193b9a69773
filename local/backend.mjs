// One request to an emulator behind a front, over kept-alive connections.
import http from 'node:http';

const TIMEOUT_MS = 20_000;

export class Backend {
    #agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    port = 0;

    // Resolves to { status, headers, body }.
    request({ method, path, headers, body }) {
        return new Promise((resolve, reject) => {
            const req = http.request({ host: '127.0.0.1', port: this.port,
                method, path, agent: this.#agent, timeout: TIMEOUT_MS,
                headers: { ...headers, 'content-length': body.length } });
            req.on('timeout', () => req.destroy(new Error('timeout')));
            req.on('error', reject);
            req.on('response', (res) => {
                const parts = [];
                res.on('data', (part) => parts.push(part));
                res.on('error', reject);
                res.on('end', () => resolve({ status: res.statusCode,
                    headers: res.headers, body: Buffer.concat(parts) }));
            });
            req.end(body);
        });
    }

    close() {
        this.#agent.destroy();
    }
}
