import { HISTORY_PRUNING_SINCE, makeWireTimestamp, microsOf } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { ConnectionError } from '../errors.ts';

const MICROS_PER_MS = 1000n;
/** Clocks of client and server may differ by so much. */
const CLOCK_SKEW_MS_MAX = 60_000;

/** From when on the past of a graph is kept. */
export interface HistoryBound {
  /** The first moment that can be asked for; undefined as long as nothing was pruned. */
  readonly keptFrom: Date | undefined;
  readonly keptFromSeq: bigint;
  /** Whether everything that lies before it is removed by now; it is not told any more in any case. */
  readonly isDone: boolean;
  /** Rows of the history removed so far, of all prunings together. */
  readonly removed: number;
}

/** What is to be pruned. */
export interface PruneHistoryOptions extends CallOptions {
  /** The past up to this time, in milliseconds since 1970 or as a date, goes: at it and after, all stays as it is. */
  readonly before: number | Date;
  /** Told after each step how far it is. */
  readonly onProgress?: ((progress: HistoryBound) => void) | undefined;
}

const UNPRUNED: HistoryBound = { keptFrom: undefined, keptFromSeq: 0n, isDone: true, removed: 0 };

/** Reads from when on the past is kept. */
export async function readHistoryBound(client: ModuleClient): Promise<HistoryBound> {
  if (!mayPrune(client)) return UNPRUNED;
  const { keptFromSeq, keptFrom, done, removed } = await client.read('readHistoryBound', {});
  return {
    keptFrom: keptFrom === undefined ? undefined : new Date(Number(microsOf(keptFrom) / MICROS_PER_MS)),
    keptFromSeq,
    isDone: done,
    removed: Number(removed),
  };
}

/**
 * Prunes the past step by step until all of it is gone. Called off, it stops after the step that is on its way: the next
 * call, or the module's own maintenance, goes on from there.
 * @throws `permission/denied` for others than the owner; `graph/invalid-argument`
 */
export async function pruneHistory(
  client: ModuleClient,
  { before, onProgress }: Pick<PruneHistoryOptions, 'before' | 'onProgress'>,
  signal: AbortSignal | undefined,
): Promise<HistoryBound> {
  if (!mayPrune(client)) throw makeTooOld(client.codeVersion);
  const beforeMs = millisecondsOf('before', before);
  requirePast(beforeMs, Number(client.clock.nowMicros() / MICROS_PER_MS));
  let bound = await readHistoryBound(client);
  const wantedSeq = await findKeptFrom(client, beforeMs, bound);
  const keptFromSeq = wantedSeq > bound.keptFromSeq ? wantedSeq : bound.keptFromSeq;
  while (keptFromSeq > bound.keptFromSeq || !bound.isDone) {
    signal?.throwIfAborted();
    await client.apply([{ tag: 'pruneHistory', value: { keptFromSeq } }], { signal });
    bound = await readHistoryBound(client);
    onProgress?.(bound);
  }
  return bound;
}

/** A time to come would take all of the past away; who means that says now. */
function requirePast(beforeMs: number, nowMs: number): void {
  if (beforeMs <= nowMs + CLOCK_SKEW_MS_MAX) return;
  throw new NervError(
    'graph/invalid-argument',
    `The option 'before' is ${beforeMs} ms since 1970, and now it is ${nowMs}: all of the past would go. ` +
      'Give a time that has passed, in milliseconds. Nothing was pruned.',
    { details: { option: 'before', value: String(beforeMs), nowMs } },
  );
}

/** The last `seq` before a time; 0 where that is pruned already. */
async function findKeptFrom(client: ModuleClient, beforeMs: number, { keptFrom }: HistoryBound): Promise<bigint> {
  if (beforeMs <= 0 || (keptFrom !== undefined && beforeMs <= keptFrom.getTime())) return 0n;
  const time = makeWireTimestamp(BigInt(Math.floor(beforeMs)) * MICROS_PER_MS - 1n);
  const { seq } = await client.read('readMoment', { time });
  return seq;
}

/** Milliseconds since 1970. @throws NervError `graph/invalid-argument` */
export function millisecondsOf(option: string, time: number | Date): number {
  const timeMs = time instanceof Date ? time.getTime() : time;
  if (Number.isFinite(timeMs)) return timeMs;
  throw new NervError(
    'graph/invalid-argument',
    `The option '${option}' is ${String(time)}; it must be milliseconds since 1970, or a date.`,
    { details: { option, value: String(time) } },
  );
}

/** The error for a time of which the past is pruned. */
export function makeTrimmed(timeMs: number, keptFrom: Date, cause?: unknown): NervError {
  const keptFromMs = keptFrom.getTime();
  return new NervError(
    'graph/history-trimmed',
    `The past of the graph is kept from ${keptFrom.toISOString()} on, and ${new Date(timeMs).toISOString()} lies before. ` +
      'Ask for a later time; what is pruned is gone.',
    { details: { timeMs, keptFromMs }, cause },
  );
}

function mayPrune({ codeVersion }: ModuleClient): boolean {
  return codeVersion === undefined || codeVersion >= HISTORY_PRUNING_SINCE;
}

function makeTooOld(codeVersion: number | undefined): ConnectionError {
  return new ConnectionError(
    'connection/schema-mismatch',
    `The module has schema ${codeVersion}; the past of the graph is pruned from schema ${HISTORY_PRUNING_SINCE} on. ` +
      'Publish the newer module first.',
    { details: { codeVersion, wanted: HISTORY_PRUNING_SINCE } },
  );
}
