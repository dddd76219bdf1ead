import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';
import { InnerUniverseController } from './controller.ts';

let testUniverse: TestUniverse;
beforeEach(async () => void (testUniverse = await createTestUniverse()));
afterEach(() => testUniverse.close());

const given = (options: object): never => options as never;

test.each([
  [{ onConflict: 'nope' }, '\'onConflict\' of a commit is "nope"; it takes "rebase", "rerun", "fail"'],
  [{ onconflict: 'rerun' }, "did you mean 'onConflict'?"],
  [{ optimistic: 'yes' }, 'it takes true or false'],
  [{ nonsense: 1 }, "no option 'nonsense' of a commit: it takes description"],
])('a commit with %j is refused, and nothing is committed', async (options, message) => {
  const store = await testUniverse.universe.states.open('counter', { count: 0 });
  const { versionId } = store;
  const refused = { code: 'config/invalid', message: expect.stringContaining(message) };
  await expect(store.commit({ count: 1 }, given(options))).rejects.toMatchObject(refused);
  await expect(store.commitPatch([], given(options))).rejects.toMatchObject(refused);
  expect(store.versionId).toBe(versionId);
});

test('a store that is opened with what is no option is refused', async () => {
  const { states } = testUniverse.universe;
  await expect(states.open('counter', { count: 0 }, given({ onConflict: 'nope' }))).rejects.toMatchObject({
    code: 'config/invalid',
  });
  expect(await states.has('counter')).toBe(false);
});

test.each([
  [{ durabilty: 'ephemeral' }, "did you mean 'durability'?"],
  [{ durability: 'forever' }, 'it takes "durable", "ephemeral", "local"'],
])('an event that is published with %j is refused, and does not go out', async (options, message) => {
  const { events } = testUniverse.universe;
  const refused = { code: 'config/invalid', message: expect.stringContaining(message) };
  await expect(events.publish('tick', 1, given(options))).rejects.toMatchObject(refused);
  await expect(events.publishAndWait('tick', 1, given(options))).rejects.toMatchObject(refused);
  expect(await events.query({ pattern: 'tick' })).toEqual([]);
});

test('options that are undefined are as if they were not there', async () => {
  const { events, states } = testUniverse.universe;
  await events.publish('tick', 1, { durability: undefined, optimistic: undefined });
  const store = await states.open('counter', { count: 0 }, { onConflict: undefined });
  await store.commit({ count: 1 }, { onConflict: undefined });
  expect(store.state).toEqual({ count: 1 });
});

test('a controller takes plain options, and refuses those that are none by name', async () => {
  const controller = new InnerUniverseController({ memory: true });
  await controller.startServerMode();
  expect(controller.status.getSnapshot().state).toBe('running');
  await controller.stop();
  expect(() => new InnerUniverseController(given({ memroy: true }))).toThrow(
    expect.objectContaining({ code: 'config/invalid' }) as Error,
  );
  expect(() => new InnerUniverseController(undefined as never)).toThrow(
    expect.objectContaining({ code: 'config/invalid' }) as Error,
  );
});
