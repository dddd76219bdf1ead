import type { ConsumerPosition, ConsumerStatus, DeadLetter } from 'inner-universe';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { formatTable, oneLine, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** How a consumer is looked at. */
export interface ConsumerLookOptions extends LookOptions {
  /** Which events its workers take, for the lag. */
  readonly kind?: ConsumerKind | undefined;
}

export type ConsumerKind = 'application' | 'system' | 'all';

/** What `--kind` takes. */
export const CONSUMER_KINDS: readonly ConsumerKind[] = ['application', 'system', 'all'];

/** `inner-universe consumers list` */
export async function consumersList(options: ConsumerLookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const states: ConsumerStatus[] = [];
    for (const { name } of await universe.consumers.list())
      states.push(await universe.consumers.status(name, { kind: options.kind }));
    if (options.json === true) context.output.out(toJson(states));
    else if (states.length === 0) context.output.err('There are no consumers.\n');
    else context.output.out(formatConsumers(states));
  });
}

/** `inner-universe consumers show` */
export async function consumersShow(
  name: string,
  options: ConsumerLookOptions,
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const state = await universe.consumers.status(name, { kind: options.kind });
    context.output.out(options.json === true ? toJson(state) : formatConsumer(state));
  });
}

/** `inner-universe consumers dead-letters` */
export async function consumersDeadLetters(
  name: string,
  options: LookOptions & { readonly limit: number },
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const letters = await universe.consumers.deadLetters(name).list(options.limit);
    if (options.json === true) context.output.out(toJson(letters));
    else if (letters.length === 0) context.output.err(`'${name}' has no dead letters.\n`);
    else context.output.out(formatLetters(letters));
  });
}

/** Which dead letters a command is about: one, or all. */
interface WhichLetters {
  readonly name: string;
  readonly event: string | undefined;
}

/** `inner-universe consumers retry`: a worker that runs handles them again. */
export async function consumersRetry(
  { name, event }: WhichLetters,
  options: LookOptions & { readonly all?: boolean | undefined },
  context: CommandContext,
): Promise<void> {
  requireOneOrAll(event, options.all);
  await withUniverse(options, context, async ({ universe }) => {
    const letters = universe.consumers.deadLetters(name);
    if (event !== undefined) await letters.retry(event);
    const count = event === undefined ? await letters.retryAll() : 1;
    tell(
      context,
      options,
      { name, retried: count },
      `${countOf(count)} of ${name} will be handled again by its workers`,
    );
  });
}

/** `inner-universe consumers discard` */
export async function consumersDiscard(
  { name, event }: WhichLetters,
  options: LookOptions & { readonly all?: boolean | undefined },
  context: CommandContext,
): Promise<void> {
  requireOneOrAll(event, options.all);
  await withUniverse(options, context, async ({ universe }) => {
    const letters = universe.consumers.deadLetters(name);
    const ids =
      event === undefined ? (await letters.list(Number.POSITIVE_INFINITY)).map(({ eventId }) => eventId) : [event];
    for (const id of ids) await letters.discard(id);
    tell(context, options, { name, discarded: ids.length }, `discarded ${countOf(ids.length)} of ${name}`);
  });
}

/** `inner-universe consumers seek` */
export async function consumersSeek(
  { name, position }: { readonly name: string; readonly position: string },
  options: LookOptions & { readonly partition?: number | undefined },
  context: CommandContext,
): Promise<void> {
  const to = parsePosition(position);
  await withUniverse(options, context, async ({ universe }) => {
    await universe.consumers.seek(name, to, { partition: options.partition });
    tell(context, options, { name, position }, `${name} goes on at ${position}`);
  });
}

/** A position as it stands on a command line: `beginning`, `now`, a `seq`, or a time. */
export function parsePosition(text: string): ConsumerPosition {
  if (text === 'beginning' || text === 'now') return text;
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new CliError(
    'cli/usage',
    `'${text}' is no position: give beginning, now, a seq, or a time such as 2026-08-01T12:00:00Z.`,
  );
}

function requireOneOrAll(event: string | undefined, all: boolean | undefined): void {
  if ((event === undefined) === (all === true)) return;
  throw new CliError('cli/usage', 'Give the id of an event, or --all.');
}

function tell(context: CommandContext, { json }: LookOptions, value: object, text: string): void {
  context.output.out(json === true ? toJson(value) : text);
}

function countOf(count: number): string {
  return count === 1 ? '1 event' : `${count} events`;
}

function formatConsumers(states: readonly ConsumerStatus[]): string {
  const rows = states.map(({ name, scope, pattern, partitions, workers, lag, partitionStates }) => [
    name,
    scope,
    pattern,
    partitions,
    workers.length,
    lag,
    stateOf(partitionStates),
  ]);
  return formatTable(['consumer', 'scope', 'pattern', 'partitions', 'workers', 'lag', 'state'], rows);
}

function formatConsumer(state: ConsumerStatus): string {
  const { name, scope, pattern, failurePolicy, holdsTrim, workers, partitionStates } = state;
  const rows = partitionStates.map(({ partition, offset, lag, holder, epoch, stopped }) => [
    partition,
    offset,
    lag,
    epoch,
    oneLine(holder ?? '-', 70),
    stopped === undefined ? '' : `stopped at ${stopped.eventId}: ${oneLine(stopped.reason, 60)}`,
  ]);
  return [
    `${pc.bold(name)}  ${pattern} in ${scope}, ${failurePolicy === 'park' ? 'parks' : 'stops at'} events that fail${holdsTrim ? ', holds the log' : ''}`,
    `workers: ${workers.length === 0 ? 'none' : workers.join(', ')}`,
    '',
    formatTable(['partition', 'offset', 'lag', 'epoch', 'holder', ''], rows),
  ].join('\n');
}

function formatLetters(letters: readonly DeadLetter[]): string {
  const rows = letters.map(({ eventId, seq, partition, attempts, parkedAt, state, reason }) => [
    eventId,
    seq,
    partition,
    attempts,
    parkedAt.toISOString(),
    state,
    oneLine(reason, 80),
  ]);
  return formatTable(['event', 'seq', 'partition', 'attempts', 'parked at', 'state', 'reason'], rows);
}

function stateOf(partitions: ConsumerStatus['partitionStates']): string {
  if (partitions.some(({ stopped }) => stopped !== undefined)) return 'stopped';
  return partitions.every(({ holder }) => holder === undefined) ? 'idle' : 'running';
}
