import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { cleanUp, type CliProcess, makeScratch, runCli, runHere, startServer, WORKSPACE } from './cli-process.ts';
import { ModuleFolder, noteModule } from './module-files.ts';

const running: CliProcess[] = [];
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop('SIGKILL');
});
afterAll(cleanUp);

test('bindings of a module are written, checked, and left alone while they are current', async () => {
  const folder = new ModuleFolder();
  folder.write('src/index.ts', noteModule());
  const args = ['generate', '--module', '.', '--out', 'bindings'];
  expect(await runCli([...args, '--check'], { cwd: folder.path })).toMatchObject({ code: 1, stdout: '' });
  expect(await runCli(args, { cwd: folder.path })).toMatchObject({ code: 0, stdout: 'bindings/index.ts: written\n' });
  const file = join(folder.path, 'bindings/index.ts');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(`__reducerSchema('add_note'`);
  const { mtimeMs } = statSync(file);
  expect(await runCli([...args, '--check'], { cwd: folder.path })).toMatchObject({ code: 0 });
  expect(await runCli(args, { cwd: folder.path })).toMatchObject({ code: 0, stdout: 'bindings/index.ts: unchanged\n' });
  expect(statSync(file).mtimeMs).toBe(mtimeMs);

  folder.write('src/index.ts', noteModule({ more: 'export const drop = spacetimedb.reducer((ctx) => {});' }));
  const outdated = await runCli([...args, '--check', '--json'], { cwd: folder.path });
  expect(outdated.code).toBe(1);
  expect(JSON.parse(outdated.stdout)).toMatchObject({ error: { code: 'bindings/outdated' } });
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('they pass a strict compiler, and what they type is checked', async () => {
  const folder = new ModuleFolder();
  const module = folder.write('module.ts', noteModule());
  expect(await runHere(['generate', '--module', module, '--out', join(folder.path, 'bindings')])).toMatchObject({
    code: 0,
  });
  writeFileSync(
    join(folder.path, 'client.ts'),
    `import { DbConnection, reducers, tables } from './bindings/index.ts';
export const connection = DbConnection.builder().withUri('ws://x').withDatabaseName('x').build();
const [text]: string[] = [...connection.db.note.iter()].map((row) => row.text);
void connection.reducers.addNote({ text: text ?? reducers.addNote.name });
connection.subscriptionBuilder().subscribe(tables.note.where((row) => row.text.eq('x')));
// @ts-expect-error a note is text
void connection.reducers.addNote({ text: 1 });
`,
  );
  const options = {
    strict: true,
    noEmit: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'bundler',
    lib: ['ES2023', 'DOM'],
    types: [],
  };
  folder.write('tsconfig.json', JSON.stringify({ compilerOptions: options, files: ['client.ts'] }));
  const tsc = join(WORKSPACE, 'node_modules/.bin/tsc');
  expect(() => execFileSync(tsc, ['-p', folder.path], { stdio: 'pipe', encoding: 'utf8' })).not.toThrow();
}, 60_000);

test('a server tells the same as the module that it runs', async () => {
  const data = join(makeScratch('served'), 'data');
  const { process: server, address } = await startServer(data);
  running.push(server);
  const folder = new ModuleFolder();
  const module = folder.write('module.ts', noteModule());
  const published = await runHere(['publish', '--data', data, '--database', 'notes', '--module', module]);
  expect(published, published.stderr).toMatchObject({ code: 0 });
  const from = async (...source: string[]): Promise<string> => {
    const out = join(folder.path, source[0] ?? '');
    const outcome = await runHere(['generate', ...source, '--out', out]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    return readFileSync(join(out, 'index.ts'), 'utf8');
  };
  expect(await from('--server', address, '--database', 'notes')).toBe(await from('--module', module));
}, 60_000);

test('what is missing or wrong is said with what to do', async () => {
  const folder = new ModuleFolder();
  const out = join(folder.path, 'bindings');
  expect(await runHere(['generate', '--out', out])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--module PATH, or --server URL --database NAME') as string,
  });
  expect(await runHere(['generate', '--module', join(folder.path, 'nowhere'), '--out', out])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/There is no module at '.*nowhere'/) as string,
  });
  expect(await runHere(['generate', '--module', folder.path, '--out', out])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/has no module: none of src\/index\.ts/) as string,
  });
  const broken = folder.write('broken.ts', 'export default 1 +;');
  expect(await runHere(['generate', '--module', broken, '--out', out])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/module\/bundle-failed[\s\S]*broken\.ts:1/) as string,
  });
  const unreachable = ['generate', '--server', 'http://127.0.0.1:1', '--database', 'x', '--out', out];
  expect(await runHere(unreachable)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/server\/unreachable .*127\.0\.0\.1:1 does not answer/) as string,
  });
});
