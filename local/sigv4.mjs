// Verifies Signature Version 4 by signing what arrived once more with AWS's
// own signer: requests, and the chain of signatures in an event stream.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { region } from './config.mjs';
import { findKeys } from './keys.mjs';

const MAX_SKEW_MS = 5 * 60 * 1000;
const HEX_SHA256 = /^[0-9a-f]{64}$/;
const EVENTS = 'STREAMING-AWS4-HMAC-SHA256-EVENTS';

// The interface that the signer wants, over node's own digest.
class Sha256 {
    #hash;
    constructor(key) {
        this.#hash = key ? createHmac('sha256', key) : createHash('sha256');
    }
    update(data) {
        this.#hash.update(data);
    }
    async digest() {
        return new Uint8Array(this.#hash.digest());
    }
}

// The session token is among the headers that are signed, where it belongs.
const signerOf = (service, { accessKeyId, secretAccessKey }) =>
    new SignatureV4({ credentials: { accessKeyId, secretAccessKey }, region,
        service, sha256: Sha256, applyChecksum: false,
        uriEscapePath: service !== 's3' });     // S3 alone signs paths once

// A refusal by one of AWS's names; the front writes it in its protocol.
export class AwsError extends Error {
    constructor(code, message, status = 400, extra = {}) {
        super(message);
        Object.assign(this, { code, status, extra });
    }
}

function equal(a, b) {
    const [x, y] = [Buffer.from(a), Buffer.from(b)];
    return x.length === y.length && timingSafeEqual(x, y);
}

function parseAuthorization(header) {
    const fields = {};
    const space = header.indexOf(' ');
    if (header.slice(0, space) !== 'AWS4-HMAC-SHA256') {
        throw new AwsError('IncompleteSignatureException',
            'Unsupported authorization type', 403);
    }
    for (const part of header.slice(space + 1).split(',')) {
        const [, name, value] = /^\s*(\w+)=(.*?)\s*$/.exec(part) ?? [];
        if (name) {
            fields[name] = value;
        }
    }
    for (const name of ['Credential', 'SignedHeaders', 'Signature']) {
        if (!fields[name]) {
            throw new AwsError('IncompleteSignatureException',
                `Authorization header requires '${name}' parameter.`, 403);
        }
    }
    return fields;
}

function parseAmzDate(text) {
    const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
    if (!m) {
        throw new AwsError('IncompleteSignatureException',
            'Date must be in ISO-8601 basic format', 403);
    }
    return new Date(Date.UTC(m[1], m[2] - 1, m[3], m[4], m[5], m[6]));
}

function stamp(ms) {
    return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}

function checkSkew(date, nowMs, code = 'InvalidSignatureException') {
    const off = date.getTime() - nowMs;
    if (off < -MAX_SKEW_MS) {
        throw new AwsError(code,
            `Signature expired: ${stamp(date)} is now earlier than `
            + `${stamp(nowMs - MAX_SKEW_MS)} (${stamp(nowMs)} - 5 min.)`, 403);
    }
    if (off > MAX_SKEW_MS) {
        throw new AwsError(code,
            `Signature not yet current: ${stamp(date)} is still later than `
            + `${stamp(nowMs + MAX_SKEW_MS)} (${stamp(nowMs)} + 5 min.)`, 403);
    }
}

// The keys that the request says it is signed with, if they are good.
export function checkKeys(accessKeyId, sessionToken, nowMs) {
    const { keys, refusal } = findKeys(accessKeyId, sessionToken, nowMs);
    if (refusal) {
        throw new AwsError(refusal, 'The security token included in the '
            + `request is ${refusal.startsWith('Expired') ? 'expired'
                : 'invalid'}.`, 403);
    }
    return keys;
}

function checkScope(scope, date, service) {
    const [, day, where, what, end, more] = scope.split('/');
    if (more !== undefined || end !== 'aws4_request' || what !== service
        || where !== region || day !== stamp(date).slice(0, 8)) {
        throw new AwsError('InvalidSignatureException',
            `Credential should be scoped to ${stamp(date).slice(0, 8)}/`
            + `${region}/${service}/aws4_request.`, 403);
    }
}

// AWS wants the host and everything of its own signed; over HTTP/2 the
// JavaScript client signs :authority, others host.
function checkSignedHeaders(names, headers) {
    const missing = Object.keys(headers).filter(
        (name) => name.startsWith('x-amz-') && !names.includes(name));
    if (!names.includes('host') && !names.includes(':authority')) {
        missing.push('host');
    }
    if (missing.length > 0) {
        throw new AwsError('InvalidSignatureException',
            `'${missing[0]}' must be a 'SignedHeader' in the AWS `
            + 'Authorization.', 403);
    }
}

function checkBodyHash(headers, body, service) {
    const said = headers['x-amz-content-sha256'];
    if (said === undefined || (service === 'transcribe' && said === EVENTS)
        || (service === 's3' && !HEX_SHA256.test(said))) {
        return;
    }
    const is = createHash('sha256').update(body).digest('hex');
    if (said !== is) {
        throw new AwsError('InvalidSignatureException',
            'The provided x-amz-content-sha256 does not match the body.', 403);
    }
}

// Answers { signature, keys } or throws an AwsError. url is the raw request
// target.
export async function verifyRequest({ method, url, headers, body, service,
    nowMs }) {
    if (!headers.authorization) {
        throw new AwsError('MissingAuthenticationTokenException',
            'Missing Authentication Token', 403);
    }
    const auth = parseAuthorization(headers.authorization);
    const date = parseAmzDate(headers['x-amz-date']);
    const keys = checkKeys(auth.Credential.split('/')[0],
        headers['x-amz-security-token'], nowMs);
    checkScope(auth.Credential, date, service);
    const names = auth.SignedHeaders.split(';');
    checkSignedHeaders(names, headers);
    checkBodyHash(headers, body, service);

    const picked = Object.fromEntries(names.map((name) => [name,
        headers[name] ?? (name === 'host' ? headers[':authority'] : '')]));
    const target = new URL(url, 'http://host');
    const query = {};
    for (const [name, value] of target.searchParams) {
        query[name] = name in query ? [query[name], value].flat() : value;
    }
    // The hash that was signed counts, signed as a header or not.
    const hash = headers['x-amz-content-sha256']
        ?? createHash('sha256').update(body).digest('hex');
    const signed = await signerOf(service, keys).sign({
        method, protocol: 'http:', hostname: 'host',
        path: url.split('?')[0], query, body,
        headers: { ...picked, 'x-amz-content-sha256': hash },
    }, {
        signingDate: date,
        signableHeaders: new Set(names),
        unsignableHeaders: names.includes('x-amz-content-sha256')
            ? new Set() : new Set(['x-amz-content-sha256']),
    });
    const want = parseAuthorization(signed.headers.authorization).Signature;
    if (!equal(want, auth.Signature)) {
        throw new AwsError('InvalidSignatureException',
            'The request signature we calculated does not match the signature'
            + ' you provided. Check your AWS Secret Access Key and signing'
            + ' method. Consult the service documentation for details.', 403);
    }
    checkSkew(date, nowMs);
    return { signature: auth.Signature, keys };
}

// One event stream's chain: each frame's signature covers the one before.
export class EventChain {
    #prior;
    #signer;
    constructor(seed, keys) {
        this.#prior = seed;
        this.#signer = signerOf('transcribe', keys);
    }

    async verify({ date, signature, payload, nowMs }) {
        const header = Buffer.alloc(15);    // ":date" as it stands encoded
        header.write('\x05:date\x08', 0, 'latin1');
        header.writeBigInt64BE(BigInt(date.getTime()), 7);
        const want = await this.#signer.sign(
            { headers: header, payload },
            { signingDate: date, priorSignature: this.#prior });
        if (!equal(want, Buffer.from(signature).toString('hex'))) {
            throw new AwsError('BadRequestException',
                'The request signature we calculated does not match the'
                + ' signature you provided. Check your AWS Secret Access Key'
                + ' and signing method.');
        }
        checkSkew(date, nowMs, 'BadRequestException');
        this.#prior = want;
    }
}
