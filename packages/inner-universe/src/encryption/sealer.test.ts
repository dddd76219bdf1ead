import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode, Sealed } from '@inner-universe/nerv/values';
import { openKeyRing, type KeyRing } from './key-ring.ts';
import { MemoryKeyStore } from './key-store.ts';
import { makeKeyWrapper, makeRandomKey } from './key-wrapper.ts';
import { Sealer, type Place } from './sealer.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const value = fc.oneof(
  text,
  fc.constantFrom<unknown>(null, undefined, true, -0, Number.NaN),
  fc.bigInt(),
  fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 5 }), fc.oneof(text, fc.integer(), fc.uint8Array()), {
    noNullPrototype: true,
  }),
  fc.array(fc.date({ noInvalidDate: true })),
);
const place: fc.Arbitrary<Place> = fc.record({
  kind: fc.constantFrom('state', 'entity', 'relation', 'event'),
  owner: text,
  path: fc.constantFrom('', '/a', '/a/b', '/b'),
});

async function makeRing(): Promise<KeyRing> {
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } });
  return openKeyRing({ store: new MemoryKeyStore(), wrapper });
}

test('what is sealed opens to what it was, at its place', async () => {
  const sealer = new Sealer(await makeRing());
  await fc.assert(
    fc.asyncProperty(value, place, text, async (original, at, subject) => {
      const sealed = await sealer.seal(encode(original), at, subject);
      expect(decode(await sealer.tryOpen(sealed, at))).toStrictEqual(original);
    }),
  );
});

test('sealed twice, nothing of it is the same', async () => {
  const sealer = new Sealer(await makeRing());
  const at: Place = { kind: 'state', owner: 'cart', path: '/a' };
  const sealed = await Promise.all(Array.from({ length: 200 }, () => sealer.seal('same', at, '')));
  expect(new Set(sealed.map(({ iv }) => iv)).size).toBe(200);
  expect(new Set(sealed.map(({ ct }) => ct)).size).toBe(200);
});

test('a change of any bit is noticed', async () => {
  const sealer = new Sealer(await makeRing());
  const at: Place = { kind: 'entity', owner: 'ada', path: '/ssn' };
  const sealed = await sealer.seal({ text: 'secret' }, at, 'ada');
  const iv = Buffer.from(sealed.iv, 'base64');
  const ct = Buffer.from(sealed.ct, 'base64');
  for (let bit = 0; bit < (iv.length + ct.length) * 8; bit += 1) {
    const bytes = Uint8Array.from([...iv, ...ct]);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const changed = Sealed.make(sealed.kid, bytes.subarray(0, iv.length), bytes.subarray(iv.length));
    await expect(sealer.tryOpen(changed, at)).rejects.toMatchObject({ code: 'encryption/not-authentic' });
  }
});

test('what is moved to another place does not open', async () => {
  const sealer = new Sealer(await makeRing());
  await fc.assert(
    fc.asyncProperty(place, place, async (from, to) => {
      fc.pre(from.kind !== to.kind || from.owner !== to.owner || from.path !== to.path);
      const sealed = await sealer.seal('secret', from, '');
      const opening = sealer.tryOpen(sealed, to);
      await expect(opening).rejects.toMatchObject({
        code: 'encryption/not-authentic',
        details: { kid: sealed.kid, kind: to.kind, owner: to.owner, path: to.path },
      });
    }),
  );
});

test('what is put under the key of another subject does not open', async () => {
  const sealer = new Sealer(await makeRing());
  const at: Place = { kind: 'state', owner: 'cart', path: '/a' };
  const ada = await sealer.seal('secret', at, 'ada');
  const bob = await sealer.seal('other', at, 'bob');
  const moved = Sealed.tryFrom({ ...ada.toContent(), kid: bob.kid });
  expect(moved).toBeDefined();
  await expect(sealer.tryOpen(moved!, at)).rejects.toMatchObject({ code: 'encryption/not-authentic' });
});

test('without its key, it stays sealed', async () => {
  const at: Place = { kind: 'state', owner: 'cart', path: '/a' };
  const sealed = await new Sealer(await makeRing()).seal('secret', at, '');
  expect(await new Sealer(await makeRing()).tryOpen(sealed, at)).toBeUndefined();
});

test('no error tells what was sealed, or a key', async () => {
  const ring = await makeRing();
  const sealer = new Sealer(ring);
  const at: Place = { kind: 'state', owner: 'cart', path: '/a' };
  const sealed = await sealer.seal('plain secret', at, '');
  const error: unknown = await sealer.tryOpen(sealed, { ...at, path: '/b' }).catch((thrown: unknown) => thrown);
  expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain('plain secret');
  expect(JSON.stringify(ring)).toBe('{"keys":1,"erased":0,"revision":1}');
});
