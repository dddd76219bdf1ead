import type { Op } from '@inner-universe/module/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';

let testUniverse: TestUniverse;
beforeEach(async () => void (testUniverse = await createTestUniverse()));
afterEach(() => testUniverse.close());

test.each([
  [[{ tag: 'publishEvnt', value: {} }], "did you mean 'publishEvent'?"],
  [[{ tag: 'nothing', value: {} }], "There is no op 'nothing' (the 1. of this write): there are publishEvent"],
  [[{ tag: 'deleteEntity', value: { id: 'a', cascade: false } }, undefined], '(the 2. of this write)'],
  [[{ tag: 'deleteEntity' }], "The op 'deleteEntity' has no value. Nothing was sent."],
  ['deleteEntity', 'A write takes an array of ops'],
])('what is no op is refused before anything is sent: %j', async (given, message) => {
  const { client, graph } = testUniverse.universe;
  await graph.createEntity('thing', { id: 'a' });
  const ops = given as unknown as readonly Op[];
  const refused = { code: 'config/invalid', message: expect.stringContaining(message) };
  await expect(client.write(ops)).rejects.toMatchObject(refused);
  await expect(client.apply(ops)).rejects.toMatchObject(refused);
  await expect(client.writeWithChunks([], ops)).rejects.toMatchObject(refused);
  expect(await graph.getEntity('a')).toBeDefined();
});
