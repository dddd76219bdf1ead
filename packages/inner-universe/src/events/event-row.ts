import { microsOf, type EventColumns } from '@inner-universe/module/wire';
import type { IncomingEvent } from '@inner-universe/nerv';
import { parse } from '@inner-universe/nerv/values';
import type { ReadPage } from '../client/change-source.ts';
import { loadStoredText } from '../client/value-text.ts';

/** A row of the log, the feed or the ring, as an event carries it. */
export type EventRow = EventColumns & { readonly seq?: bigint | undefined };

/** Whether a row's value must be fetched before it can be read. */
export function needsFetch(row: EventRow): boolean {
  return row.dataEncoding === 'chunks/1' || row.metadataEncoding === 'chunks/1';
}

/** The event of a row whose values lie in it. */
export function makeEventOfRow(row: EventRow): IncomingEvent {
  return makeEvent(row, row.data, row.metadata);
}

/** The event of any row; values that lie in chunks are fetched. */
export async function fetchEventOfRow(read: ReadPage, row: EventRow): Promise<IncomingEvent> {
  const { scope } = row;
  const data = await loadStoredText(read, { text: row.data, encoding: row.dataEncoding, scope });
  const metadata = await loadStoredText(read, { text: row.metadata, encoding: row.metadataEncoding, scope });
  return makeEvent(row, data, metadata);
}

function makeEvent(row: EventRow, data: string, metadata: string): IncomingEvent {
  const seq = row.seq === undefined || row.seq === 0n ? undefined : Number(row.seq);
  return {
    // What is only broadcast by the module has no id of its own.
    id: row.eventId === '' ? `broadcast:${row.eventType}:${microsOf(row.recordedAt)}` : row.eventId,
    type: row.eventType,
    kind: row.kind === 'system' ? 'system' : 'application',
    // A sealed value is readable by whoever has its key; to others it is the sealed text.
    data: row.dataEncoding === 'sealed/1' ? row.data : parse(data),
    timestamp: Number(microsOf(row.authoredAt) / 1000n),
    source: row.source === '' ? undefined : row.source,
    metadata: metadata === '' ? {} : (parse(metadata) as Record<string, unknown>), // the module takes objects only
    ...(seq === undefined ? {} : { seq }),
  };
}
