import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SUITE = fileURLToPath(new URL('processes/node-test-suite.ts', import.meta.url));

test("test hosts work under Node's own test runner, whose process ends by itself", async () => {
  const args = ['--conditions', 'source', '--import', 'tsx', '--test', '--test-reporter', 'tap', SUITE];
  // The variable of an outer runner would make this one report to it.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined };
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { env, timeout: 60_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  expect(output).toMatch(/# tests 4\n/);
  expect(output).toMatch(/# pass 4\n/);
});
