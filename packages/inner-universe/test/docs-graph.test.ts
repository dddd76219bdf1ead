import { expect, test } from 'vitest';
import { runPage } from './page-program.ts';

test('the code of the page on the graph runs as it stands, as one program, and what it asserts holds', async () => {
  const { files, named, blocks, stdout, stderr } = await runPage('graph.md');
  expect([...files.keys()]).toEqual(['graph.ts']);
  expect(named).toBe(blocks);
  expect(stdout + stderr).toBe('done\n');
}, 100_000);
