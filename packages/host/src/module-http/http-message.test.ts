import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HTTP_METHODS } from '../schema/decode-module-def.ts';
import {
  decodeRequestHead,
  decodeResponseHead,
  encodeRequestHead,
  encodeResponseHead,
  HTTP_VERSIONS,
  toHttpVersion,
} from './http-message.ts';

const headers = fc.array(fc.record({ name: fc.string(), value: fc.uint8Array() }));
const version = fc.constantFrom(...HTTP_VERSIONS);

describe('heads of HTTP messages', () => {
  test('come back as they were written', () => {
    const method = fc.oneof(fc.constantFrom(...HTTP_METHODS), fc.string());
    const timeoutMicros = fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: undefined });
    fc.assert(
      fc.property(fc.record({ method, headers, timeoutMicros, uri: fc.string(), version }), (head) => {
        expect(decodeRequestHead(encodeRequestHead(head))).toEqual(head);
      }),
    );
    fc.assert(
      fc.property(fc.record({ headers, version, status: fc.integer({ min: 0, max: 65_535 }) }), (head) => {
        expect(decodeResponseHead(encodeResponseHead(head))).toEqual(head);
      }),
    );
  });

  test('have the layout that modules know', () => {
    const value = new Uint8Array([0x62]);
    const request = {
      method: 'POST',
      headers: [{ name: 'a', value }],
      timeoutMicros: 2n,
      uri: 'u',
      version: '1.1',
    } as const;
    expect([...encodeRequestHead(request)]).toEqual([
      ...[2, 1, 0, 0, 0, 1, 0, 0, 0, 0x61, 1, 0, 0, 0, 0x62, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x75, 2],
    ]);
    expect([
      ...encodeRequestHead({ ...request, method: 'X', headers: [], timeoutMicros: undefined }).subarray(0, 11),
    ]).toEqual([9, 1, 0, 0, 0, 0x58, 0, 0, 0, 0, 1]);
    expect([...encodeResponseHead({ headers: [], version: '2.0', status: 404 })]).toEqual([0, 0, 0, 0, 3, 0x94, 1]);
  });

  test('of any other form are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        for (const decode of [decodeRequestHead, decodeResponseHead]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toMatchObject({ code: 'bsatn/malformed' });
          }
        }
      }),
    );
    const response = encodeResponseHead({ headers: [], version: '1.1', status: 200 });
    expect(() => decodeResponseHead(new Uint8Array([...response, 0]))).toThrow();
    expect(() => decodeResponseHead(response.subarray(0, -1))).toThrow();
    expect(() => decodeRequestHead(new Uint8Array([10]))).toThrow(/tag 10/);
  });

  test('of a version that modules do not know are of 1.1', () => {
    expect(toHttpVersion('1.0')).toBe('1.0');
    expect(toHttpVersion('1.7')).toBe('1.1');
  });
});
