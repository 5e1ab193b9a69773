/* The talk of this tab, so that a reload does not end it: the server waits
   for its speaker for a while. Gone with the tab; never leaves it. */
const KEY = 'lt-talk';

export function keepTalk(talk) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(talk));
  } catch { /* without storage a reload ends the talk, as it always did */ }
}

export function keptTalk() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function forgetTalk() {
  try {
    sessionStorage.removeItem(KEY);
  } catch { /* nothing was kept */ }
}
