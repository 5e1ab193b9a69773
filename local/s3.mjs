// S3: s3rver behind the front. It checks signatures and presigned URLs itself
// (so the Host that was signed is passed on as it came); the front refuses
// what is not signed at all, counts and has the faults.
import { createRequire } from 'node:module';
import { mkdir, rm } from 'node:fs/promises';
import { AwsError, checkKeys } from './sigv4.mjs';
import { Backend } from './backend.mjs';
import { bucket, credentials } from './config.mjs';
import { cleanHeaders } from './front.mjs';
import { onIssue } from './keys.mjs';

const require = createRequire(import.meta.url);
const S3rver = require('@20minutes/s3rver');
const Account = require('@20minutes/s3rver/lib/models/account.js');

const CORS = '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>'
    + '<AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader>'
    + '<MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>';

function operationOf(req) {
    const [path] = req.url.split('?');
    const what = path.split('/').filter(Boolean).length > 1 ? 'Object'
        : 'Bucket';
    const verb = { GET: 'Get', PUT: 'Put', HEAD: 'Head', DELETE: 'Delete',
        POST: 'Post', OPTIONS: 'Options' }[req.method] ?? 'Unknown';
    return `${verb}${what}`;
}

// s3rver looks at the signature, and not at whose it is.
function checkPresigned(req) {
    const query = new URL(req.url, 'http://host').searchParams;
    checkKeys((query.get('X-Amz-Credential') ?? '').split('/')[0],
        query.get('X-Amz-Security-Token') ?? undefined);
}

const isPresigned = (req) => req.url.includes('X-Amz-Signature=');

export async function s3Service(dir) {
    const directory = `${dir}/s3`;
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    Account.DUMMY_ACCOUNT.createKeyPair(credentials.accessKeyId,
        credentials.secretAccessKey);
    onIssue(({ accessKeyId, secretAccessKey }) =>
        Account.DUMMY_ACCOUNT.createKeyPair(accessKeyId, secretAccessKey));
    const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true,
        directory, vhostBuckets: false,
        configureBuckets: [{ name: bucket, configs: [CORS] }] });
    const backend = new Backend();
    backend.port = (await server.run()).port;

    return {
        name: 's3', signingName: 's3', protocol: 'xml',
        maxBody: 32 * 1024 * 1024,
        throttleCode: 'ThrottlingException', throttleStatus: 503,
        failureCode: 'InternalFailure',
        operationOf,
        skipAuth: (req) => req.method === 'OPTIONS' || isPresigned(req),
        async handle({ req, body }) {
            if (isPresigned(req) && !['GET', 'HEAD', 'PUT']
                .includes(req.method)) {
                throw new AwsError('AccessDenied', 'Access Denied', 403);
            }
            if (isPresigned(req)) {
                checkPresigned(req);
            }
            const headers = cleanHeaders(req.headers);
            headers.host ??= req.headers[':authority'];
            const answer = await backend.request({ method: req.method,
                path: req.url, headers, body });
            const { 'content-length': _, ...rest } = cleanHeaders(
                answer.headers);
            return { status: answer.status, headers: rest,
                body: answer.body };
        },
        stop: () => {
            backend.close();
            server.close();
        },
    };
}
