/** Moves the oldest events of a universe into an archive, see `moveUntilStopped`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { archiveEvents, NodeArchiveFiles } from 'inner-universe';
import { archiveIn, KEPT_MAX, KEPT_MIN } from '../deeds.ts';
import { moveUntilStopped } from './mover.ts';
import { describe } from './told.ts';

/** Small ones, so that there are many to be killed between. */
const SIZES = { segmentRows: 60, fileBytes: 128 * 1024 };
const PAUSE_MS_MAX = 300;

await moveUntilStopped(async ({ universe, directory, chance, note }) => {
  const limits = { maxEvents: chance.between(KEPT_MIN, KEPT_MAX) };
  const files = new NodeArchiveFiles(archiveIn(directory));
  try {
    const report = await archiveEvents(universe.client, files, { limits, ...SIZES });
    const { archived, trimmed, archivedSeq, trimmedSeq, heldBy } = report;
    const [archivedTo, trimmedTo] = [Number(archivedSeq), Number(trimmedSeq)];
    note({ limits, archived, trimmed, archivedTo, trimmedTo, heldBy });
  } catch (error) {
    note({ failed: limits, error: describe(error) });
  }
  await sleep(chance.between(0, PAUSE_MS_MAX));
});
