import { MAX_READ_IDS, type EntityRow, type RelationRow } from '@inner-universe/module/wire';
import { ALL_ENTITIES, ALL_RELATIONS, pages } from '../client/reads.ts';
import type { AroundFilter, EntityFilter, GraphPages, RelationFilter } from './graph-pages.ts';
import { makeEntities, makeRelations, type RowSource, type StoredEntity, type StoredRelation } from './graph-rows.ts';

/** Reads the graph as it is. */
export class GraphReads implements GraphPages {
  readonly #source: RowSource;

  constructor(source: RowSource) {
    this.#source = source;
  }

  async entitiesById(ids: readonly string[]): Promise<readonly StoredEntity[]> {
    return makeEntities(this.#source, await this.entityRowsById(ids));
  }

  async relationsById(ids: readonly string[]): Promise<readonly StoredRelation[]> {
    return makeRelations(this.#source, await this.relationRowsById(ids));
  }

  /** Pages of entities, in the order in which they were last changed. */
  async *entities(filter: EntityFilter = {}): AsyncGenerator<readonly StoredEntity[], void, undefined> {
    for await (const rows of this.entityRows(filter)) yield await makeEntities(this.#source, rows);
  }

  async *relations(filter: RelationFilter = {}): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    for await (const rows of this.relationRows(filter)) yield await makeRelations(this.#source, rows);
  }

  async *around(
    ids: readonly string[],
    { direction, types }: AroundFilter,
  ): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    for (const some of cut(ids)) {
      const wanted = { ids: some, direction, relationTypes: types ?? [], seq: 0n, limit: 0 };
      for await (const page of pages((cursor) => this.#source.read('readNeighborhood', { ...wanted, cursor }))) {
        yield await makeRelations(this.#source, page.relations);
      }
    }
  }

  /** Rows as they are stored. */
  async entityRowsById(ids: readonly string[]): Promise<readonly EntityRow[]> {
    const found: EntityRow[] = [];
    for (const some of cut(ids)) {
      const wanted = { ...ALL_ENTITIES, ids: some };
      for await (const page of pages((cursor) => this.#source.read('readEntities', { ...wanted, cursor }))) {
        found.push(...page.entities);
      }
    }
    return found;
  }

  async relationRowsById(ids: readonly string[]): Promise<readonly RelationRow[]> {
    const found: RelationRow[] = [];
    for (const some of cut(ids)) {
      const wanted = { ...ALL_RELATIONS, ids: some };
      for await (const page of pages((cursor) => this.#source.read('readRelations', { ...wanted, cursor }))) {
        found.push(...page.relations);
      }
    }
    return found;
  }

  /** As `entities`, of one scope if it is named, as rows are stored. */
  async *entityRows(filter: EntityFilter & ScopeFilter = {}): AsyncGenerator<readonly EntityRow[], void, undefined> {
    const { entityType = '', tag = '', name = '', scope = '', property } = filter;
    const wanted = { ...ALL_ENTITIES, entityType, tag, name, scope, property };
    for await (const page of pages((cursor) => this.#source.read('readEntities', { ...wanted, cursor }))) {
      yield page.entities;
    }
  }

  async *relationRows(
    filter: RelationFilter & ScopeFilter = {},
  ): AsyncGenerator<readonly RelationRow[], void, undefined> {
    const { relationType = '', name = '', fromId = '', toId = '', endId = '', scope = '' } = filter;
    const wanted = { ...ALL_RELATIONS, relationType, name, fromId, toId, endId, scope };
    for await (const page of pages((cursor) => this.#source.read('readRelations', { ...wanted, cursor }))) {
      yield page.relations;
    }
  }
}

interface ScopeFilter {
  readonly scope?: string | undefined;
}

/** Ids in as many parts as reads take. */
export function* cut(ids: readonly string[]): Generator<readonly string[], void, undefined> {
  for (let start = 0; start < ids.length; start += MAX_READ_IDS) yield ids.slice(start, start + MAX_READ_IDS);
}
