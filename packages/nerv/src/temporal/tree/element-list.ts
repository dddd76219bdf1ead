/**
 * The elements of an array that is being changed: ranges of the base array and new elements, in order.
 *
 * Invariants:
 * - Base elements keep their order: a piece's range, and each origin, is greater than all before it.
 * - There are at most `PIECES_MAX` pieces; beyond that all elements lie in one, and each remembers its origin.
 */
import { assert } from '../../assert.ts';
import type { DraftSlot } from './draft-slot.ts';
import type { Slot, TreeNode } from './slot.ts';

const PIECES_MAX = 256;
const NEW = -1;

/** Elements of the base, untouched. */
interface BasePiece {
  readonly type: 'base';
  readonly from: number;
  readonly to: number;
}

/** Elements held here; `origins` has each one's position in the base while it is untouched, else -1. */
interface HeldPiece {
  readonly type: 'held';
  readonly slots: DraftSlot[];
  readonly origins: number[];
}

type Piece = BasePiece | HeldPiece;

/** What `ElementList.runs` tells: elements kept from the base, or elements put in. */
export type ElementRun =
  | { readonly type: 'kept'; readonly from: number; readonly to: number }
  | { readonly type: 'put'; readonly slot: DraftSlot };

/** The changing elements. Positions given to it lie inside. */
export class ElementList {
  readonly #base: TreeNode;
  #pieces: Piece[];
  #length: number;

  constructor(base: TreeNode) {
    this.#base = base;
    this.#length = base.count;
    this.#pieces = base.count === 0 ? [] : [{ type: 'base', from: 0, to: base.count }];
  }

  get length(): number {
    return this.#length;
  }

  at(position: number): DraftSlot {
    const { piece, offset } = this.#locate(position);
    return piece.type === 'held' ? (piece.slots[offset] as DraftSlot) : this.#baseSlot(piece.from + offset);
  }

  set(position: number, slot: DraftSlot): void {
    const { piece, offset } = this.#locate(position);
    if (piece.type === 'base') {
      this.splice(position, 1, [slot]);
    } else {
      piece.slots[offset] = slot;
      piece.origins[offset] = NEW;
    }
  }

  /** Removes elements and puts others in their place. */
  splice(position: number, remove: number, insert: readonly DraftSlot[]): void {
    assert(position + remove <= this.#length, 'a splice lies inside the list');
    const pieces: Piece[] = [];
    let at = 0;
    let isInserted = false;
    for (const piece of this.#pieces) {
      const size = sizeOf(piece);
      const from = Math.max(0, Math.min(size, position - at));
      const to = Math.max(0, Math.min(size, position + remove - at));
      append(pieces, cut(piece, 0, from));
      if (!isInserted && at + size >= position) {
        append(pieces, held(insert));
        isInserted = true;
      }
      append(pieces, cut(piece, to, size));
      at += size;
    }
    if (!isInserted) append(pieces, held(insert));
    this.#pieces = pieces;
    this.#length += insert.length - remove;
    if (pieces.length > PIECES_MAX) this.#collapse();
  }

  /** Calls `visit` for every run, in order. */
  runs(visit: (run: ElementRun) => void): void {
    for (const piece of this.#pieces) {
      if (piece.type === 'base') {
        visit({ type: 'kept', from: piece.from, to: piece.to });
        continue;
      }
      for (const [index, slot] of piece.slots.entries()) {
        const origin = piece.origins[index] as number; // there is one for each slot
        visit(origin === NEW ? { type: 'put', slot } : { type: 'kept', from: origin, to: origin + 1 });
      }
    }
  }

  #locate(position: number): { readonly piece: Piece; readonly offset: number } {
    assert(position < this.#length, 'a position lies inside the list');
    let offset = position;
    let index = 0;
    let piece = this.#pieces[0] as Piece; // there is one for the position
    while (offset >= sizeOf(piece)) {
      offset -= sizeOf(piece);
      index += 1;
      piece = this.#pieces[index] as Piece; // likewise
    }
    return { piece, offset };
  }

  #collapse(): void {
    const all: HeldPiece = { type: 'held', slots: [], origins: [] };
    for (const piece of this.#pieces) {
      if (piece.type === 'held') {
        for (const slot of piece.slots) all.slots.push(slot);
        for (const origin of piece.origins) all.origins.push(origin);
      } else {
        for (let i = piece.from; i < piece.to; i += 1) all.origins.push(i);
        this.#base.root?.forEach((slot) => all.slots.push(slot), piece.from, piece.to);
      }
    }
    this.#pieces = [all];
  }

  #baseSlot(position: number): Slot {
    return this.#base.elementAt(position);
  }
}

function sizeOf(piece: Piece): number {
  return piece.type === 'base' ? piece.to - piece.from : piece.slots.length;
}

function held(slots: readonly DraftSlot[]): HeldPiece {
  return { type: 'held', slots: [...slots], origins: slots.map(() => NEW) };
}

function cut(piece: Piece, from: number, to: number): Piece {
  if (from === 0 && to === sizeOf(piece)) return piece;
  if (piece.type === 'base') return { type: 'base', from: piece.from + from, to: piece.from + Math.max(from, to) };
  return { type: 'held', slots: piece.slots.slice(from, to), origins: piece.origins.slice(from, to) };
}

/** Adds a piece behind the others; neighbours that are held become one. */
function append(pieces: Piece[], piece: Piece): void {
  if (sizeOf(piece) === 0) return;
  const last = pieces.at(-1);
  if (piece.type === 'held' && last?.type === 'held') {
    for (const slot of piece.slots) last.slots.push(slot);
    for (const origin of piece.origins) last.origins.push(origin);
  } else {
    pieces.push(piece);
  }
}
