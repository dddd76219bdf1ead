/*
 * When the writes of a queue are kept in the outbox, and when nothing is sent. Invariants:
 * - while the server is away, or an answer is overdue, everything that waits is kept, and what comes is kept as it comes;
 * - what could not be kept stays where it is, is told, and is tried again;
 * - what was refused and is made anew by its maker counts as not answered until he is done;
 * - while a refusal may pass by itself, everything waits for it.
 */
import type { Timers } from '@inner-universe/nerv';
import type { Keeper } from '../offline/keeper.ts';
import { makeReason } from '../offline/ledger.ts';
import type { StoredWrite } from '../offline/stored-work.ts';
import type { WorkReason } from '../offline/work.ts';
import type { QueuedRequest, QueuedWrite } from './queued-write.ts';

/** When and how writes are kept. */
export interface KeepingOptions {
  readonly keeper: Keeper;
  /** `always`: before they are sent. `offline`: when the server does not answer. */
  readonly mode: 'offline' | 'always';
  /** After how many milliseconds without an answer the server counts as away. */
  readonly answerWithinMs: number;
  /** What happens to those behind a rejected write: they go on, or all stop until it is retried or discarded. */
  readonly onRejected: 'continue' | 'stop';
  /** Writes, rejected ones included; one more is refused with `outbox/full`. */
  readonly writesMax: number;
  readonly bytesMax: number;
  /** How long an ephemeral event waits for a server that is away, in milliseconds; it is never kept. */
  readonly ephemeralForMs: number;
  readonly onError: (error: unknown) => void;
}

/** What a queue has, and how it goes on. */
interface Keepable {
  readonly open: () => Iterable<QueuedWrite>;
  readonly requests: () => readonly QueuedRequest[];
  /** Something that kept it from sending is over. */
  readonly resume: () => void;
}

interface Securing {
  readonly writes: Set<QueuedWrite>;
  resolve(): void;
  reject(error: unknown): void;
}

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;

/** The outbox's side of a queue. */
export class QueueKeeping {
  readonly options: KeepingOptions;
  readonly #queue: Keepable;
  readonly #timers: Timers;
  readonly #securings: Set<Securing> = new Set();
  /** Refused, and being made anew: as many as their makers tried to make. */
  readonly #remade: Set<QueuedWrite> = new Set();
  #awaiting: (() => void)[] = [];
  #isAway = false;
  #isClosed = false;
  /** Requests that are on their way. */
  #awaited = 0;
  #isOverdue = false;
  #cancelOverdue: (() => void) | undefined;
  #pauseMs = PAUSE_MS_MIN;
  #pause: { readonly reason: WorkReason; cancel(): void } | undefined;
  #connectionReason: WorkReason | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: KeepingOptions, queue: Keepable, timers: Timers) {
    this.options = options;
    this.#queue = queue;
    this.#timers = timers;
    this.#tellBlocked();
  }

  /** Whether what is written now is kept first. */
  get isKeeping(): boolean {
    return this.options.mode === 'always' || this.isAway;
  }

  /** Whether the server is not there, or does not answer. */
  get isAway(): boolean {
    return this.#isAway || this.#isOverdue;
  }

  /** Resolves when the server is away, or something else keeps what waits from being sent. */
  whenStuck(): Promise<void> {
    return this.#isStuck() ? Promise.resolve() : new Promise((resolve) => this.#awaiting.push(resolve));
  }

  /** Whether a request may be sent now. While the server is away none is put together, so that later ones are larger. */
  maySend(request: QueuedRequest | undefined): boolean {
    if (this.#isAway || this.#pause !== undefined) return false;
    const halted = this.#halt();
    if (halted === undefined) return true;
    return request?.parts.every(({ write }) => write.place < halted.place) === true;
  }

  /** The server went away, or is back; `reason` says why it will not come back by itself. */
  setAway(isAway: boolean, reason: WorkReason | undefined): void {
    const wasAway = this.#isAway;
    this.#isAway = isAway;
    this.#connectionReason = reason;
    this.#tellBlocked();
    if (isAway) for (const request of this.#queue.requests()) request.isUnsure = request.isSent;
    if (isAway && !wasAway) this.#onAway();
    if (!isAway && wasAway) this.#queue.resume();
  }

  /** A request was sent: an answer is expected, to it or to one before it. */
  noteSent(): void {
    this.#awaited += 1;
    if (this.#awaited === 1) this.#expectAnswer();
  }

  /** One that was sent has been answered, whichever way. */
  noteAnswered(): void {
    this.#awaited -= 1;
    this.#isOverdue = false;
    this.#cancelOverdue?.();
    if (this.#awaited > 0) this.#expectAnswer();
  }

  /** Keeps everything that is not done. */
  keepAll(): void {
    const requests = this.#queue.requests().filter(({ isSent }) => isSent);
    this.keep([...this.#remade, ...this.#queue.open()], requests);
  }

  /** Keeps writes, and that requests may have been sent. */
  keep(writes: readonly QueuedWrite[], requests: readonly QueuedRequest[] = []): void {
    this.options.keeper.keep(writes, requests).then(
      () => {
        for (const write of writes) this.noteSecured(write);
      },
      (error: unknown) => this.#onNotKept(error),
    );
  }

  /** Nothing is sent for a while: what stands against it may pass by itself. */
  pauseFor(error: unknown): void {
    if (this.#pause !== undefined) return;
    const resume = (): void => {
      this.#pause = undefined;
      this.#tellBlocked();
      this.#queue.resume();
    };
    const delayMs = this.#pauseMs;
    this.#pauseMs = Math.min(PAUSE_MS_MAX, 2 * delayMs);
    this.#pause = { reason: makeReason(error), cancel: this.#timers.schedule(resume, delayMs) };
    this.#tellBlocked();
    this.#tellStuck();
  }

  /** A request went through. */
  noteApplied(): void {
    this.#pauseMs = PAUSE_MS_MIN;
  }

  /** A rejected write came, was retried or discarded. */
  noteRejected(): void {
    this.#tellBlocked();
    this.#queue.resume();
    this.#tellStuck();
  }

  /** A write was refused, and its maker makes it anew: it stays as it is until he is done. */
  noteRefused(write: QueuedWrite): void {
    if (!write.isRemade || write.remaking === undefined) return;
    this.#remade.add(write);
    const end = (): void => this.#endRemade(write);
    write.remaking().then(end, end);
    const isAwaited = [...this.#securings].some(({ writes }) => writes.has(write));
    if (this.isKeeping || isAwaited) this.keep([write]);
  }

  /** Resolves when each of these, and of those that are made anew, is done or kept. */
  secured(writes: Iterable<QueuedWrite>): Promise<void> {
    const waiting = new Set([...this.#remade, ...writes].filter((write) => !isSecured(write)));
    if (waiting.size === 0) return Promise.resolve();
    const secured = new Promise<void>((resolve, reject) => this.#securings.add({ writes: waiting, resolve, reject }));
    // What could not be kept before is tried again now: how that ends is the answer. What waits behind a rejected write
    // is not done before somebody decides.
    const isHalted = this.#halt() !== undefined;
    const mustKeep = [...waiting].filter(({ isRemade }) => isRemade || isHalted || this.isKeeping);
    if (mustKeep.length > 0) this.keep(mustKeep);
    return secured;
  }

  /** A write is done, or kept. */
  noteSecured(write: QueuedWrite): void {
    if (this.#securings.size === 0 || !isSecured(write)) return;
    for (const securing of [...this.#securings]) {
      if (!securing.writes.delete(write) || securing.writes.size > 0) continue;
      this.#securings.delete(securing);
      securing.resolve();
    }
  }

  /** Ends what waits. */
  close(): void {
    this.#isClosed = true;
    this.#pause?.cancel();
    this.#cancelRetry?.();
  }

  /** What its maker could not finish before the end stays for the next start. */
  #endRemade(write: QueuedWrite): void {
    if (this.#isClosed) return;
    this.#remade.delete(write);
    write.isRemade = false;
    this.options.keeper.takeOut(write);
    this.noteSecured(write);
  }

  #expectAnswer(): void {
    this.#cancelOverdue = this.#timers.schedule(() => {
      this.#isOverdue = true;
      this.#onAway();
    }, this.options.answerWithinMs);
  }

  #onAway(): void {
    this.keepAll();
    this.#tellStuck();
  }

  #isStuck(): boolean {
    return this.isAway || this.#pause !== undefined || this.#halt() !== undefined;
  }

  #tellStuck(): void {
    if (!this.#isStuck()) return;
    for (const resolve of this.#awaiting) resolve();
    this.#awaiting = [];
  }

  #onNotKept(error: unknown): void {
    this.options.onError(error);
    for (const securing of this.#securings) securing.reject(error);
    this.#securings.clear();
    this.#cancelRetry ??= this.#timers.schedule(() => {
      this.#cancelRetry = undefined;
      if (this.isKeeping) this.keepAll();
    }, PAUSE_MS_MAX);
  }

  /** The write that stops those behind it, where one does. */
  #halt(): StoredWrite | undefined {
    const { onRejected, keeper } = this.options;
    return onRejected === 'continue' ? undefined : keeper.ledger.firstRejected();
  }

  #tellBlocked(): void {
    const reason = this.#halt()?.rejected ?? this.#pause?.reason ?? this.#connectionReason;
    this.options.keeper.ledger.block(reason);
  }
}

function isSecured(write: QueuedWrite): boolean {
  return write.isOver || write.isEphemeral || write.keeping === 'kept';
}
