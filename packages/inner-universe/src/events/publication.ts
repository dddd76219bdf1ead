import { makeWireTimestamp, type Op, type PublishEventOp } from '@inner-universe/module/wire';
import type { Durability, EventMetadata, NervEvent, PublishOptions } from '@inner-universe/nerv';
import { parse, stringify } from '@inner-universe/nerv/values';
import type { LaterWrite, ModuleClient } from '../client/client.ts';
import { makeStoredText, tryInlineText, type StoredText } from '../client/value-text.ts';
import type { CallOptions } from '../connection/connection.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import type { EventRules } from './event-options.ts';
import { makeEventText } from './event-text.ts';

/** An event on its way to the log. */
export interface Outgoing {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly source: string | undefined;
  readonly metadata: EventMetadata | undefined;
  /** When it happened, in milliseconds; undefined: when it is published. */
  readonly timestamp: number | undefined;
  readonly durability: Exclude<Durability, 'local'>;
  readonly options: PublishOptions;
}

/** What publications are made with. */
export interface PublicationParts {
  readonly client: ModuleClient;
  readonly rules: EventRules;
  readonly sealer: EventSealer | undefined;
  /** Default scope. */
  readonly scope: string | undefined;
}

/** How the text of a value begins that is sealed as a whole. A user's own key would have one more `$`. */
const SEALED_START = '{"$sealed":';
const NO_METADATA: StoredText = { text: '{}', encoding: 'json/1', chunks: [] };

/**
 * Writes an event to the log. It takes its place in the order of writes now, also when it must be sealed first.
 * @throws {NervError} at once, for what cannot be stored: `value/…`
 */
export function writeEvent(
  parts: PublicationParts,
  event: Outgoing,
  call: CallOptions,
  nowMicros: bigint,
): Promise<void> {
  const { client, sealer } = parts;
  const { id, type } = event;
  const text = makeEventText(event.data);
  const authoredMicros = event.timestamp === undefined ? nowMicros : microsOfMs(event.timestamp);
  if (sealer?.covers(type) !== true) {
    const { ops, chunks } = makeWrite(parts, event, { text, authoredMicros });
    return client.writeWithChunks(chunks, ops, call);
  }
  const sealing = sealer
    .seal({ id, type, data: parse(text) })
    .then((data) => makeWrite(parts, event, { text: stringify(data), authoredMicros }));
  return client.writeLater(sealing, text.length, call);
}

/** The event as middleware sees it before it is sent. */
export function asNervEvent(event: Outgoing, nowMs: number): NervEvent {
  const { id, type, data, source, metadata = {}, timestamp = nowMs } = event;
  return { id, type, kind: 'application', data, timestamp, source, metadata, seq: undefined, pending: false };
}

/** The event as middleware passed it on. */
export function changedBy(event: Outgoing, before: NervEvent, after: NervEvent): Outgoing {
  if (before === after) return event;
  const { type, data, source, metadata } = after;
  // A time that nobody set is that of sending, to the microsecond.
  const timestamp = after.timestamp === before.timestamp ? event.timestamp : after.timestamp;
  return { ...event, type, data, source, metadata, timestamp };
}

function makeWrite(
  { rules, scope: ownScope }: PublicationParts,
  event: Outgoing,
  { text, authoredMicros }: { readonly text: string; readonly authoredMicros: bigint },
): LaterWrite {
  const { id, type, data: value, source, metadata: given, options } = event;
  const scope = options.scope ?? rules.scopeOf(type) ?? ownScope ?? 'main';
  const data = tryInlineText(text) ?? makeStoredText(text, scope, `The data of event ${id} (${type})`);
  const metadata =
    given === undefined
      ? NO_METADATA
      : makeStoredText(stringify(given), scope, `The metadata of event ${id} (${type})`);
  const keyed = { type, data: value, source, metadata: given ?? {} };
  const isSealedWhole = data.encoding === 'json/1' && text.startsWith(SEALED_START);
  const op: PublishEventOp = {
    eventId: id,
    eventType: type,
    typeVersion: rules.upcasting.versionOf(type),
    scope,
    source: source ?? '',
    partitionKey: options.partitionKey ?? rules.partitionKeyOf(keyed) ?? '',
    authoredAt: makeWireTimestamp(authoredMicros),
    data: data.text,
    dataEncoding: isSealedWhole ? 'sealed/1' : data.encoding,
    metadata: metadata.text,
    metadataEncoding: metadata.encoding,
    durability: event.durability,
  };
  const ops: readonly Op[] = [{ tag: 'publishEvent', value: op }];
  if (metadata.chunks.length === 0) return { ops, chunks: data.chunks };
  return { ops, chunks: [...data.chunks, ...metadata.chunks] };
}

function microsOfMs(timeMs: number): bigint {
  return BigInt(Math.round(timeMs * 1000));
}
