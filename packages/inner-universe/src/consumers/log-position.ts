import { makeWireTimestamp, microsOf } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { ALL_EVENTS } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { NervPersistenceError } from '../errors.ts';
import { checkPosition, type ConsumerPosition } from './definition.ts';
import type { OnTrimmed } from './log-pass.ts';

/** The scope whose events count, and what is done about those that were trimmed. */
export interface PositionContext {
  readonly scope: string;
  readonly onTrimmed: OnTrimmed;
  readonly call?: CallOptions | undefined;
}

/**
 * The `seq` after which a consumer begins.
 * @throws {NervPersistenceError} `config/invalid`; `event/trimmed` for a time before the log's beginning
 */
export async function findPosition(
  client: ModuleClient,
  position: ConsumerPosition,
  context: PositionContext,
): Promise<bigint> {
  checkPosition(position);
  if (position === 'beginning') return 0n;
  if (position === 'now') return (await client.read('readScopes', {}, context.call)).seq;
  if (position instanceof Date) return findTime(client, position, context);
  return position === 0 || position === 0n ? 0n : BigInt(position) - 1n;
}

async function findTime(client: ModuleClient, date: Date, context: PositionContext): Promise<bigint> {
  const micros = BigInt(date.getTime()) * 1000n;
  for (let afterSeq = 0n; ;) {
    const asked = { ...ALL_EVENTS, scope: context.scope, recordedFrom: makeWireTimestamp(micros), afterSeq, limit: 1 };
    const page = await client.read('readEvents', asked, context.call);
    const [first] = page.events;
    // What came first after that time may have been trimmed.
    const mayLack = page.trimmedSeq > 0n && (first?.seq ?? page.trimmedSeq) <= page.trimmedSeq + 1n;
    if (mayLack) return findTrimmed(date, page.trimmedSeq, context);
    if (first !== undefined) return first.seq - 1n;
    if (!page.more) return page.lookedTo;
    afterSeq = page.lookedTo;
  }
}

async function findTrimmed(date: Date, trimmedSeq: bigint, { onTrimmed, call }: PositionContext): Promise<bigint> {
  if (onTrimmed === 'skip') return trimmedSeq;
  if (onTrimmed === 'error') {
    throw new NervPersistenceError(
      'event/trimmed',
      `The log begins after ${trimmedSeq}: events of ${date.toISOString()} may lie in an archive. Open it, or name a 'seq'.`,
      { details: { trimmedSeq: trimmedSeq.toString(), date: date.toISOString() } },
    );
  }
  const micros = BigInt(date.getTime()) * 1000n;
  for await (const { seq, recordedAt } of onTrimmed.archive.rows(0n)) {
    call?.signal?.throwIfAborted();
    if (seq > trimmedSeq) break;
    if (microsOf(recordedAt) >= micros) return seq - 1n;
  }
  return trimmedSeq;
}
