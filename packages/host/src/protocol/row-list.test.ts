import { describe, expect, test } from 'vitest';
import { encodeRowList } from './row-list.ts';

const hexOf = (rows: Uint8Array[]) => Buffer.from(encodeRowList(rows)).toString('hex');
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer).toString('hex');

describe('the hint of a row list tells how to split it', () => {
  test('rows of one length: that length', () => {
    expect(hexOf([Uint8Array.of(1, 2), Uint8Array.of(3, 4)])).toBe('00' + '0200' + '04000000' + '01020304');
  });

  test('rows of different lengths: where each starts', () => {
    expect(hexOf([Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4)])).toBe(
      '01' + '03000000' + u64(0) + u64(2) + u64(3) + '04000000' + '01020304',
    );
  });

  test('no rows: no starts', () => {
    expect(hexOf([])).toBe('01' + '00000000' + '00000000');
  });

  test('rows without a byte: equal starts, never a length of 0', () => {
    expect(hexOf([new Uint8Array(0), new Uint8Array(0)])).toBe('01' + '02000000' + u64(0) + u64(0) + '00000000');
  });

  test('the longest row that a length can tell is 65,535 bytes long', () => {
    expect(hexOf([new Uint8Array(65_535)]).slice(0, 6)).toBe('00ffff');
    expect(hexOf([new Uint8Array(65_536)]).slice(0, 10)).toBe('0101000000');
  });
});
