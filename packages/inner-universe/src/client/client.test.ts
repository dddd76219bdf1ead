import { systemClock, systemIds } from '@inner-universe/nerv';
import { expect, test } from 'vitest';
import { FakeConnector, FakeWaiting } from '../../test/fake-connections.ts';
import { ModuleClient } from './client.ts';

const OWNER = 'e'.repeat(64);
const NEVER = new Promise<never>(() => undefined);

/** A client over connections whose calls of `apply` and `readStatus` a test answers. */
async function openClient(
  answer: (name: string, args: { requestId: string }) => unknown,
  options: { silenceMs?: number } = {},
): Promise<{ client: ModuleClient; connector: FakeConnector }> {
  const connector = new FakeConnector((name, args) => {
    if (name === 'readScopes') return { scopes: [], owner: { __identity__: BigInt(`0x${OWNER}`) }, seq: 0n };
    if (name === 'readEvents') return { events: [], lookedTo: 0n, more: false };
    return answer(name, args);
  });
  const parts = {
    database: 'test',
    clock: systemClock,
    ids: systemIds,
    waiting: new FakeWaiting(),
    onError: () => undefined,
  };
  return { client: await ModuleClient.open({ connector, ...parts, ...options }), connector };
}

test('a request whose connection was lost is sent again under its id, and ends once', async () => {
  const requestIds: string[] = [];
  const { client, connector } = await openClient((_, { requestId }) => {
    requestIds.push(requestId);
    if (requestIds.length > 2) return undefined;
    queueMicrotask(() => connector.connections.at(-1)?.lose());
    return NEVER;
  });
  await client.write([{ tag: 'deleteTag', value: { store: 's', name: 't' } }]);
  expect(requestIds).toHaveLength(3);
  expect(new Set(requestIds).size).toBe(1);
  await client.close();
});

test('a connection that leaves a call without an answer is given up, and the call made on the next', async () => {
  let calls = 0;
  const { client, connector } = await openClient(() => (++calls === 1 ? NEVER : { events: 7n }), { silenceMs: 5 });
  expect(await client.read('readStatus', {})).toEqual({ events: 7n });
  expect(connector.connections.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  await client.close();
});

test('a deadline or signal of the caller ends the call alone', async () => {
  const { client, connector } = await openClient(() => NEVER);
  await expect(client.read('readStatus', {}, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'connection/timeout' });
  const controller = new AbortController();
  const called = client.read('readStatus', {}, { signal: controller.signal });
  controller.abort(new Error('changed my mind'));
  await expect(called).rejects.toThrow('changed my mind');
  expect(connector.open).toHaveLength(1);
  await client.close();
});

test('after closing nothing is sent, and closing twice is harmless', async () => {
  const { client, connector } = await openClient(() => undefined);
  const last = client.write([{ tag: 'deleteTag', value: { store: 's', name: 't' } }]);
  await Promise.all([client.close(), client.close(), last]);
  for (const call of [
    client.write([]),
    client.writeWithChunks([], []),
    client.apply([]),
    client.read('readStatus', {}),
  ]) {
    await expect(call).rejects.toMatchObject({ code: 'universe/closed' });
  }
  expect(connector.open).toEqual([]);
});
