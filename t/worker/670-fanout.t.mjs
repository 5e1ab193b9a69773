/* Enhanced fan-out: shards are pushed to the worker.  However often the
   subscription is lost, each byte comes once; while there is none, the shard
   is polled. */
import { createRequire } from 'node:module';
import { is, note, ok, plan, run } from '../e2e/tap.mjs';
import { checkCount, count } from './counting.mjs';
import { FINISH_CHECKS, setFault, sleep, until, withRig } from './harness.mjs';

const { DescribeStreamConsumerCommand, DescribeStreamSummaryCommand,
  ListShardsCommand, PutRecordsCommand, SplitShardCommand } = createRequire(
  new URL('../../local/package.json', import.meta.url))(
  '@aws-sdk/client-kinesis');

const CUT_MS = 2000;
const END_MS = 5500;            /* instead of 5 minutes */
const WORDS = 24;
const PATIENCE_MS = 40_000;
const SHARD = 'shardId-000000000000';
const HALF = String(1n << 127n);
const FANOUT = { consumer: 'fanout', consumer_name: 'test' };
const SUBSCRIBE = { service: 'kinesis', operation: 'SubscribeToShard' };
const FILL = 20;                /* records of a call */
const FILLS = 4;                /* together three windows of HTTP/2 */

plan(34 + 4 * FINISH_CHECKS);

const codes = (worker, event) => [...new Set(worker.log(event).map(
  ({ code }) => code))];
const isPushed = (worker) => until(async () =>
  (await worker.figures()).gauges.shards_pushed === 1);

/* From arrival at Kinesis to reading. */
async function noteAge(what, worker) {
  const { histograms: { record_age_ms: age } } = await worker.figures();
  note(`record_age_ms ${what}: mean ${(age.sum_ms / age.count).toFixed(1)
  } over ${age.count} records`);
}

/* 4 checks: by segments, by words, by bytes. */
async function checkTalk(what, talk, worker, bytes) {
  ok(await talk.whenDrained(PATIENCE_MS), `${what}: the talk comes to its end`);
  checkCount(what, talk, 'en', WORDS);
  const { counters } = await worker.figures();
  is({ fed: counters.pcm_bytes_fed, gap: counters.pcm_bytes_gap,
    twice: counters.pcm_bytes_duplicate }, { fed: bytes, gap: 0, twice: 0 },
  `${what}: each byte is heard once`);
}

/* First by an exception among the events; over TLS. */
async function cutAllTheTime(rig) {
  await setFault(rig.aws, { ...SUBSCRIBE, kind: '500', ms: CUT_MS });
  await setFault(rig.aws, { ...SUBSCRIBE, kind: 'cut', ms: CUT_MS,
    times: -1 });
  const worker = await rig.worker({ ...FANOUT,
    kinesis_endpoint: rig.aws.kinesis.replace('http:', 'https:') });
  ok(await isPushed(worker), 'cut: the shard is pushed');
  const { StreamDescriptionSummary } = await rig.kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: rig.aws.stream }));
  const { ConsumerDescription } = await rig.kinesis.send(
    new DescribeStreamConsumerCommand({ ConsumerName: 'test',
      StreamARN: StreamDescriptionSummary.StreamARN }));
  is(worker.log('consumer_ready')[0].consumer_arn,
    ConsumerDescription.ConsumerARN, 'cut: to a consumer that it registered');

  const talk = await rig.talk(['en']);
  const pcm = count(WORDS);
  await talk.speak(pcm, { isLast: true });
  await checkTalk('cut', talk, worker, pcm.length);
  const { counters } = await worker.figures();
  is(counters.records_read, Math.ceil(pcm.length / 6400),
    'cut: each record is read once');
  ok(counters.subscriptions_lost >= 2 && counters.subscriptions_opened
    >= counters.subscriptions_lost, 'cut: again and again', counters);
  is(codes(worker, 'subscription_lost'), ['InternalFailureException',
    'connection_lost'], 'cut: and says so');
  is(counters.subscriptions_refused, 0, 'cut: it never asks too early');
}

async function fill(rig, talk) {
  await rig.kinesis.send(new PutRecordsCommand({ StreamName: rig.aws.stream,
    Records: Array.from({ length: FILL }, () => ({ PartitionKey: talk.id,
      Data: Buffer.alloc(40_000) })) }));
}

/* With Redis away the lease is not fresh: nobody may read. */
async function held(rig, worker, talk) {
  const read = await worker.counter('records_read');

  rig.redis.freeze('SIGSTOP');
  await sleep(3000);
  for (let i = 0; i < FILLS; i++) {
    await fill(rig, talk);
    await sleep(1000);              /* a shard takes 1 MB a second */
  }
  const { counters, gauges } = await worker.figures();
  is([counters.records_read, gauges.shards_pushed], [read, 1],
    'held: without a fresh lease nothing is read');
  rig.redis.freeze('SIGCONT');
  ok(await until(async () => await worker.counter('records_read') >= read
    + FILLS * FILL), 'held: then all comes');
  is(await worker.counter('records_read'), read + FILLS * FILL,
    'held: once');
}

async function refused(rig) {
  await setFault(rig.aws, { ...SUBSCRIBE, kind: '500', times: 2 });
  const worker = await rig.worker(FANOUT);
  const talk = await rig.talk([], { isRaw: true });

  await talk.speak(count(2));
  ok(await until(async () => await worker.counter('records_read') === 5),
    'refused: polled meanwhile');
  ok(await isPushed(worker), 'refused: and subscribed to in the end');
  is(worker.log('fanout_refused').map(({ code }) => code),
    ['InternalFailureException'], 'refused: one line says why');
  await held(rig, worker, talk);
  await worker.stop();

  await setFault(rig.aws, { ...SUBSCRIBE, kind: 'throttle', times: -1 });
  const second = await rig.worker(FANOUT);
  await talk.speak(count(6));
  ok(await until(async () => await second.counter('records_read') > 14),
    'limited: polled');
  is(second.log('fanout_refused').map(({ code }) => code),
    ['LimitExceededException'], 'limited: one line says why');
  is(second.log('consumer_registered').length, 0,
    'limited: as the consumer that there is');
  await noteAge('polled', second);
}

async function split(rig) {
  await setFault(rig.aws, { ...SUBSCRIBE, kind: 'end', ms: END_MS,
    times: -1 });
  const worker = await rig.worker({ ...FANOUT, batch_window: '500ms',
    starting_position: 'latest' });
  const talk = await rig.talk(['en']);
  const pcm = count(WORDS);
  ok(await isPushed(worker), 'split: pushed');
  const spoken = talk.speak(pcm, { isLast: true });

  await until(() => talk.heard('en').length > 0);
  await noteAge('pushed', worker);
  await rig.kinesis.send(new SplitShardCommand({
    StreamName: rig.aws.stream, ShardToSplit: SHARD,
    NewStartingHashKey: HALF }));
  ok(await until(() => worker.log('shard_read_out', { shard: SHARD })[0]),
    'split: it is read out');
  await spoken;
  await checkTalk('split', talk, worker, pcm.length);
  const { Shards } = await rig.kinesis.send(
    new ListShardsCommand({ StreamName: rig.aws.stream }));
  is([...new Set(worker.log('shard_subscribed').map(({ shard }) => shard))]
    .sort(), Shards.map(({ ShardId }) => ShardId).sort(),
  'split: its children are pushed too');
  const { counters } = await worker.figures();
  ok(counters.subscriptions_opened > Shards.length,
    'split: subscribed to again when their time was over', counters);
  is([counters.subscriptions_lost, counters.records_read],
    [0, Math.ceil(pcm.length / 6400)],
    'split: which is no loss, and brings nothing twice');
}

/* Who is gone without a word does not answer pings. */
async function silent(rig) {
  const worker = await rig.worker(FANOUT);
  const talk = await rig.talk([], { isRaw: true });
  const hasRead = async (n) => {
    await talk.speak(count(2));
    return until(async () => await worker.counter('records_read') === n,
      PATIENCE_MS);
  };
  ok(await isPushed(worker) && await hasRead(5), 'silent: pushed');

  rig.aws.child.kill('SIGSTOP');
  await until(() => worker.log('subscription_lost')[0], PATIENCE_MS);
  rig.aws.child.kill('SIGCONT');
  is(codes(worker, 'subscription_lost'), ['no_sign_of_life'], 'silent: seen');
  ok(await hasRead(10), 'silent: read when it is back');
  ok(await isPushed(worker), 'silent: pushed again');
  ok(await hasRead(15), 'silent: and goes on');

  await worker.stop();
  const next = await rig.worker({ consumer: 'fanout',
    consumer_arn: worker.log('consumer_ready')[0].consumer_arn });
  ok(await isPushed(next) && next.log('consumer_ready').length === 0,
    'silent: a successor comes with the ARN of the consumer');
}

await run(() => Promise.all([cutAllTheTime, refused, split, silent].map((one) =>
  withRig({ worker: false }, one))));
