import { expect, test } from 'vitest';
import { EventBus } from './event-bus.ts';
import { EventHistory } from './event-history.ts';
import type { IncomingEvent, NervEvent } from './event.ts';
import { LogReceiver, MAX_PENDING } from './log-receiver.ts';

const logged = (seq: number, id = `e${seq}`): IncomingEvent => ({
  id,
  type: 'a',
  data: seq,
  timestamp: 1000 + seq,
  seq,
});
const pending: IncomingEvent = { id: 'mine', type: 'a', data: 1, timestamp: 1, pending: true };

function open(): { bus: InstanceType<typeof EventBus>; receiver: LogReceiver; seen: NervEvent[] } {
  const history = new EventHistory(100);
  const bus = new EventBus({ history });
  const seen: NervEvent[] = [];
  bus.subscribe('a', (event) => seen.push(event));
  return { bus, receiver: new LogReceiver(bus, () => 5, history), seen };
}

test('events are delivered once each, by seq', () => {
  const { bus, receiver, seen } = open();
  for (const seq of [0, 1, 3, 2, 3, 4]) void receiver.deliver(logged(seq));
  expect(seen.map(({ seq }) => seq)).toEqual([0, 1, 3, 4]);
  expect(bus.query({ afterSeq: 1 }).map(({ seq }) => seq)).toEqual([3, 4]);
});

test('an event without a seq is delivered, and moves nothing', () => {
  const { receiver, seen } = open();
  void receiver.deliver(logged(5));
  void receiver.deliver({ id: 'e', type: 'a', data: 0, timestamp: 1 });
  void receiver.deliver(logged(5, 'again'));
  expect(seen.map(({ id }) => id)).toEqual(['e5', 'e']);
});

test('an event delivered as pending is not delivered again, and is remembered once the log has it', async () => {
  const { bus, receiver, seen } = open();
  expect(await receiver.deliver(pending)).toMatchObject({ handled: 1 });
  expect(bus.query()).toEqual([]);
  expect(receiver.deliver(logged(7, 'mine'))).toBeUndefined();
  void receiver.deliver(logged(8));
  void receiver.deliver({ ...pending, id: 'other' });
  void receiver.deliver({ ...pending, id: 'other', pending: false });
  expect(seen.map(({ id, pending: isPending }) => [id, isPending])).toEqual([
    ['mine', true],
    ['e8', false],
    ['other', true],
  ]);
  expect(bus.query().map(({ seq }) => seq)).toEqual([7, 8, undefined]);
});

test('a confirmed event needs no history', () => {
  const bus = new EventBus();
  const receiver = new LogReceiver(bus, () => 5);
  let calls = 0;
  bus.subscribe('a', () => (calls += 1));
  void receiver.deliver(pending);
  void receiver.deliver(logged(1, 'mine'));
  expect(calls).toBe(1);
});

test('a pending event that is refused is followed by event.rejected with its id, once', () => {
  const { bus, receiver } = open();
  const seen: unknown[] = [];
  bus.subscribe('event.rejected', (event) => seen.push([event.id, event.timestamp, event.data]));
  void receiver.deliver(pending);
  receiver.rejectPending('mine', 'denied');
  receiver.rejectPending('mine', 'denied');
  receiver.rejectPending('unknown', 'denied');
  expect(seen).toEqual([['mine', 5, { type: 'a', reason: 'denied' }]]);
  void receiver.deliver(pending);
  receiver.close();
  receiver.rejectPending('mine', 'denied');
  expect(seen).toHaveLength(1);
});

test('a wrong event is refused and does not move the receiver on', () => {
  const { receiver, seen } = open();
  expect(() => receiver.deliver({ ...logged(5), id: '' })).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  expect(() => receiver.deliver({ ...pending, type: 'a b' })).toThrow(
    expect.objectContaining({ code: 'event/invalid' }),
  );
  void receiver.deliver(logged(0, 'mine'));
  expect(seen.map(({ id }) => id)).toEqual(['mine']);
});

test('so many pending events are remembered, and the oldest are forgotten', () => {
  const { receiver, seen } = open();
  for (let number = 0; number <= MAX_PENDING; number += 1) void receiver.deliver({ ...pending, id: `p${number}` });
  void receiver.deliver(logged(1, 'p0'));
  void receiver.deliver(logged(2, 'p1'));
  expect(seen.length).toBe(MAX_PENDING + 2);
  expect(seen.at(-1)?.id).toBe('p0');
});
