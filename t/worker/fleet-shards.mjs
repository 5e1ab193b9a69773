/* Shards split and merge while talks run; a shard that this worker cannot read
   goes to one that can. */
import { createRequire } from 'node:module';
import { is, ok } from '../e2e/tap.mjs';
import { checkCount, count, talkPerShard } from './counting.mjs';
import { clearFaults, FINISH_CHECKS, setFault, until, withRig } from './harness.mjs';

const { DescribeStreamSummaryCommand, ListShardsCommand, MergeShardsCommand,
  SplitShardCommand } = createRequire(
  new URL('../../local/package.json', import.meta.url))(
  '@aws-sdk/client-kinesis');

const SHARDS = 2;
const WORDS = 60;
const PATIENCE_MS = 40_000;

export const checks = 14 + 3 * SHARDS + FINISH_CHECKS;

const named = ({ ShardId }) => ShardId;

async function openShards(rig) {
  const { Shards } = await rig.kinesis.send(
    new ListShardsCommand({ StreamName: rig.aws.stream }));
  return Shards.filter((one) => !one.SequenceNumberRange.EndingSequenceNumber);
}

/* Sends a command that changes shards, and waits until it is done. */
async function reshard(rig, command) {
  await rig.kinesis.send(command);
  return until(async () => {
    const { StreamDescriptionSummary: { StreamStatus } }
      = await rig.kinesis.send(new DescribeStreamSummaryCommand(
        { StreamName: rig.aws.stream }));
    return StreamStatus === 'ACTIVE' && openShards(rig);
  }, PATIENCE_MS);
}

function split(rig, shard) {
  const { StartingHashKey, EndingHashKey } = shard.HashKeyRange;
  return reshard(rig, new SplitShardCommand({ StreamName: rig.aws.stream,
    ShardToSplit: shard.ShardId, NewStartingHashKey: String(
      (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n + 1n) }));
}

const merge = (rig, [left, right]) => reshard(rig, new MergeShardsCommand(
  { StreamName: rig.aws.stream, ShardToMerge: left.ShardId,
    AdjacentShardToMerge: right.ShardId }));

const isReadOut = (worker, shard) => until(() =>
  worker.log('shard_read_out', { shard })[0], PATIENCE_MS);
const begunAt = (worker, shard) => until(() =>
  worker.log('shard_reading', { shard })[0]?.position, PATIENCE_MS);

/* Its children are begun where they begin, and not before it is read. */
async function checkFamily(what, worker, parents, children) {
  const batches = () => worker.log('batch_closed').map(({ shard }) => shard);
  const places = await Promise.all(children.map((id) => begunAt(worker, id)));
  is(places, children.map(() => 'TRIM_HORIZON'),
    `${what}: children are read from their beginning`);
  ok(await until(() => batches().some((id) => children.includes(id)),
    PATIENCE_MS), `${what}: they bring audio`);
  ok(batches().findLastIndex((id) => parents.includes(id))
    < batches().findIndex((id) => children.includes(id)),
  `${what}: parents come before children`);
}

async function splitAndMerge(rig, worker) {
  const before = await openShards(rig);
  const halves = await split(rig, before[0]);
  is(halves.length, SHARDS + 1, 'split: there is one shard more');
  ok(await isReadOut(worker, before[0].ShardId), 'split: it is read out');
  await checkFamily('split', worker, [before[0].ShardId],
    halves.map(named).filter((id) => !before.map(named).includes(id)));

  const pair = halves.toSorted((a, b) => BigInt(a.HashKeyRange.StartingHashKey)
    < BigInt(b.HashKeyRange.StartingHashKey) ? -1 : 1).slice(1, 3);
  const merged = await merge(rig, pair);
  is(merged.length, SHARDS, 'merge: there is one shard less');
  await checkFamily('merge', worker, pair.map(named),
    merged.map(named).filter((id) => !halves.map(named).includes(id)));
}

async function stuck(rig, worker) {
  await setFault(rig.aws, { service: 'kinesis', operation: 'GetRecords',
    kind: '500', times: -1 });
  ok(await until(() => worker.log('shard_stuck')[0], PATIENCE_MS),
    'stuck: a shard without an answer is begun anew');
  await clearFaults(rig.aws);
  ok(await until(() => worker.log('kinesis_recovered')[0], PATIENCE_MS),
    'stuck: and read again');
}

export async function main() {
  await withRig({ shards: SHARDS }, async (rig) => {
    const [worker] = rig.workers;
    const talks = await talkPerShard(rig, ['en'], SHARDS);
    const spoken = talks.map((talk) => talk.speak(count(WORDS),
      { isLast: true }));

    await until(() => talks.every((talk) => talk.heard('en').length > 2));
    await splitAndMerge(rig, worker);
    await Promise.all(spoken);
    for (const [i, talk] of talks.entries()) {
      ok(await talk.whenDrained(PATIENCE_MS), `talk ${i} comes to its end`);
      checkCount(`talk ${i}`, talk, 'en', WORDS);
    }
    is(worker.log('session_opened').length, SHARDS,
      'and its recogniser hears it to the end, whatever shard brings it');
    is(worker.log('session_abandoned').length, 0, 'no talk was left');
    const { gauges } = await worker.figures();
    is([gauges.hash_range_gaps, gauges.shards_unread], [0, 0],
      'the audit finds all hash keys covered, all shards read');
    await stuck(rig, worker);
  });
}
