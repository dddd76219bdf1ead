import { describe, expect, test } from 'vitest';
import { tryParseAddress } from '../network/ip-range.ts';
import { type AllowRule, isAllowed, tryParseAllowRule } from './allow-rule.ts';
import { readOutboundHttp } from './outbound-options.ts';

const rules = (...texts: string[]): AllowRule[] => texts.map((text) => tryParseAllowRule(text)!);
const target = (hostname: string, port: number, address = hostname) => ({
  hostname,
  port,
  address: tryParseAddress(address)!,
});

describe('rules for private targets', () => {
  test('name an address, a range or a name, on one port or all', () => {
    expect(isAllowed(rules('127.0.0.1:8080'), target('127.0.0.1', 8080))).toBe(true);
    expect(isAllowed(rules('127.0.0.1:8080'), target('127.0.0.1', 8081))).toBe(false);
    expect(isAllowed(rules('127.0.0.1:8080'), target('127.0.0.2', 8080))).toBe(false);
    expect(isAllowed(rules('127.0.0.1'), target('127.0.0.1', 1))).toBe(true);
    expect(isAllowed(rules('10.0.0.0/8:80', '192.168.0.0/16'), target('192.168.3.4', 99))).toBe(true);
    expect(isAllowed(rules('10.0.0.0/8'), target('some.name', 80, '10.1.2.3'))).toBe(true);
    expect(isAllowed(rules('[::1]:80'), target('::1', 80))).toBe(true);
    expect(isAllowed(rules('[fd00::]/8:443'), target('fd12::1', 443))).toBe(true);
    expect(isAllowed(rules('[fd00::]/8:443'), target('fe12::1', 443))).toBe(false);
  });

  test('that name a name let that name alone through, whatever its address', () => {
    expect(isAllowed(rules('Intranet.local:80'), target('intranet.local', 80, '10.0.0.1'))).toBe(true);
    expect(isAllowed(rules('intranet.local:80'), target('other.local', 80, '10.0.0.1'))).toBe(false);
    expect(isAllowed(rules('localhost'), target('127.0.0.1', 80))).toBe(false);
  });

  test('are refused when they are of any other form', () => {
    for (const text of [
      '',
      '*',
      '127.0.0.1:0',
      '127.0.0.1:65536',
      '127.0.0.1:',
      '127.0.0.256',
      '10.0.0.0/33',
      '::1',
      '[::1',
      '[name]',
      'http://a',
      'a/8',
      '0x7f.1',
      '-a',
      'a b',
    ])
      expect([text, tryParseAllowRule(text)]).toEqual([text, undefined]);
  });
});

describe('the option outboundHttp', () => {
  test('allows public targets alone by default, and none when it is false', () => {
    expect(readOutboundHttp()).toEqual({ allowPrivate: [], responseBytesMax: 16 * 1024 * 1024 });
    expect(readOutboundHttp(true)).toEqual(readOutboundHttp());
    expect(readOutboundHttp(false)).toBeUndefined();
  });

  test('is refused when it says what cannot be meant', () => {
    expect(() => readOutboundHttp({ allowPrivate: ['127.0.0.256'] })).toThrow(/allowPrivate holds 127\.0\.0\.256/);
    expect(() => readOutboundHttp({ responseBytesMax: 0 })).toThrow(/responseBytesMax holds 0/);
  });
});
