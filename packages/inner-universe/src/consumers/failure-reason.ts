import { NervError } from '@inner-universe/nerv';

/** What a letter says of a failure at most, in UTF-16 units. */
export const REASON_LENGTH_MAX = 1_000;

const MASKS: readonly (readonly [RegExp, string])[] = [
  // Credentials in addresses.
  [/\/\/[^\s/@]+@/g, '//***@'],
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ***'],
  // Three parts of base64: a token.
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***'],
  [
    /\b([\w-]{0,64}(?:password|passwd|secret|token|api[_-]?key)[\w-]{0,64})(["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi,
    '$1$2***',
  ],
];

/**
 * What is stored of why an event was not handled: the error's code or name and the beginning of its message, without
 * its stack, and without what looks like a secret.
 */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return cut(mask(typeof error === 'string' ? error : `a thrown ${typeof error}`));
  const label = error instanceof NervError ? error.code : error.name;
  return cut(mask(`${label}: ${error.message}`));
}

/** A reason that somebody made, no longer than is stored. */
export function cut(text: string): string {
  if (text.length <= REASON_LENGTH_MAX) return text;
  const end = text.charCodeAt(REASON_LENGTH_MAX - 2);
  // Half of a surrogate pair cannot be stored.
  const isHalf = end >= 0xd800 && end <= 0xdbff;
  return `${text.slice(0, REASON_LENGTH_MAX - (isHalf ? 2 : 1))}…`;
}

function mask(text: string): string {
  // What is cut off anyway need not be looked through.
  return MASKS.reduce(
    (masked, [secret, instead]) => masked.replace(secret, instead),
    text.slice(0, 4 * REASON_LENGTH_MAX),
  );
}
