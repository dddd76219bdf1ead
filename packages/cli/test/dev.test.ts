import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { cleanUp, CliProcess, makeScratch } from './cli-process.ts';
import { ModuleFolder, noteModule } from './module-files.ts';

const running: CliProcess[] = [];
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop('SIGKILL');
});
afterAll(cleanUp);

/** A running `dev`, read step by step: each wait looks only at what came after the last. */
class DevProcess {
  readonly process: CliProcess;
  #read = 0;

  constructor(args: readonly string[], cwd: string) {
    this.process = new CliProcess(['dev', '--port', '0', ...args], { cwd });
    running.push(this.process);
  }

  async next(pattern: RegExp): Promise<string> {
    const rest = new RegExp(`^[^]{${this.#read},}?(${pattern.source})`);
    const match = await this.process.waitFor(rest);
    this.#read = match[0].length;
    return match[1] ?? '';
  }
}

test('follows a module: publishes, migrates, writes bindings, and says what changed', async () => {
  const folder = new ModuleFolder();
  folder.write('lib.ts', 'export const limit = 1;\n');
  folder.write('module.ts', noteModule());
  const data = join(makeScratch('dev'), 'data');
  const dev = new DevProcess(['--module', 'module.ts', '--data', data, '--out', 'client'], folder.path);
  await dev.next(/Developing module\.ts at http:\S+, database dev/);
  await dev.next(/created; bindings written\n {2}\+ table note\n {2}\+ reducer add_note\n/);
  expect(readFileSync(join(folder.path, 'client/index.ts'), 'utf8')).toContain(`__reducerSchema('add_note'`);

  // A file that the module begins to import is followed from then on, also when an editor replaces it.
  const more = `import { limit } from './lib.ts';\nexport const trim = spacetimedb.reducer({ to: t.u32() }, () => { console.log(limit); });`;
  folder.write('module.ts', noteModule({ more }));
  await dev.next(/published; bindings written\n {2}\+ reducer trim\n/);
  folder.write('lib.ts.new', 'export const limit = 2;\n');
  renameSync(join(folder.path, 'lib.ts.new'), join(folder.path, 'lib.ts'));
  await dev.next(/published\n {2}the code only[^\n]*\n/);

  const columns = `text: t.string(), color: t.string().default('grey'),`;
  folder.write('module.ts', noteModule({ columns, values: `text, color: 'red',` }));
  await dev.next(
    /published; clients were disconnected; bindings written\n {2}~ table note\n {6}\+ column color: string\n {2}- reducer trim\n/,
  );
  expect(readFileSync(join(folder.path, 'client/index.ts'), 'utf8')).not.toContain('trim');

  expect(await dev.process.stop('SIGINT')).toMatchObject({ code: 0, signal: null });
  expect(dev.process.stderr).toMatch(/stopped\.\n$/);
  expect(existsSync(join(data, 'lock'))).toBe(false);
  const again = new DevProcess(['--module', 'module.ts', '--data', data], folder.path);
  await again.next(/running, as it was\n/);
}, 60_000);

test('runs the module in a thread when told so, and exchanges it there', async () => {
  const folder = new ModuleFolder();
  folder.write('module.ts', noteModule());
  const data = join(makeScratch('dev'), 'data');
  const dev = new DevProcess(['--module', 'module.ts', '--data', data, '--thread'], folder.path);
  const address = await dev.next(/http:[^,]+/);
  await dev.next(/created\n/);
  folder.write('module.ts', noteModule({ more: 'export const trim = spacetimedb.reducer(() => {});' }));
  await dev.next(/published\n {2}\+ reducer trim\n/);
  const authorization = `Bearer ${readFileSync(join(data, 'credentials', 'owner.token'), 'utf8').trim()}`;
  const metrics = await (await fetch(`${address}/v1/metrics`, { headers: { authorization } })).text();
  expect(metrics).toMatch(/database_info\{[^}]*isolation="thread"/);
  expect(await dev.process.stop('SIGINT')).toMatchObject({ code: 0, signal: null });
}, 60_000);

test('goes on when a change is wrong: a mistake, no module, a migration that is refused', async () => {
  const folder = new ModuleFolder();
  folder.write('module.ts', noteModule());
  const data = join(makeScratch('dev'), 'data');
  const dev = new DevProcess(['--module', folder.path, '--data', data], folder.path);
  await dev.next(/created\n/);
  folder.write('module.ts', `${noteModule()}\nexport const x = ;`);
  await dev.next(/not published module\/bundle-failed[^]*module\.ts[^]*waiting for changes\./);
  folder.write('module.ts', `${noteModule()}\nexport const x = 1;`);
  await dev.next(/not published module\/[^]*waiting for changes\./);
  folder.write('module.ts', noteModule({ columns: 'words: t.u32(),', values: 'words: 1,' }));
  await dev.next(/not published database\/migration-refused[^]*note[^]*waiting for changes\./);
  folder.write('module.ts', noteModule());
  await dev.next(/running, as it was\n/);
  expect(await dev.process.stop('SIGTERM')).toMatchObject({ code: 0, signal: null });
}, 60_000);

test('deletes data on a conflict when it was told so', async () => {
  const folder = new ModuleFolder();
  folder.write('module.ts', noteModule());
  const data = join(makeScratch('dev'), 'data');
  const dev = new DevProcess(['--data', data, '--delete-data', 'on-conflict', '--database', 'notes'], folder.path);
  await dev.next(/database notes[^]*created\n/);
  folder.write('module.ts', noteModule({ columns: 'words: t.u32(),', values: 'words: 1,' }));
  await dev.next(/published; all data was deleted/);
}, 60_000);

test('a module that is wrong from the start is waited for', async () => {
  const folder = new ModuleFolder();
  folder.write('module.ts', 'import { nothing } from "./missing.ts"; export default nothing;');
  const dev = new DevProcess(['--data', join(makeScratch('dev'), 'data')], folder.path);
  await dev.next(/not published module\/bundle-failed[^]*missing\.ts/);
  folder.write('module.ts', noteModule());
  await dev.next(/created\n/);
}, 60_000);
