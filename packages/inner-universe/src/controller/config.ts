import type { Clock, IdSource } from '@inner-universe/nerv';
import type { EncryptionOptions } from '../encryption/encryption.ts';
import { NervPersistenceError } from '../errors.ts';

/** What every form of a universe may be told. */
interface CommonOptions {
  /** Database within the host or server; default `universe`. */
  readonly database?: string | undefined;
  /** Calls opening off. */
  readonly signal?: AbortSignal | undefined;
  /** Default label of who publishes and commits; never trusted. */
  readonly source?: string | undefined;
  /** Told what handlers throw and what goes wrong in the background; default: the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** How long calls wait for a lost server to come back, in milliseconds; default 30,000. */
  readonly reconnectForMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  /** What is encrypted before it leaves this process. Default: nothing. */
  readonly encryption?: EncryptionOptions | undefined;
}

/** What a universe inside this process may be told besides. */
interface EmbeddedOptions extends CommonOptions {
  /** `thread`: module and data run in a worker thread and do not hold up the application. Default `none`. */
  readonly isolation?: 'none' | 'thread' | undefined;
}

/** In this process, on disk: the default form. */
export interface DiskOptions extends EmbeddedOptions {
  /** Data directory, made when it is not there. */
  readonly data: string;
}

/** In this process, in memory: ends with it. */
export interface MemoryOptions extends EmbeddedOptions {
  readonly memory: true;
}

/** On a server: ours, or SpacetimeDB. */
export interface ServerOptions extends CommonOptions {
  /** `ws://`, `wss://`, `http://` or `https://`. */
  readonly server: string;
  /** Who we are; without one, the server gives a fresh identity, which may do nothing until it is granted something. */
  readonly token?: string | undefined;
}

/** What `openUniverse` takes: exactly one of `data`, `memory` and `server`. */
export type UniverseOptions = DiskOptions | MemoryOptions | ServerOptions;

type Isolation = 'none' | 'thread';

/** Where a universe is kept. */
export type Placement =
  | { readonly type: 'disk'; readonly data: string; readonly isolation: Isolation }
  | { readonly type: 'memory'; readonly isolation: Isolation }
  | { readonly type: 'server'; readonly url: string; readonly token: string | undefined };

/** Checked configuration. Printing it or turning it into JSON shows no secret. */
export class InnerUniverseConfig {
  readonly database: string;
  readonly source: string | undefined;
  readonly reconnectForMs: number | undefined;
  readonly #placement: Placement;

  private constructor(placement: Placement, options: CommonOptions) {
    this.#placement = placement;
    this.database = options.database ?? 'universe';
    this.source = options.source;
    this.reconnectForMs = options.reconnectForMs;
  }

  /** @throws {NervPersistenceError} `config/invalid`, naming the field. */
  static from(options: UniverseOptions): InnerUniverseConfig {
    const fields: object = typeof options === 'object' && options !== null ? options : {}; // programs without types
    const given = ['data', 'memory', 'server'].filter((key) => Reflect.get(fields, key) !== undefined);
    if (given.length !== 1) {
      throw invalid(
        'openUniverse takes exactly one of { data: "./dir" }, { memory: true } and { server: "ws://…" }' +
          `${given.length === 0 ? '; none was given' : `, not ${given.join(' and ')} together`}.`,
        { given },
      );
    }
    const config = new InnerUniverseConfig(makePlacement(options), options);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$|^(0x)?[0-9a-f]{64}$/.test(config.database)) {
      throw invalid(
        `'${config.database}' is no name of a database: use lower-case letters, digits and single dashes.`,
        {
          database: config.database,
        },
      );
    }
    const { reconnectForMs = 0 } = options;
    if (!(reconnectForMs >= 0)) {
      throw invalid(`reconnectForMs is ${reconnectForMs}; it takes milliseconds, from 0.`, { reconnectForMs });
    }
    return config;
  }

  get placement(): Placement {
    return this.#placement;
  }

  /** Everything but secrets. */
  toJSON(): object {
    const { placement } = this;
    const shown =
      placement.type === 'server'
        ? { ...placement, token: placement.token === undefined ? undefined : '[redacted]' }
        : placement;
    return { placement: shown, database: this.database, source: this.source, reconnectForMs: this.reconnectForMs };
  }
}

function makePlacement(options: UniverseOptions): Placement {
  if ('server' in options && options.server !== undefined) {
    const { server, token } = options;
    if (token !== undefined && (typeof token !== 'string' || token === ''))
      throw invalid('token takes a text that is not empty.', {});
    return { type: 'server', url: checkUrl(server), token };
  }
  if ('memory' in options && options.memory !== undefined) {
    if (options.memory !== true) throw invalid('memory takes only true.', { memory: options.memory });
    return { type: 'memory', isolation: readIsolation(options) };
  }
  const disk = options as DiskOptions; // the only form left
  const { data } = disk;
  if (typeof data !== 'string' || data === '') throw invalid('data takes the path of a directory.', { data });
  return { type: 'disk', data, isolation: readIsolation(disk) };
}

function readIsolation({ isolation = 'none' }: DiskOptions | MemoryOptions): Isolation {
  if (isolation === 'none' || isolation === 'thread') return isolation;
  throw invalid(`isolation takes 'none' or 'thread', not '${String(isolation)}'.`, { isolation });
}

function checkUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw invalid(`'${text}' is no address of a server: write it as ws://host:port.`, { server: text }, cause);
  }
  if (url.username !== '' || url.password !== '') throw invalid('Put no secrets into an address; use token.', {});
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol)) {
    throw invalid(`A server is reached by ws, wss, http or https, not by '${url.protocol}' (${text}).`, {
      server: text,
    });
  }
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

function invalid(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown): NervPersistenceError {
  return new NervPersistenceError('config/invalid', message, { details, cause });
}
