/*
 * The requests that were put together and are not answered, in order. Invariants:
 * - the first ones are on their way, at most `requestsMax` of them; each but the first says which one it comes after, so
 *   that the module takes none whose predecessor it refused;
 * - after a failure nothing is sent until everything on its way has been answered: then it is known what was applied.
 */
import { MAX_ID_BYTES, MAX_REQUEST_BYTES, MAX_REQUEST_OPS } from '@inner-universe/module/wire';
import type { QueuedRequest } from './queued-write.ts';
import type { BatchLimits } from './request-batch.ts';

export interface RequestWindowOptions {
  /** Requests on their way at once, at most. */
  readonly requestsMax: number;
  /** Whether the module takes a request only after another one, if asked to. Without that one is on its way at a time. */
  readonly isOrdered: () => boolean;
}

/** A request that failed, and why. */
export interface FailedRequest {
  readonly request: QueuedRequest;
  readonly error: unknown;
}

/** What may be in a request beside the op that says which one it comes after. */
const FOLLOWING: BatchLimits = { opsMax: MAX_REQUEST_OPS - 1, bytesMax: MAX_REQUEST_BYTES - MAX_ID_BYTES };

/** Says what may be sent, and what it comes after. */
export class RequestWindow {
  readonly #options: RequestWindowOptions;
  readonly #requests: QueuedRequest[] = [];
  /** How many are on their way, or failed: the first ones. */
  #sent = 0;
  #sentBytes = 0;
  #failed = 0;

  constructor(options: RequestWindowOptions) {
    this.#options = options;
  }

  /** All, in order. */
  get requests(): readonly QueuedRequest[] {
    return this.#requests;
  }

  /** The first that is not on its way. */
  get next(): QueuedRequest | undefined {
    return this.#requests[this.#sent];
  }

  /** Whether nothing is on its way. */
  get isIdle(): boolean {
    return this.#sent === 0;
  }

  /** Whether something may be sent now: `mayFollow` says what, unless nothing is on its way. */
  get isOpen(): boolean {
    if (this.#failed > 0) return false;
    if (this.#sent === 0) return true;
    if (this.#sent >= this.#options.requestsMax || this.#sentBytes >= MAX_REQUEST_BYTES) return false;
    return this.#options.isOrdered() && !this.#requests.some(({ isSent, isUnsure }) => isSent && isUnsure);
  }

  /** Whether something failed, and nothing is on its way any more. */
  get hasFailed(): boolean {
    return this.#failed > 0 && this.#failed === this.#sent;
  }

  /** The limits of a request that follows others on their way. */
  limitsBehind({ opsMax, bytesMax }: BatchLimits): BatchLimits {
    return { opsMax: Math.min(opsMax, FOLLOWING.opsMax), bytesMax: Math.min(bytesMax, FOLLOWING.bytesMax) };
  }

  /**
   * Whether a request may be sent while others are on their way. One that may have been applied before, as one with an id
   * of its caller's may, would be taken whatever became of those it comes after, and let others pass.
   */
  mayFollow({ parts, bytes, isUnsure }: QueuedRequest): boolean {
    if (isUnsure || parts[0]?.write.requestId !== undefined) return false;
    const ops = parts.reduce((sum, part) => sum + part.ops.length, 0);
    return ops <= FOLLOWING.opsMax && bytes <= FOLLOWING.bytesMax;
  }

  /** Adds a request, by default as the last. */
  insert(request: QueuedRequest, index: number = this.#requests.length): void {
    this.#requests.splice(index, 0, request);
  }

  /** The next request is on its way. */
  begin(request: QueuedRequest): void {
    request.after = this.#requests[this.#sent - 1]?.requestId;
    request.isSent = true;
    this.#sent += 1;
    this.#sentBytes += request.bytes;
  }

  /** A request on its way was applied. */
  noteApplied(request: QueuedRequest): void {
    this.remove(request);
    this.#sent -= 1;
    this.#sentBytes -= request.bytes;
  }

  /** A request on its way failed: it stays as it is until everything on its way has been answered. */
  noteFailed(request: QueuedRequest, error: unknown): void {
    request.failure = { error };
    this.#failed += 1;
  }

  /** Takes what failed, in order; all of it counts as not sent. */
  takeFailed(): readonly FailedRequest[] {
    const failed: FailedRequest[] = [];
    for (const request of this.#requests.slice(0, this.#sent)) {
      if (request.failure !== undefined) failed.push({ request, error: request.failure.error });
      request.failure = undefined;
      request.isSent = false;
      request.isUnsure = false;
    }
    this.#sent = 0;
    this.#sentBytes = 0;
    this.#failed = 0;
    return failed;
  }

  /** Takes a request out; gives where it was. */
  remove(request: QueuedRequest): number {
    const index = this.#requests.indexOf(request);
    this.#requests.splice(index, 1);
    return index;
  }
}
