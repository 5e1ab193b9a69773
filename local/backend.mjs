// One request to an emulator behind a front, over kept-alive connections.
import http from 'node:http';

const TIMEOUT_MS = 20_000;

export class Backend {
    #agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    port = 0;

    // Resolves to { status, headers, body }. A kept connection may end just
    // as it is used: then a new one is asked, once.
    async request(what) {
        try {
            return await this.#ask(what, this.#agent);
        } catch (err) {
            if (err.code !== 'ECONNRESET' || !err.onKeptConnection) {
                throw err;
            }
            return this.#ask(what, false);
        }
    }

    #ask({ method, path, headers, body }, agent) {
        return new Promise((resolve, reject) => {
            const req = http.request({ host: '127.0.0.1', port: this.port,
                method, path, agent, timeout: TIMEOUT_MS,
                headers: { ...headers, 'content-length': body.length } });
            req.on('timeout', () => req.destroy(new Error('timeout')));
            req.on('error', (err) => reject(Object.assign(err,
                { onKeptConnection: req.reusedSocket })));
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
