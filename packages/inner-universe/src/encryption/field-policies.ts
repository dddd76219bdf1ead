import { compilePattern } from '@inner-universe/nerv/events/pattern';
import { EncryptionError } from './encryption-error.ts';
import { FieldPatterns } from './field-patterns.ts';

/** Which fields: patterns such as `name`, `notes.*` and `/a.b`, or `true` for the value as a whole. */
export type Fields = true | readonly string[];

/**
 * What is sealed, and whose it is: data of a subject is sealed with a key of its own, which `keyRing.erase(subject)`
 * erases. Without a subject (also: `undefined` from the function), the ring's common key seals.
 */
export type FieldPolicy<Of> =
  | Fields
  | { readonly fields: Fields; readonly subject?: string | ((of: Of) => string | undefined) | undefined };

/** Policies by pattern. */
export type FieldPolicyMap<Of> = Readonly<Record<string, FieldPolicy<Of>>>;

/** Says of a text whether a pattern names it. */
type Matcher = (name: string) => boolean;

interface Rule<Of> {
  readonly matches: Matcher;
  readonly fields: FieldPatterns;
  readonly subjectOf: (of: Of) => string | undefined;
}

/** Names of which the policy was asked lately. */
const KEPT_MAX = 1_000;
const SUBJECT_LENGTH_MAX = 1_024;

/** The policies of one kind of thing: stores, types of entities, types of events. */
export class FieldPolicies<Of> {
  readonly #rules: readonly Rule<Of>[];
  readonly #kept = new Map<string, FieldPatterns>();

  /** @throws {EncryptionError} `encryption/invalid-policy` */
  constructor(policies: FieldPolicyMap<Of> = {}, makeMatcher: (pattern: string) => Matcher = makeNameMatcher) {
    this.#rules = Object.entries(policies).map(([pattern, policy]) => {
      const { fields, subject } = isFields(policy)
        ? { fields: policy, subject: undefined }
        : checkNames(policy, pattern);
      return {
        matches: makeMatcher(pattern),
        fields: fields === true ? FieldPatterns.WHOLE : FieldPatterns.parse(checkFields(fields, pattern)),
        subjectOf: typeof subject === 'function' ? subject : () => subject,
      };
    });
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** What is sealed of a thing of this name. */
  fieldsOf(name: string): FieldPatterns {
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const fields = FieldPatterns.all(this.#rules.filter((rule) => rule.matches(name)).map((rule) => rule.fields));
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(name, fields);
    return fields;
  }

  /** What is sealed of a thing of any name. */
  get anyFields(): FieldPatterns {
    return FieldPatterns.all(this.#rules.map((rule) => rule.fields));
  }

  /**
   * Whose a sealed field is, by the first policy that names it; '' for nobody's. `keys` lead to it in the encoded form.
   * @throws {EncryptionError} `encryption/invalid-policy` when the function of the policy gives no subject
   */
  subjectOf(name: string, keys: readonly string[], of: Of): string {
    const rule = this.#rules.find(({ matches, fields }) => {
      return matches(name) && keys.reduce((rest, key) => rest.below(key), fields).isWhole;
    });
    const subject: unknown = rule?.subjectOf(of) ?? '';
    if (typeof subject === 'string' && subject.length <= SUBJECT_LENGTH_MAX) return subject;
    throw invalid(`The policy for '${name}' gave a subject that is no text of up to ${SUBJECT_LENGTH_MAX} characters.`);
  }
}

/** Matches names of stores and types: `*` stands for any characters, also none. */
export function makeNameMatcher(pattern: string): Matcher {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`));
  const expression = new RegExp(`^${parts.join('.*')}$`, 'su');
  return (name) => expression.test(name);
}

/** Matches types of events, as patterns of subscriptions do. @throws {EncryptionError} `encryption/invalid-policy` */
export function makeEventMatcher(pattern: string): Matcher {
  try {
    const compiled = compilePattern(pattern);
    return (type) => compiled.matches(type);
  } catch (cause) {
    throw invalid(`'${pattern}' is no pattern of events.`, cause);
  }
}

function isFields<Of>(policy: FieldPolicy<Of>): policy is Fields {
  return policy === true || Array.isArray(policy);
}

/** A subject that is mistyped would mean the common key, and erasing the subject would erase nothing. */
function checkNames<P extends object>(policy: P, pattern: string): P {
  const unknown = Object.keys(policy ?? {}).find((name) => name !== 'fields' && name !== 'subject');
  if (unknown === undefined) return policy;
  throw invalid(`The policy for '${pattern}' has no '${unknown}': it takes fields and subject.`);
}

// The types say so; programs without types may do otherwise.
function checkFields(fields: readonly string[], pattern: string): readonly string[] {
  if (Array.isArray(fields)) return fields;
  throw invalid(`The policy for '${pattern}' names no fields: give a list of them, or true for the whole value.`);
}

function invalid(message: string, cause?: unknown): EncryptionError {
  return new EncryptionError('encryption/invalid-policy', message, { cause });
}
