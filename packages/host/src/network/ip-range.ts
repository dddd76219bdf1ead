/** The bytes of an IP address: 4 or 16. */
export type IpAddress = readonly number[];

/** A block of addresses: those whose first `bits` bits are as in `address`. */
export interface IpRange {
  readonly address: IpAddress;
  readonly bits: number;
}

const IPV4_PART = /^(?:0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-f]{1,4}$/i;

/** What an IPv4 address looks like inside IPv6. */
const MAPPED: IpRange = parseKnownRange('::ffff:0:0/96');

/**
 * The bytes of an address in its usual text; undefined for anything else. An IPv4 address in the clothes of IPv6
 * (`::ffff:10.0.0.1`) is given as what it is: 4 bytes. The zone of a link-local address is left out.
 */
export function tryParseAddress(text: string): IpAddress | undefined {
  const address = text.includes(':') ? tryParseIpv6(text) : tryParseIpv4(text);
  return address !== undefined && isMapped(address) ? address.slice(12) : address;
}

/** Reads `10.0.0.0/8`, or an address alone, which is a range of one; undefined for anything else. */
export function tryParseRange(text: string): IpRange | undefined {
  const [head = '', bitsText, ...rest] = text.split('/');
  const address = tryParseAddress(head);
  if (address === undefined || rest.length > 0) return undefined;
  const bitsMax = address.length * 8;
  if (bitsText === undefined) return { address, bits: bitsMax };
  const bits = Number(bitsText);
  if (!/^\d{1,3}$/.test(bitsText) || bits > bitsMax) return undefined;
  return { address, bits };
}

/** The same for text that is known to be a range. */
export function parseKnownRange(text: string): IpRange {
  const [head = '', bits] = text.split('/');
  const address = head.includes(':') ? tryParseIpv6(head) : tryParseIpv4(head);
  if (address === undefined) throw new TypeError(`${text} is no range of addresses`);
  return { address, bits: Number(bits) };
}

/** Whether an address lies in a range. */
export function isInRange(address: IpAddress, range: IpRange): boolean {
  if (address.length !== range.address.length) return false;
  const wholeBytes = Math.floor(range.bits / 8);
  for (let position = 0; position < wholeBytes; position++) {
    if (address[position] !== range.address[position]) return false;
  }
  const restBits = range.bits % 8;
  if (restBits === 0) return true;
  const shift = 8 - restBits;
  return (address[wholeBytes] ?? 0) >> shift === (range.address[wholeBytes] ?? 0) >> shift;
}

function isMapped(address: IpAddress): boolean {
  return address.length === 16 && isInRange(address, MAPPED);
}

function tryParseIpv4(text: string): IpAddress | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
}

function tryParseIpv6(text: string): IpAddress | undefined {
  const [address = ''] = text.split('%');
  const halves = address.split('::');
  if (halves.length > 2) return undefined;
  // An IPv4 address may stand at the end of the whole alone.
  const [head, tail] = halves.map((half, index) => tryParseGroups(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

/** The bytes of groups between colons; `isEnd` lets the last be an IPv4 address. */
function tryParseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const ipv4 = isEnd && index === groups.length - 1 ? tryParseIpv4(group) : undefined;
    if (ipv4 === undefined && !IPV6_GROUP.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(...(ipv4 ?? [value >> 8, value & 0xff]));
  }
  return bytes;
}
