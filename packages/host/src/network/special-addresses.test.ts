import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInRange, tryParseAddress, tryParseRange } from './ip-range.ts';
import { isSpecialAddress } from './special-addresses.ts';

const isSpecial = (text: string): boolean => isSpecialAddress(tryParseAddress(text)!);

describe('addresses', () => {
  test('are read in every usual form', () => {
    expect(tryParseAddress('192.168.0.1')).toEqual([192, 168, 0, 1]);
    expect(tryParseAddress('::')).toEqual(Array(16).fill(0));
    expect(tryParseAddress('1:2:3:4:5:6:7:8')).toEqual([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]);
    expect(tryParseAddress('fe80::1%eth0')).toEqual([0xfe, 0x80, ...Array<number>(13).fill(0), 1]);
    expect(tryParseAddress('::FFFF:10.1.2.3')).toEqual([10, 1, 2, 3]);
    expect(tryParseAddress('::ffff:a01:203')).toEqual([10, 1, 2, 3]);
  });

  test('of any other form are none', () => {
    const wrong = [
      '',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '01.2.3.4',
      '0x7f.1',
      '1:2',
      ':::',
      '1::2::3',
      'g::',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7::8:9',
      '1.2.3.4::',
      'localhost',
    ];
    for (const text of wrong) expect([text, tryParseAddress(text)]).toEqual([text, undefined]);
  });

  test('are read as Node reads them', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        expect(tryParseAddress(text) === undefined).toBe(isIP(text) === 0);
      }),
    );
  });

  test('lie in a range when its first bits are theirs', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, net, bits) => {
        const list = new BlockList();
        list.addSubnet(net, bits);
        const range = tryParseRange(`${net}/${bits}`)!;
        expect(isInRange(tryParseAddress(address)!, range)).toBe(list.check(address));
      }),
    );
    expect(tryParseRange('10.0.0.0/33')).toBeUndefined();
    expect(tryParseRange('10.0.0.0/8/8')).toBeUndefined();
    expect(tryParseRange('10.0.0.0/')).toBeUndefined();
    expect(isInRange([1, 2, 3, 4], tryParseRange('::/0')!)).toBe(false);
  });
});

describe('special addresses', () => {
  test('are all that is not on the public internet', () => {
    for (const text of [
      ...['0.0.0.0', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
      ...['172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.1'],
      ...['203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1', '::7f00:1'],
      ...['64:ff9b::10.0.0.1', '64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1'],
      ...['5f00::1', 'fc00::1', 'fd12::1', 'fe80::1', 'fec0::1', 'ff02::1', '::ffff:0:127.0.0.1'],
    ])
      expect([text, isSpecial(text)]).toEqual([text, true]);
  });

  test('are not those of public hosts', () => {
    for (const text of [
      ...['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '192.167.0.1'],
      ...['198.17.0.1', '198.20.0.1', '223.255.255.255', '2606:4700:4700::1111', '2a00:1450::1', '2001:200::1'],
      ...['64:ff9b::8.8.8.8', '::ffff:8.8.8.8'],
    ])
      expect([text, isSpecial(text)]).toEqual([text, false]);
  });
});
