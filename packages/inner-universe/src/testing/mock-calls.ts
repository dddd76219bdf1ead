import type { Op } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { ReadName, Reads } from '../client/reads.ts';
import { NervPersistenceError } from '../errors.ts';
import type { SpacetimeEventBus } from '../events/spacetime-event-bus.ts';
import type { SpacetimeEntityGraph } from '../graph/spacetime-entity-graph.ts';
import type { SpacetimeTemporalStore } from '../temporal/spacetime-temporal-store.ts';
import type { StateStores } from '../temporal/state-stores.ts';

/** What only a mock can throw. */
export type MockErrorCode = 'mock/not-stubbed' | 'mock/not-supported';

/** The mock cannot do what was asked: it has no module. The message says what to do instead. */
export class MockError extends NervError<MockErrorCode> {
  override readonly name: string = 'MockError';
}

/** The asynchronous methods of an object, under a prefix. */
type Operations<Prefix extends string, T> = {
  readonly [
    K in keyof T & string as T[K] extends (...args: never[]) => Promise<unknown> ? `${Prefix}.${K}` : never
  ]: T[K];
};

/**
 * Every operation that is recorded and can be stubbed: what the parts of a universe do (`events.publish`,
 * `states.open`, `store.commit`, `graph.createEntity`, …), the reducer `apply`, and the module's reads by their names.
 */
export type MockOperations = Operations<'events', SpacetimeEventBus> &
  Operations<'states', StateStores> &
  Operations<'store', SpacetimeTemporalStore<unknown>> &
  Operations<'graph', SpacetimeEntityGraph> & { readonly apply: (ops: readonly Op[]) => Promise<void> } & {
    readonly [N in ReadName]: (args: Reads[N][0]) => Promise<Reads[N][1]>;
  };

/** The name of an operation. */
export type MockOperation = keyof MockOperations;

/** The arguments of an operation. */
export type MockArguments<O extends MockOperation> = MockOperations[O] extends (...args: infer A) => unknown
  ? A
  : never;

/** What an operation resolves with. */
export type MockResult<O extends MockOperation> = MockOperations[O] extends (...args: never[]) => Promise<infer R>
  ? R
  : never;

/** Answers an operation in place of the mock: with a result, or by throwing. */
export type MockAnswer<O extends MockOperation> = (...args: MockArguments<O>) => MockResult<O> | Promise<MockResult<O>>;

/** One call that was made. */
export interface MockCall<O extends MockOperation = MockOperation> {
  readonly operation: O;
  readonly args: readonly unknown[];
}

/** How long a stub holds. */
export interface StubOptions {
  /** Calls that it answers. Default: all, until it is taken away. */
  readonly times?: number | undefined;
}

interface Stub {
  readonly answer: (...args: readonly never[]) => unknown;
  left: number;
}

/** Calls that are remembered; older ones go first. */
const CALLS_MAX = 100_000;

/** What was called, and what answers. */
export class MockCalls {
  #calls: MockCall[] = [];
  readonly #stubs = new Map<string, Stub[]>();
  #isClosed = false;

  get all(): readonly MockCall[] {
    return this.#calls;
  }

  clear(): void {
    this.#calls = [];
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The last stub of an operation answers, until it has done so as often as it was told to. The result takes it away. */
  stub<O extends MockOperation>(operation: O, answer: MockAnswer<O>, { times }: StubOptions = {}): () => void {
    const stub: Stub = { answer, left: times ?? Number.POSITIVE_INFINITY };
    const stubs = this.#stubs.get(operation) ?? [];
    stubs.push(stub);
    this.#stubs.set(operation, stubs);
    return () => {
      stub.left = 0;
    };
  }

  /** Records a call, and gives the answer of its stub, or what the mock does of itself. */
  async run(operation: string, args: readonly unknown[], perform: () => unknown): Promise<unknown> {
    if (this.#isClosed) throw new NervPersistenceError('universe/closed', 'The mock is closed. Make another one.');
    // Only operations that exist are called: the names come from the objects that have them.
    this.#calls.push({ operation: operation as MockOperation, args });
    if (this.#calls.length > CALLS_MAX) this.#calls.shift();
    const stub = this.#takeStub(operation);
    // Stubs are typed by the operation they are of.
    return stub === undefined ? perform() : stub.answer(...(args as readonly never[]));
  }

  #takeStub(operation: string): Stub | undefined {
    const stubs = this.#stubs.get(operation)?.filter(({ left }) => left > 0) ?? [];
    this.#stubs.set(operation, stubs);
    const stub = stubs.at(-1);
    if (stub !== undefined) stub.left -= 1;
    return stub;
  }
}

/** What is seen of an object from outside, which a mock can have as well. */
export type PublicOf<T> = { readonly [K in keyof T]: T[K] };

/** What of an object is not recorded: members that answer at once, and members of the mock's own. */
export interface RecordedParts {
  readonly sync: ReadonlySet<string>;
  readonly own?: Readonly<Record<string, unknown>> | undefined;
}

/** An object of NERV as the persistent one it stands for: its methods are recorded, may be stubbed, and are asynchronous. */
export function record<T extends object>(calls: MockCalls, prefix: string, target: object, parts: RecordedParts): T {
  const { sync, own = {} } = parts;
  const memberOf = (name: string | symbol): unknown =>
    typeof name === 'string' && Object.hasOwn(own, name) ? own[name] : Reflect.get(target, name, target);
  const recorded = new Proxy(target, {
    get: (_target, name) => {
      const member = memberOf(name);
      if (typeof member !== 'function') return member;
      const perform = (...args: readonly unknown[]): unknown => Reflect.apply(member, target, args);
      if (typeof name === 'symbol' || sync.has(name)) return perform;
      return (...args: readonly unknown[]) => calls.run(`${prefix}.${name}`, args, () => perform(...args));
    },
  });
  // NERV's objects and the persistent ones implement the same interfaces; `own` adds the rest. What cannot be seen from
  // outside (private members) nobody who is given a universe can ask for.
  return recorded as T;
}
