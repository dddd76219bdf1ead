import { compilePattern, type EventPattern } from '@inner-universe/nerv/events/pattern';
import type { Range } from 'spacetimedb/server';
import { readLogHead } from '../log/log-writer.ts';
import { refuse } from '../refusals/refused.ts';
import type { EventLogRow, RecentEventRow } from '../schema/rows.ts';
import { checkPattern } from '../values/checks.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import { lastSeqBefore } from './log-time.ts';
import { PageBudget } from './page.ts';
import { concat, readByIds, scopesToRead, type Reader } from './reader.ts';
import { readBySeq } from './seq-reader.ts';

/** What `read_events` is called with. */
export interface EventsRequest {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly pattern: string;
  readonly kind: string;
  readonly source: string;
  readonly afterSeq: bigint;
  readonly throughSeq: bigint;
  readonly recordedFrom?: Timestamp | undefined;
  readonly recordedUntil?: Timestamp | undefined;
  readonly descending: boolean;
  readonly limit: number;
  readonly recentAfter?: bigint | undefined;
}

/** What `read_events` gives. */
export interface EventsResult {
  readonly events: EventLogRow[];
  readonly lookedTo: bigint;
  readonly more: boolean;
  readonly seq: bigint;
  readonly trimmedSeq: bigint;
  readonly recent: RecentEventRow[];
  readonly recentNumber: bigint;
}

/** Reads a page of the log, and of a scope's ephemeral events if asked for. */
export function readEvents(reader: Reader, request: EventsRequest): EventsResult {
  const { trimmedSeq } = readLogHead(reader.ctx);
  if (request.ids.length > 0) return readNamedEvents(reader, request, trimmedSeq);
  const scopes = scopesToRead(reader, request.scope, 'event');
  const budget = new PageBudget(request.limit);
  const page = readLog(reader, request, { scopes, budget, trimmedSeq });
  const recent = request.recentAfter === undefined ? undefined : readRecent(reader, request, budget);
  return {
    ...page,
    more: page.more || (recent?.more ?? false),
    seq: reader.seq,
    trimmedSeq,
    recent: recent?.rows ?? [],
    recentNumber: recent?.number ?? 0n,
  };
}

function readNamedEvents(reader: Reader, request: EventsRequest, trimmedSeq: bigint): EventsResult {
  const { rows, end } = readByIds(reader, request.ids, { cursor: '', limit: request.limit }, (id) => {
    const row = reader.db.eventLog.eventId.find(id);
    return row !== null && mayReadEvent(reader, row) ? row : undefined;
  });
  return { events: rows, lookedTo: 0n, more: end.more, seq: reader.seq, trimmedSeq, recent: [], recentNumber: 0n };
}

interface LogSpan {
  readonly scopes: readonly string[];
  readonly budget: PageBudget;
  readonly trimmedSeq: bigint;
}

function readLog(
  reader: Reader,
  request: EventsRequest,
  { scopes, budget, trimmedSeq }: LogSpan,
): Pick<EventsResult, 'events' | 'lookedTo' | 'more'> {
  const { descending, recordedFrom, recordedUntil } = request;
  if (!descending && request.afterSeq < trimmedSeq && recordedFrom === undefined) {
    refuse('event/trimmed', `The log begins after ${trimmedSeq}; what was before lies in an archive.`, {
      details: { trimmedSeq: trimmedSeq.toString(), afterSeq: request.afterSeq.toString() },
    });
  }
  let after = request.afterSeq > trimmedSeq ? request.afterSeq : trimmedSeq;
  let through = request.throughSeq === 0n || request.throughSeq > reader.seq ? reader.seq : request.throughSeq;
  if (recordedFrom !== undefined) {
    const before = lastSeqBefore(reader, trimmedSeq, micros(recordedFrom));
    if (before > after) after = before;
  }
  if (recordedUntil !== undefined) {
    const until = lastSeqBefore(reader, trimmedSeq, micros(recordedUntil) + 1n);
    if (until < through) through = until;
  }
  const pattern = request.pattern === '' ? undefined : compilePattern(checkPattern(request.pattern));
  const page = readBySeq(
    {
      fetch: (range) => fetchEvents(reader, request, { pattern, scopes, range }),
      tailOf: (row) => row.eventId,
      admit: (row) => (isWanted(reader, row, { ...request, compiled: pattern, scopes }) ? row : undefined),
    },
    {
      cursor: descending ? { seq: through + 1n, tail: '' } : { seq: after + 1n, tail: '' },
      first: after + 1n,
      last: through,
      descending,
    },
    budget,
  );
  const { seq, tail } = page.cursor;
  const lookedTo = !descending && tail === '' ? seq - 1n : seq;
  return {
    events: page.rows,
    lookedTo: lookedTo > request.afterSeq || descending ? lookedTo : request.afterSeq,
    more: page.more,
  };
}

interface Scan {
  readonly pattern: EventPattern | undefined;
  readonly scopes: readonly string[];
  readonly range: Range<bigint>;
}

/** Takes the index that fits best; whatever it lets through is filtered afterwards. */
function fetchEvents(reader: Reader, request: EventsRequest, { pattern, scopes, range }: Scan): Iterable<EventLogRow> {
  const { eventLog } = reader.db;
  if (pattern?.exact !== undefined) return eventLog.byType.filter([pattern.exact, range]);
  if (request.source !== '') return eventLog.bySource.filter([request.source, range]);
  if (request.scope === '' && reader.access.isOwner) return eventLog.seq.filter(range);
  return concat(scopes.map((scope) => eventLog.byScope.filter([scope, range])));
}

interface Wanted {
  readonly kind: string;
  readonly source: string;
  readonly scope: string;
  readonly compiled: EventPattern | undefined;
}

function isWanted(reader: Reader, row: EventLogRow, wanted: Wanted & { readonly scopes: readonly string[] }): boolean {
  if (wanted.scope !== '' && row.scope !== wanted.scope) return false;
  if (wanted.kind !== '' && row.kind !== wanted.kind) return false;
  if (wanted.source !== '' && row.source !== wanted.source) return false;
  if (wanted.compiled !== undefined && !wanted.compiled.matches(row.eventType)) return false;
  return mayReadEvent(reader, row);
}

/** Records of the module tell of everything in a scope, so they are for those who may read all of it. */
export function mayReadEvent(
  { access }: Reader,
  row: { readonly kind: string; readonly eventType: string; readonly scope: string },
): boolean {
  if (row.kind === 'system') return access.allows('read', { kind: 'scope', name: row.scope, scope: row.scope });
  return access.allows('read', { kind: 'event', name: row.eventType, scope: row.scope });
}

interface RecentPage {
  readonly rows: RecentEventRow[];
  readonly number: bigint;
  readonly more: boolean;
}

function readRecent(reader: Reader, request: EventsRequest, budget: PageBudget): RecentPage {
  if (request.scope === '') refuse('value/malformed', 'Ephemeral events are read by scope. Name one.');
  const after = request.recentAfter ?? 0n;
  const key = reader.db.scope.name.find(request.scope)?.scopeKey;
  const last = key === undefined ? 0n : (reader.db.head.scopeKey.find(key)?.recentNumber ?? 0n);
  const pattern = request.pattern === '' ? undefined : compilePattern(request.pattern);
  const page = readBySeq(
    {
      fetch: (range) =>
        [...reader.db.recentEvent.byScope.filter([request.scope, range])].map((row) => ({
          seq: row.recentNumber,
          row,
        })),
      tailOf: ({ row }) => row.eventId,
      admit: ({ row }) => {
        if (request.kind === 'system' || (request.source !== '' && request.source !== row.source)) return undefined;
        if (pattern !== undefined && !pattern.matches(row.eventType)) return undefined;
        return mayReadEvent(reader, row) ? row : undefined;
      },
    },
    { cursor: { seq: after + 1n, tail: '' }, first: after + 1n, last, descending: false },
    budget,
  );
  const { seq, tail } = page.cursor;
  const looked = tail === '' ? seq - 1n : seq;
  return { rows: page.rows, number: looked > after ? looked : after, more: page.more };
}
