// Property values: how they are taken in and told apart.
//
// - Two values are the same exactly if their keys are: `valueKey` is what indexes and conditions compare.

import { NervError } from '../errors.ts';
import { decode } from '../values/decode.ts';
import { encode, isPlainObject, stringify } from '../values/encode.ts';
import { hasLoneSurrogate } from '../values/json.ts';
import { readOnly } from '../values/read-only.ts';
import type { Properties } from './entity.ts';

/** What a value is found by. Map keys compare numbers so that NaN is NaN and -0 is 0. */
export type ValueKey = string | number | bigint | boolean | null | undefined;

/**
 * A frozen copy of a row's properties.
 * @throws NervError `value/unsupported`, `value/too-deep`
 */
export function copyProperties(properties: unknown): Properties {
  if (!isPlainObject(properties)) {
    throw new NervError('value/unsupported', `Properties are a plain object, not ${String(properties)}.`, {
      details: { path: '' },
    });
  }
  const entries = Object.entries(properties);
  if (entries.every(([key, value]) => isStorableScalar(key) && isStorableScalar(value))) {
    return Object.freeze(Object.fromEntries(entries)) as Properties; // storable values
  }
  // A plain object comes back as one.
  return readOnly(decode(encode(properties))) as Properties;
}

/** The properties with some keys set and some taken away, frozen. @throws as `copyProperties` */
export function patchProperties(
  before: Properties,
  set: object | undefined,
  removed: readonly string[] = [],
): Properties {
  const added = set === undefined ? {} : copyProperties(set);
  if (removed.length > 0) {
    const kept = Object.entries(before).filter(([key]) => !removed.includes(key));
    return Object.freeze({ ...Object.fromEntries(kept), ...added });
  }
  if (set === undefined) return before;
  return Object.keys(before).length === 0 ? added : Object.freeze({ ...before, ...added });
}

/** What the value is found by: itself, or its canonical text where it is an object. */
export function valueKey(value: unknown): ValueKey {
  if (typeof value === 'string') return value.charCodeAt(0) === 0 ? `\u0000s${value}` : value;
  return isScalar(value) ? value : `\u0000o${stringify(value)}`;
}

/** Whether two values are the same. */
export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  const leftKey = valueKey(left);
  const rightKey = valueKey(right);
  return leftKey === rightKey || (Number.isNaN(leftKey) && Number.isNaN(rightKey));
}

function isScalar(value: unknown): value is ValueKey {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

function isStorableScalar(value: unknown): boolean {
  return typeof value === 'string' ? !hasLoneSurrogate(value) : isScalar(value);
}
