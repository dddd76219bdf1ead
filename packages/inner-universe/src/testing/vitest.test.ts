import { describe, expect } from 'vitest';
import { READ_AND_WRITE } from './index.ts';
import { test } from './vitest.ts';

test('a fresh universe is there by its name', async ({ universe, testUniverse }) => {
  expect(universe).toBe(testUniverse.universe);
  await universe.events.publish('tick', 1);
  const ada = await testUniverse.as('ada', READ_AND_WRITE);
  expect(await ada.events.query()).toHaveLength(1);
});

test('each test has one of its own', async ({ universe }) => {
  expect(await universe.events.query()).toEqual([]);
});

test('a mock is there by its name', async ({ mockUniverse }) => {
  await mockUniverse.simulateEvent('tick', 1);
  expect(await mockUniverse.events.query()).toHaveLength(1);
});

test('errors that nobody waited for can be looked at', async ({ universe, testUniverse }) => {
  universe.events.subscribe('tick', () => {
    throw new Error('thrown by a handler');
  });
  await universe.events.publish('tick', 1);
  await testUniverse.settle();
  expect(testUniverse.takeErrors()).toHaveLength(1);
});

describe('with options of its own', () => {
  const seeded = test.extend({ testUniverseOptions: { seed: 'seven' } });

  seeded('the universe is made with them', ({ testUniverse }) => {
    expect(testUniverse.seed).toBe('seven');
  });
});

describe('a test whose handler threw and that did not look', () => {
  test.fails('fails', async ({ universe, testUniverse }) => {
    universe.events.subscribe('tick', () => {
      throw new Error('thrown by a handler');
    });
    await universe.events.publish('tick', 1);
    await testUniverse.settle();
  });
});
