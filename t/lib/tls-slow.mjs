// A listener over TLS that reads only what it is told to, by lines on standard
// input: "some" = 100 messages, "all" = up to now; then it says what it got, as
// "<letter of the type><n>".
//   node tls-slow.mjs wss://…
import { createRequire } from 'node:module';

const { WebSocket } = createRequire(new URL('../../local/package.json', import.meta.url))('ws');
const socket = new WebSocket(process.argv[2], { rejectUnauthorized: false });
const got = [], SOME = 100;

socket.on('open', () => {
    socket.pause();
    console.log('open');
});
socket.on('message', (data) => {
    const { type, n } = JSON.parse(data);
    if (type === 'heartbeatAck') {
        console.log(got.join(' '));
        process.exit(0);
    }
    got.push(`${type[0]}${n}`);
    if (got.length === SOME) {
        socket.pause();
        console.log('some');
    }
});
socket.on('close', (code) => {
    console.log(`closed ${code}`);
    process.exit(1);
});
process.stdin.on('data', (line) => {
    socket.resume();
    if (String(line) === 'all\n') {
        socket.send('{"action":"heartbeat"}');
    }
});
