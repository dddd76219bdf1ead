// Events as CloudEvents 1.0 and back, without loss.
//
//     NERV                       CloudEvent
//     id, type                   id, type
//     source                     source; '/' if there is none
//     timestamp                  time
//     data                       data, or data_base64 for bytes
//     metadata.correlationId     correlationid
//     metadata.causationId       causationid
//     other metadata             the attribute of that name, if name and value are such as an attribute may have
//     everything else            nervrest: JSON of what has no other place, there only if something has none
//
// - What `toCloudEvent` makes of an event, `fromCloudEvent` turns into that event again.
// - What `fromCloudEvent` makes of a CloudEvent, `toCloudEvent` turns into that CloudEvent again: a time that is not
//   written as NERV would is kept as metadata.cloudEventTime, and is null there if there was none.
// - What cannot be turned is refused by name.

import { idFault } from '../ids/id.ts';
import { encodeBase64, tryDecodeBase64 } from '../values/base64.ts';
import { decode, parse } from '../values/decode.ts';
import { encode, stringify } from '../values/encode.ts';
import { setOwn, type JsonValue } from '../values/json.ts';
import {
  attributeFault,
  invalidAttribute,
  isAttributeName,
  isUriReference,
  parseCloudEvent,
  type CloudEvent,
} from './cloud-event.ts';
import type { EventMetadata, IncomingEvent, NervEvent } from './event.ts';
import { eventTypeFault } from './pattern.ts';

const NO_SOURCE = '/';
/** The attribute that holds what has no other place. */
const REST = 'nervrest';
/** Attributes that do not come from the metadata. */
const OWN: ReadonlySet<string> = new Set(['specversion', 'id', 'source', 'type', 'time', 'data', 'data_base64', REST]);
const ATTRIBUTE_OF: ReadonlyMap<string, string> = new Map([
  ['correlationId', 'correlationid'],
  ['causationId', 'causationid'],
]);
const KEY_OF: ReadonlyMap<string, string> = new Map([...ATTRIBUTE_OF].map(([key, name]) => [name, key]));
const TIME_KEY = 'cloudEventTime';

/**
 * The CloudEvent of an event.
 * @throws NervError `value/unsupported` or `value/too-deep` for data or metadata that the codec of values does not take
 */
export function toCloudEvent(event: NervEvent): CloudEvent {
  const { [TIME_KEY]: writtenTime, ...metadata } = event.metadata;
  const isWritten = writtenTime === null || isTimeOf(writtenTime, event.timestamp);
  const time = isWritten ? (writtenTime ?? undefined) : tryFormatTime(event.timestamp);
  const attributes: Record<string, unknown> = {};
  const left: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(isWritten ? metadata : event.metadata)) {
    const name = ATTRIBUTE_OF.get(key) ?? key;
    const isOurs = OWN.has(name) || KEY_OF.has(key);
    if (!isOurs && isAttributeName(name) && attributeFault(name, value) === undefined) setOwn(attributes, name, value);
    else setOwn(left, key, value);
  }
  const source = sourceOf(event.source);
  const { isEncoded, ...body } = dataOf(event.data);
  const rest = {
    ...(source === event.source ? {} : { source: event.source ?? null }),
    ...(isWritten || time !== undefined ? {} : { timestamp: event.timestamp }),
    ...(event.kind === 'application' ? {} : { kind: event.kind }),
    ...(event.seq === undefined ? {} : { seq: event.seq }),
    ...(event.pending ? { pending: true } : {}),
    ...(Object.keys(left).length === 0 ? {} : { metadata: left }),
    ...(isEncoded ? { data: 'encoded' } : {}),
  };
  return {
    specversion: '1.0',
    id: event.id,
    source,
    type: event.type,
    ...(time === undefined ? {} : { time }),
    ...attributes,
    ...(Object.keys(rest).length === 0 ? {} : { [REST]: stringify(rest) }),
    ...body,
  };
}

/**
 * The event of a CloudEvent from anywhere, for `deliver`. One without a time is given that of `nowMs`.
 * @throws NervError `event/invalid`, whose `details.attribute` names what is wrong or what NERV has no room for
 */
export function fromCloudEvent(input: unknown, nowMs: () => number): IncomingEvent {
  const {
    id,
    source,
    type,
    time,
    data,
    data_base64: base64,
    [REST]: restText,
    specversion: _,
    ...others
  } = parseCloudEvent(input);
  const fault = idFault(id);
  if (fault !== undefined) throw invalidAttribute('id', `it ${fault}`);
  const typeFault = eventTypeFault(type);
  if (typeFault !== undefined) throw invalidAttribute('type', typeFault);
  const rest = parseRest(restText);
  const metadata: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(others)) metadata[KEY_OF.get(name) ?? name] = value;
  const timestamp = rest.timestamp ?? (time === undefined ? nowMs() : timeMsOf(time));
  if (rest.timestamp === undefined && time !== tryFormatTime(timestamp)) metadata[TIME_KEY] = time ?? null;
  return {
    id,
    type,
    data: base64 === undefined ? decodeData(data, rest) : decodeBytes(base64),
    timestamp,
    kind: rest.kind,
    source: rest.source === null ? undefined : (rest.source ?? source),
    metadata: { ...metadata, ...rest.metadata },
    seq: rest.seq,
    pending: rest.pending,
  };
}

/** What the attribute of what is left over holds. */
interface Rest {
  readonly source?: string | null | undefined;
  readonly timestamp?: number | undefined;
  readonly kind?: 'system' | undefined;
  readonly seq?: number | undefined;
  readonly pending?: true | undefined;
  readonly metadata?: EventMetadata | undefined;
  readonly data?: 'encoded' | undefined;
}

const REST_RULES: Readonly<Record<keyof Rest, (value: unknown) => boolean>> = {
  source: (value) => value === null || typeof value === 'string',
  timestamp: (value) => typeof value === 'number',
  kind: (value) => value === 'system',
  seq: (value) => typeof value === 'number',
  pending: (value) => value === true,
  metadata: (value) => typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype,
  data: (value) => value === 'encoded',
};

function parseRest(text: unknown): Rest {
  if (text === undefined) return {};
  const rest = typeof text === 'string' ? tryParse(text) : undefined;
  const isRest =
    typeof rest === 'object' &&
    rest !== null &&
    // A rule is asked for by its own name only.
    Object.entries(rest).every(([key, value]) => new Map(Object.entries(REST_RULES)).get(key)?.(value) === true);
  if (!isRest) throw invalidAttribute(REST, 'it is not what NERV writes there');
  // Each member has just been checked.
  return rest as Rest;
}

function tryParse(text: string): unknown {
  try {
    return parse(text);
  } catch {
    // What is wrong with it is of no use: somebody else wrote it.
    return undefined;
  }
}

function sourceOf(source: string | undefined): string {
  if (source === undefined || source === '' || /\p{Cs}/u.test(source)) return NO_SOURCE;
  return isUriReference(source) ? source : encodeURIComponent(source);
}

function dataOf(data: unknown): { data?: unknown; data_base64?: string; isEncoded: boolean } {
  if (data === undefined) return { isEncoded: false };
  if (data instanceof Uint8Array) return { data_base64: encodeBase64(data), isEncoded: false };
  const encoded = encode(data);
  return isPlainJson(data) ? { data, isEncoded: false } : { data: encoded, isEncoded: true };
}

function decodeData(data: unknown, rest: Rest): unknown {
  // JSON is all that CloudEvents have as data.
  return rest.data === 'encoded' ? decode(data as JsonValue) : data;
}

function decodeBytes(base64: string): Uint8Array {
  const bytes = tryDecodeBase64(base64);
  if (bytes === undefined) throw invalidAttribute('data_base64', 'it must be base64 with padding');
  return bytes;
}

/** Whether JSON holds the value as it is. The codec has already refused what nothing holds. */
function isPlainJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.every(isPlainJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlainJson);
}

function isTimeOf(text: unknown, timestamp: number): text is string {
  return typeof text === 'string' && attributeFault('time', text) === undefined && timeMsOf(text) === timestamp;
}

/** The milliseconds since 1970 of a valid time. A leap second counts as the second before it. */
function timeMsOf(time: string): number {
  return Date.parse(time.toUpperCase().replace(/:60(?=[.Z+-])/, ':59'));
}

/** The time as RFC 3339 writes it; undefined if that cannot say it. */
function tryFormatTime(timestamp: number): string | undefined {
  if (!Number.isInteger(timestamp) || Object.is(timestamp, -0)) return undefined;
  const text = new Date(timestamp).toISOString();
  return /^\d{4}-/.test(text) ? text : undefined;
}
