// The CBOR 1.1 protocol over services that are written for JSON 1.1: requests
// are turned into the values that JSON would have had, answers the other way.
// AWS's own serializer does the bytes.
import { cbor, tag } from '@smithy/core/cbor';
import { AwsError } from './sigv4.mjs';

export const CBOR_TYPE = 'application/x-amz-cbor-1.1';
const TAG_TIME = 1;                     // AWS counts its times in ms

export const isCbor = (req) => req.headers['content-type'] === CBOR_TYPE;

function mapped(value, one) {
    if (Array.isArray(value)) {
        return value.map((item) => mapped(item, one));
    }
    if (value !== null && typeof value === 'object'
        && Object.getPrototypeOf(value) === Object.prototype) {
        return Object.fromEntries(Object.entries(value)
            .filter(([, item]) => item !== undefined)
            .map(([key, item]) => [key, one(key, mapped(item, one))]));
    }
    return value;
}

// The serializer overlooks what follows the first item: so one byte less must
// be too few.
function hasTail(body) {
    try {
        cbor.deserialize(body.subarray(0, -1));
        return true;
    } catch {
        return false;
    }
}

export function parseCbor(body) {
    try {
        const value = cbor.deserialize(body);
        if (value !== null && typeof value === 'object' && !hasTail(body)) {
            return mapped(value, (key, item) => item instanceof Uint8Array
                ? Buffer.from(item).toString('base64') : item);
        }
    } catch { /* said below */ }
    throw new AwsError('SerializationException',
        'Could not parse request body into cbor');
}

export function cborBody(value) {
    return Buffer.from(cbor.serialize(mapped(value, (key, item) =>
        key === 'Data' ? Buffer.from(item, 'base64')
            : /Timestamp$/.test(key)
                ? tag({ tag: TAG_TIME, value: Math.round(item * 1000) })
                : item)));
}
