/* Waits until check() is truthy; its last value, or null when time is up. */
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
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
