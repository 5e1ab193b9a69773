// A loopback port that speaks what its client speaks: TLS or plain, HTTP/2
// (ALPN or prior knowledge) or HTTP/1.1. AWS's clients differ in all of it.
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const HELLO_TIMEOUT_MS = 20_000;
const PREFACE = 'PRI * HTTP/2.0';

const h2options = {
    settings: { maxConcurrentStreams: 128, initialWindowSize: 1 << 20 },
};

// Reads the first bytes of a connection and puts them back.
function sniff(socket, servers) {
    socket.on('error', () => {});
    socket.setTimeout(HELLO_TIMEOUT_MS, () => socket.destroy());
    socket.once('readable', () => {
        const head = socket.read();
        if (head === null) {
            return;
        }
        socket.setTimeout(0);
        socket.removeAllListeners('timeout');
        const text = head.toString('latin1', 0, PREFACE.length);
        const server = head[0] === 0x16 ? servers.tls
            : PREFACE.startsWith(text) ? servers.h2c : servers.h1;
        socket.unshift(head);
        server.emit('connection', socket);
    });
}

// Resolves to { port, connections, close }.
export function listen({ tls, onRequest, onServer = () => {} }) {
    const servers = {
        h1: http.createServer(onRequest),
        h2c: http2.createServer(h2options, onRequest),
        tls: http2.createSecureServer(
            { ...h2options, ...tls, allowHTTP1: true }, onRequest),
    };
    for (const server of Object.values(servers)) {
        server.on('error', () => {});
        server.on('sessionError', () => {});
        server.on('tlsClientError', () => {});
        server.on('clientError', (err, socket) => socket.destroy());
        onServer(server);
    }
    servers.h1.keepAliveTimeout = servers.tls.keepAliveTimeout = 75_000;

    const sockets = new Set();
    const port = net.createServer((socket) => {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('close', () => sockets.delete(socket));
        sniff(socket, servers);
    });
    const close = () => {
        port.close();
        sockets.forEach((socket) => socket.destroy());
    };
    return new Promise((resolve, reject) => {
        port.on('error', reject);
        port.listen(0, '127.0.0.1', () => resolve(
            { port: port.address().port, close }));
    });
}
