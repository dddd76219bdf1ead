import { NervError } from '../errors.ts';
import type { Sealed } from './sealed.ts';

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object; any key is a plain key, `__proto__` included. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What the codec stores without loss. Objects are plain, arrays have no holes; class instances are refused. */
export type Value =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | Sealed
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | ReadonlySet<Value>
  | { readonly [key: string]: Value };

/** How deep arrays, objects, maps and sets may nest in one another. */
export const DEPTH_LIMIT = 256;

/** The longest text of a value, in UTF-16 code units. */
export const TEXT_LIMIT: number = 128 * 2 ** 20;

/** Gives the text if it is not too long. @throws NervError `value/too-large` */
export function checkLength(text: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  const { length } = text;
  throw new NervError('value/too-large', `The text has ${length} characters, over ${TEXT_LIMIT}. Split the value.`, {
    details: { length, limit: TEXT_LIMIT },
  });
}

/** The error for what nests too deep. */
export function tooDeep(path: string, limit: number): NervError {
  return new NervError('value/too-deep', `The value at '${path}' nests deeper than ${limit} levels. Flatten it.`, {
    details: { path, limit },
  });
}

/** Adds a property even where the name means something to JavaScript (`__proto__`). */
export function setOwn<T>(object: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    object[key] = value;
  }
}

/** A user's key as the encoded form has it: one more `$` before a `$`. */
export function escapeKey(key: string): string {
  return key.charCodeAt(0) === 0x24 ? `$${key}` : key;
}

/** The order of keys in the canonical form: by UTF-16 code units (RFC 8785, section 3.2.3). */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether the text has half a surrogate pair, which no UTF-8 can hold. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
