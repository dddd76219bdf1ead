/** One entity of the benchmark's graph. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly town: string;
  readonly age: number;
}

/** One relation, from a person to another. */
export interface Tie {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly weight: number;
}

/** The graph that every peer holds: people in towns of a hundred, tied at random. */
export interface World {
  readonly people: readonly Person[];
  readonly ties: readonly Tie[];
}

const PEOPLE_PER_TOWN = 100;

/** The same numbers below 1 each time, from the same seed (mulberry32, by Tommy Ettinger, public domain). */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes the graph of these sizes. */
export function makeWorld(entities: number, relations: number): World {
  const random = makeRandom(1);
  const below = (end: number): number => Math.floor(random() * end);
  const towns = Math.ceil(entities / PEOPLE_PER_TOWN);
  const people = Array.from({ length: entities }, (_, n) => ({
    id: `person-${n}`,
    name: `Person ${n}`,
    town: `town-${below(towns)}`,
    age: below(100),
  }));
  const ties = Array.from({ length: relations }, (_, n) => ({
    id: `tie-${n}`,
    from: `person-${below(entities)}`,
    to: `person-${below(entities)}`,
    weight: 1 + below(9),
  }));
  return { people, ties };
}
