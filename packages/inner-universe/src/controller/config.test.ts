import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { NervPersistenceError } from '../errors.ts';
import { InnerUniverseConfig, type UniverseOptions } from './config.ts';
import { readServerAccess, type ServerPlacement } from './server-access.ts';

const SECRET = 'very.secret.token';

test('neither printing nor serialising shows a secret', () => {
  const config = InnerUniverseConfig.from({ server: 'https://example.com', token: SECRET });
  for (const shown of [inspect(config, { depth: 9, showHidden: true }), JSON.stringify(config), String(config)])
    expect(shown).not.toContain(SECRET);
  expect(JSON.parse(JSON.stringify(config))).toMatchObject({
    placement: { type: 'server', url: 'wss://example.com/', token: '[redacted]' },
  });
  expect(config.placement).toMatchObject({ token: SECRET });
});

test('the default database is universe, and each form is told by its field', () => {
  expect(InnerUniverseConfig.from({ memory: true })).toMatchObject({
    database: 'universe',
    placement: { type: 'memory', isolation: 'none' },
  });
  expect(InnerUniverseConfig.from({ data: './x', database: 'shop-2' })).toMatchObject({
    database: 'shop-2',
    placement: { type: 'disk', data: './x', isolation: 'none' },
  });
  expect(InnerUniverseConfig.from({ server: 'ws://h:1/base' }).placement).toEqual({
    type: 'server',
    url: 'ws://h:1/base',
    token: undefined,
  });
});

const wrong: [string, unknown, string][] = [
  ['nothing', {}, 'none was given'],
  ['two forms', { data: 'x', memory: true }, 'data and memory'],
  ['memory: false', { memory: false }, 'only true'],
  ['a slip of the pen', { memory: true, databse: 'shop' }, "was 'database' meant"],
  ['what nobody knows', { memory: true, turbo: SECRET }, 'turbo is not a field'],
  ['a token where there is no server', { data: 'x', token: SECRET }, 'token is for on a server'],
  ['a token that is several words', { server: 'ws://host', token: `${SECRET}\n` }, 'line end'],
  ['a token that is no text', { server: 'ws://host', token: 7 }, 'number'],
  ['a token twice', { server: 'ws://host', token: SECRET, tokenFile: 'x' }, 'together with token'],
  ['an isolation of a server', { server: 'ws://host', isolation: 'none' }, 'on disk or in memory'],
  ['a pool of none', { memory: true, pool: { connections: 0 } }, '1 to 16'],
  ['a pool of nothing', { memory: true, pool: {} }, 'connections'],
  ['a policy with a slip', { memory: true, encryption: { entites: {} } }, "no part 'entites'"],
  ['rules of events with a slip', { memory: true, events: { durabilty: {} } }, "no part 'durabilty'"],
  ['a graph with a slip', { memory: true, graph: { scop: 'x' } }, "no part 'scop'"],
  ['a pool with a slip', { memory: true, pool: { connections: 2, idle: 3 } }, "no part 'idle'"],
  ['requests that are never sent', { memory: true, batching: { requestsMax: 0 } }, '1 to 64'],
  ['more requests at once than there may be', { memory: true, batching: { requestsMax: 65 } }, '1 to 64'],
  ['a breaker that is none', { memory: true, breaker: { failures: 0.5 } }, 'whole number'],
  ['certificates that are none', { server: 'wss://host', tls: { ca: 'path.pem' } }, 'PEM'],
  ['certificates without any', { server: 'wss://host', tls: {} }, 'either ca or caFile'],
  ['a signal that is none', { memory: true, signal: {} }, 'AbortSignal'],
  ['a time to open of nothing', { memory: true, timeoutMs: 0 }, 'timeoutMs'],
  ['an empty directory', { data: '' }, 'path of a directory'],
  ['an address without a scheme', { server: 'localhost:3000' }, 'localhost'],
  ['an address that is none', { server: '//' }, 'ws://host:port'],
  ['a secret in an address', { server: `ws://me:${SECRET}@host` }, 'use token'],
  ['a token that is empty', { server: 'ws://host', token: '' }, 'token'],
  ['a wrong name of a database', { memory: true, database: 'No Name' }, 'lower-case'],
  ['a patience that is no number', { memory: true, reconnectForMs: -1 }, 'reconnectForMs'],
  ['an isolation there is not', { memory: true, isolation: 'process' }, 'isolation'],
  ['migrating at another time', { memory: true, migrate: 'later' }, "migrate takes 'auto' or 'manual'"],
  ['migrating a server by connecting', { server: 'ws://host', migrate: 'auto' }, 'on disk or in memory'],
  ['no object', undefined, 'none was given'],
];

test.each(wrong)('%s is refused, saying what is wrong, without a secret', (_, options, message) => {
  // What the types forbid is what a program without types may do.
  const make = (): unknown => InnerUniverseConfig.from(options as UniverseOptions);
  expect(make).toThrow(expect.objectContaining({ code: 'config/invalid', message: expect.stringContaining(message) }));
  try {
    make();
  } catch (error) {
    expect(inspect(error)).not.toContain(SECRET);
  }
});

test('one error names every field that is wrong', () => {
  const options = { server: 'ftp://host', database: 'No', reconnectForMs: Number.NaN, pol: {} };
  const make = (): unknown => InnerUniverseConfig.from(options as unknown as UniverseOptions);
  expect(make).toThrow(/4 things/);
  const error = catchError(make);
  expect(error.details['problems']).toEqual([
    { field: 'server', fault: expect.stringContaining('ftp') as string },
    { field: 'database', fault: expect.stringContaining("'No'") as string },
    { field: 'reconnectForMs', fault: expect.stringContaining('NaN') as string },
    { field: 'pol', fault: expect.stringContaining("'pool'") as string },
  ]);
});

test('a configuration keeps what it was made of, and nobody changes it from outside', () => {
  const options = { server: 'ws://host', token: SECRET, pool: { connections: 2 }, breaker: true };
  const config = InnerUniverseConfig.from(options);
  options.token = 'other';
  expect(config.options).toMatchObject({ token: SECRET });
  expect(config).toMatchObject({ pool: { connections: 2 }, breaker: {} });
  expect(InnerUniverseConfig.from({ memory: true, breaker: false }).breaker).toBeUndefined();
  expect(Object.isFrozen(config.options)).toBe(true);
});

test('what is shown tells all but secrets, and of objects and functions that they are there', () => {
  const config = InnerUniverseConfig.from({
    server: 'ws://host',
    token: () => SECRET,
    source: 'shop',
    pool: { connections: 2 },
    onError: () => undefined,
    clock: { nowMicros: () => 0n },
  });
  expect(config.toJSON()).toEqual({
    placement: { type: 'server', url: 'ws://host/', token: '[redacted]' },
    database: 'universe',
    source: 'shop',
    pool: { connections: 2 },
    onError: '[function]',
    clock: '[given]',
  });
  expect(String(config)).toContain('"source":"shop"');
  expect(inspect(config)).toContain("source: 'shop'");
  const withToken = InnerUniverseConfig.from({ server: 'ws://host', token: SECRET });
  expect(inspect(withToken.placement)).not.toContain(SECRET);
  expect(JSON.stringify({ ...withToken.placement })).not.toContain(SECRET);
});

describe('from the environment', () => {
  test('each variable is a field, and an empty one says nothing', () => {
    const config = InnerUniverseConfig.fromEnvironment({
      PATH: '/bin',
      INNER_UNIVERSE_SERVER: 'https://host',
      INNER_UNIVERSE_DATABASE: 'shop',
      INNER_UNIVERSE_TOKEN: SECRET,
      INNER_UNIVERSE_CA_FILE: '/etc/ca.pem',
      INNER_UNIVERSE_SOURCE: '',
      INNER_UNIVERSE_RECONNECT_FOR_MS: 'forever',
      INNER_UNIVERSE_CONNECT_TIMEOUT_MS: '2500',
      INNER_UNIVERSE_POOL_CONNECTIONS: '3',
      INNER_UNIVERSE_BREAKER: 'true',
      INNER_UNIVERSE_SERVICE_HOST: '10.0.0.1',
    });
    expect(config.options).toEqual({
      server: 'https://host',
      database: 'shop',
      token: SECRET,
      tls: { caFile: '/etc/ca.pem' },
      reconnectForMs: Infinity,
      connectTimeoutMs: 2_500,
      pool: { connections: 3 },
      breaker: true,
    });
    expect(
      InnerUniverseConfig.fromEnvironment({ INNER_UNIVERSE_DATA: './x', INNER_UNIVERSE_ISOLATION: 'thread' }).placement,
    ).toEqual({
      type: 'disk',
      data: './x',
      isolation: 'thread',
    });
    expect(InnerUniverseConfig.fromEnvironment({ INNER_UNIVERSE_MEMORY: '1' }).placement.type).toBe('memory');
  });

  test('what is given beside it goes before', () => {
    const environment = { INNER_UNIVERSE_SERVER: 'ws://host', INNER_UNIVERSE_DATABASE: 'shop' };
    expect(InnerUniverseConfig.fromEnvironment(environment, { database: 'mine' }).database).toBe('mine');
  });

  test('what is wrong is named by its variable, without a secret', () => {
    const wrong: [Record<string, string>, string[]][] = [
      [{}, ['INNER_UNIVERSE_DATA, INNER_UNIVERSE_MEMORY, INNER_UNIVERSE_SERVER', 'none was given']],
      [
        { INNER_UNIVERSE_DATA: 'x', INNER_UNIVERSE_SERVER: 'ws://h' },
        ['INNER_UNIVERSE_DATA and INNER_UNIVERSE_SERVER'],
      ],
      [
        {
          INNER_UNIVERSE_SERVER: 'nowhere',
          INNER_UNIVERSE_TOKEN: `${SECRET} ${SECRET}`,
          INNER_UNIVERSE_POOL_CONNECTIONS: 'many',
          INNER_UNIVERSE_DATABSE: 'shop',
        },
        [
          'INNER_UNIVERSE_SERVER takes',
          'INNER_UNIVERSE_TOKEN takes',
          'INNER_UNIVERSE_POOL_CONNECTIONS has',
          "'INNER_UNIVERSE_DATABASE' meant",
        ],
      ],
      [
        { INNER_UNIVERSE_SERVER: 'ws://h', INNER_UNIVERSE_TOKEN: SECRET, INNER_UNIVERSE_TOKEN_FILE: 'x' },
        ['INNER_UNIVERSE_TOKEN_FILE is given together with INNER_UNIVERSE_TOKEN'],
      ],
    ];
    for (const [environment, messages] of wrong) {
      const error = catchError(() => InnerUniverseConfig.fromEnvironment(environment));
      expect(error).toMatchObject({ code: 'config/invalid' });
      for (const message of messages) expect(error.message).toContain(message);
      expect(inspect(error)).not.toContain(SECRET);
    }
  });
});

test('files are read when they are needed: a token at each connection, certificates at the start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'inner-universe-'));
  const tokenFile = join(directory, 'token');
  await writeFile(tokenFile, `${SECRET}\n`);
  const { placement } = InnerUniverseConfig.from({ server: 'ws://host', tokenFile });
  if (placement.type !== 'server') throw new Error('It is on a server.');
  const { token } = await readServerAccess(placement);
  if (typeof token !== 'function') throw new Error('A file is read anew.');
  expect(await token({ signal: undefined })).toBe(SECRET);
  await writeFile(tokenFile, 'renewed');
  expect(await token({ signal: undefined })).toBe('renewed');
  const withCertificates = InnerUniverseConfig.from({ server: 'wss://host', tls: { caFile: join(directory, 'none') } });
  await expect(readServerAccess(withCertificates.placement as ServerPlacement)).rejects.toMatchObject({
    code: 'config/invalid',
    message: expect.stringContaining('cannot be read') as string,
  });
  await rm(directory, { recursive: true });
});

test.each<[string, unknown, string]>([
  ['of 16 bytes', { key: new Uint8Array(16) }, 'Uint8Array of 32 random bytes'],
  ['that is text', { key: SECRET }, 'Uint8Array of 32 random bytes'],
  ['twice', { key: new Uint8Array(32), keyFile: 'file' }, 'either key or keyFile'],
  ['that is none', {}, 'either key or keyFile'],
  ['with a previous one of 31 bytes', { key: new Uint8Array(32), previousKeys: [new Uint8Array(31)] }, 'an element'],
  ['in bytes with a previous one in a file', { key: new Uint8Array(32), previousKeyFiles: ['f'] }, 'previousKeyFiles'],
])('a storage key %s is refused, and not shown', (_what, storageKey, message) => {
  const error = catchError(() => InnerUniverseConfig.from({ data: './data', storageKey } as UniverseOptions));
  expect(error).toMatchObject({ code: 'config/invalid', message: expect.stringContaining(message) as string });
  expect(inspect(error)).not.toContain(SECRET);
});

test('a storage key is for a directory only, and shown to nobody', () => {
  const storageKey = { key: new Uint8Array(32).fill(77) };
  expect(catchError(() => InnerUniverseConfig.from({ memory: true, storageKey } as UniverseOptions)).message).toContain(
    'is for on disk',
  );
  const config = InnerUniverseConfig.from({ data: './data', storageKey });
  for (const shown of [inspect(config), JSON.stringify(config), String(config)]) {
    expect(shown).not.toContain('77');
    expect(shown).toContain('[redacted]');
  }
  const ofFile = InnerUniverseConfig.fromEnvironment({
    INNER_UNIVERSE_DATA: './data',
    INNER_UNIVERSE_STORAGE_KEY_FILE: '/run/key',
  });
  expect(ofFile.options).toMatchObject({ storageKey: { keyFile: '/run/key' } });
});

function catchError(make: () => unknown): NervPersistenceError {
  try {
    make();
  } catch (error) {
    return error as NervPersistenceError;
  }
  throw new Error('It was expected to throw.');
}
