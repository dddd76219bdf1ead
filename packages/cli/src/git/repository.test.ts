import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitFixture, makeOddHistory } from '../../test/git-fixture.ts';
import type { Commit } from './log-parser.ts';
import { GitRepository } from './repository.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Rebuilds each commit's tree from the log alone, along first parents. */
function replay(commits: readonly Commit[]): Map<string, Map<string, string>> {
  const trees = new Map<string, Map<string, string>>();
  for (const commit of commits) {
    const first = commit.parents[0];
    const tree = new Map(first === undefined ? [] : trees.get(first));
    for (const file of commit.files) {
      if (file.status === 'deleted') tree.delete(file.path);
      else tree.set(file.path, `${file.mode} ${file.blob}`);
    }
    trees.set(commit.id, tree);
  }
  return trees;
}

describe('a repository with odd names, merges and several roots', () => {
  let fixture: GitFixture;
  let repository: GitRepository;
  let commits: Commit[];

  beforeAll(async () => {
    fixture = makeOddHistory();
    repository = await GitRepository.open(fixture.path);
    commits = await collect(repository.log(fixture.head(), []));
  });
  afterAll(() => fixture?.remove());

  test('gives every commit once, parents first, with the parents git shows', async () => {
    const expected = fixture.git('rev-list', '--topo-order', '--reverse', '--parents', 'HEAD').trim().split('\n');
    expect(commits.map((c) => [c.id, ...c.parents].join(' '))).toEqual(expected);
    expect(commits.some((c) => c.parents.length === 3)).toBe(true);
  });

  test('the changes along first parents give exactly the tree of each commit', async () => {
    const trees = replay(commits);
    for (const commit of commits) {
      const tree = await collect(repository.tree(commit.id));
      expect(Object.fromEntries(trees.get(commit.id) ?? [])).toEqual(
        Object.fromEntries(tree.map((entry) => [entry.path, `${entry.mode} ${entry.blob}`])),
      );
    }
  });

  test('paths are keys as they are, escaped only where they must be', () => {
    const paths = new Set(commits.flatMap((c) => c.files.map((f) => f.path)));
    expect(paths).toContain('__proto__');
    expect(paths).toContain('ünïcödé/日本.txt');
    expect(paths).toContain('with\nnewline "quotes" \\ back');
    expect(paths).toContain('bytes:bytes:real');
    expect(paths).toContain(`bytes:${Buffer.from([0x6c, 0x61, 0x74, 0x69, 0x6e, 0xe9]).toString('base64')}`);
  });

  test("a user's settings change nothing", async () => {
    for (const [key, value] of [
      ['log.showRoot', 'false'],
      ['diff.relative', 'true'],
      ['diff.ignoreSubmodules', 'all'],
      ['color.ui', 'always'],
      ['diff.renames', 'copies'],
      ['log.date', 'iso'],
      ['core.quotePath', 'true'],
      ['i18n.logOutputEncoding', 'ISO-8859-1'],
    ] as const) {
      fixture.git('config', key, value);
    }
    const again = await collect((await GitRepository.open(join(fixture.path, 'src'))).log(fixture.head(), []));
    expect(again).toEqual(commits);
  });

  test('names a ref in full and says which commit it is', async () => {
    expect(await repository.resolveRef('HEAD')).toEqual({ name: 'refs/heads/main', commit: fixture.head() });
    expect((await repository.resolveRef('two'))?.name).toBe('refs/heads/two');
    await expect(repository.resolveRef('nowhere')).rejects.toMatchObject({ code: 'git/unknown-ref' });
  });

  test('leaves out what is reachable from given commits', async () => {
    const last = commits.at(-1) as Commit;
    expect(await collect(repository.log(last.id, last.parents))).toEqual([last]);
    expect(await repository.present([last.id, '0'.repeat(40)])).toEqual(new Set([last.id]));
  });

  test('a shallow clone shows its boundary as roots', async () => {
    const clone = join(mkdtempSync(join(tmpdir(), 'shallow-')), 'clone');
    execFileSync('git', ['clone', '-q', '--depth', '2', `file://${fixture.path}`, clone]);
    const shallow = await collect((await GitRepository.open(clone)).log(fixture.head(), []));
    const expected = execFileSync('git', ['-C', clone, 'rev-list', '--topo-order', '--reverse', '--parents', 'HEAD'], {
      encoding: 'utf8',
    });
    expect(shallow.map((c) => [c.id, ...c.parents].join(' '))).toEqual(expected.trim().split('\n'));
    expect(shallow.length).toBeLessThan(commits.length);
  });
});

test('submodules are entries of their own mode, whatever .gitmodules says of them', async () => {
  const inner = new GitFixture('inner');
  inner.write('x', 'x\n');
  inner.commit('inner');
  const outer = new GitFixture('outer');
  outer.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.path, 'vendor');
  outer.git('config', '-f', '.gitmodules', 'submodule.vendor.ignore', 'all');
  outer.commit('with a submodule');
  const [commit] = await collect((await GitRepository.open(outer.path)).log(outer.head(), []));
  expect(commit?.files.find((f) => f.path === 'vendor')).toMatchObject({
    mode: '160000',
    blob: inner.head(),
    status: 'added',
  });
  inner.remove();
  outer.remove();
});

test('a repository without commits has no HEAD commit', async () => {
  const empty = new GitFixture('empty');
  expect(await (await GitRepository.open(empty.path)).resolveRef('HEAD')).toBeUndefined();
  empty.remove();
});

test('an author whose name is not UTF-8 keeps an identity of its own', async () => {
  const fixture = new GitFixture('latin');
  fixture.write('x', 'x\n');
  fixture.git('add', '-A');
  const tree = fixture.git('write-tree').trim();
  const raw = Buffer.concat([
    Buffer.from(`tree ${tree}\nauthor J`),
    Buffer.from([0xf6]),
    Buffer.from('rg <j@x> 1700000000 +0100\ncommitter J <j@x> 1700000000 +0100\n\nlatin\n'),
  ]);
  const id = execFileSync('git', ['-C', fixture.path, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally'], {
    input: raw,
    encoding: 'utf8',
  }).trim();
  const [commit] = await collect((await GitRepository.open(fixture.path)).log(id, []));
  expect(commit?.author.nameKey).toBe(`bytes:${Buffer.from([0x4a, 0xf6, 0x72, 0x67]).toString('base64')}`);
  expect(commit?.author.name).toBe('J\ufffdrg');
  expect(commit?.author.timeSeconds).toBe(1_700_000_000n);
  fixture.remove();
});

test('a folder that is no repository gets an error that says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plain-'));
  await expect(GitRepository.open(folder)).rejects.toMatchObject({ code: 'git/not-a-repository' });
  await expect(GitRepository.open(join(folder, 'missing'))).rejects.toMatchObject({ code: 'git/not-a-repository' });
});
