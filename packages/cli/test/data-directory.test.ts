import { openUniverse } from 'inner-universe';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, CliProcess, makeScratch, runCli, runHere, startServer, type CliOutcome } from './cli-process.ts';
import { GitFixture } from './git-fixture.ts';

let fixture: GitFixture;
let data: string;

beforeAll(async () => {
  fixture = new GitFixture('app');
  fixture.commit('without files');
  fixture.write('one.txt', '1\n');
  fixture.commit('one');
  data = join(makeScratch('data'), 'data');
  expect(await runCli(['import', 'git', fixture.path, '--data', data])).toMatchObject({ code: 0 });
});
afterAll(() => {
  fixture?.remove();
  cleanUp();
});

function copyOfData(): string {
  const copy = join(makeScratch('copy'), 'data');
  cpSync(data, copy, { recursive: true });
  return copy;
}

async function expectError(outcome: Promise<CliOutcome>, code: string, says: RegExp): Promise<void> {
  const { stdout, stderr, ...ended } = await outcome;
  expect(ended, stderr).toEqual({ code: 1, signal: null });
  expect(JSON.parse(stdout)).toEqual({ error: { code, message: expect.stringMatching(says) as string } });
  expect(stderr.trim().split('\n')).toHaveLength(1);
}

const status = (directory: string, ...more: string[]): Promise<CliOutcome> =>
  runHere(['status', '--data', directory, '--json', ...more]);

test('a directory that nobody has open is opened here', async () => {
  const outcome = await runCli(['status', '--data', data, '--json']);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    target: data,
    counts: { events: 2, versions: 2, entities: 7, relations: 4 },
  });
});

test('one that another process has open, and does not serve, is refused with that process named', async () => {
  const copy = copyOfData();
  const universe = await openUniverse({ data: copy });
  try {
    await expectError(
      runCli(['status', '--data', copy, '--json']),
      'universe/in-use',
      new RegExp(`in use by process ${process.pid}\\b`),
    );
  } finally {
    await universe.close();
  }
  expect(await status(copy)).toMatchObject({ code: 0 });
});

test('what a killed server left behind is in nobody’s way', async () => {
  const copy = copyOfData();
  const { process: server, address } = await startServer(copy);
  expect(JSON.parse(readFileSync(join(copy, 'host.json'), 'utf8'))).toMatchObject({ address });
  await server.stop('SIGKILL');
  const outcome = await status(copy);
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ target: copy });
  // A process that does not serve has it open now: the old address must not be believed.
  const universe = await openUniverse({ data: copy });
  try {
    await expectError(status(copy), 'universe/in-use', /in use by process/);
  } finally {
    await universe.close();
  }
});

test('looking never makes a universe or a database', async () => {
  const parent = makeScratch('none');
  await expectError(status(join(parent, 'missing')), 'cli/not-found', /no universe in/);
  await expectError(status(parent), 'cli/not-found', /is empty/);
  expect(readdirSync(parent)).toEqual([]);
  await expectError(status(data, '--database', 'other'), 'cli/not-found', /no database 'other'/);
  expect(readdirSync(join(data, 'databases'))).toEqual(['universe']);
});

test('a directory that is no universe is left alone', async () => {
  const folder = makeScratch('strange');
  writeFileSync(join(folder, 'letter.txt'), 'dear reader\n');
  await expectError(status(folder), 'universe/not-a-universe', /letter\.txt/);
  await expectError(
    runHere(['import', 'git', fixture.path, '--data', folder, '--json']),
    'universe/not-a-universe',
    /letter\.txt/,
  );
  expect(readdirSync(folder)).toEqual(['letter.txt']);
  await expectError(status(join(folder, 'letter.txt')), 'universe/not-a-universe', /letter\.txt/);
});

test('a newer version is told, not touched', async () => {
  const copy = copyOfData();
  const marker = join(copy, 'inner-universe.json');
  writeFileSync(marker, readFileSync(marker, 'utf8').replace(/"version":\d+/, '"version":99'));
  await expectError(status(copy), 'universe/newer-version', /newer release/);
});

test('a damaged byte is told with its place', async () => {
  const copy = copyOfData();
  const folder = join(copy, 'databases', 'universe', 'log');
  const [log = ''] = readdirSync(folder);
  const bytes = readFileSync(join(folder, log));
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(join(folder, log), bytes);
  await expectError(status(copy), 'universe/corrupt', /at byte \d+.*Nothing was changed/);
  expect(readFileSync(join(folder, log))).toEqual(bytes);
});

test('a path that is no repository is told before anything is made', async () => {
  const folder = makeScratch('plain');
  const target = join(folder, 'data');
  mkdirSync(join(folder, 'source'));
  const importing = (path: string): Promise<CliOutcome> => runHere(['import', 'git', path, '--data', target, '--json']);
  await expectError(importing(join(folder, 'source')), 'git/not-a-repository', /is not in a git repository/);
  await expectError(importing(join(folder, 'missing')), 'git/not-a-repository', /is not in a git repository/);
  expect(readdirSync(folder)).toEqual(['source']);
});

test('an empty repository has nothing to import', async () => {
  const empty = new GitFixture('empty');
  const target = join(makeScratch('empty'), 'data');
  const outcome = await runHere(['import', 'git', empty.path, '--data', target]);
  expect(outcome).toMatchObject({ code: 0, stdout: 'empty has no commits yet; nothing to import.\n' });
  empty.remove();
});

test('progress is plain lines where there is no terminal, one changing line where there is', async () => {
  const folder = makeScratch('progress');
  const args = ['import', 'git', fixture.path];
  const plain = await runCli([...args, '--data', join(folder, 'plain')]);
  expect(plain.stdout).toMatch(/^app: imported 2 commits up to main \([0-9a-f]{12}\)\.\n$/);
  expect(plain.stderr.split('\n')).toEqual([
    '0 of 2 commits',
    expect.stringMatching(/^2 of 2 commits {2}[\d.,]+\/s$/),
    '',
  ]);
  const terminal = await runCli([...args, '--data', join(folder, 'terminal')], {
    shell: 'exec script -qec "$(printf "%q " "$@")" /dev/null',
  });
  expect(terminal.code, terminal.stdout).toBe(0);
  expect(terminal.stdout).toMatch(
    /\r\u001b\[2KReading the history of .*…\r\u001b\[2K0 of 2 commits.*\r\u001b\[2K2 of 2 commits {2}[\d.,]+\/s\r?\n/,
  );
});

test('credentials are for their owner alone', () => {
  const credentials = join(data, 'credentials');
  expect(statSync(credentials).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(credentials)) expect(statSync(join(credentials, name)).mode & 0o777).toBe(0o600);
});

test('tailing a directory that nobody serves goes on until it is stopped', async () => {
  const directory = join(makeScratch('tail'), 'data');
  const server = await startServer(directory);
  await server.process.stop('SIGINT');
  const tail = new CliProcess(['events', 'tail', '--data', directory]);
  await tail.waitFor(/Waiting/);
  // Whole commands later it still holds the directory, and says who it is.
  const other = await runCli(['status', '--data', directory]);
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining(`process ${tail.child.pid}`) as string });
  expect(await tail.stop('SIGINT')).toMatchObject({ code: 0, signal: null });
}, 60_000);
