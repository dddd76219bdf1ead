/*
 * Parts of a graph, as they are loaded. A part says which rows it has, and every row says whether it is in a part.
 */
import { NervError, type Entity } from '@inner-universe/nerv';
import type { EntityQuery, RelationQuery, Where } from '@inner-universe/nerv/graph';
import { compileQuery } from '@inner-universe/nerv/graph/replica';
import { stringify } from '@inner-universe/nerv/values';
import type { GraphKind } from '../encryption/graph-sealer.ts';

/** Which part of a graph: all that is named must fit. What is left out is not narrowed. */
export interface GraphPart {
  /** Entity types; none (`[]`) for no entities. */
  readonly types?: readonly string[] | undefined;
  /** Relation types; none (`[]`) for no relations. */
  readonly relationTypes?: readonly string[] | undefined;
  /** Scopes; without them every scope that may be read. */
  readonly scopes?: readonly string[] | undefined;
  /** What entities must be; relations are not narrowed by it. */
  readonly where?: Where | undefined;
}

/** The whole graph. */
export const WHOLE: GraphPart = Object.freeze({});

/** A part that is looked at: checked, and ready to be asked about rows. */
export class LoadedPart {
  readonly part: GraphPart;
  /** The same for parts that are the same. */
  readonly key: string;
  readonly #matches: (row: Entity) => boolean;

  /** @throws NervError `graph/invalid-query`, `graph/invalid-argument` */
  constructor(given: GraphPart) {
    this.part = Object.freeze({
      types: checkedList('types', given.types),
      relationTypes: checkedList('relationTypes', given.relationTypes),
      scopes: checkedList('scopes', given.scopes),
      where: given.where,
    });
    this.#matches = compileQuery(given.where === undefined ? {} : { where: given.where }, 'entity').matches;
    this.key = stringify(Object.fromEntries(Object.entries(this.part).filter(([, value]) => value !== undefined)));
  }

  /** Whether rows of this kind, type and scope can be in it. */
  mayHold(kind: GraphKind, type: string, scope: string): boolean {
    const types = kind === 'entity' ? this.part.types : this.part.relationTypes;
    return (types?.includes(type) ?? true) && (this.part.scopes?.includes(scope) ?? true);
  }

  /** Whether a row is in it. */
  holds(kind: GraphKind, row: Entity, scope: string): boolean {
    return this.mayHold(kind, row.type, scope) && (kind === 'relation' || this.#matches(row));
  }

  /** Whether everything that a query can find is in it. */
  covers(kind: GraphKind, query: EntityQuery | RelationQuery): boolean {
    const { scopes, where } = this.part;
    if (scopes !== undefined) return false;
    if (kind === 'entity' && where !== undefined && !isSame(where, query.where)) return false;
    const types = kind === 'entity' ? this.part.types : this.part.relationTypes;
    if (types === undefined) return true;
    return query.type !== undefined && [query.type].flat().every((type) => types.includes(type));
  }

  /** Whether everything that another part holds is in it. */
  includes(wanted: GraphPart): boolean {
    const entities = isNone(wanted.types) || this.covers('entity', { type: wanted.types, where: wanted.where });
    return entities && (isNone(wanted.relationTypes) || this.covers('relation', { type: wanted.relationTypes }));
  }
}

/** The part that a query looks into. */
export function partOf(kind: GraphKind, query: EntityQuery | RelationQuery): GraphPart {
  const types = query.type === undefined ? undefined : [query.type].flat();
  // A query of entities has a condition on entities.
  if (kind === 'entity') return { types, relationTypes: [], where: query.where as Where | undefined };
  return { types: [], relationTypes: types };
}

function checkedList(name: string, given: readonly string[] | undefined): readonly string[] | undefined {
  const list: unknown = given;
  if (list === undefined) return undefined;
  if (Array.isArray(list) && list.every((item) => typeof item === 'string'))
    return Object.freeze([...new Set(list)].sort());
  throw new NervError('graph/invalid-argument', `'${name}' of a part is no list of names.`, {
    details: { option: name },
  });
}

function isNone(list: readonly string[] | undefined): boolean {
  return list?.length === 0;
}

function isSame(left: unknown, right: unknown): boolean {
  return right !== undefined && stringify(left) === stringify(right);
}
