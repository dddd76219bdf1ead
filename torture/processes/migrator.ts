/** Applies one migration after the other to the data of a universe, see `moveUntilStopped`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { migrationsUpTo } from '../legacy.ts';
import { moveUntilStopped } from './mover.ts';
import { describe } from './told.ts';

/** So few that a migration takes many steps, and is killed between them. */
const ROWS_A_STEP = 15;
const PAUSE_MS = 50;

await moveUntilStopped(async ({ universe, note }) => {
  const recorded = await universe.migrations.status();
  const done = recorded.filter(({ state }) => state === 'done').length;
  note({ migrating: done });
  try {
    const { applied } = await universe.migrate(migrationsUpTo(done + 1), { rowsMax: ROWS_A_STEP });
    note({ migrated: done, applied });
  } catch (error) {
    note({ failed: done, error: describe(error) });
  }
  await sleep(PAUSE_MS);
});
