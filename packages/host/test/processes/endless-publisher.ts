// Publishes one program after the other to a database on disk, each with a column and a row more, and prints the number
// of each when it is durable. Runs until it is killed. Arguments: directory, `make` or `open`.
import { writeSync } from 'node:fs';
import { openDiskStorage } from '../../src/storage/disk/disk-storage.ts';
import { textOf } from '../migration/spec-database.ts';
import { countedSpec, openCounted } from '../migration/counted.ts';

const [directory, make] = process.argv.slice(2);
const storage = await openDiskStorage({ directory: directory!, segmentBytes: 64 * 1024 });
const db = await openCounted(storage, make === 'make' ? 'make' : 'open');

for (let count = db.database.def.tables[0]!.columns.length; ; count++) {
  await db.database.exchangeProgram({ program: textOf(countedSpec(count)), policy: 'break-clients' });
  const { outcome } = db.insert('wide', [BigInt(count), ...Array.from({ length: count - 1 }, (_, at) => at + 2)]);
  if (outcome.type !== 'committed') throw new Error(JSON.stringify(outcome));
  writeSync(1, `${count}\n`);
}
