/** What differs between two objects, found without looking into equal chunks. */
import { assert } from '../../assert.ts';
import { compareKeys } from '../../values/json.ts';
import type { Chunk } from './chunk.ts';
import { levelled, levelOf } from './levels.ts';
import { ABSENT, type MaybeSlot, type Slot, type TreeNode } from './slot.ts';

/** Told of one key: what it had before and what it has after. */
export type EntryVisitor = (key: string, before: MaybeSlot, after: MaybeSlot) => void;

/** Visits each key whose value differs between two objects, in order. Costs by the differences. */
export function diffEntries(before: TreeNode, after: TreeNode, visit: EntryVisitor): void {
  let [a, b] = levelled(before.root, after.root);
  // Below the roots, the lists hold only chunks that have no equal on the other side.
  for (let level = levelOf(a); level > 0; level -= 1) [a, b] = differingChildren(a, b);
  visitEntries(new Cursor(a), new Cursor(b), visit);
}

function differingChildren(aParents: readonly Chunk[], bParents: readonly Chunk[]): [Chunk[], Chunk[]] {
  const a = new Cursor(aParents);
  const b = new Cursor(bParents);
  const onlyA: Chunk[] = [];
  const onlyB: Chunk[] = [];
  while (!a.isDone || !b.isDone) {
    const order = a.isDone ? 1 : b.isDone ? -1 : compareKeys(a.key, b.key);
    if (order !== 0 || !sameItem(a, b)) {
      if (order <= 0) onlyA.push(a.child);
      if (order >= 0) onlyB.push(b.child);
    }
    if (order <= 0) a.advance();
    if (order >= 0) b.advance();
  }
  return [onlyA, onlyB];
}

function visitEntries(a: Cursor, b: Cursor, visit: EntryVisitor): void {
  while (!a.isDone || !b.isDone) {
    const order = a.isDone ? 1 : b.isDone ? -1 : compareKeys(a.key, b.key);
    if (order < 0) visit(a.key, a.slot, ABSENT);
    else if (order > 0) visit(b.key, ABSENT, b.slot);
    else if (!sameItem(a, b)) visit(a.key, a.slot, b.slot);
    if (order <= 0) a.advance();
    if (order >= 0) b.advance();
  }
}

function sameItem(a: Cursor, b: Cursor): boolean {
  return a.chunk.digests[a.index] === b.chunk.digests[b.index];
}

/** Goes over the items of several chunks of one level, one after the other. */
class Cursor {
  readonly #chunks: readonly Chunk[];
  #at = 0;
  index = 0;
  chunk: Chunk;
  isDone: boolean;

  constructor(chunks: readonly Chunk[]) {
    const [first] = chunks;
    this.#chunks = chunks;
    this.isDone = first === undefined;
    this.chunk = first as Chunk; // not read once `isDone`
  }

  get key(): string {
    return this.chunk.keys[this.index] as string; // a cursor that is not done stands on an item
  }

  get slot(): Slot {
    return this.chunk.items[this.index] as Slot; // below the levels of chunks; `undefined` is a slot
  }

  get child(): Chunk {
    const child = this.chunk.children[this.index];
    assert(child !== undefined, 'a cursor stands on an item');
    return child;
  }

  advance(): void {
    this.index += 1;
    if (this.index < this.chunk.items.length) return;
    this.#at += 1;
    this.index = 0;
    const next = this.#chunks[this.#at];
    if (next === undefined) this.isDone = true;
    else this.chunk = next;
  }
}
