import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openUniverse } from 'inner-universe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unpackOlderUniverse } from '../../inner-universe/test/older-universe.ts';
import { cleanUp, CliProcess, makeScratch, runCli, runHere, startServer } from './cli-process.ts';

let data: string;
let folder: string;

beforeEach(() => {
  data = makeScratch('migrate');
  folder = makeScratch('migrations');
});

afterEach(cleanUp);

/** Counts how often it ran over each row: once, or somebody finds out. */
const COUNT = `
interface Person { properties: { runs?: number } }
export default [{
  id: '2026-11-count',
  entities: { person: ({ properties }: Person) => ({ properties: { runs: (properties.runs ?? 0) + 1 } }) },
  states: { cart: { branches: 'all', migrate: (state: object) => ({ ...state, currency: 'EUR' }) } },
}];
`;

function writeFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const json = ({ stdout }: { readonly stdout: string }): any => JSON.parse(stdout);

describe('a universe of schema 1', () => {
  beforeEach(() => unpackOlderUniverse(data));

  test('is planned, migrated and told of', async () => {
    const plan = await runHere(['migrate', 'plan', '--data', data]);
    expect(plan.code).toBe(0);
    expect(plan.stdout).toMatch(/data 1, module 3: the data are older\n {2}2 {2}history-gaps {2}pending/);
    const pending = await runHere(['migrate', 'status', '--check', '--json', '--data', data]);
    expect(pending.code).toBe(1);
    expect(pending.stdout).toContain('"code":"cli/migrations-pending"');
    const applied = await runHere(['migrate', 'apply', '--data', data, '--json']);
    expect(applied.code).toBe(0);
    expect(json(applied)).toMatchObject({ schema: { from: 1, to: 3, applied: ['history-gaps', 'ordered-requests'] } });
    const status = await runHere(['migrate', 'status', '--check', '--data', data]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/data 3, module 3: nothing to migrate/) });
    const again = await runHere(['migrate', 'apply', '--data', data]);
    expect(again.stdout).toBe('Schema 3: nothing to migrate.\n');
  });

  test('is served as it is when that is asked for, and migrated by its owner over the server', async () => {
    const server = new CliProcess(['serve', '--data', data, '--port', '0', '--migrate', 'manual']);
    const [, address = ''] = await server.waitFor(/ at (http:\S+)/);
    try {
      const stranger = await runCli(['migrate', 'apply', '--server', address]);
      expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('connection/refused') });
      const status = await runCli(['migrate', 'status', '--data', data, '--json']);
      expect(json(status).schema).toMatchObject({ dataVersion: 1, state: 'data-older' });
      const applied = await runCli(['migrate', 'apply', '--data', data]);
      expect(applied).toMatchObject({
        code: 0,
        stdout: 'Schema 1 to 3: history-gaps, ordered-requests, in 2 steps.\n',
      });
    } finally {
      await server.stop();
    }
  }, 120_000);
});

describe('migrations of an application', () => {
  test('in a TypeScript file are planned with samples, applied once, and told of', async () => {
    await unpackOlderUniverse(data);
    const file = writeFile('migrations.ts', COUNT);
    const plan = await runHere(['migrate', 'plan', '--data', data, '--file', file, '--samples', '1']);
    expect(plan.stdout).toMatch(/2026-11-count {2}pending\n {2}entity person {2}2 of 2 would change\n.*"runs":1/);
    expect(plan.stdout).toMatch(/state cart\/gift {2}1 of 1 would change\n.*"path":"\/currency"/);
    const applied = await runHere(['migrate', 'apply', '--data', data, '--file', file, '--json']);
    expect(json(applied)).toMatchObject({ schema: { to: 3 }, data: { applied: ['2026-11-count'] } });
    const again = await runHere(['migrate', 'apply', '--data', data, '--file', file]);
    expect(again.stdout).toMatch(/2026-11-count {2}was done before/);
    const status = await runHere(['migrate', 'status', '--data', data, '--check', '--file', file]);
    expect(status).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/2026-11-count {2}done {2}4 looked at, 4 changed/),
    });
    expect(readdirSync(folder)).toEqual(['migrations.ts']);
  });

  test('in a file that is none are refused, saying why', async () => {
    await unpackOlderUniverse(data);
    const cases: [string, number, string][] = [
      [join(folder, 'nowhere.ts'), 1, 'cli/not-found'],
      [writeFile('empty.ts', 'export {};'), 2, 'cli/usage'],
      [writeFile('broken.ts', 'export default [;'), 1, 'module/bundle-failed'],
      [writeFile('wrong.ts', 'export default [{ id: "a" }];'), 1, 'migration/invalid'],
    ];
    for (const [file, code, named] of cases) {
      const outcome = await runHere(['migrate', 'plan', '--data', data, '--file', file]);
      expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(named) });
    }
  });

  test('go on after kill -9 of who applies them, and change each row once', async () => {
    const people = 1_500;
    const { process: server, address } = await startServer(data);
    try {
      const universe = await openUniverse({ server: address, tokenFile: join(data, 'credentials', 'owner.token') });
      const writes: Promise<unknown>[] = [];
      for (let at = 0; at < people; at += 1) writes.push(universe.graph.createEntity('person', { id: `p${at}` }));
      await Promise.all(writes);
      const file = writeFile('migrations.ts', COUNT);
      let killed = 0;
      for (const changed of [200, 600]) {
        const applying = new CliProcess(['migrate', 'apply', '--data', data, '--file', file]);
        for (;;) {
          const [one] = await universe.migrations.status();
          if ((one?.changed ?? 0) >= changed || applying.child.exitCode !== null) break;
        }
        if (applying.child.exitCode === null) killed += 1;
        await applying.stop('SIGKILL');
      }
      expect(killed).toBeGreaterThan(0);
      const applied = await runCli(['migrate', 'apply', '--data', data, '--file', file, '--json']);
      expect(json(applied).data.migrations).toMatchObject([{ state: 'done', read: people, changed: people }]);
      const rows = await universe.graph.query({ type: 'person' });
      expect(rows).toHaveLength(people);
      expect(rows.filter(({ properties }) => properties['runs'] !== 1)).toEqual([]);
      await universe.close();
    } finally {
      await server.stop();
    }
  }, 120_000);
});
