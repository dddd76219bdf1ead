import type { ConsumerPartitionRow } from '@inner-universe/module/wire';

/** Who takes part, as one worker sees it. */
export interface Membership {
  /** Labels of all workers, in the order in which they joined. */
  readonly workers: readonly string[];
  readonly self: string;
}

/**
 * How many partitions are a worker's: as many as everybody's, and the rest goes to those who joined first. The shares
 * of all workers add up to the number of partitions, so that whoever sees the same workers leaves none over.
 */
export function shareOf({ workers, self }: Membership, partitions: number): number {
  const place = workers.indexOf(self);
  if (place === -1) return 0;
  const whole = Math.floor(partitions / workers.length);
  return whole + (place < partitions % workers.length ? 1 : 0);
}

/**
 * Partitions that nobody who takes part holds, those first that this worker would have if all began anew: so few
 * workers reach for the same one. Whether a lease has really ended is the module's to say.
 */
export function claimable(
  rows: readonly ConsumerPartitionRow[],
  membership: Membership,
): readonly ConsumerPartitionRow[] {
  const { workers, self } = membership;
  const place = Math.max(0, workers.indexOf(self));
  const others = new Set(workers.filter((worker) => worker !== self));
  const distance = ({ partition }: ConsumerPartitionRow): number =>
    (partition - place + workers.length * (partition + 1)) % Math.max(1, workers.length);
  return rows
    .filter(({ holder }) => !others.has(holder))
    .sort((left, right) => distance(left) - distance(right) || left.partition - right.partition);
}
