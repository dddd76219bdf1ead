import type { Clock } from '@inner-universe/nerv';
import type { EntityQuery } from '@inner-universe/nerv/graph';
import { escapeKey, stringify } from '@inner-universe/nerv/values';
import { RefusedError } from '../errors.ts';
import type { AroundFilter, EntityFilter, GraphPages, RelationFilter } from './graph-pages.ts';
import type { StoredEntity, StoredRelation } from './graph-rows.ts';

/** Values of one condition that are looked up one by one, at most. */
const VALUES_MAX = 16;
/** Longer texts are in no index. */
const TEXT_LENGTH_MAX = 256;
/** How long a property is taken to have no index after the module said so, in microseconds. */
const UNINDEXED_MICROS = 60_000_000n;

/** A filter, or several, that find all that a query can match through an index of a property, if there should be one. */
export function narrowByProperty(query: EntityQuery, filter: EntityFilter): readonly EntityFilter[] {
  for (const [key, condition] of Object.entries(query.where?.properties ?? {})) {
    const texts = key.startsWith('/') ? undefined : textsOf(condition);
    if (texts !== undefined) return texts.map((value) => ({ ...filter, property: { key: escapeKey(key), value } }));
  }
  return [filter];
}

/** Reads through an index of properties where the universe has it, and without where it has not. */
export class IndexedPages implements GraphPages {
  readonly #pages: GraphPages;
  readonly #clock: Clock;
  /** When the module said that there is no index, by type and key. */
  readonly #unindexed = new Map<string, bigint>();

  constructor(pages: GraphPages, clock: Clock) {
    this.#pages = pages;
    this.#clock = clock;
  }

  entitiesById(ids: readonly string[]): Promise<readonly StoredEntity[]> {
    return this.#pages.entitiesById(ids);
  }

  relationsById(ids: readonly string[]): Promise<readonly StoredRelation[]> {
    return this.#pages.relationsById(ids);
  }

  async *entities(filter: EntityFilter = {}): AsyncGenerator<readonly StoredEntity[], void, undefined> {
    const { property, ...rest } = filter;
    const name = stringify([filter.entityType ?? '', property?.key ?? '']);
    if (property === undefined || this.#isUnindexed(name)) {
      yield* this.#pages.entities(rest);
      return;
    }
    try {
      yield* this.#pages.entities(filter);
      return;
    } catch (error) {
      // It is said before the first page, or, where the index was taken away meanwhile, later: rows may come twice.
      if (!(error instanceof RefusedError) || error.code !== 'graph/not-indexed') throw error;
      this.#unindexed.set(name, this.#clock.nowMicros());
    }
    yield* this.#pages.entities(rest);
  }

  relations(filter?: RelationFilter): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    return this.#pages.relations(filter);
  }

  around(ids: readonly string[], filter: AroundFilter): AsyncGenerator<readonly StoredRelation[], void, undefined> {
    return this.#pages.around(ids, filter);
  }

  #isUnindexed(name: string): boolean {
    const since = this.#unindexed.get(name);
    return since !== undefined && this.#clock.nowMicros() - since < UNINDEXED_MICROS;
  }
}

/** The texts that an index has for what a condition asks for; undefined where others are the same to it. */
function textsOf(condition: unknown): readonly string[] | undefined {
  const one = textOf(condition);
  if (one !== undefined) return [one];
  if (typeof condition !== 'object' || condition === null) return undefined;
  const equals = textOf(Reflect.get(condition, 'equals'));
  if (equals !== undefined) return [equals];
  const list: unknown = Reflect.get(condition, 'in');
  if (!Array.isArray(list) || list.length === 0 || list.length > VALUES_MAX) return undefined;
  const texts = list.map(textOf);
  return texts.every((text) => text !== undefined) ? [...new Set(texts)] : undefined;
}

function textOf(value: unknown): string | undefined {
  // 0 and -0 are the same to a condition, and two texts.
  const isExact = typeof value === 'number' ? Number.isFinite(value) && value !== 0 : isScalar(value);
  if (!isExact) return undefined;
  const text = stringify(value);
  return text.length <= TEXT_LENGTH_MAX ? text : undefined;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint';
}
