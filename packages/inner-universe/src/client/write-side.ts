/*
 * How a client writes. Invariants:
 * - without an outbox, a write ends when the server has answered, or has been away for as long as the link waits;
 * - with one, a write made while the server is away waits for it, however long that takes, and is kept meanwhile;
 * - closing does not wait for a server that is away where what is kept outlives this process.
 */
import type { Op } from '@inner-universe/module/wire';
import { systemTimers, type Clock, type IdSource, type Timers } from '@inner-universe/nerv';
import type { LinkStatus } from '../connection/link-status.ts';
import type { Watchable } from '../connection/watched.ts';
import { ConnectionError, type NervPersistenceError } from '../errors.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import { Keeper } from '../offline/keeper.ts';
import { Ledger, makeReason } from '../offline/ledger.ts';
import { makeNoWork } from '../offline/no-work.ts';
import { makeKept } from '../offline/outbox-errors.ts';
import type { OpenedOutbox } from '../offline/outbox-options.ts';
import { makeWorkRunner } from '../offline/work-runner.ts';
import type { Work } from '../offline/work.ts';
import type { KeepingOptions } from './request-queue-keeping.ts';
import type { QueuedWrite } from './queued-write.ts';
import {
  RequestQueue,
  type BatchingOptions,
  type LaterOps,
  type OpGroups,
  type OutgoingRequest,
  type WriteOptions,
} from './request-queue.ts';

/** How long an ephemeral event waits for a server where nothing else is said. */
const RECONNECT_FOR_MS = 30_000;
/** How often it is tried again when an answer was final. */
const BLOCKED_RETRY_MS = 30_000;

/** What writing needs. */
export interface WriteSideParts {
  /** Sends a request on the connection there is; rejects with a `ConnectionError` when there is none for too long. */
  readonly send: (request: OutgoingRequest) => Promise<void>;
  readonly status: Watchable<LinkStatus>;
  /** Tries to connect although the last answer was final. */
  readonly reconnect: () => Promise<unknown>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly timers?: Timers | undefined;
  readonly onError: (error: unknown) => void;
  readonly telemetry: Telemetry;
  readonly reconnectForMs?: number | undefined;
  readonly batching?: BatchingOptions | undefined;
  /** Whether the module knows the op `afterRequest` now. */
  readonly isOrdered: () => boolean;
  readonly outbox?: OpenedOutbox | undefined;
}

/** The queue of a client's writes, and the outbox under it. */
export class WriteSide {
  readonly work: Work;
  readonly #parts: WriteSideParts;
  readonly #timers: Timers;
  readonly #queue: RequestQueue;
  readonly #ledger: Ledger | undefined;
  /** Who holds says how many it may be. */
  readonly #holds: Set<Promise<void>> = new Set();
  readonly #ends: (() => void)[] = [];
  readonly #closing = new AbortController();
  #cancelRetry: (() => void) | undefined;

  /** @throws {NervPersistenceError} `outbox/corrupt` */
  constructor(parts: WriteSideParts) {
    const { clock, ids, timers, batching, outbox, status, isOrdered } = parts;
    this.#parts = parts;
    this.#timers = timers ?? systemTimers;
    this.#ledger = outbox === undefined ? undefined : new Ledger(outbox.records, parts.onError);
    const nowMicros = (): bigint => clock.nowMicros();
    const makeRequestId = (): string => ids.nextId();
    const send = outbox === undefined ? parts.send : (request: OutgoingRequest) => this.#sendPatiently(request);
    const keeping = this.#makeKeeping();
    this.#queue = new RequestQueue({ send, makeRequestId, nowMicros, timers, batching, isOrdered, keeping });
    this.work = this.#makeWork();
    if (outbox === undefined) return;
    this.#onStatus(status.getSnapshot());
    this.#ends.push(
      status.subscribe((now) => this.#onStatus(now)),
      ...this.#observe(),
    );
  }

  write(ops: readonly Op[], options?: WriteOptions): Promise<void> {
    return this.#queue.write(ops, options);
  }

  writeInTurn(groups: OpGroups, options?: WriteOptions): Promise<void> {
    return this.#queue.writeInTurn(groups, options);
  }

  writeLater(later: LaterOps, bytes: number, options?: WriteOptions): Promise<void> {
    return this.#queue.writeLater(later, bytes, options);
  }

  /** Has `secured` wait until what is being made has been written. */
  holdSecured(until: Promise<unknown>): void {
    const drop = (): void => void this.#holds.delete(hold);
    const hold: Promise<void> = until.then(drop, drop);
    this.#holds.add(hold);
  }

  /** Sends what waits; what cannot be sent now is kept, or its caller told. Nothing may be written any more. */
  async drain(): Promise<void> {
    const { outbox, reconnectForMs = RECONNECT_FOR_MS } = this.#parts;
    const { keeping } = this.#queue;
    if (outbox === undefined || keeping === undefined) {
      await this.#queue.idle();
      return;
    }
    await Promise.race([this.#queue.idle(), keeping.whenStuck()]);
    keeping.keepAll();
    if (outbox.isDurable) await this.#keepTheRest();
    else await Promise.race([this.#queue.idle(), this.#elapsed(reconnectForMs), this.#hopeless()]);
    this.#closing.abort();
    this.#queue.stop((write) => this.#errorAtEnd(write));
  }

  /** Gives up the outbox. To be called when nothing is on its way any more. */
  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#cancelRetry?.();
    await this.#ledger?.close();
  }

  /** Resolves when all is answered or kept; what cannot be kept is told, and lost to this outbox. */
  async #keepTheRest(): Promise<void> {
    try {
      await Promise.race([this.#queue.idle(), this.#queue.securedAtEnd()]);
    } catch (error) {
      this.#parts.onError(error);
    }
  }

  #errorAtEnd(write: QueuedWrite): NervPersistenceError {
    if (this.#parts.outbox?.isDurable === true && write.keeping === 'kept') return makeKept(write.stored?.id ?? '');
    const { lastError } = this.#parts.status.getSnapshot();
    return new ConnectionError(
      'connection/unreachable',
      'The universe was closed while its server was away: the write is lost. Make it again when the server is back.',
      { details: { outcome: write.taken > 0 ? 'unknown' : 'not-sent' }, cause: lastError, retryable: true },
    );
  }

  #elapsed(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#ends.push(this.#timers.schedule(resolve, delayMs)));
  }

  /** Resolves when trying again does not help. */
  #hopeless(): Promise<void> {
    const { status } = this.#parts;
    return new Promise((resolve) => {
      const look = (now: LinkStatus): void => void (isHopeless(now) && resolve());
      this.#ends.push(status.subscribe(look));
      look(status.getSnapshot());
    });
  }

  /** Goes on until the server has answered, or the client is closed. */
  async #sendPatiently(request: OutgoingRequest): Promise<void> {
    for (;;) {
      try {
        await this.#parts.send(request);
        return;
      } catch (error) {
        if (!(error instanceof ConnectionError) || this.#closing.signal.aborted) throw error;
      }
      await this.#connected();
    }
  }

  /** Resolves when there is a connection, or at the end. */
  #connected(): Promise<void> {
    const { status } = this.#parts;
    return new Promise((resolve) => {
      const finish = (): void => {
        stop();
        this.#closing.signal.removeEventListener('abort', finish);
        resolve();
      };
      const stop = status.subscribe(({ state }) => state === 'connected' && finish());
      this.#closing.signal.addEventListener('abort', finish, { once: true });
      if (status.getSnapshot().state === 'connected' || this.#closing.signal.aborted) finish();
    });
  }

  #onStatus(status: LinkStatus): void {
    const reason = isHopeless(status) ? makeReason(status.lastError) : undefined;
    this.#queue.keeping?.setAway(status.state !== 'connected', reason);
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    // Somebody may grant, or upgrade, meanwhile.
    if (reason !== undefined) this.#cancelRetry = this.#timers.schedule(() => this.#tryAgain(), BLOCKED_RETRY_MS);
  }

  #tryAgain(): void {
    // How it ends is told by the status, which leads back here.
    this.#parts.reconnect().catch(() => undefined);
  }

  #makeKeeping(): KeepingOptions | undefined {
    const { outbox, clock, ids, onError, reconnectForMs = RECONNECT_FOR_MS } = this.#parts;
    if (outbox === undefined || this.#ledger === undefined) return undefined;
    const nowMicros = (): bigint => clock.nowMicros();
    const keeper = new Keeper(this.#ledger, { nowMicros, makeId: () => ids.nextId(), onError });
    return { ...outbox, keeper, ephemeralForMs: reconnectForMs, onError };
  }

  #makeWork(): Work {
    const ledger = this.#ledger;
    const run = makeWorkRunner(this.#timers);
    if (ledger === undefined) return makeNoWork(() => this.#queue.idle(), run);
    const explain = async (id: string, error: unknown): Promise<void> =>
      this.#queue.keeping?.options.keeper.explain(id, error);
    return {
      summary: ledger.summary,
      list: (state) => ledger.list(state),
      unconfirmed: () => ledger.unconfirmed(),
      onOutcome: (listener) => ledger.onOutcome(listener),
      retry: (id, call) => run('retry', call, () => this.#queue.retry(id)),
      discard: (id, call) => run('discard', call, () => this.#queue.discard(id)),
      explain: (id, error, call) => run('explain', call, () => explain(id, error)),
      stopsAtRejected: this.#parts.outbox?.onRejected === 'stop',
      secured: (call) => run('secured', call, () => this.#secured()),
    };
  }

  async #secured(): Promise<void> {
    // What was called in this turn may reach the queue at its end: adapters check and seal first.
    await new Promise<void>((resolve) => systemTimers.schedule(resolve, 0));
    await Promise.all(this.#holds);
    await this.#queue.secured();
  }

  #observe(): readonly (() => void)[] {
    const { telemetry } = this.#parts;
    const summary = this.work.summary.getSnapshot;
    return [
      telemetry.observe('outbox.pending', () => summary().pending + summary().blocked),
      telemetry.observe('outbox.rejected', () => summary().rejected),
      telemetry.observe('outbox.bytes', () => summary().bytes),
    ];
  }
}

/** Whether the server said what trying again cannot change. */
function isHopeless({ state, lastError }: LinkStatus): boolean {
  if (state === 'closed') return true;
  return state === 'lost' && lastError instanceof ConnectionError && !lastError.retryable;
}
