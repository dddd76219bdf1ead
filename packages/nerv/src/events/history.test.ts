import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { EventBus } from './event-bus.ts';
import type { IncomingEvent, NervEvent } from './event.ts';
import { EventHistory, subscribeWithReplay } from './history.ts';
import type { LocalEventBus } from './local-event-bus.ts';

const open = (capacity = 100): LocalEventBus => new EventBus({ history: new EventHistory(capacity) });

describe('history', () => {
  test('keeps the last events, up to its size, and nothing once the bus is closed', () => {
    const history = new EventHistory(3);
    const bus = new EventBus({ history });
    for (const number of [1, 2, 3, 4, 5]) bus.emit('a', number);
    expect(bus.query().map(({ data }) => data)).toEqual([3, 4, 5]);
    expect(bus.query({ order: 'descending' }).map(({ data }) => data)).toEqual([5, 4, 3]);
    bus.close();
    expect(history.query({})).toEqual([]);
  });

  test('gives what a filter over all events gives, whole or by page, both ways', () => {
    const made = fc.record({
      type: fc.constantFrom('a', 'a.b', 'b'),
      source: fc.constantFrom('x', 'y', undefined),
      timestamp: fc.nat(9),
    });
    const asked = fc.record(
      {
        pattern: fc.constantFrom('a', 'a.**', '*', '**'),
        source: fc.constantFrom('x', 'y'),
        from: fc.nat(9),
        to: fc.nat(9),
        order: fc.constantFrom('ascending' as const, 'descending' as const),
      },
      { requiredKeys: [] },
    );
    const matches = { a: /^a$/, 'a.**': /^a(\..*)?$/, '*': /^[^.]+$/, '**': /./ } as const;
    fc.assert(
      fc.property(fc.array(made, { maxLength: 30 }), asked, fc.integer({ min: 1, max: 5 }), (events, query, limit) => {
        const bus = open(20);
        for (const [place, { type, source, timestamp }] of events.entries()) {
          bus.emit(type, place, { source, timestamp });
        }
        const expected = [...events.entries()]
          .slice(-20)
          .filter(([, event]) => matches[query.pattern ?? '**'].test(event.type))
          .filter(([, event]) => query.source === undefined || event.source === query.source)
          .filter(([, { timestamp }]) => timestamp >= (query.from ?? 0) && timestamp < (query.to ?? 10))
          .map(([place]) => place);
        if (query.order === 'descending') expected.reverse();
        expect(bus.query(query).map(({ data }) => data)).toEqual(expected);
        const paged: unknown[] = [];
        let cursor: string | undefined;
        do {
          const page = bus.queryPage({ ...query, limit, cursor });
          paged.push(...page.items.map(({ data }) => data));
          cursor = page.next;
        } while (cursor !== undefined);
        expect(paged).toEqual(expected);
      }),
    );
  });

  test('pages go on where they ended, both ways, also when events were forgotten meanwhile', () => {
    const bus = open(4);
    for (const number of [1, 2, 3, 4]) bus.emit('a', number);
    const first = bus.queryPage({ limit: 1 });
    const last = bus.queryPage({ limit: 1, order: 'descending' });
    for (const number of [5, 6]) bus.emit('a', number);
    expect(bus.queryPage({ limit: 9, cursor: first.next }).items.map(({ data }) => data)).toEqual([3, 4, 5, 6]);
    const before = bus.queryPage({ limit: 9, order: 'descending', cursor: last.next });
    expect(before.items.map(({ data }) => data)).toEqual([3]);
  });

  test('wrong limits, cursors and sizes are refused', () => {
    const invalid = expect.objectContaining({ code: 'event/invalid' }) as Error;
    expect(() => open().query({ limit: 0 })).toThrow(invalid);
    expect(() => open().queryPage({ cursor: 'x' })).toThrow(invalid);
    for (const size of [0, -1, 1.5]) expect(() => new EventHistory(size)).toThrow(invalid);
  });

  test('a handler that fails in a replay is reported, and the replay goes on', async () => {
    const failures: unknown[] = [];
    const bus = new EventBus({
      history: new EventHistory(9),
      onError: ({ error }) => failures.push(error),
    });
    for (const number of [1, 2, 3]) bus.emit('a', number);
    const seen: unknown[] = [];
    const count = bus.replay({ pattern: 'a' }, (event) => {
      seen.push(event.data);
      if (event.data === 1) throw new Error('sync');
      return event.data === 2 ? Promise.reject(new Error('async')) : undefined;
    });
    expect([count, seen]).toEqual([3, [1, 2, 3]]);
    expect(bus.replay({}, () => undefined)).toBe(3);
    await vi.waitFor(() => expect(failures).toHaveLength(2));
  });
});

describe('a subscription that begins with the past', () => {
  test('gets the past and then the present, each event once, whatever is emitted in its handler', async () => {
    const bus = open();
    for (const number of [1, 2, 3]) bus.emit('a', number);
    const seen: unknown[] = [];
    const subscription = subscribeWithReplay(bus, { pattern: 'a' }, (event) => {
      seen.push(event.data);
      if (event.data === 2) bus.emit('a', 4);
      if (event.data === 4) bus.emit('a', 5);
    });
    bus.emit('a', 6);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await subscription.caughtUp).toBe(3);
    subscription[Symbol.dispose]();
    bus.emit('a', 7);
    expect([seen.length, subscription.active]).toEqual([6, false]);
  });

  test('made in a handler, it does not get the event being handled twice', () => {
    const bus = open();
    const seen: unknown[] = [];
    bus.once('a', () => void subscribeWithReplay(bus, { pattern: 'a' }, (event) => seen.push(event.data)));
    bus.emit('a', 1);
    bus.emit('a', 2);
    expect(seen).toEqual([1, 2]);
  });

  test('asks the past and the present for the same', () => {
    const bus = open();
    const seen: unknown[] = [];
    const emit = (data: number, source: string): string => bus.emit('a', data, { source });
    emit(1, 'x');
    emit(2, 'y');
    subscribeWithReplay(bus, { pattern: 'a', source: 'x' }, (event) => seen.push(event.data));
    emit(3, 'y');
    emit(4, 'x');
    expect(seen).toEqual([1, 4]);
  });

  test('too many events meanwhile end it, because a gap must not go unseen', () => {
    const failures: unknown[] = [];
    const bus = new EventBus({
      history: new EventHistory(9),
      onError: ({ error }) => failures.push(error),
    });
    bus.emit('a', 0);
    const subscription = subscribeWithReplay(bus, { pattern: 'a', capacity: 1 }, () => {
      bus.emit('a', 1);
      bus.emit('a', 2);
    });
    expect(subscription.active).toBe(false);
    expect(failures).toEqual([expect.objectContaining({ code: 'event/buffer-full' })]);
  });

  test('unsubscribed while the past is handed over, it gets no more', async () => {
    const { bus, log, answer } = openLog();
    const seen: unknown[] = [];
    log(1);
    log(2);
    const subscription = subscribeWithReplay(bus, { pattern: 'a' }, (event) => {
      seen.push(event.seq);
      subscription.unsubscribe();
    });
    log(3);
    answer(2);
    await subscription.caughtUp;
    log(4);
    expect(seen).toEqual([1]);
  });

  test('over a log that answers later, no event is lost or comes twice, wherever the answer falls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(6), fc.nat(6), fc.nat(6), async (before, read, live) => {
        const { bus, log, answer } = openLog();
        const seen: unknown[] = [];
        for (let seq = 1; seq <= before; seq += 1) log(seq);
        const subscription = subscribeWithReplay(bus, { pattern: 'a' }, (event) => seen.push(event.seq));
        // Some come while the log is read: it may already have them, and pushes them in any case.
        for (let seq = before + 1; seq <= before + live; seq += 1) log(seq);
        answer(Math.min(before + read, before + live));
        await subscription.caughtUp;
        for (let seq = before + live + 1; seq <= before + live + 2; seq += 1) log(seq);
        expect(seen).toEqual(Array.from({ length: before + live + 2 }, (_, place) => place + 1));
      }),
    );
  });

  test('what the log had already handed over and then pushes is not handed over again', async () => {
    const { bus, log, answer, push } = openLog();
    const seen: unknown[] = [];
    log(1);
    const subscription = subscribeWithReplay(bus, { pattern: 'a' }, (event) => {
      seen.push(event.seq);
      if (event.seq === 1) push(1);
    });
    answer(1);
    await subscription.caughtUp;
    expect(seen).toEqual([1]);
  });
});

/** A bus whose past is a log that answers when told, up to where it is told. */
function openLog(): {
  bus: LocalEventBus;
  log: (seq: number) => void;
  push: (seq: number) => void;
  answer: (upTo: number) => void;
} {
  const events: IncomingEvent[] = [];
  const local = new EventBus();
  let tell: (upTo: number) => void = () => undefined;
  const asked = new Promise<number>((resolve) => {
    tell = resolve;
  });
  const replay = async (_: unknown, handler: (event: NervEvent) => unknown): Promise<number> => {
    const upTo = await asked;
    const past = events.filter(({ seq = 0 }) => seq <= upTo);
    for (const event of past)
      await handler({
        kind: 'application',
        source: undefined,
        metadata: {},
        pending: false,
        ...event,
      } as NervEvent);
    return past.length;
  };
  const push = (seq: number): void => void local.deliver({ id: `e${seq}`, type: 'a', data: seq, timestamp: 1, seq });
  const log = (seq: number): void => {
    events.push({ id: `e${seq}`, type: 'a', data: seq, timestamp: 1, seq });
    push(seq);
  };
  // Only what the subscription uses of a bus over a log.
  const bus = { subscribe: local.subscribe.bind(local), replay } as unknown as LocalEventBus;
  return { bus, log, push, answer: (upTo) => tell(upTo) };
}
