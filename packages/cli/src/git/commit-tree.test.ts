import fc from 'fast-check';
import { StateTree, parsePatch } from '@inner-universe/nerv/temporal';
import { expect, test } from 'vitest';
import { CommitTree } from './commit-tree.ts';
import type { FileChange } from './log-parser.ts';

const path = fc.constantFrom('a', 'b/c', 'b/d', '__proto__', '$ref', '$$', 'quote"', 'ünï', 'new\nline', 'a~b/~1', '');
const change = fc
  .record({ path, blob: fc.option(fc.constantFrom('1'.repeat(40), '2'.repeat(40)), { nil: undefined }) })
  .map(({ path: file, blob }): FileChange => ({
    path: file,
    status: blob === undefined ? 'deleted' : 'modified',
    mode: blob === undefined ? undefined : '100644',
    blob,
  }));
const commit = fc.uniqueArray(change, { selector: (each) => each.path, maxLength: 8 });

test('a tree is what its changes make, its size and patch always those of its text', () => {
  fc.assert(
    fc.property(fc.array(commit, { maxLength: 8 }), (commits) => {
      let tree = CommitTree.empty();
      const model = new Map<string, { mode: string; blob: string }>();
      for (const files of commits) {
        const before = StateTree.parse(tree.text());
        const applied = tree.apply(files);
        for (const { path: file, mode, blob } of files) {
          if (mode === undefined || blob === undefined) model.delete(file);
          else model.set(file, { mode, blob });
        }
        expect(before.apply(parsePatch(applied.delta)).hash).toBe(applied.tree.hash);
        tree = applied.tree;
        const expected = StateTree.from(Object.fromEntries(model));
        expect(tree.hash).toBe(expected.hash);
        expect(tree.text()).toBe(expected.stringify());
        expect(tree.byteLength).toBe(Buffer.byteLength(tree.text()));
      }
    }),
  );
});

test('a tree is read from its entries', async () => {
  async function* entries(): AsyncGenerator<{ path: string; mode: string; blob: string }> {
    yield { path: 'a', mode: '100644', blob: '1' };
    yield { path: 'b', mode: '160000', blob: '2' };
  }
  const tree = await CommitTree.read(entries());
  expect(tree.text()).toBe('{"a":{"blob":"1","mode":"100644"},"b":{"blob":"2","mode":"160000"}}');
});
