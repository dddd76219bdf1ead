import type { Waiting } from './link.ts';

/** Waiting by the system's clock and timers. */
export const systemWaiting: Waiting = {
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, delayMs);
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish, { once: true });
    }),
  random: () => Math.random(),
  nowMs: () => performance.now(),
};
