import { BsatnError } from '../bsatn/bsatn-error.ts';
import type { BsatnReader } from '../bsatn/reader.ts';

/** Reads an array of things that take at least a byte each. @throws {BsatnError} */
export function readArray<T>(reader: BsatnReader, readItem: (reader: BsatnReader) => T): T[] {
  const length = reader.arrayLength(1);
  const items: T[] = [];
  for (let index = 0; index < length; index += 1) items.push(readItem(reader));
  return items;
}

/** Reads an option: `some` has tag 0. @throws {BsatnError} */
export function readOption<T>(reader: BsatnReader, readSome: (reader: BsatnReader) => T): T | undefined {
  return readTag(reader, 'option', 2) === 0 ? readSome(reader) : undefined;
}

/** Reads a sum whose variants hold nothing, or whose payload the caller reads next. @throws {BsatnError} */
export function readChoice<const T extends string>(reader: BsatnReader, what: string, choices: readonly T[]): T {
  const at = reader.offset;
  const choice = choices[readTag(reader, what, choices.length)];
  if (choice === undefined) throw new BsatnError(`a ${what} is one of ${choices.join(', ')}`, at);
  return choice;
}

/** Reads the tag of a sum of `count` variants. @throws {BsatnError} */
export function readTag(reader: BsatnReader, what: string, count: number): number {
  const at = reader.offset;
  const tag = reader.u8();
  if (tag >= count) throw new BsatnError(`tag ${tag} of a ${what}`, at);
  return tag;
}
