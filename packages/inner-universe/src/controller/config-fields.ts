import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS } from '@inner-universe/module/wire';
import type { EncryptionOptions } from '../encryption/encryption.ts';
import type { EventOptions } from '../events/event-options.ts';
import type { GraphOptions } from '../graph/graph-options.ts';
import { isOutbox } from '../offline/outbox-options.ts';
import { faultOfToken } from '../connection/token-source.ts';
import { STORAGE_KEY_BYTES } from './storage-key.ts';
import type { DiskOptions, MemoryOptions, Placement, ServerOptions } from './config.ts';

/** Every name that `openUniverse` knows. */
export type OptionName = keyof DiskOptions | keyof MemoryOptions | keyof ServerOptions;

/** The names of all parts of a field: one that is missing here does not compile. */
type PartNames<Part> = { readonly [Name in keyof Required<Part>]: true };

/** What is known of a field of the configuration. */
export interface ConfigField {
  /** The forms of a universe that have it; undefined: all. */
  readonly forms?: readonly Placement['type'][] | undefined;
  /** Whether its value is shown to nobody. */
  readonly isSecret?: boolean | undefined;
  /** What is wrong with a value, beginning with a verb, without showing a secret; undefined: nothing. */
  readonly faultOf: (value: unknown) => string | undefined;
}

const DATABASE = /^[a-z0-9]+(-[a-z0-9]+)*$|^(0x)?[0-9a-f]{64}$/;
const TIMEOUT_MS_MAX = 2_147_483_647;
const POOL_CONNECTIONS_MAX = 16;
const REQUESTS_MAX = 64;
/** What a Map of JavaScript takes. */
const CACHE_ENTRIES_MAX = 2 ** 24;
const EMBEDDED = ['disk', 'memory'] as const;

const ENCRYPTION_PARTS: PartNames<EncryptionOptions> = {
  keyRing: true,
  states: true,
  entities: true,
  relations: true,
  events: true,
  random: true,
};
const EVENT_PARTS: PartNames<EventOptions> = {
  durability: true,
  scope: true,
  partitionKey: true,
  upcasters: true,
  middleware: true,
};
const GRAPH_PARTS: PartNames<GraphOptions> = {
  scope: true,
  optimistic: true,
  heldRowsMax: true,
  walkEntitiesMax: true,
  queryRowsMax: true,
  versionsMax: true,
};

const object: ConfigField = { faultOf: faultOfObject };
const callback: ConfigField = {
  faultOf: (value) => (typeof value === 'function' ? undefined : `takes a function, not ${show(value)}`),
};

/**
 * The fields of the configuration: what is not here is refused by name. What belongs to a part of the package in detail
 * is checked there; here it is that the form is right.
 */
export const CONFIG_FIELDS: { readonly [Name in OptionName]: ConfigField } = {
  data: {
    forms: ['disk'],
    faultOf: (value) =>
      typeof value === 'string' && value !== '' ? undefined : `takes the path of a directory, not ${show(value)}`,
  },
  memory: {
    forms: ['memory'],
    faultOf: (value) => (value === true ? undefined : `takes only true, not ${show(value)}`),
  },
  server: { forms: ['server'], faultOf: faultOfServer },
  database: {
    faultOf: (value) =>
      typeof value === 'string' && DATABASE.test(value)
        ? undefined
        : `takes lower-case letters, digits and single dashes, not ${show(value)}`,
  },
  token: { forms: ['server'], isSecret: true, faultOf: faultOfTokenOption },
  tokenFile: { forms: ['server'], faultOf: (value) => faultOfText(value, 'the path of a file') },
  tls: { forms: ['server'], faultOf: faultOfTls },
  isolation: {
    forms: EMBEDDED,
    faultOf: (value) =>
      value === 'none' || value === 'thread' ? undefined : `takes 'none' or 'thread', not ${show(value)}`,
  },
  migrate: {
    forms: EMBEDDED,
    faultOf: (value) =>
      value === 'auto' || value === 'manual' ? undefined : `takes 'auto' or 'manual', not ${show(value)}`,
  },
  storageKey: { forms: ['disk'], isSecret: true, faultOf: faultOfStorageKey },
  slowCallMs: { forms: EMBEDDED, faultOf: (value) => (value === Infinity ? undefined : faultOfMilliseconds(value, 0)) },
  slowQueryMs: {
    forms: EMBEDDED,
    faultOf: (value) => (value === Infinity ? undefined : faultOfMilliseconds(value, 0)),
  },
  source: { faultOf: (value) => (typeof value === 'string' ? undefined : `takes a text, not ${show(value)}`) },
  reconnectForMs: { faultOf: (value) => (value === Infinity ? undefined : faultOfMilliseconds(value, 0)) },
  connectTimeoutMs: { faultOf: (value) => faultOfMilliseconds(value, 1) },
  silenceMs: { forms: ['server'], faultOf: (value) => faultOfMilliseconds(value, 1) },
  timeoutMs: { faultOf: (value) => faultOfMilliseconds(value, 1) },
  signal: {
    faultOf: (value) => (value instanceof AbortSignal ? undefined : `takes an AbortSignal, not ${show(value)}`),
  },
  pool: { faultOf: faultOfPool },
  cache: { faultOf: faultOfCache },
  breaker: { faultOf: faultOfBreaker },
  batching: { faultOf: faultOfBatching },
  offline: {
    forms: ['server'],
    faultOf: (value) => (value === 'allow' ? undefined : `takes only 'allow', not ${show(value)}`),
  },
  outbox: { forms: ['server'], faultOf: faultOfOutbox },
  // What its parts take is checked where they are; a part that is not known would leave data in clear.
  encryption: { faultOf: (value) => faultOfNames(value, ENCRYPTION_PARTS) },
  events: { faultOf: (value) => faultOfNames(value, EVENT_PARTS) },
  graph: { faultOf: (value) => faultOfNames(value, GRAPH_PARTS) },
  archive: { faultOf: faultOfArchive },
  clock: object,
  ids: object,
  logger: object,
  metrics: { faultOf: (value) => (value === false ? undefined : faultOfObject(value)) },
  onError: callback,
};

/** A value as it may stand in a message: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function faultOfText(value: unknown, what: string): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : `takes ${what}, not ${show(value)}`;
}

function faultOfObject(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? undefined : `takes an object, not ${show(value)}`;
}

function faultOfMilliseconds(value: unknown, min: number): string | undefined {
  const isGood = typeof value === 'number' && value >= min && value <= TIMEOUT_MS_MAX;
  return isGood ? undefined : `takes milliseconds, ${min} to ${TIMEOUT_MS_MAX}, not ${show(value)}`;
}

function faultOfWhole(value: unknown, min: number, max: number): string | undefined {
  const isGood = Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  return isGood ? undefined : `takes a whole number, ${min} to ${max}, not ${show(value)}`;
}

/** A token is shown to nobody, whatever is wrong with it. */
function faultOfTokenOption(value: unknown): string | undefined {
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'string') return `takes a text or a function that gives one, not ${typeof value}`;
  const fault = faultOfToken(value);
  return fault === undefined ? undefined : `takes a token: what was given ${fault}`;
}

function faultOfServer(value: unknown): string | undefined {
  if (typeof value !== 'string') return `takes an address such as ws://host:port, not ${show(value)}`;
  // What stands before an @ may be a password, also where the rest is no address.
  const shown = value.includes('@') ? 'what was given' : show(value);
  if (!URL.canParse(value)) return `takes an address such as ws://host:port, not ${shown}`;
  const { protocol, username, password } = new URL(value);
  if (username !== '' || password !== '') return 'takes an address without secrets in it: use token for them';
  if (['ws:', 'wss:', 'http:', 'https:'].includes(protocol)) return undefined;
  return `takes an address of ws, wss, http or https such as ws://host:port, not ${shown}`;
}

function faultOfTls(value: unknown): string | undefined {
  const { ca: text, caFile } = { ...(value as { ca?: unknown; caFile?: unknown } | undefined) };
  if ((text === undefined) === (caFile === undefined)) return 'takes either ca or caFile';
  return faultOfParts(value, {
    ca: (ca) => {
      const texts: readonly unknown[] = Array.isArray(ca) ? ca : [ca];
      const isPem = texts.length > 0 && texts.every((text) => typeof text === 'string' && text.includes('-----BEGIN'));
      return isPem ? undefined : 'takes certificates as PEM texts (-----BEGIN CERTIFICATE-----)';
    },
    caFile: (path) => faultOfText(path, 'the path of a file'),
  });
}

/** A key is shown to nobody, whatever is wrong with it. */
function faultOfStorageKey(value: unknown): string | undefined {
  const { key, keyFile } = { ...(value as { key?: unknown; keyFile?: unknown } | undefined) };
  if ((key === undefined) === (keyFile === undefined)) return 'takes either key or keyFile';
  const faultOfKey = (bytes: unknown): string | undefined =>
    bytes instanceof Uint8Array && bytes.length === STORAGE_KEY_BYTES
      ? undefined
      : `takes a Uint8Array of ${STORAGE_KEY_BYTES} random bytes`;
  const faultOfFile = (path: unknown): string | undefined => faultOfText(path, 'the path of a file');
  return key === undefined
    ? faultOfParts(value, { keyFile: faultOfFile, previousKeyFiles: (paths) => faultOfEach(paths, faultOfFile) })
    : faultOfParts(value, { key: faultOfKey, previousKeys: (keys) => faultOfEach(keys, faultOfKey) });
}

function faultOfEach(value: unknown, faultOf: (value: unknown) => string | undefined): string | undefined {
  if (!Array.isArray(value)) return 'takes an array';
  const faults = value.map(faultOf).filter((fault) => fault !== undefined);
  return faults[0] === undefined ? undefined : `has an element that ${faults[0]}`;
}

function faultOfPool(value: unknown): string | undefined {
  return faultOfParts(
    value,
    {
      connections: (count) => faultOfWhole(count, 1, POOL_CONNECTIONS_MAX),
      idleMs: (delay) => faultOfMilliseconds(delay, 0),
    },
    ['connections'],
  );
}

function faultOfCache(value: unknown): string | undefined {
  if (value === false) return undefined;
  return faultOfParts(value, {
    entriesMax: (count) => faultOfWhole(count, 1, CACHE_ENTRIES_MAX),
    bytesMax: (count) => faultOfWhole(count, 1, Number.MAX_SAFE_INTEGER),
    ttlMs: (delay) => (delay === Infinity ? undefined : faultOfMilliseconds(delay, 1)),
  });
}

function faultOfBreaker(value: unknown): string | undefined {
  if (typeof value === 'boolean') return undefined;
  return faultOfParts(value, {
    failures: (count) => faultOfWhole(count, 1, 1_000_000),
    pauseMs: (delay) => faultOfMilliseconds(delay, 1),
    pauseMsMax: (delay) => faultOfMilliseconds(delay, 1),
  });
}

function faultOfBatching(value: unknown): string | undefined {
  return faultOfParts(value, {
    opsMax: (count) => faultOfWhole(count, 1, MAX_REQUEST_OPS),
    bytesMax: (bytes) => faultOfWhole(bytes, 1, MAX_REQUEST_BYTES),
    requestsMax: (count) => faultOfWhole(count, 1, REQUESTS_MAX),
  });
}

function faultOfOutbox(value: unknown): string | undefined {
  if (typeof value === 'string') return faultOfText(value, 'the path of a directory');
  if (typeof value === 'object' && value !== null && isOutbox(value)) return undefined;
  return faultOfParts(value, {
    store: (store) =>
      typeof store === 'object' && store !== null && isOutbox(store)
        ? undefined
        : faultOfText(store, 'an outbox or the path of a directory'),
    mode: (mode) =>
      mode === 'offline' || mode === 'always' ? undefined : `takes 'offline' or 'always', not ${show(mode)}`,
    answerWithinMs: (delay) => faultOfMilliseconds(delay, 1),
    onRejected: (what) =>
      what === 'continue' || what === 'stop' ? undefined : `takes 'continue' or 'stop', not ${show(what)}`,
    writesMax: (count) => faultOfWhole(count, 1, Number.MAX_SAFE_INTEGER),
    bytesMax: (bytes) => faultOfWhole(bytes, 1, Number.MAX_SAFE_INTEGER),
    copiesBytesMax: (bytes) => faultOfWhole(bytes, 0, Number.MAX_SAFE_INTEGER),
  });
}

/** Of another copy of this package it is no instance of the class here. */
function faultOfArchive(value: unknown): string | undefined {
  const { rows, bounds, segments } = Object(value) as Readonly<Record<string, unknown>>; // any value has fields, or none
  if ([rows, bounds, segments].every((method) => typeof method === 'function')) return undefined;
  return `takes an archive, as openArchive gives it, not ${show(value)}`;
}

/** Whether a field is an object with parts that are known. */
function faultOfNames(value: unknown, parts: Readonly<Record<string, true>>): string | undefined {
  return faultOfParts(value, Object.fromEntries(Object.keys(parts).map((name) => [name, () => undefined])));
}

/** What is wrong with the parts of a field that is an object. */
function faultOfParts(
  value: unknown,
  parts: Readonly<Record<string, (value: unknown) => string | undefined>>,
  required: readonly string[] = [],
): string | undefined {
  const fault = faultOfObject(value);
  if (fault !== undefined) return fault;
  const given = value as Readonly<Record<string, unknown>>; // an object, checked above
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(parts, key)) return `has no part '${key}': it takes ${Object.keys(parts).join(', ')}`;
  }
  for (const key of new Set([...required, ...Object.keys(given)])) {
    if (given[key] === undefined && !required.includes(key)) continue;
    const partFault = parts[key]?.(given[key]);
    if (partFault !== undefined) return `has a part '${key}' that ${partFault}`;
  }
  return undefined;
}
