// What a reader sees: confirmed data, and over it the reader's own requests that nobody has answered yet, in order.
//
// - What is seen is always: the confirmed data, then each pending request that applies, in the order they were added.
// - A request that no longer applies stays in its place and is tried again whenever it is put back; that it stopped
//   applying is told once, as its conflict, until it applies again.
// - Each call gives one notice, with the net change, or none if nothing changed.
// - At most `limit` requests are pending.

import { assert } from '../assert.ts';
import { NervError } from '../errors.ts';

/** Whether a request could be put over what was there; `undo` takes it off again, everything after it being off. */
export type PutOutcome =
  | { readonly type: 'applied'; readonly undo: () => void }
  | { readonly type: 'conflict'; readonly reason: unknown };

/** The data that readers see, as far as an overlay handles it. None of its methods may throw. */
export interface OverlayTarget<Request, Confirmed, Change> {
  put(request: Request): PutOutcome;
  confirm(confirmed: Confirmed): void;
  /** What readers see changed since this was last asked; undefined if nothing, or if the target tells them itself. */
  takeChange(): Change | undefined;
}

/** A request that waits for its answer. `conflict` is why it does not apply now; undefined if it does. */
export interface PendingRequest<Request> {
  readonly id: string;
  readonly request: Request;
  readonly conflict: { readonly reason: unknown } | undefined;
}

/** A request that just stopped applying. */
export interface PendingConflict<Request> {
  readonly id: string;
  readonly request: Request;
  readonly reason: unknown;
}

/**
 * What there is to tell subscribers, once: the net change of what they see, whether it is a wish or confirmed, which
 * requests were answered by it, and which no longer apply.
 */
export interface PendingNotice<Request, Change> {
  readonly origin: 'pending' | 'confirmed';
  readonly change: Change | undefined;
  readonly settled: readonly string[];
  readonly conflicts: readonly PendingConflict<Request>[];
}

/** How much may be pending; default 1,024 requests. */
export interface PendingOptions {
  readonly limit?: number | undefined;
}

const DEFAULT_LIMIT = 1024;

interface Entry<Request> {
  readonly id: string;
  readonly request: Request;
  outcome: PutOutcome;
}

/** The pending requests over one target. Pure bookkeeping: the owner sends requests, and passes notices on. */
export class PendingOverlay<Request, Confirmed, Change> {
  readonly #target: OverlayTarget<Request, Confirmed, Change>;
  readonly #limit: number;
  #entries: Entry<Request>[] = [];

  constructor(target: OverlayTarget<Request, Confirmed, Change>, options: PendingOptions = {}) {
    this.#target = target;
    this.#limit = options.limit ?? DEFAULT_LIMIT;
  }

  /** The requests that wait, in the order they were added. */
  get pending(): readonly PendingRequest<Request>[] {
    return this.#entries.map(({ id, request, outcome }) => ({
      id,
      request,
      conflict: outcome.type === 'conflict' ? { reason: outcome.reason } : undefined,
    }));
  }

  /**
   * Puts a request over all there is. One that does not apply from the start is not kept: its notice has the conflict.
   * @throws NervError `pending/limit`, or `pending/conflict` if a request of that id waits already
   */
  add(id: string, request: Request): PendingNotice<Request, Change> | undefined {
    if (this.#entries.some((entry) => entry.id === id)) throw idWaits(id);
    if (this.#entries.length >= this.#limit) throw tooMany(this.#limit);
    const outcome = this.#target.put(request);
    if (outcome.type === 'conflict') {
      return this.#notice('pending', [], [{ id, request, reason: outcome.reason }]);
    }
    this.#entries.push({ id, request, outcome });
    return this.#notice('pending', [], []);
  }

  /** Takes confirmed data in under the pending requests. Those it answers, named by id, wait no longer. */
  confirm(confirmed: Confirmed, settled: readonly string[] = []): PendingNotice<Request, Change> | undefined {
    return this.#rebuild(settled, 0, () => this.#target.confirm(confirmed));
  }

  /** Takes a request off that was refused, or given up. A request that does not wait is nothing to take off. */
  refuse(id: string): PendingNotice<Request, Change> | undefined {
    const place = this.#entries.findIndex((entry) => entry.id === id);
    return place < 0 ? undefined : this.#rebuild([id], place, () => undefined);
  }

  // Takes off the requests from a place on, changes what lies under them, and puts back those that still wait.
  #rebuild(settled: readonly string[], from: number, change: () => void): PendingNotice<Request, Change> | undefined {
    const taken = this.#entries.splice(from);
    for (const { outcome } of [...taken].reverse()) {
      if (outcome.type === 'applied') outcome.undo();
    }
    change();
    const gone = new Set(settled);
    const conflicts: PendingConflict<Request>[] = [];
    for (const { id, request, outcome: before } of taken) {
      if (gone.has(id)) continue;
      const outcome = this.#target.put(request);
      this.#entries.push({ id, request, outcome });
      if (outcome.type === 'conflict' && before.type === 'applied') {
        conflicts.push({ id, request, reason: outcome.reason });
      }
    }
    assert(this.#entries.length <= this.#limit, 'no more requests wait than may');
    return this.#notice(
      'confirmed',
      taken.filter(({ id }) => gone.has(id)).map(({ id }) => id),
      conflicts,
    );
  }

  #notice(
    origin: 'pending' | 'confirmed',
    settled: readonly string[],
    conflicts: readonly PendingConflict<Request>[],
  ): PendingNotice<Request, Change> | undefined {
    const change = this.#target.takeChange();
    if (change === undefined && settled.length === 0 && conflicts.length === 0) return undefined;
    return { origin, change, settled, conflicts };
  }
}

function idWaits(id: string): NervError {
  return new NervError('pending/conflict', `A request '${id}' is pending already. Give each request its own id.`, {
    details: { id },
  });
}

function tooMany(limit: number): NervError {
  return new NervError(
    'pending/limit',
    `${limit} requests wait for their answer, which is the limit. Wait for some of them, or go on without the overlay.`,
    { details: { limit }, retryable: true },
  );
}
