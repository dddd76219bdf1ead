import type { Context } from 'hono';
import { HostError } from '../errors.ts';
import { readTextBody } from './body.ts';

/** Largest bundle that is read where nothing else is configured. */
export const BUNDLE_BYTES_MAX: number = 32 * 1024 * 1024;

/** Bundles that are in memory at once, from their first byte to the end of their publication. */
const UPLOADS_MAX = 4;

/** Lets bundles in: only so large, and only so many at a time. */
export class UploadGate {
  readonly #bytesMax: number;
  #uploads = 0;

  constructor(bytesMax: number = BUNDLE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Reads the bundle of a request that was authorised, and hands it on.
   * @throws {HostError} `server/overloaded`, `server/body-too-large`, `server/bad-request` when it is no text
   */
  async withBundle<Result>(context: Context, use: (bundle: string) => Promise<Result>): Promise<Result> {
    if (this.#uploads >= UPLOADS_MAX) {
      const message = `${UPLOADS_MAX} modules are being published already: try again later`;
      throw new HostError({ code: 'server/overloaded', message, retryable: true });
    }
    this.#uploads += 1;
    try {
      const bundle = await readTextBody(context, this.#bytesMax);
      if (bundle.startsWith('\0asm')) throw badBundle('modules in WebAssembly are not supported by the embedded host');
      return await use(bundle);
    } finally {
      this.#uploads -= 1;
    }
  }
}

function badBundle(message: string): HostError {
  return new HostError({ code: 'server/bad-request', message });
}
