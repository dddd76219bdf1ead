import { requireDuration, requirePosition } from './fault-arguments.ts';

/** What becomes of the next record. */
export type RecordFate =
  | { readonly type: 'write'; readonly delayMicros: bigint }
  | { readonly type: 'fail'; readonly reason: string }
  /** The process ends before the record is durable. */
  | { readonly type: 'kill-before' }
  /** The process ends when the record is durable and nobody was told yet. */
  | { readonly type: 'kill-after' };

/** Which commit the process is to be killed at, and on which side of it. */
export interface CrashPoint {
  /** 1 is the next commit that writes something. */
  readonly commit: number;
  /** `before`: it is lost. `after`: it is durable, and the caller never hears of it. */
  readonly when: 'before' | 'after';
}

interface Planned {
  /** Counts down with each record; the fault comes with the record that makes it 0. */
  recordsLeft: number;
  readonly fate: RecordFate;
}

/**
 * What a test lets go wrong with the storage of its database. Records are counted, and time is the test's own, so that
 * the same test has the same faults each time. A record is what one commit writes; a commit that changes nothing that
 * is stored has none. Faults outlive a restart, as those of a disk do; while a process starts, its device is neither
 * slow nor frozen.
 */
export class StorageFaults {
  #delayMicros = 0n;
  #isHeld = false;
  #bytesLeft: number | undefined;
  #planned: Planned | undefined;
  #records = 0;
  #onRelease: () => void = () => undefined;

  /** Records written since the test host was made. */
  get records(): number {
    return this.#records;
  }

  /** Whether the device is frozen. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether records do not become durable in the turn in which they are written. */
  get isSlow(): boolean {
    return this.#isHeld || this.#delayMicros > 0n;
  }

  /** A slow device: each record from now on is durable this much later, on the test's clock. 0 is as at first. */
  delay(micros: bigint): void {
    this.#delayMicros = requireDuration(micros);
  }

  /** A frozen device: nothing more becomes durable until `release`. Calls go on until too much waits. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Lets a frozen device go on. */
  release(): void {
    this.#isHeld = false;
    this.#onRelease();
  }

  /** A broken device: the n-th record from now cannot be written (1 is the next), and nothing can after it. */
  failAt(record: number, reason = 'input/output error'): void {
    this.#plan(record, { type: 'fail', reason });
  }

  /** A full device: the first record that does not fit into so many more bytes cannot be written. */
  fillAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** Takes back `delay`, `failAt`, `fillAfter` and a planned crash, and lets go of what is held. */
  clear(): void {
    this.#delayMicros = 0n;
    this.#bytesLeft = undefined;
    this.#planned = undefined;
    this.release();
  }

  /** Plans the end of the process. Use `TestHost.crashAt`. */
  planCrash({ commit, when }: CrashPoint): void {
    this.#plan(commit, { type: when === 'before' ? 'kill-before' : 'kill-after' });
  }

  /** What becomes of a record that is written now. For the storage. */
  nextFate(bytes: number): RecordFate {
    this.#records += 1;
    if (this.#bytesLeft !== undefined) {
      if (bytes > this.#bytesLeft) return { type: 'fail', reason: 'no space left on device' };
      this.#bytesLeft -= bytes;
    }
    const planned = this.#planned;
    if (planned !== undefined) {
      planned.recordsLeft -= 1;
      if (planned.recordsLeft === 0) {
        this.#planned = undefined;
        return planned.fate;
      }
    }
    return { type: 'write', delayMicros: this.#delayMicros };
  }

  /** Calls back when a frozen device goes on. For the storage. */
  onRelease(callback: () => void): void {
    this.#onRelease = callback;
  }

  #plan(record: number, fate: RecordFate): void {
    this.#planned = { recordsLeft: requirePosition(record, 'records'), fate };
  }
}
