import type { Range } from 'spacetimedb/server';
import { readLogHead } from '../log/log-writer.ts';
import { refuse } from '../refusals/refused.ts';
import type { EntityHistoryRow, RelationHistoryRow } from '../schema/rows.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import { positionTail } from './cursor.ts';
import { mayReadEntity, mayReadRelation } from './graph.ts';
import { historyBoundOf, isKept } from './history-bound.ts';
import { lastSeqBefore } from './log-time.ts';
import { concat, readPage, scopesToRead, type End, type PageRequest, type Reader } from './reader.ts';
import { entityPast, relationPast } from './row-past.ts';

/** What `read_history` is called with. */
export interface HistoryRequest extends PageRequest {
  readonly of: string;
  readonly id: string;
  readonly scope: string;
  readonly throughSeq: bigint;
  readonly recordedUntil?: Timestamp | undefined;
}

/** What `read_history` gives. */
export type HistoryResult = { entities: EntityHistoryRow[]; relations: RelationHistoryRow[] } & End;

/** Reads a page of the past of entities or relations, as far back as it is kept. */
export function readHistory(reader: Reader, request: HistoryRequest): HistoryResult {
  if (request.of === 'entity') return readEntityHistory(reader, request);
  if (request.of === 'relation') return readRelationHistory(reader, request);
  return refuse('value/malformed', `History is kept of entity and relation, not of '${request.of.slice(0, 128)}'.`);
}

function readEntityHistory(reader: Reader, request: HistoryRequest): HistoryResult {
  const { entityHistory } = reader.db;
  const scopes = scopesToRead(reader, request.scope, 'entity');
  const past = entityPast(reader);
  const bound = historyBoundOf(reader.db);
  const source = {
    fetch: (range: Range<bigint>): Iterable<EntityHistoryRow> =>
      request.id === ''
        ? concat(scopes.map((scope) => entityHistory.byScope.filter([scope, range])))
        : entityHistory.byEntity.filter([request.id, range]),
    tailOf: (row: EntityHistoryRow) => positionTail(row.position, row.entityId),
    admit: (row: EntityHistoryRow) =>
      isInTime(request, row) && mayReadEntity(reader, row) && isKept(past, bound, row) ? row : undefined,
  };
  const { rows, end } = readPage(reader, source, { ...request, through: lastSeqOf(reader, request) });
  return { entities: rows, relations: [], ...end };
}

function readRelationHistory(reader: Reader, request: HistoryRequest): HistoryResult {
  const { relationHistory } = reader.db;
  const scopes = scopesToRead(reader, request.scope, 'relation');
  const past = relationPast(reader);
  const bound = historyBoundOf(reader.db);
  const source = {
    fetch: (range: Range<bigint>): Iterable<RelationHistoryRow> =>
      request.id === ''
        ? concat(scopes.map((scope) => relationHistory.byScope.filter([scope, range])))
        : relationHistory.byRelation.filter([request.id, range]),
    tailOf: (row: RelationHistoryRow) => positionTail(row.position, row.relationId),
    admit: (row: RelationHistoryRow) =>
      isInTime(request, row) && mayReadRelation(reader, row) && isKept(past, bound, row) ? row : undefined,
  };
  const { rows, end } = readPage(reader, source, { ...request, through: lastSeqOf(reader, request) });
  return { entities: [], relations: rows, ...end };
}

/** The last `seq` that can be wanted; 0 for the head. Before the first wanted one there is nothing to read. */
function lastSeqOf(reader: Reader, { throughSeq, recordedUntil }: HistoryRequest): bigint {
  if (recordedUntil === undefined) return throughSeq;
  const until = lastSeqBefore(reader, readLogHead(reader.ctx).trimmedSeq, micros(recordedUntil) + 1n);
  const last = throughSeq === 0n || until < throughSeq ? until : throughSeq;
  return last === 0n ? 1n : last;
}

function isInTime(request: HistoryRequest, row: { readonly scope: string; readonly recordedAt: Timestamp }): boolean {
  if (request.scope !== '' && row.scope !== request.scope) return false;
  return request.recordedUntil === undefined || micros(row.recordedAt) <= micros(request.recordedUntil);
}
