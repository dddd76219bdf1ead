import type { IncomingMessage } from 'node:http';
import { HostError } from '../errors.ts';
import { type IpRange, isInRange, tryParseAddress, tryParseRange } from '../network/ip-range.ts';

const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;

/**
 * Tells the address that a client asked for. A reverse proxy hides it, and tells it in `X-Forwarded-Proto` and
 * `X-Forwarded-Host`; anybody can send these, so they are believed only from proxies that the configuration names.
 */
export class ExternalAddress {
  readonly #proxies: readonly IpRange[];

  /** @throws {HostError} `host/invalid-option` for a proxy that is no address and no range of addresses */
  constructor(trustedProxies: readonly string[] = []) {
    this.#proxies = trustedProxies.map((proxy) => {
      const range = tryParseRange(proxy);
      if (range !== undefined) return range;
      throw new HostError({
        code: 'host/invalid-option',
        message: `the option trustedProxies holds ${proxy}; it must be an address or a range of addresses, such as 10.0.0.0/8`,
        details: { name: 'trustedProxies', value: proxy },
      });
    });
  }

  /** The whole URI of a request; `target` is its path with the query. */
  uriOf({ headers, socket }: IncomingMessage, target: string): string {
    const isTrusted = this.#isProxy(socket.remoteAddress);
    const proto = isTrusted ? lastOf(headers['x-forwarded-proto'])?.toLowerCase() : undefined;
    const forwardedHost = isTrusted ? lastOf(headers['x-forwarded-host']) : undefined;
    const isEncrypted = 'encrypted' in socket && socket.encrypted === true;
    const scheme = proto === 'http' || proto === 'https' ? proto : isEncrypted ? 'https' : 'http';
    const host = forwardedHost !== undefined && HOST.test(forwardedHost) ? forwardedHost : (headers.host ?? '');
    return `${scheme}://${host}${target}`;
  }

  #isProxy(remoteAddress: string | undefined): boolean {
    const address = tryParseAddress(remoteAddress ?? '');
    return address !== undefined && this.#proxies.some((range) => isInRange(address, range));
  }
}

/** The value that the nearest proxy added: those before it anybody may have sent. */
function lastOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === 'string' ? header : header.join(',');
  return text.split(',').at(-1)?.trim();
}
