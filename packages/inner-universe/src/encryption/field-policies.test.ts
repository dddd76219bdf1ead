import { describe, expect, test } from 'vitest';
import { Encryption, type EncryptionOptions } from './encryption.ts';
import { FieldPatterns } from './field-patterns.ts';
import { FieldPolicies, makeNameMatcher } from './field-policies.ts';
import { openKeyRing } from './key-ring.ts';
import { MemoryKeyStore } from './key-store.ts';
import { makeKeyWrapper, makeRandomKey } from './key-wrapper.ts';

describe('patterns of fields', () => {
  const patterns = FieldPatterns.parse(['name', 'notes.*', '/a.b/$c', 'deep.*.x']);
  const touching: [string[], boolean][] = [
    [['name'], true],
    [['name', 'first'], true],
    [['notes'], true],
    [['notes', 'any'], true],
    [['a.b', '$$c'], true],
    [['a.b', '$c'], false],
    [['a', 'b'], false],
    [['deep', 'one', 'x', 'y'], true],
    [['deep', 'one', 'y'], false],
    [['other'], false],
    [[], true],
  ];
  test.each(touching)('touch %j: %s', (keys, expected) => {
    expect(patterns.touches(keys)).toBe(expected);
  });

  test.each([[''], ['a..b'], ['.a'], ['/a//b'], ['/']])("'%s' is none", (field) => {
    expect(() => FieldPatterns.parse([field])).toThrow(expect.objectContaining({ code: 'encryption/invalid-policy' }));
  });
});

test('names of stores and types match with * for any characters, and nothing else is special', () => {
  const matches = makeNameMatcher('patient/*');
  expect([matches('patient/1'), matches('patient/'), matches('patient'), matches('xpatient/1')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([makeNameMatcher('a.b')('axb'), makeNameMatcher('(a+)')('(a+)'), makeNameMatcher('*')('\n')]).toEqual([
    false,
    true,
    true,
  ]);
});

test('the first policy that names a field says whose it is', () => {
  const policies = new FieldPolicies<{ id: string }>({
    person: { fields: ['ssn'], subject: ({ id }) => id },
    '*': { fields: ['ssn', 'note'], subject: 'all' },
  });
  expect(policies.subjectOf('person', ['ssn'], { id: 'ada' })).toBe('ada');
  expect(policies.subjectOf('person', ['note'], { id: 'ada' })).toBe('all');
  expect(policies.subjectOf('company', ['ssn'], { id: 'x' })).toBe('all');
  const wrong = new FieldPolicies<object>({ a: { fields: true, subject: () => 5 as unknown as string } });
  expect(() => wrong.subjectOf('a', [], {})).toThrow(expect.objectContaining({ code: 'encryption/invalid-policy' }));
});

test('policies that make no sense are refused before anything is opened', async () => {
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } });
  const keyRing = await openKeyRing({ store: new MemoryKeyStore(), wrapper });
  const wrong: object[] = [
    { keyRing: {} },
    { keyRing, states: { a: {} } },
    { keyRing, states: { a: ['x..y'] } },
    { keyRing, events: { 'a..b': true } },
    { keyRing, entities: { person: true } },
  ];
  for (const options of wrong) {
    expect(() => new Encryption(options as EncryptionOptions, () => undefined)).toThrow(
      expect.objectContaining({ code: 'encryption/invalid-policy' }),
    );
  }
});

test('a name that is mistyped is refused, because what it means would go out in clear or under another key', async () => {
  const keyRing = await openKeyRing({
    store: new MemoryKeyStore(),
    wrapper: await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } }),
  });
  const wrong: readonly object[] = [
    { keyRing, entites: { person: ['ssn'] } },
    { keyRing, entities: { person: { fields: ['ssn'], subjet: 'ada' } } },
  ];
  for (const options of wrong) {
    // As a program without types gives it.
    expect(() => new Encryption(options as EncryptionOptions, () => undefined)).toThrow(
      expect.objectContaining({ code: 'encryption/invalid-policy', message: expect.stringMatching(/entites|subjet/) }),
    );
  }
});

test.each<object>([{}, { store: new MemoryKeyStore() }, { wrapper: { wrap: () => undefined } }])(
  'a key ring without what it needs is refused at once: %j',
  async (options) => {
    await expect(openKeyRing(options as Parameters<typeof openKeyRing>[0])).rejects.toMatchObject({
      code: 'encryption/invalid-keys',
    });
  },
);
