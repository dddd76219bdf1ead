// PageRank (Brin and Page, 1998), by power iteration. What entities without outgoing relations hold is shared by all.
//
// - The scores are never negative and sum to 1, but for rounding.
// - Whatever is looked up by the place of a vertex or a link is there: all arrays have one element for each.

import type { Relation } from '../entity.ts';
import { typed } from '../typed.ts';
import type { EntityVertex } from '../vertex.ts';
import { eachStep, invalidArgument, makeWalk, type Walk } from '../walk.ts';
import type { ComponentOptions } from './connected-components.ts';
import { type AnyEntity, type AnyRelation, type GraphSource, verticesOn } from './graph-source.ts';

/** How to rank. */
export interface PageRankOptions<R extends AnyRelation> extends ComponentOptions<R['type']> {
  /** The part of an entity's score that its relations pass on; from 0 and below 1, default 0.85. */
  readonly damping?: number | undefined;
  /** Ends once the scores together change by less than this for each entity; default 1e-6. */
  readonly tolerance?: number | undefined;
  /** Ends after so many rounds in any case; default 100. */
  readonly maxRounds?: number | undefined;
  /** How much of its entity's score a relation passes on, compared to the others; not negative. Default: all alike. */
  readonly weight?: ((relation: R) => number) | undefined;
}

/** Entities by score, the highest first, equal ones in the graph's order. */
export interface PageRankResult<E> {
  readonly ranking: readonly { readonly entity: E; readonly score: number }[];
  /** Whether the scores had settled within the tolerance. */
  readonly converged: boolean;
  readonly rounds: number;
}

/**
 * How much each entity is pointed at by what is pointed at much itself. Bidirectional relations point both ways.
 * Time grows with entities and relations in each round.
 * @throws NervError `graph/invalid-argument`
 */
export function pageRank<E extends AnyEntity, R extends AnyRelation>(
  graph: GraphSource<E, R>,
  options: PageRankOptions<R> = {},
): PageRankResult<E> {
  const { damping = 0.85, tolerance = 1e-6, maxRounds = 100, weight } = options;
  if (!(damping >= 0 && damping < 1)) throw invalidArgument('damping', damping, 'a number from 0 and below 1');
  if (!(tolerance > 0)) throw invalidArgument('tolerance', tolerance, 'a number above 0');
  if (!(maxRounds >= 1)) throw invalidArgument('maxRounds', maxRounds, 'a number from 1');
  const walk = makeWalk({ ...options, direction: 'out' }, 'out');
  const vertices = [...verticesOn(graph.rows, walk)];
  // The relations of a graph are of its schema's types.
  const links = linksOf(vertices, walk, weight as ((relation: Relation) => number) | undefined);
  let scores = new Float64Array(vertices.length).fill(1 / vertices.length);
  let rounds = 0;
  let converged = vertices.length === 0;
  while (!converged && rounds < maxRounds) {
    const next = passOn(scores, links, damping);
    let change = 0;
    for (const [place, score] of next.entries()) change += Math.abs(score - (scores[place] as number));
    scores = next;
    rounds += 1;
    converged = change < tolerance * vertices.length;
  }
  const ranking = vertices.map(({ row: entity }, place) => ({
    entity,
    score: scores[place] as number,
  }));
  return typed({
    ranking: ranking.sort((left, right) => right.score - left.score),
    converged,
    rounds,
  });
}

/** Link n leads from vertex `from[n]` to vertex `to[n]` and passes on `share[n]` of what the former holds. */
interface Links {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly share: Float64Array;
  /** The vertices from which no link leads. */
  readonly sinks: readonly number[];
}

function linksOf(
  vertices: readonly EntityVertex[],
  walk: Walk,
  weight: ((relation: Relation) => number) | undefined,
): Links {
  const places = new Map<EntityVertex, number>(vertices.map((vertex, place) => [vertex, place]));
  const from: number[] = [];
  const to: number[] = [];
  const share: number[] = [];
  const sinks: number[] = [];
  for (const [place, vertex] of vertices.entries()) {
    const parts: number[] = [];
    eachStep(vertex, walk, ({ row }, next) => {
      from.push(place);
      to.push(places.get(next) as number);
      parts.push(weight === undefined ? 1 : checkedWeight(weight(row), row));
    });
    const whole = parts.reduce((sum, part) => sum + part, 0);
    if (whole === 0) sinks.push(place);
    for (const part of parts) share.push(whole === 0 ? 0 : part / whole);
  }
  return {
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    share: Float64Array.from(share),
    sinks,
  };
}

function passOn(scores: Float64Array, { from, to, share, sinks }: Links, damping: number): Float64Array<ArrayBuffer> {
  let sunk = 0;
  for (const place of sinks) sunk += scores[place] as number;
  const next = new Float64Array(scores.length).fill((1 - damping + damping * sunk) / scores.length);
  for (let link = 0; link < to.length; link += 1) {
    const passed = damping * (scores[from[link] as number] as number) * (share[link] as number);
    (next[to[link] as number] as number) += passed;
  }
  return next;
}

function checkedWeight(weight: number, relation: Relation): number {
  if (weight >= 0 && weight < Number.POSITIVE_INFINITY) return weight;
  throw invalidArgument('weight', weight, `a finite number from 0, for relation '${relation.id}' too`);
}
