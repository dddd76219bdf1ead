// Event types and the patterns that select them.
//
// - A type is 1 to 32 segments joined by '.'; a segment is not empty and holds no white space, control character,
//   '.' or '*'. A type has at most 256 UTF-16 units.
// - A pattern is the same, but a segment may also be '*' (exactly one segment) or '**' (any number, also none).
// - Matching costs at most (segments of the pattern) x (segments of the type), whatever the pattern.
//
// The module in the database runs this file too: it imports only errors.

import { NervError } from '../errors.ts';

/** The greatest length of an event type or pattern, in UTF-16 units. */
export const MAX_EVENT_TYPE_LENGTH = 256;

/** The greatest number of segments of an event type or pattern. */
export const MAX_EVENT_TYPE_SEGMENTS = 32;

/** A checked pattern, ready to match. `exact` is the one type it matches, if it has no wildcard. */
export interface EventPattern {
  readonly source: string;
  readonly exact: string | undefined;
  matches(type: string): boolean;
}

// The 32 is MAX_EVENT_TYPE_SEGMENTS. A segment begins where the text does, or after a '.', so there is one way to match.
const TYPE = /^(?!\.)((^|\.)[^\s.*\p{Cc}\p{Cs}]+){1,32}$/u;
const PATTERN = /^(?!\.)((^|\.)([^\s.*\p{Cc}\p{Cs}]+|\*\*?)){1,32}$/u;

/** Says what is wrong with an event type, as the rest of the sentence "the event type …"; undefined if it is valid. */
export function eventTypeFault(type: string): string | undefined {
  return faultOf(type, TYPE);
}

/** Says what is wrong with a pattern, as the rest of the sentence "the pattern …"; undefined if it is valid. */
export function patternFault(pattern: string): string | undefined {
  return faultOf(pattern, PATTERN);
}

/** Whether the text is a valid event type. */
export function isEventType(type: string): boolean {
  return eventTypeFault(type) === undefined;
}

/** Passes if this is a valid event type. @throws NervError `event/invalid` */
export function assertEventType(type: unknown): asserts type is string {
  // What is no string has that as its fault.
  const fault = eventTypeFault(type as string);
  if (fault !== undefined) throw new NervError('event/invalid', `The event type ${fault}.`, { details: { type } });
}

/** Whether the text is a valid pattern (every event type is one). */
export function isPattern(pattern: string): boolean {
  return patternFault(pattern) === undefined;
}

/**
 * Makes a matcher of a pattern.
 * @throws NervError `event/invalid-pattern`
 */
export function compilePattern(pattern: string): EventPattern {
  const fault = patternFault(pattern);
  if (fault !== undefined)
    throw new NervError('event/invalid-pattern', `The pattern ${fault}.`, { details: { pattern } });
  const segments = pattern.split('.');
  const exact = pattern.includes('*') ? undefined : pattern;
  const matches = (type: string): boolean =>
    exact === undefined ? matchSegments(segments, type.split('.')) : type === exact;
  return { source: pattern, exact, matches };
}

/** Whether a valid pattern matches a type. For many types, keep what `compilePattern` gives. */
export function matchesPattern(pattern: string, type: string): boolean {
  return compilePattern(pattern).matches(type);
}

function faultOf(text: string, valid: RegExp): string | undefined {
  if (typeof text === 'string' && text.length <= MAX_EVENT_TYPE_LENGTH && valid.test(text)) return undefined;
  const limits = `${MAX_EVENT_TYPE_SEGMENTS} segments, ${MAX_EVENT_TYPE_LENGTH} characters`;
  return `${JSON.stringify(text)} is invalid: at most ${limits}, no white space, '*' and '**' in patterns alone`;
}

// Glob matching with one point to come back to: after a later '**' an earlier one never needs to take more.
function matchSegments(pattern: readonly string[], type: readonly string[]): boolean {
  let patternAt = 0;
  let typeAt = 0;
  let retryPattern = -1;
  let retryType = 0;
  while (typeAt < type.length) {
    const segment = pattern[patternAt];
    if (segment === '**') {
      patternAt += 1;
      retryPattern = patternAt;
      retryType = typeAt;
    } else if (segment === '*' || (segment !== undefined && segment === type[typeAt])) {
      patternAt += 1;
      typeAt += 1;
    } else if (retryPattern >= 0) {
      retryType += 1;
      typeAt = retryType;
      patternAt = retryPattern;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '**') patternAt += 1;
  return patternAt === pattern.length;
}
