import { microsOf, type EventColumns } from '@inner-universe/module/wire';
import { NervError, type IncomingEvent, type NervEvent } from '@inner-universe/nerv';
import { parse } from '@inner-universe/nerv/values';
import type { ReadPage } from '../client/change-source.ts';
import { loadStoredText } from '../client/value-text.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import { toCurrentEvent, type EventUpcasting } from './upcasting.ts';

/** A row of the log, the feed or the ring, as an event carries it. */
export type EventRow = EventColumns & { readonly seq?: bigint | undefined };

/** What rows are made events with: where large values are fetched, what opens sealed ones, and what brings old ones forward. */
export interface EventSource {
  readonly read: ReadPage;
  readonly sealer: EventSealer | undefined;
  readonly upcasting?: EventUpcasting | undefined;
}

/** Whether a row's value must be fetched or opened before it can be read. */
export function needsFetch(row: EventRow, sealer: EventSealer | undefined): boolean {
  if (row.dataEncoding === 'chunks/1' || row.metadataEncoding === 'chunks/1') return true;
  return sealer !== undefined && row.kind !== 'system' && sealer.covers(row.eventType);
}

/**
 * The event of a row whose values lie in it, with its data in the newest version.
 * @throws {NervPersistenceError} as `toCurrentEvent` does
 */
export function makeEventOfRow(row: EventRow, upcasting?: EventUpcasting): IncomingEvent {
  return toCurrentEvent(makeEvent(row, row.data, row.metadata), row.typeVersion, upcasting);
}

/**
 * The event of any row, with its data in the newest version; values that lie in chunks are fetched, and sealed ones
 * opened as far as their keys are here.
 * @throws {NervPersistenceError} as `toCurrentEvent` does, and `chunk/mismatch`
 */
export async function fetchEventOfRow(source: EventSource, row: EventRow): Promise<IncomingEvent> {
  return toCurrentEvent(await fetchStoredEvent(source, row), row.typeVersion, source.upcasting);
}

/** An event as handlers get it. */
export function completeEvent(event: IncomingEvent): NervEvent {
  return Object.freeze({
    id: event.id,
    type: event.type,
    kind: event.kind ?? 'application',
    data: event.data,
    timestamp: event.timestamp,
    source: event.source,
    metadata: event.metadata ?? {},
    seq: event.seq,
    pending: false,
  });
}

async function fetchStoredEvent({ read, sealer }: EventSource, row: EventRow): Promise<IncomingEvent> {
  const { scope } = row;
  const data = await loadStoredText(read, { text: row.data, encoding: row.dataEncoding, scope });
  const metadata = await loadStoredText(read, { text: row.metadata, encoding: row.metadataEncoding, scope });
  const event = makeEvent(row, data, metadata);
  if (sealer === undefined || event.kind === 'system' || !sealer.covers(event.type)) return event;
  return { ...event, data: await sealer.open({ id: event.id, type: event.type, data: event.data }) };
}

function makeEvent(row: EventRow, data: string, metadata: string): IncomingEvent {
  const seq = row.seq === undefined || row.seq === 0n ? undefined : Number(row.seq);
  return {
    // What is only broadcast by the module has no id of its own.
    id: row.eventId === '' ? `broadcast:${row.eventType}:${microsOf(row.recordedAt)}` : row.eventId,
    type: row.eventType,
    kind: row.kind === 'system' ? 'system' : 'application',
    data: row.dataEncoding === 'sealed/1' ? parseSealed(data) : parse(data),
    timestamp: Number(microsOf(row.authoredAt) / 1000n),
    source: row.source === '' ? undefined : row.source,
    metadata: metadata === '' ? {} : (parse(metadata) as Record<string, unknown>), // the module takes objects only
    ...(seq === undefined ? {} : { seq }),
  };
}

/** A value that is sealed as a whole. The module does not look into it: what another client wrote may be a text of its own. */
function parseSealed(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof NervError) return text;
    throw error;
  }
}
