import type { EmitOptions, StreamOptions, WaitOptions } from '@inner-universe/nerv';
import type { SubscribeOptions } from '@inner-universe/nerv/events';
import { checkOptions, type OptionForm } from '../controller/check-options.ts';
import type { LogQuery } from './event-log-reader.ts';
import type { LogPublishOptions } from './spacetime-event-bus.ts';

const EMISSION: Readonly<Record<keyof Required<EmitOptions>, OptionForm>> = {
  id: 'any', // the bus says what is wrong with it, and with its time
  source: 'text',
  metadata: 'object',
  timestamp: 'any',
};

const PUBLICATION: Readonly<Record<keyof Required<LogPublishOptions>, OptionForm>> = {
  ...EMISSION,
  durability: ['durable', 'ephemeral', 'local'],
  partitionKey: 'text',
  optimistic: [true, false],
  scope: 'text',
  signal: 'signal',
  timeoutMs: 'duration',
};

const QUERY: Readonly<Record<keyof Required<LogQuery>, OptionForm>> = {
  pattern: 'text',
  kind: ['application', 'system'],
  source: 'text',
  from: 'number',
  to: 'number',
  recordedFrom: 'any', // the log says what is wrong with these
  recordedTo: 'any',
  afterSeq: 'any',
  order: ['ascending', 'descending'],
  limit: 'any',
  cursor: 'any',
  scope: 'text',
};

const SUBSCRIPTION: Readonly<Record<keyof Required<SubscribeOptions<object, string>>, OptionForm>> = {
  pattern: 'text',
  filter: 'function',
  once: 'boolean',
  priority: 'number',
  onClose: 'function',
  kind: ['application', 'system'],
  concurrency: 'any', // the bus says what is wrong with these
  capacity: 'any',
};

const WAIT: Readonly<Record<keyof Required<WaitOptions>, OptionForm>> = { timeoutMs: 'duration', signal: 'object' };
const STREAM: Readonly<Record<keyof Required<StreamOptions>, OptionForm>> = {
  capacity: 'any',
  overflow: ['block', 'drop-oldest', 'drop-newest', 'fail'],
  signal: 'object',
};

/** Refuses options that are none: an event would go out as durable that was meant otherwise. @throws `config/invalid` */
export function checkPublishOptions(options: LogPublishOptions): void {
  checkOptions('a publication', options, PUBLICATION);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkEmitOptions(options: unknown): void {
  // What is of no use to this bus alone may be there: one call is written for all of them.
  checkOptions('an event', options, PUBLICATION);
}

/** Refuses a query that would find something else than was asked for. @throws {NervPersistenceError} `config/invalid` */
export function checkQuery(query: LogQuery): void {
  checkOptions('a query for events', query, QUERY);
}

/** Refuses a selector that would take something else. @throws {NervPersistenceError} `config/invalid` */
export function checkSelector(selector: unknown): void {
  if (typeof selector === 'object' && selector !== null) checkOptions('a subscription', selector, SUBSCRIPTION);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkWaitOptions(options: WaitOptions | undefined): void {
  checkOptions('waitFor', options, WAIT);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkStreamOptions(options: StreamOptions | undefined): void {
  checkOptions('a stream of events', options, STREAM);
}
