import type { LookupAddress } from 'node:dns';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { HttpHeader } from '../module-http/http-message.ts';

/** One request to one server. */
export interface Hop {
  readonly url: URL;
  /** The addresses to try, and no others. */
  readonly addresses: readonly LookupAddress[];
  readonly method: string;
  readonly headers: readonly HttpHeader[];
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

/** Methods of which a server expects a body, so that its length is told also when there is none. */
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Sends a request and gives the response as soon as its head is there; the body is still to be read. */
export function sendHop(hop: Hop): Promise<IncomingMessage> {
  const { url, signal, method } = hop;
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const options: RequestOptions = {
    method,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    // A connection of its own: none stays open to an address that was checked for another request.
    agent: false,
    lookup: lookUpAmong(hop.addresses),
    signal,
  };
  return new Promise((resolve, reject) => {
    const request = send(options);
    request.on('error', reject);
    // One that arrives after the end of the exchange has nobody to be told.
    request.on('response', (response) => {
      response.on('error', () => undefined);
      resolve(response);
    });
    setHeaders(request, hop);
    request.end(hop.body);
  });
}

function setHeaders(request: ClientRequest, { headers, method, body }: Hop): void {
  const values = new Map<string, string[]>();
  for (const { name, value } of headers) {
    const text = Buffer.from(value).toString('latin1');
    const others = values.get(name);
    if (others === undefined) values.set(name, [text]);
    else others.push(text);
  }
  for (const [name, texts] of values) request.setHeader(name, texts.length === 1 ? (texts[0] ?? '') : texts);
  if (body.length > 0 || METHODS_WITH_BODY.has(method)) request.setHeader('content-length', body.length);
}

/** Answers with the addresses that were checked, whatever the name stands for by now. */
function lookUpAmong(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    if (all === true) {
      callback(null, [...addresses]);
      return;
    }
    const [first] = addresses;
    if (first === undefined) callback(new Error('there is no address to connect to'), '');
    else callback(null, first.address, first.family);
  };
}
