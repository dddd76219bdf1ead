import { HttpClient, issueIdentity, type IssuedIdentity } from 'inner-universe';
import { readCertificates } from '../key-files.ts';
import { toJson } from '../output.ts';
import { parseServerUrl } from '../server-api/server-url.ts';
import { openTarget } from '../target.ts';
import type { CommandContext } from './context.ts';
import type { LookOptions } from './options.ts';

/**
 * `inner-universe identities new`: somebody whom nobody knows yet. A server is asked for it, which needs no token; a
 * directory that nobody serves is opened, and its host gives it.
 */
export async function identitiesNew(options: LookOptions, context: CommandContext): Promise<void> {
  const issued = await issue(options, context);
  context.output.out(
    options.json === true ? toJson(issued) : `identity  ${issued.identity}\ntoken     ${issued.token}`,
  );
  if (options.json !== true) context.output.err('Keep the token as a secret: it is shown this once.\n');
}

async function issue(options: LookOptions, context: CommandContext): Promise<IssuedIdentity> {
  // Opening one by its address would need somebody who may come in already.
  if (options.server !== undefined && options.data === undefined) return askServer(options.server, options, context);
  const { universe } = await openTarget(options, { signal: context.signal });
  try {
    const { host, config } = universe.controller;
    // Another process serves the directory, and has its keys.
    if (config.placement.type === 'server') return await askServer(config.placement.url, options, context);
    if (host === undefined) throw new TypeError('a universe of this process has a host');
    const { identity, token } = await host.tokens.issue();
    return { identity: identity.toString(16).padStart(64, '0'), token };
  } finally {
    await universe.close();
  }
}

async function askServer(address: string, options: LookOptions, { signal }: CommandContext): Promise<IssuedIdentity> {
  const tls = await readCertificates(options);
  return issueIdentity(new HttpClient(parseServerUrl(address), { token: undefined, signal, tls }));
}
