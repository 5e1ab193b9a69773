// A stream that is always being spoken to, for benches of the worker alone: its
// records are made when they are read, silence with framed heads. Signatures
// are not looked at.
//   node bench/capacity-kinesis.mjs SHARDS TALKS SPEED      prints {"url"}, the
//     talks' ids in "ids"; the line "speak" lets all talks begin, one each 20 ms
// SPEED: seconds of audio in a second.
import http from 'node:http';
import { createInterface } from 'node:readline';

const [SHARDS, TALKS, SPEED] = process.argv.slice(2).map(Number);
const STEP_MS = 250, BYTES_PER_MS = 32, EPOCH = 1;
const STAGGER_MS = 20;
const PCM_BYTES = STEP_MS * BYTES_PER_MS * SPEED, HEAD_BYTES = 32;
const RECORDS_MAX = 10_000;
const HASH_KEYS = 1n << 128n;

const idOf = (talk) => `bench-talk-${100 + talk}`;
const shardOf = (i) => `shardId-${String(i).padStart(12, '0')}`;
// Of the first bytes only: the head and one byte are whole groups of base64.
const REST = Buffer.alloc(PCM_BYTES - 1).toString('base64');

let began = null;

function record(talk, step) {
    const head = Buffer.alloc(HEAD_BYTES + 1);
    const at = began + talk * STAGGER_MS + step * STEP_MS;
    head.write('LTA1\x01', 0, 'latin1');
    head.writeUInt16LE(HEAD_BYTES, 6);
    head.writeBigUInt64LE(BigInt(EPOCH), 8);
    head.writeBigUInt64LE(BigInt(step) * BigInt(PCM_BYTES), 16);
    head.writeBigInt64LE(BigInt(at), 24);
    return `{"SequenceNumber":"${1 + step}${String(talk).padStart(6, '0')}","ApproximateArrivalTimestamp":${
        (at + STEP_MS) / 1000},"Data":"${head.toString('base64')}${REST}","PartitionKey":"${idOf(talk)}"}`;
}

// An iterator is "<shard>:<ms since the beginning>".
function getRecords({ ShardIterator, Limit = RECORDS_MAX }) {
    const [shard, from] = ShardIterator.split(':').map(Number);
    const until = began === null ? from : Math.max(from, Date.now() - began);
    const steps = [];

    for (let talk = shard; talk < TALKS; talk += SHARDS) {
        const first = talk * STAGGER_MS + STEP_MS;
        for (let step = Math.max(0, Math.floor((from - first) / STEP_MS) + 1); first + step * STEP_MS <= until; step += 1) {
            steps.push({ at: first + step * STEP_MS, talk, step });
        }
    }
    steps.sort((a, b) => a.at - b.at);
    const given = steps.slice(0, Limit);
    const next = given.length < steps.length ? given.at(-1).at : until;
    return `{"Records":[${given.map(({ talk, step }) => record(talk, step)).join()}],"NextShardIterator":"${
        shard}:${next}","MillisBehindLatest":${until - next}}`;
}

function listShards() {
    const width = HASH_KEYS / BigInt(SHARDS);
    return JSON.stringify({ Shards: Array.from({ length: SHARDS }, (_, i) => ({ ShardId: shardOf(i),
        HashKeyRange: { StartingHashKey: String(width * BigInt(i)),
            EndingHashKey: String(i + 1 < SHARDS ? width * BigInt(i + 1) - 1n : HASH_KEYS - 1n) },
        SequenceNumberRange: { StartingSequenceNumber: '1' } })) });
}

const CALLS = {
    ListShards: listShards,
    GetShardIterator: ({ ShardId }) => JSON.stringify({ ShardIterator: `${Number(ShardId.slice(8))}:0` }),
    GetRecords: getRecords,
};

const server = http.createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
        const call = CALLS[(req.headers['x-amz-target'] ?? '').split('.')[1]];
        const body = call ? call(JSON.parse(Buffer.concat(parts))) : '{"__type":"UnknownOperationException"}';
        res.writeHead(call ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1',
            'content-length': Buffer.byteLength(body) });
        res.end(body);
    });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}`,
    ids: Array.from({ length: TALKS }, (_, i) => idOf(i)) })));
createInterface({ input: process.stdin })
    .on('line', () => { began = Date.now(); console.log('{}'); })
    .on('close', () => process.exit(0));
