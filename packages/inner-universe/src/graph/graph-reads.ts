import { MAX_READ_IDS } from '@inner-universe/module/wire';
import { ALL_ENTITIES, ALL_RELATIONS, pages } from '../client/reads.ts';
import { makeEntities, makeRelations, type RowSource, type StoredEntity, type StoredRelation } from './graph-rows.ts';

/** What the module can filter by itself. */
export interface EntityFilter {
  readonly entityType?: string | undefined;
  readonly tag?: string | undefined;
  readonly name?: string | undefined;
}

/** As `EntityFilter`, for relations; `endId` matches either end. */
export interface RelationFilter {
  readonly relationType?: string | undefined;
  readonly name?: string | undefined;
  readonly fromId?: string | undefined;
  readonly toId?: string | undefined;
  readonly endId?: string | undefined;
}

/** Reads the graph by pages. */
export class GraphReads {
  readonly #source: RowSource;

  constructor(source: RowSource) {
    this.#source = source;
  }

  /** Those of the entities that exist, in any order. */
  async entitiesById(ids: readonly string[]): Promise<readonly StoredEntity[]> {
    const found: StoredEntity[] = [];
    for (const some of cut(ids)) {
      for await (const page of pages((cursor) =>
        this.#source.read('readEntities', { ...ALL_ENTITIES, ids: some, cursor }),
      )) {
        found.push(...(await makeEntities(this.#source, page.entities)));
      }
    }
    return found;
  }

  async relationsById(ids: readonly string[]): Promise<readonly StoredRelation[]> {
    const found: StoredRelation[] = [];
    for (const some of cut(ids)) {
      for await (const page of pages((cursor) =>
        this.#source.read('readRelations', { ...ALL_RELATIONS, ids: some, cursor }),
      )) {
        found.push(...(await makeRelations(this.#source, page.relations)));
      }
    }
    return found;
  }

  /** Pages of entities, in the order in which they were last changed. */
  async *entities(filter: EntityFilter = {}): AsyncGenerator<readonly StoredEntity[], void, undefined> {
    const { entityType = '', tag = '', name = '' } = filter;
    for await (const page of pages((cursor) =>
      this.#source.read('readEntities', { ...ALL_ENTITIES, entityType, tag, name, cursor }),
    )) {
      yield await makeEntities(this.#source, page.entities);
    }
  }

  async *relations(filter: RelationFilter = {}): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    const { relationType = '', name = '', fromId = '', toId = '', endId = '' } = filter;
    const wanted = { ...ALL_RELATIONS, relationType, name, fromId, toId, endId };
    for await (const page of pages((cursor) => this.#source.read('readRelations', { ...wanted, cursor }))) {
      yield await makeRelations(this.#source, page.relations);
    }
  }
}

function* cut(ids: readonly string[]): Generator<readonly string[], void, undefined> {
  for (let start = 0; start < ids.length; start += MAX_READ_IDS) yield ids.slice(start, start + MAX_READ_IDS);
}
