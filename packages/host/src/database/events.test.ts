import { expect, test } from 'vitest';
import { ADA, openModule } from '../../test/module-database.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { createMemoryStorage, makeMemoryContents } from '../storage/memory-storage.ts';

test('a call that only tells events is no record of the log: nobody waits for the disk to hear of them', async () => {
  const db = await openModule('pairs.ts');
  const told: string[] = [];
  db.database.onCommit(({ deltas, offset }) => {
    for (const { table, inserts } of deltas) told.push(`${table.name} ${inserts.length} ${offset}`);
  });
  const { nextOffset, logBytes } = db.database.status();
  const result = db.call(ADA, 'say_ping', 'hello');
  expect(result).toMatchObject({ outcome: { type: 'committed' }, offset: undefined });
  expect(told).toEqual(['ping 1 undefined']);
  expect(db.database.status()).toMatchObject({ nextOffset, logBytes });
});

test('numbers that events took are not taken again after a crash', async () => {
  const contents = makeMemoryContents();
  const open = () => openModule('pairs.ts', { storage: createMemoryStorage({ contents }) });
  const numbersOf = (db: Awaited<ReturnType<typeof open>>, count: number): bigint[] => {
    const ids: bigint[] = [];
    const stop = db.database.onCommit(({ deltas }) => {
      for (const { table, inserts } of deltas) {
        const codec = compileRowCodec(table.columns);
        for (const row of inserts) ids.push(codec.column(row, 0) as bigint);
      }
    });
    for (let call = 0; call < count; call += 1) db.call(ADA, 'say_numbered', `${call}`);
    stop();
    return ids;
  };
  const first = await open();
  const before = numbersOf(first, 3);
  expect(before).toEqual([1n, 2n, 3n]);
  await first.database.close();
  const second = await open();
  const after = numbersOf(second, 2);
  expect(after.every((id) => id > 3n)).toBe(true);
  await second.database.close();
});
