import { HostError } from '../errors.ts';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Which `Host` headers a server answers to. Bound to loopback it answers to the names of loopback only: a page of the
 * web whose name was made to resolve to 127.0.0.1 sends its own name and gets nothing. Names in front of which a
 * reverse proxy stands are added by the configuration. Bound elsewhere, any name is answered unless some are given.
 */
export class HostPolicy {
  readonly #allowed: ReadonlySet<string> | undefined;

  constructor(boundHost: string, allowedHosts: readonly string[] = []) {
    const names = allowedHosts.map((name) => name.toLowerCase());
    if (isLoopback(boundHost)) this.#allowed = new Set([...LOOPBACK_NAMES, ...names, bracketed(boundHost)]);
    else this.#allowed = names.length > 0 ? new Set(names) : undefined;
  }

  /** @throws {HostError} `server/bad-request` without a usable header, `identity/forbidden` for a foreign name. */
  check(header: string | undefined): void {
    const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(header ?? '');
    const name = match?.[1]?.toLowerCase();
    if (name === undefined)
      throw new HostError({ code: 'server/bad-request', message: 'the Host header is malformed' });
    if (this.#allowed !== undefined && !this.#allowed.has(name)) {
      throw new HostError({
        code: 'identity/forbidden',
        message: `this server does not answer to the host name ${name}: add it to allowedHosts`,
        details: { host: name },
      });
    }
  }
}

/** Whether an address can only be reached from this machine. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** An address as it stands in a URL. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host.toLowerCase();
}
