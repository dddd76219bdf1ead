import { createHash } from 'node:crypto';
import { stringify } from '@inner-universe/nerv/values';

/** What two copies of a row must agree on. */
export interface ComparedRow {
  readonly id: string;
  readonly type: string;
  readonly properties: unknown;
}

/** One digest of many rows, in whatever order they come. */
export function digestRows(rows: readonly ComparedRow[]): string {
  const texts = rows.map(({ id, type, properties }) => stringify([id, type, properties]));
  return `${rows.length} rows ${digestText(texts.sort().join('\n'))}`;
}

/** One digest of a value. */
export function digestValue(value: unknown): string {
  return digestText(stringify(value));
}

function digestText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
