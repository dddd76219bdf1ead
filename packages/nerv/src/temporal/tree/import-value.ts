import { canonicalJson } from '../../values/canonical-json.ts';
import { checkElements, Nesting, storableKeys, tryEncodeLeaf } from '../../values/encode.ts';
import { compareKeys, escapeKey } from '../../values/json.ts';
import { appendPointer } from '../../values/pointer.ts';
import { OpaqueLeaf, type Slot } from './slot.ts';
import { buildNode, makeElements, makeEntries } from './splice.ts';

/** Gives the slot that already stands behind a value (a view, a draft), if any. */
export type KnownSlots = (value: object, path: string) => Slot | undefined;

/**
 * The slot that holds a value, sharing nothing mutable with it. `known` is asked first for every object.
 * @throws as `encode` does, with `path` before the pointer
 */
export function importValue(value: unknown, path: string, known: KnownSlots): Slot {
  return new Importer(known).import(value, path);
}

class Importer {
  readonly #known: KnownSlots;
  readonly #nesting = new Nesting();

  constructor(known: KnownSlots) {
    this.#known = known;
  }

  import(value: unknown, path: string): Slot {
    if (typeof value !== 'object' || value === null) return scalar(value, path);
    const known = this.#known(value, path);
    if (known !== undefined) return known;
    const leaf = tryEncodeLeaf(value, path);
    if (leaf !== undefined) return new OpaqueLeaf(canonicalJson(leaf));
    return this.#nesting.within(value, path, () =>
      Array.isArray(value) ? this.#elements(value, path) : this.#entries(value, path),
    );
  }

  #elements(elements: readonly unknown[], path: string): Slot {
    checkElements(elements, path);
    const slots = elements.map((element, index) => this.import(element, appendPointer(path, index)));
    return buildNode('array', makeElements(slots));
  }

  #entries(object: object, path: string): Slot {
    const keys = storableKeys(object, path).sort(compareKeys);
    const slots = keys.map((key) => this.import(Reflect.get(object, key), appendPointer(path, escapeKey(key))));
    return buildNode('object', makeEntries(keys, slots));
  }
}

/** Strings are looked at (lone surrogates), functions and symbols refused; everything else that is no object is itself. */
function scalar(value: unknown, path: string): Slot {
  if (typeof value === 'string' || typeof value === 'function' || typeof value === 'symbol') tryEncodeLeaf(value, path);
  return value as Slot; // what is left is a scalar
}
