import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Timers } from '../ids/clock.ts';
import { EventBus } from './event-bus.ts';
import type { HandlerErrorData, NervEvent } from './event.ts';
import { MAX_DEPTH } from './core-event-bus.ts';
import { EventHistory } from './event-history.ts';
import { MAX_BLOCKED } from './event-stream.ts';
import { assertPublishable } from './incoming-event.ts';
import { matchesPattern } from './pattern.ts';
import { MAX_CACHED_ROUTES } from './router.ts';

/** Timers that wait for the test. */
class ManualTimers implements Timers {
  readonly waiting = new Set<{ readonly callback: () => void; readonly delayMs: number }>();

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { callback, delayMs };
    this.waiting.add(timer);
    return () => this.waiting.delete(timer);
  }
}

describe('delivery', () => {
  const types = ['a', 'a.b', 'a.b.c', 'b'];
  const patterns = ['a', 'a.*', 'a.**', '**', 'b', '*.b'];
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('emit' as const), type: fc.constantFrom(...types) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('subscribe' as const),
        pattern: fc.constantFrom(...patterns),
        priority: fc.nat(2),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), place: fc.nat(10) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('once' as const),
        pattern: fc.constantFrom(...patterns),
      }),
    },
  );

  test('no event is lost, delivered twice, or out of order, whatever the interleaving', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bus = new EventBus();
        const seen: string[] = [];
        const expected: string[] = [];
        let model: {
          name: number;
          pattern: string;
          priority: number;
          once: boolean;
          end: () => void;
        }[] = [];
        let names = 0;
        let events = 0;
        for (const now of steps) {
          if (now.do === 'emit') {
            events += 1;
            const takers = model.filter(({ pattern }) => matchesPattern(pattern, now.type));
            takers.sort((left, right) => right.priority - left.priority || left.name - right.name);
            for (const { name } of takers) expected.push(`${name}:${events}`);
            model = model.filter((taker) => !taker.once || !takers.includes(taker));
            bus.emit(now.type, events);
          } else if (now.do === 'unsubscribe') {
            model[now.place]?.end();
            model.splice(now.place, 1);
          } else {
            names += 1;
            const name = names;
            const once = now.do === 'once';
            const priority = now.do === 'once' ? 0 : now.priority;
            const subscription = bus.subscribe({ pattern: now.pattern, priority, once }, (event) =>
              seen.push(`${name}:${String(event.data)}`),
            );
            model.push({
              name,
              pattern: now.pattern,
              priority,
              once,
              end: () => subscription.unsubscribe(),
            });
          }
        }
        expect(seen).toEqual(expected);
      }),
    );
  });

  test('who subscribes in a handler gets the next event, not this one', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    bus.once('a', () => bus.subscribe('a', () => seen.push('late')));
    bus.subscribe('a', () => seen.push('early'));
    bus.emit('a');
    bus.emit('a');
    expect(seen).toEqual(['early', 'early', 'late']);
  });

  test('a handler unsubscribed before its turn is not called', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    const later: { unsubscribe(): void }[] = [];
    bus.subscribe('a', () => later[0]?.unsubscribe());
    later.push(bus.subscribe('a', () => seen.push('called')));
    bus.emit('a');
    expect(seen).toEqual([]);
  });

  test('an event emitted in a handler is delivered before emit returns', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    bus.subscribe('outer', () => {
      bus.emit('inner');
      seen.push('outer');
    });
    bus.subscribe('inner', () => seen.push('inner'));
    bus.emit('outer');
    expect(seen).toEqual(['inner', 'outer']);
  });

  test('handlers that emit what they handle are stopped with an error', () => {
    const failures: HandlerErrorData[] = [];
    const bus = new EventBus({ onError: (failure) => failures.push(failure) });
    let calls = 0;
    bus.subscribe('again', () => {
      calls += 1;
      bus.emit('again');
    });
    bus.emit('again');
    expect(calls).toBe(MAX_DEPTH);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.error).toMatchObject({ code: 'event/limit' });
    bus.emit('other');
  });

  test('more types than routes are kept are all delivered', () => {
    const bus = new EventBus();
    let calls = 0;
    bus.subscribe('t.*', () => {
      calls += 1;
    });
    for (let round = 0; round < 2; round += 1) {
      for (let type = 0; type <= MAX_CACHED_ROUTES; type += 1) bus.emit(`t.${type}`);
    }
    expect(calls).toBe(2 * (MAX_CACHED_ROUTES + 1));
  });

  test('types like the names of object methods are ordinary types', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    bus.subscribe('**', (event) => seen.push(event.type));
    for (const type of ['toString', '__proto__', 'constructor']) bus.emit(type);
    expect(seen).toEqual(['toString', '__proto__', 'constructor']);
  });

  test('ids rise in the order of emission', () => {
    const bus = new EventBus();
    const ids = Array.from({ length: 1000 }, () => bus.emit('a'));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1000);
  });

  test('the clock and the ids are those the bus was given', () => {
    const bus = new EventBus({
      clock: { nowMicros: () => 1_234_567n },
      ids: { nextId: () => 'the-id' },
    });
    const seen: NervEvent[] = [];
    bus.subscribe('a', (event) => seen.push(event));
    expect(bus.emit('a')).toBe('the-id');
    expect(seen[0]).toMatchObject({ id: 'the-id', timestamp: 1234 });
  });
});

describe('errors of handlers', () => {
  test('reach the hook and handler.error with the event and the pattern', () => {
    const failures: HandlerErrorData[] = [];
    const heard: unknown[] = [];
    const bus = new EventBus({
      onError: (failure) => failures.push(failure),
      history: new EventHistory(10),
    });
    const wrong = new Error('wrong');
    bus.subscribe('handler.error', (event) => heard.push(event.data));
    bus.subscribe('order.*', () => {
      throw wrong;
    });
    const id = bus.emit('order.placed', 1);
    expect(failures).toEqual([{ error: wrong, pattern: 'order.*', event: expect.objectContaining({ id }) }]);
    expect(heard).toEqual(failures);
    expect(bus.query({ kind: 'system' }).map(({ type }) => type)).toEqual(['handler.error']);
  });

  test('in a handler of handler.error reach the hook alone, without a loop', () => {
    const failures: unknown[] = [];
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    const first = new Error('first');
    const second = new Error('second');
    bus.subscribe('handler.error', () => {
      throw second;
    });
    bus.subscribe('a', () => Promise.reject(first));
    bus.subscribe('b', () => {
      throw first;
    });
    bus.emit('b');
    expect(failures).toEqual([first, second]);
  });

  test('go to the console if nobody asked for them, and so does what a failing hook throws', () => {
    const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      const wrong = new Error('wrong');
      const bus = new EventBus();
      bus.subscribe('a', () => {
        throw wrong;
      });
      bus.emit('a');
      expect(shown).toHaveBeenLastCalledWith(expect.stringContaining(`'a'`), wrong);
      const hookWrong = new Error('hook');
      const hooked = new EventBus({
        onError: () => {
          throw hookWrong;
        },
      });
      let reached = false;
      hooked.subscribe('a', () => {
        throw wrong;
      });
      hooked.subscribe('a', () => {
        reached = true;
      });
      hooked.emit('a');
      expect(reached).toBe(true);
      expect(shown).toHaveBeenLastCalledWith(expect.any(String), hookWrong);
    } finally {
      shown.mockRestore();
    }
  });

  test('of filters are errors of their subscription', () => {
    const failures: unknown[] = [];
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    const wrong = new Error('filter');
    bus.subscribe(
      {
        pattern: 'a',
        filter: () => {
          throw wrong;
        },
      },
      () => failures.push('called'),
    );
    bus.emit('a');
    expect(failures).toEqual([wrong]);
  });
});

describe('bounded concurrency', () => {
  test('at most so many calls are unsettled, in the order of events', async () => {
    const bus = new EventBus();
    const started: unknown[] = [];
    const finish: (() => void)[] = [];
    let running = 0;
    let most = 0;
    bus.subscribe({ pattern: 'a', concurrency: 2 }, async (event) => {
      started.push(event.data);
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => finish.push(resolve));
      running -= 1;
    });
    const reports = [1, 2, 3, 4, 5].map((number) => bus.publishAndWait('a', number));
    expect(started).toEqual([1, 2]);
    while (started.length < 5 || finish.length > 0) {
      finish.shift()?.();
      await Promise.resolve();
    }
    expect((await Promise.all(reports)).map(({ handled, errors }) => [handled, errors])).toEqual(
      Array.from({ length: 5 }, () => [1, []]),
    );
    expect(started).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  test('what finds the queue full is dropped and reported', () => {
    const failures: unknown[] = [];
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    bus.subscribe({ pattern: 'a', concurrency: 1, capacity: 1 }, () => new Promise(() => undefined));
    for (const number of [1, 2, 3]) bus.emit('a', number);
    expect(failures).toEqual([expect.objectContaining({ code: 'event/buffer-full' })]);
  });

  test('events that wait for a handler that unsubscribes are let go', async () => {
    const bus = new EventBus();
    const seen: unknown[] = [];
    let finish = (): void => undefined;
    const subscription = bus.subscribe({ pattern: 'a', concurrency: 1 }, (event) => {
      seen.push(event.data);
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const first = bus.publishAndWait('a', 1);
    const second = bus.publishAndWait('a', 2);
    subscription.unsubscribe();
    await second;
    finish();
    await first;
    expect(seen).toEqual([1]);
  });

  test('an error of a call that waited is reported, and the next is called', async () => {
    const failures: unknown[] = [];
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    const seen: unknown[] = [];
    bus.subscribe({ pattern: 'a', concurrency: 1 }, async (event) => {
      seen.push(event.data);
      await Promise.resolve();
      throw new Error(`wrong ${String(event.data)}`);
    });
    const reports = await Promise.all([1, 2, 3].map((number) => bus.publishAndWait('a', number)));
    expect(seen).toEqual([1, 2, 3]);
    expect(reports.map(({ errors }) => errors.length)).toEqual([1, 1, 1]);
    expect(failures).toHaveLength(3);
  });
});

describe('waitFor', () => {
  test('gives its timer and its subscription back, however it ends', async () => {
    const timers = new ManualTimers();
    const bus = new EventBus({ timers });
    const came = bus.waitFor('a', { timeoutMs: 50 });
    expect([...timers.waiting].map(({ delayMs }) => delayMs)).toEqual([50]);
    bus.emit('a', 1);
    expect((await came).data).toBe(1);
    expect(timers.waiting.size).toBe(0);

    const late = bus.waitFor('a', { timeoutMs: 60 });
    for (const { callback } of timers.waiting) callback();
    await expect(late).rejects.toMatchObject({
      code: 'event/timeout',
      details: { pattern: 'a', timeoutMs: 60 },
    });
    expect(timers.waiting.size).toBe(0);
  });

  test('a signal that is aborted already rejects at once', async () => {
    const bus = new EventBus();
    await expect(bus.waitFor('a', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  });
});

describe('streams', () => {
  test('block: who awaits delivery waits for room, and the order holds', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { capacity: 2, overflow: 'block' });
    const delivered: number[] = [];
    for (const number of [1, 2, 3, 4]) {
      void bus.publishAndWait('a', number).then(() => delivered.push(number));
    }
    await vi.waitFor(() => expect(delivered).toEqual([1, 2]));
    expect((await stream.next()).value?.data).toBe(1);
    await vi.waitFor(() => expect(delivered).toEqual([1, 2, 3]));
    const rest = [await stream.next(), await stream.next(), await stream.next()].map(({ value }) => value?.data);
    expect(rest).toEqual([2, 3, 4]);
    expect(stream.dropped).toBe(0);
  });

  test('block: so many wait for room, and one more ends the stream with an error after what it holds', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { capacity: 1, overflow: 'block' });
    for (let number = 0; number < 1 + MAX_BLOCKED; number += 1) bus.emit('a', number);
    const released = bus.publishAndWait('a', 'too many');
    await released;
    for (let number = 0; number < 1 + MAX_BLOCKED; number += 1) expect((await stream.next()).value?.data).toBe(number);
    await expect(stream.next()).rejects.toMatchObject({ code: 'event/buffer-full' });
    expect((await stream.next()).done).toBe(true);
    expect(stream.dropped).toBe(1);
  });

  test('an event for a reader that waits takes no room in the buffer', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { capacity: 1 });
    const reader = stream.next();
    bus.emit('a', 1);
    bus.emit('a', 2);
    bus.emit('a', 3);
    bus.emit('a', 4);
    expect((await reader).value?.data).toBe(1);
    expect((await stream.next()).value?.data).toBe(2);
    await expect(stream.next()).rejects.toMatchObject({
      code: 'event/buffer-full',
      details: { capacity: 1 },
    });
  });

  test('several readers are served in turn, and let go at the end', async () => {
    const bus = new EventBus();
    const stream = bus.events('a');
    const readers = [stream.next(), stream.next(), stream.next()];
    bus.emit('a', 1);
    bus.emit('a', 2);
    await stream.return();
    expect((await Promise.all(readers)).map(({ value }) => value?.data)).toEqual([1, 2, undefined]);
  });

  test('a publisher that waits for room is let go when the stream ends', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { capacity: 1, overflow: 'block' });
    bus.emit('a', 1);
    const blocked = bus.publishAndWait('a', 2);
    await stream[Symbol.asyncDispose]();
    expect((await blocked).handled).toBe(1);
  });

  test('when the bus closes, what is held and what waits for room is still given, each once', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { capacity: 1, overflow: 'block' });
    const published = [1, 2, 3, 4].map((number) => bus.publishAndWait('a', number));
    expect((await stream.next()).value?.data).toBe(1);
    bus.close();
    const rest = [await stream.next(), await stream.next(), await stream.next()].map(({ value }) => value?.data);
    expect(rest).toEqual([2, 3, 4]);
    expect((await stream.next()).done).toBe(true);
    expect(await Promise.all(published)).toHaveLength(4);
  });

  test('what a stream holds is forgotten when it is left', async () => {
    const bus = new EventBus();
    const stream = bus.events('a');
    bus.emit('a', 1);
    await stream.return();
    expect((await stream.next()).done).toBe(true);
  });

  test('hundreds of events wait in order while others come and go', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { capacity: 500 });
    const found: unknown[] = [];
    for (let number = 0; number < 1_000; number += 1) {
      bus.emit('a', number);
      if (number >= 300) found.push((await stream.next()).value?.data);
    }
    while (found.length < 1_000) found.push((await stream.next()).value?.data);
    expect(found).toEqual(Array.from({ length: 1_000 }, (_, number) => number));
  });

  test('a stream that is over listens to its signal no longer', async () => {
    const bus = new EventBus();
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_: 'abort', listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: 'abort', listener: () => void) => void listeners.delete(listener),
    };
    const stream = bus.events('a', { signal });
    expect(listeners.size).toBe(1);
    await stream.return();
    expect(listeners.size).toBe(0);
  });

  test('a stream of an aborted signal is over from the start', async () => {
    const bus = new EventBus();
    const stream = bus.events('a', { signal: AbortSignal.abort() });
    bus.emit('a', 1);
    expect((await stream.next()).done).toBe(true);
  });

  test.each([{ capacity: 0 }, { capacity: 1.5 }])('%j is refused', (options) => {
    expect(() => new EventBus().events('a', options)).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  });
});

describe('events from elsewhere', () => {
  const incoming = { id: 'e1', type: 'a', data: 1, timestamp: 1000 };

  test('deliver tells what became of the event, if anybody took it', async () => {
    const bus = new EventBus();
    const seen: string[] = [];
    expect(bus.deliver(incoming)).toBeUndefined();
    bus.subscribe('a', async () => {
      await Promise.resolve();
      seen.push('handled');
    });
    expect(await bus.deliver(incoming)).toEqual({ id: 'e1', handled: 1, errors: [] });
    expect(seen).toEqual(['handled']);
  });

  test('system events are delivered to those who asked for them', () => {
    const bus = new EventBus();
    const seen: string[] = [];
    bus.subscribe('**', (event) => seen.push(`application ${event.type}`));
    bus.subscribe({ pattern: '**', kind: 'system' }, (event) => seen.push(`system ${event.type}`));
    bus.deliver({ ...incoming, type: 'ENTITY_CREATED', kind: 'system' });
    expect(seen).toEqual(['system ENTITY_CREATED']);
  });

  test.each([
    { seq: -1 },
    { seq: 1.5 },
    { type: 'a b' },
    { type: 7 },
    { id: '' },
    { timestamp: Number.NaN },
    { source: 7 },
  ])('%j is refused', (wrong) => {
    const bus = new EventBus();
    let calls = 0;
    bus.subscribe('**', () => (calls += 1));
    // That a caller without types may try is the point.
    expect(() => bus.deliver({ ...incoming, ...wrong } as typeof incoming)).toThrow(
      expect.objectContaining({ code: 'event/invalid' }),
    );
    expect(calls).toBe(0);
  });

  test('without a log nothing can be durable', async () => {
    const bus = new EventBus();
    expect(() => bus.publish('a', 1, { durability: 'durable' })).toThrow(
      expect.objectContaining({ code: 'event/no-log' }),
    );
    await expect(bus.publishAndWait('a', 1, { durability: 'durable' })).rejects.toMatchObject({
      code: 'event/no-log',
    });
    expect(bus.publish('a', 1, { durability: 'ephemeral' })).toEqual(expect.any(String));
  });

  test('without a history there is no past to ask for', () => {
    for (const ask of [() => new EventBus().query(), () => new EventBus().queryPage()]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'event/no-history' }));
    }
    expect(() => new EventBus().replay({ pattern: 'a' }, () => undefined)).toThrow(
      expect.objectContaining({ code: 'event/no-history' }),
    );
  });
});

test('what a bus would refuse can be asked before an event is sent elsewhere', () => {
  expect(() => assertPublishable('order.placed', { id: 'x', timestamp: 1 })).not.toThrow();
  for (const [type, options] of [
    ['a b', {}],
    ['handler.error', {}],
    ['a', { id: '' }],
    ['a', { timestamp: NaN }],
  ] as const) {
    expect(() => assertPublishable(type, options)).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  }
});

test('to dispose of a bus is to close it', () => {
  const bus = new EventBus();
  const subscription = bus.subscribe('a', () => undefined);
  bus[Symbol.dispose]();
  expect(subscription.active).toBe(false);
  expect(() => bus.emit('a')).toThrow(expect.objectContaining({ code: 'event/closed' }));
});
