import type { Op } from '@inner-universe/module/wire';
import type { IdSource } from '@inner-universe/nerv';
import type { OperationFactory } from '@inner-universe/nerv/graph/replica';
import type { Change } from '@inner-universe/nerv/temporal';
import { NervPersistenceError } from '../errors.ts';
import { ScopedBatchBuilder, type ScopedGraphBatch } from '../graph/scoped-batch.ts';
import { makeEffects, type Effects } from './effects.ts';
import { makeEventEffect, type EffectPublishOptions, type EventEffectParts } from './event-effects.ts';
import type { GraphEffects } from './graph-effects.ts';
import type { EffectCommitOptions, StateEffects, StateHeads } from './state-effects.ts';

/**
 * What a handler does in the universe for one event. All of it, and the advance past the event, is one transaction:
 * it is there once, or not at all. Nothing of it can be seen before the handler is done.
 */
export interface ConsumerTransaction {
  readonly partition: number;
  /** 1 at first, more when the handler failed before, as far as this worker knows. */
  readonly attempt: number;
  /** Aborted when the partition was lost: whatever is done from then on is done by somebody else too. */
  readonly signal: AbortSignal;
  /** Publishes an event; gives its id. @throws `event/invalid`, `value/unsupported` */
  publish(type: string, data?: unknown, options?: EffectPublishOptions): string;
  /** Writes to the graph, in any scope by `graph.inScope`. */
  readonly graph: ScopedGraphBatch;
  /**
   * Commits to a store on top of what is recorded now; gives the version's id. If somebody else commits meanwhile, the
   * handler runs again. @throws `state/branch-not-found` for a store without versions and no `initial`
   */
  commit<S>(store: string, change: Change<S>, options?: EffectCommitOptions<S>): Promise<string>;
  /** Adds ops of the module as they are. */
  write(ops: readonly Op[]): void;
}

/** What transactions are made with. */
export interface TransactionParts {
  readonly ids: IdSource;
  readonly events: EventEffectParts;
  readonly states: StateEffects;
  readonly graph: GraphEffects;
  readonly operations: () => OperationFactory;
}

/** What one call of a handler is about. */
export interface Handling {
  readonly partition: number;
  readonly attempt: number;
  readonly signal: AbortSignal;
  /** Where commits of the same batch left their branches. */
  readonly heads: StateHeads;
}

type Step = () => Promise<{ readonly ops: readonly Op[]; readonly chunks: readonly Op[] }>;

/** A transaction while its handler runs. */
export class OpenTransaction implements ConsumerTransaction {
  readonly partition: number;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly #parts: TransactionParts;
  readonly #builder: ScopedBatchBuilder;
  readonly #graph: ScopedGraphBatch;
  readonly #steps: Step[] = [];
  #heads: StateHeads;
  /** How many of the builder's operations have their place among the steps. */
  #placed = 0;
  #commits: Promise<unknown> = Promise.resolve();
  /** The first commit that failed, also when its handler did not wait for it. */
  #failed: { readonly error: unknown } | undefined;
  #isEnded = false;

  constructor(parts: TransactionParts, { partition, attempt, signal, heads }: Handling) {
    this.partition = partition;
    this.attempt = attempt;
    this.signal = signal;
    this.#parts = parts;
    this.#heads = heads;
    this.#builder = new ScopedBatchBuilder(parts.operations());
    this.#graph = this.#builder;
  }

  get graph(): ScopedGraphBatch {
    this.#assertOpen();
    return this.#graph;
  }

  publish(type: string, data?: unknown, options: EffectPublishOptions = {}): string {
    this.#assertOpen();
    const id = options.id ?? this.#parts.ids.nextId();
    this.#add(makeEventEffect({ id, type, data, options }, this.#parts.events));
    return id;
  }

  commit<S>(store: string, change: Change<S>, options: EffectCommitOptions<S> = {}): Promise<string> {
    this.#assertOpen();
    const made: { ops: readonly Op[]; chunks: readonly Op[] } = { ops: [], chunks: [] };
    this.#add(async () => made);
    const committed = this.#commits.then(async () => {
      // The change takes what the store holds, which is the caller's to know.
      const request = { store, change: change as Change<unknown>, options };
      const { versionId, ops, chunks, heads } = await this.#parts.states.commit(request, this.#heads);
      Object.assign(made, { ops, chunks });
      this.#heads = heads;
      return versionId;
    });
    this.#commits = committed.catch((error: unknown) => void (this.#failed ??= { error }));
    return committed;
  }

  write(ops: readonly Op[]): void {
    this.#assertOpen();
    const given = { ops: [...ops], chunks: [] };
    this.#add(async () => given);
  }

  /** Ends it, and gives what is to be sent. @throws what a commit failed with; `consumer/effects-too-large` */
  async finish(): Promise<Effects> {
    this.#isEnded = true;
    await this.#commits;
    if (this.#failed !== undefined) throw this.#failed.error;
    this.#placeGraph();
    const ops: Op[] = [];
    const chunks: Op[] = [];
    for (const step of this.#steps) {
      const made = await step();
      ops.push(...made.ops);
      chunks.push(...made.chunks);
    }
    return makeEffects(ops, chunks, this.#heads);
  }

  /** Ends it: nothing of it is sent. */
  abandon(): void {
    this.#isEnded = true;
  }

  #add(step: Step): void {
    this.#placeGraph();
    this.#steps.push(step);
  }

  /** What was done to the graph so far comes before what is added next. */
  #placeGraph(): void {
    const operations = this.#builder.operations.slice(this.#placed);
    this.#placed += operations.length;
    if (operations.length > 0) this.#steps.push(() => this.#parts.graph.make(operations));
  }

  #assertOpen(): void {
    if (!this.#isEnded) return;
    throw new NervPersistenceError(
      'consumer/transaction-ended',
      'The handler of this event is done, and what it did is on its way. Await everything before the handler returns.',
    );
  }
}
