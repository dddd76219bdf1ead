import type { HttpHeader } from './http-message.ts';

/** Headers that belong to one connection (RFC 9110, 7.6.1) and are not passed on. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The headers that belong to the message: without those of the connection, the ones that `Connection` names included.
 * Names come in lower case.
 */
export function withoutConnectionHeaders(headers: readonly HttpHeader[]): readonly HttpHeader[] {
  const named = new Set<string>();
  const decoder = new TextDecoder();
  for (const { name, value } of headers) {
    if (name !== 'connection') continue;
    for (const token of decoder.decode(value).split(',')) named.add(token.trim().toLowerCase());
  }
  return headers.filter(({ name }) => !CONNECTION_HEADERS.has(name) && !named.has(name));
}
