// Enhanced fan-out by the official client: consumers, and records pushed.
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateStreamCommand, DeregisterStreamConsumerCommand,
    DescribeStreamConsumerCommand, DescribeStreamSummaryCommand, KinesisClient,
    ListShardsCommand, ListStreamConsumersCommand, PutRecordsCommand,
    RegisterStreamConsumerCommand, SplitShardCommand, SubscribeToShardCommand }
    from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { is, ok, refused } from '../../t/e2e/tap.mjs';
import { clearFaults, setFault } from './stand-ins.mjs';

const STREAM = 'fan-out';
const SHARD = 'shardId-000000000000';
const HALF = String(1n << 127n);


class Rig {
    constructor(kinesis, StreamARN) {
        Object.assign(this, { kinesis, StreamARN });
    }

    put(...keys) {
        return this.kinesis.send(new PutRecordsCommand({ StreamName: STREAM,
            Records: keys.map((PartitionKey) => ({ PartitionKey,
                Data: Buffer.from(`data of ${PartitionKey}`) })) }));
    }

    describe(ConsumerName) {
        return this.kinesis.send(new DescribeStreamConsumerCommand(
            { StreamARN: this.StreamARN, ConsumerName }));
    }

    // A consumer of its own, ready.
    async consumer(ConsumerName) {
        await this.kinesis.send(new RegisterStreamConsumerCommand(
            { StreamARN: this.StreamARN, ConsumerName }));
        for (;;) {
            const { ConsumerDescription: { ConsumerARN, ConsumerStatus } }
                = await this.describe(ConsumerName);
            if (ConsumerStatus === 'ACTIVE') {
                return ConsumerARN;
            }
            await sleep(50);
        }
    }

    subscribe(ConsumerARN, StartingPosition, kinesis = this.kinesis) {
        return kinesis.send(new SubscribeToShardCommand(
            { ConsumerARN, ShardId: SHARD, StartingPosition }));
    }
}

// Reads events until enough(events), or the end; what it throws is .error.
async function gather({ EventStream }, enough = () => false) {
    const events = [];
    try {
        for await (const { SubscribeToShardEvent: one } of EventStream) {
            events.push(one);
            if (enough(events)) {
                break;
            }
        }
    } catch (error) {
        events.error = error;
    }
    return events;
}

const records = (events) => events.flatMap((one) => one.Records ?? []);
const keys = (events) => records(events).map((one) => one.PartitionKey);

async function consumers(rig) {
    const { Consumer } = await rig.kinesis.send(
        new RegisterStreamConsumerCommand({ StreamARN: rig.StreamARN,
            ConsumerName: 'first' }));
    is(Consumer.ConsumerStatus, 'CREATING', 'fan-out: a consumer is made');
    await refused(rig.subscribe(Consumer.ConsumerARN, { Type: 'LATEST' }),
        'ResourceInUseException', 'fan-out: not at once');
    await refused(rig.consumer('first'), 'ResourceInUseException',
        'fan-out: a name is taken once');
    await refused(rig.describe('nobody'), 'ResourceNotFoundException',
        'fan-out: an unknown consumer');
    await Promise.all([2, 3, 4, 5].map((i) => rig.consumer(`more-${i}`)));
    const six = await Promise.allSettled([6, 7, 8, 9, 10, 11].map(
        (i) => rig.consumer(`more-${i}`)));
    is(six.map((one) => one.reason?.name).filter(Boolean),
        ['LimitExceededException'], 'fan-out: five are made at once');
    const { Consumers } = await rig.kinesis.send(
        new ListStreamConsumersCommand({ StreamARN: rig.StreamARN }));
    is(Consumers.length, 10, 'fan-out: all are listed');
    await Promise.all(Consumers.map(({ ConsumerARN }) => rig.kinesis.send(
        new DeregisterStreamConsumerCommand({ ConsumerARN }))));
    await refused(rig.describe('first'), 'ResourceNotFoundException',
        'fan-out: and go again');
}

async function pushed(rig) {
    const arn = await rig.consumer('pushed');
    const answer = await rig.subscribe(arn, { Type: 'LATEST' });
    const gathered = gather(answer, (all) => keys(all).length >= 3);

    await refused(rig.subscribe(arn, { Type: 'LATEST' }),
        'LimitExceededException', 'fan-out: one call a second');
    await rig.put('a-1', 'a-2', 'a-3');
    const events = await gathered;
    is(keys(events), ['a-1', 'a-2', 'a-3'], 'fan-out: records are pushed');
    const [record] = records(events);
    is(Buffer.from(record.Data).toString(), 'data of a-1',
        'fan-out: with their bytes');
    ok(Date.now() - record.ApproximateArrivalTimestamp < 60e3,
        'fan-out: with their time', record.ApproximateArrivalTimestamp);
    is(events.at(-1).ContinuationSequenceNumber,
        records(events).at(-1).SequenceNumber, 'fan-out: and where to go on');
}

// The second begins where the first is, and ends it.
async function takenOver(rig) {
    const arn = await rig.consumer('taken-over');
    const first = gather(await rig.subscribe(arn,
        { Type: 'AT_TIMESTAMP', Timestamp: new Date() }));
    await rig.put('b-1', 'b-2');
    await sleep(1500);
    await refused(rig.subscribe(arn, { Type: 'LATEST' }),
        'ResourceInUseException', 'fan-out: no other one within 5 s');
    await sleep(4000);
    const place = (events) => ({ Type: 'AFTER_SEQUENCE_NUMBER',
        SequenceNumber: records(events)[0].SequenceNumber });
    const idle = await rig.subscribe(arn, { Type: 'LATEST' });
    const events = await first;
    is(keys(events), ['b-1', 'b-2'], 'fan-out: AT_TIMESTAMP');
    is(events.error?.name, 'ResourceInUseException',
        'fan-out: then the next one ends it, with an exception');
    ok(events.at(-1).Records.length === 0
        && BigInt(events.at(-1).ContinuationSequenceNumber)
            > BigInt(records(events).at(-1).SequenceNumber),
    'fan-out: an idle shard goes on too', events.at(-1));
    const [quiet] = await gather(idle, () => true);

    const other = await rig.consumer('reads-again');
    is(keys(await gather(await rig.subscribe(other, place(events)),
        (all) => keys(all).length > 0)), ['b-2'],
    'fan-out: AFTER_SEQUENCE_NUMBER');
    await rig.put('b-3');
    const third = await rig.consumer('goes-on');
    is(keys(await gather(await rig.subscribe(third,
        { Type: 'AFTER_SEQUENCE_NUMBER',
            SequenceNumber: quiet.ContinuationSequenceNumber }),
    (all) => keys(all).length > 0)), ['b-3'],
    'fan-out: after a sequence number of no record');
}

async function faulty(rig, env, options) {
    const names = (text) => Promise.all(text.split(' ').map(
        (name) => rig.consumer(name)));
    const arns = [...await names('ended cut failed throttled'),
        ...await names('bare doubled early')];
    const begin = async (arn, fault) => {
        await setFault(env, { service: 'kinesis',
            operation: 'SubscribeToShard', ...fault });
        return rig.subscribe(arn, { Type: 'TRIM_HORIZON' });
    };
    const ended = await gather(await begin(arns[0], { kind: 'end', ms: 400 }));
    ok(ended.length >= 1 && ended.error === undefined,
        'fan-out: a subscription ends before its time', ended.error?.message);
    const cut = await gather(await begin(arns[1], { kind: 'cut', ms: 400 }));
    ok(cut.length >= 1, 'fan-out: or is cut');
    const failed = await gather(await begin(arns[2], { kind: '500', ms: 400 }));
    is(failed.error?.name, 'InternalFailureException',
        'fan-out: or ends with an exception');
    await refused(begin(arns[3], { kind: 'throttle' }),
        'LimitExceededException', 'fan-out: or is not begun');
    await clearFaults(env);

    for (const [arn, position, what] of [[arns[4],
        { Type: 'AFTER_SEQUENCE_NUMBER' }, 'no sequence number'], [arns[5],
        { Type: 'LATEST', SequenceNumber: '1' }, 'one too many'], [arns[6],
        { Type: 'AT_TIMESTAMP', Timestamp: new Date(Date.now() + 60e3) },
        'a time to come']]) {
        await refused(rig.subscribe(arn, position),
            'InvalidArgumentException', `fan-out: a position with ${what}`);
    }
    await refused(rig.subscribe(arns[4], { Type: 'LATEST' },
        new KinesisClient({ ...options,
            requestHandler: new NodeHttpHandler() })),
    'InvalidArgumentException', 'fan-out: HTTP/1.1 is refused');
    await refused(rig.subscribe(arns[4], { Type: 'LATEST' },
        new KinesisClient({ ...options, credentials:
            { ...options.credentials, secretAccessKey: 'wrong' } })),
    'InvalidSignatureException', 'fan-out: a wrong secret is refused');
}

async function readOut(rig) {
    const arn = await rig.consumer('reads-out');
    const gathered = gather(await rig.subscribe(arn,
        { Type: 'TRIM_HORIZON' }));
    await rig.kinesis.send(new SplitShardCommand({ StreamName: STREAM,
        ShardToSplit: SHARD, NewStartingHashKey: HALF }));
    const events = await gathered;
    is([events.error, events.at(-1).ContinuationSequenceNumber],
        [undefined, undefined], 'fan-out: a shard that is split ends');
    is(events.at(-1).ChildShards.map((one) => [one.ShardId, one.ParentShards,
        one.HashKeyRange.StartingHashKey]), [['shardId-000000000001', [SHARD],
        '0'], ['shardId-000000000002', [SHARD], HALF]],
    'fan-out: and names its children');
    is(keys(events), ['a-1', 'a-2', 'a-3', 'b-1', 'b-2', 'b-3'],
        'fan-out: TRIM_HORIZON, and each record once');
}

export async function checkFanOut(env, options) {
    const kinesis = new KinesisClient(options);
    await kinesis.send(new CreateStreamCommand({ StreamName: STREAM,
        ShardCount: 1 }));
    while ((await kinesis.send(new ListShardsCommand({ StreamName: STREAM })))
        .Shards.length === 0) {
        await sleep(50);
    }
    const { StreamDescriptionSummary: { StreamARN } } = await kinesis.send(
        new DescribeStreamSummaryCommand({ StreamName: STREAM }));
    const rig = new Rig(kinesis, StreamARN);

    await consumers(rig);
    await pushed(rig);
    await takenOver(rig);
    await faulty(rig, env, options);
    await readOut(rig);
    kinesis.destroy();
}
