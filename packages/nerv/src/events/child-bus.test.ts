import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BusMiddleware } from './bus-parts.ts';
import { ChildEventBus } from './child-bus.ts';
import { EventBus } from './event-bus.ts';
import type { LocalEventBus } from './local-event-bus.ts';
import { MiddlewareStack } from './middleware.ts';

function listen(bus: LocalEventBus): string[] {
  const seen: string[] = [];
  bus.subscribe('**', (event) => seen.push(event.type));
  return seen;
}

test('a child gets what its parent does; what it publishes stays its own', () => {
  const parent = new EventBus();
  const child = new ChildEventBus(parent);
  const [above, below] = [listen(parent), listen(child)];
  parent.emit('from.parent');
  child.emit('from.child');
  expect([above, below]).toEqual([['from.parent'], ['from.parent', 'from.child']]);
});

test('patterns say what crosses', () => {
  const parent = new EventBus();
  const child = new ChildEventBus(parent, { up: 'public.**', down: 'news.*' });
  const deaf = new ChildEventBus(parent, { down: false });
  const [above, below, alone] = [listen(parent), listen(child), listen(deaf)];
  for (const type of ['public.a', 'private']) child.emit(type);
  for (const type of ['news.a', 'other']) parent.emit(type);
  expect(above).toEqual(['public.a', 'news.a', 'other']);
  expect(below).toEqual(['public.a', 'private', 'news.a']);
  expect(alone).toEqual([]);
});

test('an event keeps its id, and goes to each bus of a family once, wherever it was published', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 10 }), (publishers) => {
      const parent = new EventBus();
      const child = new ChildEventBus(parent, { up: '**' });
      const sibling = new ChildEventBus(parent, { up: '**' });
      const grandchild = new ChildEventBus(child, { up: '**' });
      const family = [parent, child, sibling, grandchild];
      const seen = family.map((bus) => {
        const ids: string[] = [];
        bus.subscribe('**', (event) => ids.push(event.id));
        return ids;
      });
      const published = publishers.map((member) => family[member]!.emit('a'));
      for (const ids of seen) expect(ids).toEqual(published);
    }),
  );
});

test('an event that crosses through asynchronous middleware still comes once', async () => {
  const slow: BusMiddleware = {
    receive: async (event, next) => (await Promise.resolve(), next(event)),
  };
  const parent = new EventBus({ middleware: new MiddlewareStack([slow]) });
  const child = new ChildEventBus(parent, { up: '**' });
  const [above, below] = [listen(parent), listen(child)];
  await child.publishAndWait('a');
  await child.publishAndWait('b');
  expect([above, below]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

test('publishAndWait waits for the parent too, and a parent that refuses is an error of the child', async () => {
  const parent = new EventBus();
  let isDone = false;
  parent.subscribe('a', async () => {
    await Promise.resolve();
    isDone = true;
  });
  const failures: unknown[] = [];
  const child = new ChildEventBus(parent, {
    up: '**',
    down: false,
    onError: ({ error }) => failures.push(error),
  });
  await child.publishAndWait('a');
  expect(isDone).toBe(true);
  const refusing = {
    receive: () => {
      throw new Error('refused');
    },
  };
  const strict = new EventBus({ middleware: new MiddlewareStack([refusing]) });
  const other = new ChildEventBus(strict, {
    up: '**',
    onError: ({ error }) => failures.push(error),
  });
  expect((await other.publishAndWait('a')).errors).toEqual([new Error('refused')]);
  expect(failures).toEqual([new Error('refused')]);
});

test('a child ends with its parent; a parent does not end with its child', () => {
  const parent = new EventBus();
  const [child, other] = [new ChildEventBus(parent), new ChildEventBus(parent, { down: false })];
  const seen = listen(parent);
  const subscription = child.subscribe('a', () => undefined);
  child.close();
  child.close();
  parent.emit('a');
  expect([seen, subscription.active]).toEqual([['a'], false]);
  parent.close();
  expect(() => other.emit('a')).toThrow(expect.objectContaining({ code: 'event/closed' }));
  expect(() => new ChildEventBus(parent)).toThrow(expect.objectContaining({ code: 'event/closed' }));
});
