/**
 * How fast a caller may write and read. A bucket holds what a burst may take and fills again at the rate; the owner has
 * none. Guests share one: they can have any number of identities. What is refused costs nothing, since nothing of it is
 * written.
 */
import { refuse } from '../refusals/refused.ts';
import type { Context, Db } from '../schema/database.ts';
import { makeIdentity, micros, type Identity } from '../values/library-values.ts';
import type { Access } from './access.ts';
import { FILLED } from './filled-tables.ts';
import type { Settings } from './settings.ts';

const DEFAULT_BURST_SECONDS = 10;
const MICROS_PER_SECOND = 1_000_000;
/** Under whom the bucket of all guests is kept; no identity is 0. */
const GUESTS = makeIdentity(0n);

/** What a request takes of its caller's rate. */
export interface RequestCost {
  readonly ops: number;
  readonly bytes: number;
}

/** Whose rate it is, and what is allowed. */
export interface Rated {
  readonly access: Access;
  readonly settings: Settings;
}

/** How fast, and for how long at once. */
interface Rates {
  readonly opsPerSecond: number | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly burstSeconds: number;
}

/**
 * Takes a request's cost out of its caller's bucket, or refuses with `limit/rate` and when to come again. A request
 * counts as one op at least: each is remembered. One that costs more than the bucket holds needs a full one, and leaves
 * it that much below empty.
 */
export function requireRate(ctx: Context, { access, settings }: Rated, { ops, bytes }: RequestCost): void {
  const { opsPerSecond, bytesPerSecond, burstSeconds = DEFAULT_BURST_SECONDS } = settings.get('limits');
  const rates = { opsPerSecond, bytesPerSecond, burstSeconds };
  const bucket = openBucket(ctx, { access, table: ctx.db.rateBucket, rates });
  if (bucket === undefined) return;
  const cost = { ops: Math.max(1, ops), bytes };
  bucket.require(cost, 'write');
  bucket.take(cost);
}

/**
 * Refuses a read of whoever has read more than its rates allow. The result takes the page out of the bucket: it is
 * called with the page's size, which is known when it is read.
 */
export function requireReadRate(
  ctx: Context,
  { access, settings }: Rated,
): ((measure: () => number) => void) | undefined {
  const limits = settings.get('limits');
  const rates = {
    opsPerSecond: limits.readsPerSecond ?? limits.opsPerSecond,
    bytesPerSecond: limits.readBytesPerSecond ?? limits.bytesPerSecond,
    burstSeconds: limits.burstSeconds ?? DEFAULT_BURST_SECONDS,
  };
  const bucket = openBucket(ctx, { access, table: ctx.db.readBucket, rates });
  if (bucket === undefined) return undefined;
  bucket.require({ ops: 1, bytes: 1 }, 'read');
  return (measure) => bucket.take({ ops: 1, bytes: rates.bytesPerSecond === undefined ? 0 : measure() });
}

interface BucketParts {
  readonly access: Access;
  readonly table: Db['rateBucket'] | Db['readBucket'];
  readonly rates: Rates;
}

function openBucket(ctx: Context, { access, table, rates }: BucketParts): Bucket | undefined {
  if (rates.opsPerSecond === undefined && rates.bytesPerSecond === undefined) return undefined;
  return new Bucket(ctx, { table, rates, identity: access.isGuest ? GUESTS : ctx.sender });
}

/** What one caller may still do, as one transaction sees it. */
class Bucket {
  readonly #ctx: Context;
  readonly #table: BucketParts['table'];
  readonly #rates: Rates;
  readonly #identity: Identity;
  readonly #isNew: boolean;
  readonly #ops: number;
  readonly #bytes: number;

  constructor(
    ctx: Context,
    { table, rates, identity }: Pick<BucketParts, 'table' | 'rates'> & { readonly identity: Identity },
  ) {
    this.#ctx = ctx;
    this.#table = table;
    this.#rates = rates;
    this.#identity = identity;
    const known = table.identity.find(identity);
    const { opsPerSecond, bytesPerSecond, burstSeconds } = rates;
    const elapsed =
      known === null ? burstSeconds : Number(micros(ctx.timestamp) - micros(known.updatedAt)) / MICROS_PER_SECOND;
    this.#isNew = known === null;
    this.#ops = refill(known?.ops, opsPerSecond, elapsed, burstSeconds);
    this.#bytes = refill(known?.bytes, bytesPerSecond, elapsed, burstSeconds);
  }

  /** Refuses what there is not enough for. */
  require(cost: RequestCost, verb: 'write' | 'read'): void {
    const { opsPerSecond, bytesPerSecond, burstSeconds } = this.#rates;
    const waitSeconds = Math.max(
      secondsUntil(cost.ops, this.#ops, opsPerSecond, burstSeconds),
      secondsUntil(cost.bytes, this.#bytes, bytesPerSecond, burstSeconds),
    );
    if (waitSeconds <= 0) return;
    refuse('limit/rate', `You ${verb} faster than you may. Send it again in ${waitSeconds.toFixed(2)} seconds.`, {
      details: { waitSeconds, opsPerSecond: opsPerSecond ?? null, bytesPerSecond: bytesPerSecond ?? null },
    });
  }

  /** Writes down what is left; to be called once. */
  take(cost: RequestCost): void {
    // Without a limit the bucket is bottomless, and what stands in the row is of no account.
    const row = {
      identity: this.#identity,
      ops: finite(this.#ops - cost.ops),
      bytes: finite(this.#bytes - cost.bytes),
      updatedAt: this.#ctx.timestamp,
    };
    if (this.#isNew) this.#table.insert(row);
    else this.#table.identity.update(row);
  }
}

/** Refuses further writes once everything that requests fill holds as many rows as the configuration allows. */
export function requireRoom({ db }: Pick<Context, 'db'>, settings: Settings): void {
  const { rows } = settings.get('limits');
  if (rows === undefined) return;
  const held = FILLED.reduce((sum, table) => sum + db[table].count(), 0n);
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
