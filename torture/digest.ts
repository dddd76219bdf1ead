import { createHash } from 'node:crypto';
import { stringify } from '@inner-universe/nerv/values';

/** What two copies of a row must agree on. */
export interface ComparedRow {
  readonly id: string;
  readonly type: string;
  readonly properties: unknown;
}

/**
 * One digest of many rows, in whatever order they come. Records of migrations are left out: they lie in a scope of their
 * own, which not everybody may read.
 */
export function digestRows(rows: readonly ComparedRow[]): string {
  const compared = rows.filter(({ type }) => !type.startsWith('$migration'));
  const texts = compared.map(({ id, type, properties }) => stringify([id, type, properties]));
  return `${compared.length} rows ${digestText(texts.sort().join('\n'))}`;
}

/** One digest of a value. */
export function digestValue(value: unknown): string {
  return digestText(stringify(value));
}

function digestText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
