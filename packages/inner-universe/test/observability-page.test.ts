import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillTables } from '../../../scripts/observability-page.ts';
import { METRICS } from '../src/observability/metric-catalogue.ts';
import { prometheusNameOf } from '../src/observability/metric-registry.ts';
import { METRICS as HOST_METRICS } from '../../host/src/metrics/catalogue.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let page: string;
let folder: string;

beforeAll(async () => {
  page = await readFile(join(root, 'docs/observability.md'), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'docs-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('its tables are what the code says: node scripts/generate-observability.mjs makes them', () => {
  expect(fillTables(page)).toBe(page);
});

test('its queries ask for metrics that there are', () => {
  const known = new Set<string>([
    ...(Object.keys(METRICS) as (keyof typeof METRICS)[]).map(prometheusNameOf),
    ...HOST_METRICS.map(({ name }) => name),
  ]);
  const asked = page.slice(page.indexOf('## Prometheus')).match(/inner_universe_[a-z_]+/g) ?? [];
  expect(asked.length).toBeGreaterThan(8);
  for (const name of asked) expect(known).toContain(name.replace(/_(bucket|sum|count)$/, ''));
});

test('its programs run as they stand', async () => {
  const programs = [...page.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(programs.map(([, name]) => name)).toEqual(['metrics.ts', 'tracing.ts', 'logging.ts', 'channels.ts']);
  for (const [, name = '', code = ''] of programs) {
    await writeFile(join(folder, name), code);
    expect(await run(name), name).toBe('');
  }
}, 60_000);

/** What a program printed, and why it failed if it did. */
function run(name: string): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: undefined, NO_COLOR: '1' };
  const args = ['--conditions', 'source', '--import', 'tsx', name];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve(stdout + stderr + (error === null ? '' : error.message)),
    );
  });
}
