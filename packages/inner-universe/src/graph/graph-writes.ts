import { EntityNotFoundError, RelationNotFoundError, type Timers } from '@inner-universe/nerv';
import { targetOf, type GraphOperation } from '@inner-universe/nerv/graph/replica';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';
import type { GraphReads } from './graph-reads.ts';
import type { StoredEntity, StoredRelation } from './graph-rows.ts';
import type { GraphWriter } from './graph-writer.ts';
import type { LiveGraph } from './live-graph.ts';

/**
 * How a write of a graph over the module is made. Called off before it is sent, it is not sent any more; later it may be
 * applied all the same.
 */
export interface GraphWriteOptions extends CallOptions {
  /**
   * Shows it at once, marked `pending`, as far as what it is about is held here; taken back if it is refused. Offline it
   * stays so. Default: what the graph was made with.
   */
  readonly optimistic?: boolean | undefined;
}

interface GraphWritesParts {
  readonly writer: GraphWriter;
  readonly reads: GraphReads;
  readonly live: LiveGraph;
  /** Where a call does not say. */
  readonly optimistic: boolean;
  readonly timers: Timers | undefined;
  /** Throws when the graph is closed. */
  readonly assertOpen: () => void;
}

/** Makes writes: each resolves when it is written, and told to those who subscribed here before. */
export class GraphWrites {
  readonly #parts: GraphWritesParts;

  constructor(parts: GraphWritesParts) {
    this.#parts = parts;
  }

  /** All of them, or none. */
  async write(operations: readonly GraphOperation[], options: GraphWriteOptions): Promise<void> {
    await this.#within(options, (call) =>
      this.#showing(operations, options, () => this.#parts.writer.write(operations, call)),
    );
  }

  /** One write of an entity; gives what it has become. */
  entity(operation: GraphOperation, options: GraphWriteOptions): Promise<StoredEntity> {
    return this.#within(options, async (call) => {
      await this.#one(operation, options, call);
      const id = targetOf(operation);
      const [row] = await this.#parts.reads.entitiesById([id]);
      if (row === undefined) throw new EntityNotFoundError(id); // somebody deleted it in between
      return row;
    });
  }

  /** As `entity`. */
  relation(operation: GraphOperation, options: GraphWriteOptions): Promise<StoredRelation> {
    return this.#within(options, async (call) => {
      await this.#one(operation, options, call);
      const id = targetOf(operation);
      const [row] = await this.#parts.reads.relationsById([id]);
      if (row === undefined) throw new RelationNotFoundError(id); // as above
      return row;
    });
  }

  /** Whoever waits for what is called off hears of it at once; the write is called off as far as it still can be. */
  #within<T>({ signal, timeoutMs }: GraphWriteOptions, work: (call: CallOptions) => Promise<T>): Promise<T> {
    return runWithin('graph.write', { signal, timeoutMs }, (ending) => work({ signal: ending }), this.#parts.timers);
  }

  #one(operation: GraphOperation, options: GraphWriteOptions, call: CallOptions): Promise<void> {
    const { writer } = this.#parts;
    return this.#showing([operation], options, () =>
      operation.type === 'update-entity' || operation.type === 'update-relation'
        ? writer.update(operation, call)
        : writer.write([operation], call),
    );
  }

  async #showing(
    operations: readonly GraphOperation[],
    { optimistic = this.#parts.optimistic }: GraphWriteOptions,
    send: () => Promise<void>,
  ): Promise<void> {
    const { live, assertOpen } = this.#parts;
    assertOpen();
    const shown = optimistic ? live.show(operations) : undefined;
    try {
      await live.begun();
      await send();
    } catch (error) {
      if (shown !== undefined) live.refuse(shown);
      throw error;
    }
    if (shown !== undefined) live.answer(shown);
    await live.settle();
  }
}
