import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileKeyStore } from './file-key-store.ts';
import { openKeyRing, type KeyRing } from './key-ring.ts';
import { checkStoredKeys, MemoryKeyStore, type KeyStore, type StoredKeys } from './key-store.ts';
import { makeKeyWrapper, makeRandomKey, type KeyWrapper } from './key-wrapper.ts';
import { Sealer, type Place } from './sealer.ts';

const PLACE: Place = { kind: 'state', owner: 'cart', path: '/a' };
const KEYS = { old: makeRandomKey(), new: makeRandomKey() };
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'key-ring-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function makeWrapper(
  active: 'old' | 'new' = 'old',
  ids: readonly ('old' | 'new')[] = ['old', 'new'],
): Promise<KeyWrapper> {
  return makeKeyWrapper({ active, keys: Object.fromEntries(ids.map((id) => [id, KEYS[id]])) });
}

let files = 0;
const stores: [string, () => KeyStore][] = [
  ['memory', () => new MemoryKeyStore()],
  ['a file', () => new FileKeyStore(join(directory, `keys-${(files += 1)}.json`))],
];

describe.each(stores)('a ring over %s', (_, makeStore) => {
  test('keeps its keys for the next process, and one active per subject', async () => {
    const store = makeStore();
    const ring = await openKeyRing({ store, wrapper: await makeWrapper() });
    const made = await Promise.all(Array.from({ length: 5 }, () => ring.keyFor('ada')));
    expect(new Set(made.map(({ kid }) => kid)).size).toBe(1);
    const again = await openKeyRing({ store, wrapper: await makeWrapper() });
    expect((await again.keyFor('ada')).kid).toBe(made[0]?.kid);
    expect((await again.keyFor('bob')).kid).not.toBe(made[0]?.kid);
    // What another process made is found when it is met.
    const { kid } = await again.keyFor('bob');
    expect(ring.statusOf(kid)).toBe('unknown');
    expect((await ring.find(kid))?.subject).toBe('bob');
  });

  test('two processes that need a key at the same time get the same one', async () => {
    const store = makeStore();
    const rings = await Promise.all([1, 2, 3].map(async () => openKeyRing({ store, wrapper: await makeWrapper() })));
    const kids = await Promise.all(rings.map(async (ring) => (await ring.keyFor('ada')).kid));
    expect(new Set(kids).size).toBe(1);
  });

  test('rotates a key without losing what the one before sealed', async () => {
    const ring = await openKeyRing({ store: makeStore(), wrapper: await makeWrapper() });
    const sealer = new Sealer(ring);
    const before = await sealer.seal('x', PLACE, 'ada');
    const kid = await ring.rotate('ada');
    const after = await sealer.seal('x', PLACE, 'ada');
    expect([after.kid, ring.keysOf('ada')]).toEqual([kid, [before.kid, kid]]);
    expect(await Promise.all([sealer.tryOpen(before, PLACE), sealer.tryOpen(after, PLACE)])).toEqual(['x', 'x']);
  });

  test('wraps keys anew under another key-encryption key; the old one is not needed then, and data is the same', async () => {
    const store = makeStore();
    const ring = await openKeyRing({ store, wrapper: await makeWrapper('old') });
    const sealed = await new Sealer(ring).seal('x', PLACE, 'ada');
    await ring.keyFor('bob');
    const moving = await openKeyRing({ store, wrapper: await makeWrapper('new') });
    expect([await moving.rewrap(), await moving.rewrap()]).toEqual([2, 0]);
    const moved = await openKeyRing({ store, wrapper: await makeWrapper('new', ['new']) });
    expect(await new Sealer(moved).tryOpen(sealed, PLACE)).toBe('x');
    const stale = await openKeyRing({ store, wrapper: await makeWrapper('old', ['old']) });
    await expect(stale.find(sealed.kid)).rejects.toMatchObject({ code: 'encryption/invalid-keys' });
  });

  test('erases a subject for good: also for who opens the ring later, and nobody else is touched', async () => {
    // No text in base64 can be this one by chance.
    const ADA = 'ada@example.org';
    const store = makeStore();
    const ring = await openKeyRing({ store, wrapper: await makeWrapper() });
    const sealer = new Sealer(ring);
    const [first, other] = [await sealer.seal('x', PLACE, ADA), await sealer.seal('y', PLACE, 'bob')];
    await ring.rotate(ADA);
    const second = await sealer.seal('x', PLACE, ADA);
    const elsewhere = await openKeyRing({ store, wrapper: await makeWrapper() });
    expect(await ring.erase(ADA)).toBe(2);
    for (const { kid } of [first, second]) expect(ring.statusOf(kid)).toBe('erased');
    expect([await sealer.tryOpen(first, PLACE), await sealer.tryOpen(second, PLACE)]).toEqual([undefined, undefined]);
    expect(await sealer.tryOpen(other, PLACE)).toBe('y');
    expect(JSON.stringify(await store.load())).not.toContain(ADA);
    await elsewhere.refresh();
    expect(await new Sealer(elsewhere).tryOpen(first, PLACE)).toBeUndefined();
    // Who comes back gets a key of their own, which opens nothing of what was erased.
    const back = await sealer.seal('z', PLACE, ADA);
    expect([first.kid, second.kid]).not.toContain(back.kid);
    expect(await sealer.tryOpen(first, PLACE)).toBeUndefined();
    expect(await ring.erase('nobody')).toBe(0);
  });

  test('tells when what can be opened has changed, and only then', async () => {
    const store = makeStore();
    const ring = await openKeyRing({ store, wrapper: await makeWrapper() });
    let told = 0;
    const stop = ring.onChange(() => (told += 1));
    const { kid } = await ring.keyFor('ada');
    await ring.rotate('ada');
    expect(told).toBe(0);
    await ring.erase('ada');
    expect(told).toBe(1);
    expect(await ring.find('missing')).toBeUndefined();
    stop();
    await ring.keyFor('bob');
    await ring.erase('bob');
    expect([told, ring.statusOf(kid)]).toEqual([1, 'erased']);
  });
});

test('any order of rotating, rewrapping and erasing keeps what was not erased, and loses the rest', async () => {
  const subject = fc.constantFrom('ada', 'bob', '');
  const step = fc.oneof(
    fc.record({ type: fc.constant('seal' as const), subject }),
    fc.record({ type: fc.constant('rotate' as const), subject }),
    fc.record({ type: fc.constant('erase' as const), subject }),
    fc.record({ type: fc.constant('rewrap' as const), subject }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const store = new MemoryKeyStore();
      let active: 'old' | 'new' = 'old';
      let ring: KeyRing = await openKeyRing({ store, wrapper: await makeWrapper(active) });
      const live: { sealed: Awaited<ReturnType<Sealer['seal']>>; subject: string; isErased: boolean }[] = [];
      for (const { type, subject: of } of steps) {
        if (type === 'seal')
          live.push({ sealed: await new Sealer(ring).seal(of, PLACE, of), subject: of, isErased: false });
        if (type === 'rotate') await ring.rotate(of);
        if (type === 'erase') {
          await ring.erase(of);
          for (const one of live) if (one.subject === of) one.isErased = true;
        }
        if (type === 'rewrap') {
          active = active === 'old' ? 'new' : 'old';
          ring = await openKeyRing({ store, wrapper: await makeWrapper(active) });
          await ring.rewrap();
        }
      }
      for (const { sealed, subject: of, isErased } of live) {
        expect(await new Sealer(ring).tryOpen(sealed, PLACE)).toBe(isErased ? undefined : of);
      }
    }),
    { numRuns: 40 },
  );
});

describe('a key file', () => {
  test('is its owner\u2019s alone, whole at any time, and leaves nothing beside it', async () => {
    const path = join(directory, 'own', '..', 'mode.json');
    const ring = await openKeyRing({ store: new FileKeyStore(path), wrapper: await makeWrapper() });
    await ring.keyFor('ada');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(directory)).filter((name) => name.startsWith('mode.json'))).toEqual(['mode.json']);
    expect(checkStoredKeys(JSON.parse(await readFile(path, 'utf8'))).keys.length).toBe(1);
  });

  test('what a crash left beside it is no hindrance, but a lock is, and says which', async () => {
    const path = join(directory, 'crash.json');
    await writeFile(`${path}.new`, 'half', { mode: 0o644 });
    const store = new FileKeyStore(path);
    const ring = await openKeyRing({ store, wrapper: await makeWrapper() });
    await ring.keyFor('ada');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeFile(`${path}.lock`, '');
    await expect(ring.keyFor('bob')).rejects.toMatchObject({
      code: 'encryption/key-store-busy',
      details: { path: `${path}.lock` },
    });
  });

  test('that is damaged is refused, without showing what it holds', async () => {
    const path = join(directory, 'damaged.json');
    await writeFile(path, '{"keys": "half of a secr');
    const opening = openKeyRing({ store: new FileKeyStore(path), wrapper: await makeWrapper() });
    const error: unknown = await opening.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'encryption/invalid-keys' });
    expect(inspect(error)).not.toContain('secr');
  });
});

const malformed: [string, unknown][] = [
  ['a text', 'keys'],
  ['another format', { format: 2, revision: 1, keys: [] }],
  ['no revision', { format: 1, keys: [] }],
  ['a key without id', { format: 1, revision: 1, keys: [{ state: 'erased' }] }],
  ['a key in no known state', { format: 1, revision: 1, keys: [{ kid: 'a', state: 'lost' }] }],
  ['a key without its wrapping', { format: 1, revision: 1, keys: [{ kid: 'a', state: 'active', subject: '' }] }],
  ['two keys of one id', { format: 1, revision: 1, keys: ['a', 'a'].map((kid) => ({ kid, state: 'erased' })) }],
];
test.each(malformed)('a store that holds %s is refused', (_, stored) => {
  expect(() => checkStoredKeys(stored)).toThrow(expect.objectContaining({ code: 'encryption/invalid-keys' }));
});

test('wrapped keys cannot be exchanged in the store', async () => {
  const store = new MemoryKeyStore();
  const ring = await openKeyRing({ store, wrapper: await makeWrapper() });
  await ring.keyFor('ada');
  await ring.keyFor('bob');
  const { keys, revision } = checkStoredKeys(await store.load());
  const [ada, bob] = keys as unknown as [{ kid: string; wrapped: unknown }, { kid: string; wrapped: unknown }];
  const exchanged = [{ ...ada, wrapped: bob.wrapped }, bob] as unknown as StoredKeys['keys'];
  await store.save({ format: 1, revision: revision + 1, keys: exchanged });
  const other = await openKeyRing({ store, wrapper: await makeWrapper() });
  await expect(other.find(ada.kid)).rejects.toMatchObject({ code: 'encryption/invalid-keys' });
});

test('key-encryption keys are checked, and never shown', async () => {
  await expect(makeKeyWrapper({ active: 'a', keys: { a: 'short' } })).rejects.toMatchObject({
    code: 'encryption/invalid-keys',
  });
  await expect(makeKeyWrapper({ active: 'b', keys: { a: makeRandomKey() } })).rejects.toMatchObject({
    code: 'encryption/invalid-keys',
  });
  const secret = Buffer.from(KEYS.old).toString('base64');
  const wrapper = await makeKeyWrapper({ active: 'a', keys: { a: secret } });
  expect(inspect(wrapper, { depth: 9 }) + JSON.stringify(wrapper)).not.toContain(secret);
});

test('a wrapper that fails once is asked again', async () => {
  const local = await makeWrapper();
  let isDown = false;
  const wrapper: KeyWrapper = {
    active: local.active,
    wrap: (key, context) => local.wrap(key, context),
    unwrap: (wrapped, context) =>
      isDown ? Promise.reject(new Error('service is down')) : local.unwrap(wrapped, context),
  };
  const store = new MemoryKeyStore();
  const sealed = await new Sealer(await openKeyRing({ store, wrapper })).seal('x', PLACE, '');
  const sealer = new Sealer(await openKeyRing({ store, wrapper }));
  isDown = true;
  await expect(sealer.tryOpen(sealed, PLACE)).rejects.toThrow('service is down');
  isDown = false;
  expect(await sealer.tryOpen(sealed, PLACE)).toBe('x');
});

test('an id that the store was asked for in vain is not asked for again before a refresh', async () => {
  let loads = 0;
  class CountingStore extends MemoryKeyStore {
    override load(): Promise<StoredKeys | undefined> {
      loads += 1;
      return super.load();
    }
  }
  const store = new CountingStore();
  const ring = await openKeyRing({ store, wrapper: await makeWrapper() });
  loads = 0;
  for (let round = 0; round < 5; round += 1) expect(await ring.find('foreign')).toBeUndefined();
  expect(loads).toBe(1);
});
