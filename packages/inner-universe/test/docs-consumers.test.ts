import { expect, test } from 'vitest';
import { runPage } from './page-program.ts';

test('the code of the page on consumers runs as it stands, as one program', async () => {
  const { files, named, blocks, stdout, stderr } = await runPage('consumers.md');
  expect([...files.keys()]).toEqual(['consumers.ts']);
  expect(named).toBe(blocks);
  expect(stdout, stderr).toBe('Error: the printer is off 2\n1 1 true\ndone\n');
  expect(stderr).toContain('consumer/event-failed');
}, 100_000);
