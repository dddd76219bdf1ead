import { HostError } from '../errors.ts';
import { tryParseAllowRule } from './allow-rule.ts';

/** What requests of modules may reach, and what they may cost. */
export interface OutboundHttpOptions {
  /**
   * Private, local and special addresses that may be reached all the same, which is none by default:
   * `127.0.0.1:8080`, `10.0.0.0/8`, `[fd00::]/8:443`, or a name such as `intranet.local:8080`, which then may stand for
   * any address. Without a port: on all.
   */
  readonly allowPrivate?: readonly string[] | undefined;
  /** Largest body of a response, in bytes. Default 16 MiB. */
  readonly responseBytesMax?: number | undefined;
}

/** The options with everything said; plain data. */
export interface OutboundPolicy {
  readonly allowPrivate: readonly string[];
  readonly responseBytesMax: number;
}

const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;

/** The policy that a host was told; undefined when its modules may send no requests. @throws {HostError} `host/invalid-option` */
export function readOutboundHttp(given: boolean | OutboundHttpOptions = true): OutboundPolicy | undefined {
  if (given === false) return undefined;
  const { allowPrivate = [], responseBytesMax = RESPONSE_BYTES_MAX } = given === true ? {} : given;
  for (const rule of allowPrivate) {
    if (tryParseAllowRule(rule) === undefined) {
      throw invalid(
        'allowPrivate',
        rule,
        'an address, a range of addresses or a name, with or without a port, such as 127.0.0.1:8080',
      );
    }
  }
  if (!Number.isSafeInteger(responseBytesMax) || responseBytesMax <= 0) {
    throw invalid('responseBytesMax', responseBytesMax, 'a positive count of bytes');
  }
  return { allowPrivate: [...allowPrivate], responseBytesMax };
}

function invalid(name: string, value: unknown, expected: string): HostError {
  return new HostError({
    code: 'host/invalid-option',
    message: `the option outboundHttp.${name} holds ${String(value)}; it must be ${expected}`,
    details: { name: `outboundHttp.${name}`, value: String(value) },
  });
}
