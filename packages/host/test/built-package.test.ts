import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bundleOf } from './module-database.ts';

const APP = fileURLToPath(new URL('processes/built-app.mjs', import.meta.url));

/** `npm run build` comes first, as in `npm test`. */
test('the built package finds its worker in a fresh process, which ends when the host is closed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'built-package-'));
  try {
    const bundleFile = join(root, 'bundle.js');
    await writeFile(bundleFile, await bundleOf('runaway.ts'));
    const { stdout } = await promisify(execFile)(process.execPath, [APP, join(root, 'data'), bundleFile]);
    expect(JSON.parse(stdout)).toEqual({
      noted: { type: 'committed' },
      ended: {
        type: 'failed-internal',
        message: 'the call took longer than 300 ms and was ended; it changed nothing',
        reason: 'fatal',
      },
      rows: 1,
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
