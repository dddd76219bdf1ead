import { microsOf, type EntityRow, type GraphColumns, type RelationRow } from '@inner-universe/module/wire';
import type { Entity, Properties, Relation } from '@inner-universe/nerv';
import { parse } from '@inner-universe/nerv/values';
import type { ReadPage } from '../client/change-source.ts';
import { loadStoredText } from '../client/value-text.ts';
import type { GraphKind, GraphSealer } from '../encryption/graph-sealer.ts';

/** An entity that the module has, so that it has a place in the log. */
export type StoredEntity = Entity & { readonly seq: number };
/** As `StoredEntity`, for relations. */
export type StoredRelation = Relation & { readonly seq: number };

/** What rows are read with: where large properties are fetched, and what opens sealed ones. */
export interface RowSource {
  readonly read: ReadPage;
  readonly sealer: GraphSealer | undefined;
}

/** Entities of rows, in their order; large properties are fetched, and sealed ones opened as far as their keys are here. */
export function makeEntities(source: RowSource, rows: readonly EntityRow[]): Promise<readonly StoredEntity[]> {
  return Promise.all(
    rows.map(async (row) => {
      const subject: RowSubject = { kind: 'entity', type: row.entityType };
      return Object.freeze({ ...(await common(source, row, subject)), type: row.entityType });
    }),
  );
}

/** Relations of rows, in their order. A relation without a strength counts as strong as one. */
export function makeRelations(source: RowSource, rows: readonly RelationRow[]): Promise<readonly StoredRelation[]> {
  return Promise.all(
    rows.map(async (row) =>
      Object.freeze({
        ...(await common(source, row, { kind: 'relation', type: row.relationType })),
        type: row.relationType,
        from: row.fromId,
        to: row.toId,
        strength: row.strength ?? 1,
        bidirectional: row.bidirectional,
      }),
    ),
  );
}

/** Rows with their sealed properties opened, as far as their keys are here. */
export async function openRows<Row extends StoredEntity | StoredRelation>(
  sealer: GraphSealer,
  kind: GraphKind,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  return Promise.all(
    rows.map(async (row) => {
      if (!sealer.covers(kind, row.type)) return row;
      const opened: Row = { ...row, properties: await sealer.open(kind, row, row.properties) };
      return Object.freeze(opened) as Row;
    }),
  );
}

interface RowSubject {
  readonly kind: GraphKind;
  readonly type: string;
}

async function common(
  source: RowSource,
  row: GraphColumns & { readonly id: string },
  { kind, type }: RowSubject,
): Promise<Omit<StoredEntity, 'type'>> {
  const { sealer } = source;
  const stored = await readProperties(source.read, row);
  const isSealed = sealer?.covers(kind, type) === true;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tags: Object.freeze([...row.tags]),
    properties: isSealed ? await sealer.open(kind, { id: row.id, type }, stored) : stored,
    createdAt: milliseconds(row.createdAt),
    updatedAt: milliseconds(row.updatedAt),
    validFrom: row.validFrom === undefined ? undefined : milliseconds(row.validFrom),
    validTo: row.validTo === undefined ? undefined : milliseconds(row.validTo),
    seq: Number(row.seq),
  };
}

async function readProperties(read: ReadPage, row: GraphColumns): Promise<Properties> {
  const { properties, propertiesEncoding, scope } = row;
  // Properties are sealed one by one. What another client sealed as a whole is only known to be there.
  if (propertiesEncoding === 'sealed/1') return Object.freeze({ $sealed: properties });
  const text = await loadStoredText(read, { text: properties, encoding: propertiesEncoding, scope });
  return Object.freeze(parse(text)) as Properties; // the module takes objects only
}

function milliseconds(time: GraphColumns['createdAt']): number {
  return Number(microsOf(time) / 1000n);
}
