import { MAX_LEASE_MICROS, MAX_PARTITIONS, type ConsumerRow } from '@inner-universe/module/wire';
import type { EventKind } from '@inner-universe/nerv';
import { checkOptions, type OptionForm } from '../controller/check-options.ts';
import { NervPersistenceError } from '../errors.ts';
import { checkRetry, type ConsumerRetry } from './backoff.ts';
import type { OnTrimmed } from './log-pass.ts';

/**
 * Where a consumer begins: with the oldest event, with what comes from now on, with the event of a `seq` (or the first
 * one after it), or with the first one recorded at a time or later.
 */
export type ConsumerPosition = 'beginning' | 'now' | number | bigint | Date;

/** What becomes of an event that cannot be handled: it is put aside, or its partition waits until somebody decides. */
export type FailurePolicy = 'park' | 'stop';

/** What is stored of a consumer. Fixed by whoever opens it first. */
export interface ConsumerDefinition {
  readonly name: string;
  readonly scope: string;
  /** Of event types, as in subscriptions. */
  readonly pattern: string;
  readonly partitions: number;
  readonly holdsTrim: boolean;
  readonly failurePolicy: FailurePolicy;
}

/** What a consumer is made with; what is not said is taken as it is stored, or has its default. */
export interface ConsumerSettings {
  /** Default `main`. */
  readonly scope?: string | undefined;
  /** Default every type. */
  readonly pattern?: string | undefined;
  /** Events of one partition key are handled in order, by one worker at a time; 1 to 256, default 1. */
  readonly partitions?: number | undefined;
  /** Where a new consumer begins; one that exists goes on where it is. Default `'now'`. */
  readonly startAt?: ConsumerPosition | undefined;
  /** Default `'park'`. */
  readonly failurePolicy?: FailurePolicy | undefined;
  /** Whether the log is not trimmed beyond what was handled. Default false. */
  readonly holdsTrim?: boolean | undefined;
}

/** How this worker takes part. */
export interface WorkerOptions {
  /** How long a partition stays ours without a word from us, in milliseconds; 100 to an hour, default 30,000. */
  readonly leaseMs?: number | undefined;
  /** How many handlers run at a time, of different partitions; default one for each partition. */
  readonly concurrency?: number | undefined;
  readonly retry?: ConsumerRetry | undefined;
  /**
   * How many events may share one transaction; default 1. With more, handlers of later events do not see the effects
   * of earlier ones in what they read, and a crash lets more events come again.
   */
  readonly batchMax?: number | undefined;
  /** A label for people of who this is; a unique part is added. */
  readonly holder?: string | undefined;
  /** Which events come: those of applications (the default), the module's own records, or both. */
  readonly kind?: EventKind | 'all' | undefined;
  /** What happens when events were trimmed before they were handled; default `'error'`. */
  readonly onTrimmed?: OnTrimmed | undefined;
  /** What a dead letter says of an error; default its code or name and message, without what looks like a secret. */
  readonly describeFailure?: ((error: unknown) => string) | undefined;
}

/** The kinds of events that a consumer may take. */
export const EVENT_KINDS: readonly (EventKind | 'all')[] = ['application', 'system', 'all'];

/** How a consumer is opened. */
export interface ConsumerOptions extends ConsumerSettings, WorkerOptions {}

const OPTIONS: { readonly [Name in keyof Required<ConsumerOptions>]: OptionForm } = {
  scope: 'text',
  pattern: 'text',
  partitions: 'count',
  startAt: 'any',
  failurePolicy: ['park', 'stop'],
  holdsTrim: 'boolean',
  leaseMs: 'count',
  concurrency: 'count',
  retry: 'object',
  batchMax: 'count',
  holder: 'text',
  kind: EVENT_KINDS,
  onTrimmed: 'any',
  describeFailure: 'function',
};
const LEASE_MS_MIN = 100;
const BATCH_MAX = 1_000;

/** What is to be stored, of what was asked for. @throws {NervPersistenceError} `config/invalid` */
export function makeDefinition(name: string, settings: ConsumerSettings): ConsumerDefinition {
  const { scope = 'main', pattern = '**', partitions = 1, holdsTrim = false, failurePolicy = 'park' } = settings;
  checkCount('partitions', partitions, 1, MAX_PARTITIONS);
  return { name, scope, pattern, partitions, holdsTrim, failurePolicy };
}

/** What is stored. */
export function definitionOf({
  name,
  scope,
  pattern,
  partitions,
  holdsTrim,
  failurePolicy,
}: ConsumerRow): ConsumerDefinition {
  // The module takes no other policy.
  return { name, scope, pattern, partitions, holdsTrim, failurePolicy: failurePolicy as FailurePolicy };
}

/** Refuses to open a consumer as something else than it is. @throws {NervPersistenceError} `consumer/mismatch` */
export function requireSame(existing: ConsumerDefinition, settings: ConsumerSettings): void {
  for (const field of ['scope', 'pattern', 'partitions', 'holdsTrim', 'failurePolicy'] as const) {
    const asked = settings[field];
    const stored = existing[field];
    if (asked === undefined || asked === stored) continue;
    throw new NervPersistenceError(
      'consumer/mismatch',
      `The consumer '${existing.name}' exists with ${field} ${JSON.stringify(stored)}, not ${JSON.stringify(asked)}. ` +
        'Open it as it is, choose another name, or delete it first.',
      { details: { name: existing.name, field, stored, asked } },
    );
  }
}

/**
 * Refuses options that are none: a pattern that is mistyped would mean every event, for ever.
 * @throws {NervPersistenceError} `config/invalid`
 */
export function checkConsumerOptions(name: string, options: ConsumerOptions): void {
  if (typeof name !== 'string') throw invalid('name', name, 'a text');
  checkOptions('a consumer', options, OPTIONS);
  const { retry, startAt, onTrimmed } = options;
  if (retry !== undefined) checkRetry(retry);
  if (startAt !== undefined) checkPosition(startAt);
  if (onTrimmed !== undefined && !isOnTrimmed(onTrimmed)) {
    throw invalid('onTrimmed', onTrimmed, `'error', 'skip' or { archive }, as openArchive gives it`);
  }
  const { leaseMs, concurrency, batchMax } = options;
  if (leaseMs !== undefined) checkCount('leaseMs', leaseMs, LEASE_MS_MIN, Number(MAX_LEASE_MICROS / 1000n));
  if (concurrency !== undefined) checkCount('concurrency', concurrency, 1, MAX_PARTITIONS);
  if (batchMax !== undefined) checkCount('batchMax', batchMax, 1, BATCH_MAX);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkPosition(position: ConsumerPosition): void {
  if (position === 'beginning' || position === 'now') return;
  const isDate = position instanceof Date && !Number.isNaN(position.getTime());
  const isSeq = typeof position === 'bigint' || Number.isSafeInteger(position);
  if (isDate || (isSeq && Number(position) >= 0)) return;
  throw invalid('startAt', position, `'beginning', 'now', a 'seq' of the log, or a valid Date`);
}

function isOnTrimmed(onTrimmed: unknown): boolean {
  if (onTrimmed === 'error' || onTrimmed === 'skip') return true;
  const { archive } = { ...(onTrimmed as { readonly archive?: { readonly rows?: unknown } | null }) };
  return typeof onTrimmed === 'object' && typeof archive?.rows === 'function';
}

function checkCount(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(field, value, `a whole number from ${least} to ${most}`);
}

function invalid(field: string, value: unknown, wanted: string): NervPersistenceError {
  return new NervPersistenceError('config/invalid', `The option '${field}' is ${show(value)}; it takes ${wanted}.`, {
    details: { field, value: show(value) },
  });
}

function show(value: unknown): string {
  if (value instanceof Date) return String(value);
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value).slice(0, 100);
}
