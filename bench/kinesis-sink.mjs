// A Kinesis with one shard that says yes to every PutRecords at once and counts
// bytes.  It verifies nothing: it must cost as little as possible beside what is
// measured.
import { createServer } from 'node:http';

const HEADER = 32;                      // of a framed record

const base64Length = (text) =>
    (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);

const stored = JSON.stringify({
    SequenceNumber: '49'.padEnd(56, '0'),
    ShardId: 'shardId-000000000000',
});

const shards = JSON.stringify({ Shards: [{
    ShardId: 'shardId-000000000000',
    HashKeyRange: { StartingHashKey: '0', EndingHashKey: String(2n ** 128n - 1n) },
    SequenceNumberRange: { StartingSequenceNumber: '1' },
}] });

const read = async (request) => {
    const parts = [];
    for await (const part of request) {
        parts.push(part);
    }
    return JSON.parse(Buffer.concat(parts).toString('latin1'));
};

// framed: how many bytes of each record are not PCM
export const startSink = ({ framed = false } = {}) =>
    new Promise((resolve, reject) => {
        const counts = { calls: 0, records: 0, bytes: 0 };
        const server = createServer(async (request, response) => {
            const { Records } = await read(request);
            if (request.headers['x-amz-target'].endsWith('ListShards')) {
                response.writeHead(200, { 'Content-Type': 'application/x-amz-json-1.1',
                    'Content-Length': shards.length });
                response.end(shards);
                return;
            }
            counts.calls += 1;
            counts.records += Records.length;
            for (const { Data } of Records) {
                counts.bytes += base64Length(Data) - (framed ? HEADER : 0);
            }
            const body = `{"FailedRecordCount":0,"Records":[${Records.map(() => stored)}]}`;
            response.writeHead(200, {
                'Content-Type': 'application/x-amz-json-1.1',
                'Content-Length': body.length,
            });
            response.end(body);
        });
        server.keepAliveTimeout = 0;
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () =>
            resolve({ port: server.address().port, counts, stop: () => server.close() }));
    });
