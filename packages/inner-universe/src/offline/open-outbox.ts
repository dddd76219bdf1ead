import type { CallOptions } from '../connection/connection.ts';
import { TokenKeeper } from '../connection/token-source.ts';
import type { InnerUniverseConfig } from '../controller/config.ts';
import { readServerAccess } from '../controller/server-access.ts';
import { openOutbox, type OpenedOutbox } from './outbox-options.ts';

/** How a client is prepared for a server that is away. */
interface OfflineParts {
  readonly outbox: OpenedOutbox | undefined;
  readonly mayStartLost: boolean;
}

/**
 * Opens the outbox that a configuration asks for. The caller closes it, or hands it to a client, which does.
 * @throws {NervPersistenceError} as `openOutbox`; `connection/no-token`; the signal's reason
 */
export async function openConfiguredOutbox(
  config: InnerUniverseConfig,
  onError: (error: unknown) => void,
  call: CallOptions,
): Promise<OfflineParts> {
  const { placement, database, options } = config;
  if (placement.type !== 'server' || !('server' in options)) return { outbox: undefined, mayStartLost: false };
  const { offline, outbox: given = offline === 'allow' ? {} : undefined } = options;
  const mayStartLost = offline === 'allow';
  if (given === undefined) return { outbox: undefined, mayStartLost };
  const { token: source } = await readServerAccess(placement);
  const token = await new TokenKeeper(source).next(call);
  return { outbox: await openOutbox(given, { target: placement.url, database, token, onError }), mayStartLost };
}
