import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SYSTEM_SCOPE } from '../src/wire/index.ts';
import { ADA, BOB, openUniverse, ops, type Plain, type Universe } from './universe.ts';

/** Makes scopes of these names, some hundred in each request. */
function makeScopes(universe: Universe, names: readonly string[]): void {
  for (let from = 0; from < names.length; from += 500) {
    const some = names.slice(from, from + 500);
    expect(universe.apply(some.map((scope) => ops.event(`in-${scope}`, 'made', { scope })))).toBeUndefined();
  }
}

/** All pages, and the names on them. */
function walk(universe: Universe, limit: number, caller?: typeof ADA): { pages: Plain[]; names: string[] } {
  const pages: Plain[] = [];
  let cursor = '';
  do {
    pages.push(universe.read('read_scope_page', { cursor, limit }, caller));
    cursor = pages.at(-1)?.cursor;
  } while (pages.at(-1)?.more);
  return { pages, names: pages.flatMap(({ scopes }) => scopes.map(({ name }: Plain) => name)) };
}

const named = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `s${String(from + index).padStart(5, '0')}`);

test('more scopes than read_scopes lists are told page by page, by name, each with its head', async () => {
  const universe = await openUniverse();
  const scopes = named(0, 1_234);
  makeScopes(universe, scopes.toReversed());
  universe.apply([ops.grant(ADA.identity, 'read', 'scope:*')]);
  const { pages, names } = walk(universe, 0, ADA);
  expect(names).toEqual([SYSTEM_SCOPE, 'main', ...scopes]);
  expect(pages.map((page) => page.scopes.length)).toEqual([1_000, 236]);
  expect(walk(universe, 0).names).toEqual(names);
  // The first page is what there was before pages.
  const listed = universe.read('read_scopes', {}, ADA);
  expect(listed.scopes).toEqual(pages[0]?.scopes);
  expect(listed.seq).toBe(pages[0]?.seq);
  // Reading on from the end gives what comes after it, and nothing again.
  makeScopes(universe, ['s99999']);
  const { cursor } = pages[1] as Plain;
  expect(universe.read('read_scope_page', { cursor, limit: 0 }, ADA)).toMatchObject({
    scopes: [{ name: 's99999' }],
    more: false,
  });
});

test('a page tells nothing of scopes that its caller may not know, not even that there are more', async () => {
  const universe = await openUniverse();
  const scopes = named(0, 40);
  makeScopes(universe, scopes);
  const mine = scopes.filter((_, index) => index % 7 === 3);
  universe.apply(mine.map((scope) => ops.grant(ADA.identity, 'read', `scope:${scope}`)));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), (limit) => {
      const { pages, names } = walk(universe, limit, ADA);
      expect(names).toEqual(mine);
      expect(pages).toHaveLength(Math.ceil(mine.length / limit));
      const told = JSON.stringify(pages, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
      for (const scope of scopes) expect(told.includes(scope)).toBe(mine.includes(scope));
    }),
  );
  expect(universe.refusedRead('read_scope_page', {}, BOB)).toMatchObject({ code: 'permission/denied' });
  expect(universe.refusedRead('read_scope_page', { cursor: 's00003' }, ADA)).toMatchObject({
    code: 'cursor/malformed',
  });
});
