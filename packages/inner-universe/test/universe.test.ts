import { expect, test } from 'vitest';
import { describeForms, describeThread, type Form } from './forms.ts';

function describePrograms(form: Form): void {
  test('a program publishes, commits, reads the past and builds a graph', async () => {
    const universe = await form.open();
    try {
      const seen: unknown[] = [];
      universe.events.subscribe('order.*', (event) => seen.push(event.data));
      await universe.events.publish('order.placed', { id: 1, total: 12.5 });
      expect(seen).toEqual([{ id: 1, total: 12.5 }]);

      const cart = await universe.states.open('cart', { items: [] as string[] });
      const v1 = await cart.commit((draft) => {
        draft.items.push('apple');
      }, 'add an apple');
      await cart.commit((draft) => {
        draft.items.push('pear');
      });
      expect((await cart.at(v1)).items).toEqual(['apple']);
      expect(cart.state.items).toEqual(['apple', 'pear']);

      const ada = await universe.graph.createEntity('person', { name: 'Ada' });
      expect(await universe.graph.getEntity(ada)).toEqual(ada);
      const { events, entities, versions } = await universe.client.getSystemStatus();
      expect([events, entities, versions]).toEqual([1n, 1n, 3n]);
    } finally {
      await universe.close();
    }
  });

  test('publishing without awaiting keeps the order, and closing sends all of it', async () => {
    const universe = await form.open();
    const count = 2_500;
    const published = Array.from({ length: count }, (_, number) => universe.events.publish('tick', { number }));
    const closed = universe.close();
    await Promise.all(published);
    await closed;
    await expect(universe.events.publish('tick', {})).rejects.toMatchObject({ code: 'event/closed' });
    await expect(universe.client.write([])).rejects.toMatchObject({ code: 'universe/closed' });
    await expect(universe.client.getSystemStatus()).rejects.toMatchObject({ code: 'universe/closed' });
  });

  test('a handler sees what was published in a loop once each, in order', async () => {
    const universe = await form.open();
    try {
      const seen: number[] = [];
      universe.events.subscribe('tick', (event) => seen.push((event.data as { number: number }).number));
      const count = 2_500;
      await Promise.all(Array.from({ length: count }, (_, number) => universe.events.publish('tick', { number })));
      await universe.client.catchUp();
      expect(seen).toEqual(Array.from({ length: count }, (_, number) => number));
    } finally {
      await universe.close();
    }
  });

  test('of calls that share a request, the refused one fails alone, with its own index', async () => {
    const universe = await form.open();
    try {
      await universe.graph.createEntity('person', { id: 'ada' });
      const results = await Promise.allSettled([
        universe.events.publish('before', 1),
        universe.graph.createEntity('person', { id: 'bob' }),
        universe.graph.createEntity('person', { id: 'ada' }),
        universe.events.publish('after', 2),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
      expect(results[2]).toMatchObject({ reason: { code: 'entity/id-taken', details: { op: 0, ids: ['ada'] } } });
      expect((await universe.events.query()).map(({ type }) => type)).toEqual(['before', 'after']);
    } finally {
      await universe.close();
    }
  });

  test('values larger than a column are stored in pieces and read back whole', async () => {
    const universe = await form.open();
    try {
      const large = 'ö'.repeat(400_000);
      const seen: string[] = [];
      universe.events.subscribe('**', (event) =>
        seen.push(`${event.type} ${(event.data as { text: string }).text.length}`),
      );
      await Promise.all([
        universe.events.publish('large', { text: large }, { metadata: { also: large } }),
        universe.events.publish('small', { text: 'x' }),
      ]);
      const report = await universe.events.publishAndWait('last', { text: large });
      expect(report.handled).toBe(1);
      expect(seen).toEqual(['large 400000', 'small 1', 'last 400000']);
      const [event] = await universe.events.query({ pattern: 'large' });
      expect(event?.metadata).toEqual({ also: large });

      const store = await universe.states.open('doc', { text: large, pages: [] as string[] });
      const version = await store.commit((draft) => {
        draft.pages.push(large);
      });
      await store.commit((draft) => {
        draft.text = 'short';
      });
      const { tree } = await universe.states.load(version);
      expect(tree.get('/pages/0')).toBe(large);

      const entity = await universe.graph.createEntity('page', { properties: { text: large, words: 1 } });
      const updated = await universe.graph.updateEntity(entity, {
        properties: { words: 2 },
        removeProperties: ['none'],
      });
      expect(updated.properties).toEqual({ text: large, words: 2 });
      const grown = await universe.graph.createEntity('page', { properties: { title: 'short' } });
      await universe.graph.updateEntity(grown, { properties: { text: large } });
      expect((await universe.graph.getEntity(grown))?.properties).toEqual({ title: 'short', text: large });
      const smaller = await universe.graph.updateEntity(grown, { removeProperties: ['text'] });
      expect(smaller.properties).toEqual({ title: 'short' });
    } finally {
      await universe.close();
    }
  });

  test('a value over the greatest size is refused by name and size, and nothing is written', async () => {
    const universe = await form.open();
    try {
      const tooLarge = 'x'.repeat(64 * 1024 * 1024);
      const publishing = universe.events.publish('huge', { text: tooLarge }, { id: 'huge' });
      await expect(publishing).rejects.toMatchObject({
        code: 'value/too-large',
        message: expect.stringContaining('event huge'),
      });
      expect(await universe.events.query()).toEqual([]);
    } finally {
      await universe.close();
    }
  });

  test('ephemeral, local and optimistic events go as far as they say', async () => {
    const universe = await form.open();
    try {
      const seen: string[] = [];
      universe.events.subscribe('**', (event) =>
        seen.push(`${event.type} ${event.seq === undefined} ${event.pending}`),
      );
      await universe.events.publish('fleeting', 1, { durability: 'ephemeral' });
      await universe.events.publish('here', 2, { durability: 'local' });
      const published = universe.events.publish('hasty', 3, { optimistic: true, id: 'hasty' });
      expect(seen.at(-1)).toBe('hasty true true');
      await published;
      const rejected = universe.events.waitFor({ pattern: 'event.rejected', kind: 'system' });
      await expect(universe.events.publish('hasty', 4, { optimistic: true, id: 'hasty' })).rejects.toMatchObject({
        code: 'event/id-taken',
      });
      expect((await rejected).id).toBe('hasty');
      await universe.client.catchUp();
      expect(seen).toEqual(['fleeting true false', 'here true false', 'hasty true true', 'hasty true true']);
      expect((await universe.events.query()).map(({ type }) => type)).toEqual(['hasty']);
    } finally {
      await universe.close();
    }
  });
}

describeForms(describePrograms);
describeThread(describePrograms);
