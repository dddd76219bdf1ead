import type { Context } from 'hono';
import { HostError } from '../errors.ts';

/** Longest body that is read where nothing else is said. */
export const BODY_BYTES_MAX: number = 2 * 1024 * 1024;

/**
 * Reads a request's body, and stops as soon as it is known to be longer than `bytesMax`. To be called after the right
 * to send it was checked.
 * @throws {HostError} `server/body-too-large`
 */
export async function readBody(context: Context, bytesMax: number = BODY_BYTES_MAX): Promise<Uint8Array> {
  const declared = Number(context.req.header('content-length') ?? 0);
  if (declared > bytesMax) throw tooLarge(bytesMax);
  const chunks: Uint8Array[] = [];
  let length = 0;
  // What is left of a body that is too long is not read: leaving the loop cancels the stream.
  for await (const chunk of context.req.raw.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** Reads a body that is text. @throws {HostError} `server/body-too-large`, `server/bad-request` when it is no UTF-8 */
export async function readTextBody(context: Context, bytesMax: number = BODY_BYTES_MAX): Promise<string> {
  const bytes = await readBody(context, bytesMax);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new HostError({ code: 'server/bad-request', message: 'the body is not text in UTF-8', cause: error });
  }
}

function tooLarge(bytesMax: number): HostError {
  return new HostError({
    code: 'server/body-too-large',
    message: `the body is longer than ${bytesMax} bytes, the limit for this request`,
    details: { bytesMax },
  });
}
