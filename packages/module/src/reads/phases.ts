/** Pages over several sources, read one after the other. A cursor is the number of a source and a place in it. */
import { formatCursor, parseCursor } from './cursor.ts';
import { PageBudget } from './page.ts';
import type { End, PageRequest, Reader } from './reader.ts';
import { readBySeq, type SeqPage, type SeqSource, type SeqSpan } from './seq-reader.ts';
import { refuse } from '../refusals/refused.ts';

/** Sources that one call looks into at most; then it says that there may be more. */
const MAX_PHASES = 256;
const FIRST_WINDOW = 1_024n;
/** Rows of a few ids may lie anywhere in the log: a window may be as wide as the log is long. */
const WIDEST_WINDOW = 1n << 48n;

/** Reads on in one source, from a place in it. */
export type Phase<Result> = (place: string, budget: PageBudget) => SeqPage<Result>;

/** Where the sources are. */
interface Phases<Result> {
  /** How many there are. */
  readonly count: number;
  phase(number: number): Phase<Result>;
}

/** The part of a source with these `seq`. */
export function makePhase<Row extends { readonly seq: bigint }, Result extends object>(
  source: SeqSource<Row, Result>,
  { first, last }: Pick<SeqSpan, 'first' | 'last'>,
): Phase<Result> {
  return (place, budget) => {
    const cursor = parseCursor(place, { seq: first, tail: '' });
    const span = { cursor, first, last, descending: false, firstWindow: FIRST_WINDOW, widestWindow: WIDEST_WINDOW };
    return readBySeq(source, span, budget);
  };
}

/** Reads one page. @throws `cursor/malformed` */
export function readInPhases<Result extends object>(
  reader: Reader,
  phases: Phases<Result>,
  request: PageRequest,
): { readonly rows: Result[]; readonly end: End } {
  const budget = new PageBudget(request.limit);
  const rows: Result[] = [];
  let { number, place } = parsePlace(request.cursor);
  for (let looked = 0; number < phases.count; looked += 1) {
    if (looked >= MAX_PHASES || budget.isFull) break;
    const page = phases.phase(number)(place, budget);
    rows.push(...page.rows);
    if (page.more) {
      place = formatCursor(page.cursor);
      break;
    }
    number += 1;
    place = '';
  }
  return { rows, end: { cursor: `${number}/${place}`, more: number < phases.count, seq: reader.seq } };
}

function parsePlace(cursor: string): { number: number; place: string } {
  if (cursor === '') return { number: 0, place: '' };
  const match = /^(\d{1,6})\//.exec(cursor);
  if (match?.[1] === undefined) {
    return refuse('cursor/malformed', `'${cursor.slice(0, 128)}' is no cursor. Give back the one a page ended with.`);
  }
  return { number: Number(match[1]), place: cursor.slice(match[0].length) };
}
