import { defineMigrations, type DataMigration } from 'inner-universe';

/** Type of the entities that are migrated again and again. */
export const LEGACY = 'legacy';
export const LEGACY_ROWS = 100;
/** The state that is migrated with them. */
export const LEDGER = 'ledger';

/** What every migrated row and state holds: how many migrations have changed it, and the last one's number. */
export interface Migrated {
  readonly changes: number;
  readonly last: number;
}

export const UNMIGRATED: Migrated = { changes: 0, last: -1 };

/** The first migrations of an endless list; each changes every row and the ledger. */
export function migrationsUpTo(count: number): readonly DataMigration[] {
  return defineMigrations(Array.from({ length: count }, (_, number) => makeMigration(number)));
}

function makeMigration(number: number): DataMigration {
  // What this torture stores there.
  const change = (before: Migrated): Migrated => ({ changes: before.changes + 1, last: number });
  return {
    id: `legacy-${String(number).padStart(4, '0')}`,
    entities: { [LEGACY]: ({ properties }) => ({ properties: { ...change(properties as unknown as Migrated) } }) },
    states: { [LEDGER]: change },
  };
}
