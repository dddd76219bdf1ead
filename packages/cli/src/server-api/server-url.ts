import { CliError } from '../errors.ts';

/** The base address of a server for HTTP requests, from what people write: `ws:` addresses and bare hosts too. */
export function parseServerUrl(text: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  const scheme = url === undefined ? undefined : SCHEMES.get(url.protocol);
  if (url === undefined || scheme === undefined) {
    throw new CliError('cli/usage', `'${text}' is no address of a server. Write it like http://127.0.0.1:3000.`, {
      details: { server: text },
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError('cli/usage', 'An address must not carry a user or password: give a token (--token-file).');
  }
  const base = new URL(url);
  base.protocol = scheme;
  base.search = '';
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}

/** Whether two addresses lead to the same server, however this machine is called in them. */
export function isSameServer(one: URL, other: URL): boolean {
  const host = ({ hostname }: URL): string => (LOOPBACK.has(hostname) ? 'loopback' : hostname);
  return one.protocol === other.protocol && one.port === other.port && host(one) === host(other);
}

const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['ws:', 'http:'],
  ['wss:', 'https:'],
]);
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
