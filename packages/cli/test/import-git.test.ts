import { openUniverse, ALL_EVENTS, ALL_REFERENCES, type Universe } from 'inner-universe';
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { importGit, type ImportOptions, type ImportProgress, type ImportResult } from '../src/git/importer.ts';
import { GitRepository } from '../src/git/repository.ts';
import { cleanUp, makeScratch, WORKSPACE } from './cli-process.ts';
import { GitFixture, makeOddHistory } from './git-fixture.ts';
import { expectAsGitSays, expectCountsAsGitSays, gitBytes, GitOracle } from './git-oracle.ts';
import { expectSameContents, readContents } from './universe-contents.ts';

const fixtures: GitFixture[] = [];
const universes: Universe[] = [];
afterEach(async () => {
  for (const universe of universes.splice(0)) await universe.close();
  for (const fixture of fixtures.splice(0)) fixture.remove();
});
afterAll(cleanUp);

async function openMemory(): Promise<Universe> {
  const universe = await openUniverse({ memory: true });
  universes.push(universe);
  return universe;
}

function makeFixture(name = 'app'): GitFixture {
  const fixture = new GitFixture(name);
  fixtures.push(fixture);
  return fixture;
}

/** Commits that each change one file and add another. */
function addCommits(fixture: GitFixture, count: number, word = 'c'): void {
  for (let index = 0; index < count; index += 1) {
    fixture.write(`${word}/${index}.txt`, `${word} ${index}\n`);
    fixture.write('shared.txt', `${word} ${index}\n`);
    fixture.commit(`${word} ${index}`);
  }
}

async function importPath(universe: Universe, path: string, options: ImportOptions = {}): Promise<ImportResult> {
  return importGit(universe, await GitRepository.open(path), options);
}

function clone(origin: string, ...options: string[]): string {
  const path = join(makeScratch('clone'), 'app');
  execFileSync('git', ['clone', '-q', ...options, `file://${origin}`, path], { stdio: 'pipe' });
  return path;
}

async function branchesOf(universe: Universe): Promise<Record<string, string>> {
  const { branches } = await universe.client.read('readBranches', { ...ALL_REFERENCES, store: 'git:tree' });
  return Object.fromEntries(branches.map((row) => [row.name, row.head]));
}

async function seqOf(universe: Universe): Promise<bigint> {
  return (await universe.client.read('readStatus', {})).seq;
}

describe('git is the oracle', () => {
  test('of a history with everything that trips importers', async () => {
    const fixture = makeOddHistory();
    fixtures.push(fixture);
    const universe = await openMemory();
    const result = await importPath(universe, fixture.path);
    const oracle = new GitOracle(fixture.path);
    expect(result).toEqual({
      repository: 'odd',
      ref: 'refs/heads/main',
      head: oracle.head,
      imported: oracle.parents.size,
      present: 0,
      incomplete: false,
    });
    expect([...oracle.parents.values()].map((parents) => parents.length).sort()).toEqual(
      expect.arrayContaining([0, 1, 2, 3]),
    );
    await expectAsGitSays(universe, oracle, { name: 'odd', branch: 'odd/main' });
    await expectCountsAsGitSays(universe, oracle);
    await expectEventsAsGitSays(universe, oracle, 'odd');
  });

  const ownGit = hasHistory(WORKSPACE);
  test.skipIf(!ownGit)('of the history of this project', async () => {
    const whole = new GitOracle(WORKSPACE);
    // The older a project, the longer its history: of a long one, what a shallow clone of it shows.
    const path = whole.parents.size <= 150 ? WORKSPACE : clone(WORKSPACE, '--depth', '100');
    const oracle = path === WORKSPACE ? whole : new GitOracle(path);
    const universe = await openMemory();
    await importPath(universe, path, { name: 'own', ref: oracle.head });
    const commits = [...oracle.parents.keys()];
    const every = Math.ceil(commits.length / 25);
    const states = commits.filter((_, index) => index % every === 0);
    await expectAsGitSays(universe, oracle, { name: 'own', branch: `own/${oracle.head}`, states });
  });
});

describe('importing again', () => {
  test('nothing new writes nothing', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 3);
    const universe = await openMemory();
    await importPath(universe, fixture.path);
    const before = await readContents(universe);
    expect(await importPath(universe, fixture.path)).toMatchObject({ imported: 0, present: 3, incomplete: false });
    expectSameContents(await readContents(universe), before);
  });

  test('brings only what is new, and moves the branch', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 3);
    const universe = await openMemory();
    await importPath(universe, fixture.path);
    addCommits(fixture, 2, 'd');
    fixture.git('checkout', '-q', '-b', 'side', 'HEAD~3');
    addCommits(fixture, 1, 'side');
    fixture.git('checkout', '-q', 'main');
    fixture.git('merge', '-q', '-X', 'ours', '-m', 'merge side', 'side');
    expect(await importPath(universe, fixture.path)).toMatchObject({ imported: 4, present: 3 });
    const oracle = new GitOracle(fixture.path);
    await expectAsGitSays(universe, oracle, { name: 'app', branch: 'app/main' });
    await expectCountsAsGitSays(universe, oracle);
  });

  test('a branch that was set back and forth is followed each time', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 3);
    const heads = [fixture.head(), fixture.git('rev-parse', 'HEAD~2').trim()];
    const universe = await openMemory();
    for (const head of [...heads, ...heads, ...heads]) {
      fixture.git('reset', '-q', '--hard', head);
      await importPath(universe, fixture.path);
      expect(await branchesOf(universe)).toEqual({ 'app/main': `git:app:${head}` });
    }
  });

  test('with a limit, goes on where it stopped', async () => {
    const fixture = makeOddHistory();
    fixtures.push(fixture);
    const oracle = new GitOracle(fixture.path);
    const universe = await openMemory();
    let imported = 0;
    for (;;) {
      const result = await importPath(universe, fixture.path, { limit: 4 });
      expect(result.present).toBe(imported);
      imported += result.imported;
      expect(result.imported).toBeLessThanOrEqual(4);
      if (!result.incomplete) break;
      expect(await branchesOf(universe)).toEqual({});
    }
    await expectAsGitSays(universe, oracle, { name: 'odd', branch: 'odd/main' });
    await expectCountsAsGitSays(universe, oracle);
  });

  test('each ref gets a branch of its own', async () => {
    const fixture = makeOddHistory();
    fixtures.push(fixture);
    fixture.git('tag', '-a', '-m', 'a tag', 'v1', 'three');
    const universe = await openMemory();
    const two = fixture.git('rev-parse', 'two').trim();
    const three = fixture.git('rev-parse', 'three').trim();
    for (const ref of ['one', 'v1', two.slice(0, 10), 'main']) await importPath(universe, fixture.path, { ref });
    expect(await branchesOf(universe)).toEqual({
      'odd/one': `git:odd:${fixture.git('rev-parse', 'one').trim()}`,
      'odd/refs/tags/v1': `git:odd:${three}`,
      [`odd/${two}`]: `git:odd:${two}`,
      'odd/main': `git:odd:${fixture.head()}`,
    });
    fixture.git('checkout', '-q', '--detach', 'one');
    await importPath(universe, fixture.path);
    expect(await branchesOf(universe)).toMatchObject({ 'odd/HEAD': `git:odd:${fixture.head()}` });
    await expectCountsAsGitSays(universe, new GitOracle(fixture.path, 'main'));
  });

  test('a ref that is not there is an error', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 1);
    await expect(importPath(await openMemory(), fixture.path, { ref: 'nowhere' })).rejects.toMatchObject({
      code: 'git/unknown-ref',
    });
  });

  test('a folder that was renamed is the same repository', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 2);
    const universe = await openMemory();
    await importPath(universe, fixture.path);
    addCommits(fixture, 1, 'd');
    const renamed = `${fixture.path}-renamed`;
    renameSync(fixture.path, renamed);
    expect(await importPath(universe, renamed)).toMatchObject({ repository: 'app', imported: 1, present: 2 });
    expect(Object.keys(await branchesOf(universe))).toEqual(['app/main']);
  });

  test('one that has several names is asked for the one that is meant', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 1);
    const universe = await openMemory();
    await importPath(universe, fixture.path, { name: 'left' });
    await importPath(universe, fixture.path, { name: 'right' });
    await expect(importPath(universe, fixture.path)).rejects.toMatchObject({
      code: 'cli/usage',
      message: expect.stringMatching(/left, right.*--name/) as string,
    });
    expect(await importPath(universe, fixture.path, { name: 'right' })).toMatchObject({ imported: 0 });
  });

  test('two repositories share a universe', async () => {
    const [left, right] = [makeFixture('left'), makeFixture('right')];
    addCommits(left, 3);
    addCommits(right, 2, 'r');
    const universe = await openMemory();
    await importPath(universe, left.path);
    await importPath(universe, right.path);
    addCommits(left, 1, 'more');
    expect(await importPath(universe, left.path)).toMatchObject({ repository: 'left', imported: 1, present: 3 });
    expect(await branchesOf(universe)).toEqual({
      'left/main': `git:left:${left.head()}`,
      'right/main': `git:right:${right.head()}`,
    });
    for (const [fixture, name] of [
      [left, 'left'],
      [right, 'right'],
    ] as const) {
      const { tree } = await universe.states.load(`git:${name}:${fixture.head()}`);
      expect(tree.toValue()).toEqual(new GitOracle(fixture.path).tree(fixture.head()));
    }
  });
});

describe('clones that do not have everything', () => {
  test('a blobless clone is imported without fetching anything', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 3);
    fixture.git('config', 'uploadpack.allowFilter', 'true');
    const path = clone(fixture.path, '--filter=blob:none', '--no-checkout');
    renameSync(fixture.path, `${fixture.path}-away`);
    const universe = await openMemory();
    await importPath(universe, path);
    await expectAsGitSays(universe, new GitOracle(path), { name: 'app', branch: 'app/main' });
    expect(gitBytes(path, 'rev-list', '--objects', '--all', '--missing=print').toString()).toMatch(/^\?/m);
  });

  test("a shallow clone's boundary has no parents; deepened, it is refused and nothing changes", async () => {
    const fixture = makeFixture();
    addCommits(fixture, 6);
    const path = clone(fixture.path, '--depth', '2');
    const universe = await openMemory();
    await importPath(universe, path);
    const oracle = new GitOracle(path);
    expect(oracle.parents.size).toBe(2);
    await expectAsGitSays(universe, oracle, { name: 'app', branch: 'app/main' });
    const before = await readContents(universe);

    gitBytes(path, 'fetch', '-q', '--deepen', '2');
    const error = await importPath(universe, path).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'git/history-changed',
      message: expect.stringMatching(/deepened.*--name app-full/s) as string,
    });
    expectSameContents(await readContents(universe), before);
    expect(await importPath(universe, path, { name: 'app-full' })).toMatchObject({ imported: 4 });
  });

  test('a shallow clone of what was imported whole brings only what is new', async () => {
    const fixture = makeFixture();
    addCommits(fixture, 4);
    const universe = await openMemory();
    await importPath(universe, fixture.path);
    addCommits(fixture, 1, 'new');
    expect(await importPath(universe, clone(fixture.path, '--depth', '3'), { name: 'app' })).toMatchObject({
      imported: 1,
      present: 2,
    });
    await expectAsGitSays(universe, new GitOracle(fixture.path), { name: 'app', branch: 'app/main' });
  });
});

test('a repository without commits has nothing to import', async () => {
  const fixture = makeFixture('empty');
  const universe = await openMemory();
  expect(await importPath(universe, fixture.path)).toEqual({
    repository: 'empty',
    ref: 'HEAD',
    head: undefined,
    imported: 0,
    present: 0,
    incomplete: false,
  });
  expect(await seqOf(universe)).toBe(1n);
});

describe('a large first commit', () => {
  const FILES = 2_500;
  let fixture: GitFixture;

  beforeAll(() => {
    fixture = makeFixture('large');
    fixtures.splice(fixtures.indexOf(fixture), 1);
    // Written to the index alone: no files are needed for a tree.
    const lines = Array.from(
      { length: FILES },
      (_, index) => `100644 ${fakeBlob(index)}\tdir${index % 40}/a-file-with-quite-a-long-name-${index}.txt`,
    );
    execFileSync('git', ['-C', fixture.path, 'update-index', '--index-info'], { input: `${lines.join('\n')}\n` });
    const tree = execFileSync('git', ['-C', fixture.path, 'write-tree', '--missing-ok'], { encoding: 'utf8' }).trim();
    const first = fixture.git('commit-tree', '-m', 'large', tree).trim();
    fixture.git('update-ref', 'refs/heads/main', first);
  });
  afterAll(() => fixture.remove());

  test('is cut into requests, its delta into chunks, and tells how far it is', async () => {
    const universe = await openMemory();
    const seen: ImportProgress[] = [];
    await importPath(universe, fixture.path, { onProgress: (progress) => seen.push(progress) });
    const oracle = new GitOracle(fixture.path);
    expect(Object.keys(oracle.tree(oracle.head))).toHaveLength(FILES);
    await expectAsGitSays(universe, oracle, { name: 'large', branch: 'large/main' });
    await expectCountsAsGitSays(universe, oracle);
    const parts = seen.flatMap(({ part }) => (part === undefined ? [] : [part]));
    const total = parts[0]?.total ?? 0;
    expect(total).toBeGreaterThan(6);
    expect(parts).toEqual(Array.from({ length: total - 1 }, (_, index) => ({ done: index + 1, total })));
    expect(seen.at(-1)).toEqual({ done: 1, total: 1, part: undefined });
  });

  test('cut off after any of its requests, it ends with the same universe', async () => {
    const whole = await openMemory();
    await importPath(whole, fixture.path);
    const expected = await readContents(whole);
    const universe = await openMemory();
    let runs = 0;
    for (let done = false; !done; runs += 1) {
      // Each run is interrupted two requests further on.
      const interrupt = new AbortController();
      let requests = 0;
      try {
        await importPath(universe, fixture.path, {
          signal: interrupt.signal,
          onProgress: ({ part }) => {
            if (part !== undefined && (requests += 1) >= 3 * runs + 1) interrupt.abort(new Error('enough'));
          },
        });
        done = true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'cli/interrupted', details: { done: 0, total: 1 } });
      }
    }
    expect(runs).toBeGreaterThan(2);
    expectSameContents(await readContents(universe), expected);
  });

  test('what another ref brought meanwhile does not make parts of it pass for sent', async () => {
    const universe = await openMemory();
    const interrupt = new AbortController();
    const options = {
      signal: interrupt.signal,
      onProgress: ({ part }: ImportProgress) => part?.done === 4 && interrupt.abort(new Error('enough')),
    };
    await expect(importPath(universe, fixture.path, options)).rejects.toMatchObject({ code: 'cli/interrupted' });
    const tree = fixture.git('mktree', '--missing').trim();
    fixture.git('update-ref', 'refs/heads/other', fixture.git('commit-tree', '-m', 'another root', tree).trim());
    await importPath(universe, fixture.path, { ref: 'other' });
    await importPath(universe, fixture.path);
    const oracle = new GitOracle(fixture.path);
    const status = await universe.client.read('readStatus', {});
    expect(status.relations).toBe(BigInt(2 + oracle.touched(oracle.head).length));
    const { tree: state } = await universe.states.load(`git:large:${oracle.head}`);
    expect(state.toValue()).toEqual(oracle.tree(oracle.head));
  });
});

function fakeBlob(index: number): string {
  return index.toString(16).padStart(40, 'a');
}

test('after a request that is refused, nothing more is sent', async () => {
  const fixture = makeFixture();
  const universe = await openMemory();
  const sent: (string | undefined)[] = [];
  const { client } = universe;
  const refusing = new Proxy(client, {
    get: (target, key) => {
      if (key !== 'write') return bound(target, key);
      return (ops: Parameters<typeof client.write>[0], options: { requestId?: string }): Promise<void> => {
        sent.push(options.requestId);
        return sent.length === 2 ? Promise.reject(new Error('refused')) : client.write(ops, options);
      };
    },
  });
  // Commits of their own requests: descriptions fill them.
  for (let index = 0; index < 16; index += 1) fixture.commit('long '.repeat(12_000) + index);
  const repository = await GitRepository.open(fixture.path);
  await expect(importGit({ ...spread(universe), client: refusing }, repository)).rejects.toThrow('refused');
  expect(sent).toHaveLength(2);
  const whole = await openMemory();
  await importGit(whole, repository);
  await importGit(universe, repository);
  expectSameContents(await readContents(universe), await readContents(whole));
});

function bound(target: object, key: string | symbol): unknown {
  const value = Reflect.get(target, key) as unknown;
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

function spread(universe: Universe): Universe {
  const { controller, events, states, graph } = universe;
  return { controller, events, states, graph } as Universe;
}

test('interrupted, it stops at once and goes on later', async () => {
  const fixture = makeFixture();
  for (let index = 0; index < 12; index += 1) fixture.commit('long '.repeat(12_000) + index);
  const universe = await openMemory();
  const interrupt = new AbortController();
  const run = importPath(universe, fixture.path, {
    signal: interrupt.signal,
    onProgress: ({ done }) => {
      if (done > 0) interrupt.abort(new Error('enough'));
    },
  });
  const error = (await run.catch((cause: unknown) => cause)) as {
    code: string;
    details: { done: number; total: number };
  };
  expect(error.code).toBe('cli/interrupted');
  expect(error.details.total).toBe(12);
  expect(error.details.done).toBeLessThan(12);
  await importPath(universe, fixture.path);
  const whole = await openMemory();
  await importPath(whole, fixture.path);
  expectSameContents(await readContents(universe), await readContents(whole));
});

/** Each commit is one event, with its parents, message and files. */
async function expectEventsAsGitSays(universe: Universe, oracle: GitOracle, name: string): Promise<void> {
  const { events } = await universe.client.read('readEvents', { ...ALL_EVENTS, kind: 'application' });
  for (const event of events) {
    const data = JSON.parse(event.data) as {
      id: string;
      parents: string[];
      message: string;
      files: { path: string }[];
    };
    const message = gitBytes(oracle.path, 'log', '-1', '--encoding=UTF-8', '--format=%B', data.id).toString().trimEnd();
    expect(event).toMatchObject({ eventId: `git:${name}:${data.id}`, eventType: 'git.commit', source: `git:${name}` });
    expect(data.parents).toEqual(oracle.parents.get(data.id));
    expect(data.message).toBe(message);
    expect(new Set(data.files.map((file) => file.path))).toEqual(new Set(oracle.touched(data.id)));
  }
  expect(new Set(events.map((event) => event.eventId))).toEqual(
    new Set([...oracle.parents.keys()].map((id) => `git:${name}:${id}`)),
  );
}

function hasHistory(path: string): boolean {
  try {
    return new GitOracle(path).parents.size > 0;
  } catch {
    return false; // unpacked from an archive
  }
}
