import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeNameFile } from './name-file.ts';
import { assertName, NameRegistry } from './name-registry.ts';

const HEX = `c200${'ab'.repeat(30)}`;
const OTHER_HEX = `c200${'cd'.repeat(30)}`;

let root = '';
const path = () => join(root, 'databases.json');
const open = (...keys: string[]) => NameRegistry.open(makeNameFile(path()), keys);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'inner-universe-names-'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('names', () => {
  test('a database is known by its first name, or by its identity where that is taken or there is none', async () => {
    const names = await open();
    expect(await names.add('shop', HEX)).toBe('shop');
    await names.setNames('shop', ['store', 'market']);
    expect(await names.add('shop', OTHER_HEX)).toBe(OTHER_HEX);
    expect(await names.add(undefined, HEX)).toBe(HEX);
    expect(['shop', 'store', 'market', 'nothing'].map((name) => names.keyOf(name))).toEqual([
      OTHER_HEX,
      'shop',
      'shop',
      undefined,
    ]);
    expect(names.entry(HEX).names).toEqual([]);
  });

  test('are kept, with locks, and only what says more than the folders do', async () => {
    const first = await open('plain', 'shop');
    await first.setNames('shop', ['store', 'shop', 'store']);
    await first.setLocked('shop', true);
    expect(JSON.parse(await readFile(path(), 'utf8'))).toEqual({
      version: 1,
      databases: { shop: { names: ['store', 'shop'], isLocked: true } },
    });
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    const second = await open('plain', 'shop');
    expect(second.entry('shop')).toEqual({ names: ['store', 'shop'], isLocked: true });
    expect(second.entry('plain')).toEqual({ names: ['plain'], isLocked: false });
  });

  test('of a database that is gone are free', async () => {
    const first = await open('shop');
    await first.setNames('shop', ['store']);
    await first.remove('shop');
    expect(first.keyOf('store')).toBeUndefined();
    expect(await (await open('other')).add('store', HEX)).toBe('store');
  });

  test('that are taken are refused, and nothing changes', async () => {
    const names = await open('shop', 'store');
    await expect(names.setNames('shop', ['new', 'store'])).rejects.toMatchObject({
      code: 'host/name-taken',
      details: { name: 'store' },
    });
    await expect(names.add('store', HEX)).rejects.toMatchObject({ code: 'host/name-taken' });
    expect(names.entry('shop').names).toEqual(['shop']);
    expect(names.keyOf('new')).toBeUndefined();
  });

  test('of a database that is gone are free, also when that cannot be kept', async () => {
    const full = { read: () => Promise.resolve(new Map()), write: () => Promise.reject(new Error('disk full')) };
    const kept = { read: () => Promise.resolve(new Map([['shop', { names: ['store'], isLocked: false }]])) };
    const names = await NameRegistry.open({ ...full, ...kept }, ['shop']);
    await expect(names.remove('shop')).rejects.toThrow('disk full');
    expect(names.keyOf('store')).toBeUndefined();
  });

  test('that say no more than the folders are not written at all', async () => {
    const names = await open('plain');
    await names.add('shop', HEX);
    await names.remove('shop');
    await expect(stat(path())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('that cannot be kept do not change', async () => {
    const names = await NameRegistry.open(makeNameFile(join(root, 'missing', 'databases.json')), ['shop']);
    await expect(names.setNames('shop', ['store'])).rejects.toMatchObject({ code: 'storage/write-failed' });
    expect(names.keyOf('store')).toBeUndefined();
    expect(names.keyOf('shop')).toBe('shop');
  });

  test('are 64 at most', async () => {
    const names = await open('shop');
    const many = Array.from({ length: 65 }, (_, at) => `name-${at}`);
    await expect(names.setNames('shop', many)).rejects.toMatchObject({ code: 'host/invalid-name' });
    await names.setNames('shop', many.slice(1));
  });

  test.each(['', 'Upper', 'a b', '../x', 'a--b', '-a', 'a'.repeat(129), HEX, 'a.deleted'])('%j is none', (name) => {
    expect(() => assertName(name)).toThrow(expect.objectContaining({ code: 'host/invalid-name' }));
  });
});

test.each([
  'not json',
  '[]',
  '{"version":2,"databases":{}}',
  '{"version":1,"databases":{"shop":{"names":["Upper"],"isLocked":false}}}',
  '{"version":1,"databases":{"shop":{"names":"shop"}}}',
  '{"version":1,"databases":{"shop":{"names":["other"],"isLocked":false}}}',
])('a file that is none of ours is refused, and stays: %s', async (text) => {
  await writeFile(path(), text);
  await expect(open('shop', 'other')).rejects.toMatchObject({ code: 'host/names-damaged' });
  expect(await readFile(path(), 'utf8')).toBe(text);
});
