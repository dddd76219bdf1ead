import { NervError } from '../../errors.ts';
import { compileQuery } from '../compiled-query.ts';
import type {
  EntityOf,
  EntityProperties,
  EntityTypeOf,
  GraphSchema,
  RelationOf,
  RelationProperties,
  RelationTypeOf,
} from '../entity.ts';
import type { Direction, EntityQuery, RelationQuery } from '../graph-query.ts';
import type { GraphReader } from '../graph-reader.ts';
import { erase, typed } from '../typed.ts';
import { isValidAt, timeOf } from '../validity.ts';
import { checkedCount, invalidArgument, makeWalk } from '../walk.ts';
import { findMatches } from './find-matches.ts';
import type { PatternEntity, PatternHop, PatternPlan } from './pattern-plan.ts';

/** Which entities a place of a pattern takes. Default: all. */
export type EntityFilter<T extends string, P extends object> = Omit<EntityQuery<T, P>, 'orderBy' | 'limit' | 'cursor'>;

/** Which relations a hop takes. Default: all. */
export type RelationFilter<T extends string, P extends object> = Omit<
  RelationQuery<T, P>,
  'orderBy' | 'limit' | 'cursor' | 'from' | 'to'
>;

/** How many relations, one after another, a hop has: at least, and at most. */
export type HopCount = readonly [min: number, max: number];

/** A hop along a relation. */
export interface Hop<From extends string = string> {
  /** The entity it begins at; default: the one named last. */
  readonly from?: From | undefined;
  /** Default `out`. Bidirectional relations are taken either way. */
  readonly direction?: Direction | undefined;
  /** Several relations, one after another, each of which the filter takes. Default: one. */
  readonly hops?: HopCount | undefined;
}

/** What was found: the entities and relations by the names that the pattern gives them. */
export type PatternMatch = { readonly [name: string]: unknown };

/** What a named hop finds: its relation, or its relations in order if it may have several. */
export type HopBinding<Name extends string, R, H> = {
  readonly [K in Name]: H extends { readonly hops: HopCount } ? readonly R[] : R;
};

/** How to look for a pattern. */
export interface FindOptions {
  /** The most matches to give; default: all. */
  readonly limit?: number | undefined;
  /** Only entities and relations that hold at this time. */
  readonly validAt?: number | Date | undefined;
}

/**
 * Entities and the relations between them, several hops far, to be looked for in a graph. Immutable: each method gives
 * a new pattern. In a match no relation is used twice; an entity may have several of its names.
 */
export class GraphPattern<S extends GraphSchema, M extends PatternMatch, Entities extends string> {
  readonly #plan: PatternPlan;

  /** Use `pattern`. */
  constructor(plan: PatternPlan) {
    this.#plan = plan;
  }

  /**
   * Goes on along a relation to an entity. A name that the pattern has already stands for the same entity, and takes no
   * filter.
   * @throws NervError `graph/invalid-query`, `graph/invalid-argument`
   */
  hop<
    const H extends Hop<Entities> & RelationFilter<RT, RelationProperties<S, RT>> & { readonly as?: Name | undefined },
    const To extends string,
    RT extends RelationTypeOf<S> = RelationTypeOf<S>,
    ET extends EntityTypeOf<S> = EntityTypeOf<S>,
    const Name extends string = never,
  >(
    hop: H & { readonly type?: RT | readonly RT[] | undefined; readonly as?: Name | undefined },
    to: To,
    filter?: To extends Entities ? undefined : EntityFilter<ET, EntityProperties<S, ET>>,
  ): GraphPattern<
    S,
    M &
      HopBinding<Name, RelationOf<S, RT>, H> & {
        readonly [K in Exclude<To, Entities>]: EntityOf<S, ET>;
      },
    Entities | To
  > {
    const { entities, hops } = this.#plan;
    const known = entities.find(({ name }) => name === to);
    if (known !== undefined && filter !== undefined) {
      throw patternError(`'${to}' stands for the same entity as before, and so takes no filter of its own`);
    }
    const next = known === undefined ? [...entities, compileEntity(to, filter)] : entities;
    return new GraphPattern({
      ...this.#plan,
      entities: next,
      hops: [...hops, compileHop(this.#plan, hop, to)],
      last: to,
    });
  }

  /** Keeps the matches that fulfil a condition over all that is named. It is asked once all of it is found. */
  where(condition: (match: M) => boolean): GraphPattern<S, M, Entities> {
    // Matches have what the pattern names.
    return new GraphPattern({
      ...this.#plan,
      conditions: [...this.#plan.conditions, erase(condition)],
    });
  }

  /**
   * The matches in a graph, present or past, in no promised order. The search begins at the entity that the fewest can be.
   * @throws NervError `graph/invalid-argument`
   */
  find(graph: GraphReader<S>, options: FindOptions = {}): M[] {
    const limit = checkedCount('limit', options.limit) ?? Number.POSITIVE_INFINITY;
    const matches: M[] = [];
    for (const match of this.search(graph, options)) {
      matches.push(match);
      if (matches.length >= limit) break;
    }
    return matches;
  }

  /** As `find`, one by one as they are found. What is written meanwhile may be seen or not. */
  *search(graph: GraphReader<S>, { validAt: at }: Pick<FindOptions, 'validAt'> = {}): Generator<M> {
    const validAt = timeOf(at);
    if (Number.isNaN(validAt)) throw invalidArgument('validAt', at, 'a time');
    const plan = validAt === undefined ? this.#plan : atTime(this.#plan, validAt);
    yield* typed<Generator<M>>(findMatches(graph.rows, plan));
  }
}

/** Begins a pattern with an entity. @throws NervError `graph/invalid-query` */
export function pattern<S extends GraphSchema = GraphSchema>(): {
  entity<const Name extends string, T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    name: Name,
    filter?: EntityFilter<T, EntityProperties<S, T>>,
  ): GraphPattern<S, { readonly [K in Name]: EntityOf<S, T> }, Name>;
} {
  return {
    entity: (name, filter) =>
      new GraphPattern({
        entities: [compileEntity(name, filter)],
        hops: [],
        conditions: [],
        last: name,
      }),
  };
}

const NOT_IN_PATTERNS = ['orderBy', 'limit', 'cursor', 'from', 'to'];

function compileEntity(name: string, filter: object = {}): PatternEntity {
  assertFilter(filter);
  return { name, query: compileQuery(filter, 'entity') };
}

function compileHop(
  { entities, hops, last }: PatternPlan,
  hop: Hop & { readonly as?: string | undefined },
  to: string,
): PatternHop {
  const { from = last, direction, hops: count = [1, 1], as, ...filter } = hop;
  if (!entities.some(({ name }) => name === from)) throw patternError(`it has no entity '${from}' to go on from`);
  const names = [...entities.map(({ name }) => name), to, ...hops.map(({ as: other }) => other)];
  if (as !== undefined && names.includes(as)) throw patternError(`it has two things named '${as}'`);
  const [min, max] = count;
  checkedCount('hops', min);
  if (!(Number.isSafeInteger(max) && max >= min))
    throw invalidArgument('hops', max, 'a whole number not below the first');
  assertFilter(filter);
  const { direction: way } = makeWalk({ direction }, 'out');
  const { matches } = compileQuery(filter, 'relation');
  return { from, to, as, direction: way, min, max, isList: hop.hops !== undefined, matches };
}

function assertFilter(filter: object): void {
  const wrong = Object.keys(filter).find((key) => NOT_IN_PATTERNS.includes(key));
  if (wrong !== undefined) throw patternError(`'${wrong}' has no place in it`);
}

function atTime(plan: PatternPlan, validAt: number): PatternPlan {
  return {
    ...plan,
    validAt,
    entities: plan.entities.map(({ name, query }) => ({
      name,
      query: { ...query, matches: (row) => isValidAt(row, validAt) && query.matches(row) },
    })),
  };
}

function patternError(what: string): NervError {
  return new NervError('graph/invalid-query', `The pattern cannot be: ${what}.`, {
    details: { what },
  });
}
