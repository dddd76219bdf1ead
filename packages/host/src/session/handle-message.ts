import { unreachable } from '../assert.ts';
import type { CallResult, ProcedureResult } from '../database/calls.ts';
import { HostError } from '../errors.ts';
import type { ClientMessage } from '../protocol/client-message.ts';
import type { EncodedMessage } from '../protocol/message-builder.ts';
import {
  encodeOneOffError,
  encodeOneOffRows,
  encodeProcedureFailed,
  encodeProcedureReturned,
  encodeReducerCommitted,
  encodeReducerError,
  encodeReducerInternalError,
  encodeSubscribeApplied,
  encodeSubscriptionError,
  encodeUnsubscribeApplied,
} from '../protocol/server-message.ts';
import type { QuerySetUpdate, TableRows } from '../subscriptions/shared-results.ts';
import type { SubscriptionManager } from '../subscriptions/subscription-manager.ts';
import type { Session } from './session.ts';

/** A reducer call with what it changed in the caller's own query sets. */
export interface OwnCallResult {
  readonly result: CallResult;
  readonly updates: readonly QuerySetUpdate[];
}

/** What messages are answered from. */
export interface MessageTarget {
  readonly subscriptions: SubscriptionManager;
  readonly messageBytesMax: number;
  callReducer(session: Session, name: string, args: Uint8Array): OwnCallResult;
  callProcedure(session: Session, name: string, args: Uint8Array): ProcedureResult;
}

type Of<Type extends ClientMessage['type']> = Extract<ClientMessage, { readonly type: Type }>;

/**
 * Does what one client message asks for and gives the one answer to it.
 * @throws {HostError} `subscription/duplicate` when the message ends the connection by the protocol's rules.
 */
export function answerMessage(target: MessageTarget, session: Session, message: ClientMessage): EncodedMessage {
  switch (message.type) {
    case 'subscribe':
      return subscribe(target, session, message);
    case 'unsubscribe':
      return unsubscribe(target, session, message);
    case 'one-off-query':
      return oneOffQuery(target, session, message);
    case 'call-reducer':
      return callReducer(target, session, message);
    case 'call-procedure':
      return callProcedure(target, session, message);
    default:
      return unreachable(message);
  }
}

function subscribe(target: MessageTarget, session: Session, message: Of<'subscribe'>): EncodedMessage {
  const { requestId, querySetId, queries } = message;
  const { visibility } = session;
  const result = target.subscriptions.subscribe(session, { querySetId, queries, visibility });
  switch (result.type) {
    case 'applied': {
      const excess = describeExcess(target, result.tables);
      if (excess === undefined) return encodeSubscribeApplied(requestId, querySetId, result.tables);
      target.subscriptions.unsubscribe(session, querySetId, { sendRows: false });
      return encodeSubscriptionError(requestId, querySetId, excess);
    }
    case 'error':
      return encodeSubscriptionError(requestId, querySetId, result.message);
    case 'duplicate':
      throw new HostError({ code: 'subscription/duplicate', message: result.message, details: { querySetId } });
    default:
      return unreachable(result);
  }
}

function unsubscribe(target: MessageTarget, session: Session, message: Of<'unsubscribe'>): EncodedMessage {
  const { requestId, querySetId, sendDroppedRows } = message;
  const result = target.subscriptions.unsubscribe(session, querySetId, { sendRows: sendDroppedRows });
  if (result.type === 'error') return encodeSubscriptionError(requestId, querySetId, result.message);
  return encodeUnsubscribeApplied(requestId, querySetId, result.tables);
}

function oneOffQuery(target: MessageTarget, session: Session, message: Of<'one-off-query'>): EncodedMessage {
  const result = target.subscriptions.oneOffQuery(message.query, session.visibility);
  if (result.type === 'error') return encodeOneOffError(message.requestId, result.message);
  const excess = describeExcess(target, [result.table]);
  if (excess !== undefined) return encodeOneOffError(message.requestId, excess);
  return encodeOneOffRows(message.requestId, [result.table]);
}

function callReducer(
  target: MessageTarget,
  session: Session,
  message: Of<'call-reducer' | 'call-procedure'>,
): EncodedMessage {
  const { requestId, name, args } = message;
  const { result, updates } = target.callReducer(session, name, args);
  const { outcome, timestampMicros } = result;
  switch (outcome.type) {
    case 'committed':
      return encodeReducerCommitted(requestId, timestampMicros, updates);
    case 'failed-user':
      return encodeReducerError(requestId, timestampMicros, outcome.message);
    case 'failed-internal':
      return encodeReducerInternalError(requestId, timestampMicros, outcome.message);
    default:
      return unreachable(outcome);
  }
}

function callProcedure(
  target: MessageTarget,
  session: Session,
  message: Of<'call-reducer' | 'call-procedure'>,
): EncodedMessage {
  const { requestId, name, args } = message;
  const { outcome, timestampMicros, durationMicros } = target.callProcedure(session, name, args);
  if (outcome.type === 'failed') return encodeProcedureFailed(requestId, outcome.message);
  return encodeProcedureReturned(requestId, { bytes: outcome.bytes, timestampMicros, durationMicros });
}

/** Says by how much rows are more than one message can hold, before anybody encodes them. */
function describeExcess(target: MessageTarget, tables: readonly TableRows[]): string | undefined {
  let bytes = 0;
  for (const { rows } of tables) for (const row of rows.rows) bytes += row.length + 8;
  if (bytes <= target.messageBytesMax) return undefined;
  return `the result has about ${bytes} bytes, one message holds at most ${target.messageBytesMax}: ask for fewer rows`;
}
