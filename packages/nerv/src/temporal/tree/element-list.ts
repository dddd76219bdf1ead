/**
 * The elements of an array that is being changed: ranges of the base array and new elements, in order.
 *
 * Invariants:
 * - Ranges of the base keep their order.
 * - There are at most `PIECES_MAX` pieces; beyond that all elements lie in one.
 */
import type { DraftSlot } from './draft-slot.ts';
import type { TreeNode } from './slot.ts';
import { elementsOf, type Range } from './splice.ts';

const PIECES_MAX = 256;

/** Elements held here, or those of the base at [from, to). */
type Piece = DraftSlot[] | Range;

/** The changing elements. Positions given to it lie inside. */
export class ElementList {
  length: number;
  readonly #base: TreeNode;
  #pieces: Piece[];

  constructor(base: TreeNode) {
    this.#base = base;
    this.length = base.count;
    this.#pieces = [{ from: 0, to: base.count }];
  }

  at(position: number): DraftSlot {
    const { piece, offset } = this.#locate(position);
    return Array.isArray(piece) ? (piece[offset] as DraftSlot) : this.#base.elementAt(piece.from + offset);
  }

  set(position: number, slot: DraftSlot): void {
    const { piece, offset } = this.#locate(position);
    if (Array.isArray(piece)) piece[offset] = slot;
    else this.splice(position, 1, [slot]);
  }

  /** Removes elements and puts others in their place. */
  splice(position: number, remove: number, insert: readonly DraftSlot[]): void {
    const pieces: Piece[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      const end = at + sizeOf(piece);
      if (at < position) append(pieces, cut(piece, 0, position - at));
      // Behind what comes before the position, and before what does not.
      if (at <= position && position < end) append(pieces, [...insert]);
      if (end > position + remove) append(pieces, cut(piece, position + remove - at, end - at));
      at = end;
    }
    if (position === at) append(pieces, [...insert]);
    this.#pieces = pieces.length > PIECES_MAX ? [pieces.flatMap((piece) => this.#slotsOf(piece))] : pieces;
    this.length += insert.length - remove;
  }

  /** All pieces, in order. */
  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  #slotsOf(piece: Piece): readonly DraftSlot[] {
    return Array.isArray(piece) ? piece : elementsOf(this.#base, piece);
  }

  #locate(position: number): { readonly piece: Piece; readonly offset: number } {
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
}

function sizeOf(piece: Piece): number {
  return Array.isArray(piece) ? piece.length : piece.to - piece.from;
}

/** The part of a piece from an offset on, before another; offsets outside are cut to it. */
function cut(piece: Piece, from: number, to: number): Piece {
  const start = Math.max(0, from);
  const end = Math.min(to, sizeOf(piece));
  if (start === 0 && end === sizeOf(piece)) return piece;
  return Array.isArray(piece) ? piece.slice(start, end) : { from: piece.from + start, to: piece.from + end };
}

/** Adds a piece behind the others; neighbours that are held become one. */
function append(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (!Array.isArray(piece) || !Array.isArray(last)) {
    if (sizeOf(piece) > 0) pieces.push(piece);
    return;
  }
  for (const slot of piece) last.push(slot);
}
