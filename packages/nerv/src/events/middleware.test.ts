import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { BusMiddleware, EventStage } from './bus-parts.ts';
import { EventBus } from './event-bus.ts';
import type { HandlerErrorData } from './event.ts';
import type { LocalEventBus } from './local-event-bus.ts';
import { MiddlewareStack } from './middleware.ts';

const open = (parts: readonly BusMiddleware[], capacity?: number): LocalEventBus =>
  new EventBus({ middleware: new MiddlewareStack(parts, { capacity }), onError: () => undefined });

const later = async (): Promise<void> => {
  await Promise.resolve();
};

/** Something to wait for, and the way to end the wait. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('around publishing', () => {
  test('stages transform, enrich, filter and observe, the first of the list outermost', () => {
    const log: string[] = [];
    const bus = open([
      {
        publish(event, next) {
          log.push('outer in');
          next({ ...event, metadata: { ...event.metadata, shop: 7 } });
          log.push('outer out');
        },
      },
      { publish: (event, next) => (event.data === 'secret' ? undefined : next(event)) },
      {},
      { publish: (event, next) => next({ ...event, data: String(event.data).toUpperCase() }) },
    ]);
    bus.subscribe('a', (event) => log.push(`${String(event.data)} ${String(event.metadata['shop'])}`));
    expect(bus.emit('a', 'x')).toEqual(expect.any(String));
    bus.publish('a', 'secret');
    expect(log).toEqual(['outer in', 'X 7', 'outer out', 'outer in', 'outer out']);
  });

  test('what a synchronous stage throws reaches the publisher, and nobody else is told', async () => {
    const refused = new Error('refused');
    const bus = open([
      {
        publish: () => {
          throw refused;
        },
      },
    ]);
    let calls = 0;
    bus.subscribe('a', () => (calls += 1));
    expect(() => bus.emit('a')).toThrow(refused);
    await expect(bus.publishAndWait('a')).rejects.toBe(refused);
    expect(calls).toBe(0);
  });

  test('an asynchronous stage delays delivery; publishAndWait waits for it and for the handlers', async () => {
    const bus = open([{ publish: async (event, next) => (await later(), next(event)) }]);
    const seen: unknown[] = [];
    bus.subscribe('a', async (event) => {
      await later();
      seen.push(event.data);
    });
    bus.emit('a', 1);
    expect(seen).toEqual([]);
    expect((await bus.publishAndWait('a', 2)).handled).toBe(1);
    expect(seen).toEqual([1, 2]);
  });

  test('what an asynchronous stage refuses is told by event.rejected and the hook; publishAndWait rejects', async () => {
    const refused = new Error('refused');
    const failures: HandlerErrorData[] = [];
    const stack = new MiddlewareStack([{ publish: () => Promise.reject(refused) }]);
    const bus = new EventBus({ middleware: stack, onError: (failure) => failures.push(failure) });
    const rejected = bus.waitFor('event.rejected');
    const id = bus.emit('a');
    expect(await rejected).toMatchObject({ id, data: { type: 'a', reason: refused } });
    expect(failures).toEqual([{ error: refused, pattern: '', event: expect.objectContaining({ id }) }]);
    await expect(bus.publishAndWait('a')).rejects.toBe(refused);
  });

  test('an event that is late for its bus is refused', async () => {
    const { opened, open: go } = gate();
    const bus = open([{ publish: async (event, next) => (await opened, next(event)) }]);
    const report = bus.publishAndWait('a');
    bus.close();
    go();
    await expect(report).rejects.toMatchObject({ code: 'event/closed' });
    expect(() => bus.emit('a')).toThrow(expect.objectContaining({ code: 'event/closed' }));
  });

  test('events leave asynchronous stages in the order they came, each once, whatever time each takes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(4), { minLength: 1, maxLength: 20 }), async (delays) => {
        const bus = open([
          {
            publish(event, next) {
              // Some are synchronous, and must not overtake those that are not.
              const ticks = delays[event.data as number] ?? 0;
              if (ticks === 0) return next(event);
              return (async () => {
                for (let tick = 0; tick < ticks; tick += 1) await later();
                return next(event);
              })();
            },
          },
        ]);
        const seen: unknown[] = [];
        bus.subscribe('a', (event) => seen.push(event.data));
        await Promise.all(delays.map((_, number) => bus.publishAndWait('a', number)));
        expect(seen).toEqual([...delays.keys()]);
      }),
    );
  });

  test('an event that is dropped, or refused, late lets those behind it go on', async () => {
    const bus = open([
      {
        publish: async (event, next) => {
          await later();
          if (event.data === 'drop') return undefined;
          if (event.data === 'refuse') throw new Error('refused');
          return next(event);
        },
      },
    ]);
    const seen: unknown[] = [];
    bus.subscribe('a', (event) => seen.push(event.data));
    const dropped = bus.publishAndWait('a', 'drop');
    bus.emit('a', 'refuse');
    await bus.publishAndWait('a', 'last');
    expect([(await dropped).handled, seen]).toEqual([0, ['last']]);
  });

  test('an event published in a handler does not wait for the one being handled', async () => {
    const bus = open([{ publish: async (event, next) => (await later(), next(event)) }]);
    const seen: string[] = [];
    bus.subscribe('outer', async () => {
      await bus.publishAndWait('inner');
      seen.push('outer');
    });
    bus.subscribe('inner', () => seen.push('inner'));
    await bus.publishAndWait('outer');
    expect(seen).toEqual(['inner', 'outer']);
  });

  test('so many are under way at once; one more is refused', async () => {
    const { opened, open: go } = gate();
    const bus = open([{ publish: async (event, next) => (await opened, next(event)) }], 2);
    const under = [bus.publishAndWait('a'), bus.publishAndWait('a')];
    expect(() => bus.emit('a')).toThrow(expect.objectContaining({ code: 'event/buffer-full' }));
    go();
    await Promise.all(under);
    await expect(bus.publishAndWait('a')).resolves.toMatchObject({ handled: 0 });
    expect(() => new MiddlewareStack([], { capacity: 0 })).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  });

  test('a type that is none is refused at once, however late delivery would be', () => {
    const bus = open([{ publish: async (event, next) => (await later(), next(event)) }]);
    expect(() => bus.emit('a b')).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  });

  test.each([
    ['passes on twice', (event, next) => (next(event), next(event))],
    ['changes the id', (event, next) => next({ ...event, id: 'other' })],
    ['changes the kind', (event, next) => next({ ...event, kind: 'system' })],
    ['changes the type to one of the bus', (event, next) => next({ ...event, type: 'handler.error' })],
  ] as [string, EventStage][])('a stage that %s is refused', (_, publish) => {
    const bus = open([{ publish }]);
    expect(() => bus.emit('a')).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  });
});

test('around receiving: events from elsewhere pass other stages than one publishes', async () => {
  const bus = open([
    {
      publish: (event, next) => next({ ...event, data: 'published' }),
      receive: async (event, next) => (await later(), next({ ...event, data: 'received' })),
    },
  ]);
  const seen: unknown[] = [];
  bus.subscribe('a', (event) => seen.push(event.data));
  bus.emit('a');
  expect(await bus.deliver({ id: 'e', type: 'a', data: 0, timestamp: 1 })).toEqual({
    id: 'e',
    handled: 1,
    errors: [],
  });
  expect(seen).toEqual(['published', 'received']);
});

describe('around handling', () => {
  test('stages see each call of each handler, also those of streams and waits', async () => {
    const bus = open([
      {
        handle: (event, next) =>
          event.data === 'hidden' ? undefined : next({ ...event, data: `<${String(event.data)}>` }),
      },
    ]);
    const seen: unknown[] = [];
    bus.subscribe('a', (event) => seen.push(event.data));
    const stream = bus.events('a');
    const wait = bus.waitFor('a');
    for (const data of ['hidden', 'x', 'y']) bus.emit('a', data);
    expect(seen).toEqual(['<x>', '<y>']);
    expect((await stream.next()).value?.data).toBe('<x>');
    expect((await wait).data).toBe('<x>');
  });

  test('a stream that ended while a stage kept an event gets it no more', async () => {
    const { opened, open: go } = gate();
    const bus = open([{ handle: async (event, next) => (await opened, next(event)) }]);
    const stream = bus.events('a');
    const report = bus.publishAndWait('a');
    await stream.return();
    go();
    expect(await report).toMatchObject({ handled: 1, errors: [] });
    expect((await stream.next()).done).toBe(true);
  });

  test('a handler is waited for and its error is reported, whatever a stage gives back', async () => {
    const wrong = new Error('wrong');
    for (const handle of [
      (event, next) => void next(event),
      (event, next) => next(event),
      async (event, next) => void next(event),
      async (event, next) => (await later(), next(event)),
    ] as EventStage[]) {
      const bus = open([{ handle }]);
      let done = false;
      bus.subscribe('a', async () => {
        await later();
        await later();
        done = true;
        throw wrong;
      });
      const report = await bus.publishAndWait('a');
      expect([done, report.errors]).toEqual([true, [wrong]]);
    }
  });

  test('a stage that fails after it passed on fails the call; the handler was called, and is not left unwatched', async () => {
    const wrong = new Error('stage');
    const unwatched = vi.fn();
    process.on('unhandledRejection', unwatched);
    try {
      for (const handle of [
        (event, next) => {
          next(event);
          throw wrong;
        },
        async (event, next) => {
          void next(event);
          throw wrong;
        },
      ] as EventStage[]) {
        const bus = open([{ handle }]);
        let calls = 0;
        bus.subscribe('sync', () => (calls += 1));
        bus.subscribe('async', () => Promise.reject(wrong));
        expect((await bus.publishAndWait('sync')).errors).toEqual([wrong]);
        expect((await bus.publishAndWait('async')).errors).toEqual([wrong]);
        expect(calls).toBe(1);
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(unwatched).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unwatched);
    }
  });
});
