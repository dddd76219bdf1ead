// Shortest paths, searched from both ends at once: by rings where every relation counts the same, after Dijkstra (1959)
// and Nicholson (1966) where they are weighed.
//
// - Each side knows, of every vertex it has reached, the edge by which the best way to its own end begins.
// - By rings, the first vertex that both sides have reached lies on a shortest path: each ring is searched whole
//   before the next, and had there been a shorter one, the sides would have met a ring earlier.

import { assert } from '../assert.ts';
import type { Entity, Relation } from './entity.ts';
import type { Path, PathOptions } from './graph-query.ts';
import type { GraphRows } from './graph-store.ts';
import { isValidAt } from './validity.ts';
import { VertexHeap } from './vertex-heap.ts';
import type { Edge, EntityVertex, Vertex } from './vertex.ts';
import { eachStep, invalidArgument, makeWalk, requireVertex, type Walk } from './walk.ts';

interface Ends {
  readonly from: string;
  readonly to: string;
}

type Weight = (relation: Relation) => number;

/** @throws `entity/not-found`; `graph/invalid-argument` for a negative weight, or one that is no number */
export function findShortestPath(
  rows: GraphRows,
  { from, to }: Ends,
  options: PathOptions<string, Relation>,
): Path<Entity, Relation> | undefined {
  const start = requireVertex(rows, from);
  const goal = requireVertex(rows, to);
  const walk = makeWalk(options, 'out');
  const { validAt } = walk;
  if (validAt !== undefined && !(isValidAt(start.row, validAt) && isValidAt(goal.row, validAt))) return undefined;
  const back: Walk = { ...walk, direction: OPPOSITE[walk.direction] };
  const { weight } = options;
  if (weight === undefined) return pathThrough(meetByRings(new Side(start, walk), new Side(goal, back)), () => 1);
  return pathThrough(meetByCost(new WeighedSide(start, walk, weight), new WeighedSide(goal, back, weight)), weight);
}

const OPPOSITE = { out: 'in', in: 'out', both: 'both' } as const;

interface Meeting {
  readonly start: Side;
  readonly goal: Side;
  readonly at: EntityVertex;
}

/** What has been reached from one end. */
class Side {
  readonly end: EntityVertex;
  /** For each vertex reached the edge to it, on the way from the end; none for the end itself. */
  readonly reached: Map<Vertex, Edge | undefined>;
  protected readonly walk: Walk;
  #ring: EntityVertex[];

  constructor(end: EntityVertex, walk: Walk) {
    this.end = end;
    this.walk = walk;
    this.reached = new Map<Vertex, Edge | undefined>([[end, undefined]]);
    this.#ring = [end];
  }

  get ringSize(): number {
    return this.#ring.length;
  }

  /** Searches the next ring; gives a vertex that the other side has reached too, as soon as there is one. */
  widen(other: Side): EntityVertex | undefined {
    const ring: EntityVertex[] = [];
    let met: EntityVertex | undefined;
    for (const vertex of this.#ring) {
      eachStep(vertex, this.walk, (edge, next) => {
        if (this.reached.has(next)) return false;
        this.reached.set(next, edge);
        ring.push(next);
        if (other.reached.has(next)) met = next;
        return met !== undefined;
      });
      if (met !== undefined) return met;
    }
    this.#ring = ring;
    return undefined;
  }

  /** The edges from the end to a vertex, the last first. */
  *edgesBackFrom(vertex: Vertex): Generator<Edge> {
    for (let at = vertex; at !== this.end;) {
      const edge = this.reached.get(at);
      assert(edge !== undefined, 'a way leads back to the end it came from');
      yield edge;
      at = edge.from === at ? edge.to : edge.from;
    }
  }
}

function meetByRings(start: Side, goal: Side): Meeting | undefined {
  if (start.end === goal.end) return { start, goal, at: start.end };
  while (start.ringSize > 0 && goal.ringSize > 0) {
    const at = start.ringSize <= goal.ringSize ? start.widen(goal) : goal.widen(start);
    if (at !== undefined) return { start, goal, at };
  }
  return undefined;
}

/** As `Side`, by what the ways cost. */
class WeighedSide extends Side {
  readonly costs: Map<EntityVertex, number>;
  readonly #weight: Weight;
  readonly #heap = new VertexHeap();

  constructor(end: EntityVertex, walk: Walk, weight: Weight) {
    super(end, walk);
    this.#weight = weight;
    this.costs = new Map([[end, 0]]);
    this.#heap.push(end, 0);
  }

  /** What the next vertex costs, and so everything after it at least; infinity if there is none. */
  get nextCost(): number {
    return this.#heap.firstCost;
  }

  /** Goes on from the cheapest vertex; calls back for each that is now reached by a cheaper way. */
  goOn(onCheaper: (vertex: EntityVertex, cost: number) => void): void {
    const cost = this.nextCost;
    const nearest = this.#heap.pop();
    // What was reached by a cheaper way since has been gone on from.
    if (nearest === undefined || this.costs.get(nearest) !== cost) return;
    eachStep(nearest, this.walk, (edge, next) => {
      const nextCost = cost + checkedWeight(this.#weight(edge.row), edge.row);
      if (nextCost >= (this.costs.get(next) ?? Number.POSITIVE_INFINITY)) return;
      this.costs.set(next, nextCost);
      this.reached.set(next, edge);
      this.#heap.push(next, nextCost);
      onCheaper(next, nextCost);
    });
  }
}

function meetByCost(start: WeighedSide, goal: WeighedSide): Meeting | undefined {
  let at = start.end === goal.end ? start.end : undefined;
  let least = at === undefined ? Number.POSITIVE_INFINITY : 0;
  while (start.nextCost + goal.nextCost < least) {
    const [side, other] = start.nextCost <= goal.nextCost ? [start, goal] : [goal, start];
    side.goOn((vertex, cost) => {
      const whole = cost + (other.costs.get(vertex) ?? Number.POSITIVE_INFINITY);
      if (whole >= least) return;
      least = whole;
      at = vertex;
    });
  }
  return at === undefined ? undefined : { start, goal, at };
}

function pathThrough(meeting: Meeting | undefined, weight: Weight): Path<Entity, Relation> | undefined {
  if (meeting === undefined) return undefined;
  const { start, goal, at } = meeting;
  const edges = [...[...start.edgesBackFrom(at)].reverse(), ...goal.edgesBackFrom(at)];
  const vertices: Vertex[] = [start.end];
  let cost = 0;
  for (const edge of edges) {
    vertices.push(edge.from === vertices.at(-1) ? edge.to : edge.from);
    cost += weight(edge.row);
  }
  return {
    entities: vertices.map(({ row }) => row).filter((row) => row !== undefined),
    relations: edges.map(({ row }) => row),
    cost,
  };
}

function checkedWeight(weight: number, relation: Relation): number {
  if (weight >= 0) return weight;
  throw invalidArgument('weight', weight, `a number from 0, for relation '${relation.id}' too`);
}
