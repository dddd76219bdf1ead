/*
 * What handlers do in the universe. Invariants:
 * - Everything of one event is in one request, together with the advance past it.
 * - A request is within the module's limits: events whose effects do not fit together go one after the other.
 */
import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { opByteLength } from '../client/op-size.ts';
import { NervPersistenceError } from '../errors.ts';
import type { StateHeads } from './state-effects.ts';
import type { WaitingEvent } from './log-pass.ts';

/** What a request has room for beside what handlers do: a letter that is parked or taken away. */
const RESERVED_OPS = 1;
const RESERVED_BYTES = 4_096;
const OPS_MAX = MAX_REQUEST_OPS - RESERVED_OPS;
const BYTES_MAX = MAX_REQUEST_BYTES - RESERVED_BYTES;

/** What one handler did, ready to be sent. */
export interface Effects {
  readonly ops: readonly Op[];
  /** Pieces of large values, which go before: they are named by their contents, and nobody sees them alone. */
  readonly chunks: readonly Op[];
  readonly bytes: number;
  /** Where its commits left the branches they were made on. */
  readonly heads: StateHeads;
}

/** @throws {NervPersistenceError} `consumer/effects-too-large` for what no single request takes */
export function makeEffects(ops: readonly Op[], chunks: readonly Op[], heads: StateHeads): Effects {
  const bytes = ops.reduce((sum, op) => sum + opByteLength(op), 0);
  if (ops.length > OPS_MAX || bytes > BYTES_MAX) {
    throw new NervPersistenceError(
      'consumer/effects-too-large',
      `The handler made ${ops.length} ops of ${bytes} bytes for one event; at most ${OPS_MAX} of ${BYTES_MAX} bytes fit ` +
        'into the transaction that advances past it. Do less there, or publish events for others to do the rest.',
      { details: { ops: ops.length, bytes, opsMax: OPS_MAX, bytesMax: BYTES_MAX } },
    );
  }
  return { ops, chunks, bytes, heads };
}

/** Events that were handled, and advance together. */
export class EffectBatch {
  readonly events: WaitingEvent[] = [];
  readonly ops: Op[] = [];
  readonly chunks: Op[] = [];
  /** Where the commits of this batch left their branches; later ones build on that. */
  heads: StateHeads;
  #bytes = 0;

  constructor(heads: StateHeads = new Map()) {
    this.heads = heads;
  }

  fits(effects: Effects): boolean {
    return this.ops.length + effects.ops.length <= OPS_MAX && this.#bytes + effects.bytes <= BYTES_MAX;
  }

  add(event: WaitingEvent, effects: Effects): void {
    this.events.push(event);
    this.ops.push(...effects.ops);
    this.chunks.push(...effects.chunks);
    this.heads = effects.heads;
    this.#bytes += effects.bytes;
  }
}
