/*
 * The way of writes to the module. Invariants:
 * - Calls reach the module in the order in which they were made; at most one request is on its way, so a call that
 *   was batched with a refused one is still applied before every later call.
 * - While a request is on its way, later calls gather into the next one: batches grow with the load and a lone call
 *   never waits for company.
 * - A call's own ops are never split: they apply together or not at all.
 */
import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { NervPersistenceError, refusedOp } from '../errors.ts';
import { opByteLength } from './op-size.ts';

/** Sends one request and resolves when it is durable. */
export type SendRequest = (requestId: string, ops: readonly Op[]) => Promise<void>;

export interface RequestQueueOptions {
  readonly send: SendRequest;
  readonly makeRequestId: () => string;
  /** Calls that may wait; one more is refused with `client/queue-full`. Default 100,000. */
  readonly callsMax?: number | undefined;
  /** Bytes that may wait. Default 64 MiB. */
  readonly bytesMax?: number | undefined;
}

interface QueuedCall {
  readonly ops: readonly Op[];
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Turns many small writes into few large requests, in order. */
export class RequestQueue {
  readonly #send: SendRequest;
  readonly #makeRequestId: () => string;
  readonly #callsMax: number;
  readonly #bytesMax: number;
  #waiting: QueuedCall[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: RequestQueueOptions) {
    this.#send = options.send;
    this.#makeRequestId = options.makeRequestId;
    this.#callsMax = options.callsMax ?? 100_000;
    this.#bytesMax = options.bytesMax ?? 64 * 1024 * 1024;
  }

  /** Calls that have not been sent. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Queues ops that belong together; resolves when they are durable, rejects with the error of the op that was
   * refused, in which case none of them was applied.
   */
  write(ops: readonly Op[]): Promise<void> {
    const bytes = ops.reduce((sum, op) => sum + opByteLength(op), 0);
    if (ops.length > MAX_REQUEST_OPS) return Promise.reject(makeTooManyOps(ops.length));
    if (bytes > MAX_REQUEST_BYTES) return Promise.reject(makeTooLarge(bytes));
    if (this.#waiting.length >= this.#callsMax || this.#waitingBytes + bytes > this.#bytesMax) {
      return Promise.reject(this.#makeFull());
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      // Calls made in the same turn of the event loop share a request.
      this.#running ??= Promise.resolve().then(() => this.#drain());
    });
  }

  /** Resolves when everything queued so far has been answered. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#sendBatch(this.#takeBatch());
    } finally {
      this.#running = undefined;
    }
  }

  #takeBatch(): QueuedCall[] {
    let ops = 0;
    let bytes = 0;
    let count = 0;
    for (const call of this.#waiting) {
      if (count > 0 && (ops + call.ops.length > MAX_REQUEST_OPS || bytes + call.bytes > MAX_REQUEST_BYTES)) break;
      ops += call.ops.length;
      bytes += call.bytes;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** Sends the calls together; when one is refused it alone fails, and the others go again under a new id. */
  async #sendBatch(calls: readonly QueuedCall[]): Promise<void> {
    let rest = calls;
    while (rest.length > 0) {
      try {
        await this.#send(
          this.#makeRequestId(),
          rest.flatMap((call) => call.ops),
        );
        rest.forEach((call) => call.resolve());
        return;
      } catch (error) {
        const refused = findCall(rest, refusedOp(error));
        if (refused === undefined) {
          rest.forEach((call) => call.reject(error));
          return;
        }
        rest[refused]?.reject(error);
        rest = rest.filter((_, index) => index !== refused);
      }
    }
  }

  #makeFull(): NervPersistenceError {
    return new NervPersistenceError(
      'client/queue-full',
      `${this.#waiting.length} calls (${this.#waitingBytes} bytes) wait to be sent. Await what you publish before publishing more.`,
      { details: { calls: this.#waiting.length, bytes: this.#waitingBytes }, retryable: true },
    );
  }
}

/** Which call the op at this position of the request belongs to. */
function findCall(calls: readonly QueuedCall[], op: number | undefined): number | undefined {
  if (op === undefined) return calls.length === 1 ? 0 : undefined;
  let first = 0;
  for (const [index, call] of calls.entries()) {
    if (op < first + call.ops.length) return index;
    first += call.ops.length;
  }
  return undefined;
}

function makeTooManyOps(count: number): NervPersistenceError {
  return new NervPersistenceError('limit/ops', `One write has ${count} ops; at most ${MAX_REQUEST_OPS} fit. Split it.`, {
    details: { ops: count, max: MAX_REQUEST_OPS },
  });
}

function makeTooLarge(bytes: number): NervPersistenceError {
  return new NervPersistenceError(
    'limit/request',
    `One write has ${bytes} bytes; at most ${MAX_REQUEST_BYTES} fit. Split it, or let large values go as chunks.`,
    { details: { bytes, max: MAX_REQUEST_BYTES } },
  );
}
