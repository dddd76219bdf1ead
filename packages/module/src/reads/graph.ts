import type { Range } from 'spacetimedb/server';
import { isReindexed } from '../maintenance/reindexing.ts';
import { declaredKeys, MAX_INDEXED_VALUE_BYTES } from '../ops/graph-lookups.ts';
import { refuse } from '../refusals/refused.ts';
import type { EntityRow, RelationRow } from '../schema/rows.ts';
import { isLongerThan } from '../values/text.ts';
import type { SeqSource } from './seq-reader.ts';
import { concat, readByIds, readPage, scopesToRead, type End, type PageRequest, type Reader } from './reader.ts';

/** What `read_entities` is called with. */
export interface EntitiesRequest extends PageRequest {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly entityType: string;
  readonly name: string;
  readonly tag: string;
  readonly property?: { readonly key: string; readonly value: string } | undefined;
}

/** Reads a page of entities. */
export function readEntities(reader: Reader, request: EntitiesRequest): { entities: EntityRow[] } & End {
  const { db } = reader;
  if (request.ids.length > 0) {
    const { rows, end } = readByIds(reader, request.ids, request, (id) => {
      const row = db.entity.id.find(id);
      return row !== null && mayReadEntity(reader, row) ? row : undefined;
    });
    return { entities: rows, ...end };
  }
  const { rows, end } = currentEntities(reader, request, (source) => readPage(reader, source, request));
  return { entities: rows, ...end };
}

/** Which entities a reader wants. */
export type EntityFilter = Omit<EntitiesRequest, 'ids' | 'cursor' | 'limit'>;

/** Whether an entity is wanted, and may be read. */
export function isWantedEntity(reader: Reader, filter: EntityFilter, row: EntityRow): boolean {
  return (
    (filter.scope === '' || row.scope === filter.scope) &&
    (filter.entityType === '' || row.entityType === filter.entityType) &&
    (filter.name === '' || row.name === filter.name) &&
    (filter.tag === '' || row.tags.includes(filter.tag)) &&
    mayReadEntity(reader, row)
  );
}

/** Takes the source that a read goes over, whatever its rows. */
export type UseSource<Result extends object, T> = <Row extends { readonly seq: bigint }>(
  source: SeqSource<Row, Result>,
) => T;

/** Reads the entities of now that are wanted, by the index that narrows most. @throws `permission/denied` */
export function currentEntities<T>(reader: Reader, filter: EntityFilter, use: UseSource<EntityRow, T>): T {
  const { db } = reader;
  const scopes = scopesToRead(reader, filter.scope, 'entity');
  const isWanted = (row: EntityRow): boolean => isWantedEntity(reader, filter, row);
  const side = sideTable(reader, filter);
  if (side !== undefined) return use(side(isWanted));
  return use<EntityRow>({
    fetch: (range) => {
      if (filter.name !== '') return db.entity.byName.filter([filter.name, range]);
      if (filter.entityType !== '') return db.entity.byType.filter([filter.entityType, range]);
      return concat(scopes.map((scope) => db.entity.byScope.filter([scope, range])));
    },
    tailOf: (row) => row.id,
    admit: (row) => (isWanted(row) ? row : undefined),
  });
}

interface LookupRow {
  readonly seq: bigint;
  readonly ownerId: string;
  readonly ownerKind: string;
}

interface LookupSource {
  readonly fetch: (range: Range<bigint>) => Iterable<LookupRow>;
  readonly tailOf: (row: LookupRow) => string;
  readonly admit: (row: LookupRow) => EntityRow | undefined;
}

/** The look-up by a property or a tag, whichever narrows more; undefined if neither was asked for. */
function sideTable(
  { db, settings }: Reader,
  request: EntityFilter,
): ((isWanted: (row: EntityRow) => boolean) => LookupSource) | undefined {
  const { property, tag } = request;
  if (property === undefined && tag === '') return undefined;
  if (property !== undefined) {
    if (!declaredKeys(settings, request.entityType).includes(property.key) || !isReindexed(db)) {
      const detail = { key: property.key.slice(0, 128), entityType: request.entityType };
      refuse(
        'graph/not-indexed',
        `The property '${detail.key}' is not indexed (any more or yet). Declare it in indexes.`,
        {
          details: detail,
        },
      );
    }
    if (isLongerThan(property.value, MAX_INDEXED_VALUE_BYTES)) {
      refuse('value/too-large', `Values over ${MAX_INDEXED_VALUE_BYTES} bytes are not indexed.`, {
        details: { limit: MAX_INDEXED_VALUE_BYTES },
      });
    }
  }
  return (isWanted) => ({
    fetch: (range): Iterable<LookupRow> =>
      property === undefined
        ? db.entityTag.byTag.filter([tag, range])
        : db.entityProperty.byValue.filter([property.key, property.value, range]),
    tailOf: (row) => row.ownerId,
    admit: (row) => {
      if (row.ownerKind !== 'entity') return undefined;
      const entity = db.entity.id.find(row.ownerId);
      return entity !== null && isWanted(entity) ? entity : undefined;
    },
  });
}

/** What `read_relations` is called with. */
export interface RelationsRequest extends PageRequest {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly relationType: string;
  readonly name: string;
  readonly fromId: string;
  readonly toId: string;
  readonly endId: string;
}

/** Reads a page of relations. */
export function readRelations(reader: Reader, request: RelationsRequest): { relations: RelationRow[] } & End {
  const { db } = reader;
  if (request.ids.length > 0) {
    const { rows, end } = readByIds(reader, request.ids, request, (id) => {
      const row = db.relation.id.find(id);
      return row !== null && mayReadRelation(reader, row) ? row : undefined;
    });
    return { relations: rows, ...end };
  }
  const { rows, end } = readPage(reader, currentRelations(reader, request), request);
  return { relations: rows, ...end };
}

/** Which relations a reader wants. */
export type RelationFilter = Omit<RelationsRequest, 'ids' | 'cursor' | 'limit'>;

/** The relations of now that are wanted, by the index that narrows most. @throws `permission/denied` */
export function currentRelations(reader: Reader, filter: RelationFilter): SeqSource<RelationRow, RelationRow> {
  const scopes = scopesToRead(reader, filter.scope, 'relation');
  return {
    fetch: (range) => fetchRelations(reader, filter, { scopes, range }),
    tailOf: (row) => row.id,
    admit: (row) => (isWantedRelation(filter, row) && mayReadRelation(reader, row) ? row : undefined),
  };
}

function fetchRelations(
  { db }: Reader,
  { fromId, toId, endId, name, relationType }: RelationFilter,
  { scopes, range }: { readonly scopes: readonly string[]; readonly range: Range<bigint> },
): Iterable<RelationRow> {
  if (fromId !== '') return db.relation.byFrom.filter([fromId, range]);
  if (toId !== '') return db.relation.byTo.filter([toId, range]);
  if (endId !== '') {
    const incoming = [...db.relation.byTo.filter([endId, range])].filter((row) => row.fromId !== endId);
    return concat([db.relation.byFrom.filter([endId, range]), incoming]);
  }
  if (name !== '') return db.relation.byName.filter([name, range]);
  if (relationType !== '') return db.relation.byType.filter([relationType, range]);
  return concat(scopes.map((scope) => db.relation.byScope.filter([scope, range])));
}

/** Whether a relation is wanted. */
export function isWantedRelation(request: RelationFilter, row: RelationRow): boolean {
  return (
    (request.scope === '' || row.scope === request.scope) &&
    (request.relationType === '' || row.relationType === request.relationType) &&
    (request.name === '' || row.name === request.name) &&
    (request.fromId === '' || row.fromId === request.fromId) &&
    (request.toId === '' || row.toId === request.toId) &&
    (request.endId === '' || row.fromId === request.endId || row.toId === request.endId)
  );
}

/** Whether the caller may read an entity. */
export function mayReadEntity(
  { access }: Reader,
  row: { readonly entityType: string; readonly scope: string },
): boolean {
  return access.allows('read', { kind: 'entity', name: row.entityType, scope: row.scope });
}

/** Whether the caller may read a relation. */
export function mayReadRelation(
  { access }: Reader,
  row: { readonly relationType: string; readonly scope: string },
): boolean {
  return access.allows('read', { kind: 'relation', name: row.relationType, scope: row.scope });
}
