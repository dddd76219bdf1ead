// Backtracking: each hop is tried along every relation it may take, and the next from there.
//
// - `found` has the vertex of every entity up to the hop at hand, `used` the relations on the way there, each once.

import { assert } from '../../assert.ts';
import type { Entity, Relation } from '../entity.ts';
import type { GraphRows } from '../graph-store.ts';
import type { Candidates, Edge, EntityVertex } from '../vertex.ts';
import type { Predicate } from '../where.ts';
import { eachStep, type Walk } from '../walk.ts';
import { orderHops, type OrderedHop, type PatternEntity, type PatternPlan } from './pattern-plan.ts';

/** What a match holds by name. */
type Found = Readonly<Record<string, Entity | Relation | readonly Relation[]>>;

/** All matches of a pattern, one by one. */
export function* findMatches(rows: GraphRows, plan: PatternPlan): Generator<Found> {
  const { start, candidates } = rarest(rows, plan);
  const search = new Search(plan, orderHops(plan, start.name));
  for (const vertex of candidates.slots) {
    if (start.query.matches(vertex.row)) yield* search.from(start.name, vertex);
  }
}

function rarest(
  rows: GraphRows,
  { entities }: PatternPlan,
): { readonly start: PatternEntity; readonly candidates: Candidates<EntityVertex> } {
  const choices = entities.map((start) => ({
    start,
    candidates: rows.entities.candidates(start.query),
  }));
  return choices.reduce((best, choice) => (choice.candidates.size < best.candidates.size ? choice : best));
}

class Search {
  readonly #plan: PatternPlan;
  readonly #hops: readonly OrderedHop[];
  readonly #wanted: ReadonlyMap<string, Predicate<Entity>>;
  readonly #found = new Map<string, EntityVertex>();
  readonly #used = new Set<Relation>();
  readonly #relations = new Map<string, Relation | readonly Relation[]>();

  constructor(plan: PatternPlan, hops: readonly OrderedHop[]) {
    this.#plan = plan;
    this.#hops = hops;
    this.#wanted = new Map(plan.entities.map(({ name, query }) => [name, query.matches]));
  }

  *from(name: string, vertex: EntityVertex): Generator<Found> {
    this.#found.set(name, vertex);
    yield* this.#go(0);
    this.#found.delete(name);
  }

  *#go(place: number): Generator<Found> {
    const hop = this.#hops[place];
    if (hop !== undefined) {
      const start = this.#found.get(hop.from);
      assert(start !== undefined, 'a hop begins at an entity found before it');
      yield* this.#along({ hop, place, at: start, way: [] });
      return;
    }
    const match = this.#match();
    if (this.#plan.conditions.every((condition) => condition(match))) yield match;
  }

  // Takes one more relation of a hop, and goes on with the hop, the next hop, or both.
  *#along({ hop, place, at, way }: Trail): Generator<Found> {
    for (const { edge, next } of this.#steps(hop, at)) {
      const { row } = edge;
      if (this.#used.has(row) || !hop.matches(row)) continue;
      this.#used.add(row);
      const longer = [...way, row];
      if (longer.length >= hop.min) yield* this.#arrive(hop, place, { vertex: next, way: longer });
      if (longer.length < hop.max) yield* this.#along({ hop, place, at: next, way: longer });
      this.#used.delete(row);
    }
  }

  *#arrive(hop: OrderedHop, place: number, { vertex, way }: Arrival): Generator<Found> {
    const known = this.#found.get(hop.to);
    if (known === undefined ? this.#wanted.get(hop.to)?.(vertex.row) === false : known.row !== vertex.row) return;
    if (known === undefined) this.#found.set(hop.to, vertex);
    if (hop.as !== undefined) this.#relations.set(hop.as, relationsOf(hop, way));
    yield* this.#go(place + 1);
    if (known === undefined) this.#found.delete(hop.to);
  }

  #steps({ direction }: OrderedHop, at: EntityVertex): readonly Step[] {
    const walk: Walk = { direction, types: undefined, validAt: this.#plan.validAt };
    const steps: Step[] = [];
    eachStep(at, walk, (edge, next) => void steps.push({ edge, next }));
    return steps;
  }

  #match(): Found {
    const match: Record<string, Entity | Relation | readonly Relation[]> = {};
    for (const [name, { row }] of this.#found) match[name] = row;
    for (const [name, relations] of this.#relations) match[name] = relations;
    return Object.freeze(match);
  }
}

interface Trail {
  readonly hop: OrderedHop;
  readonly place: number;
  readonly at: EntityVertex;
  readonly way: readonly Relation[];
}

interface Arrival {
  readonly vertex: EntityVertex;
  readonly way: readonly Relation[];
}

interface Step {
  readonly edge: Edge;
  readonly next: EntityVertex;
}

function relationsOf({ isList, isReversed }: OrderedHop, way: readonly Relation[]): Relation | readonly Relation[] {
  const [only] = way;
  if (!isList && only !== undefined) return only;
  return Object.freeze(isReversed ? [...way].reverse() : [...way]);
}
