import { join } from 'node:path';
import { FileKeyStore, makeKeyWrapper, openKeyRing, type EncryptionOptions } from 'inner-universe';

/** Stands in every secret, and nowhere else. */
export const CLEAR_TEXT = 'nobody-but-who-has-the-key-reads-this';
/** The type of the entities that have one. */
export const SECRET = 'secret';

/** The key of a run is no secret to those who read this. */
const KEY = Buffer.alloc(32, 7).toString('base64');

/** Seals the secrets of a run with keys that lie in its directory, beside the server's files. */
export async function sealing(directory: string): Promise<EncryptionOptions> {
  const wrapper = await makeKeyWrapper({ active: 'torture', keys: { torture: KEY } });
  const keyRing = await openKeyRing({ store: new FileKeyStore(join(directory, 'keys.json')), wrapper });
  return { keyRing, entities: { [SECRET]: ['note'] } };
}

/** What the secret of a deed says. */
export function noteOf(id: string): string {
  return `${CLEAR_TEXT}: ${id}`;
}
