import { refuse } from '../refusals/refused.ts';

/**
 * A place between rows ordered by `seq` and then by `tail`: after every row that is not greater when reading up, and
 * before every row that is not smaller when reading down. Tails are never empty, so an empty one stands before all
 * rows of its `seq`.
 */
export interface Cursor {
  readonly seq: bigint;
  readonly tail: string;
}

/** A cursor as text: the `seq`, a colon, the tail. */
export function formatCursor({ seq, tail }: Cursor): string {
  return `${seq}:${tail}`;
}

/** Reads a cursor; empty gives `start`. */
export function parseCursor(text: string, start: Cursor): Cursor {
  if (text === '') return start;
  const match = /^(\d{1,20}):/.exec(text);
  if (match?.[1] === undefined) return malformed(text);
  return { seq: BigInt(match[1]), tail: text.slice(match[0].length) };
}

/** A cursor that counts: how many of the ids asked for were looked at. */
export function parseCount(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,9}$/.test(text)) return malformed(text);
  return Number(text);
}

/** The tail of rows that have a position within their `seq`. */
export function positionTail(position: number, id: string): string {
  return `${String(position).padStart(10, '0')}:${id}`;
}

function malformed(text: string): never {
  return refuse(
    'cursor/malformed',
    `'${text.slice(0, 128)}' is no cursor. Give back the one a page ended with, or none.`,
  );
}
