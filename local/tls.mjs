// A certificate authority that lives for one run, and a server certificate
// for 127.0.0.1 and localhost. By the openssl command: node makes no
// certificates.
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes'];

export async function makeCertificates(dir) {
    const [ca, caKey, cert, key, csr] = ['ca.pem', 'ca.key', 'server.pem',
        'server.key', 'server.csr'].map((name) => `${dir}/${name}`);
    await run('openssl', ['req', '-x509', ...KEY, '-days', '7', '-subj',
        '/CN=stand-in CA', '-addext', 'basicConstraints=critical,CA:TRUE',
        '-keyout', caKey, '-out', ca]);
    await run('openssl', ['req', ...KEY, '-subj', '/CN=localhost', '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key,
        '-out', csr]);
    await run('openssl', ['x509', '-req', '-in', csr, '-CA', ca, '-CAkey',
        caKey, '-CAcreateserial', '-days', '7', '-copy_extensions', 'copy',
        '-out', cert]);
    const tls = { cert: await readFile(cert), key: await readFile(key) };
    await Promise.all([caKey, csr].map((file) => rm(file)));
    return { ca, tls };
}
