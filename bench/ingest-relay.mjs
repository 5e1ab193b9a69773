// What a team would write instead: a Node WebSocket server (ws) that hands
// each audioChunk to Kinesis with AWS's own client. The peer of bench/ingest.
//   node bench/ingest-relay.mjs put|batch ENDPOINT
// put: one PutRecord a chunk. batch: PutRecords after 100 ms or 500 chunks.
// Prints {"port":n}. TLS to the endpoint is verified with NODE_EXTRA_CA_CERTS.
import { createRequire } from 'node:module';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

const require = createRequire(new URL('../local/package.json', import.meta.url));
const { WebSocketServer } = require('ws');
const { KinesisClient, PutRecordCommand, PutRecordsCommand } = require('@aws-sdk/client-kinesis');
const { NodeHttpHandler } = require('@smithy/node-http-handler');

const LINGER_MS = 100, RECORDS_MAX = 500, SOCKETS_MAX = 64;
const [, , mode, endpoint] = process.argv;
const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };

// HTTP/1.1 with connections kept alive: cheaper in Node than the client's HTTP/2.
const kinesis = new KinesisClient({
    region: 'us-east-1', endpoint,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'bench' },
    requestHandler: new NodeHttpHandler({
        httpAgent: new HttpAgent(agent), httpsAgent: new HttpsAgent(agent),
        socketAcquisitionWarningTimeout: 600_000 }),
});

let failed = 0;
const fail = (error) => {
    failed += 1;
    if (failed === 1) {
        process.stderr.write(`relay: ${error.message}\n`);
    }
};

const put = (record) => {
    kinesis.send(new PutRecordCommand({ StreamName: 'bench', ...record })).catch(fail);
};

let waiting = [];
let timer = null;
const flush = () => {
    clearTimeout(timer);
    timer = null;
    const Records = waiting;
    waiting = [];
    kinesis.send(new PutRecordsCommand({ StreamName: 'bench', Records })).then(
        (answer) => answer.FailedRecordCount && fail(new Error('partial failure')), fail);
};
const batch = (record) => {
    waiting.push(record);
    if (waiting.length === RECORDS_MAX) {
        flush();
    } else {
        timer ??= setTimeout(flush, LINGER_MS);
    }
};

const accept = { put, batch }[mode];
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws', perMessageDeflate: false });
server.on('connection', (socket, request) => {
    const PartitionKey = new URL(request.url, 'http://x').searchParams.get('sessionId');
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, isBinary) => {
        if (isBinary) {
            accept({ PartitionKey, Data: data });
            return;
        }
        const message = JSON.parse(data);
        if (message.action === 'audioChunk') {
            accept({ PartitionKey, Data: Buffer.from(message.audioData, 'base64') });
        }
    });
});
server.on('listening', () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
process.stdin.resume().on('end', () => process.exit(0));
