import { expect, test } from 'vitest';
import { recoverAll, runStorageContract } from './test/contract.ts';
import { createMemoryStorage, makeMemoryContents } from './memory-storage.ts';

runStorageContract(async () => {
  const contents = makeMemoryContents();
  return { open: async () => createMemoryStorage({ contents }), dispose: async () => undefined };
});

test('without keeping, offsets count on and memory does not grow', async () => {
  const contents = makeMemoryContents();
  const storage = createMemoryStorage({ contents, keep: false });
  await recoverAll(storage);
  for (let at = 0; at < 1000; at++) expect(storage.append(new Uint8Array(100))).toBe(BigInt(at));
  await storage.writeSnapshot(1000n, [new Uint8Array(100)]);
  expect(storage.durableOffset).toBe(1000n);
  expect(storage.usage).toEqual({ logBytes: 0, snapshotBytes: 0 });
  expect(contents).toEqual(makeMemoryContents());
  await storage.close();
});
