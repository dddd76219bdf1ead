import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { StateTree } from '@inner-universe/nerv/temporal';
import { Sealed, stringify } from '@inner-universe/nerv/values';
import { Encryption } from './encryption.ts';
import { openKeyRing, type KeyRing } from './key-ring.ts';
import { MemoryKeyStore } from './key-store.ts';
import { makeKeyWrapper, makeRandomKey } from './key-wrapper.ts';
import type { StatePair, StateSealer } from './state-sealer.ts';

let ring: KeyRing;
beforeAll(async () => {
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } });
  ring = await openKeyRing({ store: new MemoryKeyStore(), wrapper });
});

function makeSealer(fields: true | readonly string[], onError: (error: unknown) => void = fail): StateSealer {
  const sealer = new Encryption({ keyRing: ring, states: { cart: fields } }, onError).stateSealer('cart');
  if (sealer === undefined) throw new Error('the policy names this store');
  return sealer;
}

function fail(error: unknown): void {
  throw error;
}

async function sealFirst(sealer: StateSealer, state: unknown): Promise<StatePair> {
  const open = StateTree.from(state);
  return { tree: await sealer.seal(undefined, open), open };
}

async function sealNext(sealer: StateSealer, before: StatePair, state: unknown): Promise<StatePair> {
  const open = before.open.adopt(StateTree.from(state));
  return { tree: await sealer.seal(before, open), open };
}

/** What is secret begins so, and nothing else does. */
const secret = fc.string({ unit: 'grapheme-ascii', maxLength: 5 }).map((text) => `secret-${text}`);
const clear = fc.oneof(fc.integer(), fc.constantFrom('x', '', null, true));
const secrets = fc.oneof(
  secret,
  fc.array(secret, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('a', '$b'), secret, { noNullPrototype: true }),
);
const state = fc.record(
  {
    name: secrets,
    notes: fc.oneof(
      clear,
      fc.dictionary(fc.constantFrom('x', 'y', '$z', 'a/b', '0'), secrets, { noNullPrototype: true }),
    ),
    list: fc.array(fc.oneof(clear, fc.array(clear)), { maxLength: 4 }),
    address: fc.oneof(clear, fc.record({ street: secrets, city: clear }, { requiredKeys: [], noNullPrototype: true })),
    other: clear,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const FIELDS = ['name', 'notes.*', 'address.street'];

describe('the states of a store', () => {
  test('are recorded without anything secret, open to what they were, and keep what did not change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(state, { minLength: 1, maxLength: 6 }), async (states) => {
        const [writer, reader] = [makeSealer(FIELDS), makeSealer(FIELDS)];
        let pair: StatePair | undefined;
        for (const next of states) {
          const before: StatePair | undefined = pair;
          pair = before === undefined ? await sealFirst(writer, next) : await sealNext(writer, before, next);
          expect(pair.tree.stringify()).not.toContain('secret-');
          const opened = await reader.open(pair.tree);
          expect(opened.hash).toBe(StateTree.from(next).hash);
          for (const path of sealedPaths(pair.tree)) {
            const leaf = pair.tree.get(path) as Sealed;
            const was = before?.tree.get(path);
            const isSame =
              before?.open.has(path) === true && stringify(before.open.get(path)) === stringify(pair.open.get(path));
            if (isSame) expect(leaf.toContent()).toEqual((was as Sealed).toContent());
            else if (was instanceof Sealed) expect(leaf.iv).not.toBe(was.iv);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of which nothing is secret are what they were', async () => {
    const pair = await sealFirst(makeSealer(['name']), { other: 1 });
    expect(pair.tree.hash).toBe(pair.open.hash);
  });

  test('can be sealed as a whole', async () => {
    const sealer = makeSealer(true);
    const first = await sealFirst(sealer, { a: 'secret-1' });
    expect(first.tree.view()).toBeInstanceOf(Sealed);
    const next = await sealNext(sealer, first, { a: 'secret-1', b: 2 });
    expect((await makeSealer(true).open(next.tree)).toValue()).toEqual({ a: 'secret-1', b: 2 });
    const same = await sealNext(sealer, next, { a: 'secret-1', b: 2 });
    expect(same.tree.hash).toBe(next.tree.hash);
  });

  const lists: [string, unknown][] = [
    ['a list', { notes: [{ text: 'x' }] }],
    ['an empty list', { notes: [] }],
    ['a Map', { notes: new Map([['a', 'x']]) }],
    ['a Set', { notes: new Set(['x']) }],
  ];
  test.each(lists)('cannot have fields to be sealed in %s', async (_, value) => {
    const sealer = makeSealer(FIELDS);
    const refusal = { code: 'encryption/in-list', details: { path: '/notes' } };
    await expect(sealFirst(sealer, value)).rejects.toMatchObject(refusal);
    await expect(sealNext(sealer, await sealFirst(sealer, {}), value)).rejects.toMatchObject(refusal);
  });

  test('with such a list from another writer can be read, and not added to', async () => {
    const sealer = makeSealer(FIELDS);
    const tree = StateTree.from<unknown>({ notes: ['x'], name: 'a' });
    const before = { tree, open: await sealer.open(tree) };
    expect(before.open.hash).toBe(tree.hash);
    await expect(sealNext(sealer, before, { notes: ['x', 'y'], name: 'a' })).rejects.toMatchObject({
      code: 'encryption/in-list',
    });
  });

  test('leave dates and the like alone where a pattern would lead into them', async () => {
    const pair = await sealFirst(makeSealer(['notes.*.*']), { notes: { at: new Date(0), in: Uint8Array.of(1) } });
    expect(pair.tree.hash).toBe(pair.open.hash);
  });

  test('that another writer left in the clear are sealed by the next commit, whatever it changes', async () => {
    const sealer = makeSealer(FIELDS);
    const tree = StateTree.from<unknown>({ name: { first: 'secret-1' }, notes: { a: 'secret-2' }, other: 1 });
    const open = await sealer.open(tree);
    const next = await sealNext(
      sealer,
      { tree, open },
      { name: { first: 'secret-1' }, notes: { a: 'secret-2' }, other: 2 },
    );
    expect(next.tree.stringify()).not.toContain('secret-');
    expect((await makeSealer(FIELDS).open(next.tree)).hash).toBe(next.open.hash);
    const inside = await sealNext(sealer, { tree, open }, { name: { first: 'secret-3' }, notes: {}, other: 1 });
    expect(inside.tree.stringify()).not.toContain('secret-');
    expect((await makeSealer(FIELDS).open(inside.tree)).hash).toBe(inside.open.hash);
  });

  test('moved from one place to another by hand are reported, and shown sealed', async () => {
    const errors: unknown[] = [];
    const sealer = makeSealer(FIELDS, (error) => errors.push(error));
    const { tree } = await sealFirst(sealer, { name: 'secret-1', notes: { a: 'secret-2' } });
    const moved = tree.edit((draft) => {
      const state = draft as { name: unknown; notes: { a: unknown } };
      [state.name, state.notes.a] = [state.notes.a, state.name];
    });
    const shown = await sealer.open(moved);
    expect([shown.get('/name'), shown.get('/notes/a')].every((value) => value instanceof Sealed)).toBe(true);
    expect(errors).toMatchObject([{ code: 'encryption/not-authentic' }, { code: 'encryption/not-authentic' }]);
  });

  test('are not accepted with a sealed value from another place', async () => {
    const sealer = makeSealer(FIELDS);
    const before = await sealFirst(sealer, { name: 'secret-1' });
    const forged = { name: 'secret-1', notes: { a: before.tree.get('/name') } };
    await expect(sealNext(sealer, before, forged)).rejects.toMatchObject({ code: 'encryption/not-authentic' });
  });
});

function sealedPaths(tree: StateTree): string[] {
  const found: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (value instanceof Sealed) found.push(path);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, member] of Object.entries(value)) {
        const name = key.startsWith('$') ? `$${key}` : key;
        walk(member, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
      }
    }
  };
  walk(tree.view(), '');
  return found;
}
