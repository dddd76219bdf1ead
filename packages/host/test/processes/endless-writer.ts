// Writes people into a database on disk as fast as it can, several calls in flight, and prints the number of each when
// it is durable. Runs until it is killed. Arguments: directory, bundle file, number to begin with.
import { readFileSync, writeSync } from 'node:fs';
import { systemClock, systemTimers } from '../../src/clock/system-clock.ts';
import { silentLogger } from '../../src/clock/clock.ts';
import { Database } from '../../src/database/database.ts';
import { BsatnWriter } from '../../src/bsatn/writer.ts';
import { makeProgramLoader } from '../../src/module/program-loader.ts';
import { openDiskStorage } from '../../src/storage/disk/disk-storage.ts';

const [directory, bundleFile, first] = process.argv.slice(2);
const database = await Database.open({
  name: 'test',
  program: readFileSync(bundleFile!, 'utf8'),
  storage: await openDiskStorage({ directory: directory!, segmentBytes: 256 * 1024 }),
  identity: 1n,
  owner: 2n,
  clock: systemClock,
  timers: systemTimers,
  logger: silentLogger,
  programs: makeProgramLoader(),
  snapshots: { logBytesMin: 100_000, logBytesPerSnapshotByte: 1 },
});
const caller = { identity: 3n, connectionId: BigInt(first!) + 1n };
database.connect(caller, '{}');

for (let number = Number(first); ; number++) {
  const args = new BsatnWriter();
  args.string(`person ${number}`);
  args.string('team'.repeat(50));
  args.u32(number);
  const { outcome, offset } = database.callReducer(caller, 'add_person', args.toBytes());
  if (outcome.type !== 'committed' || offset === undefined) throw new Error(JSON.stringify(outcome));
  // Straight to the pipe: what was printed was durable before.
  const durable = database.whenDurable(offset).then(() => writeSync(1, `${number}\n`));
  if (number % 20 === 0) await durable;
}
