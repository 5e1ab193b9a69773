// A Kinesis that misbehaves on purpose and keeps books: what each session's
// framed records make when doubles are left out by their numbers, as the
// worker does it. For bench/ingest-faults and the browser test of a replay.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const HEADER = 32;
const SHARDS = 4;                       // each takes 32 speakers, 1 MiB/s
const RANGE = 2n ** 128n / BigInt(SHARDS);
const shardId = (i) => `shardId-${String(i).padStart(12, '0')}`;
const SHARD_LIST = Array.from({ length: SHARDS }, (_, i) => ({ ShardId: shardId(i), HashKeyRange: {
    StartingHashKey: String(RANGE * BigInt(i)), EndingHashKey: String(RANGE * BigInt(i + 1) - 1n) },
    SequenceNumberRange: { StartingSequenceNumber: '49' } }));

const shardOf = (key) => Number(BigInt(`0x${createHash('md5').update(key).digest('hex')}`) / RANGE);

// One session: bytes by number, in epochs.
class Book {
    epochs = 0;
    stored = 0;             // bytes, each once
    doubled = 0;
    disorder = 0;           // bytes that came after later ones
    holes = [];             // [from, to) of this epoch that never came
    hash = createHash('sha256');
    #epoch = 0n;
    #next = 0;

    add(data) {
        const epoch = data.readBigUInt64LE(8);
        const pcm = data.subarray(HEADER);
        let number = Number(data.readBigUInt64LE(16));

        if (epoch !== this.#epoch) {
            this.epochs += 1;
            this.#epoch = epoch;
            this.#next = 0;
        }
        const known = Math.min(Math.max(this.#next - number, 0), pcm.length);
        if (known > 0) {
            this.#late(number, number + known);
        }
        number += known;
        if (known === pcm.length) {
            return;
        }
        if (number > this.#next) {
            this.holes.push([this.#next, number]);
        }
        this.hash.update(pcm.subarray(known));
        this.stored += pcm.length - known;
        this.#next = number + pcm.length - known;
    }

    // Bytes before the end: doubles, or what should have come earlier.
    #late(from, to) {
        const disorder = this.holes.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0);

        this.disorder += disorder;
        this.doubled += to - from - disorder;
    }

    get end() {
        return this.#next;
    }

    get missing() {
        return this.holes.reduce((sum, [a, b]) => sum + b - a, 0);
    }
}

const stored = (shard) => ({ SequenceNumber: '49'.padEnd(56, '0'), ShardId: shardId(shard) });
const throttled = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard' };
const failed = { ErrorCode: 'InternalFailure', ErrorMessage: 'Internal service failure.' };

const read = async (request) => {
    const parts = [];
    for await (const part of request) {
        parts.push(part);
    }
    return JSON.parse(Buffer.concat(parts).toString('latin1'));
};

const answer = (response, status, body) => {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.1', 'Content-Length': text.length });
    response.end(text);
};

const refuse = (status, code) => (response) => answer(response, status, { __type: code, message: code });

// What may go wrong with a call: which of its records are stored in spite of
// it (keep, by place and shard), and what the caller sees (say, which gets the
// shards of its records).
const none = () => false, all = () => true, second = (i) => i % 2 === 1;
const otherShards = (i, shard) => shard >= SHARDS / 2;
const results = (wrong, keep) => (response, shards) => answer(response, 200, {
    FailedRecordCount: shards.filter((shard, i) => !keep(i, shard)).length,
    Records: shards.map((shard, i) => (keep(i, shard) ? stored(shard) : wrong)) });

export const FAULTS = {
    ok: { keep: all, say: results(null, all) },
    throttled: { keep: otherShards, say: results(throttled, otherShards) },
    partial: { keep: second, say: results(failed, second) },
    limited: { keep: none, say: refuse(400, 'ProvisionedThroughputExceededException') },
    internal: { keep: none, say: refuse(500, 'InternalFailure') },
    lied: { keep: all, say: refuse(500, 'InternalFailure') },       // it was stored
    unavailable: { keep: none, say: refuse(503, 'ServiceUnavailable') },
    expired: { keep: none, say: refuse(400, 'ExpiredTokenException') },
    cut: { keep: none, say: (response) => response.socket.destroy() },
    cutAfter: { keep: all, say: (response) => response.socket.destroy() },
    cutMidway: { keep: all, say: (response) => {
        response.writeHead(200, { 'Content-Length': 4096 });
        response.write('{"FailedRecordCount":0,"Rec', () => response.socket?.destroy());
    } },
    slow: { keep: all, say: (response, shards) => setTimeout(() => FAULTS.ok.say(response, shards), 700) },
};

// mode: a name of FAULTS, may be changed at any time.
export const startLedger = () => new Promise((resolve, reject) => {
    const ledger = { port: 0, mode: 'ok', books: new Map(), calls: {}, stop: () => server.closeAllConnections() ?? server.close() };
    const server = createServer(async (request, response) => {
        const body = await read(request).catch(() => null);

        if (body === null || !body.Records) {
            answer(response, 200, { Shards: SHARD_LIST });
            return;
        }
        const fault = FAULTS[ledger.mode];
        ledger.calls[ledger.mode] = (ledger.calls[ledger.mode] ?? 0) + 1;
        const shards = body.Records.map(({ PartitionKey }) => shardOf(PartitionKey));
        body.Records.forEach(({ Data, PartitionKey }, i) => {
            if (fault.keep(i, shards[i])) {
                const book = ledger.books.get(PartitionKey) ?? new Book();
                ledger.books.set(PartitionKey, book);
                book.add(Buffer.from(Data, 'base64'));
            }
        });
        fault.say(response, shards);
    });
    server.keepAliveTimeout = 0;
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
        ledger.port = server.address().port;
        resolve(ledger);
    });
});
