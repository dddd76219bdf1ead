/**
 * The graph as it was at a `seq`, and the surroundings of entities, now or then. A past is read in the cheaper of two
 * ways: what is the same now and what changed since; or, nearer to the beginning of the log, the changes up to then.
 * While pages are read, what changes may come twice, the same both times.
 */
import type { Range } from 'spacetimedb/server';
import { readLogHead } from '../log/log-writer.ts';
import { refuse } from '../refusals/refused.ts';
import type { EntityHistoryRow, EntityRow, RelationHistoryRow, RelationRow } from '../schema/rows.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import { MAX_READ_IDS } from '../wire/limits.ts';
import { positionTail } from './cursor.ts';
import {
  currentEntities,
  currentRelations,
  isWantedEntity,
  isWantedRelation,
  type EntityFilter,
  type RelationFilter,
} from './graph.ts';
import { historiesOf, momentAt, type HistoryFetch } from './graph-moment.ts';
import { historyBoundOf, refuseTrimmed, requireKept } from './history-bound.ts';
import { makePhase, readInPhases, type Phase } from './phases.ts';
import { concat, readByIds, scopesToRead, type End, type PageRequest, type Reader } from './reader.ts';
import { entityPast, isFirstAfter, isLastUpTo, relationPast, requireTold, rowAt, type Past } from './row-past.ts';
import type { SeqSource } from './seq-reader.ts';

/** What `read_moment` is called with. */
export interface MomentRequest {
  readonly time: Timestamp;
}

/**
 * The last `seq` recorded up to a time; of a part of the log that is trimmed, the last change of the graph up to then.
 * @throws `graph/history-trimmed`
 */
export function readMoment(reader: Reader, { time }: MomentRequest): { seq: bigint } {
  const { trimmedSeq } = readLogHead(reader.ctx);
  const bound = historyBoundOf(reader.db);
  if (bound !== undefined && micros(time) < micros(bound.keptFrom)) refuseTrimmed(bound, 'at that time');
  const seq = momentAt(reader, micros(time), { trimmedSeq, histories: readableHistories(reader) });
  // The changes by which the last moment up to the bound was found may be pruned: the bound is the same moment.
  return { seq: bound !== undefined && seq < bound.keptFromSeq ? bound.keptFromSeq : seq };
}

/** What `read_entities_at` is called with. */
export interface EntitiesAtRequest extends PageRequest, Omit<EntityFilter, 'property'> {
  readonly seq: bigint;
  readonly ids: readonly string[];
}

/** Reads a page of the entities as they were. @throws `graph/no-history`, `graph/history-trimmed` */
export function readEntitiesAt(reader: Reader, request: EntitiesAtRequest): { entities: EntityRow[] } & End {
  requireKept(reader.db, request.seq);
  const past = entityPast(reader);
  const { rows, end } =
    request.ids.length > 0
      ? readIdsAt(reader, past, request)
      : scanAt(reader, past, request, entitySources(reader, request));
  return { entities: rows, ...end };
}

/** What `read_relations_at` is called with. */
export interface RelationsAtRequest extends PageRequest, RelationFilter {
  readonly seq: bigint;
  readonly ids: readonly string[];
}

/** Reads a page of the relations as they were. @throws `graph/no-history`, `graph/history-trimmed` */
export function readRelationsAt(reader: Reader, request: RelationsAtRequest): { relations: RelationRow[] } & End {
  requireKept(reader.db, request.seq);
  const past = relationPast(reader);
  const { rows, end } =
    request.ids.length > 0
      ? readIdsAt(reader, past, request)
      : scanAt(reader, past, request, relationSources(reader, past, request));
  return { relations: rows, ...end };
}

/** What `read_neighborhood` is called with. */
export interface NeighborhoodRequest extends PageRequest {
  readonly ids: readonly string[];
  readonly direction: string;
  readonly relationTypes: readonly string[];
  /** 0: as it is at present. */
  readonly seq: bigint;
}

/** Reads a page of the relations around several entities. @throws `graph/no-history`, `graph/history-trimmed` */
export function readNeighborhood(reader: Reader, request: NeighborhoodRequest): { relations: RelationRow[] } & End {
  const { ids, direction, relationTypes, seq } = request;
  if (ids.length > MAX_READ_IDS) {
    refuse('limit/ops', `${ids.length} ids were asked for; ${MAX_READ_IDS} are allowed at a time.`, {
      details: { ids: ids.length, limit: MAX_READ_IDS },
    });
  }
  if (direction !== 'out' && direction !== 'in' && direction !== 'both') {
    refuse('value/malformed', `The direction is 'out', 'in' or 'both', not '${direction.slice(0, 128)}'.`);
  }
  scopesToRead(reader, '', 'relation');
  const past = relationPast(reader);
  if (seq > 0n) requireKept(reader.db, seq);
  if (seq > 0n) requireTold(reader, 'relation', relationTypes, seq);
  const types = new Set(relationTypes);
  const isWanted = (row: RelationRow, id: string): boolean =>
    (types.size === 0 || types.has(row.relationType)) && isTaken(row, id, direction) && past.mayRead(row);
  const perId = seq === 0n ? 1 : 2;
  const phase = (number: number): Phase<RelationRow> => {
    const id = ids[Math.floor(number / perId)] ?? '';
    if (number % perId === 1) {
      return makePhase(changedAround(reader, past, { id, seq, isWanted }), { first: seq + 1n, last: reader.seq });
    }
    return makePhase(around(reader, id, isWanted), { first: 0n, last: seq === 0n ? reader.seq : seq });
  };
  const { rows, end } = readInPhases(reader, { count: ids.length * perId, phase }, request);
  return { relations: rows, ...end };
}

/** Whether a step along a relation leads away from an entity in this direction. */
function isTaken(row: RelationRow, id: string, direction: 'out' | 'in' | 'both'): boolean {
  if (row.fromId !== id && row.toId !== id) return false;
  return direction === 'both' || row.bidirectional || (direction === 'out' ? row.fromId : row.toId) === id;
}

function around(
  { db }: Reader,
  id: string,
  isWanted: (row: RelationRow, id: string) => boolean,
): SeqSource<RelationRow, RelationRow> {
  return {
    fetch: (range) => bothEnds(db.relation.byFrom.filter([id, range]), db.relation.byTo.filter([id, range]), id),
    tailOf: (row) => row.id,
    admit: (row) => (isWanted(row, id) ? row : undefined),
  };
}

interface Surroundings {
  readonly id: string;
  readonly seq: bigint;
  readonly isWanted: (row: RelationRow, id: string) => boolean;
}

/** The relations around an entity that changed after a `seq`, as they were at it. */
function changedAround(
  reader: Reader,
  past: Past<RelationRow, RelationHistoryRow>,
  { id, seq, isWanted }: Surroundings,
): SeqSource<RelationHistoryRow, RelationRow> {
  const { relationHistory } = reader.db;
  return {
    fetch: (range) =>
      bothEnds(relationHistory.byFrom.filter([id, range]), relationHistory.byTo.filter([id, range]), id),
    tailOf: (row) => positionTail(row.position, row.relationId),
    admit: (change) => {
      if (!isFirstAfter(past, change, seq)) return undefined;
      const row = rowAt(reader, past, { id: change.relationId, seq });
      return row !== undefined && isWanted(row, id) ? row : undefined;
    },
  };
}

function bothEnds<Row extends { readonly fromId: string }>(
  from: Iterable<Row>,
  to: Iterable<Row>,
  id: string,
): Iterable<Row> {
  return concat([from, [...to].filter((row) => row.fromId !== id)]);
}

interface AtRequest extends PageRequest {
  readonly seq: bigint;
  readonly ids: readonly string[];
}

function readIdsAt<Row extends EntityRow | RelationRow, History extends EntityHistoryRow | RelationHistoryRow>(
  reader: Reader,
  past: Past<Row, History>,
  request: AtRequest,
): { readonly rows: Row[]; readonly end: End } {
  return readByIds(reader, request.ids, request, (id) => {
    const row = rowAt(reader, past, { id, seq: request.seq });
    return row !== undefined && past.mayRead(row) ? row : undefined;
  });
}

/** The phases: what is the same now, what changed since; and, for the other way, the changes up to then. */
const SINCE = 1;
const UP_TO_THEN = 3;

interface ScanRequest extends PageRequest {
  readonly seq: bigint;
  readonly entityType?: string;
  readonly relationType?: string;
}

/** The one type that is asked for; empty for all. */
function typeOf({ entityType, relationType }: ScanRequest): string {
  return entityType ?? relationType ?? '';
}

/** Where to begin: an empty cursor chooses between the two ways, any other goes on. */
function startOf(
  reader: Reader,
  { kind }: { readonly kind: 'entity' | 'relation' },
  request: ScanRequest,
): PageRequest {
  const type = typeOf(request);
  requireTold(reader, kind, type === '' ? [] : [type], request.seq);
  if (request.cursor !== '') return request;
  // What was never recorded is found where it is now, only.
  const isAllRecorded = ![...reader.db.historyGap.iter()].some(({ ownerKind }) => ownerKind === kind);
  const isEarly = request.seq < reader.seq - request.seq;
  return isAllRecorded && isEarly ? { ...request, cursor: `${UP_TO_THEN}/` } : request;
}

/** What a scan of the past goes over. */
interface Sources<Row extends object, History> {
  /** What is the same now as it was. */
  readonly unchanged: Phase<Row>;
  readonly fetch: (range: Range<bigint>) => Iterable<History>;
  readonly isWanted: (row: Row) => boolean;
}

function entitySources(reader: Reader, request: EntitiesAtRequest): Sources<EntityRow, EntityHistoryRow> {
  const { entityHistory } = reader.db;
  const filter = { ...request, property: undefined };
  const scopes = scopesToRead(reader, request.scope, 'entity');
  return {
    unchanged: currentEntities(reader, filter, (source) => unchangedUpTo(source, request.seq)),
    fetch: (range) => concat(scopes.map((scope) => entityHistory.byScope.filter([scope, range]))),
    isWanted: (row) => isWantedEntity(reader, filter, row),
  };
}

function relationSources(
  reader: Reader,
  past: Past<RelationRow, RelationHistoryRow>,
  request: RelationsAtRequest,
): Sources<RelationRow, RelationHistoryRow> {
  const { relationHistory } = reader.db;
  const { fromId, toId } = request;
  const scopes = scopesToRead(reader, request.scope, 'relation');
  return {
    unchanged: unchangedUpTo(currentRelations(reader, request), request.seq),
    fetch: (range) => {
      if (fromId !== '') return relationHistory.byFrom.filter([fromId, range]);
      if (toId !== '') return relationHistory.byTo.filter([toId, range]);
      return concat(scopes.map((scope) => relationHistory.byScope.filter([scope, range])));
    },
    isWanted: (row) => isWantedRelation(request, row) && past.mayRead(row),
  };
}

/** The rows of now that have not changed after a `seq`. */
function unchangedUpTo<Row extends { readonly seq: bigint }, Result extends { readonly seq: bigint }>(
  source: SeqSource<Row, Result>,
  seq: bigint,
): Phase<Result> {
  const admit = (found: Row): Result | undefined => {
    const row = source.admit(found);
    return row !== undefined && row.seq <= seq ? row : undefined;
  };
  return makePhase({ ...source, admit }, { first: 0n, last: seq });
}

type AnyRow = EntityRow | RelationRow;
type AnyHistory = EntityHistoryRow | RelationHistoryRow;

function scanAt<Row extends AnyRow, History extends AnyHistory>(
  reader: Reader,
  past: Past<Row, History>,
  request: ScanRequest,
  { unchanged, fetch, isWanted }: Sources<Row, History>,
): { readonly rows: Row[]; readonly end: End } {
  const { seq } = request;
  const start = startOf(reader, past, request);
  const changes = (isPlace: (change: History) => boolean): SeqSource<History, Row> => ({
    fetch,
    tailOf: (change) => positionTail(change.position, past.idOf(change)),
    admit: (change) => {
      if (!isPlace(change)) return undefined;
      const row = rowAt(reader, past, { id: past.idOf(change), seq, type: typeOf(request) });
      return row !== undefined && isWanted(row) ? row : undefined;
    },
  });
  const phase = (number: number): Phase<Row> => {
    if (number === SINCE) {
      return makePhase(
        changes((change) => isFirstAfter(past, change, seq)),
        { first: seq + 1n, last: reader.seq },
      );
    }
    if (number === UP_TO_THEN)
      return makePhase(
        changes((change) => isLastUpTo(past, change, seq)),
        { first: 0n, last: seq },
      );
    return unchanged;
  };
  const isUpToThen = start.cursor.startsWith(`${UP_TO_THEN}/`) || start.cursor.startsWith(`${UP_TO_THEN + 1}/`);
  return readInPhases(reader, { count: isUpToThen ? UP_TO_THEN + 1 : SINCE + 1, phase }, start);
}

/** The histories that the caller may read something of. */
function readableHistories({ db, access }: Reader): readonly HistoryFetch[] {
  return [...db.scope.iter()].flatMap(({ name: scope }) => {
    const { entity, relation } = historiesOf(db, scope);
    return [
      ...(access.mayReadSome('entity', scope) ? [entity] : []),
      ...(access.mayReadSome('relation', scope) ? [relation] : []),
    ];
  });
}
