import { microsOf, type EntityRow, type GraphColumns, type RelationRow } from '@inner-universe/module/wire';
import type { Entity, Properties, Relation } from '@inner-universe/nerv';
import { parse } from '@inner-universe/nerv/values';
import type { ReadPage } from '../client/change-source.ts';
import { loadStoredText } from '../client/value-text.ts';

/** An entity that the module has, so that it has a place in the log. */
export type StoredEntity = Entity & { readonly seq: number };
/** As `StoredEntity`, for relations. */
export type StoredRelation = Relation & { readonly seq: number };

/** Entities of rows, in their order; large properties are fetched. */
export function makeEntities(read: ReadPage, rows: readonly EntityRow[]): Promise<readonly StoredEntity[]> {
  return Promise.all(rows.map(async (row) => Object.freeze({ ...(await common(read, row)), type: row.entityType })));
}

/** Relations of rows, in their order. A relation without a strength counts as strong as one. */
export function makeRelations(read: ReadPage, rows: readonly RelationRow[]): Promise<readonly StoredRelation[]> {
  return Promise.all(
    rows.map(async (row) =>
      Object.freeze({
        ...(await common(read, row)),
        type: row.relationType,
        from: row.fromId,
        to: row.toId,
        strength: row.strength ?? 1,
        bidirectional: row.bidirectional,
      }),
    ),
  );
}

async function common(
  read: ReadPage,
  row: GraphColumns & { readonly id: string },
): Promise<Omit<StoredEntity, 'type'>> {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tags: Object.freeze([...row.tags]),
    properties: await readProperties(read, row),
    createdAt: milliseconds(row.createdAt),
    updatedAt: milliseconds(row.updatedAt),
    validFrom: row.validFrom === undefined ? undefined : milliseconds(row.validFrom),
    validTo: row.validTo === undefined ? undefined : milliseconds(row.validTo),
    seq: Number(row.seq),
  };
}

async function readProperties(read: ReadPage, row: GraphColumns): Promise<Properties> {
  const { properties, propertiesEncoding, scope } = row;
  // Sealed properties are for whoever holds the key; here they are only known to be there.
  if (propertiesEncoding === 'sealed/1') return Object.freeze({ $sealed: properties });
  const text = await loadStoredText(read, { text: properties, encoding: propertiesEncoding, scope });
  return Object.freeze(parse(text)) as Properties; // the module takes objects only
}

function milliseconds(time: GraphColumns['createdAt']): number {
  return Number(microsOf(time) / 1000n);
}
