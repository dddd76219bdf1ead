import { identityHex, makeWireTimestamp, microsOf, type EventLogRow } from '@inner-universe/module/wire';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a row: JSON of its columns, in which values lie whole. */
export function formatArchivedRow(row: EventLogRow): Uint8Array {
  return encoder.encode(
    JSON.stringify({
      seq: row.seq.toString(),
      id: row.eventId,
      type: row.eventType,
      version: row.typeVersion,
      kind: row.kind,
      scope: row.scope,
      source: row.source,
      publisher: identityHex(row.publisher),
      key: row.partitionKey,
      authored: microsOf(row.authoredAt).toString(),
      recorded: microsOf(row.recordedAt).toString(),
      data: row.data,
      dataEncoding: row.dataEncoding,
      metadata: row.metadata,
      metadataEncoding: row.metadataEncoding,
    }),
  );
}

/** Reads a row's bytes; undefined for what is none. */
export function tryParseArchivedRow(bytes: Uint8Array): EventLogRow | undefined {
  const columns = tryParseColumns(bytes);
  if (columns === undefined) return undefined;
  let isSound = true;
  const text = (name: string, form = ANY): string => {
    const value = columns[name];
    if (typeof value === 'string' && form.test(value)) return value;
    isSound = false;
    return '0';
  };
  const { version } = columns;
  const row: EventLogRow = {
    seq: BigInt(text('seq', WHOLE)),
    eventId: text('id'),
    eventType: text('type'),
    typeVersion: typeof version === 'number' ? version : -1,
    kind: text('kind'),
    scope: text('scope'),
    source: text('source'),
    publisher: { __identity__: BigInt(`0x${text('publisher', IDENTITY)}`) },
    partitionKey: text('key'),
    authoredAt: makeWireTimestamp(BigInt(text('authored', WHOLE))),
    recordedAt: makeWireTimestamp(BigInt(text('recorded', WHOLE))),
    data: text('data'),
    dataEncoding: text('dataEncoding'),
    metadata: text('metadata'),
    metadataEncoding: text('metadataEncoding'),
  };
  return isSound && Number.isSafeInteger(row.typeVersion) && row.typeVersion >= 0 ? row : undefined;
}

const ANY = /^/;
const WHOLE = /^-?\d{1,20}$/;
const IDENTITY = /^[0-9a-f]{64}$/;

function tryParseColumns(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(bytes));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Neither UTF-8 nor JSON: the caller knows where it lies.
    return undefined;
  }
}
