/**
 * From JavaScript values to the encoded form: JSON, and what JSON lacks as an object with one `$` key.
 *
 *     12n                  {"$bigint":"12"}
 *     new Date(0)          {"$date":"1970-01-01T00:00:00.000Z"}
 *     Uint8Array.of(1)     {"$bytes":"AQ=="}
 *     new Map([[k, v]])    {"$map":[[k,v]]}          in the map's own order, which is part of the value
 *     new Set([v])         {"$set":[v]}              likewise
 *     -0, NaN, ±Infinity   {"$number":"-0"} ...
 *     undefined            {"$undefined":true}       anywhere, so that nothing is lost silently
 *     Sealed               {"$sealed":{"ct":"...","iv":"...","kid":"..."}}   an encrypted value
 *     { $key: 1 }          {"$$key":1}               a user's own key that starts with $ gets one more
 *
 * Everything else is refused, with the path to it.
 */
import { NervError } from '../errors.ts';
import { encodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { checkLength, DEPTH_LIMIT, escapeKey, hasLoneSurrogate, setOwn, tooDeep, type JsonValue } from './json.ts';
import { appendPointer } from './pointer.ts';
import { Sealed } from './sealed.ts';

/**
 * The encoded form of a value, sharing nothing mutable with it.
 * @throws `value/unsupported` with `details.path` (a pointer into the encoded form) for what cannot be stored:
 * functions, symbols, cycles, class instances, arrays with holes or names, invalid dates, lone surrogates;
 * `value/too-deep` beyond 256 levels
 */
export function encode(value: unknown): JsonValue {
  return encodeAt(value, '', new Nesting());
}

/**
 * The canonical text (RFC 8785) of a value's encoded form. Equal values give equal text.
 * @throws as `encode` does; `value/too-large` beyond 128 Mi characters
 */
export function stringify(value: unknown): string {
  return checkLength(canonicalJson(encode(value)));
}

/** The encoded form of a value that is neither array nor plain object, or `undefined` when it is one of those. */
export function tryEncodeLeaf(value: unknown, path: string): JsonValue | undefined {
  return encodeLeaf(value, path, new Nesting());
}

/** What stands for a number that JSON lacks. */
export function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Whether this is an object made by `{}`, of this realm or another, or one without a prototype. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return (
    typeof prototype === 'object' &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'hasOwnProperty')
  );
}

/** The containers that the value at hand lies in. Refuses cycles and too much depth. */
export class Nesting {
  readonly #ancestors: object[] = [];

  /** Runs `body` inside of `container`. @throws `value/unsupported` for a cycle, `value/too-deep` */
  within<T>(container: object, path: string, body: () => T): T {
    if (this.#ancestors.includes(container)) refuse(path, 'a cycle');
    if (this.#ancestors.length >= DEPTH_LIMIT) throw tooDeep(path, DEPTH_LIMIT);
    this.#ancestors.push(container);
    try {
      return body();
    } finally {
      this.#ancestors.pop();
    }
  }
}

/** Passes if an array has nothing but its elements, all of them. @throws `value/unsupported` */
export function checkElements(elements: readonly unknown[], path: string): void {
  for (let index = 0; index < elements.length; index += 1) {
    if (elements[index] === undefined && !Object.hasOwn(elements, index)) {
      refuse(appendPointer(path, index), 'a hole in an array');
    }
  }
  // Whatever realm it is of, the prototype of an ordinary array is an array.
  if (!Array.isArray(Object.getPrototypeOf(elements))) refuse(path, `an instance of ${className(elements)}`);
  // The elements come first and 'length' next; anything behind it was added by name.
  const keys = Reflect.ownKeys(elements);
  if (keys.length > elements.length + 1) refuse(path, `an array with a property '${String(keys.at(-1))}'`);
}

/** The keys of a plain object, each of them storable. @throws `value/unsupported` */
export function storableKeys(object: object, path: string): string[] {
  const keys = Object.keys(object);
  if (keys.some(hasLoneSurrogate)) refuse(path, 'a key with a lone surrogate');
  if (hasSymbolKey(object)) refuse(path, 'an object with a symbol as key');
  return keys;
}

function hasSymbolKey(object: object): boolean {
  const symbols = Object.getOwnPropertySymbols(object);
  return symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(object, symbol));
}

/** @throws `value/unsupported`, always: `what` at `path` is nothing the codec stores. */
export function refuse(path: string, what: string): never {
  throw new NervError(
    'value/unsupported',
    `Cannot store ${what} (at '${path}'). Store plain data: JSON, bigint, undefined, ordinary Dates, Uint8Arrays, Maps, Sets.`,
    { details: { path, what } },
  );
}

function encodeAt(value: unknown, path: string, nesting: Nesting): JsonValue {
  const leaf = encodeLeaf(value, path, nesting);
  if (leaf !== undefined) return leaf;
  // What is no leaf is an array or a plain object.
  const container = value as object;
  return nesting.within(container, path, () =>
    Array.isArray(container) ? encodeElements(container, path, nesting) : encodeEntries(container, path, nesting),
  );
}

function encodeLeaf(value: unknown, path: string, nesting: Nesting): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
      return hasLoneSurrogate(value) ? refuse(path, 'a string with a lone surrogate') : value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: nameOf(value) };
    case 'boolean':
      return value;
    case 'bigint':
      return { $bigint: String(value) };
    case 'undefined':
      return { $undefined: true };
    case 'object':
      return value === null ? null : encodeObjectLeaf(value, path, nesting);
    case 'function':
    case 'symbol':
      break;
  }
  return refuse(path, `a ${typeof value}`);
}

function encodeObjectLeaf(value: object, path: string, nesting: Nesting): JsonValue | undefined {
  if (Array.isArray(value) || isPlainObject(value)) return undefined;
  if (value instanceof Sealed) return { $sealed: value.toContent() };
  if (value instanceof Uint8Array && ArrayBuffer.isView(value)) return { $bytes: encodeBase64(value) };
  if (isOrdinary(Date.prototype, value, (date) => date.getTime())) {
    return Number.isNaN(value.getTime()) ? refuse(path, 'an invalid Date') : { $date: value.toISOString() };
  }
  if (isOrdinary(Map.prototype, value, (map) => map.size)) {
    const at = appendPointer(path, '$map');
    const encodePair = (pair: readonly unknown[], index: number): JsonValue =>
      encodeElements(pair, appendPointer(at, index), nesting);
    return nesting.within(value, path, () => ({ $map: [...value].map(encodePair) }));
  }
  if (isOrdinary(Set.prototype, value, (set) => set.size)) {
    const at = appendPointer(path, '$set');
    return nesting.within(value, path, () => ({ $set: encodeElements([...value], at, nesting) }));
  }
  return refuse(path, `an instance of ${className(value)}`);
}

/** Whether this is what the built-in constructor makes: of no subclass, without properties to lose, and no fake. */
function isOrdinary<T extends object>(prototype: T, value: object, probe: (value: T) => unknown): value is T {
  if (Object.getPrototypeOf(value) !== prototype || Object.keys(value).length > 0 || hasSymbolKey(value)) return false;
  try {
    // The prototype says so; whether it is one inside is what the built-in finds out, and throws if not.
    probe(value as T);
    return true;
  } catch {
    return false;
  }
}

function encodeElements(elements: readonly unknown[], path: string, nesting: Nesting): JsonValue[] {
  checkElements(elements, path);
  return elements.map((element, index) => encodeAt(element, appendPointer(path, index), nesting));
}

function encodeEntries(object: object, path: string, nesting: Nesting): JsonValue {
  const encoded: Record<string, JsonValue> = {};
  for (const key of storableKeys(object, path)) {
    const name = escapeKey(key);
    setOwn(encoded, name, encodeAt(Reflect.get(object, key), appendPointer(path, name), nesting));
  }
  return encoded;
}

function className({ constructor }: object): string {
  return (typeof constructor === 'function' && constructor.name) || 'a nameless class';
}
