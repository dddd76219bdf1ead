import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const APP = fileURLToPath(new URL('../../../test/processes/rejecting-app.ts', import.meta.url));

/** Runs the application to its end. */
function run(...args: string[]): Promise<{ code: number | undefined; output: string; errors: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', 'tsx', APP, ...args], (_error, output, errors) => {
      resolve({ code: child.exitCode ?? undefined, output, errors });
    });
  });
}

test('rejections of a module are reported, and the process goes on', async () => {
  const { code, output } = await run();
  expect(output).toBe('reported: Error: of the module\nreported: Error: of a subclass\nstill here\n');
  expect(code).toBe(0);
});

test('rejections of a realm that was closed meanwhile, as that of a module that is refused, do not end the process', async () => {
  const { code, output } = await run('closed');
  expect(output).toBe('still here\n');
  expect(code).toBe(0);
});

test('rejections of the application end it, as they do without a module', async () => {
  const { code, output, errors } = await run('own');
  expect(code).toBe(1);
  expect(errors).toMatch(/Error: of the application/);
  expect(output).not.toMatch(/still here/);
});
