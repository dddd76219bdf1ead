import { appendPointer, Sealed, type JsonObject, type JsonValue } from '@inner-universe/nerv/values';
import { EncryptionError } from './encryption-error.ts';
import type { FieldPatterns } from './field-patterns.ts';

/** What is put instead of the value at a sealed place. */
export type ReplaceField = (json: JsonValue, path: string) => Promise<JsonValue>;

/**
 * A value in its encoded form with every field that the patterns name replaced. `path` is the value's own place.
 * @throws {EncryptionError} `encryption/in-list`
 */
export async function replaceFields(
  json: JsonValue,
  patterns: FieldPatterns,
  path: string,
  replace: ReplaceField,
): Promise<JsonValue> {
  if (patterns.isEmpty) return json;
  if (patterns.isWhole) return replace(json, path);
  if (json === null || typeof json !== 'object') return json;
  if (isList(json) || '$map' in json || '$set' in json) throw inList(path);
  if (isLeaf(json)) return json;
  const entries = Object.entries(json).map(async ([key, value]): Promise<[string, JsonValue]> => {
    return [key, await replaceFields(value, patterns.below(key), appendPointer(path, key), replace)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** As `replaceFields`, for what was read: a list that patterns lead into, which a writer without them put there, stays. */
export async function openFields(
  json: JsonValue,
  patterns: FieldPatterns,
  path: string,
  open: ReplaceField,
): Promise<JsonValue> {
  try {
    return await replaceFields(json, patterns, path, open);
  } catch (error) {
    if (error instanceof EncryptionError && error.code === 'encryption/in-list') return json;
    throw error;
  }
}

/** The sealed value of an encoded form that is one. */
export function trySealed(json: JsonValue): Sealed | undefined {
  if (json === null || typeof json !== 'object' || isList(json)) return undefined;
  const { $sealed } = json;
  return $sealed === undefined ? undefined : Sealed.tryFrom($sealed);
}

/** The encoded form of a sealed value. */
export function sealedJson(sealed: Sealed): JsonObject {
  return { $sealed: sealed.toContent() };
}

/** The error for a pattern that leads into a list, Map or Set. */
export function inList(path: string): EncryptionError {
  return new EncryptionError(
    'encryption/in-list',
    `A field to be sealed lies in the list, Map or Set at '${path}', where places change. ` +
      'Seal that whole, or keep its elements in an object by their ids.',
    { details: { path } },
  );
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}

/** Whether an object of the encoded form is a date, bytes and the like: its one key is no user's key. */
function isLeaf(json: JsonObject): boolean {
  return Object.keys(json).some((key) => key.startsWith('$') && !key.startsWith('$$'));
}
