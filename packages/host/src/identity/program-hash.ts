import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** The Keccak-256 digest of a module's program text as 64 hex digits: how SpacetimeDB names program versions. */
export function hashProgram(program: string): string {
  return bytesToHex(keccak_256(new TextEncoder().encode(program)));
}
