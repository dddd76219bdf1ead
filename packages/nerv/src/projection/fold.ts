import type { NervEvent } from '../events/event.ts';
import { failedAt } from './projection-error.ts';
import { Place, type ProjectionPosition } from './position.ts';

/** A state on its way from one position on, apart from the projection it is of. */
export class Fold<State> {
  readonly place: Place;
  readonly #name: string;
  readonly #reduce: (state: State, event: NervEvent) => State;
  #state: State;

  constructor(
    name: string,
    from: { readonly position: ProjectionPosition; readonly state: State },
    reduce: (state: State, event: NervEvent) => State,
  ) {
    this.#name = name;
    this.place = new Place(from.position);
    this.#state = from.state;
    this.#reduce = reduce;
  }

  get state(): State {
    return this.#state;
  }

  /** Takes an event; false if its `seq` is past. @throws NervError `projection/failed` */
  take(event: NervEvent): boolean {
    if (this.place.isPast(event)) return false;
    try {
      this.#state = this.#reduce(this.#state, event);
    } catch (cause) {
      throw failedAt(this.#name, event, cause);
    }
    this.place.advance(event);
    return true;
  }
}
