/**
 * What stands in one place of a state: a scalar as it is, any other leaf as its canonical text, a container as a node.
 *
 * Invariants:
 * - Nothing reachable from a slot ever changes.
 * - Two nodes hold the same value exactly when their digests are equal.
 */
import type { Digest } from '../../hash/digest.ts';
import { leafDigest } from '../../hash/tree-digest.ts';
import { canonicalJson } from '../../values/canonical-json.ts';
import { decode, parse } from '../../values/decode.ts';
import { tryEncodeLeaf } from '../../values/encode.ts';
import { assert } from '../../assert.ts';
import { escapeKey, setOwn, type JsonValue, type Value } from '../../values/json.ts';
import { readOnly } from '../../values/read-only.ts';
import type { Chunk } from './chunk.ts';

/** A leaf that is a JavaScript primitive. */
export type Scalar = null | undefined | boolean | number | bigint | string;

/** What a state has at one place. */
export type Slot = Scalar | OpaqueLeaf | TreeNode;

/** That an object or a draft has nothing under a key; `undefined` is a value. */
export const ABSENT: unique symbol = Symbol('absent');

/** A slot, or nothing. */
export type MaybeSlot = Slot | typeof ABSENT;

/** A Date, bytes, Map or Set, replaced as a whole. Kept as canonical text, so nobody can change it from outside. */
export class OpaqueLeaf {
  readonly text: string;
  #shared: Value;

  constructor(text: string) {
    this.text = text;
  }

  /** A fresh copy that the caller may change. */
  copy(): Value {
    return parse(this.text);
  }

  /** The one instance that all readers share; changing it throws, where the language allows to prevent it. */
  shared(): Value {
    this.#shared ??= readOnly(this.copy());
    return this.#shared;
  }
}

/** An immutable array or object: its items as a tree of chunks (hash/tree-digest.ts), and its digest. */
export class TreeNode {
  readonly kind: 'array' | 'object';
  readonly root: Chunk | undefined;
  readonly digest: Digest;
  /** The one proxy through which everybody reads this node; made when first asked for. */
  view: object | undefined = undefined;

  constructor(kind: 'array' | 'object', root: Chunk | undefined, digest: Digest) {
    this.kind = kind;
    this.root = root;
    this.digest = digest;
  }

  /** How many elements or entries it has. */
  get count(): number {
    return this.root?.count ?? 0;
  }

  /** The slot under a key of an object. */
  find(key: string): MaybeSlot {
    return this.root === undefined ? ABSENT : this.root.find(key);
  }

  /** The slot at a position of an array, `ABSENT` outside. */
  at(position: number): MaybeSlot {
    return this.root === undefined ? ABSENT : this.root.at(position);
  }

  /** The slot at a position that is inside. */
  elementAt(position: number): Slot {
    const slot = this.at(position);
    assert(slot !== ABSENT, 'a position lies inside the array');
    return slot;
  }
}

/** The digest of a slot's value. */
export function slotDigest(slot: Slot): Digest {
  return slot instanceof TreeNode ? slot.digest : leafDigest(leafText(slot));
}

/** The canonical text of a leaf. */
export function leafText(leaf: Scalar | OpaqueLeaf): string {
  if (typeof leaf === 'string') return JSON.stringify(leaf);
  if (leaf instanceof OpaqueLeaf) return leaf.text;
  return canonicalJson(tryEncodeLeaf(leaf, '') as JsonValue); // a scalar is a leaf
}

/** Whether two slots hold the same value. Costs nothing by their size. */
export function sameSlot(a: MaybeSlot, b: MaybeSlot): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof TreeNode) return b instanceof TreeNode && a.digest === b.digest;
  return a instanceof OpaqueLeaf && b instanceof OpaqueLeaf && a.text === b.text;
}

/** The encoded form of what a slot holds. */
export function slotToJson(slot: Slot): JsonValue {
  if (slot instanceof TreeNode) return nodeToPlain(slot, slotToJson, escapeKey);
  if (slot instanceof OpaqueLeaf) return JSON.parse(slot.text) as JsonValue; // canonical text is JSON
  return tryEncodeLeaf(slot, '') as JsonValue; // a scalar is a leaf
}

/** What a slot holds as fresh plain data that the caller may change. */
export function slotToValue(slot: Slot): Value {
  if (slot instanceof TreeNode) return nodeToPlain<Value>(slot, slotToValue, (key) => key);
  return slot instanceof OpaqueLeaf ? decode(JSON.parse(slot.text)) : slot;
}

function nodeToPlain<T>(
  node: TreeNode,
  each: (slot: Slot) => T,
  keyOf: (key: string) => string,
): T[] | Record<string, T> {
  if (node.kind === 'array') {
    const elements: T[] = [];
    node.root?.forEach((slot) => elements.push(each(slot)));
    return elements;
  }
  const object: Record<string, T> = {};
  node.root?.forEach((slot, key) => setOwn(object, keyOf(key), each(slot)));
  return object;
}
