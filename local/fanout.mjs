// Kinesis' enhanced fan-out, which kinesalite lacks: registered consumers, and
// SubscribeToShard over HTTP/2, records pushed as event-stream frames.
import { EventEmitter } from 'node:events';
import { createDecipheriv } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { AwsError } from './sigv4.mjs';
import { destroyConnection } from './front.mjs';

const db = createRequire(import.meta.url)('kinesalite/db');

const MAX_CONSUMERS = 20;               // of one stream
const MAX_CREATING = 5;
const CREATING_MS = 500;
const SUBSCRIPTION_MS = 5 * 60 * 1000;
const CALL_GAP_MS = 1000;               // between two calls for one shard
const TAKEOVER_MS = 5000;               // after a call that succeeded
const IDLE_MS = 5000;                   // an event without records
const LOOK_MS = 1000;                   // a reshard is seen that late
const RECORDS_MAX = 100;                // in one event
const BYTES_PER_MS = 2 * 1024 * 1024 / 1000;
const LATE_FAULTS = ['cut', 'end', '500'];
const STREAM_ARN = /^arn:aws:kinesis:[\w-]+:\d{12}:stream\/([\w.-]{1,128})$/;
const CONSUMER_ARN = new RegExp(STREAM_ARN.source.replace(/\$$/,
    String.raw`\/consumer\/([\w.-]{1,128}):\d+$`));

const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes).toString('utf8'),
    (text) => Buffer.from(text, 'utf8'));

function frame(headers, value) {
    const typed = { ':content-type': 'application/x-amz-json-1.1', ...headers };
    return codec.encode({
        headers: Object.fromEntries(Object.entries(typed).map(
            ([name, text]) => [name, { type: 'string', value: text }])),
        body: Buffer.from(JSON.stringify(value)),
    });
}

const event = (type, value) => frame(
    { ':message-type': 'event', ':event-type': type }, value);
const exception = (err) => frame({ ':message-type': 'exception',
    ':exception-type': err.code }, { message: err.message });

const invalid = (message) => new AwsError('InvalidArgumentException', message);
const inUse = (message) => new AwsError('ResourceInUseException', message);

// The sequence number after which an iterator of kinesalite reads.
function positionOf(iterator) {
    const decipher = createDecipheriv('aes-256-cbc', db.ITERATOR_PWD_KEY,
        db.ITERATOR_PWD_IV);
    const text = Buffer.concat([decipher.update(
        Buffer.from(iterator, 'base64').subarray(8)), decipher.final()]);
    const at = db.parseSequence(text.toString('utf8').split('/')[3]);
    return db.stringifySequence({ ...at, seqTime: at.seqTime - 1000 });
}

// One answer to SubscribeToShard, from its first frame to its last.
class Subscription {
    #isOver = false;
    #sentAt = 0;
    #release;               // who waits for the reader
    constructor(options) {
        Object.assign(this, options);
        this.res.on('close', () => this.end());
        this.res.on('drain', () => this.#release?.());
        this.timer = setTimeout(() => this.end(), SUBSCRIPTION_MS);
    }

    failAfter({ kind, ms }) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            if (kind === 'cut') {
                destroyConnection(this.req);
            }
            this.end(kind === '500' ? new AwsError('InternalFailureException',
                'Internal failure', 500) : undefined);
        }, ms);
    }

    // err: said before the end; nothing: the proper end.
    end(err) {
        if (!this.#isOver) {
            this.#isOver = true;
            clearTimeout(this.timer);
            this.wake?.();
            this.#release?.();
            this.res.end(err && exception(err));
            this.onEnd();
        }
    }

    async run() {
        try {
            await this.#write(event('initial-response', {}));
            while (!this.#isOver && this.iterator) {
                await this.#push();
            }
            this.end();
        } catch (err) {
            this.end(err instanceof AwsError ? err
                : new AwsError('InternalFailureException', 'Internal failure'));
        }
    }

    async #push() {
        const changed = this.kinesis.nextPut(this.stream, this.ShardId, (wake) =>
            { this.wake = wake; });
        const { value } = await this.kinesis.call('GetRecords',
            { ShardIterator: this.iterator, Limit: RECORDS_MAX });
        const records = value.Records.filter(
            (one) => one.ApproximateArrivalTimestamp >= (this.since ?? 0));
        this.iterator = value.NextShardIterator;
        if (records.length || !this.iterator
            || Date.now() - this.#sentAt >= IDLE_MS) {
            await this.#send(records, value.MillisBehindLatest);
        }
        if (!value.Records.length && this.iterator) {
            const timer = setTimeout(this.wake, LOOK_MS);
            await changed;
            clearTimeout(timer);
        }
        this.wake();
    }

    async #send(Records, MillisBehindLatest) {
        const bytes = Records.reduce((n, one) => n + one.Data.length, 0);
        this.#sentAt = Date.now();
        await this.#write(event('SubscribeToShardEvent', { Records,
            MillisBehindLatest, ...(this.iterator
                ? { ContinuationSequenceNumber: Records.at(-1)?.SequenceNumber
                    ?? positionOf(this.iterator) }
                : { ChildShards: await this.kinesis.childrenOf(this.stream,
                    this.ShardId) }) }));
        await sleep(bytes / BYTES_PER_MS);
    }

    // Waits for who does not read, until the end.
    async #write(bytes) {
        if (!this.#isOver && !this.res.write(bytes)) {
            await new Promise((resolve) => { this.#release = resolve; });
        }
    }
}

export class FanOut {
    #consumers = new Map();     // ARN -> consumer
    #subscribed = new Map();    // ARN and shard -> { calledAt, openedAt, … }
    #puts = new EventEmitter().setMaxListeners(0);
    #kinesis;
    constructor(kinesis) {
        this.#kinesis = { call: (...args) => kinesis.call(...args),
            nextPut: (...args) => this.#nextPut(...args),
            childrenOf: (...args) => this.#childrenOf(...args) };
    }

    static isLate(operation, fault) {
        return operation === 'SubscribeToShard' && fault?.ms > 0
            && LATE_FAULTS.includes(fault.kind);
    }

    // Records are in that shard now.
    notify(stream, shard) {
        this.#puts.emit(`${stream}/${shard}`);
    }

    stop() {
        for (const { subscription } of this.#subscribed.values()) {
            subscription?.end();
        }
    }

    handles(operation) {
        return operation in this.#operations;
    }

    handle({ operation, ...call }) {
        return this.#operations[operation](call);
    }

    #operations = {
        RegisterStreamConsumer: ({ input }) => this.#register(input),
        DescribeStreamConsumer: ({ input }) => this.#describe(input),
        ListStreamConsumers: ({ input }) => this.#list(input),
        DeregisterStreamConsumer: ({ input }) => this.#deregister(input),
        SubscribeToShard: (call) => this.#subscribe(call),
    };

    #nextPut(stream, shard, onWake) {
        return new Promise((resolve) => {
            const name = `${stream}/${shard}`;
            const wake = () => {
                this.#puts.off(name, wake);
                resolve();
            };
            this.#puts.on(name, wake);
            onWake(wake);
        });
    }

    async #childrenOf(StreamName, parent) {
        const { value } = await this.#kinesis.call('ListShards',
            { StreamName });
        const parents = (one) => [one.ParentShardId,
            one.AdjacentParentShardId].filter(Boolean);
        return value.Shards.filter((one) => parents(one).includes(parent))
            .map((one) => ({ ShardId: one.ShardId, ParentShards: parents(one),
                HashKeyRange: one.HashKeyRange }));
    }

    // ---- consumers

    async #stream({ StreamARN }) {
        const [, name] = STREAM_ARN.exec(StreamARN ?? '') ?? [];
        if (!name) {
            throw invalid('StreamARN is missing or no ARN of a stream.');
        }
        await this.#kinesis.call('DescribeStreamSummary',
            { StreamName: name });
        return { StreamARN, all: [...this.#consumers.values()].filter(
            (one) => one.stream === name), name };
    }

    #view({ stream, StreamARN, ...consumer }) {
        return { ...consumer, ConsumerStatus: this.#status(consumer) };
    }

    #status({ ConsumerCreationTimestamp }) {
        return Date.now() - ConsumerCreationTimestamp * 1000 < CREATING_MS
            ? 'CREATING' : 'ACTIVE';
    }

    #find({ ConsumerARN, ConsumerName, StreamARN }) {
        const found = ConsumerARN ? this.#consumers.get(ConsumerARN)
            : [...this.#consumers.values()].find((one) => one.ConsumerName
                === ConsumerName && one.StreamARN === StreamARN);
        if (!found) {
            throw new AwsError('ResourceNotFoundException',
                `Consumer ${ConsumerARN ?? ConsumerName} is not found.`);
        }
        return found;
    }

    async #register(input) {
        const { StreamARN, name, all } = await this.#stream(input);
        const { ConsumerName } = input;
        if (!/^[\w.-]{1,128}$/.test(ConsumerName ?? '')) {
            throw invalid('ConsumerName is missing or not possible.');
        }
        if (all.some((one) => one.ConsumerName === ConsumerName)) {
            throw inUse(`Consumer ${ConsumerName} exists already.`);
        }
        if (all.length >= MAX_CONSUMERS || all.filter((one) =>
            this.#status(one) === 'CREATING').length >= MAX_CREATING) {
            throw new AwsError('LimitExceededException',
                'The stream has as many consumers as it can have.');
        }
        const ConsumerCreationTimestamp = Date.now() / 1000;
        const consumer = { ConsumerName, ConsumerCreationTimestamp, StreamARN,
            ConsumerARN: `${StreamARN}/consumer/${ConsumerName}:${
                Math.floor(ConsumerCreationTimestamp)}`, stream: name };
        this.#consumers.set(consumer.ConsumerARN, consumer);
        return { value: { Consumer: this.#view(consumer) } };
    }

    #describe(input) {
        const consumer = this.#find(input);
        return { value: { ConsumerDescription: { ...this.#view(consumer),
            StreamARN: consumer.StreamARN } } };
    }

    async #list(input) {
        const { all } = await this.#stream(input);
        return { value: { Consumers: all.map((one) => this.#view(one)) } };
    }

    #deregister(input) {
        this.#consumers.delete(this.#find(input).ConsumerARN);
        return { value: {} };
    }

    // ---- SubscribeToShard

    // A call a second; 5 s after one that succeeded the next takes over.
    #admit(key) {
        const now = Date.now();
        const before = this.#subscribed.get(key) ?? {};
        this.#subscribed.set(key, { ...before, calledAt: now });
        if (now - before.calledAt < CALL_GAP_MS) {
            throw new AwsError('LimitExceededException',
                'Rate exceeded: one call a second for a consumer\'s shard.');
        }
        if (now - before.openedAt < TAKEOVER_MS) {
            throw inUse('Another active subscription exists for this '
                + 'consumer: try again 5 seconds after it began.');
        }
        return before;
    }

    async #begin(stream, ShardId, position) {
        const { Type, SequenceNumber, Timestamp } = position ?? {};
        const isOfSequence = /^(AT|AFTER)_SEQUENCE_NUMBER$/.test(Type ?? '');
        if (!isOfSequence && !['LATEST', 'TRIM_HORIZON', 'AT_TIMESTAMP']
            .includes(Type)
            || isOfSequence !== (SequenceNumber !== undefined)
            || (Type === 'AT_TIMESTAMP') !== (Timestamp !== undefined)) {
            throw invalid('StartingPosition is missing or not possible.');
        }
        if (Timestamp * 1000 > Date.now()) {
            throw invalid('The timestamp is in the future.');
        }
        const { value } = await this.#kinesis.call('GetShardIterator', {
            StreamName: stream, ShardId, StartingSequenceNumber: SequenceNumber,
            ShardIteratorType: Timestamp === undefined ? Type
                : 'TRIM_HORIZON' });
        return { iterator: value.ShardIterator, since: Timestamp };
    }

    async #subscribe({ req, res, input, fault }) {
        const { ConsumerARN, ShardId, StartingPosition } = input;
        if (req.httpVersionMajor !== 2) {
            throw invalid('SubscribeToShard needs HTTP/2.');
        }
        if (!CONSUMER_ARN.test(ConsumerARN ?? '')) {
            throw invalid('ConsumerARN is missing or not one.');
        }
        const consumer = this.#find({ ConsumerARN });
        if (this.#status(consumer) !== 'ACTIVE') {
            throw inUse(`Consumer ${ConsumerARN} is not ACTIVE.`);
        }
        const key = `${ConsumerARN} ${ShardId}`;
        const before = this.#admit(key);
        const place = await this.#begin(consumer.stream, ShardId,
            StartingPosition);
        const subscription = new Subscription({ ...place, req, res, ShardId,
            stream: consumer.stream, kinesis: this.#kinesis,
            onEnd: () => this.#forget(key, subscription) });
        this.#subscribed.set(key, { calledAt: Date.now(),
            openedAt: Date.now(), subscription });
        before.subscription?.end(inUse(
            'Another subscription of this consumer took over.'));
        if (FanOut.isLate('SubscribeToShard', fault)) {
            subscription.failAfter(fault);
        }
        return { stream: () => subscription.run() };
    }

    // Who subscribed when is remembered as long as it counts.
    #forget(key, subscription) {
        if (this.#subscribed.get(key)?.subscription === subscription) {
            this.#subscribed.get(key).subscription = undefined;
            setTimeout(() => {
                const now = this.#subscribed.get(key);
                if (now && !now.subscription
                    && Date.now() - now.calledAt >= TAKEOVER_MS) {
                    this.#subscribed.delete(key);
                }
            }, 2 * TAKEOVER_MS).unref();
        }
    }
}
