// Temporary keys: what the fleet's endpoints issue is good for AWS's official
// clients and providers, with its session token only, and until it expires.
import { GetObjectCommand, PutObjectCommand, S3Client }
    from '@aws-sdk/client-s3';
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { is, ok, refused } from '../../t/e2e/tap.mjs';
import { client } from './stand-ins.mjs';

const ask = async (env, path, options) =>
    (await fetch(`${env.fleet}${path}`, options));
const tell = (env, path, data = {}) => ask(env, `/_test/${path}`,
    { method: 'POST', body: JSON.stringify(data) });

const kinesis = (env, credentials) => new KinesisClient(
    client(env.kinesis, { credentials })).send(new ListStreamsCommand({}));

async function fromImds(env) {
    const roles = '/latest/meta-data/iam/security-credentials/';
    is((await ask(env, roles)).status, 401, 'IMDS: no version 1');
    const token = await (await ask(env, '/latest/api/token', { method: 'PUT',
        headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } })).text();
    const headers = { 'x-aws-ec2-metadata-token': token };
    const role = await (await ask(env, roles, { headers })).text();
    const keys = await (await ask(env, roles + role, { headers })).json();
    return { accessKeyId: keys.AccessKeyId, sessionToken: keys.Token,
        secretAccessKey: keys.SecretAccessKey };
}

export async function checkFleet(env) {
    const keys = await fromImds(env);
    ok(await kinesis(env, keys), 'temporary keys open Kinesis');
    await refused(kinesis(env, { ...keys, sessionToken: undefined }),
        'UnrecognizedClientException', 'but not without their token');
    await refused(kinesis(env, { ...keys, sessionToken: 'other' }),
        'UnrecognizedClientException', 'nor with another one');

    const s3 = new S3Client(client(env.s3, { credentials: keys,
        forcePathStyle: true }));
    await s3.send(new PutObjectCommand({ Bucket: env.bucket, Key: 'tmp',
        Body: 'x' }));
    const url = await getSignedUrl(s3, new GetObjectCommand(
        { Bucket: env.bucket, Key: 'tmp' }));
    is(await (await fetch(url)).text(), 'x', 'and S3, presigned too');

    await tell(env, 'expire');
    await refused(kinesis(env, keys), 'ExpiredTokenException',
        'expired keys open nothing');
    is((await fetch(url)).status, 403, 'nor do URLs that they have signed');
}
