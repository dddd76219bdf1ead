import { createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { Random } from '../clock/clock.ts';
import { LOCAL_ISSUER } from '../identity/claims.ts';
import { deriveIdentity, makeConnectionId } from '../identity/identity.ts';
import type { SigningKeys } from '../identity/signing-keys.ts';

/** Everything of a test host that would otherwise be random, made from one text: the same text, the same everything. */
export class TestSeed {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The subject of the tokens of a named identity: a name has the same one in every test host with this seed. */
  subjectOf(name: string): string {
    const hex = Buffer.from(this.#digest(`identity/${name}`)).toString('hex');
    // In the form of the subjects that hosts make: a UUID of version 4.
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }

  identityOf(name: string): bigint {
    return deriveIdentity(LOCAL_ISSUER, this.subjectOf(name));
  }

  /** Id of the connection with a number. */
  connectionId(number: number): bigint {
    return makeConnectionId(this.#digest(`connection/${number}`));
  }

  /** Identity of the database under test. */
  get databaseIdentity(): bigint {
    return this.identityOf('database/');
  }

  /** Keeps hashes of rows from being what another seed would make them. */
  get hashSeed(): number {
    return new DataView(this.#digest('hash').buffer).getUint32(0);
  }

  /** The key pair that signs the host's tokens. Good for tests only: who knows the seed knows the key. */
  makeSigningKeys(): SigningKeys {
    const pair = createECDH('prime256v1');
    // A digest is below the order of the curve but for one in 2^32; the next one is taken then.
    for (let attempt = 0; ; attempt += 1) {
      try {
        pair.setPrivateKey(this.#digest(`key/${attempt}`));
        break;
      } catch (error) {
        if (attempt > 8) throw error;
      }
    }
    const point = pair.getPublicKey();
    const x = base64Url(point.subarray(1, 33));
    const y = base64Url(point.subarray(33));
    const d = base64Url(pair.getPrivateKey());
    const privateKey = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y, d } });
    const publicKey = createPublicKey(privateKey);
    return { privateKey, publicKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
  }

  /** An endless sequence of bytes, the same for the same purpose. */
  makeRandom(purpose: string): Random {
    let count = 0;
    return {
      bytes: (length) => {
        const bytes = new Uint8Array(length);
        for (let at = 0; at < length; at += 32) {
          bytes.set(this.#digest(`random/${purpose}/${count}`).subarray(0, length - at), at);
          count += 1;
        }
        return bytes;
      },
    };
  }

  #digest(purpose: string): Uint8Array {
    return Uint8Array.from(createHash('sha256').update(`${this.text}\n${purpose}`).digest());
  }
}

function base64Url(bytes: Buffer): string {
  // A private key's leading zeros are left out by the library, and needed here.
  return Buffer.concat([Buffer.alloc(32 - bytes.length), bytes]).toString('base64url');
}
