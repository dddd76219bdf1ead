/**
 * A request: one transaction, every op or none.
 * - The same id from the same identity again is a success that changes nothing; from another it is refused.
 * - A request is remembered for longer than one may be old, so none is ever applied twice.
 * - A refusal anywhere takes the whole request back, and names the op.
 */
import { Access } from '../access/access.ts';
import { requireScopes } from '../access/bounds.ts';
import { Settings } from '../access/settings.ts';
import { requireRate, requireRoom } from '../access/rates.ts';
import { LogWriter } from '../log/log-writer.ts';
import { requireMigrated } from '../migrations/migrate.ts';
import { refuse, toSenderError } from '../refusals/refused.ts';
import type { Context } from '../schema/database.ts';
import type { ConsumerAdvance, Op } from '../schema/op-types.ts';
import { checkId } from '../values/checks.ts';
import { byteLength } from '../values/text.ts';
import { isSameIdentity, micros, type Timestamp } from '../values/library-values.ts';
import { MAX_CLOCK_LEAD_MICROS, MAX_REQUEST_BYTES, MAX_REQUEST_OPS, REQUEST_MAX_AGE_MICROS } from '../wire/limits.ts';
import { applyOp } from './apply-op.ts';
import { advancePartition } from './consumers.ts';
import type { Work } from './work.ts';

/**
 * What a full universe still takes: how it gets room, which is archiving with what may hold it, and how those lose their
 * rights who filled it. Settings pass only from the owner: they are logged and audited, so others could fill it with them.
 */
const ROOM_MAKING: ReadonlySet<string> = new Set<Op['tag']>([
  'revoke',
  'removeRoleMember',
  'trimEvents',
  'compactVersions',
  'pruneVersions',
  'pruneHistory',
  'deleteConsumer',
  'claimPartition',
  'releasePartition',
  'advancePartition',
  'joinConsumer',
  'leaveConsumer',
  'afterRequest',
]);

/** What `apply` is called with. */
export interface Request {
  readonly requestId: string;
  readonly issuedAt: Timestamp;
  readonly consumer?: ConsumerAdvance | undefined;
  readonly ops: readonly Op[];
}

/** Carries out a request, or throws the refusal as the host passes it on. */
export function applyRequest(ctx: Context, request: Request): void {
  let position: number | null = null;
  try {
    const settings = new Settings(ctx.db);
    const access = new Access(ctx, settings);
    access.requireAny();
    if (isApplied(ctx, request.requestId)) return;
    requireTimely(ctx, request);
    requireMigrated(ctx.db, request.ops);
    const bytes = requireSize(request.ops);
    if (!access.isOwner) requireRate(ctx, { access, settings }, { ops: costOf(request.ops), bytes });
    if (!makesRoom(request.ops, access)) requireRoom(ctx, settings);
    const scopes = access.isOwner ? 0n : ctx.db.scope.count();
    const work = startWork(ctx, request.requestId, access, settings);
    if (request.consumer !== undefined) advancePartition(work, request.consumer);
    let next = 0;
    for (const op of request.ops) {
      position = next;
      work.position = next;
      applyOp(work, op);
      next += 1;
    }
    position = null;
    const seq = work.log.flush();
    if (!access.isOwner) requireScopes(ctx, access, scopes);
    ctx.db.request.insert({ requestId: request.requestId, identity: ctx.sender, recordedAt: work.now, seq });
  } catch (error) {
    throw toSenderError(error, position);
  }
}

/** Carries out a request of one op. */
export function applyOne(ctx: Context, { requestId, issuedAt }: Omit<Request, 'ops' | 'consumer'>, op: Op): void {
  applyRequest(ctx, { requestId, issuedAt, ops: [op] });
}

function startWork(ctx: Context, requestId: string, access: Access, settings: Settings): Work {
  const log = new LogWriter(ctx, requestId);
  return {
    ctx,
    db: ctx.db,
    access,
    settings,
    log,
    requestId,
    now: log.recordedAt,
    position: 0,
    cascaded: 0,
    eventIds: new Set(),
    entityScopes: new Map(),
    versions: new Map(),
    storeScopes: new Map(),
  };
}

function makesRoom(ops: readonly Op[], { isOwner }: Access): boolean {
  return ops.every(({ tag }) => ROOM_MAKING.has(tag) || (isOwner && tag === 'setConfiguration'));
}

/** What says where a request belongs is not what its caller does with it. */
function costOf(ops: readonly Op[]): number {
  return ops[0]?.tag === 'afterRequest' ? ops.length - 1 : ops.length;
}

function isApplied(ctx: Context, requestId: string): boolean {
  checkId(requestId, 'request id');
  const existing = ctx.db.request.requestId.find(requestId);
  if (existing === null) return false;
  if (isSameIdentity(existing.identity, ctx.sender)) return true;
  return refuse('request/id-taken', `The request id '${requestId}' is taken by another identity. Make a new one.`, {
    ids: [requestId],
  });
}

function requireTimely(ctx: Context, { requestId, issuedAt }: Request): void {
  const age = micros(ctx.timestamp) - micros(issuedAt);
  if (age > REQUEST_MAX_AGE_MICROS) {
    refuse(
      'request/expired',
      `The request '${requestId}' was made more than seven days ago. Check what it did, then make a new one.`,
      {
        ids: [requestId],
        details: { ageMicros: age.toString() },
      },
    );
  }
  if (age < -MAX_CLOCK_LEAD_MICROS) {
    refuse(
      'value/malformed',
      `The request '${requestId}' comes from more than an hour ahead. Set the caller's clock.`,
      {
        ids: [requestId],
        details: { ageMicros: age.toString() },
      },
    );
  }
}

function requireSize(ops: readonly Op[]): number {
  if (ops.length > MAX_REQUEST_OPS) {
    refuse('limit/ops', `The request has ${ops.length} ops; ${MAX_REQUEST_OPS} are allowed. Split it.`, {
      details: { ops: ops.length, limit: MAX_REQUEST_OPS },
    });
  }
  let units = 0;
  for (const { value } of ops) units += sizeOf(value, textUnits);
  if (units * 3 <= MAX_REQUEST_BYTES) return units;
  let bytes = 0;
  for (const { value } of ops) bytes += sizeOf(value, byteLength);
  if (bytes > MAX_REQUEST_BYTES) {
    refuse('limit/request', `The request has ${bytes} bytes; ${MAX_REQUEST_BYTES} are allowed. Split it.`, {
      details: { bytes, limit: MAX_REQUEST_BYTES },
    });
  }
  return bytes;
}

const textUnits = (text: string): number => text.length;

/** The size of all texts and bytes in an op, which is all of it but a few dozen bytes. */
function sizeOf(value: object, measure: (text: string) => number): number {
  if (value instanceof Uint8Array) return value.byteLength;
  let size = 0;
  // What was read from the wire inherits nothing that is listed. An array of the members would be made for each op.
  for (const name in value) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof member === 'string') size += measure(member);
    else if (typeof member === 'object' && member !== null) size += sizeOf(member, measure);
  }
  return size;
}
