import type {
  EntityHistoryRow,
  EntityRow,
  HistoryPage,
  RelationHistoryRow,
  RelationRow,
} from '@inner-universe/module/wire';
import { microsOf } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { Entity, Relation, RowVersion } from '@inner-universe/nerv/graph';
import { pages } from '../client/reads.ts';
import type { GraphKind } from '../encryption/graph-sealer.ts';
import { NervPersistenceError, RefusedError } from '../errors.ts';
import { GraphReads } from './graph-reads.ts';
import type { HistoryBound } from './history-bound.ts';
import { makeEntities, makeRelations, type RowSource } from './graph-rows.ts';

type Version = RowVersion<Entity | Relation>;
type Change =
  | { readonly kind: 'entity'; readonly row: EntityHistoryRow }
  | { readonly kind: 'relation'; readonly row: RelationHistoryRow };

/** Which part of a past is told. */
export interface Span {
  /** From when on it is kept. */
  readonly bound: HistoryBound;
  /** What was there at this time, in milliseconds, and all later; undefined for as far back as is kept. */
  readonly fromMs: number | undefined;
}

/**
 * What the entity, then the relation, of an id has been, the oldest first, by pages.
 * @throws NervError `graph/no-history`, at its end, when not all of it was kept
 */
export async function* readVersions(
  source: RowSource,
  id: string,
  span: Span,
): AsyncGenerator<readonly Version[], void, undefined> {
  for (const kind of ['entity', 'relation'] as const) yield* readVersionsOf(source, { kind, id }, span);
}

async function* readVersionsOf(
  source: RowSource,
  { kind, id }: { readonly kind: GraphKind; readonly id: string },
  span: Span,
): AsyncGenerator<readonly Version[], void, undefined> {
  const reads = new GraphReads(source);
  const find = async (): Promise<EntityRow | RelationRow | undefined> =>
    (kind === 'entity' ? await reads.entityRowsById([id]) : await reads.relationRowsById([id]))[0];
  const before = await find();
  let last: Change | undefined;
  let isWhole = true;
  for await (const page of historyPages(source, kind, id)) {
    const told: Version[] = [];
    for (const change of changesOf(page, kind)) {
      isWhole = isSettled(change, span) || (isWhole && follows(last, change));
      const version = last === undefined ? undefined : await versionOf(source, { change: last, next: change }, span);
      if (version !== undefined) told.push(version);
      last = change;
    }
    if (told.length > 0) yield told;
  }
  const isEnded = last === undefined || last.row.operation === 'deleted';
  // What is there now must be what the history tells last.
  const isTold = before === undefined ? isEnded || (await find()) !== undefined : (last?.row.seq ?? -1n) >= before.seq;
  if (!isTold || !isWhole) throw makeUntold(kind, id);
  const version = last === undefined ? undefined : await versionOf(source, { change: last, next: undefined }, span);
  if (version !== undefined) yield [version];
}

/** Whether what came before a change does not matter: it is pruned, or not asked for. */
function isSettled(change: Change, { bound, fromMs }: Span): boolean {
  return change.row.seq <= bound.keptFromSeq || (fromMs !== undefined && timeOf(change) <= fromMs);
}

async function* historyPages(
  source: RowSource,
  of: GraphKind,
  id: string,
): AsyncGenerator<HistoryPage, void, undefined> {
  const wanted = { of, id, scope: '', throughSeq: 0n, recordedUntil: undefined, limit: 0 };
  try {
    yield* pages((cursor) => source.read('readHistory', { ...wanted, cursor }));
  } catch (error) {
    // Who may read entities alone knows of no relation.
    if (!(error instanceof RefusedError) || error.code !== 'permission/denied') throw error;
  }
}

function changesOf({ entities, relations }: HistoryPage, kind: GraphKind): readonly Change[] {
  if (kind === 'entity') return entities.map((row) => ({ kind, row }));
  return relations.map((row) => ({ kind, row }));
}

/** Whether nothing that was not kept lies between two changes, or before the first. */
function follows(last: Change | undefined, { row: after }: Change): boolean {
  if (after.operation === 'created') return last === undefined || last.row.operation === 'deleted';
  return last !== undefined && after.revision === last.row.revision + (after.operation === 'deleted' ? 0 : 1);
}

/** What a change made, until the next one; undefined for a deletion, and for what is not asked for. */
async function versionOf(
  source: RowSource,
  { change, next }: { readonly change: Change; readonly next: Change | undefined },
  { bound, fromMs }: Span,
): Promise<Version | undefined> {
  if (change.row.operation === 'deleted') return undefined;
  if (next !== undefined && fromMs !== undefined && timeOf(next) <= fromMs) return undefined;
  const [row] = await (change.kind === 'entity'
    ? makeEntities(source, [entityOf(change.row)])
    : makeRelations(source, [relationOf(change.row)]));
  if (row === undefined) return undefined;
  // What was there before the bound may have been something else before that, which nobody knows any more.
  const recordedAt = change.row.seq < bound.keptFromSeq ? undefined : timeOf(change);
  return Object.freeze({ subject: change.kind, row, recordedAt, replacedAt: next && timeOf(next) });
}

function makeUntold(kind: GraphKind, id: string): NervError {
  return new NervError(
    'graph/no-history',
    `Not all that the ${kind} '${id}' has been is told: the history of its type was 'none' at some time, or its type ` +
      "was one that you may not read. Set the history to 'full' to keep what comes, ask for the past from a later time " +
      'on, or read what it is with getEntity or getRelation.',
    { details: { kind, id } },
  );
}

function timeOf({ row }: Change): number {
  return Number(microsOf(row.recordedAt) / 1000n);
}

function entityOf(row: EntityHistoryRow): EntityRow {
  return { ...row, id: row.entityId, createdSeq: 0n };
}

function relationOf(row: RelationHistoryRow): RelationRow {
  return { ...row, id: row.relationId, createdSeq: 0n };
}

/**
 * All versions of an id, at most so many; reads no more pages once the signal has aborted.
 * @throws {NervPersistenceError} `graph/too-large`
 */
export async function collectVersions<T>(
  pages: AsyncIterable<readonly T[]>,
  {
    id,
    versionsMax,
    signal,
  }: { readonly id: string; readonly versionsMax: number; readonly signal: AbortSignal | undefined },
): Promise<readonly T[]> {
  const versions: T[] = [];
  for await (const page of pages) {
    signal?.throwIfAborted();
    versions.push(...page);
    if (versions.length > versionsMax) throw makeTooLong(id, versionsMax);
  }
  return versions;
}

function makeTooLong(id: string, versionsMax: number): NervPersistenceError {
  return new NervPersistenceError(
    'graph/too-large',
    `'${id}' has had more than ${versionsMax} versions. Read them by historyPages(), or raise \`versionsMax\`.`,
    { details: { id, versionsMax } },
  );
}
