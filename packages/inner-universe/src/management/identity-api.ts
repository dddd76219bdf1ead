import { NervPersistenceError } from '../errors.ts';
import { asSentence } from './plain-text.ts';
import type { HttpClient } from './http-client.ts';

/** Somebody new: who it is, and what proves it. The token is a secret, and given once. */
export interface IssuedIdentity {
  /** 64 hexadecimal digits. */
  readonly identity: string;
  readonly token: string;
}

/**
 * Asks a server for an identity that nobody had before. It may do nothing until it is granted something; the
 * token of the client, if it has one, plays no part in it.
 * @throws {NervPersistenceError} `server/unreachable`, `server/refused`, `server/failed`; the signal's reason
 */
export async function issueIdentity(http: HttpClient): Promise<IssuedIdentity> {
  const { origin } = http.server;
  const { status, text } = await http.send({ method: 'POST', path: 'v1/identity' });
  if (status < 200 || status >= 300) {
    const said = asSentence(text.trim() === '' ? `status ${status}` : text);
    const isRefusal = status >= 400 && status < 500;
    throw new NervPersistenceError(
      isRefusal ? 'server/refused' : 'server/failed',
      `${origin} gave no identity: ${said} Is the address that of a server of universes?`,
      { details: { server: origin, status }, retryable: !isRefusal },
    );
  }
  const issued = tryReadIssued(text);
  if (issued !== undefined) return issued;
  // What it says is not shown: a token may be in it.
  throw new NervPersistenceError(
    'server/failed',
    `${origin} gave an answer to POST /v1/identity that no SpacetimeDB server gives (${text.length} characters). Is the address right?`,
    { details: { server: origin, status } },
  );
}

function tryReadIssued(text: string): IssuedIdentity | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { identity, token } = answer as Readonly<Record<string, unknown>>;
  const digits = typeof identity === 'string' ? /^(?:0x)?([0-9a-f]{64})$/i.exec(identity)?.[1] : undefined;
  // A token is one word: anything else has no business in a header or on a terminal.
  if (digits === undefined || typeof token !== 'string' || !/^[\w.~+/=-]+$/.test(token)) return undefined;
  return { identity: digits.toLowerCase(), token };
}
