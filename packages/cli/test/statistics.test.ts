import { ALL_ENTITIES, openUniverse, type Universe } from 'inner-universe';
import { createTestUniverse } from 'inner-universe/testing';
import { afterEach, expect, test } from 'vitest';
import { importGit } from '../src/git/importer.ts';
import { GitRepository } from '../src/git/repository.ts';
import { AUTHOR_STATISTICS_TYPE, readStatistics, StatisticsFollower } from '../src/git/statistics.ts';
import { GitFixture } from './git-fixture.ts';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function makeRepository(name: string): GitFixture {
  const fixture = new GitFixture(name);
  endings.push(() => fixture.remove());
  return fixture;
}

async function openMemory(): Promise<Universe> {
  const universe = await openUniverse({ memory: true });
  endings.push(() => universe.close());
  return universe;
}

/** Starts to count and waits until all is counted. */
async function countAll(universe: Universe): Promise<StatisticsFollower> {
  const follower = await StatisticsFollower.start(universe);
  if (follower === undefined) throw new Error('the owner may count');
  await follower.caughtUp();
  return follower;
}

async function authorsOf(universe: Universe): Promise<unknown[]> {
  const query = { ...ALL_ENTITIES, entityType: AUTHOR_STATISTICS_TYPE };
  const { entities } = await universe.client.read('readEntities', query);
  const counts = entities.map(({ name, properties }) => [
    name,
    (JSON.parse(properties) as { commits: number }).commits,
  ]);
  return counts.sort();
}

const GRACE = { GIT_AUTHOR_NAME: 'Grace Hopper', GIT_AUTHOR_EMAIL: 'grace@example.org' };

test('commits are counted once, by repository and author, over several imports and workers', async () => {
  const universe = await openMemory();
  const app = makeRepository('app');
  for (const message of ['one', 'two', 'three']) app.commit(message);
  await importGit(universe, await GitRepository.open(app.path), { limit: 2 });
  await (await countAll(universe)).close();
  expect(await readStatistics(universe)).toMatchObject([{ repository: 'app', commits: 2, authors: 1 }]);

  // Another worker, which goes on counting while more is imported.
  const follower = await countAll(universe);
  app.commit('four', GRACE);
  await importGit(universe, await GitRepository.open(app.path));
  const tool = makeRepository('tool');
  tool.commit('first');
  await importGit(universe, await GitRepository.open(tool.path));
  await follower.caughtUp();
  await follower.close();
  await expect(follower.ended).resolves.toBeUndefined();
  expect(await readStatistics(universe)).toEqual([
    { repository: 'app', commits: 4, authors: 2, lastAuthoredAt: expect.stringMatching(/^2023-/) as string },
    { repository: 'tool', commits: 1, authors: 1, lastAuthoredAt: expect.stringMatching(/^2023-/) as string },
  ]);
  expect(await authorsOf(universe)).toEqual([
    ['Ada Lovelace', 1],
    ['Ada Lovelace', 3],
    ['Grace Hopper', 1],
  ]);
});

test('versions of other stores are not counted', async () => {
  const universe = await openMemory();
  const cart = await universe.states.open('cart', { items: [] as string[] });
  await cart.commit((draft) => void draft.items.push('apple'), 'add an apple');
  await (await countAll(universe)).close();
  expect(await readStatistics(universe)).toEqual([]);
  expect(await universe.consumers.deadLetters('git-statistics').list()).toEqual([]);
});

test('who may not consume the records leaves counting to the owner', async () => {
  const testUniverse = await createTestUniverse();
  endings.push(() => testUniverse.close());
  const ada = await testUniverse.as('ada', [{ action: 'read', resource: 'scope:main' }]);
  expect(await StatisticsFollower.start(ada)).toBeUndefined();
});
