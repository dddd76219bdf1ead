import { microsOf, type ConsumerPartitionRow, type ConsumerRow } from '@inner-universe/module/wire';
import type { EventKind } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { countUnhandled, likelyKindOf, sumOf } from './consumer-lag.ts';
import { definitionOf, type ConsumerDefinition } from './definition.ts';
import { DeadLetters } from './dead-letters.ts';

/** How far one partition is, and who holds it. */
export interface PartitionStatus {
  readonly partition: number;
  /** Everything up to this `seq` is handled, parked, or not this partition's. */
  readonly offset: number;
  /** Its events that are recorded and not handled yet. What was parked is handled; what was trimmed is not counted. */
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
  /** The events of this consumer that are recorded and not handled yet: the sum of its partitions'. */
  readonly lag: number;
}

/** Whose status is asked for. */
export interface StatusOptions extends CallOptions {
  /**
   * The kind that its workers take, for the lag: it is theirs to say, and not stored. Default `application`, or `system`
   * for a pattern that is the name of a record of the module.
   */
  readonly kind?: EventKind | 'all' | undefined;
}

/** @throws `consumer/not-found`, also for one that the caller may not use */
export async function readStatus(
  client: ModuleClient,
  name: string,
  { kind, ...call }: StatusOptions = {},
): Promise<ConsumerStatus> {
  const page = await client.read('readConsumers', { name, cursor: '', limit: 1 }, call);
  const [row] = page.consumers as [ConsumerRow]; // the module refuses a name that it does not know
  const { workers } = await client.read('readConsumerWorkers', { name }, call);
  const stopped = await readStopped(client, { row, partitions: page.partitions }, call);
  const afterSeqs = page.partitions.map(({ offset }) => offset);
  const lags = await countUnhandled(
    client,
    { name, kind: kind ?? likelyKindOf(row.pattern), afterSeqs, throughSeq: page.seq },
    call,
  );
  const partitionStates = page.partitions.map(({ partition, offset, holder, epoch, updatedAt }) => ({
    partition,
    offset: Number(offset),
    lag: lags[partition] ?? 0,
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
    lag: sumOf(lags),
  };
}

async function readStopped(
  client: ModuleClient,
  { row, partitions }: { readonly row: ConsumerRow; readonly partitions: readonly ConsumerPartitionRow[] },
  call: CallOptions,
): Promise<ReadonlyMap<number, { readonly eventId: string; readonly reason: string }>> {
  const stopped = new Map<number, { readonly eventId: string; readonly reason: string }>();
  const { name, failurePolicy } = row;
  if (failurePolicy !== 'stop') return stopped;
  for await (const { partition, eventId, reason, state } of new DeadLetters(client, name).each(call)) {
    if (state === 'stopped' && !stopped.has(partition)) stopped.set(partition, { eventId, reason });
    if (stopped.size === partitions.length) break;
  }
  return stopped;
}

function dateOf(micros: bigint): Date {
  return new Date(Number(micros / 1000n));
}
