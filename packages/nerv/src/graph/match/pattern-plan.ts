import type { CompiledQuery } from '../compiled-query.ts';
import type { Entity } from '../entity.ts';
import type { Direction } from '../graph-query.ts';
import type { Predicate } from '../where.ts';

/** An entity of a pattern. */
export interface PatternEntity {
  readonly name: string;
  readonly query: CompiledQuery;
}

/** A hop of a pattern, checked: `min` to `max` relations, one after another. */
export interface PatternHop {
  readonly from: string;
  readonly to: string;
  readonly as: string | undefined;
  readonly direction: Direction;
  readonly min: number;
  readonly max: number;
  /** Whether a match gives the relations as a list. */
  readonly isList: boolean;
  readonly matches: Predicate<Entity>;
}

/** A whole pattern. Its entities have different names; each hop leads from one of them to one of them. */
export interface PatternPlan {
  readonly entities: readonly PatternEntity[];
  readonly hops: readonly PatternHop[];
  readonly conditions: readonly ((match: object) => boolean)[];
  /** The entity named last. */
  readonly last: string;
  readonly validAt?: number | undefined;
}

/** A hop as the search goes it: away from an entity that is found by then. */
export interface OrderedHop extends PatternHop {
  /** Whether it is gone against its own way. */
  readonly isReversed: boolean;
}

/** The hops in an order in which each begins at an entity found before; those that only close a circle come early. */
export function orderHops({ hops }: PatternPlan, start: string): OrderedHop[] {
  const found = new Set([start]);
  const left = [...hops];
  const ordered: OrderedHop[] = [];
  while (left.length > 0) {
    const closing = left.findIndex(({ from, to }) => found.has(from) && found.has(to));
    const place = closing >= 0 ? closing : left.findIndex(({ from, to }) => found.has(from) || found.has(to));
    // Each hop begins at an entity named before it, so that all of them hang together.
    for (const hop of left.splice(place, 1)) {
      ordered.push(found.has(hop.from) ? { ...hop, isReversed: false } : reversed(hop));
      found.add(hop.from).add(hop.to);
    }
  }
  return ordered;
}

const OPPOSITE = { out: 'in', in: 'out', both: 'both' } as const;

function reversed(hop: PatternHop): OrderedHop {
  return {
    ...hop,
    from: hop.to,
    to: hop.from,
    direction: OPPOSITE[hop.direction],
    isReversed: true,
  };
}
