import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';

/** A type as SATS-JSON: `{"U32":[]}`, `{"Product":{"elements":[…]}}` and so on. References stay references. */
export function writeTypeJson(type: AlgebraicType): string {
  // All names of types start with a letter that has one capital: i8 is I8, string is String.
  if (isPrimitive(type)) return `{"${type.type.charAt(0).toUpperCase()}${type.type.slice(1)}":[]}`;
  switch (type.type) {
    case 'ref':
      return `{"Ref":${type.ref}}`;
    case 'array':
      return `{"Array":${writeTypeJson(type.element)}}`;
    case 'product':
      return `{"Product":${writeProductTypeJson(type.elements)}}`;
    case 'sum':
      return `{"Sum":{"variants":[${writeNamedTypes(type.variants)}]}}`;
  }
}

/** The elements of a product type as SATS-JSON: `{"elements":[…]}`. */
export function writeProductTypeJson(elements: readonly NamedType[]): string {
  return `{"elements":[${writeNamedTypes(elements)}]}`;
}

function writeNamedTypes(named: readonly NamedType[]): string {
  return named
    .map(({ name, algebraicType }) => {
      const nameJson = name === undefined ? '{"none":[]}' : `{"some":${JSON.stringify(name)}}`;
      return `{"name":${nameJson},"algebraic_type":${writeTypeJson(algebraicType)}}`;
    })
    .join(',');
}
