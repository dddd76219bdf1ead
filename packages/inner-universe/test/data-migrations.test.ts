import { expect, test } from 'vitest';
import { addDefaults, addStateDefaults, defineMigrations } from '../src/index.ts';
import { describeForms, describeThread, type Form } from './forms.ts';

const migrations = defineMigrations([
  {
    id: '2026-11-add-email',
    entities: { person: addDefaults({ email: '' }) },
    states: { cart: { branches: 'all', migrate: addStateDefaults({ currency: 'EUR' }) } },
  },
  {
    id: '2026-12-one-name',
    entities: {
      person: ({ properties: { first, last } }) => ({
        properties: { name: [first, last].join(' ') },
        removeProperties: ['first', 'last'],
      }),
    },
    relations: { knows: ({ strength }) => (strength < 1 ? { strength: 1 } : undefined) },
    states: { cart: (state: { items: string[] }) => ({ ...state, items: state.items.map((name) => ({ name })) }) },
  },
]);

const body = (form: Form): void => {
  test('an application brings its data forward, once, in the order of its migrations', async () => {
    const universe = await form.open();
    try {
      await universe.graph.createEntity('person', { id: 'ada', properties: { first: 'Ada', last: 'Lovelace' } });
      await universe.graph.createEntity('person', {
        id: 'bob',
        properties: { first: 'Bob', last: 'Roe', email: 'b@x' },
      });
      await universe.graph.createRelation('knows', { id: 'r', from: 'ada', to: 'bob', strength: 0.5 });
      const cart = await universe.states.open('cart', { items: ['apple'] });
      await cart.createBranch('gift');
      expect((await universe.migrations.status(migrations)).map(({ state }) => state)).toEqual(['pending', 'pending']);
      const report = await universe.migrate(migrations);
      expect(report.applied).toEqual(['2026-11-add-email', '2026-12-one-name']);
      expect((await universe.migrate(migrations)).applied).toEqual([]);
      const [ada, bob] = await Promise.all([universe.graph.getEntity('ada'), universe.graph.getEntity('bob')]);
      expect(ada?.properties).toEqual({ name: 'Ada Lovelace', email: '' });
      expect(bob?.properties).toEqual({ name: 'Bob Roe', email: 'b@x' });
      expect((await universe.graph.getRelation('r'))?.strength).toBe(1);
      const gift = await universe.states.open('cart', undefined, { branch: 'gift' });
      const main = await universe.states.open('cart');
      expect(gift.state).toEqual({ items: ['apple'], currency: 'EUR' });
      expect(main.state).toEqual({ items: [{ name: 'apple' }], currency: 'EUR' });
      // What was is still there.
      expect(await main.at(2)).toEqual({ items: ['apple'] });
      expect(await universe.graph.history('ada')).toHaveLength(3);
      expect(universe.metrics.snapshot().find(({ name }) => name.includes('migrations'))).toBeDefined();
    } finally {
      await universe.close();
    }
  });
};

describeForms(body);
describeThread(body);
