import type { Universe } from 'inner-universe';
import { readJournal } from '../journal.ts';
import { LEDGER, LEGACY, LEGACY_ROWS, migrationsUpTo, type Migrated } from '../legacy.ts';
import type { Findings } from './findings.ts';

/** No migrator failed by itself, whoever else migrated at the same time. */
export function auditMigrator(path: string, findings: Findings): void {
  for (const entry of readJournal(path))
    if ('failed' in entry) findings.add('a migration goes on after whatever ended it', '', JSON.stringify(entry));
}

/** What was begun is finished here, and then every migration has changed every row and the ledger once. */
export async function auditMigrations(universe: Universe, findings: Findings): Promise<void> {
  const begun = (await universe.migrations.status()).length;
  await universe.migrate(migrationsUpTo(begun));
  findings.count('migrations', begun);
  const rows = await universe.graph.query({ type: LEGACY });
  findings.require(rows.length === LEGACY_ROWS, 'a migration loses no row', LEGACY, `there are ${rows.length}`);
  const store = await universe.states.open<Migrated>(LEDGER);
  const migrated = rows.map(({ id, properties }) => ({ id, ...(properties as unknown as Migrated) }));
  for (const { id, changes, last } of [...migrated, { id: LEDGER, ...store.state }]) {
    findings.require(
      changes === begun && last === begun - 1,
      'every migration changes every row once, in order',
      id,
      `${id} was changed ${changes} times, last by ${last}; there were ${begun} migrations`,
    );
  }
  const versions = await store.log();
  findings.require(
    versions.length === begun + 1,
    'a migration commits a state once',
    LEDGER,
    `${versions.length} versions after ${begun} migrations`,
  );
  const result = await store.verify();
  if (!result.ok) findings.add('every version verifies', result.versionId, `${LEDGER}: ${result.reason}`);
}
