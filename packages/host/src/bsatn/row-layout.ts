import type { AlgebraicType } from './algebraic-type.ts';
import { BsatnError } from './bsatn-error.ts';
import { fixedSize, isPlain } from './size.ts';
import type { Walk } from './walk.ts';
import { compileCheckedWalk, compileTrustedWalk } from './walk.ts';

/**
 * Where the columns of a row lie. Columns before the first one of varying size are at fixed places; the others are
 * found by stepping over those before them.
 */
export class RowLayout {
  readonly columnCount: number;
  /** Size of every row in bytes; undefined when rows vary. */
  readonly fixedSize: number | undefined;
  /** Start of column `p` for p up to and including the first column of varying size (or the row's end). */
  readonly #fixedStarts: readonly number[];
  readonly #checked: readonly Walk[];
  /** As `#checked`, but columns of which any bytes are a value are stepped over together with those beside them. */
  readonly #merged: readonly Walk[];
  readonly #trusted: readonly Walk[];

  constructor(types: readonly AlgebraicType[]) {
    this.columnCount = types.length;
    this.#checked = types.map(compileCheckedWalk);
    this.#merged = mergePlain(types).map(compileCheckedWalk);
    this.#trusted = types.map(compileTrustedWalk);
    const starts = [0];
    for (const [position, type] of types.entries()) {
      const size = fixedSize(type);
      if (size === undefined) break;
      starts.push((starts[position] ?? 0) + size);
    }
    this.#fixedStarts = starts;
    this.fixedSize = starts.length > types.length ? starts[types.length] : undefined;
  }

  /** Checks the row that starts at `start` and gives the position behind it. @throws {BsatnError} */
  check(bytes: Uint8Array, start: number, end: number): number {
    const walks = this.#merged;
    let at = start;
    // Indexed on purpose: this loop runs for every row that is loaded.
    for (let position = 0; position < walks.length; position += 1) at = walks[position]?.(bytes, at, end) ?? at;
    return at;
  }

  /** As `check`, and notes where each column starts. `starts` has room for every column. @throws {BsatnError} */
  checkAndLocate(bytes: Uint8Array, end: number, starts: Uint32Array): number {
    const walks = this.#checked;
    let at = 0;
    for (let position = 0; position < walks.length; position += 1) {
      starts[position] = at;
      // Indexed on purpose: this loop runs for every row written.
      at = walks[position]?.(bytes, at, end) ?? at;
    }
    return at;
  }

  /** Notes where the columns up to `last` of the checked row at `start` begin, relative to `start`. */
  locate(bytes: Uint8Array, start: number, last: number, starts: Uint32Array): void {
    const fixed = this.#fixedStarts;
    const fixedCount = Math.min(fixed.length, last + 1);
    for (let position = 0; position < fixedCount; position += 1) starts[position] = fixed[position] ?? 0;
    let at = start + (fixed[fixed.length - 1] ?? 0);
    for (let position = fixed.length; position <= last; position += 1) {
      at = this.#trusted[position - 1]?.(bytes, at, bytes.length) ?? at;
      starts[position] = at - start;
    }
  }

  /** @throws {BsatnError} always: the row ended at `end`, its bytes do not. */
  failLeftOver(bytes: Uint8Array, end: number): never {
    throw new BsatnError(`${bytes.length - end} bytes are left over`, end);
  }

  /** Where a column of the checked row at `start` begins. */
  columnStart(bytes: Uint8Array, start: number, position: number): number {
    const starts = this.#fixedStarts;
    if (position < starts.length) return start + (starts[position] ?? 0);
    let at = start + (starts[starts.length - 1] ?? 0);
    for (let column = starts.length - 1; column < position; column += 1) {
      at = this.#trusted[column]?.(bytes, at, bytes.length) ?? at;
    }
    return at;
  }

  /** Where a column that begins at `start` ends. */
  columnEnd(bytes: Uint8Array, start: number, position: number): number {
    return this.#trusted[position]?.(bytes, start, bytes.length) ?? start;
  }
}

/** The types with each run of plain ones as one product of them. */
function mergePlain(types: readonly AlgebraicType[]): readonly AlgebraicType[] {
  const merged: AlgebraicType[] = [];
  let run: AlgebraicType[] = [];
  for (const type of types) {
    if (isPlain(type)) {
      run.push(type);
      continue;
    }
    if (run.length > 0) merged.push(asProduct(run));
    merged.push(type);
    run = [];
  }
  return run.length > 0 ? [...merged, asProduct(run)] : merged;
}

function asProduct(types: readonly AlgebraicType[]): AlgebraicType {
  return {
    type: 'product',
    elements: types.map((algebraicType, position) => ({ name: String(position), algebraicType })),
  };
}
