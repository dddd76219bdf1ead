import { NervPersistenceError } from '../errors.ts';

/** What only encryption can throw. Neither its message nor its details hold a key or anything that was sealed. */
export class EncryptionError extends NervPersistenceError {
  override readonly name: string = 'EncryptionError';
}
