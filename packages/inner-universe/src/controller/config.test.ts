import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { InnerUniverseConfig, type UniverseOptions } from './config.ts';

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
  ['an empty directory', { data: '' }, 'path of a directory'],
  ['an address without a scheme', { server: 'localhost:3000' }, 'localhost'],
  ['an address that is none', { server: '//' }, 'ws://host:port'],
  ['a secret in an address', { server: `ws://me:${SECRET}@host` }, 'use token'],
  ['a token that is empty', { server: 'ws://host', token: '' }, 'token'],
  ['a wrong name of a database', { memory: true, database: 'No Name' }, 'lower-case'],
  ['a patience that is no number', { memory: true, reconnectForMs: -1 }, 'reconnectForMs'],
  ['an isolation there is not', { memory: true, isolation: 'process' }, 'isolation'],
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
