import { expect, test } from 'vitest';
import { type ModuleSpec, text, u32, u64 } from '../../test/migration/definition.ts';
import { SpecDatabase, textOf } from '../../test/migration/spec-database.ts';
import { CrashError, CrashFileSystem } from '../storage/test/crash-file-system.ts';
import { makeRandom, openOn } from '../storage/test/disk-harness.ts';

const columns = [
  { name: 'id', type: u64 },
  { name: 'name', type: text },
];
const before: ModuleSpec = { tables: [{ name: 'person', columns, primaryKey: 'id', autoIncrement: ['id'] }] };
const wider: ModuleSpec = {
  tables: [
    {
      name: 'person',
      columns: [...columns, { name: 'age', type: u32, default: 7 }],
      primaryKey: 'id',
      autoIncrement: ['id'],
    },
    { name: 'extra', columns },
  ],
};

const OLD_ROWS = [
  [1n, 'ada'],
  [2n, 'bob'],
];
const NEW_ROWS = OLD_ROWS.map((row) => [...row, 7]);
const LAST_ROW = [3n, 'cy', 8];

async function openDisk(fileSystem: CrashFileSystem, spec?: ModuleSpec): Promise<SpecDatabase> {
  return SpecDatabase.open(spec, undefined, { storage: await openOn(fileSystem) });
}

/** A disk that holds the old program and its rows. */
async function makeDisk(): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  const db = await openDisk(fileSystem, before);
  db.insert('person', [0n, 'ada'], [0n, 'bob']);
  await db.database.close();
  return fileSystem;
}

interface Life {
  isExchanged: boolean;
  isWritten: boolean;
}

/** Opens, publishes and writes, until the disk goes away. */
async function liveOn(fileSystem: CrashFileSystem, life: Life): Promise<void> {
  const db = await openDisk(fileSystem);
  await db.database.exchangeProgram({ program: textOf(wider), policy: 'break-clients' });
  life.isExchanged = true;
  const { offset } = db.insert('person', [3n, 'cy', 8]);
  await db.database.whenDurable(offset!);
  life.isWritten = true;
  await db.database.snapshot();
  await db.database.close();
}

function isOfDisk(error: unknown): boolean {
  return error instanceof CrashError || (error instanceof Error && error.cause !== undefined && isOfDisk(error.cause));
}

/** What is left is all of the old or all of the new, and no less than was promised. */
async function expectOneOfBoth(fileSystem: CrashFileSystem, life: Life): Promise<'old' | 'new'> {
  const db = await openDisk(fileSystem);
  const isNew = db.database.program === textOf(wider);
  if (!isNew) expect(db.database.program).toBe(textOf(before));
  if (life.isExchanged) expect(isNew).toBe(true);
  const rows = db.rows('person');
  if (!isNew) expect(rows).toEqual(OLD_ROWS);
  else if (life.isWritten) expect(rows).toEqual([...NEW_ROWS, LAST_ROW]);
  else expect([NEW_ROWS, [...NEW_ROWS, LAST_ROW]]).toContainEqual(rows);
  // It can be worked with, and exchanged once more.
  await db.database.exchangeProgram({ program: textOf(wider), policy: 'break-clients' });
  expect(db.insert('person', [0n, 'dee', 9]).outcome).toEqual({ type: 'committed' });
  await db.database.close();
  return isNew ? 'new' : 'old';
}

test.each([
  ['killed', (fileSystem: CrashFileSystem) => fileSystem.afterProcessCrash()],
  ['without power', (fileSystem: CrashFileSystem, seed: number) => fileSystem.afterPowerLoss(makeRandom(seed))],
] as const)('%s at any step of an exchange, a database is all old or all new', async (_name, next) => {
  const found = { old: 0, new: 0 };
  for (let step = 0; ; step++) {
    const fileSystem = await makeDisk();
    const start = fileSystem.steps;
    fileSystem.random = makeRandom(step);
    fileSystem.decide = (call) => (call.step === start + step ? 'crashes' : 'works');
    const life: Life = { isExchanged: false, isWritten: false };
    try {
      await liveOn(fileSystem, life);
    } catch (error) {
      if (!isOfDisk(error)) throw error;
    }
    const hasEnded = fileSystem.steps <= start + step;
    found[await expectOneOfBoth(next(fileSystem, step), life)] += 1;
    if (hasEnded) break;
  }
  expect(found.old).toBeGreaterThan(2);
  expect(found.new).toBeGreaterThan(5);
});

test('a disk that is full refuses the exchange, and the old program goes on for reading', async () => {
  const fileSystem = await makeDisk();
  const db = await openDisk(fileSystem);
  fileSystem.decide = ({ name }) => (name === 'write' ? { code: 'ENOSPC' } : 'works');
  await expect(db.database.exchangeProgram({ program: textOf(wider), policy: 'break-clients' })).rejects.toMatchObject({
    code: 'storage/write-failed',
  });
  expect(db.database.program).toBe(textOf(before));
  expect(db.rows('person')).toEqual(OLD_ROWS);
  expect(db.database.failure).toMatchObject({ code: 'database/read-only' });
  expect(db.insert('person', [0n, 'no']).outcome).toMatchObject({ type: 'failed-internal', reason: 'refused' });
  await db.database.close();
  fileSystem.decide = () => 'works';
  expect(await expectOneOfBoth(fileSystem, { isExchanged: false, isWritten: false })).toBe('old');
});
