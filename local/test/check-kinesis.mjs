// Kinesis by its official client: records in and out, limits, refusals.
import { setTimeout as sleep } from 'node:timers/promises';
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient,
    ListShardsCommand, PutRecordCommand, PutRecordsCommand }
    from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { cbor } from '@smithy/core/cbor';
import { checkFanOut } from './check-fanout.mjs';
import { is, ok, refused } from '../../t/e2e/tap.mjs';
import { client } from './stand-ins.mjs';

const record = (PartitionKey, size, fill = 1) =>
    ({ PartitionKey, Data: Buffer.alloc(size, fill) });
const put = (kinesis, StreamName, Records) =>
    kinesis.send(new PutRecordsCommand({ StreamName, Records }));

async function readAll(kinesis, StreamName) {
    const { Shards } = await kinesis.send(new ListShardsCommand(
        { StreamName }));
    const records = [];
    for (const { ShardId } of Shards) {
        const { ShardIterator } = await kinesis.send(
            new GetShardIteratorCommand({ StreamName, ShardId,
                ShardIteratorType: 'TRIM_HORIZON' }));
        const answer = await kinesis.send(
            new GetRecordsCommand({ ShardIterator }));
        records.push(...answer.Records);
    }
    return { shards: Shards, records };
}

async function roundTrip(kinesis, stream) {
    const answer = await put(kinesis, stream,
        ['s-1', 's-2', 's-3'].map((key, i) => record(key, 3200, i + 1)));
    is(answer.FailedRecordCount, 0, 'PutRecords takes three records');
    ok(answer.Records.every((r) => r.SequenceNumber && r.ShardId),
        'each has a sequence number and a shard');
    await kinesis.send(new PutRecordCommand({ StreamName: stream,
        ...record('s-4', 10, 4) }));
    const { shards, records } = await readAll(kinesis, stream);
    is(shards.length, 2, 'the stream has the shards that were asked for');
    is(records.map((r) => r.PartitionKey).sort(),
        ['s-1', 's-2', 's-3', 's-4'], 'all come out again');
    const data = records.find((r) => r.PartitionKey === 's-3').Data;
    ok(Buffer.from(data).equals(Buffer.alloc(3200, 3)),
        'with the bytes that went in');
}

async function limits(kinesis, stream) {
    const big = await put(kinesis, stream,
        Array.from({ length: 12 }, () => record('hot', 100_000)));
    const refusals = big.Records.filter((r) => r.ErrorCode);
    ok(refusals.length >= 2 && refusals.length <= 4
        && big.FailedRecordCount === refusals.length,
    '1.2 MB at once for one shard: what is over 1 MB fails',
    JSON.stringify(big));
    is(refusals[0]?.ErrorCode, 'ProvisionedThroughputExceededException',
        'by its name');
    await sleep(1100);
    const many = await Promise.all([1, 2, 3].map(() => put(kinesis, stream,
        Array.from({ length: 500 }, () => record('busy', 1)))));
    const failed = many.reduce((n, a) => n + a.FailedRecordCount, 0);
    ok(failed > 350 && failed <= 500,
        '1,500 records at once for one shard: a third fails', failed);
    await refused(put(kinesis, stream, Array.from({ length: 501 },
        () => record('x', 1))), 'ValidationException', '501 records');
    await refused(put(kinesis, stream, [record('x', 1024 * 1024)]),
        'InvalidArgumentException', 'a record over 1 MiB with its key');
    await refused(put(kinesis, stream, Array.from({ length: 11 },
        () => record('x', 1_000_000))), 'InvalidArgumentException',
    'a call over 10 MiB');
}

async function reads(kinesis, stream) {
    await sleep(1100);
    const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(
        { StreamName: stream, ShardId: 'shardId-000000000000',
            ShardIteratorType: 'LATEST' }));
    const outcomes = await Promise.allSettled(Array.from({ length: 7 },
        () => kinesis.send(new GetRecordsCommand({ ShardIterator }))));
    const errors = outcomes.filter((o) => o.status === 'rejected');
    is(errors.map((o) => o.reason.name),
        Array(2).fill('ProvisionedThroughputExceededException'),
        '7 reads of one shard at once: 2 are too many');
}

// The official client, which has JSON only, with its bodies turned into CBOR
// before they are signed, and answers turned back.
function cborClient(options, seen) {
    const kinesis = new KinesisClient(options);
    kinesis.middlewareStack.add((next) => (args) => {
        const input = JSON.parse(new TextDecoder().decode(args.request.body));
        for (const record of input.Records ?? []) {
            record.Data = Buffer.from(record.Data, 'base64');
        }
        args.request.body = options.spoil?.(cbor.serialize(input))
            ?? cbor.serialize(input);
        Object.assign(args.request.headers, {
            'content-type': 'application/x-amz-cbor-1.1',
            'content-length': String(args.request.body.length) });
        return next(args);
    }, { step: 'build', priority: 'low' });
    kinesis.middlewareStack.add((next) => async (args) => {
        const result = await next(args);
        const { response } = result;
        const body = await response.body.toArray();
        seen.push([response.headers['content-type'],
            cbor.deserialize(Buffer.concat(body))]);
        const text = JSON.stringify(seen.at(-1)[1], (key, value) =>
            value?.type === 'Buffer' ? Buffer.from(value.data)
                .toString('base64') : value);
        response.body = Buffer.from(text);
        return result;
    }, { step: 'deserialize', priority: 'low' });
    return kinesis;
}

async function overCbor(env, options) {
    const seen = [];
    const kinesis = cborClient(options, seen);
    await sleep(1100);
    const { Shards } = await kinesis.send(new ListShardsCommand(
        { StreamName: env.stream }));
    is(Shards.length, 2, 'CBOR: ListShards');
    const data = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const answer = await put(kinesis, env.stream, [
        { PartitionKey: 'c-1', Data: data }]);
    is(answer.FailedRecordCount, 0, 'CBOR: PutRecords');
    const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(
        { StreamName: env.stream, ShardId: answer.Records[0].ShardId,
            ShardIteratorType: 'AT_SEQUENCE_NUMBER',
            StartingSequenceNumber: answer.Records[0].SequenceNumber }));
    await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    const [record] = seen.at(-1)[1].Records;
    ok(record.Data instanceof Uint8Array && data.equals(record.Data),
        'CBOR: data are bytes, and those that went in');
    ok(Math.abs(record.ApproximateArrivalTimestamp.value - Date.now()) < 60e3,
        'CBOR: times are tag 1, in ms',
        JSON.stringify(record.ApproximateArrivalTimestamp));
    ok(seen.every(([type]) => type === 'application/x-amz-cbor-1.1'),
        'CBOR: answered in kind');

    await refused(put(kinesis, env.stream, Array.from({ length: 501 },
        () => ({ PartitionKey: 'x', Data: data }))), 'ValidationException',
    'CBOR: 501 records');
    await refused(put(cborClient({ ...options, credentials:
        { ...options.credentials, secretAccessKey: 'wrong' } }, []),
    env.stream, [record]), 'InvalidSignatureException',
    'CBOR: a wrong secret is refused');
    for (const [what, spoil] of [
        ['cut short', (body) => body.subarray(0, -1)],
        ['with more behind it', (body) => Buffer.concat([body, body])]]) {
        await refused(put(cborClient({ ...options, spoil }, []), env.stream,
            [{ PartitionKey: 'x', Data: data }]), 'SerializationException',
        `CBOR: a body ${what} is refused`);
    }
}

export async function checkKinesis(env) {
    const options = client(env.kinesis);
    const kinesis = new KinesisClient(options);
    await roundTrip(kinesis, env.stream);
    await limits(kinesis, env.stream);
    await reads(kinesis, env.stream);
    await overCbor(env, options);
    await checkFanOut(env, options);

    const http1 = new KinesisClient({ ...options,
        requestHandler: new NodeHttpHandler() });
    is((await put(http1, env.stream, [record('h1', 5)])).FailedRecordCount, 0,
        'the same port speaks HTTP/1.1');

    for (const [credentials, name, what] of [
        [{ ...options.credentials, secretAccessKey: 'wrong' },
            'InvalidSignatureException', 'a wrong secret'],
        [{ ...options.credentials, accessKeyId: 'NOBODY' },
            'UnrecognizedClientException', 'an unknown key'],
        [{ ...options.credentials, sessionToken: 'x' },
            'UnrecognizedClientException', 'a token that was never given'],
    ]) {
        await refused(put(new KinesisClient({ ...options, credentials }),
            env.stream, [record('x', 1)]), name, `${what} is refused`);
    }
    await refused(put(new KinesisClient({ ...options, region: 'eu-west-1' }),
        env.stream, [record('x', 1)]), 'InvalidSignatureException',
    'another region is refused');
    await refused(put(new KinesisClient({ ...options,
        systemClockOffset: -6 * 60 * 1000 }), env.stream, [record('x', 1)]),
    'InvalidSignatureException', 'a clock that is 6 minutes slow is refused');
    const unsigned = await fetch(env.kinesis, { method: 'POST', body: '{}',
        headers: { 'content-type': 'application/x-amz-json-1.1',
            'x-amz-target': 'Kinesis_20131202.ListStreams' } });
    is([unsigned.status, (await unsigned.json()).__type],
        [400, 'MissingAuthenticationTokenException'], 'no signature at all');
}
