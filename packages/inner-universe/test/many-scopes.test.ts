import { MAX_REQUEST_OPS, ORDERED_REQUESTS_SINCE, SCOPE_PAGES_SINCE } from '@inner-universe/module/wire';
import { expect, test } from 'vitest';
import { createTestUniverse, type TestGrant, type TestUniverse } from '../src/testing/index.ts';
import type { Universe } from '../src/universe.ts';
import { readModuleBundle } from './older-universe.ts';

const named = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `s${String(index).padStart(5, '0')}`);
const mayRead = (scopes: readonly string[]): TestGrant[] =>
  scopes.map((scope) => ({ action: 'read', resource: `scope:${scope}` }));

/** Makes scopes by an event in each. */
async function makeScopes(testUniverse: TestUniverse, scopes: readonly string[]): Promise<void> {
  await Promise.all(scopes.map((scope) => testUniverse.universe.events.publish('made', scope, { scope })));
}

/** The universe of somebody who may read these. */
async function openReader(testUniverse: TestUniverse, scopes: readonly string[]): Promise<Universe> {
  for (let from = 0; from < scopes.length; from += MAX_REQUEST_OPS)
    await testUniverse.grant('reader', mayRead(scopes.slice(from, from + MAX_REQUEST_OPS)));
  return testUniverse.as('reader');
}

/** The module as it was before it listed scopes by pages. */
async function readBundleWithoutScopePages(): Promise<string> {
  const bundle = await readModuleBundle();
  const older = bundle
    .replace('var CODE_VERSION = 3;', () => 'var CODE_VERSION = 2;')
    .replace('var MIGRATIONS = [historyGaps, orderedRequests];', () => 'var MIGRATIONS = [historyGaps];')
    .replace('  readScopePage2 as readScopePage,\n', () => '');
  expect(older).toContain('var CODE_VERSION = 2;');
  expect(older).not.toContain('  readScopePage2 as readScopePage,\n');
  expect(SCOPE_PAGES_SINCE).toBe(ORDERED_REQUESTS_SINCE);
  return older;
}

test('who may read five thousand scopes follows them all: what is broadcast in the last one comes', async () => {
  await using testUniverse = await createTestUniverse();
  const scopes = named(5_000);
  await makeScopes(testUniverse, scopes);
  const reader = await openReader(testUniverse, scopes);
  const seen: unknown[] = [];
  reader.events.subscribe('**', ({ data }) => void seen.push(data));
  const told = ['s00000', 's00999', 's01000', 's02500', 's04999'];
  for (const scope of told) {
    await testUniverse.universe.events.publish('told', scope, { scope, durability: 'ephemeral' });
    await testUniverse.settle();
  }
  expect(seen).toEqual(told);
  expect(testUniverse.takeErrors()).toEqual([]);
});

test('rights on scopes far down the list are noticed when they are given and when they are taken back', async () => {
  await using testUniverse = await createTestUniverse();
  const scopes = named(1_500);
  await makeScopes(testUniverse, scopes);
  const reader = await openReader(testUniverse, scopes.slice(0, 1_200));
  const seen: unknown[] = [];
  reader.events.subscribe('**', ({ data }) => void seen.push(data));
  const tell = async (data: string): Promise<void> => {
    await testUniverse.advance(30_000);
    await testUniverse.universe.events.publish('told', data, { scope: 's01400', durability: 'ephemeral' });
    await testUniverse.advance(30_000);
  };
  await testUniverse.grant('reader', mayRead(['s01400']));
  await tell('with the right');
  await testUniverse.revoke('reader', mayRead(['s01400']));
  await tell('after');
  expect(seen).toEqual(['with the right']);
});

test('of a module that lists a thousand, so many are followed, and that there are more is told once', async () => {
  await using testUniverse = await createTestUniverse({ module: await readBundleWithoutScopePages() });
  const scopes = named(1_100);
  await makeScopes(testUniverse, scopes);
  const reader = await openReader(testUniverse, scopes);
  expect(testUniverse.takeErrors()).toMatchObject([{ code: 'page/scopes-cut', details: { limit: 1_000 } }]);
  const seen: unknown[] = [];
  reader.events.subscribe('**', ({ data }) => void seen.push(data));
  for (const scope of ['s00998', 's01050', 's00999']) {
    await testUniverse.universe.events.publish('told', scope, { scope, durability: 'ephemeral' });
    await testUniverse.settle();
  }
  // The scope of the module's own records is none that it may read.
  expect(seen).toEqual(['s00998', 's00999']);
  await reader.client.catchUp();
  expect(testUniverse.takeErrors()).toEqual([]);
});
