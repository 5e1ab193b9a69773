/* Who speaks, where the server wants to know (settings.login): a token from
   there, renewed before it expires, because each reconnect shows it again.
   Without settings.login there is no token and nothing happens here. */
import { SessionError } from './session.js';
import { settings } from './settings.js';

const KEY = 'lt-speaker';
const TIMEOUT_MS = 5_000;
const RENEW_BEFORE_S = 300;
const RETRY_MS = 30_000;

export const login = { token: '' };

let renewal = 0;

/* The same person after a reload. */
function whoIsIt() {
  let name = `speaker-${crypto.randomUUID()}`;

  try {
    name = localStorage.getItem(KEY) ?? name;
    localStorage.setItem(KEY, name);
  } catch { /* without storage: somebody new each time */ }
  return name;
}

/* POST {"sub"} → {"token", "expiresIn": seconds} */
async function ask() {
  let response;

  try {
    response = await fetch(settings.login, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ sub: whoIsIt() }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new SessionError('unreachable');
  }
  const { token, expiresIn = 3_600 } = await response.json().catch(() => ({}));

  if (!response.ok || typeof token !== 'string') {
    throw new SessionError('unauthorized');
  }
  return { token, expiresIn };
}

async function renew() {
  try {
    await signIn();
  } catch {
    renewal = setTimeout(renew, RETRY_MS);
  }
}

/* Throws a SessionError. */
export async function signIn() {
  if (!settings.login) {
    return;
  }
  clearTimeout(renewal);

  const { token, expiresIn } = await ask();

  login.token = token;
  renewal = setTimeout(renew,
    Math.max(expiresIn - RENEW_BEFORE_S, 30) * 1_000);
}
