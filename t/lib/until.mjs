/* Waits until check() is truthy; its last value, or null when time is up. */
import { setTimeout as sleep } from 'node:timers/promises';
export async function until(check, ms = 30_000) {
  const deadline = Date.now() + ms;

  for (;;) {
    const value = await check();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      return null;
    }
    await sleep(50);
  }
}
