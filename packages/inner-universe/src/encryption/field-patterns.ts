/*
 * Which fields are sealed. A pattern names a place by the keys that lead to it: `name`, `address.street`, `notes.*`
 * (`*` is any one key), or as a JSON pointer where keys have dots (`/a.b/*`). What it names is sealed as a whole.
 * No pattern leads into a list, a Map or a Set: positions change when others write, and the place is part of the seal.
 */
import { escapeKey, parsePointer } from '@inner-universe/nerv/values';
import { EncryptionError } from './encryption-error.ts';

/** The keys that lead to a sealed field, as the encoded form has them; `*` is any. */
type Pattern = readonly string[];

const ANY = '*';
const PATTERNS_MAX = 1_000;

/** What of a value is sealed: places below it, or, if `isWhole`, it itself. Immutable. */
export class FieldPatterns {
  static readonly NONE: FieldPatterns = new FieldPatterns([]);
  static readonly WHOLE: FieldPatterns = new FieldPatterns([[]]);
  readonly #patterns: readonly Pattern[];

  private constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
  }

  /** @throws {EncryptionError} `encryption/invalid-policy` */
  static parse(fields: readonly string[]): FieldPatterns {
    if (fields.length > PATTERNS_MAX) throw invalid(`${fields.length} patterns`, `at most ${PATTERNS_MAX} are taken`);
    return new FieldPatterns(fields.map(parsePattern));
  }

  /** What any of several says. */
  static all(some: readonly FieldPatterns[]): FieldPatterns {
    if (some.length === 1 && some[0] !== undefined) return some[0];
    const patterns = some.flatMap((one) => one.#patterns);
    return patterns.length === 0 ? FieldPatterns.NONE : new FieldPatterns(patterns);
  }

  /** Whether nothing is sealed, here and below. */
  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** Whether the value itself is sealed. */
  get isWhole(): boolean {
    return this.#patterns.some((pattern) => pattern.length === 0);
  }

  /** What is sealed of the value under a key, as the encoded form has it. */
  below(key: string): FieldPatterns {
    if (this.isEmpty) return this;
    const rest = this.#patterns.filter(([first]) => first !== undefined && (first === ANY || first === key));
    return rest.length === 0 ? FieldPatterns.NONE : new FieldPatterns(rest.map((pattern) => pattern.slice(1)));
  }

  /** Whether a place, given by its keys as the encoded form has them, is sealed, lies in what is, or holds some. */
  touches(keys: readonly string[]): boolean {
    let rest: FieldPatterns = this;
    for (const key of keys) {
      if (rest.isWhole) return true;
      rest = rest.below(key);
    }
    return !rest.isEmpty;
  }
}

function parsePattern(field: string): Pattern {
  if (typeof field !== 'string' || field === '') throw invalid(JSON.stringify(field), 'it is empty');
  const keys = field.startsWith('/') ? parsePointer(field) : field.split('.');
  if (keys.includes('')) throw invalid(`'${field}'`, 'it has an empty key');
  return keys.map(escapeKey);
}

function invalid(field: string, why: string): EncryptionError {
  return new EncryptionError(
    'encryption/invalid-policy',
    `${field} names no field: ${why}. Write the keys to it, as in 'address.street' or 'notes.*'.`,
    { details: { field } },
  );
}
