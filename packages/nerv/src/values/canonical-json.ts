import { NervError } from '../errors.ts';
import { compareKeys, hasLoneSurrogate, tooDeep, type JsonValue } from './json.ts';

/** Levels of JSON; a Map of the value codec takes three of them. */
const JSON_DEPTH_LIMIT = 1024;

/**
 * JSON as RFC 8785 writes it: no white space, keys in the order of their UTF-16 code units, numbers and strings as
 * ECMAScript prints them. Equal values give equal text.
 * @throws `value/unsupported` for what JSON cannot hold, `value/too-deep` beyond 1,024 levels
 */
export function canonicalJson(json: JsonValue): string {
  return write(json, 0);
}

function write(json: JsonValue, depth: number): string {
  if (isScalar(json)) return JSON.stringify(json);
  // Whoever has no types may give anything.
  if (typeof json !== 'object' || json === null) {
    throw new NervError('value/unsupported', `JSON cannot hold ${String(json)}. Encode the value first.`);
  }
  if (depth >= JSON_DEPTH_LIMIT) throw tooDeep('', JSON_DEPTH_LIMIT);
  if (isJsonArray(json)) return `[${json.map((element) => write(element, depth + 1)).join(',')}]`;
  const entries = Object.keys(json).sort(compareKeys);
  // Each is one of the object's own.
  return `{${entries.map((key) => `${write(key, 0)}:${write(json[key] as JsonValue, depth + 1)}`).join(',')}}`;
}

/** What is written as ECMAScript prints it. */
function isScalar(json: unknown): boolean {
  if (typeof json === 'string') return !hasLoneSurrogate(json);
  return json === null || typeof json === 'boolean' || Number.isFinite(json);
}

/** `Array.isArray` does not narrow readonly arrays. */
function isJsonArray(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}
