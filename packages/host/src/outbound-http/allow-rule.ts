import { type IpAddress, type IpRange, isInRange, tryParseRange } from '../network/ip-range.ts';

/** A target that may be reached although its address is not a public one. */
export interface AllowRule {
  /** Addresses, or the name by which the URL has to name the target. */
  readonly host: IpRange | string;
  /** Undefined: any. */
  readonly port: number | undefined;
}

/** Where a request wants to connect. */
export interface Target {
  /** As the URL has it, in lower case and without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly address: IpAddress;
}

const RULE =
  /^(?:\[(?<bracketed>[0-9a-f:.]+)\](?<bits>\/\d+)?|(?<plain>[a-z0-9._-]+(?:\/\d+)?))(?::(?<port>\d{1,5}))?$/i;
const NAME = /^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?$/i;

/** Reads a rule such as `127.0.0.1:8080`, `10.0.0.0/8`, `[::1]:80` or `intranet.local`; undefined for anything else. */
export function tryParseAllowRule(text: string): AllowRule | undefined {
  const { bracketed, bits = '', plain, port: portText } = RULE.exec(text)?.groups ?? {};
  const hostText = bracketed === undefined ? plain : `${bracketed}${bits}`;
  if (hostText === undefined) return undefined;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const range = tryParseRange(hostText);
  if (range !== undefined) return { host: range, port };
  // What ends in a number is an address to every URL, and here it would be a wrong one.
  const isName = bracketed === undefined && NAME.test(hostText) && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i.test(hostText);
  return isName ? { host: hostText.toLowerCase(), port } : undefined;
}

/** Whether one of the rules lets a request through to a target. */
export function isAllowed(rules: readonly AllowRule[], { hostname, port, address }: Target): boolean {
  return rules.some((rule) => {
    if (rule.port !== undefined && rule.port !== port) return false;
    return typeof rule.host === 'string' ? rule.host === hostname : isInRange(address, rule.host);
  });
}
