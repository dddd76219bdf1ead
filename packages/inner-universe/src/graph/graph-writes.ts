import type { Timers } from '@inner-universe/nerv';
import { targetOf } from '@inner-universe/nerv/graph/replica';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';
import { makeNotVisible } from '../errors.ts';
import type { GraphReads } from './graph-reads.ts';
import type { StoredEntity, StoredRelation } from './graph-rows.ts';
import type { GraphWriter } from './graph-writer.ts';
import type { LiveGraph } from './live-graph.ts';
import type { ScopedOperation } from './scoped-batch.ts';
import type { GraphWriteOptions } from './write-options.ts';

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
  async write(operations: readonly ScopedOperation[], options: GraphWriteOptions): Promise<void> {
    await this.#within(options, (call) =>
      this.#showing(operations, options, () => this.#parts.writer.write(operations, call)),
    );
  }

  /** One write of an entity; gives what it has become. */
  entity(operation: ScopedOperation, options: GraphWriteOptions): Promise<StoredEntity> {
    return this.#within(options, async (call) => {
      await this.#one(operation, options, call);
      const id = targetOf(operation);
      const [row] = await this.#parts.reads.entitiesById([id]);
      if (row === undefined) throw makeNotVisible('entity', id); // deleted in between, or to be read by others only
      return row;
    });
  }

  /** As `entity`. */
  relation(operation: ScopedOperation, options: GraphWriteOptions): Promise<StoredRelation> {
    return this.#within(options, async (call) => {
      await this.#one(operation, options, call);
      const id = targetOf(operation);
      const [row] = await this.#parts.reads.relationsById([id]);
      if (row === undefined) throw makeNotVisible('relation', id); // as above
      return row;
    });
  }

  /** Whoever waits for what is called off hears of it at once; the write is called off as far as it still can be. */
  #within<T>({ signal, timeoutMs }: GraphWriteOptions, work: (call: CallOptions) => Promise<T>): Promise<T> {
    return runWithin('graph.write', { signal, timeoutMs }, (ending) => work({ signal: ending }), this.#parts.timers);
  }

  #one(operation: ScopedOperation, options: GraphWriteOptions, call: CallOptions): Promise<void> {
    const { writer } = this.#parts;
    return this.#showing([operation], options, () =>
      operation.type === 'update-entity' || operation.type === 'update-relation'
        ? writer.update(operation, call)
        : writer.write([operation], call),
    );
  }

  async #showing(
    operations: readonly ScopedOperation[],
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
