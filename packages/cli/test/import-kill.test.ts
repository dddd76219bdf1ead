import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUp, CliProcess, makeScratch, runCli, startServer } from './cli-process.ts';
import { GitFixture } from './git-fixture.ts';
import { expectSameContents, readDirectory } from './universe-contents.ts';

/** More kills, and other moments, for a longer look: RUNS=20 SEED=7 npx vitest run packages/cli/test/import-kill.test.ts */
const RUNS = Number(process.env['RUNS'] ?? 1);
const SEED = Number(process.env['SEED'] ?? 20_260_801);

const FILES = 2_000;
const COMMITS = 16;
/** The first word of progress: the import has begun to write. */
const BEGUN = new RegExp(` of ${COMMITS + 2} commits`);
/** The last word of progress: all is imported, and now it is counted. */
const IMPORTED = new RegExp(`\\b${COMMITS + 2} of ${COMMITS + 2} commits`);

let fixture: GitFixture;
let expected: Record<string, unknown>;

beforeAll(async () => {
  fixture = makeHistory();
  const data = join(makeScratch('whole'), 'data');
  const outcome = await runCli(['import', 'git', fixture.path, '--data', data, '--json']);
  expect(outcome).toMatchObject({ code: 0, signal: null });
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    imported: COMMITS + 2,
    counts: { events: COMMITS + 2, versions: COMMITS + 2 },
  });
  expected = await readDirectory(data);
}, 60_000);
afterAll(() => {
  fixture?.remove();
  cleanUp();
});

/** A first commit of thousands of files (in several requests, with values in chunks), then requests of few commits. */
function makeHistory(): GitFixture {
  const made = new GitFixture('killed');
  const lines = Array.from(
    { length: FILES },
    (_, index) => `100644 ${blob(index)}\tfolder-${index % 40}/a-file-with-quite-a-long-name-${index}.txt`,
  );
  execFileSync('git', ['-C', made.path, 'update-index', '--index-info'], { input: `${lines.join('\n')}\n` });
  commitIndex(made, 'large', []);
  for (let index = 0; index < COMMITS; index += 1) {
    made.git('update-index', '--add', '--cacheinfo', `100644,${blob(index + 7)},changed/${index % 5}.txt`);
    // Long messages, so that a request holds few commits; two lines of history, merged now and then.
    const side = index % 4 === 3 ? [made.git('rev-parse', 'HEAD~2').trim()] : [];
    commitIndex(made, `commit ${index}\n\n${'long '.repeat(8_000)}`, side);
  }
  execFileSync('git', ['-C', made.path, 'update-index', '--index-info'], {
    input: lines.map((line) => `${line.replace('100644', '100755')}\n`).join(''),
  });
  commitIndex(made, 'large again', []);
  return made;
}

function blob(index: number): string {
  return index.toString(16).padStart(40, 'b');
}

function commitIndex(made: GitFixture, message: string, moreParents: readonly string[]): void {
  const tree = made.git('write-tree', '--missing-ok').trim();
  const hasHead = execFileSync('git', ['-C', made.path, 'for-each-ref'], { encoding: 'utf8' }) !== '';
  const parents = [...(hasHead ? [made.head()] : []), ...moreParents].flatMap((parent) => ['-p', parent]);
  made.git('update-ref', 'refs/heads/main', made.git('commit-tree', tree, ...parents, '-m', message).trim());
}

/** Numbers in [0, 1) that a seed decides. */
function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Waits until the import has begun to write, then a random while, and kills. */
async function killSoon(importing: CliProcess, victim: CliProcess, random: () => number): Promise<void> {
  await killAfter(BEGUN, { importing, victim, withinMs: 600 }, random);
}

/** The same, after something that it says. */
async function killAfter(
  said: RegExp,
  { importing, victim, withinMs }: { importing: CliProcess; victim: CliProcess; withinMs: number },
  random: () => number,
): Promise<void> {
  await Promise.race([importing.waitFor(said), importing.exited()]);
  await new Promise((resolve) => setTimeout(resolve, random() * withinMs));
  await victim.stop('SIGKILL');
}

async function expectAsNeverStopped(data: string): Promise<void> {
  const found = await readDirectory(data);
  expectSameContents(found, expected);
  // Each commit is counted once, as git counts them.
  const commits = Number(fixture.git('rev-list', '--count', 'HEAD'));
  expect(found['statistics']).toMatchObject([
    { entityType: 'git.statistics', properties: expect.stringContaining(`"commits":${commits},`) as string },
    { entityType: 'git.author.statistics', properties: expect.stringContaining(`"commits":${commits},`) as string },
  ]);
}

describe.each(Array.from({ length: RUNS }, (_, run) => SEED + run))('with seed %i', (seed) => {
  test('an import that is killed again and again ends as one that never was', async () => {
    const random = makeRandom(seed);
    const data = join(makeScratch('killed'), 'data');
    const args = ['import', 'git', fixture.path, '--data', data];
    let kills = 0;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const running = new CliProcess(args);
      await killSoon(running, running, random);
      if ((await running.exited()).signal === 'SIGKILL') kills += 1;
    }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const counting = new CliProcess(args);
      await killAfter(IMPORTED, { importing: counting, victim: counting, withinMs: 100 }, random);
    }
    expect(kills).toBeGreaterThan(0);
    expect(await runCli(args)).toMatchObject({ code: 0 });
    await expectAsNeverStopped(data);
  }, 240_000);

  test('a server that is killed while a client imports loses and doubles nothing', async () => {
    const random = makeRandom(seed ^ 0x5eed);
    const data = join(makeScratch('served'), 'data');
    let server = await startServer(data);
    const port = new URL(server.address).port;
    const importing = new CliProcess(['import', 'git', fixture.path, '--data', data]);
    for (let kill = 0; kill < 2; kill += 1) {
      await killSoon(importing, server.process, random);
      const again = new CliProcess(['serve', '--data', data, '--port', port]);
      server = { process: again, address: server.address };
      await again.waitFor(/Serving/);
    }
    expect(await importing.exited()).toMatchObject({ code: 0, signal: null });
    expect(await server.process.stop()).toMatchObject({ code: 0 });
    await expectAsNeverStopped(data);
  }, 120_000);
});

test('importer and server killed in turn, with an outbox between them: everything is there, and counted, once', async () => {
  const random = makeRandom(SEED ^ 0x0b0c);
  const data = join(makeScratch('both'), 'data');
  const outbox = join(makeScratch('outbox'), 'outbox');
  let server = await startServer(data);
  const { port } = new URL(server.address);
  const args = ['import', 'git', fixture.path, '--data', data, '--outbox', outbox];
  const killServer = async (said: RegExp, withinMs: number): Promise<void> => {
    const importing = new CliProcess(args);
    await killAfter(said, { importing, victim: server.process, withinMs }, random);
    // What is on its way is kept by now, or not yet; then its sender is gone as well.
    await new Promise((resolve) => setTimeout(resolve, random() * 2_500));
    await importing.stop('SIGKILL');
    const again = new CliProcess(['serve', '--data', data, '--port', port]);
    await again.waitFor(/Serving/);
    server = { process: again, address: server.address };
  };
  const killImporter = async (said: RegExp, withinMs: number): Promise<void> => {
    const importing = new CliProcess(args);
    await killAfter(said, { importing, victim: importing, withinMs }, random);
  };
  await killServer(BEGUN, 600);
  await killImporter(BEGUN, 600);
  await killServer(BEGUN, 600);
  await killImporter(IMPORTED, 200);
  await killServer(IMPORTED, 200);
  const last = await runCli(args);
  expect(last, last.stderr).toMatchObject({ code: 0 });
  expect(await server.process.stop()).toMatchObject({ code: 0 });
  await expectAsNeverStopped(data);
}, 240_000);

test('stopped by Ctrl-C, an import says how far it came, and goes on when it is run again', async () => {
  const data = join(makeScratch('interrupted'), 'data');
  const args = ['import', 'git', fixture.path, '--data', data];
  const running = new CliProcess(args);
  await running.waitFor(BEGUN);
  const outcome = await running.stop('SIGINT');
  expect(outcome).toMatchObject({ code: 130, signal: null, stdout: '' });
  expect(outcome.stderr).toMatch(/Interrupted: \d+ of 18 commits are imported\. Run it again to go on\./);
  expect(await runCli(args)).toMatchObject({ code: 0 });
  await expectAsNeverStopped(data);
});

test('a disk that is full is told, and what was acknowledged goes on once there is room', async () => {
  const data = join(makeScratch('full'), 'data');
  const args = ['import', 'git', fixture.path, '--data', data];
  // No file may become larger than 1 MiB: the log meets that as it meets a full disk.
  const outcome = await runCli(args, { shell: 'ulimit -f 1024; exec "$@"' });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toMatch(/storage/);
  expect(await runCli(args)).toMatchObject({ code: 0 });
  await expectAsNeverStopped(data);
});
