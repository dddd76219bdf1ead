/**
 * Brings data forward, step by step. Invariants:
 * - migrations run in the order of their versions, and each is done before the next begins;
 * - a step names the migration and the cursor it was meant for, and does nothing when that is not where it stands: one
 *   whose outcome is unknown is simply sent again;
 * - a step and its cursor are one transaction, so whatever ends the process, the next one goes on from there;
 * - until a migration is done, the ops that it blocks are refused.
 */
import { Access } from '../access/access.ts';
import { Settings } from '../access/settings.ts';
import { LogWriter } from '../log/log-writer.ts';
import { refuse, toSenderError } from '../refusals/refused.ts';
import type { Reader } from '../reads/reader.ts';
import type { Context, Db } from '../schema/database.ts';
import type { Op } from '../schema/op-types.ts';
import { CODE_VERSION } from '../wire/version.ts';
import { SYSTEM_SCOPE } from '../wire/vocabulary.ts';
import type { Migration } from './migration.ts';
import { MIGRATIONS } from './migrations.ts';

/** Which step is meant. */
export interface StepRequest {
  readonly to: number;
  readonly cursor: string;
}

/** Takes one step of the migration that is next; only the owner may. */
export function migrateStep(ctx: Context, request: StepRequest): void {
  try {
    new Access(ctx, new Settings(ctx.db)).requireOwner('migrate the data');
    const dataVersion = dataVersionOf(ctx.db);
    if (request.to <= dataVersion) return;
    const [next] = pendingAfter(dataVersion);
    if (next?.to !== request.to) {
      refuse(
        'value/malformed',
        `The data have schema ${dataVersion}: the migration to ${request.to} is not the next. Look at the plan again.`,
        { details: { dataVersion, to: request.to, next: next?.to ?? null } },
      );
    }
    takeStep(ctx, next, request.cursor);
  } catch (error) {
    throw toSenderError(error, null);
  }
}

/** Refuses ops that a pending migration blocks, and everything where the data are newer than this code. */
export function requireMigrated(db: Db, ops: readonly Op[]): void {
  const dataVersion = dataVersionOf(db);
  if (dataVersion === CODE_VERSION) return;
  const details = { dataVersion, codeVersion: CODE_VERSION };
  if (dataVersion > CODE_VERSION) {
    refuse(
      'schema/newer-data',
      `The data have schema ${dataVersion}, and this module knows ${CODE_VERSION} at most. Publish the newer module again.`,
      { details },
    );
  }
  for (const { to, name, blocks } of pendingAfter(dataVersion)) {
    if (blocks !== 'all' && !ops.some(({ tag }) => blocks.includes(tag))) continue;
    refuse(
      'schema/migrating',
      `The data have schema ${dataVersion}, the code has ${CODE_VERSION}, and '${name}' has to run first. Let the owner migrate, then try again.`,
      { details: { ...details, to, name } },
    );
  }
}

/** A migration as `read_migrations` tells of it. */
export interface MigrationState {
  readonly to: number;
  readonly name: string;
  readonly description: string;
  readonly blocks: string[];
  readonly cursor: string;
  readonly processed: bigint;
  readonly done: boolean;
}

/** What `read_migrations` gives: every migration there ever was, and how far it is. */
export interface Migrations {
  readonly codeVersion: number;
  readonly dataVersion: number;
  readonly migrations: MigrationState[];
}

/** For everybody who may use the universe: it tells nothing of what is in it. */
export function readMigrations({ db }: Reader): Migrations {
  const dataVersion = dataVersionOf(db);
  const migrations = MIGRATIONS.map(({ to, name, description, blocks }) => {
    const job = db.jobCursor.job.find(jobOf(to));
    return {
      to,
      name,
      description,
      blocks: typeof blocks === 'string' ? ['all'] : [...blocks],
      cursor: job?.cursor ?? '',
      processed: job?.processed ?? 0n,
      done: to <= dataVersion,
    };
  });
  return { codeVersion: CODE_VERSION, dataVersion, migrations };
}

function takeStep(ctx: Context, migration: Migration, cursor: string): void {
  const { db } = ctx;
  const job = jobOf(migration.to);
  const known = db.jobCursor.job.find(job);
  if ((known?.cursor ?? '') !== cursor) return;
  const { cursor: next, done, processed } = migration.step(ctx, cursor);
  const row = {
    job,
    cursor: next,
    done,
    processed: (known?.processed ?? 0n) + BigInt(processed),
    updatedAt: ctx.timestamp,
  };
  if (known === null) db.jobCursor.insert(row);
  else db.jobCursor.job.update(row);
  if (done) finish(ctx, migration);
}

function finish(ctx: Context, { to, name }: Migration): void {
  const version = ctx.db.schemaVersion.id.find(0);
  if (version === null) throw new Error('schema_version has no row: the database was not initialised by this module');
  ctx.db.schemaVersion.id.update({ ...version, dataVersion: to, updatedAt: ctx.timestamp });
  const log = new LogWriter(ctx, '');
  log.change('SCHEMA_MIGRATED', SYSTEM_SCOPE, name, { name, to });
  log.flush();
}

function pendingAfter(dataVersion: number): readonly Migration[] {
  return MIGRATIONS.filter(({ to }) => to > dataVersion);
}

function dataVersionOf(db: Db): number {
  return db.schemaVersion.id.find(0)?.dataVersion ?? 0;
}

function jobOf(to: number): string {
  return `migrate:${to}`;
}
