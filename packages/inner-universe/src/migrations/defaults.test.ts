import { expect, test } from 'vitest';
import { addDefaults, addStateDefaults } from './defaults.ts';

test('defaults go to rows that lack them, and to no others', () => {
  const migrate = addDefaults({ email: '', active: true });
  expect(migrate({ properties: { email: 'ada@example.org' } })).toEqual({ properties: { active: true } });
  expect(migrate({ properties: { email: undefined, active: false } })).toBeUndefined();
  expect(migrate({ properties: { email: '', active: true, more: 1 } })).toBeUndefined();
});

test('defaults go to the keys of a state, which must have some', () => {
  const migrate = addStateDefaults({ currency: 'EUR' });
  expect(migrate({ items: [] })).toEqual({ items: [], currency: 'EUR' });
  expect(migrate({ currency: 'USD' })).toEqual({ currency: 'USD' });
  expect(() => migrate([])).toThrow(/no object/);
});
