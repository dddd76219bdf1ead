/**
 * What stands in one place of a draft: a slot of the base, a draft of a container, or a value that the user put in and
 * may still be changing, which is read when the draft ends.
 */
import { NervError } from '../../errors.ts';
import { importValue } from './import-value.ts';
import { OpaqueLeaf, TreeNode, type Slot } from './slot.ts';
import { tryViewedNode } from './view.ts';

/** One run of a draft function; all drafts made in it end together. */
export interface DraftSession {
  isOpen: boolean;
  makeDraft(base: TreeNode): Draft;
}

/** The changes to one container, and the proxy that users make them through. */
export interface Draft {
  readonly kind: 'array' | 'object';
  readonly proxy: object;
  readonly session: DraftSession;
  /** What an own property holds, as users see it; `ABSENT` when there is none. */
  read(property: string): unknown;
  write(property: string, value: unknown): void;
  remove(property: string): void;
  has(property: string): boolean;
  /** Names of own properties. */
  names(): string[];
  /** A method that changes the container, for which there is a better way than the language's own. */
  tryMethod(name: string): ((...args: unknown[]) => unknown) | undefined;
  /** The container with the changes made so far. @throws `value/unsupported`, with the place, for what cannot be stored */
  finish(path: string): TreeNode;
}

/** A value of the user's own; `original` when it is the copy of a leaf that may or may not have been changed. */
export class LooseValue {
  readonly value: unknown;
  readonly original: OpaqueLeaf | undefined;

  constructor(value: unknown, original?: OpaqueLeaf) {
    this.value = value;
    this.original = original;
  }
}

/** Marks a place of a draft as a container's draft. */
export class Nested {
  readonly draft: Draft;

  constructor(draft: Draft) {
    this.draft = draft;
  }
}

/** What a draft has at one place. */
export type DraftSlot = Slot | LooseValue | Nested;

/** Under this name, which nobody else has, a draft's proxy gives the draft. */
export const DRAFT: unique symbol = Symbol('draft');

/** The draft behind a proxy, or `undefined` for anything else. */
export function tryDraft(value: object): Nested | undefined {
  const nested: unknown = Reflect.get(value, DRAFT);
  return nested instanceof Nested ? nested : undefined;
}

/** @throws `state/draft-closed` once the draft function has returned */
export function checkOpen(session: DraftSession): void {
  if (!session.isOpen) {
    throw new NervError('state/draft-closed', 'This draft ended with its commit. Read the state again.');
  }
}

/** What to keep for a value that a user assigns. */
export function looseSlot(value: unknown): DraftSlot {
  if (typeof value === 'object' && value !== null) {
    return tryDraft(value) ?? tryViewedNode(value) ?? new LooseValue(value);
  }
  return typeof value === 'function' || typeof value === 'symbol' ? new LooseValue(value) : (value as Slot); // a scalar
}

/**
 * What users see of a slot. A container becomes a draft and a leaf that can change becomes a copy; `keep` is told of
 * them, so that the next reader gets the same one and their changes are found.
 */
export function openSlot(session: DraftSession, slot: DraftSlot, keep: (opened: DraftSlot) => void): unknown {
  if (slot instanceof Nested) return slot.draft.proxy;
  if (slot instanceof LooseValue) return slot.value;
  if (slot instanceof TreeNode) {
    const draft = session.makeDraft(slot);
    keep(new Nested(draft));
    return draft.proxy;
  }
  if (slot instanceof OpaqueLeaf) {
    const copy = slot.copy();
    keep(new LooseValue(copy, slot));
    return copy;
  }
  return slot;
}

/** The immutable slot for what a draft has at `path`. @throws `value/unsupported` */
export function settle(slot: DraftSlot, path: string): Slot {
  if (slot instanceof Nested) return slot.draft.finish(path);
  if (slot instanceof LooseValue) {
    const settled = importValue(slot.value, path, knownSlot);
    const { original } = slot;
    return original !== undefined && settled instanceof OpaqueLeaf && settled.text === original.text
      ? original
      : settled;
  }
  return typeof slot === 'string' ? importValue(slot, path, knownSlot) : slot;
}

/** Views and drafts inside of a user's own value are taken as what they stand for. */
export function knownSlot(value: object, path: string): Slot | undefined {
  return tryViewedNode(value) ?? tryDraft(value)?.draft.finish(path);
}
