/**
 * Reads rows ordered by `seq` through a window that moves over the range of `seq`, because an index scan is copied
 * whole when it is opened: both bounds are always given. The window widens where rows are few and narrows where they
 * are many. One call looks at a bounded number of rows and windows and then says that there may be more.
 */
import { Range } from 'spacetimedb/server';
import type { Cursor } from './cursor.ts';
import type { PageBudget } from './page.ts';

const FIRST_WINDOW = 4n;
const WIDEST_WINDOW = 65_536n;
const FEW_ROWS = 256;
const MANY_ROWS = 2_048;
const MAX_ROWS_LOOKED_AT = 20_000;
const MAX_WINDOWS = 512;

/** Where rows come from and which of them belong to the page. */
export interface SeqSource<Row extends { readonly seq: bigint }, Result extends object> {
  /** The rows whose `seq` lies in the range, in any order. */
  readonly fetch: (range: Range<bigint>) => Iterable<Row>;
  /** Orders rows of one `seq`; not empty. */
  readonly tailOf: (row: Row) => string;
  /** What the page holds for a row, or undefined if it does not belong there. */
  readonly admit: (row: Row) => Result | undefined;
}

/** The part of the order to read. */
export interface SeqSpan {
  readonly cursor: Cursor;
  /** The least and the greatest `seq` to look at. */
  readonly first: bigint;
  readonly last: bigint;
  readonly descending: boolean;
  /** How wide the first window is, and the widest; for sources whose rows lie far apart. */
  readonly firstWindow?: bigint | undefined;
  readonly widestWindow?: bigint | undefined;
}

/** What was read, and where to go on. */
export interface SeqPage<Result> {
  readonly rows: Result[];
  readonly cursor: Cursor;
  readonly more: boolean;
}

/** Reads one page upwards or downwards. */
export function readBySeq<Row extends { readonly seq: bigint }, Result extends object>(
  source: SeqSource<Row, Result>,
  span: SeqSpan,
  budget: PageBudget,
): SeqPage<Result> {
  const rows: Result[] = [];
  let { cursor } = span;
  const { firstWindow = FIRST_WINDOW, widestWindow = WIDEST_WINDOW } = span;
  let window = firstWindow;
  let looked = 0;
  for (let count = 0; hasMore(span, cursor); count += 1) {
    if (budget.isFull || looked >= MAX_ROWS_LOOKED_AT || count >= MAX_WINDOWS) return { rows, cursor, more: true };
    const [low, high] = windowAt(span, cursor, window);
    const found = [...source.fetch(makeRange(low, high))]
      .map((row) => ({ row, seq: row.seq, tail: source.tailOf(row) }))
      .filter((place) => isBeyond(place, cursor, span.descending));
    found.sort((left, right) => (span.descending ? comparePlaces(right, left) : comparePlaces(left, right)));
    for (const { row, seq, tail } of found) {
      const result = source.admit(row);
      if (result !== undefined) {
        if (!budget.take(result)) return { rows, cursor, more: true };
        rows.push(result);
      }
      cursor = { seq, tail };
    }
    cursor = span.descending ? { seq: low, tail: '' } : { seq: high + 1n, tail: '' };
    looked += found.length;
    if (found.length < FEW_ROWS && window < widestWindow) window *= 4n;
    else if (found.length > MANY_ROWS && window > 1n) window /= 4n;
  }
  return { rows, cursor, more: false };
}

/** A range with both bounds included. */
export function makeRange(low: bigint, high: bigint): Range<bigint> {
  return new Range({ tag: 'included', value: low }, { tag: 'included', value: high });
}

function hasMore({ first, last, descending }: SeqSpan, { seq, tail }: Cursor): boolean {
  if (!descending) return seq <= last;
  return tail === '' ? seq > first : seq >= first;
}

function windowAt(span: SeqSpan, { seq, tail }: Cursor, window: bigint): readonly [bigint, bigint] {
  if (span.descending) {
    const top = tail === '' ? seq - 1n : seq;
    const high = top < span.last ? top : span.last;
    const low = high - window + 1n;
    return [low > span.first ? low : span.first, high];
  }
  const low = seq > span.first ? seq : span.first;
  const high = low + window - 1n;
  return [low, high < span.last ? high : span.last];
}

function isBeyond(place: Cursor, cursor: Cursor, descending: boolean): boolean {
  const order = comparePlaces(place, cursor);
  return descending ? order < 0 : order > 0;
}

function comparePlaces(left: Cursor, right: Cursor): number {
  if (left.seq !== right.seq) return left.seq < right.seq ? -1 : 1;
  if (left.tail === right.tail) return 0;
  return left.tail < right.tail ? -1 : 1;
}
