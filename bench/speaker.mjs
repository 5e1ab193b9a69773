// A speaker connection with as little between the socket and the bytes as
// possible: frames are made once and sent many times.
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

const TEXT = 0x81, BINARY = 0x82;
const MASK = Buffer.from([0x3c, 0xa5, 0x69, 0x0f]);

const frame = (opcode, payload) => {
    const head = Buffer.alloc(payload.length < 126 ? 6 : payload.length < 65536 ? 8 : 14);
    head[0] = opcode;
    if (head.length === 6) {
        head[1] = 0x80 | payload.length;
    } else if (head.length === 8) {
        head[1] = 0x80 | 126;
        head.writeUInt16BE(payload.length, 2);
    } else {
        head[1] = 0x80 | 127;
        head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    MASK.copy(head, head.length - 4);
    return Buffer.concat([head, payload.map((byte, i) => byte ^ MASK[i & 3])]);
};

export const binaryChunk = (pcm) => frame(BINARY, pcm);

export const jsonChunk = (pcm, sessionId) =>
    frame(TEXT, Buffer.from(JSON.stringify({
        action: 'audioChunk', sessionId, timestamp: Date.now(),
        audioData: pcm.toString('base64'),
    })));

export const openSpeaker = (port, { sessionId, speakerToken }) =>
    new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        let answer = '';
        socket.setNoDelay(true);
        socket.on('error', reject);
        socket.write(`GET /ws?sessionId=${sessionId}&token=${speakerToken} HTTP/1.1\r\n`
            + `Host: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
            + 'Sec-WebSocket-Version: 13\r\n'
            + `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
        socket.on('data', (data) => {
            answer += data.toString('latin1');
            if (!answer.includes('\r\n\r\n')) {
                return;
            }
            if (!answer.startsWith('HTTP/1.1 101')) {
                reject(new Error(`no 101: ${answer.split('\r\n')[0]}`));
                return;
            }
            socket.removeAllListeners('data');
            socket.resume();
            resolve(socket);
        });
    });
