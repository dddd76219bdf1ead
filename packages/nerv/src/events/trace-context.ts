// W3C Trace Context (https://www.w3.org/TR/trace-context/), as far as who passes it on needs it.
//
//     traceparent   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//                   version, trace id, parent id, flags; ids of zeros alone and version ff are invalid
//     tracestate    vendor=value,tenant@vendor=value      up to 32 members, each key once

import type { Random } from '../ids/clock.ts';

/** The parts of a valid `traceparent`. */
export interface TraceParent {
  readonly version: string;
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

/** How many members of a `tracestate` are allowed. */
export const MAX_TRACESTATE_MEMBERS = 32;

/** The greatest length of a `tracestate` that is passed on; the standard asks for 512 at least. */
export const MAX_TRACESTATE_LENGTH = 4096;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const KEY = /^([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Reads a `traceparent`; undefined if it is not valid. Of a later version, the parts that this one knows. */
export function tryParseTraceparent(text: unknown): TraceParent | undefined {
  const match = typeof text === 'string' ? TRACEPARENT.exec(text) : null;
  if (match === null) return undefined;
  const [, version = '', traceId = '', parentId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { version, traceId, parentId, flags };
}

/** Whether a `tracestate` is valid; an empty one is. */
export function isTracestate(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > MAX_TRACESTATE_LENGTH) return false;
  const members = text.split(',').map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''));
  const keys = new Set<string>();
  for (const member of members) {
    if (member === '') continue;
    const at = member.indexOf('=');
    const key = member.slice(0, Math.max(at, 0));
    if (!KEY.test(key) || keys.has(key) || !VALUE.test(member.slice(at + 1))) return false;
    keys.add(key);
  }
  return members.length <= MAX_TRACESTATE_MEMBERS;
}

/** The `traceparent` of a new trace of which nothing is recorded, unless `sampled`. */
export function startTraceparent(random: Random, sampled = false): string {
  return `00-${randomHex(random, 16)}-${randomHex(random, 8)}-${sampled ? '01' : '00'}`;
}

/**
 * The `traceparent` of a step below: the same trace, a new parent id, of the flags only whether it is sampled.
 * For who records that step; who only passes events on leaves the text as it is. Undefined if the text is not valid.
 */
export function tryChildTraceparent(text: unknown, random: Random): string | undefined {
  const parent = tryParseTraceparent(text);
  if (parent === undefined) return undefined;
  const sampled = (Number.parseInt(parent.flags, 16) & 1) === 1 ? '01' : '00';
  return `00-${parent.traceId}-${randomHex(random, 8)}-${sampled}`;
}

function randomHex(random: Random, size: number): string {
  const bytes = new Uint8Array(size);
  random.fill(bytes);
  // Zeros alone would be invalid.
  if (bytes.every((byte) => byte === 0)) bytes[size - 1] = 1;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
