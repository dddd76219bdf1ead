import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { type IpAddress, tryParseAddress } from '../network/ip-range.ts';
import { isSpecialAddress } from '../network/special-addresses.ts';
import { type AllowRule, isAllowed } from './allow-rule.ts';
import { makeOutboundError, REFUSED_TARGET } from './outbound-error.ts';

/** Resolves a name to all its addresses, in the order in which they should be tried. */
export type ResolveName = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Resolves names as the rest of the system does. */
export const resolveName: ResolveName = (hostname) => lookup(hostname, { all: true, verbatim: true });

/**
 * The addresses to which a request to a URL may connect: those of its name that are public or allowed. To connect to
 * these and no others is what keeps a name from standing for another address a moment later.
 * @throws {HostError} `outbound-http/failed` when there are none
 */
export async function findAddresses(
  url: URL,
  rules: readonly AllowRule[],
  resolve: ResolveName,
): Promise<readonly LookupAddress[]> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port === '' ? DEFAULT_PORTS[url.protocol] : url.port);
  const mayConnect = (address: IpAddress | undefined): boolean =>
    address !== undefined && (!isSpecialAddress(address) || isAllowed(rules, { hostname, port, address }));
  const literal = tryParseAddress(hostname);
  if (literal !== undefined) {
    if (!mayConnect(literal)) throw refused();
    return [{ address: hostname, family: hostname.includes(':') ? 6 : 4 }];
  }
  const found = await resolve(hostname);
  const addresses = found.filter(({ address }) => mayConnect(tryParseAddress(address)));
  if (addresses.length === 0) throw refused();
  return addresses;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

function refused(): Error {
  return makeOutboundError(
    `${REFUSED_TARGET}; what should be reached has to be named in the host's option outboundHttp.allowPrivate`,
  );
}
