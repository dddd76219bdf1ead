import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { cleanUp, type CliProcess, makeScratch, runCli, startServer, WORKSPACE } from './cli-process.ts';
import { GitFixture } from './git-fixture.ts';

const fixtures: GitFixture[] = [];
const running: CliProcess[] = [];
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop('SIGKILL');
  for (const fixture of fixtures.splice(0)) fixture.remove();
});
afterAll(cleanUp);

function makeRepository(): GitFixture {
  const fixture = new GitFixture('app');
  fixtures.push(fixture);
  fixture.write('one.txt', '1\n');
  fixture.commit('one');
  fixture.write("it's a file.txt", '2\n');
  fixture.commit('two');
  return fixture;
}

async function start(data: string, cwd: string): Promise<{ process: CliProcess; address: string }> {
  const started = await startServer(data, 'start', { cwd });
  running.push(started.process);
  await started.process.waitFor(/Use it[\s\S]*universe\.close\(\);\n/);
  return started;
}

/** Runs words of a shell in the workspace, as somebody who pastes them does. */
function paste(words: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', words], {
    cwd: WORKSPACE,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

test('serves, imports, tells what to do next, and every word of that works', async () => {
  const fixture = makeRepository();
  const data = join(makeScratch('start'), "it's data");
  const { process: started, address } = await start(data, fixture.path);
  expect(started.stdout).toContain(`Serving ${data} at ${address}`);
  expect(started.stdout).toMatch(/app: imported 2 commits up to main/);
  expect(started.stdout).toMatch(/events\s+changes[^\n]*\n +2 /);

  const commands = [...started.stdout.matchAll(/^ {2}npx (inner-universe .*)$/gm)].map(([, words = '']) => words);
  expect(commands.length).toBeGreaterThan(3);
  // The directory is printed as seen from where it was started; npx finds the command from the workspace.
  const link = join(WORKSPACE, 'node_modules/.bin');
  for (const words of commands) {
    const outcome = await paste(`cd '${fixture.path}' && PATH='${link}':$PATH ${words}`);
    expect(outcome.code, `${words}\n${outcome.stderr}`).toBe(0);
    expect(outcome.stdout).not.toBe('');
  }

  const sample = started.stdout.slice(started.stdout.indexOf('Use it\n') + 'Use it\n'.length).trimEnd();
  const lines = sample.split('\n').map((line) => line.replace(/^ {2}/, ''));
  expect(lines).toHaveLength(10);
  // As a file in the workspace would be: its imports are found from there; its paths are as seen from the repository.
  const program = `process.chdir(${JSON.stringify(fixture.path)});\n`;
  const imports = lines.filter((line) => line.startsWith('import ')).join('\n');
  const rest = lines.filter((line) => !line.startsWith('import ')).join('\n');
  const outcome = await paste(`node --input-type=module <<'END'\n${imports}\n${program}${rest}\nEND`);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toBe("order.placed { id: 1, total: 12.5 }\n[ 'apple' ]\n");
}, 180_000);

test('Ctrl-C stops it cleanly; started again it imports only what is new', async () => {
  const fixture = makeRepository();
  const data = join(makeScratch('again'), 'data');
  const first = await start(data, fixture.path);
  expect(await first.process.stop('SIGINT')).toMatchObject({
    code: 0,
    signal: null,
    stderr: expect.stringMatching(/stopped\.\n$/) as string,
  });
  expect(existsSync(join(data, 'host.json'))).toBe(false);
  expect(existsSync(join(data, 'lock'))).toBe(false);
  fixture.commit('three');
  const second = await start(data, fixture.path);
  expect(second.process.stdout).toContain('app: imported 1 commit up to main');
  expect(await second.process.stop('SIGTERM')).toMatchObject({ code: 0, signal: null });
  const third = await start(data, fixture.path);
  expect(third.process.stdout).toContain('was imported before; nothing is new');
}, 180_000);

test('without a git repository it says so, and serves', async () => {
  const folder = makeScratch('bare');
  const data = join(folder, '.universe');
  const { process: started, address } = await start(data, folder);
  expect(started.stdout).toContain(`There is no git repository in ${folder}`);
  const outcome = await runCli(['status', '--json'], { cwd: folder });
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    target: `${data} (served at ${address})`,
    counts: { events: 0, versions: 0 },
  });
});

test('a port that is taken is told with what to do, and the directory is free again', async () => {
  const folder = makeScratch('port');
  const { process: started, address } = await startServer(join(folder, 'first'));
  running.push(started);
  const { port } = new URL(address);
  for (const command of ['serve', 'start']) {
    const outcome = await runCli([command, '--data', join(folder, 'second'), '--port', port], { cwd: folder });
    expect(outcome).toMatchObject({ code: 1, signal: null });
    expect(outcome.stderr).toMatch(new RegExp(`Port ${port} is taken.*--port 0 picks a free one`));
  }
  expect(await runCli(['status', '--data', join(folder, 'second')])).toMatchObject({ code: 0 });
});

test('a directory that is served already is told with the address', async () => {
  const data = join(makeScratch('twice'), 'data');
  const { process: started, address } = await startServer(data);
  running.push(started);
  const outcome = await runCli(['start', '--data', data, '--port', '0']);
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain(`in use by process ${String(started.child.pid)}`);
  expect(outcome.stderr).toContain(address);
});

test('a history that cannot be imported is told, and what is there is served all the same', async () => {
  const origin = makeRepository();
  const clone = join(makeScratch('deepened'), 'app');
  execFileSync('git', ['clone', '-q', '--depth', '1', `file://${origin.path}`, clone]);
  const data = join(makeScratch('kept'), 'data');
  const first = await start(data, clone);
  expect(await first.process.stop('SIGINT')).toMatchObject({ code: 0 });
  execFileSync('git', ['-C', clone, 'fetch', '-q', '--unshallow']);
  const second = await start(data, clone);
  expect(second.process.stderr).toMatch(/not imported git\/history-changed .*deepened/);
  expect(second.process.stdout).toMatch(/events\s+changes[^\n]*\n +1 /);
  expect(await second.process.stop('SIGINT')).toMatchObject({ code: 0 });
}, 180_000);
