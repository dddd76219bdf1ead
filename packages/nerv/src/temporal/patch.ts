import { NervError } from '../errors.ts';
import { canonicalJson } from '../values/canonical-json.ts';
import { parseJson } from '../values/decode.ts';
import type { JsonValue } from '../values/json.ts';
import { checkPointer } from '../values/pointer.ts';

/** One operation of a JSON Patch (RFC 6902), over the encoded form of values. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

/** A JSON Patch (RFC 6902): operations that apply in order, all or none. */
export type JsonPatch = readonly PatchOperation[];

/** A patch as canonical text: what a delta is stored as. */
export function stringifyPatch(patch: JsonPatch): string {
  // An operation is a JSON object with the members of its type.
  return canonicalJson(patch as unknown as JsonValue);
}

/** A patch from its text. @throws `state/invalid-patch` */
export function parsePatch(text: string): JsonPatch {
  try {
    return checkPatch(parseJson(text));
  } catch (cause) {
    if (cause instanceof NervError && cause.code !== 'value/malformed') throw cause;
    throw new NervError('state/invalid-patch', 'The patch is not JSON.', { cause });
  }
}

/**
 * Passes what has the form of a JSON Patch; members that RFC 6902 does not name are ignored, as it asks.
 * @throws `state/invalid-patch` naming the first operation that has not
 */
export function checkPatch(patch: unknown): JsonPatch {
  if (!Array.isArray(patch)) throw new NervError('state/invalid-patch', 'A JSON Patch is an array of operations.');
  return patch.map(checkOperation);
}

function checkOperation(operation: unknown, index: number): PatchOperation {
  const invalid = (what: string): never => {
    throw new NervError('state/invalid-patch', `Operation ${index} of the patch ${what}.`, {
      details: { index },
    });
  };
  if (typeof operation !== 'object' || operation === null) return invalid('is no object');
  const { op, path, from, value } = operation as Readonly<Record<string, unknown>>;
  if (typeof path !== 'string') return invalid('has no path');
  checkPointer(path);
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      // What stands in `value` is checked when it is decoded.
      return Object.hasOwn(operation, 'value') ? { op, path, value: value as JsonValue } : invalid('has no value');
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      if (typeof from !== 'string') return invalid('has no from');
      checkPointer(from);
      return { op, from, path };
    default:
      return invalid(`has the unknown op '${String(op)}'`);
  }
}
