import { expect, test } from 'vitest';
import type { Connection, ConnectionEnd } from './connection.ts';
import { watchSilence } from './silence-watch.ts';

/** A connection whose peer answers as long as it is told to. */
class Peer {
  heard = 0;
  asked = 0;
  answers = true;
  end: (end: ConnectionEnd) => void = () => undefined;
  abandoned: Error | undefined;
  readonly ended: Promise<ConnectionEnd> = new Promise((resolve) => (this.end = resolve));

  callProcedure(): Promise<unknown> {
    this.asked += 1;
    if (!this.answers) return new Promise(() => undefined);
    this.heard += 1;
    return Promise.reject(new Error('An answer, whatever it says.'));
  }

  abandon(cause: Error): void {
    this.abandoned = cause;
    this.end({ requested: false, cause });
  }
}

/** Timers that a test moves. */
class Ticks {
  #due: { readonly callback: () => void } | undefined;
  lastDelayMs = 0;

  readonly schedule = (callback: () => void, delayMs: number): (() => void) => {
    const timer = { callback };
    this.#due = timer;
    this.lastDelayMs = delayMs;
    return () => void (this.#due === timer && (this.#due = undefined));
  };

  get isRunning(): boolean {
    return this.#due !== undefined;
  }

  async next(count = 1): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const due = this.#due;
      this.#due = undefined;
      due?.callback();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function watch(): { readonly peer: Peer; readonly ticks: Ticks } {
  const peer = new Peer();
  const ticks = new Ticks();
  // What is not there is not used.
  watchSilence(peer as unknown as Connection, { silenceMs: 400, timers: ticks });
  return { peer, ticks };
}

test('a peer that answers is asked now and then while nothing comes, and kept', async () => {
  const { peer, ticks } = watch();
  await ticks.next(40);
  expect(peer.abandoned).toBeUndefined();
  expect(peer.asked).toBeGreaterThan(10);
  expect(ticks.lastDelayMs).toBe(100);
});

test('nothing is asked where something comes anyway', async () => {
  const { peer, ticks } = watch();
  for (let n = 0; n < 20; n += 1) {
    peer.heard += 1;
    await ticks.next();
  }
  expect(peer.asked).toBe(0);
});

test('a peer that is silent is asked once, and given up after silenceMs', async () => {
  const { peer, ticks } = watch();
  peer.answers = false;
  await ticks.next(3);
  expect(peer).toMatchObject({ asked: 1, abandoned: undefined });
  await ticks.next();
  expect(peer.abandoned).toMatchObject({ code: 'connection/timeout', retryable: true, details: { silenceMs: 400 } });
  expect(ticks.isRunning).toBe(false);
});

test('what comes while a question has no answer counts as a sign of life', async () => {
  const { peer, ticks } = watch();
  peer.answers = false;
  for (let n = 0; n < 20; n += 1) {
    if (n % 3 === 2) peer.heard += 1;
    await ticks.next();
  }
  expect(peer).toMatchObject({ asked: 1, abandoned: undefined });
});

test('nothing is measured after the end of the connection, nor where nobody counts what comes', async () => {
  const { peer, ticks } = watch();
  peer.end({ requested: true, cause: undefined });
  await peer.ended;
  expect(ticks.isRunning).toBe(false);
  await ticks.next(10);
  expect(peer.asked).toBe(0);
  const other = new Ticks();
  watchSilence({ ended: peer.ended } as unknown as Connection, { silenceMs: 400, timers: other });
  expect(other.isRunning).toBe(false);
});
