import { microsOf, type ConsumerPartitionRow, type ConsumerRow } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { lagOf } from './consumer-worker.ts';
import { definitionOf, type ConsumerDefinition } from './definition.ts';
import { DeadLetters } from './dead-letters.ts';

/** How far one partition is, and who holds it. */
export interface PartitionStatus {
  readonly partition: number;
  /** Everything up to this `seq` is handled, parked, or not this partition's. */
  readonly offset: number;
  /** Positions of the log after that; most of them may be no events of this consumer. */
  readonly lag: number;
  /** The worker that holds it; undefined while nobody does. */
  readonly holder: string | undefined;
  readonly epoch: number;
  readonly updatedAt: Date;
  /** The event at which it stands, with the policy `stop`. */
  readonly stopped: { readonly eventId: string; readonly reason: string } | undefined;
}

/** How a consumer stands, as the universe has it. */
export interface ConsumerStatus extends ConsumerDefinition {
  readonly createdAt: Date;
  readonly partitionStates: readonly PartitionStatus[];
  /** Labels of the workers that take part, those that stand by included, in the order in which they joined. */
  readonly workers: readonly string[];
  /** The longest lag of a partition. */
  readonly lag: number;
}

/** @throws `consumer/not-found`, also for one that the caller may not use */
export async function readStatus(client: ModuleClient, name: string): Promise<ConsumerStatus> {
  const page = await client.read('readConsumers', { name, cursor: '', limit: 1 });
  const [row] = page.consumers as [ConsumerRow]; // the module refuses a name that it does not know
  const { workers } = await client.read('readConsumerWorkers', { name });
  const stopped = await readStopped(client, row, page.partitions);
  const partitionStates = page.partitions.map(({ partition, offset, holder, epoch, updatedAt }) => ({
    partition,
    offset: Number(offset),
    lag: lagOf(page.seq, offset),
    holder: holder === '' ? undefined : holder,
    epoch: Number(epoch),
    updatedAt: dateOf(microsOf(updatedAt)),
    stopped: stopped.get(partition),
  }));
  return {
    ...definitionOf(row),
    createdAt: dateOf(microsOf(row.createdAt)),
    partitionStates,
    workers: workers.map(({ holder }) => holder),
    lag: Math.max(...partitionStates.map(({ lag }) => lag)),
  };
}

async function readStopped(
  client: ModuleClient,
  { name, failurePolicy }: ConsumerRow,
  partitions: readonly ConsumerPartitionRow[],
): Promise<ReadonlyMap<number, { readonly eventId: string; readonly reason: string }>> {
  const stopped = new Map<number, { readonly eventId: string; readonly reason: string }>();
  if (failurePolicy !== 'stop') return stopped;
  for await (const { partition, eventId, reason, state } of new DeadLetters(client, name)) {
    if (state === 'stopped' && !stopped.has(partition)) stopped.set(partition, { eventId, reason });
    if (stopped.size === partitions.length) break;
  }
  return stopped;
}

function dateOf(micros: bigint): Date {
  return new Date(Number(micros / 1000n));
}
