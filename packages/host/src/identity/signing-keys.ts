import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { HostError } from '../errors.ts';

/** The ES256 (P-256) key pair with which a host signs its tokens. */
export interface SigningKeys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public key as SPKI PEM. */
  readonly publicPem: string;
}

/** A new random key pair. */
export function generateSigningKeys(): SigningKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicKey, publicPem: exportPublicPem(publicKey) };
}

/**
 * The pair to which a private key in PEM (PKCS 8 or SEC 1) belongs.
 * @throws {HostError} `identity/invalid-key` when it is not a P-256 private key; the message never quotes the key.
 */
export function parseSigningKeys(privatePem: string): SigningKeys {
  const privateKey = readPrivateKey(privatePem);
  if (privateKey.asymmetricKeyType !== 'ec' || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw invalidKey('it is not an elliptic curve key on P-256');
  }
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, publicPem: exportPublicPem(publicKey) };
}

/** The private key as PKCS 8 PEM, to be stored with mode 0600. */
export function exportPrivatePem(keys: SigningKeys): string {
  return keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function exportPublicPem(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

function readPrivateKey(privatePem: string): KeyObject {
  try {
    return createPrivateKey(privatePem);
  } catch (error) {
    throw invalidKey('it cannot be read as PEM', error);
  }
}

function invalidKey(reason: string, cause?: unknown): HostError {
  return new HostError({
    code: 'identity/invalid-key',
    message: `The host's signing key is unusable: ${reason}. Restore the file from a backup, or remove it to have a new one made, which makes every token issued so far invalid.`,
    cause,
  });
}
