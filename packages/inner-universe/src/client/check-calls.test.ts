import { ALL_ENTITIES, ALL_EVENTS } from './reads.ts';
import type { Op } from '@inner-universe/module/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';

const HALF = '\ud83d';
const DELETE = { tag: 'deleteEntity', value: { id: 'a', cascade: false } };
let testUniverse: TestUniverse;
beforeEach(async () => {
  testUniverse = await createTestUniverse();
  await testUniverse.universe.graph.createEntity('thing', { id: 'a' });
});
afterEach(() => testUniverse.close());

test.each([
  [{ id: 5, cascade: false }, 'config/invalid', 'ops[1].value.id'],
  [{ id: HALF, cascade: false }, 'value/unsupported', 'ops[1].value.id'],
  [{ id: Symbol('x'), cascade: false }, 'config/invalid', 'ops[1].value.id'],
  [{ id: () => 1, cascade: false }, 'config/invalid', 'ops[1].value.id'],
  [{ id: 'b', cascade: 'no' }, 'config/invalid', 'ops[1].value.cascade'],
  [{ id: 'b', cascade: false, ifSeq: 1.5 }, 'config/invalid', 'ops[1].value.ifSeq'],
  [{ id: 'b', cascade: false, ifSeq: -1n }, 'config/invalid', 'ops[1].value.ifSeq'],
  [{ id: 'b', cascade: false, ifSeqq: 1n }, 'config/invalid', 'ops[1].value.ifSeqq'],
  [[], 'config/invalid', 'ops[1].value'],
])('an op whose fields are not of their types takes nothing with it: %o', async (value, code, field) => {
  const { client, graph } = testUniverse.universe;
  const ops = [DELETE, { tag: 'deleteEntity', value }] as unknown as readonly Op[];
  const refused = { code, details: { field } };
  await expect(client.write(ops)).rejects.toMatchObject(refused);
  await expect(client.apply(ops)).rejects.toMatchObject(refused);
  await expect(client.writeWithChunks(ops, [])).rejects.toMatchObject(refused);
  await expect(client.writeLater(Promise.resolve({ ops, chunks: [] }), 1)).rejects.toMatchObject(refused);
  expect(await graph.getEntity('a')).toBeDefined();
});

test.each([
  [{ signal: {} }, 'signal'],
  [{ timeoutMs: 'soon' }, 'timeoutMs'],
  [{ requestID: 'r' }, 'requestID'],
  [{ requestId: HALF }, 'requestId'],
])('options that are none are refused before anything is written: %o', async (given, field) => {
  const { client, graph, events } = testUniverse.universe;
  const options = given as object;
  const ops = [DELETE] as readonly Op[];
  const refused = { code: 'config/invalid', details: { field } };
  await expect(client.write(ops, options)).rejects.toMatchObject(refused);
  await expect(client.apply(ops, options)).rejects.toMatchObject(refused);
  await expect(client.writeLater(async () => ({ ops, chunks: [] }), 1, options)).rejects.toMatchObject(refused);
  await events.publish('a.b', 1);
  expect(await graph.getEntity('a')).toBeDefined();
});

test('the advance of a consumer is looked at before it is sent', async () => {
  const { client } = testUniverse.universe;
  const consumer = { name: 5, partition: 0, epoch: 0n, from: 0n, to: 0n } as never;
  await expect(client.apply([], { consumer })).rejects.toMatchObject({
    code: 'config/invalid',
    details: { field: 'consumer.name' },
  });
});

test.each([
  [{ afterSeq: 5 }, 'readEvents arguments.afterSeq'],
  [{ ids: 5 }, 'readEvents arguments.ids'],
  [{ ids: ['a', 5] }, 'readEvents arguments.ids[1]'],
  [{ limit: 1.5 }, 'readEvents arguments.limit'],
  [{ afterSec: 5n }, 'readEvents arguments.afterSec'],
])('a read refuses arguments that are not of their types: %o', async (query, field) => {
  const { client } = testUniverse.universe;
  const refused = { code: 'config/invalid', details: { field } };
  await expect(client.queryEvents(query as object)).rejects.toMatchObject(refused);
  await expect(client.read('readEvents', { ...ALL_EVENTS, ...(query as object) })).rejects.toMatchObject(refused);
});

test('a signal that is none leaves nothing behind that throws when the client closes', async () => {
  const { client } = testUniverse.universe;
  const call = { signal: {} as AbortSignal };
  const calls = [
    () => client.getSystemStatus(call),
    () => client.readCached('readEntities', ALL_ENTITIES, call),
    () => client.reconnect(call),
    () => client.migrateStep({ to: 1, cursor: '' }, call),
    () => client.catchUp(call),
    () => client.settle(call),
    () => client.close(call),
  ];
  for (const run of calls) await expect(run()).rejects.toMatchObject({ code: 'config/invalid' });
  await client.close();
});

test.each(['retry', 'discard', 'explain', 'secured'] as const)(
  'work.%s refuses options that are none',
  async (name) => {
    const { work } = testUniverse.universe.client;
    const call = (options: object): Promise<void> =>
      name === 'secured'
        ? work.secured(options)
        : name === 'explain'
          ? work.explain('x', new Error('no'), options)
          : work[name]('x', options);
    await expect(call({ timeout: 5 })).rejects.toMatchObject({ code: 'config/invalid', details: { field: 'timeout' } });
    await expect(call({ signal: {} })).rejects.toMatchObject({ code: 'config/invalid', details: { field: 'signal' } });
    const reason = new Error('enough');
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  },
);
