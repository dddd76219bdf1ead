import type { HttpHeader, HttpVersion } from './http-message.ts';

/*
 * Requests to the HTTP handlers of modules, as the host's side and its databases exchange them: plain data, so that a
 * database may run in another thread.
 */

/** A request that came in for one of a module's routes. */
export interface HandlerRequest {
  readonly method: string;
  /** Path of the route: what follows `/route`; empty or beginning with a slash. */
  readonly path: string;
  /** The whole address that the client asked for, as far as it is known. */
  readonly uri: string;
  readonly headers: readonly HttpHeader[];
  readonly version: HttpVersion;
  readonly body: Uint8Array;
}

/** What a handler answered. Names and values of headers are such that HTTP can carry. */
export interface HandlerResponse {
  readonly status: number;
  /** In lower case, without those that belong to the connection. */
  readonly headers: readonly HttpHeader[];
  readonly body: Uint8Array;
}

/** How a request fared. */
export type HandlerOutcome =
  | { readonly type: 'responded'; readonly response: HandlerResponse }
  /** The module has no route for this method and path. */
  | { readonly type: 'no-route' }
  /** The handler threw, or answered what is no response. Why is in the log alone. */
  | { readonly type: 'failed' };

/** What a request gave. `offset` is that of the last record that its transactions wrote, absent when there is none. */
export interface HandlerResult {
  readonly outcome: HandlerOutcome;
  readonly offset: bigint | undefined;
}
