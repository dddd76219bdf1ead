import { assertResolved } from '../bsatn/size.ts';
import type { AlgebraicType, NamedType, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';

/*
 * How large values are in the row pages of SpacetimeDB (crates/sats/src/layout.rs), in bytes. This host keeps rows in
 * another form and needs none of it: a change that SpacetimeDB refuses for it is refused here, so that a module which
 * was migrated here can be migrated there.
 *
 *     primitive        its width, aligned to its width
 *     string, array    a reference: 4 bytes, aligned to 2
 *     product          its elements one after the other, each aligned, the whole rounded up to its own alignment
 *     sum              the tag, then the largest payload at a multiple of the largest alignment
 */

/** Size and alignment of every value of a type. */
export interface TypeLayout {
  readonly size: number;
  readonly align: number;
}

const WIDTHS: Readonly<Record<Exclude<PrimitiveTypeName, 'string'>, number>> = {
  bool: 1,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
  i128: 16,
  u128: 16,
  i256: 32,
  u256: 32,
};

const REFERENCE: TypeLayout = { size: 4, align: 2 };

/** The layout of a resolved type. */
export function layoutOf(type: AlgebraicType): TypeLayout {
  switch (type.type) {
    case 'product':
      return productLayout(type.elements);
    case 'sum':
      return sumLayout(type.variants);
    case 'array':
    case 'string':
      return REFERENCE;
    case 'ref':
      return assertResolved();
    default: {
      const width = WIDTHS[type.type];
      return { size: width, align: width };
    }
  }
}

function productLayout(elements: readonly NamedType[]): TypeLayout {
  let size = 0;
  let align = 1;
  for (const { algebraicType } of elements) {
    const element = layoutOf(algebraicType);
    size = roundUp(size, element.align) + element.size;
    align = Math.max(align, element.align);
  }
  return { size: roundUp(size, align), align };
}

function sumLayout(variants: readonly NamedType[]): TypeLayout {
  let payloadSize = 0;
  let align = 1;
  for (const { algebraicType } of variants) {
    const payload = layoutOf(algebraicType);
    payloadSize = Math.max(payloadSize, payload.size);
    align = Math.max(align, payload.align);
  }
  return { size: align + roundUp(payloadSize, align), align };
}

function roundUp(size: number, align: number): number {
  return Math.ceil(size / align) * align;
}
