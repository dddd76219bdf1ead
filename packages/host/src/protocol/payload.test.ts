import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HostError } from '../errors.ts';
import { SUBSCRIBE_QUERIES_MAX } from './client-message.ts';
import { ClientPayload, tryNegotiate, type ProtocolVersion } from './payload.ts';

const CALL = '03070000000001000000720100000001';
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

function readAll(bytes: Uint8Array, version: ProtocolVersion): number {
  const payload = new ClientPayload(bytes, version);
  let count = 0;
  while (!payload.isDone) {
    payload.next();
    count += 1;
  }
  return count;
}

describe('payloads', () => {
  test('v3 holds messages back to back', () => {
    expect(readAll(fromHex(CALL.repeat(3)), 'v3')).toBe(3);
  });

  test('v2 holds one message and nothing behind it', () => {
    expect(readAll(fromHex(CALL), 'v2')).toBe(1);
    expect(() => readAll(fromHex(`${CALL}00`), 'v2')).toThrow(/left over/);
  });

  test('a payload without a message is refused', () => {
    expect(() => new ClientPayload(new Uint8Array(0), 'v3')).toThrow(/at least one/);
    expect(() => new ClientPayload(new Uint8Array(0), 'v2')).toThrow(/at least one/);
  });

  test('junk behind the last v3 message is refused', () => {
    expect(() => readAll(fromHex(`${CALL}03`), 'v3')).toThrow(/expected/);
  });

  test.each([
    ['an unknown message', '05', /unknown client message tag 5/],
    ['a call with flags', '03070000000101000000720100000001', /unknown call flag 1/],
    ['an unsubscribe with unknown flags', '01070000000900000002', /unknown Unsubscribe flag 2/],
    ['a name that is not UTF-8', '03070000000001000000ff0100000001', /UTF-8/],
    ['a length that reaches behind the end', '03070000000001000000720000ff7f', /expected/],
    ['more queries than the bytes can hold', '000700000009000000ffffffff', /cannot be/],
  ])('%s is refused', (_name, hex, message) => {
    expect(() => readAll(fromHex(hex), 'v3')).toThrow(message);
  });

  test('a Subscribe with too many queries is refused', () => {
    const count = SUBSCRIBE_QUERIES_MAX + 1;
    const head = Buffer.alloc(13);
    head.writeUInt32LE(count, 9);
    const bytes = Buffer.concat([head, Buffer.alloc(count * 4)]);
    expect(() => readAll(new Uint8Array(bytes), 'v3')).toThrow(/at most 10000/);
  });

  test('any bytes are read or refused with an error of the host, in both versions', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      // Sound messages with one byte changed get further than noise does.
      fc.tuple(fc.nat(15), fc.nat(255)).map(([at, value]) => {
        const changed = fromHex(CALL);
        changed[at] = value;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom<ProtocolVersion>('v2', 'v3'), (payload, version) => {
        try {
          readAll(payload, version);
        } catch (error) {
          expect(error).toBeInstanceOf(HostError);
        }
      }),
    );
  });
});

test('v3 is chosen whatever order the client offers, and nothing it does not offer', () => {
  expect(tryNegotiate(['v2.bsatn.spacetimedb', 'v3.bsatn.spacetimedb'])).toBe('v3');
  expect(tryNegotiate(['v1.json.spacetimedb', 'v2.bsatn.spacetimedb'])).toBe('v2');
  expect(tryNegotiate(['v1.json.spacetimedb'])).toBeUndefined();
  expect(tryNegotiate([])).toBeUndefined();
});
