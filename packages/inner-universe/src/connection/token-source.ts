import { ConnectionError } from '../errors.ts';
import type { CallOptions, RenewableTokens } from './connection.ts';
import { runWithin } from './run-within.ts';

/**
 * Asks for a token; called for each connection that is made, once more when its answer was not accepted, and ahead of
 * the end of one that says when it expires.
 */
export type TokenProvider = (request: { readonly signal: AbortSignal | undefined }) => string | Promise<string>;

/** Who we are: a token, or what gives one, such as one that expires and is renewed. */
export type TokenSource = string | TokenProvider;

/** Longest token that is taken: an upgrade's address has to hold it. */
const TOKEN_LENGTH_MAX = 16_384;

/**
 * The token of a connector. Invariants: no token stands in an error; a token that a server gave to somebody without one
 * is kept, so that a connection after a loss is the same somebody.
 */
export class TokenKeeper implements RenewableTokens {
  readonly #source: TokenSource | undefined;
  #issued: string | undefined;
  /** Asked for ahead, for the next connection. */
  #fresh: string | undefined;
  #current: string | undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** Whether asking again may give another token. */
  get isRenewable(): boolean {
    return typeof this.#source === 'function';
  }

  get current(): string | undefined {
    return this.#current;
  }

  /**
   * The token for the next connection; undefined to be given a fresh identity.
   * @throws {ConnectionError} `connection/no-token`; `connection/timeout`; the signal's reason
   */
  async next(call: CallOptions): Promise<string | undefined> {
    const fresh = this.#fresh;
    this.#fresh = undefined;
    const given = typeof this.#source === 'function' ? (fresh ?? (await this.ask(call))) : this.#source;
    this.#current = given ?? this.#issued;
    return this.#current;
  }

  useNext(token: string): void {
    this.#fresh = token;
  }

  /** Keeps what the server gave for whom it had none. */
  keep(issued: string | undefined): void {
    this.#issued ??= issued;
  }

  async ask(call: CallOptions): Promise<string> {
    const source = this.#source;
    if (typeof source !== 'function') throw new TypeError('Only a function can be asked for a token.');
    let token: unknown;
    try {
      token = await runWithin('token', call, async (signal) => source({ signal }));
    } catch (cause) {
      call.signal?.throwIfAborted();
      if (cause instanceof ConnectionError) throw cause;
      throw makeNoToken(`it failed${cause instanceof Error ? ` (${cause.name})` : ''}; the cause says how`, cause);
    }
    if (typeof token !== 'string') throw makeNoToken(`it gave ${token === null ? 'null' : typeof token}`);
    const fault = faultOfToken(token);
    if (fault !== undefined) throw makeNoToken(`what it gave ${fault}`);
    return token;
  }
}

/** Why a text is no token, without showing it; undefined when it may be one. */
export function faultOfToken(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > TOKEN_LENGTH_MAX) return `has ${text.length} characters, more than ${TOKEN_LENGTH_MAX}`;
  return /^[\w.~+/=-]+$/.test(text) ? undefined : 'is not one word, such as eyJ0…: was a line end left in it?';
}

function makeNoToken(reason: string, cause?: unknown): ConnectionError {
  return new ConnectionError(
    'connection/no-token',
    `The function given as token gave none: ${reason}. It is called again for the next attempt.`,
    { cause, retryable: true },
  );
}
