import type { Clock, IdSource } from '@inner-universe/nerv';
import type { BreakerOptions } from '../connection/circuit-breaker.ts';
import type { TokenSource } from '../connection/token-source.ts';
import type { EventArchive } from '../archive/event-archive.ts';
import type { CacheOptions } from '../cache/cache-options.ts';
import type { BatchingOptions } from '../client/request-queue.ts';
import type { EncryptionOptions } from '../encryption/encryption.ts';
import type { EventOptions } from '../events/event-options.ts';
import type { GraphOptions } from '../graph/graph-options.ts';
import type { ObserverOptions } from '../observability/observer.ts';
import type { OutboxOptions } from '../offline/outbox-options.ts';
import type { Outbox } from '../offline/outbox.ts';
import type { PoolOptions } from '../pool/read-pool.ts';
import { readEnvironment, variableOf, type Environment } from './config-environment.ts';
import type { StorageKey } from './storage-key.ts';
import { CONFIG_FIELDS, type ConfigField, type OptionName } from './config-fields.ts';
import {
  inspectOptions,
  makeFormError,
  makeProblemsError,
  type ConfigProblem,
  type FieldNaming,
} from './config-problems.ts';

// A field that is added here is described in `config-fields.ts` as well, or it is refused.

/** What every form of a universe may be told. */
interface CommonOptions extends ObserverOptions {
  /** Database within the host or server; default `universe`. */
  readonly database?: string | undefined;
  /** Calls opening off. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which opening is given up with `connection/timeout`. Default: no limit but that of each step. */
  readonly timeoutMs?: number | undefined;
  /** Default label of who publishes and commits; never trusted. */
  readonly source?: string | undefined;
  /** How long calls wait for a lost server to come back, in milliseconds, or `Infinity`; default 30,000. */
  readonly reconnectForMs?: number | undefined;
  /** How long one attempt to connect may take, each of its steps, in milliseconds; default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Connections for large reads beside the main one, which gives up order among them. Default: none. */
  readonly pool?: PoolOptions | undefined;
  /**
   * What is kept of reads by id, within which bounds; `false` for nothing. It is never older than what was told here.
   * Default: 10,000 entries, 8 MiB, 60 seconds.
   */
  readonly cache?: CacheOptions | false | undefined;
  /** How writes share requests. Default: as many as fit, whenever the one before has been answered. */
  readonly batching?: BatchingOptions | undefined;
  /** Fails calls fast while the server does not answer; `true` is its defaults. Default: none. */
  readonly breaker?: BreakerOptions | boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  /** What is encrypted before it leaves this process. Default: nothing. */
  readonly encryption?: EncryptionOptions | undefined;
  /** How events are published and read, by type: durability, scope, partition key, versions, middleware. */
  readonly events?: EventOptions | undefined;
  /** How the graph behaves: where it writes to, whether writes are shown at once, how much it holds. */
  readonly graph?: GraphOptions | undefined;
  /** Where events lie that were trimmed from the log: reading goes on there. See `openArchive`. */
  readonly archive?: EventArchive | undefined;
}

/** What a universe inside this process may be told besides. */
interface EmbeddedOptions extends CommonOptions {
  /** `thread`: module and data run in a worker thread and do not hold up the application. Default `none`. */
  readonly isolation?: 'none' | 'thread' | undefined;
  /**
   * What is done about data of an older release. `auto` brings them forward while opening. `manual` leaves that to
   * `applyMigrations` or `inner-universe migrate`; until then all can be read, and what a migration blocks is refused.
   * Default `auto`.
   */
  readonly migrate?: 'auto' | 'manual' | undefined;
  /** Calls of the module that take longer are logged, in milliseconds; `Infinity` for none. Default 1,000. */
  readonly slowCallMs?: number | undefined;
  /** The same for SQL and the updates of subscriptions. Default 1,000. */
  readonly slowQueryMs?: number | undefined;
}

/** In this process, on disk: the default form. */
export interface DiskOptions extends EmbeddedOptions {
  /** Data directory, made when it is not there. */
  readonly data: string;
  /**
   * Encrypts what is stored there: AES-256-GCM by a random key that this one wraps. A directory that is not encrypted
   * becomes so, and from then on does not open without it. Default: nothing is encrypted.
   */
  readonly storageKey?: StorageKey | undefined;
}

/** In this process, in memory: ends with it. */
export interface MemoryOptions extends EmbeddedOptions {
  readonly memory: true;
}

/** On a server: ours, or SpacetimeDB. */
export interface ServerOptions extends CommonOptions {
  /** `ws://`, `wss://`, `http://` or `https://`. */
  readonly server: string;
  /**
   * Who we are: a token, or a function that is asked for one at each connection, when one is not accepted, and ahead of
   * the end of one that says when it expires. Without one, the server gives a fresh identity, which may do nothing until
   * it is granted something.
   */
  readonly token?: TokenSource | undefined;
  /** A file with the token, read anew for each connection, and ahead of the end of a token that says when it expires. */
  readonly tokenFile?: string | undefined;
  /**
   * How long the server may leave a call without an answer before the connection is taken to be dead and made anew, in
   * milliseconds; default 60,000. Shorter than the longest call, it makes that one fail.
   */
  readonly silenceMs?: number | undefined;
  /** Certificates, PEM, of who vouches for the server, in place of the system's: as text, or a file of them. */
  readonly tls?: ServerTls | undefined;
  /**
   * `allow` opens although the server is away: what was kept here can be read, reads of the server wait as long as
   * `reconnectForMs` says, and writes go to the outbox, which is one in memory where `outbox` names none. Without it,
   * opening rejects when the server is not there. What trying again cannot change rejects in both cases.
   */
  readonly offline?: 'allow' | undefined;
  /**
   * Keeps writes until the server has answered, so that they survive its absence: a directory (of Node), an outbox such
   * as `IndexedDbOutbox`, or options with more to say. It belongs to one process at a time. What outlives the process
   * needs a token; one given as a function is asked for it at opening, offline too. Default: none; a write fails when
   * the server is away for `reconnectForMs`.
   */
  readonly outbox?: string | Outbox | OutboxOptions | undefined;
}

/** How a server is known to be the right one. */
export interface ServerTls {
  readonly ca?: string | readonly string[] | undefined;
  readonly caFile?: string | undefined;
}

/** What `openUniverse` takes: exactly one of `data`, `memory` and `server`. */
export type UniverseOptions = DiskOptions | MemoryOptions | ServerOptions;

type Isolation = 'none' | 'thread';

/** Where a universe is kept. Printing it shows no secret. */
export type Placement =
  | { readonly type: 'disk'; readonly data: string; readonly isolation: Isolation }
  | { readonly type: 'memory'; readonly isolation: Isolation }
  | {
      readonly type: 'server';
      readonly url: string;
      /** Not enumerable: it is neither printed nor copied. */
      readonly token: TokenSource | undefined;
      readonly tokenFile?: string | undefined;
      readonly tls?: ServerTls | undefined;
    };

const REDACTED = '[redacted]';

/** How long a server may leave a call without an answer where nothing is said. */
const SILENCE_MS = 60_000;

/** Checked configuration. Printing it, as text or JSON, shows no secret. */
export class InnerUniverseConfig {
  readonly database: string;
  readonly source: string | undefined;
  readonly reconnectForMs: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  /** Undefined: a call in this process may take as long as it takes. */
  readonly silenceMs: number | undefined;
  readonly pool: PoolOptions | undefined;
  /** Undefined: nothing is kept. */
  readonly cache: CacheOptions | undefined;
  /** Undefined: there is no breaker. */
  readonly breaker: BreakerOptions | undefined;
  readonly #options: UniverseOptions;
  readonly #placement: Placement;

  private constructor(placement: Placement, options: UniverseOptions) {
    this.#placement = placement;
    this.#options = options;
    this.database = options.database ?? 'universe';
    this.source = options.source;
    this.reconnectForMs = options.reconnectForMs;
    this.connectTimeoutMs = options.connectTimeoutMs;
    this.silenceMs = 'server' in options ? (options.silenceMs ?? SILENCE_MS) : undefined;
    this.pool = options.pool;
    this.cache = options.cache === false ? undefined : (options.cache ?? {});
    const { breaker = false } = options;
    this.breaker = breaker === true ? {} : breaker === false ? undefined : breaker;
  }

  /**
   * Checks options as `openUniverse` does. What is not known is refused, with what was probably meant.
   * @throws {NervPersistenceError} `config/invalid`, naming every field that is wrong and no secret
   */
  static from(options: UniverseOptions): InnerUniverseConfig {
    return InnerUniverseConfig.#check(options, (field) => field, []);
  }

  /**
   * What environment variables say (`INNER_UNIVERSE_SERVER` and so on, see the README); what is given beside them goes
   * before. An empty variable says nothing.
   * @throws {NervPersistenceError} `config/invalid`, naming every variable that is wrong and no secret
   */
  static fromEnvironment(environment: Environment, given: Partial<UniverseOptions> = {}): InnerUniverseConfig {
    const { options, problems } = readEnvironment(environment);
    const naming: FieldNaming = (field) => (Object.hasOwn(given, field) ? field : variableOf(field));
    // Checked in the next step.
    return InnerUniverseConfig.#check({ ...options, ...given } as UniverseOptions, naming, problems);
  }

  static #check(options: UniverseOptions, nameOf: FieldNaming, earlier: readonly ConfigProblem[]): InnerUniverseConfig {
    const isObject = typeof options === 'object' && options !== null; // programs without types
    const fields: Readonly<Record<string, unknown>> = isObject ? { ...options } : {};
    const { form, problems: found } = inspectOptions(fields, nameOf);
    const problems = [...earlier, ...found];
    if (problems.length > 0) throw makeProblemsError(problems);
    if (form === undefined) throw makeFormError(fields, nameOf);
    const checked = Object.freeze(fields) as unknown as UniverseOptions; // every field was checked
    return new InnerUniverseConfig(makePlacement(checked), checked);
  }

  get placement(): Placement {
    return this.#placement;
  }

  /** The options it was made of, secrets included. */
  get options(): UniverseOptions {
    return this.#options;
  }

  /** Everything but secrets; of what is no plain data, that it is there. */
  toJSON(): object {
    const shown: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(this.#options)) {
      const isShown = value !== undefined && !PLACEMENT_FIELDS.has(name);
      if (isShown) shown[name] = redact(name, value);
    }
    return { placement: this.#showPlacement(), ...shown, database: this.database };
  }

  toString(): string {
    return `InnerUniverseConfig ${JSON.stringify(this)}`;
  }

  /** What Node prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON();
  }

  #showPlacement(): object {
    const { placement } = this;
    if (placement.type !== 'server' || placement.token === undefined) return placement;
    return { ...placement, token: REDACTED };
  }
}

const PLACEMENT_FIELDS: ReadonlySet<string> = new Set<OptionName>([
  'data',
  'memory',
  'server',
  'isolation',
  'token',
  'tokenFile',
  'tls',
]);

/** A value as it may be shown: plain data as they are, of anything else only that it is there. */
function redact(name: string, value: unknown): unknown {
  const field = (CONFIG_FIELDS as Readonly<Record<string, ConfigField>>)[name]; // checked: it is one of them
  if (field?.isSecret === true) return REDACTED;
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  const isPlain = PLAIN_FIELDS.has(name);
  return isPlain ? value : '[given]';
}

/** Fields whose objects hold numbers, flags and labels only. */
const PLAIN_FIELDS: ReadonlySet<string> = new Set<OptionName>(['pool', 'cache', 'breaker', 'batching', 'metrics']);

function makePlacement(options: UniverseOptions): Placement {
  if ('server' in options && options.server !== undefined) {
    const url = new URL(options.server);
    url.protocol = url.protocol.replace('http', 'ws');
    const { token, tokenFile, tls } = options;
    const shown = { type: 'server' as const, url: url.href, ...optional({ tokenFile, tls }) };
    // The cast adds what the next line defines.
    return Object.freeze(
      Object.defineProperty(shown, 'token', { value: token, enumerable: token === undefined }),
    ) as unknown as Placement;
  }
  const { isolation = 'none' } = options as DiskOptions | MemoryOptions; // the forms that are left
  if ('memory' in options && options.memory !== undefined) return Object.freeze({ type: 'memory', isolation });
  const { data } = options as DiskOptions; // the only form left
  return Object.freeze({ type: 'disk', data, isolation });
}

/** Without the fields that are undefined. */
function optional<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>; // fewer
}
