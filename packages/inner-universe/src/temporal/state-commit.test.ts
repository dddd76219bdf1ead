import { VersionConflictError } from '@inner-universe/nerv';
import { StateTree } from '@inner-universe/nerv/temporal';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pauseMs, REBASES_MAX } from './rebase-pause.ts';
import { StateCommit, type OnConflict } from './state-commit.ts';

type Doc = Record<string, unknown>;

function makeCommit(change: (draft: Doc) => unknown, onConflict: OnConflict = 'rebase'): StateCommit {
  return new StateCommit({
    store: 'doc',
    branch: 'main',
    options: { id: 'ours', authoredAtMicros: 1n },
    onConflict,
    isOptimistic: false,
    change: (open) => open.edit((draft) => change(draft as Doc)),
  });
}

const at = (versionId: string, value: unknown): { versionId: string; open: StateTree } => ({
  versionId,
  open: StateTree.from(value),
});

describe('a commit on another head', () => {
  const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 0, max: 3 }), {
    maxKeys: 5,
  });

  test('makes the very same change, or is a conflict; exactly where both wrote one field', () => {
    fc.assert(
      fc.property(fields, fields, fields, (base, ours, theirs) => {
        const commit = makeCommit((draft) => Object.assign(draft, ours));
        const start = at('base', base);
        commit.make(start, false);
        const changed = (side: Doc): string[] => Object.keys(side).filter((key) => side[key] !== base[key]);
        const both = changed(ours).filter((key) => changed(theirs).includes(key));
        const head = at('head', { ...base, ...theirs });
        if (both.length === 0) {
          // What was written and is what it was before is no change.
          const expected = { ...base, ...theirs, ...Object.fromEntries(changed(ours).map((key) => [key, ours[key]])) };
          expect(commit.tryOn(head.open)?.toValue()).toEqual(expected);
          expect(commit.fit(head, 'head').toValue()).toEqual(expected);
        } else {
          expect(commit.tryOn(head.open)).toBeUndefined();
          const error = caught(() => commit.fit(head, 'head'));
          expect(error).toBeInstanceOf(VersionConflictError);
          const { paths } = (error as VersionConflictError).details;
          expect((paths as string[]).toSorted()).toEqual(both.map((key) => `/${key}`).toSorted());
        }
      }),
    );
  });

  test('in a list goes by elements, wherever they have moved to', () => {
    const commit = makeCommit((draft) => (draft['items'] = ['a', 'B', 'c']));
    commit.make(at('base', { items: ['a', 'b', 'c'] }), false);
    const on = (items: readonly string[]): unknown => commit.tryOn(StateTree.from({ items }))?.toValue();
    expect(on(['x', 'y', 'a', 'b', 'c'])).toEqual({ items: ['x', 'y', 'a', 'B', 'c'] });
    expect(on(['b', 'c'])).toEqual({ items: ['B', 'c'] });
    expect(on(['a', 'c'])).toBeUndefined();
    expect(on(['a', 'B', 'c'])).toBeUndefined();
  });

  test('that is the same state is no conflict, whatever its id', () => {
    for (const onConflict of ['rebase', 'rerun', 'fail'] as const) {
      const commit = makeCommit((draft) => (draft['n'] = 2), onConflict);
      commit.make(at('base', { n: 1 }), false);
      expect(commit.fit(at('head', { n: 1 }), 'head').toValue()).toEqual({ n: 2 });
    }
  });

  test('is told by what it was made against last', () => {
    const commit = makeCommit((draft) => (draft['n'] = 2));
    commit.make(at('one', { n: 1 }), false);
    expect(commit.fit(at('two', { n: 1, x: 1 }), 'two').toValue()).toEqual({ n: 2, x: 1 });
    expect(caught(() => commit.fit(at('three', { n: 3, x: 1 }), 'three'))).toMatchObject({
      details: { base: 'two', actualHead: 'three', theirs: [{ op: 'replace', path: '/n', value: 3 }] },
    });
  });

  test('is made anew where it was made on a guess', () => {
    const commit = makeCommit((draft) => (draft['n'] = Number(draft['n']) + 1));
    commit.make(at('guess', { n: 1 }), true);
    expect(commit.tryOn(StateTree.from({ n: 5 }))?.toValue()).toEqual({ n: 6 });
    expect(commit.fit(at('head', { n: 9 }), 'head').toValue()).toEqual({ n: 10 });
    expect(commit.tryOn(StateTree.from({ n: 5 }))).toBeUndefined();
  });
});

test('who lost often waits longer, each at its own time, and who lost very often not at all', () => {
  for (const losses of [1, 2, 3, 4, 13, 20, REBASES_MAX]) expect(pauseMs(losses, 'a')).toBe(0);
  const pauses = Array.from({ length: 8 }, (_, n) => pauseMs(5 + n, 'version-a'));
  for (const [n, pause] of pauses.entries()) {
    expect(pause).toBeGreaterThanOrEqual(0);
    expect(pause).toBeLessThanOrEqual(Math.min(160, 5 * 2 ** (n + 1)));
  }
  const others = new Set(Array.from({ length: 50 }, (_, n) => pauseMs(8, `version-${n}`)));
  expect(others.size).toBe(50);
});

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}
