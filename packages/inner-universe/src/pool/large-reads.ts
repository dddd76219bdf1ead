import type { ReadName, Reads } from '../client/reads.ts';

/** From how many rows on a page is large. */
const LARGE_ROWS = 100;

/** Reads whose answer is large whatever is asked for: states, and pieces of large values. */
const ALWAYS_LARGE: ReadonlySet<ReadName> = new Set(['readState', 'readChunk']);

/** Whether a read may answer with so much that it should not go before anything else: by what it asks for. */
export function isLargeRead<N extends ReadName>(name: N, args: Reads[N][0]): boolean {
  if (ALWAYS_LARGE.has(name)) return true;
  const { ids, limit } = args as { readonly ids?: readonly unknown[]; readonly limit?: number };
  if (ids !== undefined && ids.length > 0) return ids.length >= LARGE_ROWS;
  // 0 asks for as many as fit.
  return limit !== undefined && (limit === 0 || limit >= LARGE_ROWS);
}
