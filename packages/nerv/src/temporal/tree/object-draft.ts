import { escapeKey } from '../../values/json.ts';
import { appendPointer } from '../../values/pointer.ts';
import { makeDraftProxy } from './draft-proxy.ts';
import { looseSlot, openSlot, settle, type Draft, type DraftSession, type DraftSlot } from './draft-slot.ts';
import { Finishing } from './finishing.ts';
import { ABSENT, type MaybeSlot, type TreeNode } from './slot.ts';
import { spliceEntries } from './splice.ts';
import { namesOf } from './view.ts';

/** The changes to one object. */
export class ObjectDraft implements Draft {
  readonly kind = 'object';
  readonly session: DraftSession;
  readonly proxy: object;
  readonly #base: TreeNode;
  readonly #changes = new Map<string, DraftSlot | typeof ABSENT>();
  readonly #finishing = new Finishing();

  constructor(session: DraftSession, base: TreeNode) {
    this.session = session;
    this.#base = base;
    this.proxy = makeDraftProxy(this);
  }

  /** What stands under a key now. */
  slotOf(key: string): DraftSlot | typeof ABSENT {
    const changed = this.#changes.get(key);
    if (changed !== undefined || this.#changes.has(key)) return changed;
    return this.#base.find(key);
  }

  /** Puts a slot under a key. */
  put(key: string, slot: DraftSlot): void {
    this.#changes.set(key, slot);
  }

  read(key: string): unknown {
    const slot = this.slotOf(key);
    if (slot === ABSENT) return ABSENT;
    return openSlot(this.session, slot, (opened) => this.#changes.set(key, opened));
  }

  write(key: string, value: unknown): void {
    this.#changes.set(key, looseSlot(value));
  }

  remove(key: string): void {
    this.#changes.set(key, ABSENT);
  }

  has(key: string): boolean {
    return this.slotOf(key) !== ABSENT;
  }

  names(): string[] {
    if (this.#changes.size === 0) return namesOf(this.#base);
    const names = new Set(namesOf(this.#base));
    for (const [key, slot] of this.#changes) {
      if (slot === ABSENT) names.delete(key);
      else names.add(key);
    }
    return [...names];
  }

  tryMethod(): undefined {
    return undefined;
  }

  finish(path: string): TreeNode {
    if (this.#changes.size === 0) return this.#base;
    return this.#finishing.run(path, () => spliceEntries(this.#base, this.#settled(path)));
  }

  #settled(path: string): Map<string, MaybeSlot> {
    const settled = new Map<string, MaybeSlot>();
    for (const [key, slot] of this.#changes) {
      settled.set(key, slot === ABSENT ? ABSENT : settle(slot, appendPointer(path, escapeKey(key))));
    }
    return settled;
  }
}
