import type { NervEvent } from '@inner-universe/nerv';
import type { Telemetry } from '../observability/telemetry.ts';
import { fetchEventOfRow, type EventSource } from '../events/event-row.ts';
import {
  OpenTransaction,
  type ConsumerTransaction,
  type Handling,
  type TransactionParts,
} from './consumer-transaction.ts';
import type { Effects } from './effects.ts';
import type { Gate } from './gate.ts';
import type { WaitingEvent } from './log-pass.ts';

/** Handles one event. What it does through `transaction` is done exactly once; anything else at least once. */
export type ConsumerHandler<E extends NervEvent = NervEvent> = (event: E, transaction: ConsumerTransaction) => unknown;

/** Thrown by a handler that does not want its event any more, and is not at fault: it comes again. */
export const ABANDONED: unique symbol = Symbol('abandoned');

/** What became of one call of a handler. */
export type HandlingOutcome =
  | { readonly type: 'done'; readonly effects: Effects }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'abandoned' };

/** What events are handled with. */
export interface EventHandlingParts {
  readonly handler: ConsumerHandler;
  readonly source: EventSource;
  readonly transactions: TransactionParts;
  readonly telemetry: Telemetry;
  /** How many handlers may run at a time. */
  readonly gate: Gate;
}

/** Calls a handler for one event, and gives what it did. Never rejects. */
export async function handleEvent(
  parts: EventHandlingParts,
  row: WaitingEvent,
  handling: Handling,
): Promise<HandlingOutcome> {
  const leave = await parts.gate.enter();
  let transaction: OpenTransaction | undefined;
  try {
    if (handling.signal.aborted) return { type: 'abandoned' };
    const event = await makeEvent(parts.source, row);
    const open = new OpenTransaction(parts.transactions, handling);
    transaction = open;
    await parts.telemetry.handle(event, async () => parts.handler(event, open));
    return { type: 'done', effects: await open.finish() };
  } catch (error) {
    transaction?.abandon();
    return error === ABANDONED ? { type: 'abandoned' } : { type: 'failed', error };
  } finally {
    leave();
  }
}

async function makeEvent(source: EventSource, row: WaitingEvent): Promise<NervEvent & { readonly seq: number }> {
  const event = await fetchEventOfRow(source, row);
  return Object.freeze({
    id: event.id,
    type: event.type,
    kind: event.kind ?? 'application',
    data: event.data,
    timestamp: event.timestamp,
    source: event.source,
    metadata: event.metadata ?? {},
    seq: Number(row.seq),
    pending: false,
  });
}
