// Kinesis: kinesalite behind the front, with the limits that it lacks: bytes
// and records a second per shard, reads a second per shard, partial failures.
import { createHash } from 'node:crypto';
import { fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AwsError } from './sigv4.mjs';
import { Backend } from './backend.mjs';
import { CBOR_TYPE, cborBody, isCbor, parseCbor } from './cbor.mjs';
import { account, stream } from './config.mjs';
import { FanOut } from './fanout.mjs';
import { jsonAnswer, parseJson, targetOperation } from './front.mjs';

const MIB = 1024 * 1024;
const MAX_CALL_BYTES = 10 * MIB;        // data and keys of one PutRecords
const MAX_RECORD_BYTES = MIB;
const MAX_RECORDS = 500;
const SHARD_BYTES_PER_S = 1e6;
const SHARD_RECORDS_PER_S = 1000;
const SHARD_READS_PER_S = 5;
const BACKEND_CALL_BYTES = 4 * MIB;     // kinesalite takes 7 MiB of JSON
const MAX_ITERATORS = 20_000;
const RESTART_MS = 200;
const JSON_TYPE = 'application/x-amz-json-1.1';

// Holds one second's worth, as the service does.
class Bucket {
    constructor(rate) {
        Object.assign(this, { rate, level: rate, at: performance.now() });
    }

    has(amount) {
        const now = performance.now();
        this.level = Math.min(this.rate,
            this.level + (now - this.at) / 1000 * this.rate);
        this.at = now;
        return this.level >= amount;
    }

    take(amount) {
        this.level -= amount;
    }
}

const throttled = (shard, name) => new AwsError(
    'ProvisionedThroughputExceededException',
    `Rate exceeded for shard ${shard} in stream ${name} under account `
    + `${account}.`);

function recordBytes({ Data, PartitionKey }) {
    if (typeof Data !== 'string' || typeof PartitionKey !== 'string') {
        throw new AwsError('SerializationException',
            'Data and PartitionKey must be strings');
    }
    return Math.floor(Data.length * 3 / 4) - (Data.match(/=*$/)[0].length)
        + Buffer.byteLength(PartitionKey);
}

function hashKey({ PartitionKey, ExplicitHashKey }) {
    return ExplicitHashKey !== undefined ? BigInt(ExplicitHashKey)
        : BigInt('0x' + createHash('md5').update(PartitionKey).digest('hex'));
}

class Kinesis {
    #backend = new Backend();
    #child;
    #stopped = false;
    #fanOut = new FanOut(this);
    #shards = new Map();        // stream name -> [{ id, end, buckets }]
    #iterators = new Map();     // iterator -> shard
    restarts = 0;

    async start(dir) {
        this.path = `${dir}/kinesis`;
        await rm(this.path, { recursive: true, force: true });
        await this.#spawn();
    }

    #spawn() {
        return new Promise((resolve, reject) => {
            const file = new URL('kinesalite-child.mjs', import.meta.url);
            this.#child = fork(fileURLToPath(file), [this.path],
                { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
            this.#child.once('message', ({ port }) => {
                this.#backend.port = port;
                resolve();
            });
            this.#child.once('error', reject);
            this.#child.once('exit', () => {
                reject(new Error('kinesalite ended'));
                if (!this.#stopped) {
                    this.restarts++;
                    setTimeout(() => this.#spawn().catch((err) =>
                        console.error(`kinesis: ${err.message}`)), RESTART_MS);
                }
            });
        });
    }

    async call(operation, value) {
        const answer = await this.#backend.request({
            method: 'POST', path: '/', body: Buffer.from(JSON.stringify(value)),
            headers: {
                'content-type': JSON_TYPE,
                'x-amz-target': `Kinesis_20131202.${operation}`,
                'x-amz-date': 'verified',   // it wants the form, not the proof
                authorization: 'AWS4-HMAC-SHA256 Credential=verified/front, '
                    + 'SignedHeaders=host, Signature=verified',
            },
        });
        const body = answer.body.length ? JSON.parse(answer.body) : {};
        if (answer.status !== 200) {
            const { __type, message, ...extra } = body;
            throw new AwsError(__type ?? 'InternalFailure', message ?? '',
                answer.status, extra);
        }
        return { value: body, raw: answer.body };
    }

    async createStream(name, count) {
        await this.call('CreateStream', { StreamName: name, ShardCount: count });
        for (let i = 0; i < 100; i++) {
            const { value } = await this.call('DescribeStreamSummary',
                { StreamName: name });
            if (value.StreamDescriptionSummary.StreamStatus === 'ACTIVE') {
                return;
            }
            await sleep(20);
        }
        throw new Error(`stream ${name} did not become active`);
    }

    async #shardsOf(name) {
        if (!this.#shards.has(name)) {
            const { value } = await this.call('ListShards',
                { StreamName: name });
            this.#shards.set(name, value.Shards
                .filter((s) => !s.SequenceNumberRange.EndingSequenceNumber)
                .map((s) => ({
                    id: s.ShardId, name,
                    start: BigInt(s.HashKeyRange.StartingHashKey),
                    end: BigInt(s.HashKeyRange.EndingHashKey),
                    bytes: new Bucket(SHARD_BYTES_PER_S),
                    records: new Bucket(SHARD_RECORDS_PER_S),
                })));
        }
        return this.#shards.get(name);
    }

    // Takes the record out of its shard's allowance, or says it is used up.
    // The records of one call are weighed in one go: no time passes between.
    #admit(shards, name, record) {
        const size = recordBytes(record);
        const hash = hashKey(record);
        const shard = shards.find((s) => s.start <= hash && hash <= s.end);
        if (!shard.bytes.has(size) || !shard.records.has(1)) {
            return throttled(shard.id, name);
        }
        shard.bytes.take(size);
        shard.records.take(1);
        return null;
    }

    async putRecord(input) {
        if (recordBytes(input) > MAX_RECORD_BYTES) {
            throw new AwsError('ValidationException',
                'The record is larger than 1 MiB');
        }
        const shards = await this.#shardsOf(input.StreamName);
        const refused = this.#admit(shards, input.StreamName, input);
        if (refused) {
            throw refused;
        }
        const answer = await this.call('PutRecord', input);
        this.#fanOut.notify(input.StreamName, answer.value.ShardId);
        return answer;
    }

    #checkBatch(records) {
        if (!Array.isArray(records) || records.length < 1
            || records.length > MAX_RECORDS) {
            throw new AwsError('ValidationException',
                '1 validation error detected: Value at \'records\' failed to '
                + 'satisfy constraint: Member must have length between 1 and '
                + MAX_RECORDS);
        }
        const sizes = records.map(recordBytes);
        if (sizes.some((size) => size > MAX_RECORD_BYTES)
            || sizes.reduce((a, b) => a + b) > MAX_CALL_BYTES) {
            throw new AwsError('InvalidArgumentException',
                'Records size exceeds the limit of 1 MiB each, 10 MiB a call');
        }
    }

    // Some may fail: their places in the answer hold the reason.
    async putRecords({ Records, ...rest }, fault) {
        this.#checkBatch(Records);
        const shards = await this.#shardsOf(rest.StreamName);
        const results = new Array(Records.length);
        const admitted = [];
        for (const [i, record] of Records.entries()) {
            const refused = fault?.kind === 'partial' && i % 2 === 0
                ? new AwsError('InternalFailure', 'Internal service failure.')
                : this.#admit(shards, rest.StreamName, record);
            if (refused) {
                results[i] = { ErrorCode: refused.code,
                    ErrorMessage: refused.message };
            } else {
                admitted.push(i);
            }
        }
        for (const part of this.#split(Records, admitted)) {
            const { value } = await this.call('PutRecords',
                { ...rest, Records: part.map((i) => Records[i]) });
            part.forEach((i, n) => { results[i] = value.Records[n]; });
            for (const id of new Set(value.Records.map((r) => r.ShardId))) {
                this.#fanOut.notify(rest.StreamName, id);
            }
        }
        return { value: { Records: results,
            FailedRecordCount: Records.length - admitted.length } };
    }

    *#split(records, indexes) {
        let part = [];
        let bytes = 0;
        for (const i of indexes) {
            if (part.length && bytes + records[i].Data.length
                > BACKEND_CALL_BYTES) {
                yield part;
                [part, bytes] = [[], 0];
            }
            part.push(i);
            bytes += records[i].Data.length;
        }
        if (part.length) {
            yield part;
        }
    }

    #remember(iterator, shard) {
        if (iterator) {
            this.#iterators.set(iterator, shard);
        }
        if (this.#iterators.size > MAX_ITERATORS) {
            this.#iterators.delete(this.#iterators.keys().next().value);
        }
    }

    #reads = new Map();         // stream/shard -> Bucket

    async getShardIterator(input) {
        const answer = await this.call('GetShardIterator', input);
        const key = `${input.StreamName}/${input.ShardId}`;
        if (!this.#reads.has(key)) {
            this.#reads.set(key, new Bucket(SHARD_READS_PER_S));
        }
        this.#remember(answer.value.ShardIterator, key);
        return answer;
    }

    async getRecords(input) {
        const key = this.#iterators.get(input.ShardIterator);
        const bucket = this.#reads.get(key);
        if (bucket && !bucket.has(1)) {
            const [name, shard] = key.split('/');
            throw throttled(shard, name);
        }
        bucket?.take(1);
        const answer = await this.call('GetRecords', input);
        this.#remember(answer.value.NextShardIterator, key);
        return answer;
    }

    async #answer({ req, res, operation, fault }, input) {
        if (this.#fanOut.handles(operation)) {
            return this.#fanOut.handle({ req, res, operation, fault, input });
        }
        const arn = /^arn:aws:kinesis:[^:]*:\d+:stream\/([\w.-]+)$/
            .exec(input.StreamARN ?? '');
        if (arn) {
            input.StreamName = arn[1];
            delete input.StreamARN;
        }
        const special = {
            PutRecord: () => this.putRecord(input),
            PutRecords: () => this.putRecords(input, fault),
            GetShardIterator: () => this.getShardIterator(input),
            GetRecords: () => this.getRecords(input),
        }[operation];
        const answer = await (special ?? (() => this.call(operation, input)))();
        if (!special && !/^(List|Describe)/.test(operation)) {
            this.#shards.clear();       // a reshard changes who holds what
        }
        return answer;
    }

    async handle(call) {
        const { req, body } = call;
        const answer = await this.#answer(call,
            isCbor(req) ? parseCbor(body) : parseJson(body));
        if (answer.stream) {
            return { ...answer, headers: { 'content-type':
                'application/vnd.amazon.eventstream' } };
        }
        if (isCbor(req)) {
            return { headers: { 'content-type': CBOR_TYPE },
                body: cborBody(answer.value) };
        }
        return { headers: { 'content-type': JSON_TYPE },
            body: answer.raw ?? jsonAnswer(answer.value).body };
    }

    stop() {
        this.#stopped = true;
        this.#fanOut.stop();
        this.#child?.kill('SIGKILL');
        this.#backend.close();
    }
}

export async function kinesisService(dir, shards) {
    const kinesis = new Kinesis();
    await kinesis.start(dir);
    await kinesis.createStream(stream, shards);
    return {
        name: 'kinesis', signingName: 'kinesis', protocol: 'json',
        maxBody: 15 * MIB,
        throttleCode: 'ProvisionedThroughputExceededException',
        failureCode: 'InternalFailureException',
        operationOf: targetOperation('Kinesis_20131202'),
        protocolOf: (req) => (isCbor(req) ? 'cbor' : 'json'),
        faultsOf: (operation) => (/Consumer|Subscribe/.test(operation)
            ? { throttleCode: 'LimitExceededException' } : {}),
        isLate: FanOut.isLate,
        handle: (call) => kinesis.handle(call),
        health: () => ({ restarts: kinesis.restarts }),
        stop: () => kinesis.stop(),
    };
}
