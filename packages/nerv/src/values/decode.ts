/** From the encoded form (see encode.ts) back to JavaScript values. Makes plain data only, never an instance of a user's class. */
import { NervError } from '../errors.ts';
import { tryDecodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { isPlainObject, nameOf } from './encode.ts';
import { checkLength, DEPTH_LIMIT, hasLoneSurrogate, setOwn, tooDeep, type JsonValue, type Value } from './json.ts';
import { appendPointer } from './pointer.ts';
import { Sealed } from './sealed.ts';

/**
 * The value that an encoded form stands for, freshly made and mutable.
 * @throws `value/malformed` with `details.path` when it stands for nothing that `encode` takes; `value/too-deep`
 */
export function decode(json: unknown): Value {
  return decodeAt(json, '', 0);
}

/** The value that a text stands for, canonical or not. @throws as `decode` does; `value/too-large` as `stringify` */
export function parse(text: string): Value {
  return decode(parseJson(text));
}

/**
 * Whether `text` is exactly the canonical text of some value: the only form that is stored and hashed. Duplicate keys,
 * white space, other orders, numbers that no double holds and unknown `$` keys all make it false.
 */
export function isCanonical(text: string): boolean {
  try {
    const json = parseJson(text);
    decode(json);
    return canonicalJson(json) === text;
  } catch (error) {
    if (error instanceof NervError) return false;
    throw error;
  }
}

/** JSON text as data. @throws `value/malformed`, `value/too-large` */
export function parseJson(text: string): JsonValue {
  checkLength(text);
  try {
    // JSON.parse returns nothing but JSON.
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new NervError('value/malformed', `The text is not JSON: ${String(cause)}.`, {
      details: { path: '' },
      cause,
    });
  }
}

/** The tag of an encoded leaf (`$date`, ...), or `undefined` for a plain object. @throws `value/malformed` */
export function leafTag(object: object, path: string): string | undefined {
  const keys = Object.keys(object);
  const tag = keys.find((key) => key.charCodeAt(0) === 0x24 && key.charCodeAt(1) !== 0x24);
  if (tag === undefined) return undefined;
  if (keys.length > 1) malformed(path, `'${tag}' beside other keys (a user's own key would be '$${tag}')`);
  return tag;
}

/** `depth` counts arrays, objects, maps and sets around the value, as `encode` does. */
function decodeAt(json: unknown, path: string, depth: number): Value {
  if (json === null || typeof json === 'boolean') return json;
  if (typeof json === 'string') return hasLoneSurrogate(json) ? malformed(path, 'a lone surrogate') : json;
  if (typeof json === 'number') {
    return Number.isFinite(json) ? json : malformed(path, `the number ${json}`);
  }
  if (typeof json !== 'object') return malformed(path, `a ${typeof json}`);
  if (Array.isArray(json)) return decodeElements(json, path, depth);
  if (!isPlainObject(json)) return malformed(path, 'no plain object');
  const tag = leafTag(json, path);
  return tag === undefined ? decodeEntries(json, path, depth) : decodeTagged(tag, json[tag], path, depth);
}

function decodeElements(elements: readonly unknown[], path: string, depth: number): Value[] {
  if (depth >= DEPTH_LIMIT) throw tooDeep(path, DEPTH_LIMIT);
  // A hole, which `map` would pass over, is undefined here.
  return Array.from(elements, (element, index) => decodeAt(element, appendPointer(path, index), depth + 1));
}

function decodeEntries(object: object, path: string, depth: number): Value {
  if (depth >= DEPTH_LIMIT) throw tooDeep(path, DEPTH_LIMIT);
  const decoded: Record<string, Value> = {};
  for (const [name, value] of Object.entries(object)) {
    if (hasLoneSurrogate(name)) malformed(path, 'a key with a lone surrogate');
    const key = name.charCodeAt(0) === 0x24 ? name.slice(1) : name;
    setOwn(decoded, key, decodeAt(value, appendPointer(path, name), depth + 1));
  }
  return decoded;
}

function decodeTagged(tag: string, content: unknown, path: string, depth: number): Value {
  switch (tag) {
    case '$bigint':
      if (typeof content === 'string' && /^(0|-?[1-9][0-9]*)$/.test(content)) return BigInt(content);
      break;
    case '$date': {
      const date = new Date(typeof content === 'string' ? content : Number.NaN);
      if (!Number.isNaN(date.getTime()) && date.toISOString() === content) return date;
      break;
    }
    case '$bytes': {
      const bytes = typeof content === 'string' ? tryDecodeBase64(content) : undefined;
      if (bytes !== undefined) return bytes;
      break;
    }
    case '$map':
      if (Array.isArray(content)) return decodeMap(content, appendPointer(path, tag), depth);
      break;
    case '$set':
      if (Array.isArray(content)) return decodeSet(content, path, depth);
      break;
    case '$number': {
      const number = [-0, Number.NaN, Infinity, -Infinity].find((one) => content === nameOf(one));
      if (number !== undefined) return number;
      break;
    }
    case '$sealed': {
      const sealed = Sealed.tryFrom(content);
      if (sealed !== undefined) return sealed;
      break;
    }
    case '$undefined':
      if (content === true) return undefined;
  }
  return malformed(path, `no '${tag}' (a user's own key would be '$${tag}')`);
}

function decodeMap(pairs: readonly unknown[], path: string, depth: number): Map<Value, Value> {
  const map = new Map<Value, Value>();
  for (const [index, pair] of pairs.entries()) {
    const at = appendPointer(path, index);
    if (!Array.isArray(pair) || pair.length !== 2) return malformed(at, 'no pair');
    const [key, value] = decodeElements(pair, at, depth);
    if (map.has(key) || Object.is(key, -0)) malformed(at, 'a key that the map already has, or -0');
    map.set(key, value);
  }
  return map;
}

function decodeSet(content: readonly unknown[], path: string, depth: number): Set<Value> {
  const members = decodeElements(content, appendPointer(path, '$set'), depth);
  const set = new Set(members);
  // Neither a set nor a map's keys hold -0: they take it for 0.
  if (set.size !== content.length || members.some((member) => Object.is(member, -0)))
    malformed(path, 'a member twice, or -0');
  return set;
}

function malformed(path: string, what: string): never {
  throw new NervError('value/malformed', `The encoded value is damaged or foreign: ${what} at '${path}'.`, {
    details: { path, what },
  });
}
