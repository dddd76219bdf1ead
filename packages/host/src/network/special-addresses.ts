import { type IpAddress, type IpRange, isInRange, parseKnownRange } from './ip-range.ts';

/*
 * Which addresses are not those of a public host, after the registries of special-purpose addresses of IANA (RFC 6890
 * and its updates). Of IPv6 only what is given out as global unicast is public: what is not known yet is not, either.
 */

const SPECIAL_IPV4: readonly IpRange[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by a carrier's customers
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, and where clouds answer about a machine and its keys
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays of 6to4, given up
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
].map(parseKnownRange);

const GLOBAL_UNICAST_IPV6: IpRange = parseKnownRange('2000::/3');

const SPECIAL_IPV6: readonly IpRange[] = [
  '2001::/23', // protocol assignments, with Teredo, benchmarks and ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which leads to an IPv4 address
  '3fff::/20', // documentation
].map(parseKnownRange);

/** Where IPv6 networks put IPv4 addresses: as public as the address inside. */
const TRANSLATED: IpRange = parseKnownRange('64:ff9b::/96');

/** Whether an address is private, local, or has a special purpose: whatever is not a host of the public internet. */
export function isSpecialAddress(address: IpAddress): boolean {
  if (address.length === 4) return SPECIAL_IPV4.some((range) => isInRange(address, range));
  if (isInRange(address, TRANSLATED)) return isSpecialAddress(address.slice(12));
  return !isInRange(address, GLOBAL_UNICAST_IPV6) || SPECIAL_IPV6.some((range) => isInRange(address, range));
}
