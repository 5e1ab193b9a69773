// kinesalite in a process of its own: an error inside it is thrown and ends
// the process, which its parent then starts again on the same files.
import { createRequire } from 'node:module';

const kinesalite = createRequire(import.meta.url)('kinesalite');
const [path] = process.argv.slice(2);

process.on('disconnect', () => process.exit(0));    // the parent is gone
process.on('SIGINT', () => {});     // Ctrl-C is the parent's to handle
const server = kinesalite({ path, createStreamMs: 0, shardLimit: 1000 });
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send(
    { port: server.address().port }));
