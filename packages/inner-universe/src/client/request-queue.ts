/*
 * The way of writes to the module. Invariants:
 * - Calls reach the module in the order in which they were made; at most one request is on its way, so a call that
 *   was batched with a refused one is still applied before every later call.
 * - While a request is on its way, later calls gather into the next one: batches grow with the load and a lone call
 *   never waits for company.
 * - A call's own ops are never split: they apply together or not at all.
 */
import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { makeRefusalFrom, NervPersistenceError, refusalOf } from '../errors.ts';
import { opByteLength } from './op-size.ts';

/** Sends one request and resolves when it is durable. */
export type SendRequest = (requestId: string, ops: readonly Op[]) => Promise<void>;

export interface RequestQueueOptions {
  readonly send: SendRequest;
  readonly makeRequestId: () => string;
  /** Calls that may wait; one more is refused with `client/queue-full`. Default 250,000. */
  readonly callsMax?: number | undefined;
  /** Bytes that may wait. One call may always wait, whatever its size. Default 256 MiB. */
  readonly bytesMax?: number | undefined;
}

const CALLS_MAX = 250_000;
const BYTES_MAX = 268_435_456;

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
    this.#callsMax = options.callsMax ?? CALLS_MAX;
    this.#bytesMax = options.bytesMax ?? BYTES_MAX;
  }

  /** Calls that have not been sent. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Queues ops that belong together; resolves when they are durable, rejects with the error of the op that was
   * refused, in which case none of them was applied. A refusal's `op` counts from the first of these.
   */
  write(ops: readonly Op[]): Promise<void> {
    const bytes = byteLengthOf(ops);
    const fault = this.#faultOf(ops, bytes) ?? this.#fullness(1, bytes);
    return fault === undefined ? this.#push(ops, bytes) : Promise.reject(fault);
  }

  /**
   * Queues groups of ops, each as `write` does, with nobody's ops in between out of turn; resolves when all are
   * durable, rejects with the first error. When the queue has no room for all, none is queued.
   */
  async writeInTurn(groups: readonly (readonly Op[])[]): Promise<void> {
    const sizes = groups.map(byteLengthOf);
    for (const [index, ops] of groups.entries()) {
      const fault = this.#faultOf(ops, sizes[index] ?? 0);
      if (fault !== undefined) throw fault;
    }
    const full = this.#fullness(groups.length, sum(sizes));
    if (full !== undefined) throw full;
    const results = await Promise.allSettled(groups.map((ops, index) => this.#push(ops, sizes[index] ?? 0)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Resolves when everything queued so far has been answered. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #push(ops: readonly Op[], bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      // Calls made in the same turn of the event loop share a request.
      this.#running ??= Promise.resolve().then(() => this.#drain());
    });
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
        const refused = findRefused(rest, error);
        if (refused === undefined) {
          rest.forEach((call) => call.reject(error));
          return;
        }
        rest[refused.index]?.reject(refused.error);
        rest = rest.toSpliced(refused.index, 1);
      }
    }
  }

  #faultOf(ops: readonly Op[], bytes: number): NervPersistenceError | undefined {
    if (ops.length > MAX_REQUEST_OPS) return makeTooManyOps(ops.length);
    return bytes > MAX_REQUEST_BYTES ? makeTooLarge(bytes) : undefined;
  }

  #fullness(calls: number, bytes: number): NervPersistenceError | undefined {
    const { length } = this.#waiting;
    if (length === 0) return undefined;
    if (length + calls <= this.#callsMax && this.#waitingBytes + bytes <= this.#bytesMax) return undefined;
    return new NervPersistenceError(
      'client/queue-full',
      `${length} calls (${this.#waitingBytes} bytes) wait to be sent. Await what you write before writing more.`,
      { details: { calls: length, bytes: this.#waitingBytes }, retryable: true },
    );
  }
}

function byteLengthOf(ops: readonly Op[]): number {
  let bytes = 0;
  for (const op of ops) bytes += opByteLength(op);
  return bytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Which call was refused, and the error as it sees it; undefined when the whole request failed. */
function findRefused(calls: readonly QueuedCall[], error: unknown): { index: number; error: unknown } | undefined {
  const refused = refusalOf(error);
  if (refused?.op === undefined) return undefined;
  let first = 0;
  for (const [index, { ops }] of calls.entries()) {
    if (refused.op < first + ops.length) return { index, error: makeRefusalFrom(refused, first) };
    first += ops.length;
  }
  return undefined;
}

function makeTooManyOps(count: number): NervPersistenceError {
  return new NervPersistenceError(
    'limit/ops',
    `One write has ${count} ops; at most ${MAX_REQUEST_OPS} fit. Split it.`,
    {
      details: { ops: count, max: MAX_REQUEST_OPS },
    },
  );
}

function makeTooLarge(bytes: number): NervPersistenceError {
  return new NervPersistenceError(
    'limit/request',
    `One write has ${bytes} bytes; at most ${MAX_REQUEST_BYTES} fit. Split it, or let large values go as chunks.`,
    { details: { bytes, max: MAX_REQUEST_BYTES } },
  );
}
