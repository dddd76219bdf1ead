import { NervError } from '../../errors.ts';
import type { Value } from '../../values/json.ts';
import { Sealed } from '../../values/sealed.ts';

const MAP_WRITES: readonly string[] = ['set', 'delete', 'clear'];
const SET_WRITES: readonly string[] = ['add', 'delete', 'clear'];
const DATE_WRITES: readonly string[] = Object.getOwnPropertyNames(Date.prototype).filter((name) =>
  name.startsWith('set'),
);

/**
 * Makes a decoded value read-only, all the way down, and returns it. Writing methods of Map, Set and Date throw
 * `state/read-only`; the elements of a byte array cannot be protected, by the language.
 */
export function readOnly(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Sealed)
    return value;
  if (value instanceof Map) {
    for (const [key, member] of value) {
      readOnly(key);
      readOnly(member);
    }
    return withoutWrites(value, MAP_WRITES);
  }
  if (value instanceof Set) {
    for (const member of value) readOnly(member);
    return withoutWrites(value, SET_WRITES);
  }
  if (value instanceof Date) return withoutWrites(value, DATE_WRITES);
  for (const member of Object.values(value)) readOnly(member as Value); // an array or plain object of values
  return Object.freeze(value);
}

/** What every write to a state outside of a commit meets. */
export function refuseWrite(): never {
  throw new NervError('state/read-only', 'A state is read-only. Change it inside commit((draft) => { ... }).');
}

function withoutWrites<T extends object>(value: T, names: readonly string[]): T {
  for (const name of names) Object.defineProperty(value, name, { value: refuseWrite });
  return Object.freeze(value);
}
