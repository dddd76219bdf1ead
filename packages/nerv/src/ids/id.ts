/** The greatest length of an id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 128;

/** Says what is wrong with an id, as the rest of the sentence "the id …"; undefined if it is valid. */
export function idFault(id: unknown): string | undefined {
  if (typeof id !== 'string') return `is a ${typeof id}, not a string`;
  if (id === '') return 'is empty';
  // A unit of UTF-16 is three bytes of UTF-8 at most: short ids, which is most of them, need not be encoded to be counted.
  if (id.length <= MAX_ID_BYTES / 3 && isWellFormed(id)) return undefined;
  const shown = JSON.stringify(id.slice(0, 40));
  // Every byte beyond ASCII is three characters, such as %C3.
  if (id.length > MAX_ID_BYTES || (isWellFormed(id) && encodeURI(id).replace(/%../g, '_').length > MAX_ID_BYTES)) {
    return `${shown}… has more than the ${MAX_ID_BYTES} bytes allowed`;
  }
  return isWellFormed(id) ? undefined : `${shown} has half a surrogate pair, which UTF-8 cannot hold`;
}

function isWellFormed(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}
