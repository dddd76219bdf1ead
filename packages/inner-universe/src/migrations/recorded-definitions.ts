/*
 * What was recorded of migrations against how they are defined now. Invariants:
 * - one that was begun or done as something else is told, and neither run again nor left out in silence;
 * - one that comes before one that is done is not run after it, unless that is asked for: it was written for data that
 *   the later one has not changed.
 */
import { NervPersistenceError } from '../errors.ts';
import type { DataMigration, DataMigrations } from './define-migrations.ts';
import { signatureOf } from './migration-parts.ts';
import type { MigrationRecord } from './migration-record.ts';

/** What becomes of a migration that stands before one that is done. */
export type OutOfOrder = 'refuse' | 'apply';
/** Every one of them. */
export const OUT_OF_ORDER: readonly OutOfOrder[] = ['refuse', 'apply'];

/** Records by the migrations they are of. */
export type RecordedMigrations = ReadonlyMap<string, MigrationRecord>;

/** @throws {NervPersistenceError} `migration/changed`, `migration/out-of-order`; nothing was changed then */
export function checkRecorded(migrations: DataMigrations, recorded: RecordedMigrations, outOfOrder: OutOfOrder): void {
  for (const migration of migrations) {
    const record = recorded.get(migration.id);
    if (record !== undefined) requireSame(record, migration);
  }
  if (outOfOrder === 'apply') return;
  const isDone = ({ id }: DataMigration): boolean => recorded.get(id)?.position.state === 'done';
  const lastDone = migrations.findLastIndex(isDone);
  const late = migrations.slice(0, Math.max(0, lastDone)).filter(({ id }) => !recorded.has(id));
  const [first] = late;
  if (first !== undefined) throw makeOutOfOrder(first.id, migrations[lastDone]?.id ?? '');
}

/** @throws {NervPersistenceError} `migration/changed` where it was begun, or done, as something else */
export function requireSame({ position }: MigrationRecord, migration: DataMigration): void {
  const { id, version = 1 } = migration;
  const defined = signatureOf(migration);
  const begunVersion = position.version ?? 1;
  if (position.defined === defined && begunVersion === version) return;
  const isDone = position.state === 'done';
  const over = position.defined === defined ? '' : ` over ${position.defined}, and is defined over ${defined} now`;
  const versions =
    begunVersion === version ? '' : `${over === '' ? '' : ';'} as version ${begunVersion}, not ${version}`;
  const advice = isDone
    ? 'It does not run again: define it as it was, and make what is new a migration of its own, with another id.'
    : 'Finish it as it was, and make what is new a migration of its own.';
  throw new NervPersistenceError(
    'migration/changed',
    `The migration '${id}' was ${isDone ? 'done' : 'begun'} here${over}${versions}. ${advice}`,
    { details: { migration: id, begun: position.defined, defined, begunVersion, version } },
  );
}

function makeOutOfOrder(id: string, doneId: string): NervPersistenceError {
  return new NervPersistenceError(
    'migration/out-of-order',
    `The migration '${id}' comes before '${doneId}', which is done here already. Put it behind, or, if it does not ` +
      `matter which of them is first, apply with outOfOrder: 'apply'. Nothing was changed.`,
    { details: { migration: id, done: doneId } },
  );
}
