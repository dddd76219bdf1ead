import type { CallOptions } from '../connection/connection.ts';
import type { DataMigration, StateMigration, StateMigrator } from './define-migrations.ts';
import type { MigrationPart } from './migration-record.ts';
import type { StateChanges } from './state-changes.ts';

/** What a migration goes over, in order; the branches are those there are now. */
export async function partsOf(
  migration: DataMigration,
  states: StateChanges,
  call: CallOptions,
): Promise<readonly MigrationPart[]> {
  const { entities = {}, relations = {} } = migration;
  const parts: MigrationPart[] = [
    ...Object.keys(entities).map((type) => ({ kind: 'entity' as const, type })),
    ...Object.keys(relations).map((type) => ({ kind: 'relation' as const, type })),
  ];
  for (const [store, given] of Object.entries(migration.states ?? {})) {
    for (const branch of await states.branchesOf(store, branchesOf(given), call)) {
      parts.push({ kind: 'state', store, branch });
    }
  }
  return parts;
}

/** What a migration is defined over, as a text that is the same whoever goes on with it. */
export function signatureOf({ entities = {}, relations = {}, states = {} }: DataMigration): string {
  const names = [
    ...Object.keys(entities).map((type) => `entity ${type}`),
    ...Object.keys(relations).map((type) => `relation ${type}`),
    ...Object.entries(states).map(([store, given]) => {
      const branches = branchesOf(given);
      return `state ${store} (${branches === 'all' ? 'all branches' : branches.join(', ')})`;
    }),
  ];
  return names.sort().join(', ');
}

/** Whether a migration changes a branch of a store. */
export function goesOver({ states = {} }: DataMigration, store: string, branch: string): boolean {
  const given = states[store];
  if (given === undefined) return false;
  const branches = branchesOf(given);
  return branches === 'all' || branches.includes(branch);
}

function branchesOf(given: StateMigrator | StateMigration): readonly string[] | 'all' {
  return typeof given === 'function' ? ['main'] : (given.branches ?? ['main']);
}
