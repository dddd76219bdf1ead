import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutToBytes, makeLabel, SourceIds } from './source-ids.ts';

const SHA1 = 'a'.repeat(40);
const SHA256 = 'b'.repeat(64);

function signature(name: string, email: string): Parameters<SourceIds['author']>[0] {
  return { nameKey: name, emailKey: email, name, email, timeSeconds: 0n, timeZone: '+0000' };
}

describe('ids', () => {
  const ids = new SourceIds('app');

  test('say where they come from', () => {
    expect(ids.repository()).toBe('git:app');
    expect(ids.commit(SHA1)).toBe(`git:app:${SHA1}`);
    expect(ids.file('src/a.ts')).toBe('git:app:file:src/a.ts');
    expect(ids.author(signature('Ada', 'ada@x'))).toBe('git:app:author:Ada <ada@x>');
    expect(ids.parent(SHA1, 2)).toBe(`git:app:parent:${SHA1}:2`);
    expect(ids.branch('refs/heads/main')).toBe('app/main');
    expect(ids.branch('refs/heads/heads/main')).toBe('app/heads/main');
    expect(ids.branch('refs/tags/v1')).toBe('app/refs/tags/v1');
    expect(ids.branch('refs/heads/tags/v1')).toBe('app/tags/v1');
    expect(ids.branch('refs/heads/refs/tags/v1')).toBe('app/refs/heads/refs/tags/v1');
    expect(ids.branch('refs/heads/HEAD')).not.toBe(ids.branch('HEAD'));
  });

  test('a commit is found in its id, and only in one of this repository', () => {
    for (const commit of [SHA1, SHA256]) expect(ids.tryObjectId(ids.commit(commit))).toBe(commit);
    for (const id of [`git:other:${SHA1}`, `git:app:file:${SHA1}`, 'git:app:', `git:app:${SHA1}0`])
      expect(ids.tryObjectId(id)).toBeUndefined();
  });

  test('of different things are different, and all fit a column', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('sha256:x', '\n', 'x'.repeat(200)),
    );
    fc.assert(
      fc.property(name, name, name, (repository, left, right) => {
        const made = new SourceIds(repository);
        const all = [
          made.repository(),
          made.commit(SHA256),
          made.file(left),
          made.author(signature(left, right)),
          made.authored(SHA256),
          made.parent(SHA256, 65_535),
          made.touched(SHA256, 999_999),
          made.commitsRequest(SHA256, SHA256),
          made.partRequest(SHA256, 9_999, [left, right]),
          made.branch(`refs/heads/${left}`),
        ];
        for (const id of all) {
          expect(Buffer.byteLength(id)).toBeLessThanOrEqual(128);
          expect(Buffer.byteLength(id)).toBeGreaterThan(0);
        }
        for (const id of all.slice(0, -1)) expect(id).not.toMatch(/\p{Cc}/u);
        expect(made.file(left) === made.file(right)).toBe(left === right);
        expect(new Set(all).size).toBe(all.length);
      }),
    );
  });

  test('a part of a large commit is named by what is in it', () => {
    expect(ids.partRequest(SHA1, 0, ['x', 'y'])).toBe(ids.partRequest(SHA1, 0, ['x', 'y']));
    expect(ids.partRequest(SHA1, 0, ['x', 'y'])).not.toBe(ids.partRequest(SHA1, 0, ['x']));
  });
});

test('a repository keeps its name where that can be part of an id', () => {
  expect(new SourceIds('my app').repositoryName).toBe('my app');
  expect(new SourceIds('a:b\nc').repositoryName).toBe('a-b-c');
  expect(new SourceIds('').repositoryName).toBe('repository');
  const [left, right] = ['l', 'r'].map((end) => new SourceIds('long '.repeat(20) + end).repositoryName);
  expect(left).not.toBe(right);
});

test('texts are cut between characters', () => {
  expect(cutToBytes('日本', 5)).toBe('日');
  expect(cutToBytes('日本', 6)).toBe('日本');
  expect(cutToBytes('\u{1f600}x', 3)).toBe('');
  expect(makeLabel('a\nb\u0085c', 100)).toBe('a\ufffdb\ufffdc');
});
