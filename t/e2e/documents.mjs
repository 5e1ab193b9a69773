/* docs/protocol: the two documents in one piece each, what their validators
   say, and how a message is compared with an example. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export const ROOT = new URL('../../', import.meta.url).pathname;
export const require = createRequire(path.join(ROOT, 'local/package.json'));

const DIR = path.join(ROOT, 'docs/protocol');
const YAML = require('yaml');
const Ajv = require('ajv/dist/2020').default;
const Ajv7 = require('ajv').default;
const { Validator } = await import(require.resolve('@seriousme/openapi-schema-validator'));

const files = new Map();

function read(name) {
  if (!files.has(name)) {
    files.set(name, YAML.parse(fs.readFileSync(path.join(DIR, name), 'utf8'), { merge: true }));
  }
  return files.get(name);
}

/* What a JSON pointer leads to. */
export function at(document, pointer) {
  return pointer.split('/').slice(1).reduce((node, key) => {
    const name = decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~');
    if (node?.[name] === undefined) {
      throw new Error(`there is nothing at ${pointer}`);
    }
    return node[name];
  }, document);
}

/* A copy with what stands elsewhere put in its place; keep(ref) says which
   references stay, as AsyncAPI wants some. */
function bundle(node, file, keep, depth = 0) {
  if (depth > 60) {
    throw new Error(`${file} refers to itself`);
  }
  if (Array.isArray(node)) {
    return node.map((one) => bundle(one, file, keep, depth + 1));
  }
  if (node === null || typeof node !== 'object') {
    return node;
  }
  const { $ref, ...beside } = node;
  if ($ref !== undefined && !keep($ref)) {
    const [name, pointer] = $ref.split('#');
    const target = name || file;
    return { ...bundle(at(read(target), pointer), target, keep, depth + 1), ...bundle(beside, file, keep, depth + 1) };
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) =>
    [key, bundle(value, file, keep, depth + 1)]));
}

export const asyncapi = bundle(read('asyncapi.yaml'), 'asyncapi.yaml', (ref) => ref.startsWith('#/channels/'));
export const openapi = bundle(read('openapi.yaml'), 'openapi.yaml', () => false);

/* Each says what is wrong, as an array. */
export function asyncapiErrors() {
  const ajv = new Ajv7({ strict: false, allErrors: true, logger: false, validateFormats: false });
  const check = ajv.compile(require('@asyncapi/specs/schemas/3.0.0-without-$id.json'));

  check(asyncapi);
  const errors = (check.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  for (const [name, operation] of Object.entries(asyncapi.operations)) {
    for (const { $ref } of [operation.channel, ...operation.messages, ...operation.reply?.messages ?? []]) {
      try {
        at(asyncapi, $ref.slice(1));
      } catch (error) {
        errors.push(`operation ${name}: ${error.message}`);
      }
    }
  }
  return errors;
}

export async function openapiErrors() {
  const { valid, errors } = await new Validator().validate(structuredClone(openapi));

  return valid ? [] : [errors].flat();
}

/* Checking, no field may come that is not described. */
function close(schema) {
  if (schema === null || typeof schema !== 'object') {
    return schema;
  }
  if (Array.isArray(schema)) {
    return schema.map(close);
  }
  const closed = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, close(value)]));
  if (schema.properties && schema.additionalProperties === undefined) {
    closed.additionalProperties = false;
  }
  return closed;
}

const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true,
  keywords: ['x-varies', 'x-ours', 'example'] });
const checks = new Map();

/* What is wrong with a value, as a text; '' = nothing. */
export function misfit(schema, value) {
  if (!checks.has(schema)) {
    checks.set(schema, ajv.compile(close(schema)));
  }
  const check = checks.get(schema);
  return check(value) ? '' : check.errors.map(({ instancePath, message, params }) =>
    `${instancePath} ${message} ${JSON.stringify(params)}`).join('; ');
}

const varying = new Set();
(function collect(node) {
  for (const [key, value] of Object.entries(node ?? {})) {
    if (value && typeof value === 'object') {
      if (value['x-varies'] && key !== 'schema') {
        varying.add(key);
      }
      collect(value);
    }
  }
})([asyncapi, openapi]);

/* Without what is another value each time; ids that we know stay. */
function steady(value, known) {
  if (Array.isArray(value)) {
    return value.map((one) => steady(one, known));
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  return Object.fromEntries(Object.keys(value).sort().map((key) =>
    [key, varying.has(key) && !known.has(value[key]) ? '(varies)' : steady(value[key], known)]));
}

/* '' = the same, apart from ids and times. */
export function difference(got, wanted, ids = []) {
  const known = new Set(ids);
  const [a, b] = [got, wanted].map((value) => JSON.stringify(steady(value, known)));

  return a === b ? '' : `got ${a}, wanted ${b}`;
}

/* "…" stands for 44,000 more of the character before it. */
export const unfold = (text) => text.replace(/(.)…/g, (_, one) => one.repeat(44_001));

/* What a message is not that a role may hear; '' = nothing. */
export function strangeness(role, message) {
  const known = asyncapi.channels[role].messages[message.type];

  return known ? misfit(known.payload, message) : `${message.type} is not described`;
}

/* What a page has done, or heard, on a socket that asyncapi.yaml does not
   say.  wire: { url, sent, heard }, texts. */
export function wireTroubles(role, { url, sent, heard }) {
  const { bindings, messages } = asyncapi.channels[role];
  const asked = (message) => (messages[message.action]
    ? misfit(messages[message.action].payload, message) : `${message.action} is not described`);

  return [misfit(bindings.ws.query, Object.fromEntries(new URL(url).searchParams)),
    ...sent.map((text) => asked(JSON.parse(text))),
    ...heard.map((text) => strangeness(role, JSON.parse(text)))].filter(Boolean);
}
