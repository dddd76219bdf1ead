import type { CallOptions } from '../../connection/connection.ts';
import { ServerConnector } from '../../connection/server-connector.ts';
import { TokenKeeper } from '../../connection/token-source.ts';
import { NervPersistenceError } from '../../errors.ts';
import { DatabaseApi } from '../../management/database-api.ts';
import { HttpClient } from '../../management/http-client.ts';
import { readServerAccess, type ServerPlacement } from '../server-access.ts';
import { namesOf } from './definition-names.ts';
import type { DeploymentTarget } from './deployment-target.ts';

/** Deploys over a server's HTTP interface: that of our host, and SpacetimeDB's, which is the same. */
export async function openServerTarget(
  parts: { readonly placement: ServerPlacement; readonly database: string; readonly onError: (error: unknown) => void },
  call: CallOptions,
): Promise<DeploymentTarget> {
  const { placement, database, onError } = parts;
  const { url, tls, token: source } = { url: placement.url, ...(await readServerAccess(placement)) };
  const token = await new TokenKeeper(source).next(call);
  if (token === undefined) {
    throw new NervPersistenceError(
      'server/unauthorized',
      `Publishing to ${url} needs a token: give the owner\u2019s (token, INNER_UNIVERSE_TOKEN, INNER_UNIVERSE_TOKEN_FILE). ` +
        'A host of ours writes it to DIR/credentials/owner.token.',
      { details: { server: url } },
    );
  }
  const base = new URL(url);
  base.protocol = base.protocol === 'wss:' ? 'https:' : 'http:';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const api = new DatabaseApi(new HttpClient(base, { token, tls, signal: call.signal }), database);
  return {
    description: url,
    database,
    preview: (bundle) => api.preview(bundle),
    publish: (bundle, permission) => api.publish(bundle, permission),
    facts: () => api.tryReadFacts(),
    definition: async () => namesOf(await api.schema()),
    connector: new ServerConnector({ url, database, token, tls, onListenerError: onError }),
    close: async () => undefined,
  };
}
