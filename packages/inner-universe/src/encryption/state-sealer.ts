/*
 * The states of one store between what is recorded, which has sealed leaves, and what is seen, which has them opened.
 * Invariants:
 * - what a policy names never leaves in the clear: also what another writer left in the clear is sealed by the next
 *   commit here;
 * - a field that did not change keeps its ciphertext; one that did gets a new initialisation vector;
 * - both ways cost by what differs from the state before, not by the size of the state.
 */
import { StateTree, type JsonPatch, type PatchOperation } from '@inner-universe/nerv/temporal';
import {
  appendPointer,
  canonicalJson,
  encode,
  parsePointer,
  Sealed,
  type JsonValue,
} from '@inner-universe/nerv/values';
import type { FieldCipher } from './field-cipher.ts';
import { FieldPatterns } from './field-patterns.ts';
import { inList, openFields, replaceFields, sealedJson, trySealed } from './seal-fields.ts';

/** A state as it is recorded and as it is seen. */
export interface StatePair {
  readonly tree: StateTree;
  readonly open: StateTree;
}

/** What a sealer of a store works with. */
export interface StateSealerParts {
  readonly cipher: FieldCipher;
  readonly store: string;
  readonly fields: FieldPatterns;
  /** Whose a field is, given the keys to it in the encoded form. */
  readonly subjectOf: (keys: readonly string[]) => string;
}

/** Seals and opens the states of one store. */
export class StateSealer {
  readonly #parts: StateSealerParts;
  /** Places that a policy names and that were last seen in the clear. */
  readonly #clear = new Set<string>();
  #opened = new WeakMap<StateTree, Promise<StateTree>>();
  /** The pair that the next state is opened from. */
  #base: StatePair | undefined;

  constructor(parts: StateSealerParts) {
    this.#parts = parts;
  }

  /** A recorded state with its sealed leaves opened, as far as their keys are here. */
  open(tree: StateTree): Promise<StateTree> {
    const opened = this.#opened;
    const known = opened.get(tree);
    if (known !== undefined) return known;
    const opening = this.#openFrom(this.#base, tree).then((open) => {
      // What was opened with keys that are gone since is nothing to go on from.
      if (opened === this.#opened) this.#base = { tree, open };
      return open;
    });
    opened.set(tree, opening);
    opening.catch(() => opened.delete(tree));
    return opening;
  }

  /** Takes in a pair that was made here, so that it need not be opened. */
  adopt({ tree, open }: StatePair): void {
    this.#opened.set(tree, Promise.resolve(open));
    this.#base = { tree, open };
  }

  /** Forgets what was opened: the next reader opens it with the keys there are then. */
  forget(): void {
    this.#opened = new WeakMap();
    this.#base = undefined;
  }

  /**
   * A state to be recorded, given what it came from; undefined for the first.
   * @throws {EncryptionError} `encryption/in-list`, `encryption/not-authentic`
   */
  async seal(before: StatePair | undefined, after: StateTree): Promise<StateTree> {
    const { fields } = this.#parts;
    if (before === undefined) {
      const sealed = await replaceFields(after.toJson(), fields, '', (json, path) => this.#seal(json, path));
      return StateTree.fromJson(sealed);
    }
    const replace = (json: JsonValue, path: string): Promise<JsonValue> => this.#sealOrKeep({ json, path, before });
    const patch: PatchOperation[] = [];
    const changed = new Set<string>();
    for (const operation of before.open.diff(after)) {
      const { within, list, rest } = locate(operation.path, fields, after);
      if (list !== undefined) throw inList(list);
      if (within !== undefined) changed.add(within);
      else if (!('value' in operation)) patch.push(operation);
      else patch.push({ ...operation, value: await replaceFields(operation.value, rest, operation.path, replace) });
    }
    const tree = before.tree.apply(patch);
    for (const path of this.#clear) if (tree.has(path) && !(tree.get(path) instanceof Sealed)) changed.add(path);
    const sealing = Array.from(changed, async (path): Promise<PatchOperation> => {
      return { op: 'replace', path, value: await this.#seal(encode(after.get(path)), path) };
    });
    return tree.apply(await Promise.all(sealing));
  }

  async #openFrom(base: StatePair | undefined, tree: StateTree): Promise<StateTree> {
    const operations: JsonPatch =
      base === undefined ? [{ op: 'replace', path: '', value: tree.toJson() }] : base.tree.diff(tree);
    const open = (json: JsonValue, path: string): Promise<JsonValue> => this.#open(json, path);
    const opened = operations.map(async (operation): Promise<PatchOperation> => {
      const { within, list, rest } = locate(operation.path, this.#parts.fields, tree);
      // Only what another writer left in the clear has an inside.
      if (within !== undefined || list !== undefined || !('value' in operation)) return operation;
      return { ...operation, value: await openFields(operation.value, rest, operation.path, open) };
    });
    return (base?.open ?? StateTree.from<unknown>(null)).apply(await Promise.all(opened));
  }

  #open(json: JsonValue, path: string): Promise<JsonValue> {
    if (trySealed(json) === undefined) this.#clear.add(path);
    else this.#clear.delete(path);
    return this.#parts.cipher.open(json, { kind: 'state', owner: this.#parts.store, path });
  }

  async #seal(json: JsonValue, path: string): Promise<JsonValue> {
    const { cipher, store, subjectOf } = this.#parts;
    return cipher.seal(json, { kind: 'state', owner: store, path }, subjectOf(parsePointer(path)));
  }

  /** The stored leaf where the field is what it was, else a new one. */
  async #sealOrKeep(field: { json: JsonValue; path: string; before: StatePair }): Promise<JsonValue> {
    const { json, path, before } = field;
    const stored = before.tree.get(path);
    const isSame = (): boolean => canonicalJson(encode(before.open.get(path))) === canonicalJson(json);
    return stored instanceof Sealed && isSame() ? sealedJson(stored) : this.#seal(json, path);
  }
}

/** Where a place lies: inside a sealed one (`within`), in a list that patterns lead into (`list`), or outside. */
interface Location {
  readonly within: string | undefined;
  readonly list: string | undefined;
  /** What is sealed at the place and below it. */
  readonly rest: FieldPatterns;
}

function locate(path: string, fields: FieldPatterns, tree: StateTree): Location {
  let rest = fields;
  let at = '';
  for (const key of parsePointer(path)) {
    if (rest.isEmpty) break;
    if (rest.isWhole) return { within: at, list: undefined, rest: FieldPatterns.NONE };
    if (Array.isArray(tree.get(at))) return { within: undefined, list: at, rest: FieldPatterns.NONE };
    rest = rest.below(key);
    at = appendPointer(at, key);
  }
  return { within: undefined, list: undefined, rest };
}
