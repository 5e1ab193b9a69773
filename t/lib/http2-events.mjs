// Reads events over HTTP/2 without TLS and tells one line of each.
//   node http2-events.mjs PORT PATH LAST_EVENT_ID
import { connect } from 'node:http2';

const [port, path, last] = process.argv.slice(2);
const client = connect(`http://127.0.0.1:${port}`);
const request = client.request({ ':path': path, 'last-event-id': last });
let text = '';

const tell = (block) => {
    const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const data = field('data') && JSON.parse(field('data'));
    if (field('event') === 'close') {
        console.log(`close ${data.code}`);
    } else if (data) {
        console.log(field('id') ? `id ${field('id')}` : `type ${data.type}`);
    }
};

request.on('response', (headers) => console.log(`status ${headers[':status']}`));
request.setEncoding('utf8');
request.on('data', (piece) => {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        tell(text.slice(0, end));
        text = text.slice(end + 2);
    }
});
request.on('end', () => {
    console.log('over');
    client.close();
});
setTimeout(() => process.exit(1), 40000).unref();
