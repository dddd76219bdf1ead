import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrationStatus, openUniverse, type Universe } from '../src/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';
import { makeNewerBundle, unpackOlderUniverse } from './older-universe.ts';
import { startProcess, type TestProcess } from './processes.ts';

let data: string;
let scratch: string;
const processes: TestProcess[] = [];
const universes: Universe[] = [];

beforeEach(async () => {
  data = await makeDirectory();
  scratch = await makeDirectory();
});

afterEach(async () => {
  await Promise.all(universes.splice(0).map((universe) => universe.close()));
  await Promise.all(processes.splice(0).map((started) => started.kill()));
  await Promise.all([removeDirectory(data), removeDirectory(scratch)]);
});

function start(name: string, args: readonly string[]): TestProcess {
  const started = startProcess(name, args);
  processes.push(started);
  return started;
}

test('a migration goes on after kill -9 of who applies it and of the server, and takes each step once', async () => {
  await unpackOlderUniverse(data);
  const bundle = join(scratch, 'bundle.js');
  await writeFile(bundle, await makeNewerBundle(1));
  const serve = async (port: number): Promise<{ address: string; token: string; server: TestProcess }> => {
    const server = start('serve-bundle.ts', [data, String(port), bundle]);
    return { ...(JSON.parse(await server.nextLine()) as { address: string; token: string }), server };
  };
  const first = await serve(0);
  let { server } = first;
  let last = 0;
  for (let round = 0; round < 3; round += 1) {
    const migrating = start('migrate.ts', [first.address, first.token]);
    for (let step = 0; step < 8; step += 1) {
      const processed = Number(await migrating.nextLine());
      expect(processed).toBeGreaterThanOrEqual(last);
      last = processed;
    }
    if (round === 1) {
      await server.kill();
      ({ server } = await serve(Number(new URL(first.address).port)));
      // It goes on by itself when the server is back.
      expect(Number(await migrating.nextLine())).toBeGreaterThanOrEqual(last);
    }
    await migrating.kill();
  }
  const universe = await openUniverse({ server: first.address, token: first.token, logger: { log: () => undefined } });
  universes.push(universe);
  expect(await migrationStatus(universe.client)).toMatchObject({ state: 'data-older', dataVersion: 3 });
  const finishing = start('migrate.ts', [first.address, first.token]);
  expect(await finishing.ended()).toBe(0);
  expect(await migrationStatus(universe.client)).toMatchObject({ state: 'current', dataVersion: 4 });
  const { events } = await universe.client.queryEvents({ kind: 'application', limit: 1_000 });
  expect(events).toHaveLength(40);
  // A step that was taken twice would have renamed twice.
  expect(new Set(events.map(({ source }) => source))).toEqual(new Set(['new:shop']));
}, 120_000);
