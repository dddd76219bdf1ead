import type { IncomingMessage } from 'node:http';
import { errorMessage, type HostError } from '../errors.ts';
import { type HttpHeader, type HttpRequestHead, toHttpVersion } from '../module-http/http-message.ts';
import { type AllowRule, tryParseAllowRule } from './allow-rule.ts';
import { type Hop, sendHop } from './hop.ts';
import { describeCauses, makeOutboundError } from './outbound-error.ts';
import type { OutboundResponse } from './outbound-http.ts';
import type { OutboundPolicy } from './outbound-options.ts';
import { showUrl } from './shown-url.ts';
import { findAddresses, type ResolveName, resolveName } from './target.ts';

/*
 * Sends a request of a module. What holds:
 *
 * - Every address that is connected to was checked: of the first URL and of every redirect, after its name was resolved.
 * - One deadline is over the whole: resolving, connecting, redirects, the body.
 * - What belongs to one server (credentials, cookies, the Host header) is not sent to another one by a redirect.
 * - Error texts hold no query, fragment, user or password.
 */

const REDIRECTS_MAX = 10;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const TIMEOUT_MS = 30_000;
const TIMEOUT_MS_MAX = 180_000;

/** Headers that belong to the connection, or are told by the host itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that are for one server and not for the one that it redirects to. */
const ORIGIN_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'cookie2', 'host', 'www-authenticate']);

/** Headers that describe a body, and go when it goes. */
const BODY_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
]);

/** A request of a module. */
export interface OutboundRequest {
  readonly head: HttpRequestHead;
  readonly body: Uint8Array;
}

/** What requests are sent with. */
export interface SendContext {
  readonly policy: OutboundPolicy;
  /** Gives the request up. */
  readonly signal?: AbortSignal | undefined;
  /** Default: that of the system. */
  readonly resolve?: ResolveName | undefined;
}

/** How long a request may take, in milliseconds: what it asks for, within bounds. */
export function timeoutMsOf({ timeoutMicros }: Pick<HttpRequestHead, 'timeoutMicros'>): number {
  if (timeoutMicros === undefined) return TIMEOUT_MS;
  return Math.min(Math.max(Number(timeoutMicros) / 1000, 0), TIMEOUT_MS_MAX);
}

/** Sends a request, follows redirects and reads the whole response. @throws {HostError} `outbound-http/failed` */
export async function sendRequest(request: OutboundRequest, context: SendContext): Promise<OutboundResponse> {
  const timeoutMs = timeoutMsOf(request.head);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(makeTimeoutError(timeoutMs)), timeoutMs);
  const giveUp = (): void => deadline.abort(makeOutboundError('the request was given up'));
  context.signal?.addEventListener('abort', giveUp);
  const exchange = new Exchange(request, context, deadline.signal);
  try {
    return await exchange.run();
  } catch (error) {
    const reason: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
    throw makeOutboundError(`error sending request for url (${exchange.shownUrl}): ${describeCauses(reason)}`, error);
  } finally {
    clearTimeout(timer);
    context.signal?.removeEventListener('abort', giveUp);
    // Whatever is still open of it ends with it.
    deadline.abort();
  }
}

/** One request with its redirects. */
class Exchange {
  readonly #context: SendContext;
  readonly #rules: readonly AllowRule[];
  readonly #signal: AbortSignal;
  #uri: string;
  #method: string;
  #headers: readonly HttpHeader[];
  #body: Uint8Array;

  constructor({ head, body }: OutboundRequest, context: SendContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    // `readOutboundHttp` has refused those that are none.
    this.#rules = context.policy.allowPrivate.flatMap((rule) => tryParseAllowRule(rule) ?? []);
    this.#uri = head.uri;
    this.#method = head.method.toUpperCase();
    this.#headers = head.headers
      .map(({ name, value }) => ({ name: name.toLowerCase(), value }))
      .filter(({ name }) => !OWN_HEADERS.has(name));
    this.#body = body;
  }

  /** Where the request went last, as it may be told. */
  get shownUrl(): string {
    return showUrl(this.#uri);
  }

  async run(): Promise<OutboundResponse> {
    if (this.#method === 'CONNECT') throw makeOutboundError('the method CONNECT is not supported');
    let url = this.#parse(this.#uri);
    this.#takeCredentials(url);
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(url);
      const location = redirectOf(response);
      if (location === undefined) return this.#read(response);
      response.destroy();
      if (redirects === REDIRECTS_MAX) throw makeOutboundError(`more than ${REDIRECTS_MAX} redirects`);
      url = this.#redirect(url, location, response.statusCode ?? 0);
    }
  }

  async #send(url: URL): Promise<IncomingMessage> {
    const { resolve = resolveName } = this.#context;
    const addresses = await this.#orAbort(findAddresses(url, this.#rules, resolve));
    const hop: Hop = {
      url,
      addresses,
      method: this.#method,
      headers: this.#headers,
      body: this.#body,
      signal: this.#signal,
    };
    return sendHop(hop);
  }

  async #read(response: IncomingMessage): Promise<OutboundResponse> {
    const { responseBytesMax } = this.#context.policy;
    const declared = Number(response.headers['content-length'] ?? 0);
    const chunks: Buffer[] = [];
    let length = 0;
    if (declared > responseBytesMax && this.#method !== 'HEAD') throw tooLarge(responseBytesMax);
    // Leaving the loop ends the connection.
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > responseBytesMax) throw tooLarge(responseBytesMax);
      chunks.push(chunk);
    }
    const headers = readHeaders(response);
    const version = toHttpVersion(response.httpVersion);
    const body = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      body.set(chunk, offset);
      offset += chunk.length;
    }
    return { head: { headers, version, status: response.statusCode ?? 0 }, body };
  }

  #parse(uri: string, base?: URL): URL {
    let url: URL;
    try {
      url = new URL(uri, base);
    } catch {
      // Its own error would quote the whole.
      throw makeOutboundError(base === undefined ? 'the URL is malformed' : 'the server redirects to a malformed URL');
    }
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
    throw makeOutboundError(`the scheme ${url.protocol.slice(0, 20)} is not allowed; use http or https`);
  }

  /** What a URL says of user and password travels as a header, as with every client. */
  #takeCredentials(url: URL): void {
    if (url.username === '' && url.password === '') return;
    if (this.#headers.some(({ name }) => name === 'authorization')) return;
    const user = tryDecode(url.username);
    const credentials = Buffer.from(`${user}:${tryDecode(url.password)}`).toString('base64');
    this.#headers = [...this.#headers, { name: 'authorization', value: Buffer.from(`Basic ${credentials}`) }];
  }

  /** The request as it goes on to where a response sends it. */
  #redirect(from: URL, location: string, status: number): URL {
    const url = this.#parse(location, from);
    this.#uri = url.href;
    const isForOther = url.origin !== from.origin;
    const becomesGet =
      status === 303 ? this.#method !== 'HEAD' : (status === 301 || status === 302) && this.#method === 'POST';
    this.#headers = this.#headers.filter(
      ({ name }) => !(isForOther && ORIGIN_HEADERS.has(name)) && !(becomesGet && BODY_HEADERS.has(name)),
    );
    if (becomesGet) {
      this.#method = 'GET';
      this.#body = new Uint8Array(0);
    }
    return url;
  }

  /** Resolving a name cannot be cancelled; whoever waits for it can be let go. */
  async #orAbort<Result>(work: Promise<Result>): Promise<Result> {
    const signal = this.#signal;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason instanceof Error ? signal.reason : new Error(errorMessage(signal.reason)));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([work, aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }
}

/** Where a response sends the request on to; undefined when it does not. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  if (headers.location === undefined || !REDIRECT_STATUSES.has(statusCode)) return undefined;
  // Node gives the bytes one by one; what is not ASCII there is UTF-8.
  return Buffer.from(headers.location, 'latin1').toString('utf8');
}

function readHeaders({ rawHeaders }: IncomingMessage): HttpHeader[] {
  const headers: HttpHeader[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const value = Buffer.from(rawHeaders[at + 1] ?? '', 'latin1');
    headers.push({ name: (rawHeaders[at] ?? '').toLowerCase(), value: new Uint8Array(value) });
  }
  return headers;
}

function tryDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}

function tooLarge(bytesMax: number): HostError {
  return makeOutboundError(`the response is longer than ${bytesMax} bytes, the limit of the host`);
}

function makeTimeoutError(timeoutMs: number): HostError {
  return makeOutboundError(`the operation timed out after ${timeoutMs} ms`);
}
