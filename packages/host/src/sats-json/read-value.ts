import type { AlgebraicType, AlgebraicValue, NamedType } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { assertResolved } from '../bsatn/size.ts';
import { isOption } from '../schema/special-types.ts';
import { describeJson, isJsonArray, isJsonNumber, isJsonObject, type JsonValue } from './json-value.ts';
import { primitiveReader } from './read-primitive.ts';
import { mismatch, type JsonStep } from './sats-json-error.ts';

/** Reads values of one type out of JSON. @throws {SatsJsonError} `sats-json/mismatch` */
export type JsonReader = (json: JsonValue) => AlgebraicValue;

/** Reads one value; `path` leads to it, and stays as it is when reading ends with an error. */
export type PathReader = (json: JsonValue, path: JsonStep[]) => AlgebraicValue;

/**
 * What reads values of a resolved type. Products are read from arrays or objects, sums from `{"name": value}`,
 * `{"tag": value}` or `[tag, value]`, options also from `null` for none, and byte arrays from hexadecimal digits or an
 * array of numbers. Numbers are exact, or refused.
 */
export function compileJsonReader(type: AlgebraicType): JsonReader {
  const read = compile(type);
  return (json) => read(json, []);
}

function compile(type: AlgebraicType): PathReader {
  if (isPrimitive(type)) return primitiveReader(type.type);
  switch (type.type) {
    case 'product':
      return productReader(type.elements);
    case 'sum':
      return isOption(type) ? optionReader(type.variants) : sumReader(type.variants);
    case 'array':
      return type.element.type === 'u8' ? bytesReader() : arrayReader(compile(type.element));
    case 'ref':
      return assertResolved();
  }
}

/** An element or a variant; one without a name goes by its position. */
interface CompiledElement {
  readonly name: string;
  readonly read: PathReader;
}

function compileAll(named: readonly NamedType[]): readonly CompiledElement[] {
  return named.map(({ name, algebraicType }, position) => ({
    name: name ?? String(position),
    read: compile(algebraicType),
  }));
}

function productReader(types: readonly NamedType[]): PathReader {
  const elements = compileAll(types);
  return (json, path) => {
    if (isJsonArray(json)) return readElements(elements, json, path);
    if (isJsonObject(json)) return readFields(elements, json, path);
    throw mismatch(`expected an array of ${elements.length} or an object, found ${describeJson(json)}`, path);
  };
}

function readElements(
  elements: readonly CompiledElement[],
  items: readonly JsonValue[],
  path: JsonStep[],
): AlgebraicValue[] {
  if (items.length !== elements.length) {
    throw mismatch(`expected ${elements.length} elements, found ${items.length}`, path);
  }
  // The lengths are equal: there is an item for every element.
  return elements.map(({ read }, position) =>
    readInside(read, { json: items[position] ?? null, path, step: position }),
  );
}

function readFields(
  elements: readonly CompiledElement[],
  fields: ReadonlyMap<string, JsonValue>,
  path: JsonStep[],
): AlgebraicValue[] {
  const values = elements.map(({ name, read }) => {
    const json = fields.get(name);
    if (json === undefined) throw mismatch(`the field \`${name}\` is missing`, path);
    return readInside(read, { json, path, step: name });
  });
  if (fields.size > elements.length) {
    const known = new Set(elements.map(({ name }) => name));
    const unknown = [...fields.keys()].find((key) => !known.has(key)) ?? '';
    throw mismatch(`there is no field ${describeJson(unknown)}; there ${listNames(elements)}`, path);
  }
  return values;
}

function sumReader(types: readonly NamedType[]): PathReader {
  const variants = compileAll(types);
  const byKey = new Map<string, number>();
  for (const tag of variants.keys()) byKey.set(String(tag), tag);
  // A name goes before a number: a variant may be called "0".
  for (const [tag, { name }] of variants.entries()) byKey.set(name, tag);
  return (json, path) => {
    if (isJsonObject(json) && json.size === 1) {
      for (const [key, payload] of json) {
        const tag = byKey.get(key);
        if (tag === undefined)
          throw mismatch(`there is no variant ${describeJson(key)}; there ${listNames(variants)}`, path);
        return readVariant(variants, { tag, payload, path, step: key });
      }
    }
    if (isJsonArray(json) && json.length === 2) {
      const [number = null, payload = null] = json;
      const tag = isJsonNumber(number) && /^\d{1,3}$/.test(number.digits) ? Number(number.digits) : -1;
      if (variants[tag] === undefined) {
        throw mismatch(`expected the number of one of ${variants.length} variants, found ${describeJson(number)}`, [
          ...path,
          0,
        ]);
      }
      return readVariant(variants, { tag, payload, path, step: 1 });
    }
    throw mismatch(`expected {"variant": value} or [number, value], found ${describeJson(json)}`, path);
  };
}

function optionReader(types: readonly NamedType[]): PathReader {
  const read = sumReader(types);
  return (json, path) => (json === null ? { tag: 1, value: [] } : read(json, path));
}

function readVariant(
  variants: readonly CompiledElement[],
  chosen: { readonly tag: number; readonly payload: JsonValue; readonly path: JsonStep[]; readonly step: JsonStep },
): AlgebraicValue {
  const { tag, payload, path, step } = chosen;
  const read = variants[tag]?.read;
  if (read === undefined) throw mismatch(`there is no variant ${tag}`, path);
  return { tag, value: readInside(read, { json: payload, path, step }) };
}

function arrayReader(read: PathReader): PathReader {
  return (json, path) => {
    if (!isJsonArray(json)) throw mismatch(`expected an array, found ${describeJson(json)}`, path);
    return json.map((item, position) => readInside(read, { json: item, path, step: position }));
  };
}

function bytesReader(): PathReader {
  const readByte = primitiveReader('u8');
  return (json, path) => {
    if (typeof json === 'string') return readHexBytes(json, path);
    if (!isJsonArray(json)) {
      throw mismatch(`expected hexadecimal digits or an array of bytes, found ${describeJson(json)}`, path);
    }
    return Uint8Array.from(json, (item, position) =>
      Number(readInside(readByte, { json: item, path, step: position })),
    );
  };
}

function readHexBytes(text: string, path: readonly JsonStep[]): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw mismatch(`expected pairs of hexadecimal digits without "0x", found ${describeJson(text)}`, path);
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

/** Reads a part of a value; `path` leads to the part while it is read. */
function readInside(
  read: PathReader,
  part: { readonly json: JsonValue; readonly path: JsonStep[]; readonly step: JsonStep },
): AlgebraicValue {
  part.path.push(part.step);
  const value = read(part.json, part.path);
  part.path.pop();
  return value;
}

const NAMES_LISTED_MAX = 10;

function listNames(elements: readonly CompiledElement[]): string {
  if (elements.length === 0) return 'are none';
  const names = elements.slice(0, NAMES_LISTED_MAX).map(({ name }) => `\`${name}\``);
  return `is ${names.join(', ')}${elements.length > NAMES_LISTED_MAX ? ', …' : ''}`;
}
