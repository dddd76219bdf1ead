import { NervError } from '../errors.ts';
import type { Value } from './json.ts';

/**
 * Makes a decoded value read-only, all the way down, and returns it. Writing methods of Map, Set and Date throw
 * `state/read-only`; the elements of a byte array cannot be protected, by the language.
 */
export function readOnly(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (value instanceof Map || value instanceof Set || value instanceof Date) {
    if (!(value instanceof Date)) value.forEach((member: Value, key: Value) => [member, key].forEach(readOnly));
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(value))) {
      if (/^(set|add|delete|clear)/.test(name)) Object.defineProperty(value, name, { value: refuseWrite });
    }
  } else {
    for (const member of Object.values(value)) readOnly(member as Value); // of an array or plain object of values
  }
  return Object.freeze(value);
}

/** What every write to what is read-only meets. */
export function refuseWrite(): never {
  throw new NervError('state/read-only', 'This is read-only. Change it in a commit, or by another write.');
}
