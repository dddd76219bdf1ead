import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeStates, StateTree } from '../temporal/index.ts';
import { decode, isCanonical, parse } from './decode.ts';
import { stringify } from './encode.ts';
import { Sealed } from './sealed.ts';

const sealed = fc
  .record({
    kid: fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
    iv: fc.uint8Array({ minLength: 12, maxLength: 12 }),
    ct: fc.uint8Array({ minLength: 16, maxLength: 60 }),
  })
  .map(({ kid, iv, ct }) => Sealed.make(kid, iv, ct));
const one = Sealed.make('k', new Uint8Array(12), new Uint8Array(16));
const two = Sealed.make('k', new Uint8Array(12), new Uint8Array(17));

describe('a sealed value', () => {
  test('is stored under its tag, and read back as it was', () => {
    fc.assert(
      fc.property(sealed, (value) => {
        const text = stringify({ a: value });
        expect(isCanonical(text)).toBe(true);
        const { a } = parse(text) as { a: Sealed };
        expect(a).toBeInstanceOf(Sealed);
        expect(a.toContent()).toEqual(value.toContent());
        expect(Object.isFrozen(a)).toBe(true);
      }),
    );
    expect(stringify(one)).toBe('{"$sealed":{"ct":"AAAAAAAAAAAAAAAAAAAAAA==","iv":"AAAAAAAAAAAAAAAA","kid":"k"}}');
  });

  const { ct, iv, kid } = one.toContent();
  const malformed: [string, unknown][] = [
    ['a text', 'x'],
    ['null', null],
    ['a field too few', { ct, iv }],
    ['a field too many', { ct, iv, kid, more: 1 }],
    ['no id of a key', { ct, iv, kid: 'with space' }],
    ['an initialisation vector of another length', { ct, iv: 'AAAA', kid }],
    ['a ciphertext shorter than a tag', { ct: 'AAAA', iv, kid }],
    ['a ciphertext in another spelling', { ct: 'AAAAAAAAAAAAAAAAAAAAAB==', iv, kid }],
    ['a ciphertext with other characters', { ct: 'AAAAAAAA AAAAAAAAAAAAA==', iv, kid }],
  ];
  test.each(malformed)('is not %s', (_, content) => {
    const json = { a: { $sealed: content } };
    expect(() => decode(json)).toThrow(expect.objectContaining({ code: 'value/malformed' }));
  });

  test('is not made of what no cipher gives', () => {
    expect(() => Sealed.make('k', new Uint8Array(11), new Uint8Array(16))).toThrow(RangeError);
  });

  test('is one leaf of a state: replaced whole, and merged whole', () => {
    const base = StateTree.from<Record<string, unknown>>({ a: one, b: 1 });
    const ours = base.edit((draft) => void (draft['a'] = two));
    expect(base.diff(ours)).toEqual([{ op: 'replace', path: '/a', value: { $sealed: two.toContent() } }]);
    expect(base.apply(base.diff(ours)).hash).toBe(ours.hash);
    expect(ours.view()['a']).toBeInstanceOf(Sealed);
    const theirs = base.edit((draft) => void (draft['b'] = 2));
    const merged = mergeStates({ base, ours, theirs }, {});
    expect(merged.conflicts).toEqual([]);
    expect(merged.tree.hash).toBe(StateTree.from({ a: two, b: 2 }).hash);
    const third = Sealed.make('other', new Uint8Array(12), new Uint8Array(16));
    const both = mergeStates({ base, ours, theirs: base.edit((draft) => void (draft['a'] = third)) }, {});
    expect(both.conflicts.map(({ path }) => path)).toEqual(['/a']);
  });
});
