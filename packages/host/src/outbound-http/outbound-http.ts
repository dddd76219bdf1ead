import type { HttpRequestHead, HttpResponseHead } from '../module-http/http-message.ts';

/** A whole response of another server. */
export interface OutboundResponse {
  readonly head: HttpResponseHead;
  readonly body: Uint8Array;
}

/** Sends the requests of modules, whose interface is synchronous. */
export interface OutboundHttp {
  /**
   * Sends a request and waits, without returning, until the whole response is there. Redirects are followed; any status
   * is a response.
   * @throws {HostError} `outbound-http/failed`, with a message for the module
   */
  request(head: HttpRequestHead, body: Uint8Array): OutboundResponse;
}

/** Where requests of a database's module go that has no way out. */
export const OUTBOUND_HTTP_DISABLED = 'module outbound HTTP requests are disabled';
