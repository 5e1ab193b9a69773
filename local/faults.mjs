// The fault switch and the call counts, and the admin port that serves them.
import http from 'node:http';

export const KINDS = ['throttle', 'partial', '500', 'slow', 'cut', 'expired',
    'skew', 'end', 'conflict'];
// Wrong answers of those who issue keys (fleet.mjs).
const ISSUER_KINDS = ['500', 'slow', 'cut', 'garbage', 'oversize', 'refusal',
    'late', 'tokenless', 'line-end'];
const MAX_FAULTS = 100;
const MAX_ADMIN_BODY = 64 * 1024;

export class Faults {
    #rules = [];

    set({ service, operation, kind, times = 1, ms }, services) {
        if (!services.includes(service)) {
            throw new Error(`service must be one of ${services.join(' ')}`);
        }
        const kinds = service === 'credentials' ? ISSUER_KINDS : KINDS;
        if (!kinds.includes(kind)) {
            throw new Error(`kind must be one of ${kinds.join(' ')}`);
        }
        if (kind === 'partial' && service !== 'kinesis') {
            throw new Error('partial is a fault of kinesis PutRecords');
        }
        if (kind === 'end' && service !== 'kinesis') {
            throw new Error('end is a fault of kinesis SubscribeToShard');
        }
        if (!Number.isInteger(times) || times < -1 || times === 0) {
            throw new Error('times is 1 or more, or -1: until deleted');
        }
        if (ms !== undefined && !(Number.isFinite(ms) && ms >= 0)) {
            throw new Error('ms is a number of milliseconds');
        }
        if (this.#rules.length >= MAX_FAULTS) {
            throw new Error(`at most ${MAX_FAULTS} faults at once`);
        }
        this.#rules.push({ service, operation, kind, times, ms });
    }

    // The fault that this call meets, used up once; undefined: none.
    take(service, operation) {
        const rule = this.#rules.find((r) => r.service === service
            && (r.operation === undefined || r.operation === operation)
            && (r.kind !== 'partial' || operation === 'PutRecords')
            && (r.kind !== 'end' || operation === 'SubscribeToShard'));
        if (rule && rule.times > 0 && --rule.times === 0) {
            this.#rules.splice(this.#rules.indexOf(rule), 1);
        }
        return rule;
    }

    clear() {
        this.#rules = [];
    }

    list() {
        return this.#rules;
    }
}

export class Calls {
    #services = {};

    add(service, operation, { bytesIn = 0, bytesOut = 0, calls = 1 } = {}) {
        const ops = this.#services[service] ??= {};
        const row = ops[operation] ??= { calls: 0, bytesIn: 0, bytesOut: 0 };
        row.calls += calls;
        row.bytesIn += bytesIn;
        row.bytesOut += bytesOut;
    }

    #view(pick) {
        return Object.fromEntries(Object.entries(this.#services).map(
            ([service, ops]) => [service, Object.fromEntries(
                Object.entries(ops).map(([op, row]) => [op, pick(row)]))]));
    }

    counts() {
        return this.#view((row) => row.calls);
    }

    bytes() {
        return this.#view(({ bytesIn, bytesOut }) => ({ bytesIn, bytesOut }));
    }
}

export async function readJson(req) {
    let text = '';
    for await (const part of req.setEncoding('utf8')) {
        text += part;
        if (text.length > MAX_ADMIN_BODY) {
            throw new Error('body too large');
        }
    }
    return JSON.parse(text || '{}');
}

// GET /health, /calls, /bytes, /faults; POST /fault; DELETE /fault.
export function startAdmin({ faults, calls, services, health }) {
    const routes = {
        'GET /health': () => health(),
        'GET /calls': () => calls.counts(),
        'GET /bytes': () => calls.bytes(),
        'GET /faults': () => faults.list(),
        'POST /fault': async (req) => {
            faults.set(await readJson(req), services);
            return { faults: faults.list() };
        },
        'DELETE /fault': () => {
            faults.clear();
            return { faults: [] };
        },
    };
    const server = http.createServer(async (req, res) => {
        const route = routes[`${req.method} ${req.url.split('?')[0]}`];
        let status = route ? 200 : 404;
        let answer = { error: 'no such path' };
        try {
            answer = route ? await route(req) : answer;
        } catch (err) {
            [status, answer] = [400, { error: err.message }];
        }
        res.writeHead(status, { 'content-type': 'application/json' });
        res.end(JSON.stringify(answer) + '\n');
    });
    return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () => resolve({
            port: server.address().port,
            close: () => server.closeAllConnections() ?? server.close(),
        }));
    });
}
