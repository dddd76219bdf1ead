import type { Clock, Timer, Timers } from '../clock/clock.ts';

interface PendingTimer {
  readonly dueMicros: bigint;
  readonly order: number;
  readonly callback: () => void;
}

/** 1 January 2026, 00:00 UTC. */
export const START_MICROS = 1_767_225_600_000_000n;

/**
 * A clock and timers that only move when they are told to. What is due while time moves runs inside `advance`, in
 * order of its time, each at its own time.
 */
export class ManualTime implements Clock, Timers {
  readonly #pending: Set<PendingTimer> = new Set();
  readonly #soon: (() => void)[] = [];
  #nowMicros: bigint;
  #order = 0;

  constructor(startMicros: bigint = START_MICROS) {
    this.#nowMicros = startMicros;
  }

  nowMicros(): bigint {
    return this.#nowMicros;
  }

  /** When `advance` has something to run next; undefined while nothing waits. */
  get nextDueMicros(): bigint | undefined {
    if (this.#soon.length > 0) return this.#nowMicros;
    let next: bigint | undefined;
    for (const { dueMicros } of this.#pending) if (next === undefined || dueMicros < next) next = dueMicros;
    return next;
  }

  after(delayMs: number, callback: () => void): Timer {
    this.#order += 1;
    const dueMicros = this.#nowMicros + BigInt(Math.round(delayMs * 1000));
    const timer: PendingTimer = { dueMicros, order: this.#order, callback };
    this.#pending.add(timer);
    return { cancel: () => this.#pending.delete(timer) };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Runs what is due now. At most `turnsMax` callbacks, for schedules that are due again at once. */
  runDue(turnsMax = 10_000): void {
    for (let turn = 0; turn < turnsMax; turn++) {
      const callback = this.#soon.shift() ?? this.#takeDue(this.#nowMicros)?.callback;
      if (callback === undefined) return;
      callback();
    }
  }

  /** Moves time on by `micros`, running everything that becomes due on the way. */
  advance(micros: bigint): void {
    const endMicros = this.#nowMicros + micros;
    this.runDue();
    for (;;) {
      const timer = this.#takeDue(endMicros);
      if (timer === undefined) break;
      if (timer.dueMicros > this.#nowMicros) this.#nowMicros = timer.dueMicros;
      timer.callback();
      this.runDue();
    }
    this.#nowMicros = endMicros;
    this.runDue();
  }

  /** Sets the clock without running anything, as an adjustment of a wall clock does. */
  set(nowMicros: bigint): void {
    this.#nowMicros = nowMicros;
  }

  #takeDue(untilMicros: bigint): PendingTimer | undefined {
    let earliest: PendingTimer | undefined;
    for (const timer of this.#pending) {
      if (timer.dueMicros > untilMicros) continue;
      if (earliest === undefined || isBefore(timer, earliest)) earliest = timer;
    }
    if (earliest !== undefined) this.#pending.delete(earliest);
    return earliest;
  }
}

function isBefore(a: PendingTimer, b: PendingTimer): boolean {
  return a.dueMicros === b.dueMicros ? a.order < b.order : a.dueMicros < b.dueMicros;
}
