import type { Observation } from '../events/observers.ts';

/** A state that changes: a projection, a temporal store, a view of another. The handler is called after the change. */
export interface StateSource<State> {
  readonly state: State;
  subscribe(handler: () => unknown): { unsubscribe(): void };
}

/** A running subscription. To dispose of it is to unsubscribe; doing so twice is harmless. */
export interface StateSubscription extends Observation {}
