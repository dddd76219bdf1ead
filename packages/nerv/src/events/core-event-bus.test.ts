import { expect, test, vi } from 'vitest';
import { CoreEventBus } from './core.ts';
import type { NervEvent } from './event.ts';

test('the core delivers to handlers, waits and streams, and takes ids, time and metadata as given', async () => {
  const bus = new CoreEventBus<{ 'order.placed': { total: number } }>({
    clock: { nowMicros: () => 7_000n },
  });
  const seen: NervEvent[] = [];
  bus.subscribe('order.*', (event) => seen.push(event));
  const next = bus.waitFor('order.placed');
  const stream = bus.events({ pattern: '**', filter: (event) => event.data.total > 1 });
  bus.emit('order.placed', { total: 1 });
  bus.emit('order.placed', { total: 2 }, { id: 'mine', source: 'shop', metadata: { a: 1 }, timestamp: 3 });
  expect(seen.map(({ timestamp }) => timestamp)).toEqual([7, 3]);
  expect(seen[1]).toEqual({
    id: 'mine',
    type: 'order.placed',
    kind: 'application',
    data: { total: 2 },
    timestamp: 3,
    source: 'shop',
    metadata: { a: 1 },
    seq: undefined,
    pending: false,
  });
  expect((await next).data.total).toBe(1);
  expect((await stream.next()).value?.id).toBe('mine');
});

test('a handler that fails is told to the hook, and to the console if there is none', async () => {
  const wrong = new Error('wrong');
  const failures: unknown[] = [];
  const bus = new CoreEventBus({
    onError: ({ error, pattern, event }) => failures.push([error, pattern, event.type]),
  });
  bus.once('a', () => {
    throw wrong;
  });
  bus.subscribe('a', () => Promise.reject(wrong));
  bus.emit('a');
  expect(failures).toEqual([[wrong, 'a', 'a']]);
  await vi.waitFor(() => expect(failures).toHaveLength(2));
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    const silent = new CoreEventBus();
    silent.subscribe('a', () => {
      throw wrong;
    });
    silent.emit('a');
    expect(shown).toHaveBeenLastCalledWith(expect.stringContaining(`'a'`), wrong);
  } finally {
    shown.mockRestore();
  }
});

test('to close is to end subscriptions, waits and streams, and to refuse what comes after', async () => {
  const bus = new CoreEventBus();
  let closed = 0;
  const subscription = bus.subscribe({ pattern: 'a', onClose: () => (closed += 1) }, () => undefined);
  const other = bus.subscribe({ pattern: 'a', onClose: () => (closed += 1) }, () => undefined);
  other.unsubscribe();
  const waiting = expect(bus.waitFor('a')).rejects.toMatchObject({ code: 'event/closed' });
  const stream = bus.events('a');
  bus[Symbol.dispose]();
  bus.close();
  await waiting;
  expect((await stream.next()).done).toBe(true);
  expect([subscription.active, closed]).toEqual([false, 1]);
  for (const call of [() => bus.emit('a'), () => bus.subscribe('a', () => undefined), () => bus.events('a')]) {
    expect(call).toThrow(expect.objectContaining({ code: 'event/closed' }));
  }
});

test('a capacity that is none fails the stream at its first event, rather than to hold without a limit', async () => {
  const bus = new CoreEventBus();
  const stream = bus.events('a', { capacity: Number.NaN });
  bus.emit('a', 1);
  await expect(stream.next()).rejects.toMatchObject({ code: 'event/buffer-full' });
});

test('a wait says what it waited for', async () => {
  const timers = { schedule: (callback: () => void) => (callback(), () => undefined) };
  const bus = new CoreEventBus({ timers });
  const wait = async (selector: Parameters<typeof bus.waitFor>[0]): Promise<unknown> =>
    await bus.waitFor(selector, { timeoutMs: 5 }).catch((error: unknown) => error);
  expect(await wait('a.b')).toMatchObject({
    code: 'event/timeout',
    retryable: true,
    details: { pattern: 'a.b' },
  });
  expect(await wait({ pattern: 'a.*' })).toMatchObject({
    details: { pattern: 'a.*', timeoutMs: 5 },
  });
  expect(await wait(({ id }) => id === 'x')).toMatchObject({
    message: expect.stringContaining('id ===') as string,
  });
  await expect(bus.waitFor('a..b')).rejects.toMatchObject({ code: 'event/invalid-pattern' });
});
