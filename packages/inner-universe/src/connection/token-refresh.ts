/*
 * Has a connection made anew with a fresh token before its own expires. Invariants:
 * - a connection is left alone until a better token is here: one that expires later, or does not say when;
 * - one question for a token at most is on its way, and there is a pause between two;
 * - what a token says of its end is a hint: nobody has verified it here, and a token that has expired by this clock is
 *   the server's to judge.
 */
import { systemTimers, type Clock, type Timers } from '@inner-universe/nerv';
import { ConnectionError } from '../errors.ts';
import { SILENT_TELEMETRY, type Telemetry } from '../observability/telemetry.ts';
import type { Connection, Connector, RenewableTokens } from './connection.ts';

/** What tokens are renewed by. */
export interface TokenRefreshOptions {
  /** Without `tokens` nothing is renewed. */
  readonly connector: Pick<Connector, 'tokens'>;
  readonly clock: Clock;
  /** Default the system's timers. */
  readonly timers?: Timers | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** Called once, when a better token is there for the next connection. */
  readonly onFresh: () => void;
}

/** So long before its end a token is renewed; one that lives less than four times as long, after three quarters. */
const LEAD_MS_MAX = 60_000;
const LEAD_SHARE = 1 / 4;
/** Least pause between two questions. */
const PAUSE_MS_MIN = 1_000;
/** How long one question may take, where more time is left. */
const ASK_MS_MAX = 10_000;

/**
 * Watches the token that a connection was made with last, until the connection ends. Does nothing for an opaque one, or
 * where there is nobody to ask for another.
 */
export function refreshToken(connection: Connection, options: TokenRefreshOptions): void {
  const { tokens } = options.connector;
  const expiresAtMs = tryReadExpiry(tokens?.current);
  if (tokens === undefined || expiresAtMs === undefined) return;
  const refresh = new TokenRefresh(tokens, expiresAtMs, options);
  void connection.ended.then(() => refresh.stop());
  refresh.start();
}

/** The wait for the end of one token. */
class TokenRefresh {
  readonly #tokens: RenewableTokens;
  readonly #token: string | undefined;
  readonly #expiresAtMs: number;
  readonly #options: TokenRefreshOptions;
  readonly #ending = new AbortController();
  #cancel: (() => void) | undefined;

  constructor(tokens: RenewableTokens, expiresAtMs: number, options: TokenRefreshOptions) {
    this.#tokens = tokens;
    this.#token = tokens.current;
    this.#expiresAtMs = expiresAtMs;
    this.#options = options;
  }

  start(): void {
    const leftMs = this.#leftMs();
    if (leftMs > 0) this.#askIn(leftMs - Math.min(LEAD_MS_MAX, leftMs * LEAD_SHARE));
  }

  stop(): void {
    this.#cancel?.();
    this.#ending.abort();
  }

  #askIn(delayMs: number): void {
    const { timers = systemTimers } = this.#options;
    const dueMs = this.#nowMs() + delayMs;
    const wake = (): void => {
      const earlyMs = dueMs - this.#nowMs();
      if (earlyMs > 0) this.#cancel = timers.schedule(wake, earlyMs);
      else void this.#ask();
    };
    this.#cancel = timers.schedule(wake, delayMs);
  }

  async #ask(): Promise<void> {
    const { signal } = this.#ending;
    const timeoutMs = Math.min(ASK_MS_MAX, Math.max(1, this.#leftMs()));
    let reason = 'the one that was given does not live longer';
    try {
      const token = await this.#tokens.ask({ signal, timeoutMs });
      if (signal.aborted) return;
      if (this.#isBetter(token)) {
        this.#tokens.useNext(token);
        this.#options.onFresh();
        return;
      }
    } catch (error) {
      if (signal.aborted) return;
      reason = error instanceof ConnectionError ? error.code : String(error);
    }
    const { telemetry = SILENT_TELEMETRY } = this.#options;
    telemetry.log('warn', 'The token could not be renewed ahead of its end.', { reason });
    // Near the end the server says when it is over, and the next connection asks.
    const leftMs = this.#leftMs();
    if (leftMs > PAUSE_MS_MIN) this.#askIn(Math.max(PAUSE_MS_MIN, leftMs * LEAD_SHARE));
  }

  #isBetter(token: string): boolean {
    const expiresAtMs = tryReadExpiry(token);
    return expiresAtMs === undefined ? token !== this.#token : expiresAtMs > this.#expiresAtMs;
  }

  #leftMs(): number {
    return this.#expiresAtMs - this.#nowMs();
  }

  #nowMs(): number {
    return Number(this.#options.clock.nowMicros() / 1_000n);
  }
}

/**
 * When a token says that it expires, in milliseconds since 1970: the `exp` of a JSON Web Token, unverified. Undefined for
 * one that does not say so, or is no such token.
 */
export function tryReadExpiry(token: string | undefined): number | undefined {
  const [, body, , ...more] = token?.split('.') ?? [];
  if (body === undefined || more.length > 0) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(body.replaceAll('-', '+').replaceAll('_', '/')));
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined;
  } catch {
    // Whatever it is, it is not for us to read.
    return undefined;
  }
}
