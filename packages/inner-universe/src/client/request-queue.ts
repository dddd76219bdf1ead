/*
 * The way of writes to the module. Invariants:
 * - Writes reach the module in the order in which they were made; a request that is sent before the answer to another one
 *   is only taken after that, so what was batched with a refused write is still applied before every later one.
 * - While a request is on its way, later writes gather into the next one, which is sent when it is full, or the way is
 *   free: batches grow with the load and a lone write never waits for company.
 * - The parts of a write are never split: each applies whole or not at all.
 * - A write whose ops are still being made holds its place, and those behind it, until they are there.
 * - Nothing that is kept in an outbox is sent before that knows under which request.
 */
import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { NervError, systemTimers, type Timers } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';
import type { NervPersistenceError } from '../errors.ts';
import { makeNotRejected } from '../offline/no-work.ts';
import { makeFull } from '../offline/outbox-errors.ts';
import type { RequestAnswer } from '../offline/keeper.ts';
import { makeRequest, QueuedWrite, type OpGroups, type QueuedPart, type QueuedRequest } from './queued-write.ts';
import { fillsRequest, findRefused, isOutOfOrder, takeParts, type BatchLimits } from './request-batch.ts';
import { QueueKeeping, type KeepingOptions } from './request-queue-keeping.ts';
import { RequestWindow, type FailedRequest } from './request-window.ts';
import { letCallOff } from './call-off.ts';
import { makeDiscarded, makeQueueFull } from './write-errors.ts';

export type { OpGroups } from './queued-write.ts';

/** A request as it is sent. */
export interface OutgoingRequest {
  readonly requestId: string;
  /** When it was put together. */
  readonly issuedAtMicros: bigint;
  readonly ops: readonly Op[];
}

/** Sends one request and resolves when it is durable. */
export type SendRequest = (request: OutgoingRequest) => Promise<void>;

/** How writes share requests. */
export interface BatchingOptions {
  /** Ops in one request, at most; 1 sends every write alone. Default, and the most: 1,000. */
  readonly opsMax?: number | undefined;
  /** Bytes in one request, at most. Default, and the most: 1 MiB. */
  readonly bytesMax?: number | undefined;
  /**
   * Requests on their way at once, at most: more than one only while each is full, and where the module keeps their order.
   * 1 sends none before the last one is answered. Default 4, at most 64.
   */
  readonly requestsMax?: number | undefined;
}

/** Who may call a write off, how long it may take, and what becomes of a refusal. */
export interface WriteOptions extends CallOptions {
  /**
   * For who makes a refused write anew by himself: called when it was refused. Until that settles the outbox treats the
   * write as not answered; then it is forgotten. Default: what was refused is kept as rejected work.
   */
  readonly remaking?: (() => Promise<unknown>) | undefined;
  /**
   * Sends the write alone, under this id: the same one again, from another process too, changes nothing. Default: what
   * waits shares a request with a fresh id, as does what takes several requests.
   */
  readonly requestId?: string | undefined;
}

export interface RequestQueueOptions {
  readonly send: SendRequest;
  readonly makeRequestId: () => string;
  readonly nowMicros: () => bigint;
  readonly timers?: Timers | undefined;
  readonly batching?: BatchingOptions | undefined;
  /** Whether the module knows the op `afterRequest` now; without that, one request is on its way at a time. Default no. */
  readonly isOrdered?: (() => boolean) | undefined;
  /** Writes that may wait or be on their way; one more is refused with `client/queue-full`. Default 250,000. */
  readonly callsMax?: number | undefined;
  /** Bytes that may. One write always may, whatever its size. Default 256 MiB. */
  readonly bytesMax?: number | undefined;
  /** Keeps what waits while the server does not answer. */
  readonly keeping?: KeepingOptions | undefined;
}

/** Ops that are being made, or that must not be begun before everything queued earlier has been answered. */
export type LaterOps = Promise<OpGroups> | (() => Promise<OpGroups>);

const CALLS_MAX = 250_000;
const BYTES_MAX = 268_435_456;
const REQUESTS_MAX = 4;
const NO_OPTIONS: WriteOptions = {};

/** Turns many small writes into few large requests, in order. */
export class RequestQueue {
  readonly #options: RequestQueueOptions;
  readonly #limits: BatchLimits;
  readonly #timers: Timers;
  readonly #keeping: QueueKeeping | undefined;
  /** In order; what is in requests as a whole is not here any more. */
  readonly #waiting: QueuedWrite[] = [];
  readonly #window: RequestWindow;
  /** Requests that come later are sent after it: those before them are being recorded. */
  #recording: Promise<void> | undefined;
  /** How many writes are not done. */
  #openCount = 0;
  #openBytes = 0;
  #place = 0;
  #isScheduled = false;
  #isStopped = false;
  #idle: { readonly promise: Promise<void>; resolve(): void } | undefined;

  constructor(options: RequestQueueOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#limits = {
      opsMax: Math.min(options.batching?.opsMax ?? MAX_REQUEST_OPS, MAX_REQUEST_OPS),
      bytesMax: Math.min(options.batching?.bytesMax ?? MAX_REQUEST_BYTES, MAX_REQUEST_BYTES),
    };
    this.#window = new RequestWindow({
      requestsMax: options.batching?.requestsMax ?? REQUESTS_MAX,
      isOrdered: options.isOrdered ?? (() => false),
    });
    if (options.keeping === undefined) return;
    const queue = { open: () => this.#open(), requests: () => this.#window.requests, resume: () => this.#schedule() };
    this.#keeping = new QueueKeeping(options.keeping, queue, this.#timers);
    this.#recover(options.keeping);
  }

  /** Writes of which something has not been sent. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Queues ops that belong together; resolves when they are durable, rejects with the error of the op that was
   * refused, in which case none of them was applied. A refusal's `op` counts from the first of these.
   */
  write(ops: readonly Op[], options: WriteOptions = NO_OPTIONS): Promise<void> {
    return this.writeInTurn([ops], options);
  }

  /**
   * Queues groups of ops, each as `write` does, with nobody's ops in between out of turn; resolves when all are
   * durable, rejects with the first error when all have been tried. When there is no room for all, none is queued.
   */
  writeInTurn(groups: OpGroups, options: WriteOptions = NO_OPTIONS): Promise<void> {
    // Several groups may take several requests, which one id cannot name.
    const requestId = groups.length === 1 ? options.requestId : undefined;
    const write = new QueuedWrite({
      place: this.#place,
      bytes: 0,
      remaking: options.remaking,
      requestId,
    });
    try {
      write.make(groups);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#enqueue(write, options);
  }

  /**
   * As `writeInTurn`, for ops that are still being made: takes its place in the order now, whenever they are there.
   * `bytes` is about how many there will be.
   */
  writeLater(later: LaterOps, bytes: number, options: WriteOptions = NO_OPTIONS): Promise<void> {
    // A failure is told when its turn comes; until then nobody looks.
    if (typeof later !== 'function') later.catch(() => undefined);
    const begin = typeof later === 'function' ? later : undefined;
    const write = new QueuedWrite({ place: this.#place, bytes, begin, remaking: options.remaking });
    const written = this.#enqueue(write, options);
    // What was not taken is not looked at any more.
    if (typeof later !== 'function' && this.#waiting.at(-1) === write) void this.#make(write, later);
    return written;
  }

  /** Resolves when everything queued so far has been answered, or it has been stopped. */
  async idle(): Promise<void> {
    while (this.#openCount > 0 && !this.#isStopped) {
      this.#idle ??= makeIdle();
      await this.#idle.promise;
    }
  }

  /** The outbox's side of it; undefined where there is none. */
  get keeping(): QueueKeeping | undefined {
    return this.#keeping;
  }

  /** Sends a rejected write again, behind all others. @throws `outbox/not-rejected` */
  async retry(id: string): Promise<void> {
    const keeping = this.#requireKeeping(id);
    this.#place += 1;
    const write = await keeping.options.keeper.retry(id, this.#place);
    this.#add(write);
    keeping.noteRejected();
    this.#schedule();
  }

  /** Forgets a rejected write, or one that was not sent. @throws `outbox/not-rejected` */
  async discard(id: string): Promise<void> {
    const keeping = this.#requireKeeping(id);
    const unsent = this.#waiting.find((write) => write.stored?.id === id);
    if (unsent !== undefined && unsent.taken === 0) {
      this.#takeOut(unsent, makeDiscarded(id));
      await keeping.options.keeper.ledger.flush();
      return;
    }
    await keeping.options.keeper.discard(id);
    keeping.noteRejected();
  }

  /** Resolves when everything queued so far has been answered, or is kept. */
  secured(): Promise<void> {
    return this.#keeping === undefined ? this.idle() : this.#keeping.secured(this.#open());
  }

  /** As `secured`, without those that cannot be made while the server is away. */
  async securedAtEnd(): Promise<void> {
    const makeable = [...this.#open()].filter(({ begin, parts }) => begin === undefined || parts !== undefined);
    await this.#keeping?.secured(makeable);
  }

  /** Sends nothing any more; who still waits is told what `makeError` makes of it. */
  stop(makeError: (write: QueuedWrite) => unknown): void {
    this.#isStopped = true;
    this.#keeping?.close();
    for (const write of this.#open()) write.settle({ error: makeError(write) });
    this.#idle?.resolve();
  }

  #enqueue(write: QueuedWrite, options: WriteOptions): Promise<void> {
    const fault =
      this.#fullness(write) ?? (options.signal?.aborted === true ? { error: options.signal.reason } : undefined);
    if (fault !== undefined) return Promise.reject(fault.error);
    this.#place += 1;
    this.#add(write);
    this.#letCallOff(write, options);
    if (write.parts !== undefined) this.#onMade(write);
    this.#schedule();
    return write.promise;
  }

  #add(write: QueuedWrite): void {
    if (write.isDone) {
      write.settle();
      return;
    }
    this.#waiting.push(write);
    this.#count(write, 1);
  }

  #count({ bytes }: QueuedWrite, sign: 1 | -1): void {
    this.#openCount += sign;
    this.#openBytes += sign * bytes;
  }

  /** Writes that are not done, in order. */
  #open(): Set<QueuedWrite> {
    const writes = new Set<QueuedWrite>();
    for (const { parts } of this.#window.requests) for (const { write } of parts) writes.add(write);
    for (const write of this.#waiting) writes.add(write);
    return writes;
  }

  #recover({ keeper }: KeepingOptions): void {
    const { requests, waiting } = keeper.recover();
    this.#place = keeper.ledger.lastPlace + 1;
    const left = [...waiting];
    for (const request of requests) {
      // What was refused with others and not sent again yet comes before what was sent after it.
      const place = request.parts[0]?.write.place ?? 0;
      const earlier = left.splice(0, left.filter((write) => write.place < place).length);
      while (earlier.length > 0) this.#addRequest(takeParts(earlier, this.#limits));
      this.#window.insert(request);
    }
    for (const write of left) this.#waiting.push(write);
    for (const write of this.#open()) this.#count(write, 1);
    this.#schedule();
  }

  #onMade(write: QueuedWrite): void {
    const keeping = this.#keeping;
    if (keeping?.isKeeping !== true) return;
    if (!write.isEphemeral) keeping.keep([write]);
  }

  /** Writes made in the same turn of the event loop share a request. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isStopped) return;
    while (this.#sendNext());
  }

  /** Sends one request more, if that may be. */
  #sendNext(): boolean {
    const { next, isIdle, isOpen } = this.#window;
    if (!isOpen || this.#keeping?.maySend(next) === false) return false;
    // Who does not answer is not sent more.
    if (!isIdle && this.#keeping?.isAway === true) return false;
    const request = next ?? this.#makeRequest();
    if (request === undefined || !(isIdle || this.#window.mayFollow(request))) return false;
    void this.#deliver(request);
    return true;
  }

  #makeRequest(): QueuedRequest | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const { isIdle } = this.#window;
    if (first.parts === undefined) {
      if (isIdle && first.begin !== undefined && !first.hasBegun) void this.#make(first, first.begin());
      return undefined;
    }
    const limits = isIdle ? this.#limits : this.#window.limitsBehind(this.#limits);
    if (!isIdle && !fillsRequest(this.#waiting, limits)) return undefined;
    return this.#addRequest(takeParts(this.#waiting, limits));
  }

  #addRequest(parts: readonly QueuedPart[], index?: number): QueuedRequest {
    const request = makeRequest(parts, {
      requestId: parts[0]?.write.requestId ?? this.#options.makeRequestId(),
      issuedAtMicros: this.#options.nowMicros(),
      place: this.#place,
    });
    this.#place += 1;
    this.#window.insert(request, index);
    return request;
  }

  async #make(write: QueuedWrite, making: Promise<OpGroups>): Promise<void> {
    write.hasBegun = true;
    try {
      const groups = await making;
      // Its caller may not want it any more.
      if (write.isDone) return;
      this.#count(write, -1);
      try {
        write.make(groups);
      } finally {
        this.#count(write, 1);
      }
      if (write.isDone) this.#end(write);
      else this.#onMade(write);
    } catch (error) {
      if (!write.isDone) this.#end(write, { error });
    }
    this.#schedule();
  }

  async #deliver(request: QueuedRequest): Promise<void> {
    this.#window.begin(request);
    let failure: { readonly error: unknown } | undefined;
    try {
      const recorded = this.#recorded(request);
      if (recorded !== undefined) await recorded;
      await this.#sendRecorded(request);
    } catch (error) {
      failure = { error };
    }
    if (this.#isStopped) return;
    if (failure === undefined) this.#onApplied(request);
    else this.#window.noteFailed(request, failure.error);
    if (this.#window.hasFailed) this.#onFailures(this.#window.takeFailed());
    this.#schedule();
  }

  /** Waits until the outbox knows of a request, and of those before it; undefined where it does. */
  #recorded(request: QueuedRequest): Promise<unknown> | undefined {
    const keeper = this.#keeping?.options.keeper;
    if (keeper?.mustRecord(request) !== true) return this.#recording;
    const recorded = Promise.all([this.#recording, keeper.record(request)]);
    const forget = (): void => {
      if (this.#recording === settled) this.#recording = undefined;
    };
    // One that cannot be recorded is not sent; those after it are refused, as they come after it.
    const settled: Promise<void> = recorded.then(forget, forget);
    this.#recording = settled;
    return recorded;
  }

  async #sendRecorded({ requestId, issuedAtMicros, parts, after }: QueuedRequest): Promise<void> {
    const keeping = this.#keeping;
    if (keeping !== undefined)
      for (const write of new Set(parts.map((part) => part.write))) if (write.stored) write.stored.attempts += 1;
    const ops = parts.length === 1 ? (parts[0]?.ops ?? []) : parts.flatMap((part) => part.ops);
    const order: readonly Op[] = after === undefined ? [] : [{ tag: 'afterRequest', value: { requestId: after } }];
    keeping?.noteSent();
    try {
      await this.#options.send({ requestId, issuedAtMicros, ops: after === undefined ? ops : [...order, ...ops] });
    } finally {
      keeping?.noteAnswered();
    }
  }

  #onApplied(request: QueuedRequest): void {
    this.#keeping?.noteApplied();
    this.#window.noteApplied(request);
    for (const { write, part } of request.parts) write.answer(part);
    this.#noteAnswers([{ request, answered: request.parts }]);
  }

  /** Everything that was on its way has been answered: what failed is told, or goes again, in its place. */
  #onFailures(failed: readonly FailedRequest[]): void {
    const answers: RequestAnswer[] = [];
    let pausedBy: unknown;
    for (const { request, error } of failed) {
      if (isOutOfOrder(request, error)) answers.push({ request, answered: [] });
      else if (this.#mayPass(request, error)) pausedBy ??= error;
      else answers.push({ request, answered: this.#onFailed(request, error) });
    }
    this.#noteAnswers(answers);
    if (pausedBy !== undefined) this.#keeping?.pauseFor(pausedBy);
    if (answers.some(({ answered }) => answered.length > 0)) this.#keeping?.noteRejected();
  }

  /** A request has failed for good: gives what need not be sent again of it. */
  #onFailed(request: QueuedRequest, error: unknown): readonly QueuedPart[] {
    const { parts } = request;
    const refused = findRefused(request, error);
    const index = this.#window.remove(request);
    if (refused !== undefined) {
      // It alone fails; the others go again, under a new id.
      const failed = parts.slice(refused.index, refused.index + 1);
      for (const { write, part } of failed) write.answer(part, { error: refused.error });
      // Where a refusal stops those behind it, they are not sent together with those before it.
      const rests = [parts.slice(0, refused.index), parts.slice(refused.index + 1)];
      const isSplit = this.#keeping?.options.onRejected === 'stop';
      this.#addAgain(isSplit ? rests : [rests.flat()], index);
      return failed;
    }
    if (parts.length > 1 && !(error instanceof NervError)) {
      // One of them cannot even be encoded: alone, each is told its own.
      this.#addAgain(
        parts.map((part) => [part]),
        index,
      );
      return [];
    }
    for (const { write, part } of parts) write.answer(part, { error });
    return parts;
  }

  /** Adds requests where another one was. */
  #addAgain(requests: readonly (readonly QueuedPart[])[], index: number): void {
    for (const [offset, parts] of requests.filter(({ length }) => length > 0).entries())
      this.#addRequest(parts, index + offset);
  }

  /** Whether what a request met may be gone later, and its writes are kept until then. */
  #mayPass(request: QueuedRequest, error: unknown): boolean {
    if (findRefused(request, error) !== undefined || !(error instanceof NervError) || !error.retryable) return false;
    return error.code === 'outbox/storage-failed' || request.parts.some(({ write }) => write.keeping !== 'not');
  }

  #noteAnswers(answers: readonly RequestAnswer[]): void {
    this.#keeping?.options.keeper.noteAnswers(answers);
    for (const { answered } of answers) for (const { write } of answered) if (write.isDone) this.#leave(write);
  }

  /** A write is done. */
  #leave(write: QueuedWrite): void {
    // Several of its parts may have been answered at once.
    if (write.hasLeft) return;
    write.hasLeft = true;
    this.#count(write, -1);
    this.#keeping?.noteRefused(write);
    write.settle();
    this.#keeping?.noteSecured(write);
    if (this.#openCount > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** A write is done without having been sent. */
  #end(write: QueuedWrite, failure?: { readonly error: unknown }): void {
    this.#waiting.splice(this.#waiting.indexOf(write), 1);
    write.isDone = true;
    if (failure !== undefined) write.settle(failure);
    this.#leave(write);
  }

  /** Ends a write that was not sent. False when something of it was. */
  #takeOut(write: QueuedWrite, error: unknown): boolean {
    if (write.taken > 0 || write.isDone) return false;
    this.#end(write, { error });
    this.#keeping?.options.keeper.takeOut(write);
    this.#schedule();
    return true;
  }

  #letCallOff(write: QueuedWrite, options: WriteOptions): void {
    // Nearly no write is ever called off.
    if (options.signal === undefined && options.timeoutMs === undefined && !write.isEphemeral) return;
    const takeOut = (error: unknown): boolean => this.#takeOut(write, error);
    letCallOff(write, options, { timers: this.#timers, takeOut, keeping: this.#keeping });
  }

  #fullness(write: QueuedWrite): { readonly error: NervPersistenceError } | undefined {
    const held = { writes: this.#openCount, bytes: this.#openBytes };
    const keeping = this.#keeping;
    if (keeping?.isKeeping === true && !write.isEphemeral) {
      const { writesMax, bytesMax, keeper } = keeping.options;
      const { setAside } = keeper.ledger;
      const all = { writes: held.writes + setAside.writes, bytes: held.bytes + setAside.bytes };
      const isFull = all.writes + 1 > writesMax || all.bytes + write.bytes > bytesMax;
      if (isFull && all.writes > 0) return { error: makeFull(all) };
    }
    const { callsMax = CALLS_MAX, bytesMax = BYTES_MAX } = this.#options;
    if (held.writes === 0 || (held.writes < callsMax && held.bytes + write.bytes <= bytesMax)) return undefined;
    return { error: makeQueueFull(held) };
  }

  #requireKeeping(id: string): QueueKeeping {
    if (this.#keeping === undefined) throw makeNotRejected(id);
    return this.#keeping;
  }
}

function makeIdle(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
