/*
 * What an outbox holds, as records:
 *
 *   w:<id>          the write: its ops, when it was made, its place in the order
 *   s:<id>          how far it is, where that is more than nothing: parts that were applied, attempts, why it was rejected
 *   r:<request id>  a request that may have been sent: when it was issued, and which parts of which writes it carries
 *
 * Texts are in the lossless form of nerv's values. What comes from the disk is checked here, once.
 */
import type { Op } from '@inner-universe/module/wire';
import { parse, stringify } from '@inner-universe/nerv/values';
import type { RecordChange } from './outbox.ts';
import type { WorkReason } from './work.ts';

/** Ops that are applied together, as one part of a write. */
export type WorkPart = readonly Op[];

/** A write that is kept until it is answered. */
export interface StoredWrite {
  readonly id: string;
  readonly sinceMicros: bigint;
  /** Sent in turn. */
  readonly parts: readonly WorkPart[];
  readonly bytes: number;
  /** The request id that its caller gave it. */
  readonly requestId?: string | undefined;
  /** Its place among all writes; a retry gives it a new one. */
  place: number;
  attempts: number;
  /** Indexes of the parts that were applied. */
  readonly done: Set<number>;
  /** Why it was set aside. */
  rejected: WorkReason | undefined;
}

/** Part `part` of the write `id`. */
export interface PartOfWrite {
  readonly id: string;
  readonly part: number;
}

/** A request that may have been sent: it goes out again as it was, or not at all. */
export interface StoredRequest {
  readonly requestId: string;
  readonly issuedAtMicros: bigint;
  /** Its place among all requests. */
  readonly place: number;
  readonly parts: readonly PartOfWrite[];
}

/** The record of a write. */
export function writeRecord({ id, sinceMicros, parts, bytes, place, requestId }: StoredWrite): RecordChange {
  return { key: `w:${id}`, value: stringify(dropUndefined({ sinceMicros, parts, bytes, place, requestId })) };
}

/** The record of how far a write is. */
export function statusRecord({ id, place, attempts, done, rejected }: StoredWrite): RecordChange {
  return { key: `s:${id}`, value: stringify(dropUndefined({ place, attempts, done: [...done], rejected })) };
}

/** The record of a request. */
export function requestRecord({ requestId, issuedAtMicros, place, parts }: StoredRequest): RecordChange {
  const pairs = parts.map(({ id, part }) => [id, part]);
  return { key: `r:${requestId}`, value: stringify({ issuedAtMicros, place, parts: pairs }) };
}

/** Forgets a write. */
export function noWrite(id: string): readonly RecordChange[] {
  return [
    { key: `w:${id}`, value: undefined },
    { key: `s:${id}`, value: undefined },
  ];
}

/** Forgets a request. */
export function noRequest(requestId: string): RecordChange {
  return { key: `r:${requestId}`, value: undefined };
}

/** What records say, in order of place. @throws TypeError, SyntaxError for what was written by nobody here */
export function readStored(records: ReadonlyMap<string, string>): {
  readonly writes: readonly StoredWrite[];
  readonly requests: readonly StoredRequest[];
} {
  const writes = new Map<string, StoredWrite>();
  const requests: StoredRequest[] = [];
  for (const [key, text] of records) {
    const id = key.slice(2);
    if (key.startsWith('w:')) writes.set(id, readWrite(id, fieldsOf(text)));
    else if (key.startsWith('r:')) requests.push(readRequest(id, fieldsOf(text)));
    else check(key.startsWith('s:'), `'${key}' is no record of an outbox`);
  }
  for (const [key, text] of records) if (key.startsWith('s:')) readStatus(writes.get(key.slice(2)), fieldsOf(text));
  const byPlace = (a: { place: number }, b: { place: number }): number => a.place - b.place;
  return { writes: [...writes.values()].sort(byPlace), requests: requests.sort(byPlace) };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(text: string): Fields {
  const fields: unknown = parse(text);
  check(typeof fields === 'object' && fields !== null, 'a record is no object');
  return fields as Fields; // checked above; each field is checked where it is read
}

function readWrite(id: string, { sinceMicros, parts, bytes, place, requestId }: Fields): StoredWrite {
  check(typeof sinceMicros === 'bigint' && isCount(bytes) && isCount(place), `write '${id}' lacks numbers`);
  check(Array.isArray(parts) && parts.length > 0 && parts.every(isPart), `write '${id}' has no ops`);
  check(requestId === undefined || typeof requestId === 'string', `write '${id}' has no proper request id`);
  return { id, sinceMicros, parts, bytes, place, requestId, attempts: 0, done: new Set(), rejected: undefined };
}

function readStatus(write: StoredWrite | undefined, { place, attempts, done, rejected }: Fields): void {
  check(write !== undefined, 'the status of a write that is not there');
  check(isCount(place) && isCount(attempts), `the status of write '${write.id}' lacks numbers`);
  check(Array.isArray(done) && done.every(isCount), `the status of write '${write.id}' has no parts`);
  write.place = place;
  write.attempts = attempts;
  for (const part of done) write.done.add(part);
  if (rejected !== undefined) write.rejected = readReason(rejected);
}

function readReason(value: unknown): WorkReason {
  check(typeof value === 'object' && value !== null, 'a reason is no object');
  const { code, message, details } = value as Fields; // an object: its fields are checked below
  check(typeof code === 'string' && typeof message === 'string', 'a reason has no code');
  check(typeof details === 'object' && details !== null, 'a reason has no details');
  return { code, message, details: details as Fields }; // plain data for people; nothing here relies on it
}

function readRequest(requestId: string, { issuedAtMicros, place, parts }: Fields): StoredRequest {
  check(typeof issuedAtMicros === 'bigint' && isCount(place), `request '${requestId}' lacks numbers`);
  check(Array.isArray(parts) && parts.length > 0, `request '${requestId}' carries nothing`);
  return { requestId, issuedAtMicros, place, parts: parts.map(readPartOfWrite) };
}

function readPartOfWrite(pair: unknown): PartOfWrite {
  check(Array.isArray(pair), 'a request carries what is no part');
  const [id, part] = pair as readonly unknown[];
  check(typeof id === 'string' && isCount(part), 'a request carries what is no part');
  return { id, part };
}

/** Its arguments are the module's to check, as those of any other request. */
function isPart(part: unknown): part is WorkPart {
  const isOp = (op: unknown): boolean =>
    typeof op === 'object' &&
    op !== null &&
    typeof (op as Fields)['tag'] === 'string' &&
    typeof (op as Fields)['value'] === 'object' &&
    (op as Fields)['value'] !== null;
  return Array.isArray(part) && part.length > 0 && part.every(isOp);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TypeError(message);
}

/** Members that are undefined are as if they were not there: the form of values has no undefined. */
function dropUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropUndefined);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) kept[key] = dropUndefined(member);
  return kept;
}
