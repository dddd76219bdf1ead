/** Longer than anybody waits, within what a timer can hold. */
const FAR_AWAY_MS = 2 ** 31 - 1;

/** Resolves when the signal aborts. Keeps the process alive until then, also where nothing else does. */
export function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const alive = setInterval(() => undefined, FAR_AWAY_MS);
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(alive);
        resolve();
      },
      { once: true },
    );
  });
}
