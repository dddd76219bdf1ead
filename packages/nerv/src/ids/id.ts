import { hasLoneSurrogate } from '../values/json.ts';

/** The greatest length of an id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 128;

/** Says what is wrong with an id, as the rest of the sentence "the id …"; undefined if it is valid. */
export function idFault(id: unknown): string | undefined {
  if (typeof id !== 'string') return `is a ${typeof id}, not a string`;
  // A unit of UTF-16 is three bytes of UTF-8 at most: short ids, which is most of them, need not be encoded to be counted.
  const isShort = id !== '' && id.length <= MAX_ID_BYTES / 3;
  if (!hasLoneSurrogate(id) && (isShort || isInLimit(id))) return undefined;
  return `${JSON.stringify(id.slice(0, 40))} is not 1 to ${MAX_ID_BYTES} bytes of UTF-8`;
}

function isInLimit(id: string): boolean {
  // Every byte beyond ASCII is three characters, such as %C3.
  return id !== '' && id.length <= MAX_ID_BYTES && encodeURI(id).replace(/%../g, '_').length <= MAX_ID_BYTES;
}
