// Stand-ins for AWS beside the packages that are installed in a root: node package-aws.mjs ROOT RECOGNIZER
// Gives the packages, configured by docs/install.md, their addresses and keys, then says "configured"; runs until SIGTERM.
// Ports are those of the shipped files: run it in the root's network namespace.
import fs from 'node:fs';
import path from 'node:path';
import { startAws } from '../local/stack.mjs';

const [root, recognizer] = process.argv.slice(2);
const inRoot = (file) => path.join(root, file);

function edit(file, changes) {
  let text = fs.readFileSync(inRoot(file), 'utf8');
  for (const [from, to] of changes) {
    if (!from.test(text)) {
      throw new Error(`${file} has nothing like ${from}: adapt t/package-aws.mjs`);
    }
    text = text.replace(from, to);
  }
  fs.writeFileSync(inRoot(file), text);
}

function put(file, text, owner) {
  fs.writeFileSync(inRoot(file), text, { mode: 0o640 });
  const line = fs.readFileSync(inRoot('/etc/group'), 'utf8').split('\n').find((l) => l.startsWith(`${owner}:`));
  fs.chownSync(inRoot(file), 0, Number(line.split(':')[2]));
}

function configure(aws) {
  const kinesis = new URL(aws.kinesis).host;
  edit('/etc/nginx/lt/lt.conf', [
    [/^lt_aws_region .*$/m, `lt_aws_region           ${aws.region};`],
    [/^#?lt_aws_credentials_file .*$/m, 'lt_aws_credentials_file /etc/nginx/lt/credentials;'],
    [/^lt_kinesis_host .*$/m, `lt_kinesis_host         ${kinesis};`],
    [/(upstream lt_kinesis {\n *server +)[^;]+/, `$1${kinesis}`],
  ]);
  edit('/etc/nginx/lt/lt-locations.conf', [
    [/https?:\/\/lt_kinesis\//, 'http://lt_kinesis/'],
    [/(proxy_set_header +Host) [^;]+/, `$1 ${kinesis}`],
  ]);
  const own = Object.entries({
    aws_region: aws.region, kinesis_stream: aws.stream, s3_bucket: aws.bucket, aws_credentials_file: '/etc/lt/credentials',
    kinesis_endpoint: aws.kinesis, transcribe_endpoint: aws.transcribe, translate_endpoint: aws.translate,
    polly_endpoint: aws.polly, s3_endpoint: aws.s3, s3_path_style: 'on', tls_ca_file: '/etc/lt/ca.pem',
    status_listen: '127.0.0.1:9100',
  });
  let text = fs.readFileSync(inRoot('/etc/lt/worker.conf'), 'utf8');
  for (const [name, value] of own) {
    text = text.replace(new RegExp(`^(# )?${name} =.*$`, 'm'), `${name} = ${value}`);
  }
  fs.writeFileSync(inRoot('/etc/lt/worker.conf'), text);
  const keys = fs.readFileSync(aws.credentials, 'utf8');
  put('/etc/nginx/lt/credentials', keys, 'www-data');
  put('/etc/lt/credentials', keys, 'lt-worker');
  put('/etc/lt/ca.pem', fs.readFileSync(aws.ca), 'lt-worker');
}

const dir = inRoot('/tmp/aws');
fs.mkdirSync(dir, { recursive: true });
const { child, aws } = await startAws(dir, 1, recognizer);
configure(aws);
console.log('configured');
process.once('SIGTERM', () => child.kill('SIGTERM'));
await child.ended;
