import { compilePattern, type EventPattern } from '@inner-universe/nerv/events/pattern';

/** How many event types keep the rule that was found for them. */
const KNOWN_TYPES_MAX = 4_096;

interface Rule<T> {
  readonly pattern: EventPattern;
  readonly value: T;
}

/**
 * Values by pattern of event types. Of the patterns that match a type the most specific one holds: the type itself,
 * else the one with more segments in words, else the one with fewer `**`, else the one with more `*`, else the one
 * whose words stand further to the left.
 */
export class TypeRules<T> {
  readonly #rules: readonly Rule<T>[];
  readonly #known = new Map<string, T | undefined>();

  /** @throws {NervError} `event/invalid-pattern` */
  constructor(values: Readonly<Record<string, T>> = {}) {
    this.#rules = Object.entries(values)
      .map(([pattern, value]) => ({ pattern: compilePattern(pattern), value }))
      .sort((left, right) => compareSpecificity(left.pattern, right.pattern));
  }

  /** The value for a type; undefined where no pattern matches. */
  find(type: string): T | undefined {
    if (this.#rules.length === 0) return undefined;
    const known = this.#known.get(type);
    if (known !== undefined || this.#known.has(type)) return known;
    const value = this.#rules.find(({ pattern }) => pattern.matches(type))?.value;
    if (this.#known.size >= KNOWN_TYPES_MAX) this.#known.clear();
    this.#known.set(type, value);
    return value;
  }
}

/** Negative where `left` is the more specific one. */
function compareSpecificity(left: EventPattern, right: EventPattern): number {
  const ranks = [rankOf(left), rankOf(right)] as const;
  for (const [at, rank] of ranks[0].entries()) {
    const other = ranks[1][at] ?? 0;
    if (rank !== other) return other - rank;
  }
  return 0;
}

/** Compared from the left; greater is more specific. */
function rankOf({ source, exact }: EventPattern): readonly number[] {
  const segments = source.split('.');
  const count = (wanted: (segment: string) => boolean): number => segments.filter(wanted).length;
  return [
    exact === undefined ? 0 : 1,
    count((segment) => !segment.startsWith('*')),
    -count((segment) => segment === '**'),
    count((segment) => segment === '*'),
    ...segments.map((segment) => (segment.startsWith('*') ? 0 : 1)),
  ];
}
