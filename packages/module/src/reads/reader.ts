import { Access } from '../access/access.ts';
import { requireReadRate } from '../access/rates.ts';
import { Settings } from '../access/settings.ts';
import { readLogHead } from '../log/log-writer.ts';
import { refuse, toSenderError } from '../refusals/refused.ts';
import type { Context, Db } from '../schema/database.ts';
import { checkScope } from '../values/checks.ts';
import { MAX_READ_IDS } from '../wire/limits.ts';
import type { ResourceKind } from '../wire/vocabulary.ts';
import { formatCursor, parseCount, parseCursor, type Cursor } from './cursor.ts';
import { PageBudget, sizeOfRow } from './page.ts';
import { readBySeq, type SeqSource } from './seq-reader.ts';

/** One read: the tables as they are now, and what its caller may see of them. */
export interface Reader {
  readonly ctx: Context;
  readonly db: Db;
  readonly access: Access;
  readonly settings: Settings;
  /** The last `seq` of the log. */
  readonly seq: bigint;
}

interface Transacting {
  withTx<T>(body: (ctx: Context) => T): T;
}

/** Runs a read in a transaction of its own; whoever has no grant at all is refused before anything is looked at. */
export function read<T>(ctx: Transacting, body: (reader: Reader) => T): T {
  try {
    return ctx.withTx((tx) => {
      const settings = new Settings(tx.db);
      const access = new Access(tx, settings);
      access.requireAny();
      const charge = access.isOwner ? undefined : requireReadRate(tx, { access, settings });
      const result = body({ ctx: tx, db: tx.db, access, settings, seq: readLogHead(tx).nextSeq - 1n });
      charge?.(() => (typeof result === 'object' && result !== null ? sizeOfRow(result) : 0));
      return result;
    });
  } catch (error) {
    throw toSenderError(error, null);
  }
}

/**
 * The scopes to look into: the one named, or all that exist in which the caller may read something of this kind, which
 * may be none. @throws `permission/denied` for who may read nothing of this kind there
 */
export function scopesToRead(reader: Reader, named: string, kind: ResourceKind): readonly string[] {
  if (named !== '') {
    const scope = checkScope(named);
    if (!reader.access.mayReadSome(kind, scope)) reader.access.deny(`read ${kind} rows of scope ${scope}`);
    return [scope];
  }
  // By the grants, and not by the scopes that are found: nothing may have been written yet where the caller may read.
  if (!reader.access.mayReadSomewhere(kind)) reader.access.deny(`read ${kind} rows of any scope`);
  return [...reader.db.scope.iter()].map((row) => row.name).filter((scope) => reader.access.mayReadSome(kind, scope));
}

/** Puts the rows of several scans together. */
export function* concat<T>(scans: Iterable<Iterable<T>>): Generator<T, undefined> {
  for (const scan of scans) yield* scan;
}

/** What a page says beside its rows. */
export interface End {
  readonly cursor: string;
  readonly more: boolean;
  readonly seq: bigint;
}

/** What a caller asks of a page. */
export interface PageRequest {
  readonly cursor: string;
  readonly limit: number;
}

/** Reads one page in the order of `seq`, upwards unless asked otherwise. */
export function readPage<Row extends { readonly seq: bigint }, Result extends object>(
  reader: Reader,
  source: SeqSource<Row, Result>,
  request: PageRequest & { readonly descending?: boolean; readonly through?: bigint },
): { readonly rows: Result[]; readonly end: End } {
  const descending = request.descending ?? false;
  const through = request.through ?? 0n;
  const last = through === 0n || through > reader.seq ? reader.seq : through;
  const start: Cursor = descending ? { seq: last + 1n, tail: '' } : { seq: 0n, tail: '' };
  const cursor = parseCursor(request.cursor, start);
  const page = readBySeq(source, { cursor, first: 0n, last, descending }, new PageBudget(request.limit));
  return { rows: page.rows, end: { cursor: formatCursor(page.cursor), more: page.more, seq: reader.seq } };
}

/** Reads the rows of given ids, in the order of the ids; what does not exist or may not be seen is left out. */
export function readByIds<Result extends object>(
  reader: Reader,
  ids: readonly string[],
  request: PageRequest,
  find: (id: string) => Result | undefined,
): { readonly rows: Result[]; readonly end: End } {
  if (ids.length > MAX_READ_IDS) {
    refuse('limit/ops', `${ids.length} ids were asked for; ${MAX_READ_IDS} are allowed at a time.`, {
      details: { ids: ids.length, limit: MAX_READ_IDS },
    });
  }
  const budget = new PageBudget(request.limit);
  const rows: Result[] = [];
  let position = parseCount(request.cursor);
  for (; position < ids.length; position += 1) {
    const row = find(ids[position] ?? '');
    if (row === undefined) continue;
    if (!budget.take(row)) break;
    rows.push(row);
  }
  return { rows, end: { cursor: String(position), more: position < ids.length, seq: reader.seq } };
}
