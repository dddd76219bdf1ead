import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Version } from './version.ts';
import { VersionGraph } from './version-graph.ts';

const node = (id: string, parents: readonly string[]): Version => ({
  id,
  parents,
  dataHash: '',
  chainHash: '',
  author: '',
  description: '',
  authoredAtMicros: 0n,
  recordedAtMicros: 0n,
});

/** Random histories: each version has up to three parents among those before it. */
const history = fc.array(fc.uniqueArray(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 40 }).map((choices) => {
  const graph = new VersionGraph();
  const parentsOf = new Map<string, string[]>();
  for (const [index, choice] of choices.entries()) {
    const parents = index === 0 ? [] : [...new Set(choice.map((n) => `v${n % index}`))];
    parentsOf.set(`v${index}`, parents);
    graph.add(node(`v${index}`, parents));
  }
  return { graph, parentsOf };
});

/** All that a version descends from, and itself, as slowly and simply as can be. */
function ancestorsOf(parentsOf: ReadonlyMap<string, string[]>, id: string): Set<string> {
  const found = new Set([id]);
  for (const parent of parentsOf.get(id) ?? [])
    for (const ancestor of ancestorsOf(parentsOf, parent)) found.add(ancestor);
  return found;
}

describe('a version graph', () => {
  test('knows ancestry, each version once, children before parents', () => {
    fc.assert(
      fc.property(history, fc.nat(), fc.nat(), ({ graph, parentsOf }, a, b) => {
        const [x, y] = [`v${a % graph.size}`, `v${b % graph.size}`];
        const order = [...graph.ancestry(x)].map((version) => version.id);
        expect(new Set(order)).toEqual(ancestorsOf(parentsOf, x));
        expect(order).toHaveLength(new Set(order).size);
        for (const [index, id] of order.entries()) {
          for (const parent of parentsOf.get(id) ?? []) expect(order.indexOf(parent)).toBeGreaterThan(index);
        }
        expect(graph.isAncestor(y, x)).toBe(ancestorsOf(parentsOf, x).has(y));
      }),
      { numRuns: 60 },
    );
  });

  test('finds a merge base that no other common ancestor descends from', () => {
    fc.assert(
      fc.property(history, fc.nat(), fc.nat(), ({ graph, parentsOf }, a, b) => {
        const [x, y] = [`v${a % graph.size}`, `v${b % graph.size}`];
        const theirs = ancestorsOf(parentsOf, y);
        const common = [...ancestorsOf(parentsOf, x)].filter((id) => theirs.has(id));
        const base = graph.mergeBase(x, y);
        expect(base === undefined).toBe(common.length === 0);
        if (base === undefined) return;
        expect(common).toContain(base);
        for (const other of common) if (other !== base) expect(ancestorsOf(parentsOf, other).has(base)).toBe(false);
        expect(graph.mergeBase(y, x)).toBe(base);
      }),
      { numRuns: 60 },
    );
  });

  test('follows first parents to the root', () => {
    const graph = new VersionGraph();
    graph.add(node('a', []));
    graph.add(node('b', ['a']));
    graph.add(node('c', ['b', 'a']));
    expect([...graph.firstParents('c')].map((version) => version.id)).toEqual(['c', 'b', 'a']);
    expect([...graph.versions()].map((version) => version.id)).toEqual(['a', 'b', 'c']);
  });

  test('refuses a version twice, before its parents, and questions about none', () => {
    const graph = new VersionGraph();
    graph.add(node('a', []));
    expect(() => graph.add(node('a', []))).toThrow(expect.objectContaining({ code: 'state/id-taken' }));
    expect(() => graph.add(node('b', ['none']))).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
    expect(() => graph.get('none')).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
    expect(graph.size).toBe(1);
  });
});
