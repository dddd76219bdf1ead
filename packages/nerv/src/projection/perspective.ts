/**
 * Named views of a state, with parameters, made anew only when what they are made of changed.
 *
 * Invariants:
 * - The same parts of the state and the same parameter give the very same result, without a call of `view`.
 * - A result equal to the one before is the one before.
 * - Subscribers of a perspective's view are told when its result changed, and only then.
 */
import { NervError } from '../errors.ts';
import { Observers } from '../events/observers.ts';
import { systemReport } from '../ids/system.ts';
import { stringify } from '../values/encode.ts';
import { isSame, Memo, type MemoRules } from './memo.ts';
import type { StateSource, StateSubscription } from './state-source.ts';

/** The results of how many parameters a perspective remembers for one source. */
const DEFAULT_KEEP = 100;

/** What a perspective is. Its functions are pure. */
export interface PerspectiveOptions<Result> {
  readonly name: string;
  /** Which results are no change. Default: the same value, or a list or plain object of the same parts. */
  readonly equals?: ((a: Result, b: Result) => boolean) | undefined;
  /** How many parameters' results are remembered, the last used ones; default 100. */
  readonly keep?: number | undefined;
  /** Called with what subscribers throw, and with what `view` throws while they are subscribed; default the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A perspective of the whole state. */
export interface WholePerspective<State, Param, Result> extends PerspectiveOptions<Result> {
  readonly select?: undefined;
  readonly view: (state: State, param: Param) => Result;
}

/** A perspective of a part of the state, or of several as a list or record of at most 64. */
export interface PartPerspective<State, Param, Part, Result> extends PerspectiveOptions<Result> {
  readonly select: (state: State, param: Param) => Part;
  /** Called when a part is another than before. */
  readonly view: (part: Part, param: Param) => Result;
}

/** The parameter, which may be left out where it may be undefined. */
export type ParamArguments<Param> = undefined extends Param ? [param?: Param] : [param: Param];

/** Makes a perspective. A `select` that asks other perspectives (`of`) builds on them. */
export function makePerspective<State, Result, Param = undefined>(
  definition: WholePerspective<State, Param, Result>,
): Perspective<State, Param, Result>;
export function makePerspective<State, Part, Result, Param = undefined>(
  definition: PartPerspective<State, Param, Part, Result>,
): Perspective<State, Param, Result>;
export function makePerspective<State, Param, Result>(
  definition: WholePerspective<State, Param, Result> | PartPerspective<State, Param, unknown, Result>,
): Perspective<State, Param, Result> {
  return new Perspective(definition);
}

/** A named view of a state, with a parameter. Parameters are told apart by value: plain data, as `values` stores it. */
export class Perspective<State, Param, Result> {
  readonly name: string;
  readonly #rules: MemoRules<State, Param>;
  readonly #keep: number;
  readonly #report: (error: unknown) => void;
  #ofStates = new Map<unknown, Memo<State, Param>>();
  #ofSources = new WeakMap<object, Map<unknown, Memo<State, Param>>>();

  /** For `makePerspective`, which sees to the types. */
  constructor(definition: WholePerspective<State, Param, Result> | PartPerspective<State, Param, unknown, Result>) {
    const { name, select, view, equals = isSame, keep = DEFAULT_KEEP, onError } = definition;
    this.name = name;
    this.#keep = keep;
    this.#report = onError ?? ((error) => systemReport(`Perspective '${name}' failed:`, error));
    this.#rules = {
      select: select ?? ((state) => state),
      // A view is given what its `select` gave, or else the state; results are compared with results alone.
      view: view as MemoRules<State, Param>['view'],
      equals: equals as MemoRules<State, Param>['equals'],
    };
  }

  /** The result for a state. @throws NervError `projection/view-failed`; `value/unsupported` for a wrong parameter */
  of(state: State, ...[param]: ParamArguments<Param>): Result {
    // A parameter that was left out may be undefined, says its type.
    return this.#resultOf(this.#memo(this.#ofStates, param as Param), state, param as Param);
  }

  /** The result for a source as it changes, to be disposed of. @throws as `of` */
  on(source: StateSource<State>, ...[param]: ParamArguments<Param>): PerspectiveView<Result> {
    let memos = this.#ofSources.get(source);
    if (memos === undefined) this.#ofSources.set(source, (memos = new Map()));
    const memo = this.#memo(memos, param as Param);
    const resultOf = (): Result => this.#resultOf(memo, source.state, param as Param);
    return new PerspectiveView(source, resultOf, this.#report);
  }

  /** Forgets all results. Views that are there keep theirs. */
  clear(): void {
    this.#ofStates = new Map();
    this.#ofSources = new WeakMap();
  }

  #memo(memos: Map<unknown, Memo<State, Param>>, param: Param): Memo<State, Param> {
    const key = keyOf(param);
    const known = memos.get(key);
    const memo = known ?? new Memo(this.#rules, param);
    // The last used ones stay.
    if (known !== undefined && memos.size > 1) memos.delete(key);
    memos.set(key, memo);
    if (memos.size > this.#keep) for (const oldest of [...memos.keys()].slice(0, 1)) memos.delete(oldest);
    return memo;
  }

  #resultOf(memo: Memo<State, Param>, state: State, param: Param): Result {
    try {
      // What `view` gave.
      return memo.of(state) as Result;
    } catch (cause) {
      throw new NervError('projection/view-failed', `Perspective '${this.name}' failed; its cause tells where.`, {
        details: { perspective: this.name, param },
        cause,
      });
    }
  }
}

/** A perspective's result as its source changes. It is a source itself, so that perspectives stand on one another. */
export class PerspectiveView<Result> implements StateSource<Result> {
  readonly #source: StateSource<unknown>;
  readonly #resultOf: () => Result;
  readonly #subscribers: Observers<readonly [result: Result, previous: Result]>;
  readonly #report: (error: unknown) => void;
  #upstream: { unsubscribe(): void } | undefined;
  #isDisposed = false;
  #result: Result;

  /** For `Perspective.on`. */
  constructor(source: StateSource<unknown>, resultOf: () => Result, report: (error: unknown) => void) {
    this.#source = source;
    this.#resultOf = resultOf;
    this.#report = report;
    this.#subscribers = new Observers(report, () => this.#leave());
    this.#result = resultOf();
  }

  /** The result now; once disposed of, the last there was. @throws NervError `projection/view-failed` */
  get state(): Result {
    if (!this.#isDisposed) {
      const result = this.#resultOf();
      // Subscribers are told by the source alone, of what they do not know.
      if (this.#upstream !== undefined) return result;
      this.#result = result;
    }
    return this.#result;
  }

  /** Calls the handler with each new result and the one before it. What it throws is reported and harms nobody else. */
  subscribe(handler: (result: Result, previous: Result) => unknown): StateSubscription {
    if (this.#isDisposed) {
      const subscription = this.#subscribers.add(handler);
      subscription.unsubscribe();
      return subscription;
    }
    if (this.#upstream === undefined) {
      this.#result = this.#resultOf();
      this.#upstream = this.#source.subscribe(() => this.#update());
    }
    return this.#subscribers.add(handler);
  }

  /** Ends its subscriptions; the result stays as it is. Twice is harmless. */
  dispose(): void {
    this.#isDisposed = true;
    this.#subscribers.clear();
    this.#leave();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #update(): void {
    try {
      const previous = this.#result;
      this.#result = this.#resultOf();
      if (!Object.is(previous, this.#result)) this.#subscribers.tell(this.#result, previous);
    } catch (error) {
      this.#report(error);
    }
  }

  #leave(): void {
    this.#upstream?.unsubscribe();
    this.#upstream = undefined;
  }
}

/** Several sources as one, whose state is the record of theirs. The record is the same as long as they are. */
export function combineStates<States extends Record<string, unknown>>(sources: {
  readonly [K in keyof States]: StateSource<States[K]>;
}): StateSource<Readonly<States>> {
  const parts: readonly [string, StateSource<unknown>][] = Object.entries<StateSource<unknown>>(sources);
  let last: Readonly<States> | undefined;
  return {
    get state() {
      // One state for each source, under its name.
      const state = Object.fromEntries(parts.map(([name, source]) => [name, source.state])) as States;
      last = last !== undefined && isSame(last, state) ? last : state;
      return last;
    },
    subscribe(handler) {
      const subscriptions = parts.map(([, source]) => source.subscribe(() => handler()));
      return {
        unsubscribe: () => subscriptions.forEach((subscription) => subscription.unsubscribe()),
      };
    },
  };
}

function keyOf(param: unknown): unknown {
  return typeof param === 'object' && param !== null ? `\u0000${stringify(param)}` : param;
}
