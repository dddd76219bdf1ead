import { makeWireTimestamp } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { pages } from '../client/reads.ts';
import { RefusedError } from '../errors.ts';
import { makeTrimmed, millisecondsOf } from './history-bound.ts';
import type { AroundFilter, EntityFilter, GraphPages, RelationFilter } from './graph-pages.ts';
import { cut } from './graph-reads.ts';
import { makeEntities, makeRelations, type RowSource, type StoredEntity, type StoredRelation } from './graph-rows.ts';

const MICROS_PER_MS = 1000n;
const FIRST_PAGE = { cursor: '', limit: 0 };

/**
 * The last `seq` recorded up to the end of a millisecond.
 * @throws NervError `graph/invalid-argument`, `graph/history-trimmed`
 */
export async function findMoment(client: ModuleClient, time: number | Date): Promise<bigint> {
  const timeMs = millisecondsOf('time', time);
  const end = (BigInt(Math.floor(timeMs)) + 1n) * MICROS_PER_MS - 1n;
  try {
    const { seq } = await client.read('readMoment', { time: makeWireTimestamp(end < 0n ? 0n : end) });
    return seq;
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== 'graph/history-trimmed') throw error;
    throw makeTrimmed(timeMs, new Date(Number(error.details['keptFromMs'])), error);
  }
}

/** Reads the graph as it was at a `seq`. */
export class PastReads implements GraphPages {
  readonly #source: RowSource;
  readonly #seq: bigint;

  constructor(source: RowSource, seq: bigint) {
    this.#source = source;
    this.#seq = seq;
  }

  async entitiesById(ids: readonly string[]): Promise<readonly StoredEntity[]> {
    const found: StoredEntity[] = [];
    if (this.#seq === 0n) return found;
    for (const some of cut(ids)) {
      const wanted = { ...ANY_ENTITY, seq: this.#seq, ids: some };
      for await (const page of pages((cursor) => this.#source.read('readEntitiesAt', { ...wanted, cursor }))) {
        found.push(...(await makeEntities(this.#source, page.entities)));
      }
    }
    return found;
  }

  async relationsById(ids: readonly string[]): Promise<readonly StoredRelation[]> {
    const found: StoredRelation[] = [];
    if (this.#seq === 0n) return found;
    for (const some of cut(ids)) {
      const wanted = { ...ANY_RELATION, seq: this.#seq, ids: some };
      for await (const page of pages((cursor) => this.#source.read('readRelationsAt', { ...wanted, cursor }))) {
        found.push(...(await makeRelations(this.#source, page.relations)));
      }
    }
    return found;
  }

  async *entities(filter: EntityFilter = {}): AsyncGenerator<readonly StoredEntity[], void, undefined> {
    if (this.#seq === 0n) return;
    const { entityType = '', tag = '', name = '' } = filter;
    const wanted = { ...ANY_ENTITY, seq: this.#seq, entityType, tag, name };
    for await (const page of pages((cursor) => this.#source.read('readEntitiesAt', { ...wanted, cursor }))) {
      yield await makeEntities(this.#source, page.entities);
    }
  }

  async *relations(filter: RelationFilter = {}): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    if (this.#seq === 0n) return;
    const { relationType = '', name = '', fromId = '', toId = '' } = filter;
    const wanted = { ...ANY_RELATION, seq: this.#seq, relationType, name, fromId, toId };
    for await (const page of pages((cursor) => this.#source.read('readRelationsAt', { ...wanted, cursor }))) {
      yield await makeRelations(this.#source, page.relations);
    }
  }

  async *around(
    ids: readonly string[],
    { direction, types }: AroundFilter,
  ): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    if (this.#seq === 0n) return;
    for (const some of cut(ids)) {
      const wanted = { ids: some, direction, relationTypes: types ?? [], seq: this.#seq, limit: 0 };
      for await (const page of pages((cursor) => this.#source.read('readNeighborhood', { ...wanted, cursor }))) {
        yield await makeRelations(this.#source, page.relations);
      }
    }
  }
}

const ANY_ENTITY = { ids: [], scope: '', entityType: '', name: '', tag: '', ...FIRST_PAGE };
const ANY_RELATION = { ids: [], scope: '', relationType: '', name: '', fromId: '', toId: '', ...FIRST_PAGE };
