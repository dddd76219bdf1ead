import { NervError } from '../errors.ts';
import { formatTreeHash } from '../hash/tree-digest.ts';
import { canonicalJson } from '../values/canonical-json.ts';
import { decode, parse } from '../values/decode.ts';
import { escapeKey, type JsonValue } from '../values/json.ts';
import { appendPointer, parsePointer } from '../values/pointer.ts';
import { checkPatch, type JsonPatch } from './patch.ts';
import { adoptSlot } from './tree/adopt.ts';
import { applyPatch } from './tree/apply-patch.ts';
import { diffSlots } from './tree/diff.ts';
import { knownSlot } from './tree/draft-slot.ts';
import { editSlot } from './tree/edit.ts';
import { importValue } from './tree/import-value.ts';
import {
  ABSENT,
  sameSlot,
  slotToJson,
  slotToValue,
  TreeNode,
  slotDigest,
  type MaybeSlot,
  type Slot,
} from './tree/slot.ts';
import { spliceEntries } from './tree/splice.ts';
import { slotWeight } from './tree/weight.ts';
import { slotOfProperty, viewSlot } from './tree/view.ts';

/** A place inside a state: a JSON pointer into the encoded form, or the plain keys and positions one by one. */
export type StatePath = string | readonly (string | number)[];

/**
 * One immutable state. A change gives a new one that shares all that stayed, and costs by what changed: the digest of
 * every subtree stands ready (hash/tree-digest.ts). Two states are equal exactly when their hashes are.
 */
export class StateTree<S = unknown> {
  readonly #slot: Slot;
  #hash: string | undefined;

  private constructor(slot: Slot) {
    this.#slot = slot;
  }

  /** The state that a value describes, sharing nothing mutable with it. @throws as `encode` does */
  static from<S>(value: S): StateTree<S> {
    return new StateTree<S>(importValue(value, '', knownSlot));
  }

  /** The state that an encoded form describes. @throws as `decode` does */
  static fromJson<S = unknown>(json: JsonValue): StateTree<S> {
    return new StateTree<S>(importValue(decode(json), '', () => undefined));
  }

  /** The state that a text describes. @throws as `parse` does */
  static parse<S = unknown>(text: string): StateTree<S> {
    return new StateTree<S>(importValue(parse(text), '', () => undefined));
  }

  /** The state inside of a slot; for the parts of `temporal/` alone. */
  static ofSlot<S>(slot: Slot): StateTree<S> {
    return new StateTree<S>(slot);
  }

  /** What the state is made of; for the parts of `temporal/` alone. */
  get slot(): Slot {
    return this.#slot;
  }

  /** The `sha256-tree:` hash. */
  get hash(): string {
    this.#hash ??= formatTreeHash(slotDigest(this.#slot));
    return this.#hash;
  }

  /** How many entries or elements the state itself has; 0 for a state that is no container. */
  get size(): number {
    return this.#slot instanceof TreeNode ? this.#slot.count : 0;
  }

  /** About how many places the state has, long texts counted by length: what loading or sending it costs. */
  get weight(): number {
    return slotWeight(this.#slot);
  }

  /** Read-only, feels like the plain value; parts that did not change are `===` across states. */
  view(): S {
    // A slot holds what was put in as an S.
    return viewSlot(this.#slot) as S;
  }

  /** A fresh plain value that the caller may change. Costs by size. */
  toValue(): S {
    return slotToValue(this.#slot) as S; // as in `view`
  }

  /** The encoded form. Costs by size. */
  toJson(): JsonValue {
    return slotToJson(this.#slot);
  }

  /** The canonical text, as it is stored. Costs by size. */
  stringify(): string {
    return canonicalJson(this.toJson());
  }

  /** What stands at a place, as `view` shows it; `undefined` where nothing stands. @throws `state/invalid-patch` */
  get(path: StatePath): unknown {
    const slot = this.slotAt(path);
    return slot === ABSENT ? undefined : viewSlot(slot);
  }

  /** Whether anything stands at a place, `undefined` included. */
  has(path: StatePath): boolean {
    return this.slotAt(path) !== ABSENT;
  }

  /** Whether both hold the same value. */
  equals(other: StateTree<unknown>): boolean {
    return sameSlot(this.#slot, other.#slot);
  }

  /**
   * The state after changes made through a draft. The function's result is ignored; it must not be asynchronous.
   * @throws `state/invalid-argument` when the state is no object or array, or the function gives a promise;
   * `value/unsupported` with the place of what cannot be stored. Then nothing changed.
   */
  edit(change: (draft: S) => unknown): StateTree<S> {
    return this.#with(editSlot(this.#slot, change));
  }

  /** The state after a JSON Patch over the encoded form. @throws `state/invalid-patch`, `state/patch-test-failed` */
  apply(patch: JsonPatch): StateTree<S> {
    return this.applyChecked(checkPatch(patch));
  }

  /** As `apply`, for a patch that `checkPatch` or `parsePatch` passed; for the parts of `temporal/` alone. */
  applyChecked(patch: JsonPatch): StateTree<S> {
    return this.#with(applyPatch(this.#slot, patch));
  }

  /**
   * The state after setting and deleting many keys of the object that the state is; a key that is in both is deleted.
   * The fastest way to change a large flat state.
   * @throws `state/invalid-argument` when the state is no object
   */
  withEntries(set: Iterable<readonly [string, unknown]>, remove: Iterable<string> = []): StateTree<S> {
    const node = this.#slot;
    if (!(node instanceof TreeNode) || node.kind !== 'object') {
      throw new NervError('state/invalid-argument', 'Keys can be set in an object only, and this state is none.');
    }
    const changes = new Map<string, MaybeSlot>();
    for (const [key, value] of set) changes.set(key, importValue(value, appendPointer('', escapeKey(key)), knownSlot));
    for (const key of remove) changes.set(key, ABSENT);
    return this.#with(spliceEntries(node, changes));
  }

  /** The JSON Patch that turns this state into the other one. Costs by what differs. */
  diff(other: StateTree<unknown>): JsonPatch {
    return diffSlots(this.#slot, other.#slot);
  }

  /** The other state, sharing with this one all that is equal, so that equal parts are `===` when viewed. */
  adopt(other: StateTree<unknown>): StateTree<S> {
    return this.#with(adoptSlot(this.#slot, other.slot));
  }

  #with(slot: Slot): StateTree<S> {
    return sameSlot(slot, this.#slot) ? this : new StateTree<S>(slot);
  }

  /** What stands at a place; for the parts of `temporal/` alone. */
  slotAt(path: StatePath): MaybeSlot {
    const keys = typeof path === 'string' ? parsePointer(path).map(userKey) : path;
    let slot: MaybeSlot = this.#slot;
    for (const key of keys) {
      if (!(slot instanceof TreeNode)) return ABSENT;
      slot = slotOfProperty(slot, String(key));
    }
    return slot;
  }
}

/** The user's key for a segment of the encoded form. */
function userKey(segment: string): string {
  return segment.startsWith('$$') ? segment.slice(1) : segment;
}
