/* The HTTP side of a session. Failures are a SessionError with one of a few
   codes, so that each page can say them in its own words. */
import { settings, sessionUrl } from './settings.js';

const TRIES = 3;
const TIMEOUT_MS = 5_000;

export class SessionError extends Error {
  /* code: 'refused' (the request is wrong), 'unauthorized', 'busy' (try later),
     'unreachable' (no answer), 'not-found', 'ended' */
  constructor(code, text = '') {
    super(text || code);
    this.code = code;
    this.text = text;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  const text = String(body.message ?? body.error ?? '');

  if (response.status === 401 || response.status === 403) {
    return new SessionError('unauthorized', text);
  }
  if (response.status === 404) {
    return new SessionError('not-found', text);
  }
  if (response.status === 429 || response.status >= 500) {
    return new SessionError('busy', text);
  }
  return new SessionError('refused', text);
}

async function attempt(url, init) {
  let response;

  try {
    response = await fetch(url,
      { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new SessionError('unreachable');
  }
  if (!response.ok) {
    throw await failure(response);
  }
  return response.json().catch(() => {
    throw new SessionError('busy', 'the answer is not JSON');
  });
}

/* {sessionId, speakerToken, …}. Two more tries when the server is away: one
   that was made by a lost answer ends by itself, nobody ever joins it. token:
   of an identity provider, '' without one; then the session has its own. */
export async function createSession(sourceLanguage, token = '') {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json',
      ...token && { Authorization: `Bearer ${token}` } },
    body: JSON.stringify({ sourceLanguage, qualityTier: 'standard' }),
  };

  for (let n = 1; ; n++) {
    try {
      return await attempt(settings.sessions, init);
    } catch (error) {
      if (n === TRIES || !['busy', 'unreachable'].includes(error.code)) {
        throw error;
      }
      await sleep(n * 1_000);
    }
  }
}

export async function readSession(sessionId) {
  const session = await attempt(sessionUrl(sessionId), {});

  if (session.status === 'ended') {
    throw new SessionError('ended');
  }
  return session;
}

/* For Link: why a handshake was refused, or null when it is worth another try. */
export async function diagnoseSession(sessionId) {
  try {
    await readSession(sessionId);
    return null;
  } catch (error) {
    return ['not-found', 'ended'].includes(error.code) ? error.code : null;
  }
}
