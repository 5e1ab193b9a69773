// Where machines of a fleet get AWS keys, all on one loopback port: the
// instance metadata service (IMDSv2 only), a container's agent, and STS'
// AssumeRoleWithWebIdentity. What it issues opens the stand-ins, until it
// expires. It can answer wrongly in every way:
//   POST /_test/fault {operation?, kind, times?, ms?}; DELETE /_test/fault
//   POST /_test/life {seconds}      of keys issued from now on
//   POST /_test/clock {ms}          how far its clock is wrong
//   POST /_test/expire              all keys issued so far
//   GET  /_test/requests            what was asked: method, path, headers, form
// Alone: node local/fleet.mjs --port N, until SIGTERM.
import http from 'node:http';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Faults, readJson } from './faults.mjs';
import { expireAll, issue } from './keys.mjs';

const SERVICE = 'credentials';
const ROLE = 'stand-in-role';
const ROLES = '/latest/meta-data/iam/security-credentials/';
const CONTAINER = '/v2/credentials/stand-in';
const MAX_BODY = 64 * 1024;
const MAX_REQUESTS = 1000;
const HANG_MS = 60_000;

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+/, '');

class Refusal extends Error {
    constructor(status, body = '') {
        super(body);
        this.status = status;
    }
}

async function readText(req) {
    let text = '';
    for await (const part of req.setEncoding('utf8')) {
        text += part;
        if (text.length > MAX_BODY) {
            throw new Refusal(413);
        }
    }
    return text;
}

export class Fleet {
    #faults = new Faults();
    #requests = [];
    #imdsTokens = new Set();
    #lifeMs = 6 * 3600 * 1000;
    #clockErrorMs = 0;

    // An operation: its answer's body.
    #operations = {
        ImdsToken: (req) => {
            const ttl = Number(
                req.headers['x-aws-ec2-metadata-token-ttl-seconds']);
            if (!(ttl >= 1 && ttl <= 21600)) {
                throw new Refusal(400);
            }
            const token = randomBytes(42).toString('base64');
            this.#imdsTokens.add(token);
            return token;
        },
        ImdsRole: (req) => {
            this.#checkImds(req);
            return ROLE;
        },
        ImdsKeys: (req, text, keys) => {
            this.#checkImds(req);
            return JSON.stringify({ Code: 'Success', Type: 'AWS-HMAC',
                LastUpdated: iso(Date.now()), ...this.#json(keys()) });
        },
        Container: (req, text, keys) => JSON.stringify(
            { RoleArn: `arn:aws:iam::0:role/${ROLE}`, ...this.#json(keys()) }),
        WebIdentity: (req, text, keys) => this.#assumeRole(text, keys),
    };

    #checkImds(req) {
        if (!this.#imdsTokens.has(req.headers['x-aws-ec2-metadata-token'])) {
            throw new Refusal(401);
        }
    }

    #json(keys) {
        return { AccessKeyId: keys.accessKeyId,
            SecretAccessKey: keys.secretAccessKey, Token: keys.sessionToken,
            Expiration: iso(keys.expiresAt) };
    }

    #assumeRole(text, makeKeys) {
        const form = Object.fromEntries(new URLSearchParams(text));
        if (form.Action !== 'AssumeRoleWithWebIdentity'
            || form.Version !== '2011-06-15' || !form.RoleArn
            || !form.RoleSessionName || !/^[\w.-]+$/.test(
            form.WebIdentityToken ?? '')) {
            throw new Refusal(400, '<ErrorResponse><Error><Type>Sender</Type>'
                + '<Code>InvalidIdentityToken</Code><Message>No OpenIDConnect '
                + 'provider</Message></Error></ErrorResponse>');
        }
        const keys = makeKeys();
        return '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws'
            + '.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>'
            + `<Credentials><AccessKeyId>${keys.accessKeyId}</AccessKeyId>`
            + `<SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey>`
            + `<SessionToken>${keys.sessionToken}</SessionToken>`
            + `<Expiration>${iso(keys.expiresAt)}</Expiration></Credentials>`
            + '</AssumeRoleWithWebIdentityResult>'
            + '</AssumeRoleWithWebIdentityResponse>';
    }

    #operationOf(req) {
        const path = req.url.split('?')[0];
        return { 'PUT /latest/api/token': 'ImdsToken',
            [`GET ${ROLES}`]: 'ImdsRole', [`GET ${ROLES}${ROLE}`]: 'ImdsKeys',
            [`GET ${CONTAINER}`]: 'Container',
            'POST /': 'WebIdentity' }[`${req.method} ${path}`];
    }

    // Ways to be wrong, each around a good answer.
    async #bent(fault, good) {
        const body = () => good(this.#lifeMs);
        switch (fault?.kind) {
        case '500':
            throw new Refusal(500, 'internal error');
        case 'slow':
            await sleep(fault.ms ?? HANG_MS);
            return body();
        case 'garbage':
            return '<html><body>Welcome</body></html>';
        case 'oversize':
            return body() + ' '.repeat(1 << 20);
        case 'refusal':
            return '{"Code":"AssumeRoleUnauthorizedAccess","Message":"no"}';
        case 'late':
            return good(-60_000);
        case 'tokenless':
            return body().replace(/"Token":"[^"]*",|<SessionToken>.*Token>/, '');
        case 'line-end':
            return `${body()}\r\nX-Injected: yes`;
        default:
            return body();
        }
    }

    async #admin(req) {
        const data = req.method === 'POST' ? await readJson(req) : {};
        switch (`${req.method} ${req.url}`) {
        case 'POST /_test/fault':
            this.#faults.set({ ...data, service: SERVICE }, [SERVICE]);
            return {};
        case 'DELETE /_test/fault':
            this.#faults.clear();
            return {};
        case 'POST /_test/life':
            this.#lifeMs = data.seconds * 1000;
            return {};
        case 'POST /_test/clock':
            this.#clockErrorMs = data.ms;
            return {};
        case 'POST /_test/expire':
            return { expired: expireAll() };
        case 'GET /_test/requests':
            return { requests: this.#requests };
        default:
            throw new Refusal(404);
        }
    }

    async #answer(req) {
        if (req.url.startsWith('/_test/')) {
            return JSON.stringify(await this.#admin(req));
        }
        const operation = this.#operationOf(req);
        const text = await readText(req);
        this.#requests.push({ method: req.method, path: req.url, operation,
            headers: req.headers, body: text, at: Date.now() });
        this.#requests.splice(0, this.#requests.length - MAX_REQUESTS);
        if (!operation) {
            throw new Refusal(404);
        }
        const fault = this.#faults.take(SERVICE, operation);
        if (fault?.kind === 'cut') {
            return null;
        }
        return this.#bent(fault, (lifeMs) => this.#operations[operation](req,
            text, () => issue(lifeMs)));
    }

    async serve(req, res) {
        let [status, body] = [200, ''];
        try {
            body = await this.#answer(req);
        } catch (err) {
            [status, body] = [err.status ?? 400, err.message];
        }
        if (body === null) {
            req.socket.destroy();
        } else if (!res.destroyed) {
            res.writeHead(status, { 'content-length': Buffer.byteLength(body),
                date: new Date(Date.now() + this.#clockErrorMs)
                    .toUTCString() });
            res.end(body);
        }
    }
}

// Resolves to { url, container, close }.
export function startFleet(port = 0) {
    const fleet = new Fleet();
    const server = http.createServer((req, res) => fleet.serve(req, res));
    return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(port, '127.0.0.1', () => {
            const url = `http://127.0.0.1:${server.address().port}`;
            resolve({ url, container: `${url}${CONTAINER}`,
                close: () => server.closeAllConnections() ?? server.close() });
        });
    });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const { values } = parseArgs({ options: { port: { type: 'string' } } });
    process.on('SIGTERM', () => process.exit(0));
    await startFleet(Number(values.port));
}
