import { makeWireTimestamp } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { ReadPage } from '../client/change-source.ts';
import { pages } from '../client/reads.ts';
import type { AroundFilter, EntityFilter, GraphPages, RelationFilter } from './graph-pages.ts';
import { cut } from './graph-reads.ts';
import { makeEntities, makeRelations, type RowSource, type StoredEntity, type StoredRelation } from './graph-rows.ts';

const MICROS_PER_MS = 1000n;
const FIRST_PAGE = { cursor: '', limit: 0 };

/** The last `seq` recorded up to the end of a millisecond. @throws NervError `graph/invalid-argument` */
export async function findMoment(read: ReadPage, time: number | Date): Promise<bigint> {
  const timeMs = time instanceof Date ? time.getTime() : time;
  if (!Number.isFinite(timeMs)) {
    throw new NervError(
      'graph/invalid-argument',
      `The option 'time' is ${String(time)}; it must be milliseconds since 1970, or a date.`,
      { details: { option: 'time', value: String(time) } },
    );
  }
  const end = (BigInt(Math.floor(timeMs)) + 1n) * MICROS_PER_MS - 1n;
  const { seq } = await read('readMoment', { time: makeWireTimestamp(end < 0n ? 0n : end) });
  return seq;
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
