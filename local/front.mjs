// The strict front before every service: reads the whole request, verifies
// its signature, applies the fault switch, counts, and only then lets the
// service see it. So no service is judged on a request AWS would refuse.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsError, verifyRequest } from './sigv4.mjs';
import { CBOR_TYPE, cborBody } from './cbor.mjs';
import { listen } from './listen.mjs';

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding',
    'upgrade', 'proxy-connection', 'http2-settings', 'expect']);
const DEFAULT_SLOW_MS = 2000;
const DEFAULT_SKEW_MS = 10 * 60 * 1000;

async function readBody(req, max) {
    const parts = [];
    let length = 0;
    for await (const part of req) {
        length += part.length;
        if (length > max) {
            throw new AwsError('RequestEntityTooLarge',
                'Request size exceeded the limit', 413);
        }
        parts.push(part);
    }
    return Buffer.concat(parts);
}

const xml = (text) => text.replace(/[<>&]/g,
    (c) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' }[c]));

// S3 has names of its own for the same refusals.
const S3_CODES = {
    MissingAuthenticationTokenException: 'AccessDenied',
    IncompleteSignatureException: 'AccessDenied',
    UnrecognizedClientException: 'InvalidAccessKeyId',
    InvalidSignatureException: 'SignatureDoesNotMatch',
    ExpiredTokenException: 'ExpiredToken',
    ThrottlingException: 'SlowDown',
    InternalFailure: 'InternalError',
};

// How each protocol says no: json and cbor (Kinesis; Translate: json), rest
// (Polly, Transcribe) and xml (S3).
const errorWriters = {
    json(err) {
        return [err.status === 403 ? 400 : err.status,
            { 'content-type': 'application/x-amz-json-1.1' },
            JSON.stringify({ __type: err.code, message: err.message,
                ...err.extra })];
    },
    cbor(err) {
        return [err.status === 403 ? 400 : err.status,
            { 'content-type': CBOR_TYPE },
            cborBody({ __type: err.code, message: err.message,
                ...err.extra })];
    },
    rest(err) {
        return [err.status,
            { 'content-type': 'application/json', 'x-amzn-errortype': err.code },
            JSON.stringify({ message: err.message, ...err.extra })];
    },
    xml(err) {
        const code = err.message.startsWith('Signature expired')
            || err.message.startsWith('Signature not yet')
            ? 'RequestTimeTooSkewed' : S3_CODES[err.code] ?? err.code;
        return [err.status, { 'content-type': 'application/xml',
            'access-control-allow-origin': '*' },   // a refusal is readable, too
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            + `<Error><Code>${code}</Code>`
            + `<Message>${xml(err.message)}</Message></Error>`];
    },
};

function writeError(res, protocol, err) {
    if (res.headersSent) {
        res.destroy?.();
        return 0;
    }
    const known = err instanceof AwsError ? err
        : new AwsError('InternalFailure', 'Internal failure', 500);
    const [status, headers, text] = errorWriters[protocol](known);
    res.writeHead(status, { ...headers,
        'content-length': Buffer.byteLength(text) });
    res.end(text);
    return Buffer.byteLength(text);
}

export function destroyConnection(req) {
    req.stream?.session ? req.stream.session.destroy()
        : req.socket.destroy();
}

// Faults that every service knows. Answers the clock's error in ms.
export async function applyFault(fault, service, req) {
    switch (fault?.kind) {
    case 'throttle':
        throw new AwsError(service.throttleCode, 'Rate exceeded',
            service.throttleStatus ?? 400);
    case '500':
        throw new AwsError(service.failureCode, 'Internal failure', 500);
    case 'expired':
        throw new AwsError('ExpiredTokenException',
            'The security token included in the request is expired', 403);
    case 'slow':
        await sleep(fault.ms ?? DEFAULT_SLOW_MS);
        return 0;
    case 'cut':
        await sleep(fault.ms ?? 0);
        destroyConnection(req);
        throw new AwsError('Cut', 'cut');
    case 'skew':
        return fault.ms ?? DEFAULT_SKEW_MS;
    default:
        return 0;
    }
}

export function cleanHeaders(headers) {
    return Object.fromEntries(Object.entries(headers).filter(
        ([name]) => !name.startsWith(':') && !HOP.has(name)));
}

// service: name, signingName, protocol (or protocolOf(req)), maxBody,
// throttleCode, failureCode, operationOf(req), handle({ req, res, body,
// operation, fault }) that answers { status, headers, body }, or { headers,
// stream() } to write the rest by itself; optional: skipAuth(req), faultsOf(
// operation): its own codes, isLate(operation, fault): handle() sees to it.
async function serve(service, { faults, calls }, req, res) {
    const operation = service.operationOf(req);
    const fault = faults.take(service.name, operation);
    let body = Buffer.alloc(0);
    let bytesOut = 0;

    res.setHeader(service.protocol === 'xml' ? 'x-amz-request-id'
        : 'x-amzn-requestid', randomUUID());
    try {
        body = await readBody(req, service.maxBody);
        const clockError = await applyFault(
            service.isLate?.(operation, fault) ? undefined : fault,
            { ...service, ...service.faultsOf?.(operation) }, req);
        res.setHeader('date',
            new Date(Date.now() + clockError).toUTCString());
        if (!service.skipAuth?.(req)) {
            await verifyRequest({ method: req.method, url: req.url,
                headers: req.headers, body, service: service.signingName,
                nowMs: Date.now() + clockError });
        }
        const answer = await service.handle(
            { req, res, body, operation, fault });
        if (answer.stream) {
            res.writeHead(200, answer.headers);
            answer.stream();
        } else {
            bytesOut = answer.body.length;
            res.writeHead(answer.status ?? 200, { ...answer.headers,
                'content-length': bytesOut });
            res.end(req.method === 'HEAD' ? undefined : answer.body);
        }
    } catch (err) {
        if (!req.aborted && !res.destroyed && !req.socket?.destroyed) {
            if (!(err instanceof AwsError)) {
                console.error(`${service.name} ${operation}: ${err.stack}`);
            }
            bytesOut = writeError(res,
                service.protocolOf?.(req) ?? service.protocol, err);
        }
    }
    calls.add(service.name, operation, { bytesIn: body.length, bytesOut });
}

export function startFront(service, shared) {
    return listen({ tls: shared.tls,
        onRequest: (req, res) => serve(service, shared, req, res) });
}

export function jsonAnswer(value, type = 'application/x-amz-json-1.1') {
    return { headers: { 'content-type': type },
        body: Buffer.from(JSON.stringify(value)) };
}

export function parseJson(body) {
    try {
        const value = JSON.parse(body.toString('utf8') || '{}');
        if (value !== null && typeof value === 'object') {
            return value;
        }
    } catch { /* said below */ }
    throw new AwsError('SerializationException',
        'Could not parse request body into json');
}

// Operation names come from clients: only plausible ones become keys.
export function targetOperation(prefix) {
    return (req) => {
        const target = req.headers['x-amz-target'] ?? '';
        const [service, operation] = target.split('.');
        return service === prefix && /^[A-Z]\w{2,40}$/.test(operation ?? '')
            ? operation : 'Unknown';
    };
}
