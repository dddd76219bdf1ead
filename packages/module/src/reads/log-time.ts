import { micros } from '../values/library-values.ts';
import type { Reader } from './reader.ts';

/**
 * The last `seq` recorded before a time, of those the log still has; `trimmedSeq` if there is none. Recorded times
 * never fall as `seq` rises, and no `seq` is missing, so halving finds it.
 */
export function lastSeqBefore(reader: Pick<Reader, 'db' | 'seq'>, trimmedSeq: bigint, timeMicros: bigint): bigint {
  let low = trimmedSeq;
  let high = reader.seq;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    const [row] = [...reader.db.eventLog.seq.filter(middle)];
    if (row === undefined) throw new Error(`the log has no row for seq ${middle}`);
    if (micros(row.recordedAt) < timeMicros) low = middle;
    else high = middle - 1n;
  }
  return low;
}
