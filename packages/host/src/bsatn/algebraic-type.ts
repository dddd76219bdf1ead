/**
 * The type language of SpacetimeDB ("SATS"), as it stands in a module definition.
 * Types are structural; a `ref` points into the typespace of the definition it came from.
 */
export type AlgebraicType =
  | { readonly type: 'ref'; readonly ref: number }
  | { readonly type: 'sum'; readonly variants: readonly NamedType[] }
  | { readonly type: 'product'; readonly elements: readonly NamedType[] }
  | { readonly type: 'array'; readonly element: AlgebraicType }
  | PrimitiveType;

/** A type that holds no other type. */
export interface PrimitiveType {
  readonly type: PrimitiveTypeName;
}

/** Names of the types that hold no other type. */
export type PrimitiveTypeName =
  | 'string'
  | 'bool'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'i128'
  | 'u128'
  | 'i256'
  | 'u256'
  | 'f32'
  | 'f64';

/** Tells types that hold no other from those that do. */
export function isPrimitive(type: AlgebraicType): type is PrimitiveType {
  return type.type !== 'ref' && type.type !== 'sum' && type.type !== 'product' && type.type !== 'array';
}

/** An element of a product or a variant of a sum. */
export interface NamedType {
  readonly name: string | undefined;
  readonly algebraicType: AlgebraicType;
}

/**
 * A decoded value. Integers up to 32 bits and floats are `number`, wider integers `bigint`, `array<u8>` is
 * `Uint8Array`, other arrays and products are arrays in field order, a sum is `{ tag, value }`.
 */
export type AlgebraicValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly AlgebraicValue[]
  | { readonly tag: number; readonly value: AlgebraicValue };
