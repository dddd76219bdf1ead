import { join } from 'node:path';
import { openUniverse } from 'inner-universe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUp, makeScratch, runHere } from './cli-process.ts';

let data: string;
let before: string;

beforeAll(async () => {
  data = join(makeScratch('prune'), 'data');
  const universe = await openUniverse({ data });
  for (const name of ['one', 'two', 'three']) await universe.graph.upsertEntity('thing', { id: 'a', name });
  const now = Date.now();
  while (Date.now() <= now + 1) await new Promise((resolve) => setImmediate(resolve));
  before = new Date().toISOString();
  await universe.close();
});
afterAll(cleanUp);

describe('graph prune', () => {
  test('removes the past before a time, says from when on it is kept, and status does so from then on', async () => {
    expect(JSON.parse((await runHere(['status', '--data', data, '--json'])).stdout)).toMatchObject({
      historyKeptFrom: null,
    });
    expect(await runHere(['graph', 'prune', '--data', data, '--before', '1999-12-31'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing to prune'),
    });
    const pruned = await runHere(['graph', 'prune', '--data', data, '--before', before, '--json']);
    expect(pruned.code).toBe(0);
    const { keptFrom, removed } = JSON.parse(pruned.stdout) as { keptFrom: string; removed: number };
    expect(removed).toBe(2);
    expect(keptFrom <= before).toBe(true);
    expect((await runHere(['status', '--data', data])).stdout).toContain(`is kept from ${keptFrom} on`);
    expect((await runHere(['graph', 'show', 'a', '--data', data])).stdout).toContain('three');
    const again = await runHere(['graph', 'prune', '--data', data, '--before', before]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Removed 0 rows') });
  });

  test.each([['--before', 'soon'], ['--before', '12'], []])('is wrong usage with %s %s', async (...given) => {
    expect(await runHere(['graph', 'prune', '--data', data, ...given])).toMatchObject({ code: 2 });
  });
});
