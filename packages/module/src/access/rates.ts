import { refuse } from '../refusals/refused.ts';
import type { Context } from '../schema/database.ts';
import { micros } from '../values/library-values.ts';
import type { Settings } from './settings.ts';

const DEFAULT_BURST_SECONDS = 10;
const MICROS_PER_SECOND = 1_000_000;

/** What a request takes of its caller's rate. */
export interface RequestCost {
  readonly ops: number;
  readonly bytes: number;
}

/**
 * Takes a request's cost out of its caller's bucket, or refuses with `limit/rate` and when to come again. A request
 * that costs more than the bucket holds needs a full one, and leaves it that much below empty.
 */
export function requireRate(ctx: Context, settings: Settings, cost: RequestCost): void {
  const { opsPerSecond, bytesPerSecond, burstSeconds = DEFAULT_BURST_SECONDS } = settings.get('limits');
  if (opsPerSecond === undefined && bytesPerSecond === undefined) return;
  const known = ctx.db.rateBucket.identity.find(ctx.sender);
  const elapsed =
    known === null ? burstSeconds : Number(micros(ctx.timestamp) - micros(known.updatedAt)) / MICROS_PER_SECOND;
  const ops = refill(known?.ops, opsPerSecond, elapsed, burstSeconds);
  const bytes = refill(known?.bytes, bytesPerSecond, elapsed, burstSeconds);
  const waitSeconds = Math.max(
    secondsUntil(cost.ops, ops, opsPerSecond, burstSeconds),
    secondsUntil(cost.bytes, bytes, bytesPerSecond, burstSeconds),
  );
  if (waitSeconds > 0) {
    refuse('limit/rate', `You write faster than you may. Send it again in ${waitSeconds.toFixed(2)} seconds.`, {
      details: { waitSeconds, opsPerSecond: opsPerSecond ?? null, bytesPerSecond: bytesPerSecond ?? null },
    });
  }
  // Without a limit the bucket is bottomless, and what stands in the row is of no account.
  const row = {
    identity: ctx.sender,
    ops: finite(ops - cost.ops),
    bytes: finite(bytes - cost.bytes),
    updatedAt: ctx.timestamp,
  };
  if (known === null) ctx.db.rateBucket.insert(row);
  else ctx.db.rateBucket.identity.update(row);
}

/** Refuses further writes once log, graph and versions together hold as many rows as the configuration allows. */
export function requireRoom(ctx: Context, settings: Settings): void {
  const { rows } = settings.get('limits');
  if (rows === undefined) return;
  const { eventLog, entity, relation, entityHistory, relationHistory, stateVersion } = ctx.db;
  const held = [eventLog, entity, relation, entityHistory, relationHistory, stateVersion].reduce(
    (sum, table) => sum + table.count(),
    0n,
  );
  if (held < BigInt(Math.floor(rows))) return;
  refuse(
    'limit/storage',
    `The universe holds ${held} rows; its configuration allows ${rows}. Archive, or raise limits.rows.`,
    {
      details: { held: held.toString(), rows },
    },
  );
}

function refill(level: number | undefined, rate: number | undefined, elapsed: number, burstSeconds: number): number {
  if (rate === undefined) return Infinity;
  const most = rate * burstSeconds;
  return Math.min(most, (level ?? most) + Math.max(0, elapsed) * rate);
}

/** How long until a level is what a cost needs; 0 if it is. */
function secondsUntil(cost: number, level: number, rate: number | undefined, burstSeconds: number): number {
  if (rate === undefined) return 0;
  return Math.max(0, Math.min(cost, rate * burstSeconds) - level) / rate;
}

function finite(level: number): number {
  return Number.isFinite(level) ? level : 0;
}
