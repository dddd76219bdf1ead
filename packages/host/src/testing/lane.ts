import type { Timers } from '../clock/clock.ts';
import { requireDuration, requirePosition } from './fault-arguments.ts';

/** Bytes that may wait in one direction of a frozen or slow connection; it is lost when more would. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

interface Waiting {
  /** Undefined for the end of the connection, which is no message. */
  readonly payload: Uint8Array | undefined;
  readonly arrive: () => void;
  isDue: boolean;
}

/** Where a lane leads. */
export interface LaneEnds {
  readonly deliver: (payload: Uint8Array) => void;
  /** Called when too much waits. */
  readonly onOverflow: () => void;
}

/**
 * One direction of a connection that a test controls.
 *
 * Invariant: what is sent arrives in the order in which it was sent, whatever each is held up by.
 */
export class Lane {
  readonly #timers: Timers;
  readonly #ends: LaneEnds;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #delayMicros = 0n;
  #isFrozen = false;
  #isStopped = false;
  #delivered = 0;
  #cut: { left: number; readonly action: () => void } | undefined;

  constructor(timers: Timers, ends: LaneEnds) {
    this.#timers = timers;
    this.#ends = ends;
  }

  /** Count of messages that arrived. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Sends a message, whose bytes stay as they are from then on. */
  send(payload: Uint8Array): void {
    this.#waitingBytes += payload.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#ends.onOverflow();
    else this.#add(payload, () => this.#ends.deliver(payload));
  }

  /** Tells of the end of the connection, behind all messages. */
  end(arrive: () => void): void {
    this.#add(undefined, arrive);
  }

  /** @throws {RangeError} */
  delay(micros: bigint): void {
    this.#delayMicros = requireDuration(micros);
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#pass();
  }

  /** Does something in place of delivering the n-th message from now. @throws {RangeError} */
  cutAt(message: number, action: () => void): void {
    this.#cut = { left: requirePosition(message, 'messages'), action };
  }

  /** Loses what waits, and takes nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #add(payload: Uint8Array | undefined, arrive: () => void): void {
    if (this.#isStopped) return;
    const waiting: Waiting = { payload, arrive, isDue: this.#delayMicros === 0n };
    this.#waiting.push(waiting);
    if (waiting.isDue) {
      this.#pass();
      return;
    }
    this.#timers.after(Number(this.#delayMicros) / 1000, () => {
      waiting.isDue = true;
      this.#pass();
    });
  }

  #pass(): void {
    while (!this.#isFrozen) {
      const [first] = this.#waiting;
      if (first === undefined || !first.isDue) return;
      this.#waiting.shift();
      if (first.payload !== undefined) {
        this.#waitingBytes -= first.payload.length;
        if (this.#isCut()) return;
        this.#delivered += 1;
      }
      first.arrive();
    }
  }

  #isCut(): boolean {
    const cut = this.#cut;
    if (cut === undefined) return false;
    cut.left -= 1;
    if (cut.left > 0) return false;
    this.#cut = undefined;
    cut.action();
    return true;
  }
}
