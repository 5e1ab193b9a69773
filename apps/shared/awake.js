/* Keeps the screen on while held. The browser drops the lock when the page is
   hidden, so it is asked for again when shown. Where it is refused, the screen
   simply sleeps as usual. */
let wanted = false;
let lock = null;

async function ask() {
  if (!wanted || document.hidden || !('wakeLock' in navigator)) {
    return;
  }
  try {
    lock = await navigator.wakeLock.request('screen');
  } catch {
    lock = null;           /* low battery: not worth a word */
  }
}

document.addEventListener('visibilitychange', ask);

export const awake = {
  hold() {
    wanted = true;
    return ask();
  },
  release() {
    wanted = false;
    lock?.release();
    lock = null;
  },
};
