import type { AbortSignalLike } from '../events/abort-signal.ts';
import type { NervEvent } from '../events/event.ts';
import type { Timers } from '../ids/clock.ts';
import { systemNowMs, systemTimers } from '../ids/system.ts';

/** Events to be folded, all there now or not. */
export type EventSequence = Iterable<NervEvent> | AsyncIterable<NervEvent>;

/** How far a rebuilding is. */
export interface FoldProgress {
  readonly events: number;
  readonly seq: number | undefined;
  readonly timeMs: number;
}

/** How long folds are run: what is told meanwhile, and what ends or interrupts them. */
export interface FoldOptions {
  /** Called after every 1,000 events, and after the last. What it throws ends the folding. */
  readonly onProgress?: ((progress: FoldProgress) => void) | undefined;
  /** Ends the folding, which rejects with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
  /** What lets others run in between; default the system's. */
  readonly timers?: Timers | undefined;
}

const PROGRESS_EVERY = 1000;
/** How long others wait, about, until they may run. */
const SLICE_MS = 8;

/** Gives each event to `take`, until it says false; in slices, so that others run in between. */
export async function foldEvents(
  events: EventSequence,
  options: FoldOptions,
  take: (event: NervEvent) => boolean,
): Promise<void> {
  const slices = new Slices(options);
  slices.check();
  if (Symbol.iterator in events) {
    for (const event of events) {
      if (!take(event)) break;
      if (slices.count(event)) await slices.pause();
    }
  } else {
    for await (const event of events) {
      slices.check();
      if (!take(event)) break;
      if (slices.count(event)) await slices.pause();
    }
  }
  slices.finish();
}

class Slices {
  readonly #options: FoldOptions;
  #events = 0;
  #last: NervEvent | undefined;
  #sliceStartMs: number = systemNowMs();

  constructor(options: FoldOptions) {
    this.#options = options;
  }

  check(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) throw signal.reason;
  }

  /** Counts an event; true if it is time to let others run. */
  count(event: NervEvent): boolean {
    this.#events += 1;
    this.#last = event;
    if (this.#events % PROGRESS_EVERY !== 0) return false;
    this.#tell(event);
    return systemNowMs() - this.#sliceStartMs >= SLICE_MS;
  }

  async pause(): Promise<void> {
    const { timers = systemTimers } = this.#options;
    await new Promise<void>((resolve) => timers.schedule(resolve, 0));
    this.check();
    this.#sliceStartMs = systemNowMs();
  }

  finish(): void {
    if (this.#last !== undefined && this.#events % PROGRESS_EVERY !== 0) this.#tell(this.#last);
  }

  #tell({ seq, timestamp }: NervEvent): void {
    this.#options.onProgress?.({ events: this.#events, seq, timeMs: timestamp });
  }
}
