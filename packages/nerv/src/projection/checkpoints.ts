/**
 * Points that a projection can be taken up from.
 *
 * Invariants:
 * - One is made each `every` events; at most `keep` are held, spread over the whole way: when there are more, every
 *   second one goes, and from then on half as many are held of those made.
 */
import type { Place, ProjectionPosition } from './position.ts';

/** A projection at rest, to go on from later. */
export interface ProjectionSnapshot<State> {
  readonly name: string;
  readonly version: number;
  readonly position: ProjectionPosition;
  readonly state: State;
}

/** How often a projection is written down, where, and how many of those it holds itself, to travel back from. */
export interface CheckpointOptions<State> {
  /** Default 1,000 events. */
  readonly every?: number | undefined;
  /** Default 16; states are shared, not copied. */
  readonly keep?: number | undefined;
  /** Called with each, in order; what it throws or rejects with is reported. */
  readonly save?: ((snapshot: ProjectionSnapshot<State>) => unknown) | undefined;
}

/** The checkpoints that are held, oldest first. */
export class CheckpointShelf<State> {
  readonly #keep: number;
  readonly #every: number;
  #spacing: number;
  #held: ProjectionSnapshot<State>[] = [];

  constructor(every: number, keep: number) {
    this.#every = every;
    this.#keep = keep;
    this.#spacing = every;
  }

  /** Whether a checkpoint is to be made here. */
  isDue({ events }: Place): boolean {
    return events % this.#every === 0;
  }

  add(snapshot: ProjectionSnapshot<State>): void {
    if (snapshot.position.events % this.#spacing !== 0) return;
    this.#held.push(snapshot);
    if (this.#held.length <= this.#keep) return;
    this.#spacing *= 2;
    this.#held = this.#held.filter(({ position }) => position.events % this.#spacing === 0);
  }

  /** The last one that fits. */
  findLast(fits: (position: ProjectionPosition) => boolean): ProjectionSnapshot<State> | undefined {
    return this.#held.findLast(({ position }) => fits(position));
  }
}
