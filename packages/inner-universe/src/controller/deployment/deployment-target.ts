import type { CallOptions, Connector } from '../../connection/connection.ts';
import type { DatabaseFacts, PublishPermission, PublishPreview } from '../../management/database-api.ts';
import { NervPersistenceError } from '../../errors.ts';
import { InnerUniverseConfig, type Placement } from '../config.ts';
import type { DeploymentOptions } from './deployment.ts';
import { openDirectoryTarget } from './directory-target.ts';
import { openServerTarget } from './server-target.ts';

/** A database to deploy to, wherever it is; it need not exist yet. The caller closes it. */
export interface DeploymentTarget {
  /** For people: an address without secrets, or a directory. */
  readonly description: string;
  readonly database: string;
  /** What publishing would do; undefined when there is no such database yet. */
  preview(bundle: string): Promise<PublishPreview | undefined>;
  publish(
    bundle: string,
    permission: PublishPermission,
  ): Promise<{ readonly identity: string; readonly outcome: 'created' | 'updated' | 'unchanged' }>;
  /** What is there; undefined when there is no such database. */
  facts(): Promise<DatabaseFacts | undefined>;
  /** Names of the tables, reducers and procedures that the database runs, each with its kind before it. */
  definition(): Promise<readonly string[]>;
  /** How to connect as the owner. */
  readonly connector: Connector;
  close(): Promise<void>;
}

/**
 * Opens what options and configuration name: a server, or a data directory.
 * @throws {NervPersistenceError} `config/invalid`, `universe/*`; `connection/no-token`
 */
export async function openDeploymentTarget(
  config: InnerUniverseConfig,
  options: DeploymentOptions,
  onError: (error: unknown) => void,
): Promise<DeploymentTarget> {
  const { placement, database } = chooseTarget(config, options);
  const call: CallOptions = { signal: options.signal };
  switch (placement.type) {
    case 'server':
      return openServerTarget({ placement, database, onError }, call);
    case 'disk': {
      const { data } = placement;
      const storageKey = 'storageKey' in config.options && config.options.data === data && config.options.storageKey;
      return openDirectoryTarget({ data, storageKey: storageKey || undefined, database, onError }, call);
    }
    case 'memory':
      throw new NervPersistenceError(
        'config/invalid',
        'A universe in memory gets its module when it is opened. Deploy to a server or a data directory: give target.',
      );
  }
}

/** Options go before the configuration; the configuration's token is given to its own server only. */
function chooseTarget(
  config: InnerUniverseConfig,
  { target, database = config.database, token }: DeploymentOptions,
): { readonly placement: Placement; readonly database: string } {
  const own = config.placement;
  const { options } = config;
  const isOwn = target === undefined || ('server' in options && options.server === target);
  if (isOwn && own.type === 'server') {
    const { tokenFile, tls } = own;
    const who = token === undefined ? { token: own.token, tokenFile } : { token };
    return InnerUniverseConfig.from({ server: own.url, ...who, tls, database });
  }
  if (target === undefined)
    return own.type === 'disk' ? InnerUniverseConfig.from({ data: own.data, database }) : config;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target)) return InnerUniverseConfig.from({ server: target, token, database });
  if (token === undefined) return InnerUniverseConfig.from({ data: target, database });
  throw new NervPersistenceError(
    'config/invalid',
    `'${target}' is a data directory, whose owner's token lies beside the data: give no token.`,
    { details: { target } },
  );
}
