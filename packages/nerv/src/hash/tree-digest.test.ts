import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { stringify } from '../values/encode.ts';
import { digestToHex, sha256, sha256Hex } from './digest.ts';
import { addBytes, addDigest, digest } from './sha256.ts';
import { treeHash } from './tree-digest.ts';
import { chainHash, jcsHash, parseHash } from './version-hash.ts';

const script = fileURLToPath(new URL('../../../../examples/verify-tree-hash.mjs', import.meta.url));

describe('SHA-256', () => {
  test('gives the digests of FIPS 180-4', () => {
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
    expect(sha256Hex('a'.repeat(1_000_000))).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  });

  test('gives bytes as well as hex, of bytes and of text', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(Buffer.from(sha256('abc')).toString('hex')).toBe(abc);
    expect(Buffer.from(sha256(Buffer.from('abc'))).toString('hex')).toBe(abc);
    expect([sha256Hex('abc'), sha256Hex(Buffer.from('abc'))]).toEqual([abc, abc]);
  });

  test('agrees with the platform at every length around a block, fed in pieces', () => {
    for (let length = 0; length <= 200; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 0xff);
      const cut = length >> 1;
      addBytes(bytes.subarray(0, cut));
      addBytes(bytes.subarray(cut));
      const found = digest();
      const platform = createHash('sha256').update(bytes).digest();
      expect(digestToHex(found)).toBe(platform.toString('hex'));
      // A digest as part of a message is its bytes.
      addDigest(found);
      expect(digestToHex(digest())).toBe(createHash('sha256').update(platform).digest('hex'));
    }
  });

  test('takes strings as UTF-8, a lone surrogate as the replacement character', () => {
    for (const text of ['é', '€', '😀', 'a😀b€', '\u{10ffff}', '\ud800', 'x\udc00y', 'é'.repeat(100)]) {
      expect(sha256Hex(text)).toBe(createHash('sha256').update(new TextEncoder().encode(text)).digest('hex'));
    }
  });
});

describe('the tree hash', () => {
  const samples: [string, unknown][] = [
    ['null', null],
    ['a string', 'é😀'],
    ['a number', 1e21],
    ['an empty object', {}],
    ['an empty array', []],
    ['one entry', { a: 1 }],
    ['one element', [[]]],
    [
      'leaves',
      {
        a: 12n,
        b: new Date(0),
        c: Uint8Array.of(1),
        d: new Map([[1, 2]]),
        e: new Set([3]),
        f: -0,
        g: undefined,
      },
    ],
    ['odd keys', JSON.parse('{"$a":1,"$":2,"$$":3,"__proto__":4,"10":5,"9":6,"\\ud83d\\ude00":7,"\\ufb33":8,"":9}')],
    [
      'three levels',
      Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`key-${n}`, { n, list: [n, n + 1] }])),
    ],
    ['an array of arrays', Array.from({ length: 400 }, (_, n) => Array.from({ length: n % 40 }, (_, m) => m))],
    ['equal elements', Array.from({ length: 1_000 }, () => 0)],
    ['two values', Array.from({ length: 1_000 }, (_, n) => n % 3 === 0)],
  ];

  test.each(samples)('of %s is what the independent script computes', (_, value) => {
    const printed = execFileSync(process.execPath, [script], {
      input: stringify(value),
      encoding: 'utf8',
    });
    expect(treeHash(value)).toBe(printed.trim());
  });

  test('never changes: these are stored in every universe', () => {
    expect(treeHash({})).toBe(fixed.emptyObject);
    expect(treeHash({ a: 1, b: [true, null] })).toBe(fixed.small);
    expect(treeHash(Array.from({ length: 1_000 }, (_, n) => n))).toBe(fixed.thousand);
  });

  test('tells values apart that look alike', () => {
    const values = [
      null,
      [],
      {},
      [null],
      { '0': null },
      '',
      0,
      -0,
      '0',
      false,
      [[]],
      [{}],
      { $date: 'x' },
      [1, [2]],
      [[1], 2],
    ];
    expect(new Set(values.map(treeHash)).size).toBe(values.length);
  });

  test('does not depend on the order of keys', () => {
    expect(treeHash({ a: 1, b: 2 })).toBe(treeHash({ b: 2, a: 1 }));
  });
});

describe('the other hashes', () => {
  const parts = {
    parents: ['p'],
    dataHash: 'd',
    author: 'Ada "x"',
    authoredAtMicros: 12n,
    description: 'é',
  };

  test('the chain hash is SHA-256 over the text that the documentation names', () => {
    const text = '["inner-universe/chain/1",["p"],"d","Ada \\"x\\"","12","é"]';
    expect(chainHash(parts)).toBe(`sha256-chain:${createHash('sha256').update(text).digest('hex')}`);
  });

  test('the chain hash covers every part', () => {
    const others = [
      { parents: [] },
      { parents: ['p', 'p'] },
      { dataHash: 'e' },
      { author: '' },
      { authoredAtMicros: 13n },
      { description: '' },
    ];
    const hashes = others.map((other) => chainHash({ ...parts, ...other }));
    expect(new Set([chainHash(parts), ...hashes]).size).toBe(others.length + 1);
  });

  test('the JCS hash is SHA-256 over the canonical text', () => {
    expect(jcsHash({ b: 1n, a: [] })).toBe(`sha256-jcs:${sha256Hex('{"a":[],"b":{"$bigint":"1"}}')}`);
  });

  test('a hash is read back, anything else is refused', () => {
    expect(parseHash(treeHash(1)).scheme).toBe('sha256-tree');
    expect(parseHash(jcsHash(1)).hex).toHaveLength(64);
    for (const bad of [
      '',
      'sha256-tree:',
      `sha256-tree:${'A'.repeat(64)}`,
      `md5:${'0'.repeat(64)}`,
      `${treeHash(1)} `,
    ]) {
      expect(() => parseHash(bad)).toThrow(expect.objectContaining({ code: 'hash/malformed' }));
    }
  });
});

const fixed = {
  emptyObject: 'sha256-tree:93e60f669b99ad3e3ee6284b139e57adfb419960f390858e46ea565bbf82d001',
  small: 'sha256-tree:1932589c7be0b53f8f8896b8eaf7e1e0820351a2655e0d5ccfbdbb95141a777b',
  thousand: 'sha256-tree:391c540e01d733727c1fdd5ad1c551debff05f5c8a3ee458f7cf3b141f4ef09d',
};
