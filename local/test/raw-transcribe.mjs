// A Transcribe client that can do it wrong: frames signed, or tampered with,
// by hand over TLS, to see that the stand-in refuses what AWS refuses.
import { createHash, createHmac } from 'node:crypto';
import http2 from 'node:http2';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { SignatureV4 } from '@smithy/signature-v4';
import { credentials, region } from '../config.mjs';

class Sha256 {
    constructor(key) {
        this.hash = key ? createHmac('sha256', key) : createHash('sha256');
    }
    update(data) {
        this.hash.update(data);
    }
    async digest() {
        return new Uint8Array(this.hash.digest());
    }
}

const signer = new SignatureV4({ credentials, region, service: 'transcribe',
    sha256: Sha256, applyChecksum: false });
const codec = new EventStreamCodec((bytes) => Buffer.from(bytes).toString(),
    (text) => Buffer.from(text));

export const connect = (env) => new Promise((resolve, reject) => {
    const session = http2.connect(env.transcribe, { ca: env.caText });
    session.once('connect', () => resolve(session)).once('error', reject);
});

export class RawStream {
    // headers: more of them, or undefined to leave one out
    static async open(session, headers = {}) {
        const stream = new RawStream();
        const signed = await signer.sign({ method: 'POST', protocol: 'https:',
            hostname: 'x', path: '/stream-transcription', query: {}, headers: {
                ':authority': new URL(session.originSet[0]).host,
                'content-type': 'application/vnd.amazon.eventstream',
                'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-EVENTS',
                'x-amzn-transcribe-language-code': 'en-US',
                'x-amzn-transcribe-media-encoding': 'pcm',
                'x-amzn-transcribe-sample-rate': '16000', ...headers },
        });
        stream.prior = /Signature=(\w+)/.exec(signed.headers.authorization)[1];
        stream.h2 = session.request({ ':method': 'POST',
            ':path': '/stream-transcription', ...signed.headers });
        stream.bytes = [];
        stream.h2.on('data', (data) => stream.bytes.push(data));
        stream.h2.on('error', () => {});
        stream.headers = new Promise((resolve) => {
            stream.h2.once('response', resolve);
            stream.h2.once('close', () => resolve({ ':status': 0 }));
        });
        stream.closed = new Promise((resolve) =>
            stream.h2.once('close', resolve));
        return stream;
    }

    static audio(pcm) {
        return codec.encode({ headers: {
            ':message-type': { type: 'string', value: 'event' },
            ':event-type': { type: 'string', value: 'AudioEvent' },
            ':content-type': { type: 'string',
                value: 'application/octet-stream' } }, body: pcm });
    }

    // change(signature): what to send instead of the right one
    async frame(payload, { change = (s) => s, date = new Date() } = {}) {
        const header = Buffer.alloc(15);
        header.write('\x05:date\x08', 0, 'latin1');
        header.writeBigInt64BE(BigInt(date.getTime()), 7);
        this.prior = await signer.sign({ headers: header, payload },
            { signingDate: date, priorSignature: this.prior });
        return Buffer.from(codec.encode({ headers: {
            ':date': { type: 'timestamp', value: date },
            ':chunk-signature': { type: 'binary',
                value: change(Buffer.from(this.prior, 'hex')) },
        }, body: payload }));
    }

    async send(pcm, options) {
        this.h2.write(await this.frame(RawStream.audio(pcm), options));
    }

    async finish() {
        this.h2.end(await this.frame(new Uint8Array(0)));
        return this.messages();
    }

    // What came, when the server has ended: [{ type, value }].
    async messages() {
        await this.closed;
        let rest = Buffer.concat(this.bytes);
        if ((await this.headers)[':status'] !== 200) {
            return [{ type: (await this.headers)['x-amzn-errortype'],
                value: rest.length ? JSON.parse(rest) : {} }];
        }
        const found = [];
        while (rest.length) {
            const length = rest.readUInt32BE(0);
            const { headers, body } = codec.decode(rest.subarray(0, length));
            found.push({ type: (headers[':exception-type']
                ?? headers[':event-type']).value,
            value: JSON.parse(Buffer.from(body)) });
            rest = rest.subarray(length);
        }
        return found;
    }
}
