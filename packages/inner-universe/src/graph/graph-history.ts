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
import { makeEntities, makeRelations, type RowSource } from './graph-rows.ts';

type Version = RowVersion<Entity | Relation>;
type Change =
  | { readonly kind: 'entity'; readonly row: EntityHistoryRow }
  | { readonly kind: 'relation'; readonly row: RelationHistoryRow };

/**
 * What the entity, then the relation, of an id has been, the oldest first, by pages.
 * @throws NervError `graph/no-history`, at its end, when not all of it was kept
 */
export async function* readVersions(
  source: RowSource,
  id: string,
): AsyncGenerator<readonly Version[], void, undefined> {
  for (const kind of ['entity', 'relation'] as const) yield* readVersionsOf(source, kind, id);
}

async function* readVersionsOf(
  source: RowSource,
  kind: GraphKind,
  id: string,
): AsyncGenerator<readonly Version[], void, undefined> {
  const reads = new GraphReads(source);
  const find = async (): Promise<EntityRow | RelationRow | undefined> =>
    (kind === 'entity' ? await reads.entityRowsById([id]) : await reads.relationRowsById([id]))[0];
  const before = await find();
  let last: Change | undefined;
  let isWhole = true;
  for await (const page of historyPages(source, kind, id)) {
    const changes = changesOf(page, kind);
    const told: Version[] = [];
    for (const change of changes) {
      isWhole &&= last === undefined || follows(last, change);
      const version = last === undefined ? undefined : await versionOf(source, last, change);
      if (version !== undefined) told.push(version);
      last = change;
    }
    if (told.length > 0) yield told;
  }
  const isEnded = last === undefined || last.row.operation === 'deleted';
  // What is there now must be what the history tells last.
  const isTold = before === undefined ? isEnded || (await find()) !== undefined : (last?.row.seq ?? -1n) >= before.seq;
  if (!isTold || !isWhole) throw makeUntold(kind, id);
  const version = last === undefined ? undefined : await versionOf(source, last, undefined);
  if (version !== undefined) yield [version];
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

/** Whether nothing that was not kept lies between two changes. */
function follows({ row: before }: Change, { row: after }: Change): boolean {
  if (after.operation === 'created') return before.operation === 'deleted';
  return after.revision === before.revision + (after.operation === 'deleted' ? 0 : 1);
}

/** What a change made, until the next one; undefined for a deletion. */
async function versionOf(source: RowSource, change: Change, next: Change | undefined): Promise<Version | undefined> {
  if (change.row.operation === 'deleted') return undefined;
  const [row] = await (change.kind === 'entity'
    ? makeEntities(source, [entityOf(change.row)])
    : makeRelations(source, [relationOf(change.row)]));
  if (row === undefined) return undefined;
  const replacedAt = next === undefined ? undefined : timeOf(next);
  return Object.freeze({ subject: change.kind, row, recordedAt: timeOf(change), replacedAt });
}

function makeUntold(kind: GraphKind, id: string): NervError {
  return new NervError(
    'graph/no-history',
    `Not all that the ${kind} '${id}' has been was kept: the history of its type was 'none' at some time. ` +
      "Set it to 'full' to keep what comes, and read what it is with getEntity or getRelation.",
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
