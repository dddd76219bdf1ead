import type { StoredEntity, StoredRelation } from './graph-rows.ts';

/** What the module can filter by itself. */
export interface EntityFilter {
  readonly entityType?: string | undefined;
  readonly tag?: string | undefined;
  readonly name?: string | undefined;
  /** What a property equals, as a canonical text: of one whose key is declared in the configuration's `indexes`. */
  readonly property?: { readonly key: string; readonly value: string } | undefined;
}

/** As `EntityFilter`, for relations; `endId` matches either end. */
export interface RelationFilter {
  readonly relationType?: string | undefined;
  readonly name?: string | undefined;
  readonly fromId?: string | undefined;
  readonly toId?: string | undefined;
  readonly endId?: string | undefined;
}

/** Which relations around entities. */
export interface AroundFilter {
  readonly direction: 'out' | 'in' | 'both';
  /** Undefined: all. */
  readonly types: readonly string[] | undefined;
}

/** A graph that is read by pages: as it is, or as it was. Rows may come twice while they change. */
export interface GraphPages {
  /** Those of the entities that exist, in any order. */
  entitiesById(ids: readonly string[]): Promise<readonly StoredEntity[]>;
  relationsById(ids: readonly string[]): Promise<readonly StoredRelation[]>;
  entities(filter?: EntityFilter): AsyncGenerator<readonly StoredEntity[], void, undefined>;
  relations(filter?: RelationFilter): AsyncGenerator<readonly StoredRelation[], void, undefined>;
  /** Relations that begin or end at any of these entities. */
  around(ids: readonly string[], filter: AroundFilter): AsyncGenerator<readonly StoredRelation[], void, undefined>;
}
