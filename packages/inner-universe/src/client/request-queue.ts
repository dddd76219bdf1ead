/*
 * The way of writes to the module. Invariants:
 * - Calls reach the module in the order in which they were made; at most one request is on its way, so a call that
 *   was batched with a refused one is still applied before every later call.
 * - While a request is on its way, later calls gather into the next one: batches grow with the load and a lone call
 *   never waits for company.
 * - A call's own ops are never split: they apply together or not at all.
 * - A call whose ops are still being made holds its place, and those behind it, until they are there.
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

/** Groups of ops, each as one write; they are sent in turn. */
export type OpGroups = readonly (readonly Op[])[];

/** Ops that are being made, or that must not be begun before everything queued earlier has been answered. */
export type LaterOps = Promise<OpGroups> | (() => Promise<OpGroups>);

/** The place of a call that is still being made. */
interface HeldPlace {
  readonly later: LaterOps;
  /** What it counts for until its size is known. */
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
  #waiting: (QueuedCall | HeldPlace)[] = [];
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

  /**
   * As `writeInTurn`, for ops that are still being made: takes its place in the order now, whenever they are there.
   * `bytes` is about how many there will be.
   */
  writeLater(later: LaterOps, bytes: number): Promise<void> {
    // A failure is told when its turn comes; until then nobody looks.
    if (typeof later !== 'function') later.catch(() => undefined);
    const full = this.#fullness(1, bytes);
    if (full !== undefined) return Promise.reject(full);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ later, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#start();
    });
  }

  /** Resolves when everything queued so far has been answered. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #push(ops: readonly Op[], bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#start();
    });
  }

  /** Calls made in the same turn of the event loop share a request. */
  #start(): void {
    this.#running ??= Promise.resolve().then(() => this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
        if (isHeld(first)) await this.#fillFirst();
        else await this.#sendBatch(this.#takeBatch());
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** Fills held places at the front: one that had to wait for its turn, else as many as a request could take. */
  async #fillFirst(): Promise<void> {
    const held: HeldPlace[] = [];
    for (const entry of this.#waiting) {
      if (!isHeld(entry) || held.length === MAX_REQUEST_OPS) break;
      if (typeof entry.later === 'function' && held.length > 0) break;
      held.push(entry);
      if (typeof entry.later === 'function') break;
    }
    for (const place of held) await this.#fill(place);
  }

  async #fill(place: HeldPlace): Promise<void> {
    try {
      const { later } = place;
      const groups = await (typeof later === 'function' ? later() : later);
      this.#replace(place, this.#makeCalls(place, groups));
    } catch (error) {
      this.#replace(place, []);
      place.reject(error);
    }
  }

  /** The calls of a held place: it is done when all of them are, and fails with the first that does. */
  #makeCalls(place: HeldPlace, groups: OpGroups): readonly QueuedCall[] {
    let left = groups.length;
    if (left === 0) place.resolve();
    return groups.map((ops) => {
      const bytes = byteLengthOf(ops);
      const fault = this.#faultOf(ops, bytes);
      if (fault !== undefined) throw fault;
      const resolve = (): void => {
        left -= 1;
        if (left === 0) place.resolve();
      };
      return { ops, bytes, resolve, reject: (error) => place.reject(error) };
    });
  }

  #replace(place: HeldPlace, calls: readonly QueuedCall[]): void {
    const index = this.#waiting.indexOf(place);
    const [only] = calls;
    // One for one is by far the most frequent, and moves nothing.
    if (only !== undefined && calls.length === 1) this.#waiting[index] = only;
    else this.#waiting.splice(index, 1, ...calls);
    this.#waitingBytes += calls.reduce((total, { bytes }) => total + bytes, -place.bytes);
  }

  #takeBatch(): QueuedCall[] {
    let ops = 0;
    let bytes = 0;
    const batch: QueuedCall[] = [];
    for (const call of this.#waiting) {
      if (isHeld(call)) break;
      if (batch.length > 0 && (ops + call.ops.length > MAX_REQUEST_OPS || bytes + call.bytes > MAX_REQUEST_BYTES))
        break;
      ops += call.ops.length;
      bytes += call.bytes;
      batch.push(call);
    }
    this.#waitingBytes -= bytes;
    this.#waiting.splice(0, batch.length);
    return batch;
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

function isHeld(entry: QueuedCall | HeldPlace): entry is HeldPlace {
  return 'later' in entry;
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
