import type { OverlayTarget, PutOutcome } from './pending-overlay.ts';

/** Whether a request applies to a state, and what it makes of it. */
export type RequestOutcome<State> =
  | { readonly type: 'applied'; readonly state: State }
  | { readonly type: 'conflict'; readonly reason: unknown };

/** How immutable states take requests and confirmed data. All of it is pure. */
export interface StateRules<State, Request, Confirmed, Change> {
  readonly apply: (state: State, request: Request) => RequestOutcome<State>;
  readonly confirm: (state: State, confirmed: Confirmed) => State;
  /** What leads from one state to the other; undefined if nothing differs. */
  readonly difference: (before: State, after: State) => Change | undefined;
}

/** An overlay's target that is one immutable state: what is seen now is `current`. */
export class StateTarget<State, Request, Confirmed, Change> implements OverlayTarget<Request, Confirmed, Change> {
  readonly #rules: StateRules<State, Request, Confirmed, Change>;
  #current: State;
  #told: State;

  constructor(initial: State, rules: StateRules<State, Request, Confirmed, Change>) {
    this.#rules = rules;
    this.#current = initial;
    this.#told = initial;
  }

  get current(): State {
    return this.#current;
  }

  put(request: Request): PutOutcome {
    const before = this.#current;
    const outcome = this.#rules.apply(before, request);
    if (outcome.type === 'conflict') return outcome;
    this.#current = outcome.state;
    return {
      type: 'applied',
      undo: () => {
        this.#current = before;
      },
    };
  }

  confirm(confirmed: Confirmed): void {
    this.#current = this.#rules.confirm(this.#current, confirmed);
  }

  takeChange(): Change | undefined {
    const before = this.#told;
    this.#told = this.#current;
    return before === this.#current ? undefined : this.#rules.difference(before, this.#current);
  }
}
