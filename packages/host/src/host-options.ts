import type { Clock, Logger, Random, Timers } from './clock/clock.ts';
import type { ExchangeOutcome } from './database/program-exchange.ts';
import type { ClientLimits, HostedDatabase } from './hosted-database.ts';
import type { Fetch } from './identity/issuer-keys.ts';
import type { TrustedIssuer } from './identity/trusted-issuer.ts';
import type { LogLimits } from './logs/log-limits.ts';
import type { SlowLimits } from './metrics/slow-log.ts';
import type { ModuleSource } from './module/bundle-module.ts';
import type { OutboundHttpOptions } from './outbound-http/outbound-options.ts';
import type { TransformCache } from './module/program-loader.ts';
import type { UpdateOptions } from './publishing.ts';
import type { StorageKeyOptions } from './storage/sealed/storage-key.ts';
import type { IsolationOptions } from './thread/isolation-options.ts';

/** Where a host keeps its databases, and what it runs on. */
export interface HostOptions extends IsolationOptions, SlowLimits {
  /** A data directory, made when it is not there. Absent: everything is in memory and ends with the host. */
  readonly data?: string | undefined;
  /**
   * Encrypts what databases store: AES-256-GCM, by a random key that this one wraps. A directory that is not encrypted
   * becomes so. Names, credentials and module logs are not encrypted.
   */
  readonly storageKey?: StorageKeyOptions | undefined;
  /** True: in memory. To be given where `data` is not, so that nobody loses data by a typing error. */
  readonly memory?: boolean | undefined;
  /** What others are told who find the directory in use. Default `inner-universe`. */
  readonly command?: string | undefined;
  /** Default: records of level `warn` and above to standard error. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  readonly timers?: Timers | undefined;
  readonly random?: Random | undefined;
  /** Keeps prepared bundles between processes. Default: a folder of the data directory; none in memory. */
  readonly transformCache?: TransformCache | undefined;
  /** What the clients of each database may cost. */
  readonly limits?: ClientLimits | undefined;
  /** True refuses queries that SpacetimeDB refuses although this host could answer them. Default false. */
  readonly strictCompat?: boolean | undefined;
  /** Others whose tokens are accepted beside the host's own, such as an OpenID Connect provider. Default: nobody. */
  readonly trustedIssuers?: readonly TrustedIssuer[] | undefined;
  /** Fetches the keys of trusted issuers. Default: that of the runtime. */
  readonly fetch?: Fetch | undefined;
  /**
   * HTTP requests of modules (`ctx.http.fetch`): public addresses by default, none with `false`. A request blocks the
   * thread that its database runs in, see `isolation`.
   */
  readonly outboundHttp?: boolean | OutboundHttpOptions | undefined;
  /** What the log of each database may take. */
  readonly logs?: Partial<LogLimits> | undefined;
}

/** What to publish, and as what. */
export interface PublishOptions extends UpdateOptions {
  /** Lower-case letters, digits and single dashes; of a database that exists, its identity in hex will do. */
  readonly name: string;
  /** The module: text of its bundle, or where to find it. */
  readonly module: string | ModuleSource;
  /** Owner of a new database. Default: the host's owner. */
  readonly owner?: bigint | undefined;
}

/** What to make a new database of. */
export interface CreateOptions extends Pick<PublishOptions, 'module' | 'owner'> {
  /** Lower-case letters, digits and single dashes. Absent: it is reached by its identity, until it is given a name. */
  readonly name?: string | undefined;
}

/** What publishing did. */
export interface PublishResult {
  readonly database: HostedDatabase;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** What became of the data of a database that was updated. */
  readonly exchange?: ExchangeOutcome | undefined;
}
