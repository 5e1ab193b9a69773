// Starts what a bench needs: Redis and nginx, with one worker process unless
// told otherwise, on free ports, in a directory of their own.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, ROOT } from '../local/stack.mjs';
import { childrenOf } from './processes.mjs';

const MODULE = process.env.LT_MODULE ?? join(process.env.BUILD ?? join(ROOT, 'build'), 'module/ngx_http_lt_module.so');


const answers = (port) => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
});

const tlsProxy = ({ ca }) => `proxy_pass https://kinesis/; proxy_ssl_name localhost; proxy_ssl_server_name on;
            proxy_ssl_verify on; proxy_ssl_trusted_certificate ${ca};`;

const nginxConf = ({ dir, module, port, redisPort, kinesisPort, kinesisTls, stream, linger, buffer, record, workers, connections, http, locations }) => `
load_module ${module};
worker_processes ${workers};
error_log ${dir}/error.log notice;
pid ${dir}/nginx.pid;
events { worker_connections ${connections}; }
http {
    access_log off;
    client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy;
    fastcgi_temp_path ${dir}/fastcgi; uwsgi_temp_path ${dir}/uwsgi; scgi_temp_path ${dir}/scgi;
    lt_redis 127.0.0.1:${redisPort};
    lt_aws_region us-east-1;
    lt_aws_credentials_file ${dir}/credentials;
    lt_kinesis_stream ${stream};
    lt_kinesis_location /lt/kinesis;
    lt_kinesis_record ${record};
    lt_kinesis_linger ${linger};
    lt_audio_buffer ${buffer};
    ${http(dir)}
    upstream kinesis { server 127.0.0.1:${kinesisPort}; keepalive 64; }
    server {
        listen 127.0.0.1:${port};
        location = /ws { lt_websocket; }
        location /sessions { lt_sessions; }
        location = /lt/status { lt_status; }
        ${locations}
        location = /lt/kinesis {
            internal;
            ${kinesisTls ? tlsProxy(kinesisTls) : 'proxy_pass http://kinesis/;'}
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host kinesis.us-east-1.amazonaws.com;
            proxy_next_upstream error timeout non_idempotent;
            proxy_max_temp_file_size 0;
            client_max_body_size 8m;
        }
    }
}
`;

const CREDENTIALS = '[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = bench\n';

export const waitFor = async (port, child, name) => {
    for (let i = 0; i < 100; i += 1) {
        if (await answers(port)) {
            return;
        }
        if (child.exitCode !== null) {
            break;
        }
        await sleep(50);
    }
    throw new Error(`${name} did not start`);
};

export const stopChild = (child, signal) => new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
        resolve();
        return;
    }
    child.once('exit', resolve);
    child.kill(signal);
});

// What does not answer at its port is ended.
const start = async (port, name, command, args) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    try {
        await waitFor(port, child, name);
    } catch (error) {
        await stopChild(child, 'SIGKILL');
        throw error;
    }
    return child;
};

// Keeps nothing, unless more arguments say so.
export const startRedis = (dir, port, ...more) => start(port, 'Redis', 'redis-server',
    ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...more]);

// By the nginx.conf in dir.
export const startNginx = (dir, port) => start(port, 'nginx', 'nginx',
    ['-p', dir, '-e', join(dir, 'error.log'), '-c', join(dir, 'nginx.conf'), '-g', 'daemon off;']);

// kinesisTls: { ca } = PEM file that Kinesis' certificate is checked with.
// redisPort: of a Redis that is there already; else one is started.
export const startServers = async ({ module = MODULE, kinesisPort, kinesisTls = null, linger = '10ms', buffer = '60s', record = 'raw',
    workers = 1, connections = 4096, http = () => 'lt_audio_rate 0;', locations = '',
    redisPort = null, stream = 'bench', credentials = CREDENTIALS }) => {
    const dir = mkdtempSync(join(tmpdir(), 'lt-bench-'));
    const children = [];
    const stop = async () => {
        for (const child of children) {
            await stopChild(child, 'SIGTERM');
        }
        rmSync(dir, { recursive: true, force: true });
    };
    try {
        const port = await freePort();
        const ownRedis = redisPort === null;
        redisPort ??= await freePort();
        mkdirSync(join(dir, 'redis'));
        writeFileSync(join(dir, 'credentials'), credentials, { mode: 0o600 });
        writeFileSync(join(dir, 'nginx.conf'), nginxConf({
            dir, module: absolute(module), port, redisPort, kinesisPort, linger, buffer, record, workers, connections,
            http, locations, kinesisTls, stream }));
        if (ownRedis) {
            children.unshift(await startRedis(join(dir, 'redis'), redisPort));
        }
        const nginx = await startNginx(dir, port);
        children.unshift(nginx);
        return { dir, port, redisPort, nginx: nginx.pid, worker: childrenOf(nginx.pid)[0], stop, log: () => readFileSync(join(dir, 'error.log'), 'utf8') };
    } catch (error) {
        await stop();
        throw error;
    }
};

export const createSession = async (port) => {
    for (let i = 0; i < 100; i += 1) {
        const response = await fetch(`http://127.0.0.1:${port}/sessions`, {
            method: 'POST', headers: { 'Content-Type': 'application/json' },
            body: '{"sourceLanguage":"en","qualityTier":"standard"}',
        });
        if (response.status < 300) {
            return response.json();
        }
        await sleep(50);                // nginx may still be connecting to Redis
    }
    throw new Error('POST /sessions is refused');
};

export const status = async (port) =>
    (await fetch(`http://127.0.0.1:${port}/lt/status`)).json();
