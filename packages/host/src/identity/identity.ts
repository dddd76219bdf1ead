import { blake3 } from '@noble/hashes/blake3.js';
import { HostError } from '../errors.ts';

const HASH_BYTES = 26;
const CHECKSUM_BYTES = 4;
const IDENTITY_PREFIX: readonly [number, number] = [0xc2, 0x00];

/**
 * The identity of a token's issuer and subject. Big-endian, its 32 bytes are:
 *
 *     C2 00 | checksum (4) | BLAKE3(issuer "|" subject), first 26 bytes
 *
 * where the checksum is the first 4 bytes of BLAKE3(C2 00 | the 26 bytes).
 */
export function deriveIdentity(issuer: string, subject: string): bigint {
  const hash = blake3(new TextEncoder().encode(`${issuer}|${subject}`)).subarray(0, HASH_BYTES);
  const checksum = blake3(new Uint8Array([...IDENTITY_PREFIX, ...hash])).subarray(0, CHECKSUM_BYTES);
  return bytesToBigInt(new Uint8Array([...IDENTITY_PREFIX, ...checksum, ...hash]));
}

/** An identity as 64 lower-case hex digits, big-endian: how text shows it everywhere. */
export function identityToHex(identity: bigint): string {
  return identity.toString(16).padStart(64, '0');
}

/** The identity that 64 hex digits, with or without `0x`, stand for; undefined when the text is anything else. */
export function tryParseIdentity(text: string): bigint | undefined {
  return /^(0x)?[0-9a-fA-F]{64}$/.test(text) ? BigInt(withHexPrefix(text)) : undefined;
}

/** A connection id as 32 lower-case hex digits, big-endian. */
export function connectionIdToHex(connectionId: bigint): string {
  return connectionId.toString(16).padStart(32, '0');
}

/**
 * The connection id that a client asked for with 32 hex digits.
 * @throws {HostError} `server/bad-request` when it is malformed, or all zero, which stands for "none".
 */
export function parseConnectionId(text: string): bigint {
  if (!/^(0x)?[0-9a-fA-F]{32}$/.test(text)) {
    throw new HostError({
      code: 'server/bad-request',
      message: 'Invalid connection ID: 32 hexadecimal digits are expected.',
    });
  }
  const connectionId = BigInt(withHexPrefix(text));
  if (connectionId === 0n) {
    throw new HostError({
      code: 'server/bad-request',
      message: 'Invalid connection ID: the all-zeros ConnectionId is reserved.',
    });
  }
  return connectionId;
}

/** A connection id made of 16 random bytes; never the reserved zero. */
export function makeConnectionId(randomBytes: Uint8Array): bigint {
  const connectionId = bytesToBigInt(randomBytes.subarray(0, 16));
  return connectionId === 0n ? 1n : connectionId;
}

function withHexPrefix(text: string): string {
  return text.startsWith('0x') ? text : `0x${text}`;
}

function bytesToBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}
