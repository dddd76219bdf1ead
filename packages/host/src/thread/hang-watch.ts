import type { Timer, Timers } from '../clock/clock.ts';

/** How long one beat lasts. */
const BEAT_MS = 5_000;

/**
 * Notices when the other thread answers nothing any more. Counts beats of this thread's own event loop, so that one
 * that was held up itself blames nobody.
 */
export class HangWatch {
  readonly #timers: Timers;
  readonly #beatsMax: number;
  readonly #ping: () => void;
  readonly #onHang: () => void;
  #timer: Timer | undefined;
  #silentBeats = 0;

  /** `onHang` is called once, when nothing was heard for `timeoutMs` although `ping` asked for it. */
  constructor(parts: {
    readonly timers: Timers;
    readonly timeoutMs: number;
    readonly ping: () => void;
    readonly onHang: () => void;
  }) {
    this.#timers = parts.timers;
    this.#beatsMax = Math.ceil(parts.timeoutMs / BEAT_MS);
    this.#ping = parts.ping;
    this.#onHang = parts.onHang;
    this.#beat();
  }

  /** Something was heard of the other thread. */
  noteLife(): void {
    this.#silentBeats = 0;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #beat(): void {
    this.#ping();
    this.#timer = this.#timers.after(BEAT_MS, () => {
      this.#silentBeats += 1;
      if (this.#silentBeats > this.#beatsMax) this.#onHang();
      else this.#beat();
    });
  }
}
