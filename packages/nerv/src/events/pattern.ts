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
  readonly segments: readonly string[];
  matches(type: string): boolean;
}

const SEGMENT = /^[^\s.*\p{Cc}\p{Cs}]+$/u;

/** Says what is wrong with an event type, as the rest of the sentence "the event type …"; undefined if it is valid. */
export function eventTypeFault(type: string): string | undefined {
  return faultOf(type, isTypeSegment);
}

/** Says what is wrong with a pattern, as the rest of the sentence "the pattern …"; undefined if it is valid. */
export function patternFault(pattern: string): string | undefined {
  return faultOf(pattern, isPatternSegment);
}

/** Whether the text is a valid event type. */
export function isEventType(type: string): boolean {
  return eventTypeFault(type) === undefined;
}

/** Passes if this is a valid event type. @throws NervError `event/invalid` */
export function assertEventType(type: unknown): asserts type is string {
  const fault = typeof type === 'string' ? eventTypeFault(type) : `is a ${typeof type}, not a string`;
  if (fault === undefined) return;
  throw new NervError('event/invalid', `The event type ${fault}. Use segments joined by '.', such as 'order.placed'.`, {
    details: { type },
  });
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
  if (fault !== undefined) {
    throw new NervError(
      'event/invalid-pattern',
      `The pattern ${fault}. Use segments joined by '.', with '*' for one segment and '**' for any number.`,
      { details: { pattern } },
    );
  }
  const segments = Object.freeze(pattern.split('.'));
  const exact = pattern.includes('*') ? undefined : pattern;
  return Object.freeze({ source: pattern, exact, segments, matches: makeMatcher(pattern, segments) });
}

/** Whether a valid pattern matches a type. For many types, keep what `compilePattern` gives. */
export function matchesPattern(pattern: string, type: string): boolean {
  return compilePattern(pattern).matches(type);
}

function faultOf(text: string, isSegment: (segment: string) => boolean): string | undefined {
  if (text.length === 0) return 'is empty';
  if (text.length > MAX_EVENT_TYPE_LENGTH) {
    return `has ${text.length} characters, more than the ${MAX_EVENT_TYPE_LENGTH} allowed`;
  }
  const segments = text.split('.');
  if (segments.length > MAX_EVENT_TYPE_SEGMENTS) {
    return `has ${segments.length} segments, more than the ${MAX_EVENT_TYPE_SEGMENTS} allowed`;
  }
  for (const segment of segments) {
    if (isSegment(segment)) continue;
    return segment === ''
      ? `${JSON.stringify(text)} has an empty segment`
      : `${JSON.stringify(text)} has the invalid segment ${JSON.stringify(segment)}`;
  }
  return undefined;
}

function isTypeSegment(segment: string): boolean {
  return SEGMENT.test(segment);
}

function isPatternSegment(segment: string): boolean {
  return segment === '*' || segment === '**' || SEGMENT.test(segment);
}

function makeMatcher(pattern: string, segments: readonly string[]): (type: string) => boolean {
  if (!pattern.includes('*')) return (type) => type === pattern;
  if (segments.every((segment) => segment === '**')) return () => true;
  return (type) => matchSegments(segments, type.split('.'));
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
      retryPattern = patternAt + 1;
      retryType = typeAt;
      patternAt += 1;
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
