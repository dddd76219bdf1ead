// CloudEvents as messages of HTTP, in the two modes of its protocol binding (version 1.0.2).
//
//     structured   Content-Type: application/cloudevents+json, all in the body
//     binary       attributes as headers ce-<name>, percent-encoded; datacontenttype as Content-Type; data as the body
//
// Headers have no types: what the receiver could not tell is said in one more header, ce-nervtypes, so that
// `fromBinaryMessage` gives what `toBinaryMessage` was given.

import { encodeBase64, tryDecodeBase64 } from '../values/base64.ts';
import { parseJson } from '../values/decode.ts';
import { setOwn } from '../values/json.ts';
import { invalidAttribute, parseCloudEvent, type CloudEvent } from './cloud-event.ts';

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  encoding: 'utf-8',
  options: { readonly fatal: true; readonly ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };

/** The media type of the structured mode. */
export const CLOUD_EVENT_MEDIA_TYPE = 'application/cloudevents+json';

/** A message in binary mode. Header names are in lower case when made, and in any case when read. */
export interface BinaryMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

const TYPES = 'nervtypes';
const NO_HEADER: ReadonlySet<string> = new Set(['data', 'data_base64', 'datacontenttype']);
const JSON_TYPE = /^(application|text)\/json\s*(;|$)|^[^;]*\+json\s*(;|$)/i;
const TEXT_TYPE = /^text\//i;

type BodyKind = 'json' | 'text' | 'bytes';

/** The body of a structured message. */
export function toStructuredText(event: CloudEvent): string {
  return JSON.stringify(parseCloudEvent(event));
}

/**
 * The CloudEvent of the body of a structured message.
 * @throws NervError `event/invalid`, or `value/malformed` for what is no JSON
 */
export function fromStructuredText(text: string): CloudEvent {
  return parseCloudEvent(parseJson(text));
}

/**
 * A CloudEvent as a message in binary mode.
 * @throws NervError `event/invalid`
 */
export function toBinaryMessage(event: CloudEvent): BinaryMessage {
  const { data, data_base64: base64, datacontenttype, ...attributes } = parseCloudEvent(event);
  if (attributes[TYPES] !== undefined) throw invalidAttribute(TYPES, 'the name is taken');
  const types: string[] = [];
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    headers[`ce-${name}`] = escapeHeader(String(value));
    if (typeof value !== 'string') types.push(`${name}:${typeof value}`);
  }
  const kind: BodyKind = base64 !== undefined ? 'bytes' : isText(data, datacontenttype) ? 'text' : 'json';
  const hasBody = data !== undefined || base64 !== undefined;
  if (datacontenttype !== undefined) headers['content-type'] = datacontenttype;
  else if (hasBody && kind === 'json') {
    headers['content-type'] = 'application/json';
    types.push('datacontenttype:absent');
  }
  if (hasBody && kind !== kindOf(headers['content-type'])) types.push(`data:${kind}`);
  if (types.length > 0) headers[`ce-${TYPES}`] = types.join(',');
  if (!hasBody) return { headers, body: undefined };
  return { headers, body: base64 === undefined ? encodeData(kind, data) : decodeBase64(base64) };
}

/**
 * The CloudEvent of a message in binary mode; headers that are none of its attributes are ignored. An empty body is as
 * none, unless the headers say more.
 * @throws NervError `event/invalid`
 */
export function fromBinaryMessage({ headers, body }: BinaryMessage): CloudEvent {
  const found = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const types = new Map((found.get(`ce-${TYPES}`) ?? '').split(',').map((type) => splitType(type)));
  const contentType = found.get('content-type');
  const event: Record<string, unknown> = {};
  for (const [name, value] of found) {
    if (!name.startsWith('ce-') || name === `ce-${TYPES}`) continue;
    const attribute = name.slice(3);
    if (NO_HEADER.has(attribute)) throw invalidAttribute(attribute, 'it has no header of its own');
    setOwn(event, attribute, typed(unescapeHeader(attribute, value), types.get(attribute)));
  }
  if (contentType !== undefined && types.get('datacontenttype') !== 'absent') event['datacontenttype'] = contentType;
  if (body === undefined) return parseCloudEvent(event);
  const said = types.get('data');
  if (body.length === 0 && said === undefined && kindOf(contentType) === 'json') return parseCloudEvent(event);
  return parseCloudEvent({ ...event, ...decodeBody(said ?? kindOf(contentType), body) });
}

function splitType(type: string): [string, string] {
  const [name = '', kind = ''] = type.split(':');
  return [name, kind];
}

function typed(text: string, type: string | undefined): unknown {
  if (type === 'number') return Number(text);
  return type === 'boolean' ? text === 'true' : text;
}

function isText(data: unknown, contentType: string | undefined): boolean {
  return typeof data === 'string' && contentType !== undefined && !JSON_TYPE.test(contentType);
}

/** What a body is, by its media type. */
function kindOf(contentType: string | undefined): BodyKind {
  if (contentType === undefined) return 'bytes';
  if (JSON_TYPE.test(contentType)) return 'json';
  return TEXT_TYPE.test(contentType) ? 'text' : 'bytes';
}

function encodeData(kind: BodyKind, data: unknown): Uint8Array {
  return new TextEncoder().encode(kind === 'text' ? String(data) : JSON.stringify(data));
}

function decodeBase64(text: string): Uint8Array {
  const bytes = tryDecodeBase64(text);
  if (bytes === undefined) throw invalidAttribute('data_base64', 'it must be base64 with padding');
  return bytes;
}

function decodeBody(kind: string, body: Uint8Array): Readonly<Record<string, unknown>> {
  if (kind === 'json') return { data: parseJson(decodeText('data', body)) };
  return kind === 'text' ? { data: decodeText('data', body) } : { data_base64: encodeBase64(body) };
}

/** Space, '"', '%' and all that is not printable ASCII are percent-encoded as UTF-8. */
function escapeHeader(text: string): string {
  return text.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`,
    ).join(''),
  );
}

function unescapeHeader(attribute: string, text: string): string {
  return text.replace(/(%[0-9a-f]{2})+/gi, (escaped) =>
    decodeText(
      attribute,
      Uint8Array.from(escaped.slice(1).split('%'), (byte) => Number.parseInt(byte, 16)),
    ),
  );
}

function decodeText(attribute: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalidAttribute(attribute, `it is not UTF-8 (${String(cause)})`);
  }
}
