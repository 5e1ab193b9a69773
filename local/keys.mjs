// Whose keys are good here: the fixed pair of config.mjs, and temporary ones
// with a session token, as STS and its like hand them out (fleet.mjs).
import { randomBytes } from 'node:crypto';
import { credentials } from './config.mjs';

const MAX_ISSUED = 1000;
const issued = new Map();
const listeners = [];

// listener(keys) for each pair that is issued from now on.
export const onIssue = (listener) => listeners.push(listener);

export function issue(lifeMs) {
    const letters = randomBytes(16).toString('hex').toUpperCase().slice(0, 16);
    const keys = { accessKeyId: `ASIA${letters}`,
        secretAccessKey: `temporary/${randomBytes(15).toString('base64')}`,
        // with all that base64 can hold, and as long as real ones
        sessionToken: `tmp+/${randomBytes(600).toString('base64')}`,
        expiresAt: Date.now() + lifeMs };
    issued.set(keys.accessKeyId, keys);
    if (issued.size > MAX_ISSUED) {
        issued.delete(issued.keys().next().value);
    }
    listeners.forEach((listener) => listener(keys));
    return keys;
}

// Ends all of them: who uses one is told that it has expired.
export function expireAll() {
    issued.forEach((keys) => { keys.expiresAt = 0; });
    return issued.size;
}

// { keys }, or { refusal } by one of AWS's names: unknown keys, another
// session token than theirs, or past their end.
export function findKeys(accessKeyId, sessionToken, nowMs = Date.now()) {
    const keys = accessKeyId === credentials.accessKeyId ? credentials
        : issued.get(accessKeyId);
    if (!keys || keys.sessionToken !== sessionToken) {
        return { refusal: 'UnrecognizedClientException' };
    }
    return keys.expiresAt <= nowMs ? { refusal: 'ExpiredTokenException' }
        : { keys };
}
