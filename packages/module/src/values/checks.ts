/**
 * The checks every argument passes before anything is written. Form only: texts are not canonicalised and large ones
 * not parsed, because a module has neither the time nor, for sealed values, the key.
 */
import { eventTypeFault, patternFault } from '@inner-universe/nerv/events/pattern';
import { refuse } from '../refusals/refused.ts';
import {
  MAX_CHUNKS,
  MAX_DESCRIPTION_BYTES,
  MAX_ID_BYTES,
  MAX_INLINE_VALUE_BYTES,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
  MAX_REASON_BYTES,
  MAX_TAGS,
} from '../wire/limits.ts';
import { DEFAULT_SCOPE, VALUE_ENCODINGS } from '../wire/vocabulary.ts';
import { byteLength, hasControlCharacter, isLongerThan } from './text.ts';
import { micros, type Timestamp } from './library-values.ts';

/** JSON texts up to this many UTF-16 units are parsed; of longer ones only the outer form is looked at. */
const PARSED_UNITS = 65_536;
/** Valid event types seen lately; whether one is valid never changes. */
const validTypes = new Set<string>();
const VALID_TYPES_KEPT = 1_024;

/** An id, type, store, branch, tag or scope: 1 to 128 bytes without control characters. */
export function checkId(value: string, what: string): string {
  if (value === '') refuse('value/malformed', `The ${what} is empty. Give it 1 to ${MAX_ID_BYTES} bytes.`);
  if (isLongerThan(value, MAX_ID_BYTES)) tooLarge(what, byteLength(value), MAX_ID_BYTES);
  if (hasControlCharacter(value)) {
    refuse('value/malformed', `The ${what} ${JSON.stringify(value)} has a control character. Take it out.`);
  }
  return value;
}

/** A label (author, source, partition key): any text of at most 1 KiB, also none. */
export function checkLabel(value: string, what: string): string {
  if (isLongerThan(value, MAX_LABEL_BYTES)) tooLarge(what, byteLength(value), MAX_LABEL_BYTES);
  return value;
}

/** A scope; empty stands for `main`. */
export function checkScope(scope: string): string {
  return scope === '' ? DEFAULT_SCOPE : checkId(scope, 'scope');
}

/** A display name. */
export function checkName(name: string): string {
  if (isLongerThan(name, MAX_NAME_BYTES)) tooLarge('name', byteLength(name), MAX_NAME_BYTES);
  return name;
}

/** A description. */
export function checkDescription(text: string): string {
  if (isLongerThan(text, MAX_DESCRIPTION_BYTES)) tooLarge('description', byteLength(text), MAX_DESCRIPTION_BYTES);
  return text;
}

/** Why an event was parked. */
export function checkReason(text: string): string {
  if (isLongerThan(text, MAX_REASON_BYTES)) tooLarge('reason', byteLength(text), MAX_REASON_BYTES);
  return text;
}

/** The type of an event. */
export function checkEventType(type: string): string {
  if (validTypes.has(type)) return type;
  const fault = eventTypeFault(type);
  if (fault !== undefined) refuse('value/malformed', `The event type ${fault}.`);
  if (validTypes.size >= VALID_TYPES_KEPT) validTypes.clear();
  validTypes.add(type);
  return type;
}

/** A pattern over event types. */
export function checkPattern(pattern: string): string {
  const fault = patternFault(pattern);
  if (fault !== undefined) refuse('value/malformed', `The pattern ${fault}.`);
  return pattern;
}

/** Tags: unique, in the given order. */
export function checkTags(tags: readonly string[]): string[] {
  if (tags.length > MAX_TAGS) {
    refuse('value/too-large', `There are ${tags.length} tags; ${MAX_TAGS} are allowed.`, {
      details: { what: 'tags', count: tags.length, limit: MAX_TAGS },
    });
  }
  for (const tag of tags) checkId(tag, 'tag');
  return [...new Set(tags)];
}

/** A span of validity: not ended before it began. */
export function checkValidity(from: Timestamp | undefined, to: Timestamp | undefined): void {
  if (from === undefined || to === undefined) return;
  if (micros(to) < micros(from)) {
    refuse('value/malformed', 'validTo lies before validFrom. Swap them or leave one out.');
  }
}

/** The name of an encoding, empty standing for `json/1`. */
export function checkEncoding(encoding: string): string {
  if (encoding === '' || encoding === 'json/1') return 'json/1';
  if (!(VALUE_ENCODINGS as readonly string[]).includes(encoding)) {
    refuse('value/malformed', `The encoding '${encoding}' is none of ${VALUE_ENCODINGS.join(', ')}.`);
  }
  return encoding;
}

/** A value's text of any JSON form, with its checked encoding. */
export function checkValue(text: string, encoding: string, what: string): void {
  checkInlineSize(text, what);
  if (encoding === 'chunks/1') parseChunkReference(text, what);
  else if (encoding === 'json/1') checkJson(text, what);
  else if (text === '') refuse('value/malformed', `The sealed ${what} is empty.`);
}

/** A value's text that must be a JSON object (properties, metadata). */
export function checkObjectValue(text: string, encoding: string, what: string): void {
  checkValue(text, encoding, what);
  if (encoding !== 'json/1') return;
  if (!text.startsWith('{')) refuse('value/malformed', `The ${what} must be a JSON object.`);
}

/** A delta's text: RFC 6902. Small ones are checked op by op, of large ones the outer form. */
export function checkDelta(text: string, encoding: string): void {
  checkInlineSize(text, 'delta');
  if (encoding !== 'json/1') {
    checkValue(text, encoding, 'delta');
    return;
  }
  if (text.length > PARSED_UNITS) {
    if (!text.startsWith('[') || !text.endsWith(']')) refuse('value/malformed', 'The delta is no JSON array.');
    return;
  }
  const operations = parseJson(text, 'delta');
  if (!Array.isArray(operations)) refuse('value/malformed', 'The delta is no JSON array of RFC 6902 operations.');
  for (const [index, operation] of (operations as readonly unknown[]).entries()) {
    if (!isPatchOperation(operation)) {
      refuse('value/malformed', `Operation ${index} of the delta is not one of RFC 6902.`, { details: { index } });
    }
  }
}

/** What a `chunks/1` text says: where a large value lies. */
export interface ChunkReference {
  readonly digest: string;
  readonly count: number;
  readonly byteLength: number;
}

/** Reads a `chunks/1` text: `{"bytes":<length>,"count":<pieces>,"digest":"<digest>"}`. */
export function parseChunkReference(text: string, what: string): ChunkReference {
  const value = parseJson(text, what);
  const { digest, count, bytes } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (typeof digest !== 'string' || !isCount(count, MAX_CHUNKS) || !isCount(bytes, Number.MAX_SAFE_INTEGER)) {
    refuse('value/malformed', `The ${what} in chunks/1 must be {"bytes":n,"count":n,"digest":"…"}.`);
  }
  return { digest: checkId(digest, 'digest'), count, byteLength: bytes };
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
}

/** Parses a JSON text of moderate size. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('value/malformed', `The ${what} is not JSON.`);
  }
}

function checkJson(text: string, what: string): void {
  if (text.length <= PARSED_UNITS) {
    parseJson(text, what);
    return;
  }
  const closed =
    (text.startsWith('{') && text.endsWith('}')) ||
    (text.startsWith('[') && text.endsWith(']')) ||
    (text.startsWith('"') && text.endsWith('"'));
  if (!closed) refuse('value/malformed', `The ${what} is not JSON.`);
}

function checkInlineSize(text: string, what: string): void {
  if (isLongerThan(text, MAX_INLINE_VALUE_BYTES)) {
    refuse('value/too-large', `The ${what} is too large to be sent inline. Upload it in chunks and use chunks/1.`, {
      details: { what, bytes: byteLength(text), limit: MAX_INLINE_VALUE_BYTES },
    });
  }
}

function tooLarge(what: string, bytes: number, limit: number): never {
  refuse('value/too-large', `The ${what} has ${bytes} bytes; ${limit} are allowed.`, {
    details: { what, bytes, limit },
  });
}

function isPatchOperation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { op, path, from } = value as Record<string, unknown>;
  if (typeof path !== 'string' || !(path === '' || path.startsWith('/'))) return false;
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      return 'value' in value;
    case 'remove':
      return true;
    case 'move':
    case 'copy':
      return typeof from === 'string' && (from === '' || from.startsWith('/'));
    default:
      return false;
  }
}
