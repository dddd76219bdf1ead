import type { Op } from '@inner-universe/module/wire';
import type { CallOptions } from '../connection/connection.ts';
import type { Watchable } from '../connection/watched.ts';

/**
 * Where a write of the outbox stands. `pending`: it waits to be sent, or for its answer. `blocked`: the same, and
 * `reason` says what keeps it and all others from being sent. `rejected`: it was refused and set aside.
 */
export type WorkState = 'pending' | 'blocked' | 'rejected';

/** Why a write is blocked or was rejected. */
export interface WorkReason {
  /** The code of the error, `area/what`. */
  readonly code: string;
  readonly message: string;
  /** Plain data with the ids. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** A write that lies in the outbox: one call of `publish`, `commit`, `createEntity` and so on. */
export interface WorkItem {
  /** Stays the same over restarts and retries. */
  readonly id: string;
  readonly state: WorkState;
  /** When it was made. */
  readonly since: Date;
  /** How often it was sent, as far as known here. */
  readonly attempts: number;
  /** What it writes, in order; pieces of large values (`uploadChunk`) come before what refers to them. */
  readonly ops: readonly Op[];
  /** About how many bytes its ops take. */
  readonly bytes: number;
  /** Undefined while it is pending. */
  readonly reason: WorkReason | undefined;
}

/** How much lies in the outbox. Frozen; a new object for each change. */
export interface WorkSummary {
  readonly pending: number;
  readonly blocked: number;
  readonly rejected: number;
  /** About how many bytes the ops of all of them take. */
  readonly bytes: number;
}

/** What became of a write that lay in the outbox. */
export interface WorkOutcome {
  readonly id: string;
  readonly ops: readonly Op[];
  readonly outcome: 'applied' | 'rejected' | 'discarded';
  /** Why it was rejected. */
  readonly error?: unknown;
}

/**
 * The writes that are kept here until the server has answered. Empty for ever where there is no outbox. A call that is
 * called off goes on: nobody waits for it any more.
 */
export interface Work {
  /** How much there is, to be watched. */
  readonly summary: Watchable<WorkSummary>;
  /** The writes that lie here durably, in the order in which they were made; those of one state alone if it is given. */
  list(state?: WorkState): readonly WorkItem[];
  /** The ops of what is pending or blocked, from before a restart too, in order. */
  unconfirmed(): readonly Op[];
  /** Calls the listener when a write that lay here is answered or discarded, once each; the result ends that. */
  onOutcome(listener: (outcome: WorkOutcome) => void): () => void;
  /**
   * Makes a rejected write pending again, behind all others; resolves when that is durable.
   * @throws {NervPersistenceError} `outbox/not-rejected`
   */
  retry(id: string, options?: CallOptions): Promise<void>;
  /**
   * Forgets a rejected write, or one that was never sent; resolves when that is durable.
   * @throws {NervPersistenceError} `outbox/not-rejected` for one that may have been applied
   */
  discard(id: string, options?: CallOptions): Promise<void>;
  /**
   * Says why a rejected write is given up, in place of what the server answered; resolves when that is durable.
   * @throws {NervPersistenceError} `outbox/not-rejected`
   */
  explain(id: string, error: unknown, options?: CallOptions): Promise<void>;
  /** Whether all behind a rejected write wait until it is retried or discarded. */
  readonly stopsAtRejected: boolean;
  /**
   * Resolves when every write made so far has been answered or is kept here durably: the moment to say "saved". A commit
   * that others came before is kept until it has been made anew; one that waits for its turn behind it is waited for. Any
   * other write whose call has to ask the server for something first is made when that has come.
   * @throws {NervPersistenceError} `outbox/storage-failed`
   */
  secured(options?: CallOptions): Promise<void>;
}
