import { channel } from 'node:diagnostics_channel';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';
import { CHANNELS, DiagnosticsChannels, type ChannelName } from './diagnostics-channels.ts';

const NAMES = Object.keys(CHANNELS) as ChannelName[];
let testUniverse: TestUniverse;
let heard: [name: string, message: Record<string, unknown>][];
const hear = (message: unknown, name: string | symbol): void =>
  void heard.push([String(name), message as Record<string, unknown>]);
const messages = (name: ChannelName): Record<string, unknown>[] =>
  heard.flatMap(([on, message]) => (on === name ? [message] : []));

beforeEach(async () => {
  heard = [];
  for (const name of NAMES) channel(name).subscribe(hear);
  testUniverse = await createTestUniverse();
});

afterEach(async () => {
  await testUniverse.close();
  for (const name of NAMES) channel(name).unsubscribe(hear);
});

test('every channel tells what the table says, with all its fields and no others', async () => {
  const { universe, network } = testUniverse;
  universe.events.subscribe('a.*', () => undefined);
  universe.events.subscribe('a.*', () => Promise.reject(new RangeError('mine')));
  await universe.events.publish('a.b', 1);
  network.dropAt('to-client');
  await universe.events.publish('a.b', 2);
  await expect(universe.graph.deleteEntity('nobody')).rejects.toThrow();
  await universe.client.read('readStatus', {});
  await testUniverse.settle();
  testUniverse.takeErrors();

  for (const [name, message] of heard)
    expect(Object.keys(message).sort()).toEqual([...CHANNELS[name as ChannelName].fields].sort());
  expect(new Set(heard.map(([name]) => name))).toEqual(new Set(NAMES));
  const { database } = universe.client;
  for (const [, message] of heard) expect(message['database']).toBe(database);

  expect(messages('inner-universe:request').map(({ outcome, code }) => [outcome, code])).toEqual([
    ['applied', undefined],
    ['unknown', 'connection/lost'],
    ['applied', undefined],
    ['refused', 'entity/not-found'],
  ]);
  expect(messages('inner-universe:read')).toContainEqual(
    expect.objectContaining({ read: 'readStatus', code: undefined }),
  );
  expect(
    messages('inner-universe:handler')
      .map(({ type, seq, failed }) => [type, typeof seq, failed])
      .sort(),
  ).toEqual([
    ['a.b', 'number', false],
    ['a.b', 'number', false],
    ['a.b', 'number', true],
    ['a.b', 'number', true],
  ]);
  expect(
    messages('inner-universe:error')
      .map(({ code, name }) => [code, name])
      .sort(),
  ).toEqual([
    ['entity/not-found', 'EntityNotFoundError'],
    ['other', 'RangeError'],
    ['other', 'RangeError'],
  ]);
  const states = messages('inner-universe:connection').map(({ state }) => state);
  expect(states).toContain('reconnecting');
  expect(states.at(-1)).toBe('connected');
});

test('a message that nobody hears is not made', () => {
  for (const name of NAMES) channel(name).unsubscribe(hear);
  const channels = new DiagnosticsChannels();
  channels.publish('inner-universe:error', () => {
    throw new Error('made for nobody');
  });
  expect(NAMES.map((name) => channels.isHeard(name))).toEqual(NAMES.map(() => false));
});

test('where the runtime has no such module there are no channels, and nothing asks for it in a bundle', async () => {
  const channels = new DiagnosticsChannels(null);
  channels.publish('inner-universe:error', () => {
    throw new Error('made for nobody');
  });
  expect(channels.isHeard('inner-universe:error')).toBe(false);
  const bundle = await build({
    entryPoints: [new URL('universe-telemetry.ts', import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['source'],
    logLevel: 'silent',
  });
  const text = bundle.outputFiles[0]?.text ?? '';
  expect(text).toContain('inner-universe:request');
  expect(text).not.toMatch(/(from|import|require)\s*\(?\s*["']node:/);
});
