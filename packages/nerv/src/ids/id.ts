/** The greatest length of an id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 128;

const LONE_SURROGATE = /\p{Cs}/u;

/** Says what is wrong with an id, as the rest of the sentence "the id …"; undefined if it is valid. */
export function idFault(id: unknown): string | undefined {
  if (typeof id !== 'string') return `is a ${typeof id}, not a string`;
  if (id === '') return 'is empty';
  if (id.length > MAX_ID_BYTES || utf8Length(id) > MAX_ID_BYTES) {
    return `${JSON.stringify(id.slice(0, 40))}… has more than the ${MAX_ID_BYTES} bytes allowed`;
  }
  if (LONE_SURROGATE.test(id)) return `${JSON.stringify(id)} has half a surrogate pair, which UTF-8 cannot hold`;
  return undefined;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
