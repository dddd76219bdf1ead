import type { EventOf, NervEvent } from '../events/event.ts';
import { compilePattern, type EventPattern } from '../events/pattern.ts';

/** How many event types a projection remembers the reducers of; with more it looks them up anew. */
const MAX_TYPES = 1000;

/** What is done with the events of each pattern, in this order. */
export type ReducersByPattern<Target, M extends object, P extends string, Result> = {
  readonly [K in P]: (target: Target, event: EventOf<M, K>) => Result;
};

/** A reducer that is given only events which its pattern matches. */
export type Reducer<Target, Result> = (target: Target, event: NervEvent) => Result;

/** The reducers of one projection. */
export class ReducerTable<Target, Result> {
  readonly #reducers: readonly {
    readonly pattern: EventPattern;
    readonly reduce: Reducer<Target, Result>;
  }[];
  readonly #byType = new Map<string, readonly Reducer<Target, Result>[]>();

  /** @throws NervError `event/invalid-pattern` */
  constructor(on: object) {
    this.#reducers = Object.entries(on).map(([pattern, reduce]: [string, unknown]) => ({
      pattern: compilePattern(pattern),
      // What the definition's type says of each member.
      reduce: reduce as Reducer<Target, Result>,
    }));
  }

  /** Those whose pattern matches, in the order of the definition. */
  of(type: string): readonly Reducer<Target, Result>[] {
    return this.#byType.get(type) ?? this.#find(type);
  }

  #find(type: string): readonly Reducer<Target, Result>[] {
    const found = this.#reducers.filter(({ pattern }) => pattern.matches(type)).map(({ reduce }) => reduce);
    if (this.#byType.size >= MAX_TYPES) this.#byType.clear();
    this.#byType.set(type, found);
    return found;
  }
}
