import type { Clock, Timer, Timers } from '../clock/clock.ts';

/** How often each client is sent a ping. */
const PING_INTERVAL_MS = 15_000;

/** After how much silence a client counts as gone. */
const IDLE_TIMEOUT_MS = 30_000;

/** How often silence is measured. */
const TICK_MS = 5_000;

/** Most silence that one tick can find. More time passed only if this process stood still, and nobody was heard. */
const TICK_SILENCE_MS_MAX = 2 * TICK_MS;

/** A connection that is kept alive. */
export interface KeptConnection {
  /** Whether anything came from the client, or went out to it, since the last time this was asked. */
  takeActivity(): boolean;
  ping(): void;
  /** Ends the connection without a farewell: nobody listens. */
  terminate(): void;
}

interface Kept {
  readonly connection: KeptConnection;
  silentMs: number;
  sincePingMs: number;
}

/**
 * Pings connections and ends those that are silent for too long. Silence is summed up from ticks and each tick counts
 * only so much, so a process that stood still for a minute does not end clients which it could not hear meanwhile.
 */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #timers: Pick<Timers, 'after'>;
  readonly #kept = new Map<KeptConnection, Kept>();
  #lastTickMicros: bigint;
  #timer: Timer | undefined;

  constructor(clock: Clock, timers: Pick<Timers, 'after'>) {
    this.#clock = clock;
    this.#timers = timers;
    this.#lastTickMicros = clock.nowMicros();
  }

  add(connection: KeptConnection): void {
    this.#kept.set(connection, { connection, silentMs: 0, sincePingMs: 0 });
    if (this.#timer === undefined) {
      this.#lastTickMicros = this.#clock.nowMicros();
      this.#arm();
    }
  }

  remove(connection: KeptConnection): void {
    this.#kept.delete(connection);
    if (this.#kept.size === 0) this.close();
  }

  /** Stops measuring. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#timers.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const nowMicros = this.#clock.nowMicros();
    const elapsedMs = Number(nowMicros - this.#lastTickMicros) / 1000;
    this.#lastTickMicros = nowMicros;
    // A clock that was set back measures nothing.
    const countedMs = Math.min(Math.max(elapsedMs, 0), TICK_SILENCE_MS_MAX);
    this.#arm();
    for (const kept of this.#kept.values()) attend(kept, countedMs);
  }
}

function attend(kept: Kept, elapsedMs: number): void {
  const { connection } = kept;
  kept.silentMs = connection.takeActivity() ? 0 : kept.silentMs + elapsedMs;
  kept.sincePingMs += elapsedMs;
  if (kept.silentMs >= IDLE_TIMEOUT_MS) {
    connection.terminate();
  } else if (kept.sincePingMs >= PING_INTERVAL_MS) {
    kept.sincePingMs = 0;
    connection.ping();
  }
}
