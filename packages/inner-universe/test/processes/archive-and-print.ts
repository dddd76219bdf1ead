/** Archives all but the newest events of the universe in a directory: DIRECTORY ARCHIVE KEEP. Prints how far it is. */
import { archiveEvents, NodeArchiveFiles, openUniverse } from '../../src/index.ts';

const [data = '', archive = '', keep = ''] = process.argv.slice(2);
const universe = await openUniverse({ data });
await archiveEvents(universe.client, new NodeArchiveFiles(archive), {
  limits: { maxEvents: Number(keep) },
  segmentRows: 20,
  fileBytes: 20_000,
  onProgress: ({ archivedSeq }) => process.stdout.write(`${archivedSeq}\n`),
});
await universe.close();
