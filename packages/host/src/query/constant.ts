import { assert } from '../assert.ts';
import { literalText, tryReadLiteral } from './literal.ts';
import { invalidQuery, shortenText } from './query-error.ts';
import { IDENTITY_LABEL } from './scalar-type.ts';
import type { Scalar, ScalarType } from './scalar-type.ts';
import type { Constant, Literal } from './syntax.ts';

/**
 * The value of a constant in a column of this type. `:sender` is the asker's identity, in columns of identities and of
 * bytes. @throws {QueryError} `query/invalid`
 */
export function readConstant(constant: Constant, type: ScalarType, asker: bigint): Scalar {
  if (constant.type === 'sender') return readSender(type, asker);
  if (constant.type === 'boolean' && type.kind !== 'bool') throw unexpectedType(type.label, 'Bool');
  const value = tryReadLiteral(constant, type.kind);
  if (value === undefined) throw badLiteral(constant, type.label);
  return value;
}

function readSender(type: ScalarType, asker: bigint): Scalar {
  if (type.kind === 'identity') return asker;
  if (type.kind !== 'bytes') throw unexpectedType(type.label, IDENTITY_LABEL);
  const bytes = tryReadLiteral({ type: 'hex', text: asker.toString(16).padStart(64, '0') }, 'bytes');
  assert(bytes !== undefined, 'an identity has 64 hex digits');
  return bytes;
}

/** The error for a value of one type where another is needed. */
export function unexpectedType(expected: string, inferred: string): Error {
  return invalidQuery(`Unexpected type: (expected) ${expected} != ${inferred} (inferred)`);
}

/** The error for a literal that is no value of the type. */
export function badLiteral(literal: Literal, label: string): Error {
  const text = shortenText(literalText(literal), 200);
  return invalidQuery(`The literal expression \`${text}\` cannot be parsed as type \`${label}\``);
}
