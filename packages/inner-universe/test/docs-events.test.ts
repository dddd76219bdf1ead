import { expect, test } from 'vitest';
import { runPage } from './page-program.ts';

test('the code of the page on events runs as it stands, as one program', async () => {
  const { files, named, blocks, stdout, stderr } = await runPage('events.md');
  expect([...files.keys()]).toEqual(['events.ts']);
  expect(named).toBe(blocks);
  expect(stdout + stderr).toBe('done\n');
}, 100_000);
