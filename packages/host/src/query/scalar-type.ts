import { assert } from '../assert.ts';
import { compareStrings, compareValues } from '../bsatn/order.ts';
import type { AlgebraicType, AlgebraicValue, NamedType, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';

/** The types that SQL compares. The products with one field of a magic name count as what they stand for. */
export type ScalarKind = PrimitiveTypeName | 'bytes' | 'identity' | 'connection-id' | 'timestamp' | 'uuid';

/** A value that SQL compares: a special product such as an identity is unwrapped. */
export type Scalar = boolean | number | bigint | string | Uint8Array;

/** A scalar as a key of a Map: equal exactly when the scalars are equal in SQL. */
export type ScalarKey = boolean | number | bigint | string;

export interface ScalarType {
  readonly kind: ScalarKind;
  /** As error texts name it. */
  readonly label: string;
  /** The order of SQL and of indexes. */
  readonly compare: (a: Scalar, b: Scalar) => number;
  readonly unwrap: (value: AlgebraicValue) => Scalar;
  readonly wrap: (scalar: Scalar) => AlgebraicValue;
  readonly key: (scalar: Scalar) => ScalarKey;
}

const SPECIAL_FIELDS: Readonly<Record<string, { kind: ScalarKind; inner: PrimitiveTypeName; label: string }>> = {
  __identity__: { kind: 'identity', inner: 'u256', label: 'Identity' },
  __connection_id__: { kind: 'connection-id', inner: 'u128', label: 'ConnectionId' },
  __timestamp_micros_since_unix_epoch__: { kind: 'timestamp', inner: 'i64', label: 'Timestamp' },
  __uuid__: { kind: 'uuid', inner: 'u128', label: 'Uuid' },
};

/** How SQL sees a column of this type; undefined when SQL cannot compare such columns. */
export function scalarTypeOf(type: AlgebraicType): ScalarType | undefined {
  if (type.type === 'array') return type.element.type === 'u8' ? BYTES : undefined;
  if (type.type === 'product') return specialTypeOf(type.elements);
  if (type.type === 'sum' || type.type === 'ref') return undefined;
  return primitive(type.type);
}

function specialTypeOf([field, ...others]: readonly NamedType[]): ScalarType | undefined {
  if (field?.name === undefined || others.length > 0 || !Object.hasOwn(SPECIAL_FIELDS, field.name)) return undefined;
  const special = SPECIAL_FIELDS[field.name];
  return special?.inner === field.algebraicType.type ? wrapped(special.kind, special.label) : undefined;
}

/** A type as error texts name it; also of types that SQL cannot compare. */
export function typeLabel(type: AlgebraicType): string {
  const scalar = scalarTypeOf(type);
  if (scalar !== undefined) return scalar.label;
  if (type.type === 'array') return `Array<${typeLabel(type.element)}>`;
  const members = type.type === 'product' ? type.elements : type.type === 'sum' ? type.variants : [];
  const names = members.map(({ name, algebraicType }) => `${name ?? '_'}: ${shortLabel(algebraicType)}`);
  return type.type === 'sum' ? `(${names.join(' | ')})` : `(${names.join(', ')})`;
}

/** The identity type, for `:sender`. */
export const IDENTITY_LABEL = 'Identity';

function shortLabel(type: AlgebraicType): string {
  return scalarTypeOf(type)?.label ?? capitalised(type.type);
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function primitive(name: PrimitiveTypeName): ScalarType {
  return {
    kind: name,
    label: capitalised(name),
    compare: name === 'string' ? compareText : compareValues({ type: name }),
    unwrap: unwrapPlain,
    wrap: (scalar) => scalar,
    key: plainKey,
  };
}

function wrapped(kind: ScalarKind, label: string): ScalarType {
  return {
    kind,
    label,
    compare: compareBigints,
    unwrap(value) {
      assert(Array.isArray(value), `a value of type ${label} is a product`);
      return unwrapPlain(value[0]);
    },
    wrap: (scalar) => [scalar],
    key: plainKey,
  };
}

const BYTES: ScalarType = {
  kind: 'bytes',
  label: 'Bytes',
  compare: compareValues({ type: 'array', element: { type: 'u8' } }),
  unwrap: unwrapPlain,
  wrap: (scalar) => scalar,
  key(scalar) {
    assert(scalar instanceof Uint8Array, 'a value of type Bytes is a Uint8Array');
    return bytesKey(scalar);
  },
};

function compareText(a: Scalar, b: Scalar): number {
  return a === b ? 0 : compareStrings(String(a), String(b));
}

function compareBigints(a: Scalar, b: Scalar): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function unwrapPlain(value: AlgebraicValue | undefined): Scalar {
  assert(value !== undefined && isScalar(value), 'a value that SQL compares is a scalar');
  return value;
}

function isScalar(value: AlgebraicValue): value is Scalar {
  return typeof value !== 'object' || value instanceof Uint8Array;
}

function plainKey(scalar: Scalar): ScalarKey {
  assert(typeof scalar !== 'object', 'bytes have a key of their own');
  return scalar; // A Map takes -0 as 0 and NaN as itself, as the order of SQL does.
}

const KEY_CHUNK = 8_192;

/** A string that stands for these bytes: one code unit a byte. */
export function bytesKey(bytes: Uint8Array): string {
  if (bytes.length <= KEY_CHUNK) return String.fromCharCode(...bytes);
  let key = '';
  for (let at = 0; at < bytes.length; at += KEY_CHUNK) {
    key += String.fromCharCode(...bytes.subarray(at, at + KEY_CHUNK));
  }
  return key;
}
