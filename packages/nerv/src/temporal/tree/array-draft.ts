import { refuse } from '../../values/encode.ts';
import { appendPointer } from '../../values/pointer.ts';
import { tryArrayMethod } from './array-draft-methods.ts';
import { makeDraftProxy } from './draft-proxy.ts';
import { looseSlot, openSlot, settle, type Draft, type DraftSession, type DraftSlot } from './draft-slot.ts';
import { ElementList } from './element-list.ts';
import { Finishing } from './finishing.ts';
import { ABSENT, type Slot, type TreeNode } from './slot.ts';
import { spliceNode, spliceRange, type Splice } from './splice.ts';
import { tryIndex } from './view.ts';

/** The changes to one array. */
export class ArrayDraft implements Draft {
  readonly kind = 'array';
  readonly session: DraftSession;
  readonly proxy: object;
  readonly #base: TreeNode;
  readonly #elements: ElementList;
  readonly #finishing = new Finishing();
  #isTouched = false;

  constructor(session: DraftSession, base: TreeNode) {
    this.session = session;
    this.#base = base;
    this.#elements = new ElementList(base);
    this.proxy = makeDraftProxy(this);
  }

  get length(): number {
    return this.#elements.length;
  }

  /** What stands at a position now. */
  slotAt(position: number): DraftSlot | typeof ABSENT {
    return position >= 0 && position < this.length ? this.#elements.at(position) : ABSENT;
  }

  /** The element at a position, as users see it. */
  readAt(position: number): unknown {
    const slot = this.slotAt(position);
    if (slot === ABSENT) return ABSENT;
    return openSlot(this.session, slot, (opened) => this.putAt(position, opened));
  }

  /** Replaces the element at a position. */
  putAt(position: number, slot: DraftSlot): void {
    this.#isTouched = true;
    this.#elements.set(position, slot);
  }

  /** Removes elements and puts others in their place. */
  splice(position: number, remove: number, insert: readonly DraftSlot[]): void {
    this.#isTouched = true;
    this.#elements.splice(position, remove, insert);
  }

  read(property: string): unknown {
    if (property === 'length') return this.length;
    const position = tryIndex(property);
    return position === undefined ? ABSENT : this.readAt(position);
  }

  write(property: string, value: unknown): void {
    const position = property === 'length' ? this.#checkLength(value) : tryIndex(property);
    if (position === undefined) refuse(`/${property}`, `an array with a property '${property}'`);
    if (property === 'length') this.splice(position, this.length - position, []);
    else if (position < this.length) this.putAt(position, looseSlot(value));
    else if (position === this.length) this.splice(position, 0, [looseSlot(value)]);
    else refuse(`/${property}`, 'a hole in an array');
  }

  remove(property: string): void {
    if (this.has(property)) refuse(`/${property}`, 'a hole in an array (remove elements with splice)');
  }

  has(property: string): boolean {
    return property === 'length' || this.slotAt(tryIndex(property) ?? -1) !== ABSENT;
  }

  names(): string[] {
    return [...Array.from({ length: this.length }, (_, index) => String(index)), 'length'];
  }

  tryMethod(name: string): ((...args: unknown[]) => unknown) | undefined {
    return tryArrayMethod(this, name);
  }

  finish(path: string): TreeNode {
    if (!this.#isTouched) return this.#base;
    return this.#finishing.run(path, () => spliceNode(this.#base, this.#splices(path)));
  }

  #checkLength(value: unknown): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= this.length) return value;
    return refuse('/length', `an array of length ${String(value)}`);
  }

  #splices(path: string): Splice[] {
    const splices: Splice[] = [];
    let position = 0;
    let from = 0;
    let put: Slot[] = [];
    const takeBase = (to: number): void => {
      spliceRange(this.#base, { from, to }, put, splices);
      put = [];
    };
    for (const piece of this.#elements.pieces) {
      if (Array.isArray(piece)) {
        for (const slot of piece) {
          put.push(settle(slot, appendPointer(path, position)));
          position += 1;
        }
      } else {
        takeBase(piece.from);
        from = piece.to;
        position += piece.to - piece.from;
      }
    }
    takeBase(this.#base.count);
    return splices;
  }
}
