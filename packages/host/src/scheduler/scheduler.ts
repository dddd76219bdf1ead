import type { Clock, Timer, Timers } from '../clock/clock.ts';
import { DueQueue, isBefore } from './due-queue.ts';
import { delayOf, nextTick, type ScheduleAt } from './schedule-at.ts';

/** A row of a schedule table, told by its table and its key. */
export interface ScheduleKey {
  readonly tableId: number;
  readonly scheduleId: bigint;
}

/** A scheduled row that is due. */
export interface DueCall extends ScheduleKey {
  /** When it was meant to run. */
  readonly intendedMicros: bigint;
}

/** What the scheduler asks of the database. */
export interface SchedulerOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /**
   * Runs one due call to its end. Returns the row's interval when it is to run again, `done` when not, and `later`
   * when it could not run now: then the scheduler waits for `resume`.
   */
  readonly fire: (call: DueCall) => FireResult;
}

export type FireResult = { readonly everyMicros: bigint } | 'done' | 'later';

interface Entry extends DueCall {
  readonly dueMicros: bigint;
  readonly order: number;
}

/**
 * Calls back when scheduled rows are due.
 *
 * Invariants:
 * - A row has at most one live entry; arming it again replaces the entry.
 * - Calls run one at a time, each in a turn of its own, earliest first.
 * - At most one timer is set.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue: DueQueue<Entry> = new DueQueue();
  readonly #live: Map<string, Entry> = new Map();
  #timer: Timer | undefined;
  #timerDueMicros = 0n;
  #order = 0;
  #state: 'stopped' | 'running' | 'blocked' = 'stopped';
  #isTurnDue = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Count of rows that are armed. */
  get size(): number {
    return this.#live.size;
  }

  /** Begins to run what is due. Rows may be armed before. */
  start(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    this.#setTimer();
  }

  /** Nothing runs afterwards. */
  stop(): void {
    this.#state = 'stopped';
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Goes on after `fire` said `later`. */
  resume(): void {
    if (this.#state !== 'blocked') return;
    this.#state = 'running';
    this.#setTimer();
  }

  /** Every armed row and when it is due, in the order in which they would run. */
  get armed(): readonly DueCall[] {
    return [...this.#live.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  /** Takes up a row that is due at a known time. */
  armAt(key: ScheduleKey, dueMicros: bigint): void {
    this.#add(key, dueMicros);
  }

  /** Takes up a row that was inserted or changed at `nowMicros`. */
  arm(key: ScheduleKey, at: ScheduleAt, nowMicros: bigint): void {
    this.#add(key, nowMicros + delayOf(at, nowMicros));
  }

  /** Forgets a row that was deleted. */
  disarm(key: ScheduleKey): void {
    if (!this.#live.delete(nameOf(key))) return;
    // Entries that no longer count stay in the queue until they are due, but never outnumber those that do.
    if (this.#queue.size > 2 * this.#live.size + 64) this.#queue.retain((entry) => this.#isLive(entry));
    this.#setTimer();
  }

  /** Forgets every row. */
  disarmAll(): void {
    this.#live.clear();
    this.#queue.retain(() => false);
    this.#setTimer();
  }

  #add(key: ScheduleKey, dueMicros: bigint): void {
    const { tableId, scheduleId } = key;
    this.#order += 1;
    const entry: Entry = { tableId, scheduleId, dueMicros, intendedMicros: dueMicros, order: this.#order };
    this.#live.set(nameOf(key), entry);
    this.#queue.push(entry);
    this.#setTimer();
  }

  #isLive(entry: Entry): boolean {
    return this.#live.get(nameOf(entry)) === entry;
  }

  /** The earliest live entry; drops replaced ones before it. */
  #earliest(): Entry | undefined {
    for (;;) {
      const entry = this.#queue.peek();
      if (entry === undefined || this.#isLive(entry)) return entry;
      this.#queue.pop();
    }
  }

  #setTimer(): void {
    if (this.#state !== 'running' || this.#isTurnDue) return;
    const entry = this.#earliest();
    if (this.#timer !== undefined) {
      if (entry?.dueMicros === this.#timerDueMicros) return;
      this.#timer.cancel();
      this.#timer = undefined;
    }
    if (entry === undefined) return;
    const delayMicros = entry.dueMicros - this.#options.clock.nowMicros();
    if (delayMicros <= 0n) {
      this.#isTurnDue = true;
      this.#options.timers.soon(() => this.#takeTurn());
      return;
    }
    this.#timerDueMicros = entry.dueMicros;
    // Rounded up: a timer that fires early would only be set again.
    this.#timer = this.#options.timers.after(Number((delayMicros + 999n) / 1000n), () => {
      this.#timer = undefined;
      this.#isTurnDue = true;
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    this.#isTurnDue = false;
    if (this.#state !== 'running') return;
    const entry = this.#earliest();
    if (entry !== undefined && entry.dueMicros <= this.#options.clock.nowMicros()) this.#run(entry);
    this.#setTimer();
  }

  #run(entry: Entry): void {
    const result = this.#options.fire(entry);
    if (result === 'later') {
      this.#state = 'blocked';
      return;
    }
    // The call itself may have changed its row, which armed it anew or disarmed it.
    if (!this.#isLive(entry)) return;
    this.#live.delete(nameOf(entry));
    if (result === 'done') return;
    const next = nextTick(entry.intendedMicros, result.everyMicros, this.#options.clock.nowMicros());
    this.#add(entry, next);
  }
}

function nameOf({ tableId, scheduleId }: ScheduleKey): string {
  return `${tableId}:${scheduleId}`;
}
