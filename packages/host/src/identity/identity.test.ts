import { describe, expect, test } from 'vitest';
import {
  connectionIdToHex,
  deriveIdentity,
  identityToHex,
  makeConnectionId,
  parseConnectionId,
  tryParseIdentity,
} from './identity.ts';
import { hashProgram } from './program-hash.ts';

describe('identities', () => {
  test.each([
    ['test-subject', 'c200b3ce65d91b79ecfb7d881cd65bf8da2f647d590af1474ad19faa7aa87e38'],
    ['6d4b5430-00cf-4a99-932c-ad2d07bab841', 'c200483152d642c7d402de06cacc36dcb0c2a1f2bbeb8e7d5a673f2435cca975'],
  ])('issuer localhost, subject %s', (subject, hex) => {
    expect(identityToHex(deriveIdentity('localhost', subject))).toBe(hex);
  });

  test('are shown in hex with all their digits and read back with or without 0x', () => {
    expect(identityToHex(1n)).toBe(`${'0'.repeat(63)}1`);
    expect(tryParseIdentity(identityToHex(255n))).toBe(255n);
    expect(tryParseIdentity(`0x${identityToHex(255n)}`)).toBe(255n);
  });

  test.each(['', 'ff', `${'0'.repeat(63)}g`, '0'.repeat(65), `${'0'.repeat(64)}\n`])('%j is none', (text) => {
    expect(tryParseIdentity(text)).toBeUndefined();
  });
});

describe('connection ids', () => {
  test('are read from 32 hex digits, the most significant first', () => {
    expect(parseConnectionId(`${'0'.repeat(30)}0f`)).toBe(15n);
    expect(connectionIdToHex(15n)).toBe(`${'0'.repeat(30)}0f`);
  });

  test('the one that means "none" is refused, and never made', () => {
    expect(() => parseConnectionId('0'.repeat(32))).toThrow(/all-zeros/);
    expect(makeConnectionId(new Uint8Array(16))).not.toBe(0n);
  });

  test('anything else is refused', () => {
    expect(() => parseConnectionId('1')).toThrow(/32 hexadecimal digits/);
  });
});

test('programs are hashed with Keccak-256', () => {
  // The digest of no bytes, as published with the algorithm.
  expect(hashProgram('')).toBe('c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
});
