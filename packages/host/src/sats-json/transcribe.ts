import { BsatnError } from '../bsatn/bsatn-error.ts';
import type { BsatnReader } from '../bsatn/reader.ts';
import { readNamedTypes, readType } from '../bsatn/type-codec.ts';
import { readArray, readTag } from '../schema/read-definition.ts';
import { hexOf } from './write-value.ts';
import { writeProductTypeJson, writeTypeJson } from './write-type.ts';

/**
 * Reads one value from BSATN and gives its JSON in the typed style. Made of the parts below for values whose form is
 * known to the host and not described by a type. @throws {BsatnError}
 */
export type Transcriber = (reader: BsatnReader) => string;

export const text: Transcriber = (reader) => JSON.stringify(reader.string());
export const bool: Transcriber = (reader) => String(reader.bool());
export const u16: Transcriber = (reader) => String(reader.u16());
export const u32: Transcriber = (reader) => String(reader.u32());
export const i128: Transcriber = (reader) => String(reader.i128());
export const bytes: Transcriber = (reader) => `"${hexOf(reader.byteArray())}"`;
export const unit: Transcriber = () => '[]';
export const algebraicType: Transcriber = (reader) => writeTypeJson(readType(reader));
export const productType: Transcriber = (reader) => writeProductTypeJson(readNamedTypes(reader));

/** An array of things that take at least a byte each. */
export function list(item: Transcriber): Transcriber {
  return (reader) => `[${readArray(reader, item).join(',')}]`;
}

/** A product; the fields in the order of its elements. */
export function record(fields: Readonly<Record<string, Transcriber>>): Transcriber {
  const parts = Object.entries(fields).map(([name, read]) => ({ key: `${JSON.stringify(name)}:`, read }));
  return (reader) => `{${parts.map(({ key, read }) => key + read(reader)).join(',')}}`;
}

/** A sum; the variants in the order of their tags. */
export function choice(what: string, variants: Readonly<Record<string, Transcriber>>): Transcriber {
  const parts = Object.entries(variants);
  return (reader) => {
    const at = reader.offset;
    const variant = parts[readTag(reader, what, parts.length)];
    if (variant === undefined) throw new BsatnError(`a ${what} is expected`, at);
    const [name, read] = variant;
    return `{${JSON.stringify(name)}:${read(reader)}}`;
  };
}

export function option(some: Transcriber): Transcriber {
  return choice('option', { some, none: unit });
}
