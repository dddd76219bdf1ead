import { describe, expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { openUniverse, ops, type Universe } from './universe.ts';

describe('properties', () => {
  const read = (universe: Universe, key: string, value: string, more: object = {}): string[] =>
    universe
      .read('read_entities', { property: { key, value }, entityType: 'person', ...more })
      .entities.map((row: { id: string }) => row.id);

  test('are looked up by once they are declared, and stay right through changes', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('indexes', { person: ['email'] })]);
    universe.time.advance(1_000n);
    universe.apply([
      ops.entity('a', { properties: '{"email":"a@x"}' }),
      ops.entity('b', { properties: '{"email":"b@x"}' }),
    ]);
    universe.apply([ops.entity('c', { entityType: 'city', properties: '{"email":"a@x"}' })]);
    expect(read(universe, 'email', '"a@x"')).toEqual(['a']);
    universe.apply([ops.changeEntity('a', { propertiesSet: '{"email":"b@x"}' })]);
    expect(read(universe, 'email', '"a@x"')).toEqual([]);
    expect(read(universe, 'email', '"b@x"')).toEqual(['b', 'a']);
    universe.apply([ops.changeEntity('b', { entityType: 'city' })]);
    expect(read(universe, 'email', '"b@x"')).toEqual(['a']);
    universe.apply([ops.dropEntity('a')]);
    expect(universe.rows('entity_property')).toEqual([]);
  });

  test('declared late are gathered in steps, and refused until that is done', async () => {
    const universe = await openUniverse();
    for (let batch = 0; batch < 24; batch += 1) {
      universe.apply(
        Array.from({ length: 140 }, (_, index) =>
          ops.entity(`n${batch}-${index}`, { properties: `{"group":${index % 7}}` }),
        ),
      );
    }
    const before = universe.commits.length;
    universe.apply([ops.setting('indexes', { '*': ['group'] })]);
    expect(universe.refusedRead('read_entities', { property: { key: 'group', value: '3' } })).toMatchObject({
      code: 'graph/not-indexed',
      details: { key: 'group' },
    });
    universe.time.advance(1_000n);
    const gathered = universe.commits
      .slice(before)
      .map(({ deltas }) => deltas.find(({ table }) => table.name === 'entity_property')?.inserts.length ?? 0)
      .filter((count) => count > 0);
    expect(gathered).toEqual([2_100, 1_260]);
    expect(read(universe, 'group', '3')).toHaveLength(480);
    expect(universe.rows('job_cursor').find((row) => row.job === 'reindex')).toMatchObject({
      done: true,
      processed: 3_360n,
    });
    universe.apply([ops.setting('indexes', {})]);
    universe.time.advance(1_000n);
    expect(universe.rows('entity_property')).toEqual([]);
  });

  test('that are not declared are refused', async () => {
    const universe = await openUniverse();
    expect(universe.refusedRead('read_entities', { property: { key: 'x', value: '1' } })).toMatchObject({
      code: 'graph/not-indexed',
    });
  });

  test('of relations are gathered too, and are not taken for those of an entity of the same id', async () => {
    const universe = await openUniverse();
    const properties = '{"email":"a@x"}';
    universe.apply([ops.entity('a'), ops.relation('a', 'a', 'a', { properties })]);
    universe.apply([ops.setting('indexes', { '*': ['email'] })]);
    universe.time.advance(1_000n);
    expect(universe.rows('entity_property')).toMatchObject([{ ownerId: 'a', ownerKind: 'relation', value: '"a@x"' }]);
    expect(read(universe, 'email', '"a@x"')).toEqual([]);
    universe.apply([ops.changeRelation('a', { propertiesSet: '{"email":"b@x"}' })]);
    universe.apply([ops.relation('b', 'a', 'a', { properties })]);
    expect(new Map(universe.rows('entity_property').map((row) => [row.ownerId, row.value]))).toEqual(
      new Map([
        ['a', '"b@x"'],
        ['b', '"a@x"'],
      ]),
    );
    universe.apply([ops.dropRelation('a'), ops.dropRelation('b')]);
    expect(universe.rows('entity_property')).toEqual([]);
  });

  test('follow the type of their owner, and the setting of the same request', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a', { properties: '{"x":1}' }), ops.setting('indexes', { '*': ['x'] })]);
    universe.apply([
      ops.setting('indexes', { person: ['x'], city: ['x'] }),
      ops.changeEntity('a', { entityType: 'city' }),
    ]);
    universe.time.advance(1_000n);
    universe.apply([ops.changeEntity('a', { entityType: 'person' })]);
    expect(universe.rows('entity_property')).toMatchObject([{ ownerId: 'a', ownerType: 'person', value: '1' }]);
    universe.apply([
      ops.setting('indexes', { city: ['y'] }),
      ops.entity('b', { entityType: 'city', properties: '{"y":2}' }),
    ]);
    expect(universe.rows('entity_property').map((row) => row.ownerId)).toContain('b');
  });

  test('of what is deleted are gone, also while another setting is being followed', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('indexes', { '*': ['email'] })]);
    universe.time.advance(1_000n);
    universe.apply([ops.entity('a', { properties: '{"email":"old"}' })]);
    universe.apply([ops.setting('indexes', {}), ops.dropEntity('a')]);
    universe.apply([ops.setting('indexes', { '*': ['email'] }), ops.entity('a', { properties: '{"email":"new"}' })]);
    universe.time.advance(1_000n);
    expect(read(universe, 'email', '"old"')).toEqual([]);
    expect(read(universe, 'email', '"new"')).toEqual(['a']);
  });

  test('over 1 KiB, or lying elsewhere, are not looked up by', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('indexes', { '*': ['x', 'digest'] })]);
    universe.time.advance(1_000n);
    const long = (count: number): string => `"${'x'.repeat(count)}"`;
    universe.apply([
      { tag: 'uploadChunk', value: { scope: '', digest: 'd', position: 0, count: 1, bytes: new Uint8Array(1) } },
    ]);
    const chunked = { properties: '{"bytes":1,"count":1,"digest":"d"}', propertiesEncoding: 'chunks/1' };
    universe.apply([
      ops.entity('fits', { properties: `{"x":${long(1_022)}}` }),
      ops.entity('long', { properties: `{"x":${long(1_023)}}` }),
      ops.entity('chunks', chunked),
    ]);
    expect(universe.rows('entity_property').map((row) => row.ownerId)).toEqual(['fits']);
    expect(read(universe, 'x', long(1_022))).toEqual(['fits']);
    expect(universe.refusedRead('read_entities', { property: { key: 'x', value: long(1_023) } })).toMatchObject({
      code: 'value/too-large',
    });
  });

  test('that have no canonical form are not looked up by, and hold nothing else up', async () => {
    const universe = await openUniverse();
    const odd = [
      `{"x":${'y'.repeat(70_000)}}`,
      '{"x":1e999}',
      '{"x":"\\ud800"}',
      `{"x":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,
    ];
    const made = (batch: string): Op[] =>
      odd.map((properties, index) => ops.entity(`${batch}${index}`, { properties }));
    expect(universe.apply([...made('early'), ops.entity('good', { properties: '{"x":1}' })])).toBeUndefined();
    universe.apply([ops.setting('indexes', { '*': ['x'] })]);
    universe.time.advance(1_000n);
    expect(read(universe, 'x', '1')).toEqual(['good']);
    expect(universe.apply(made('late'))).toBeUndefined();
    expect(universe.rows('entity_property')).toHaveLength(1);
    for (const index of [1, 2, 3])
      expect(universe.apply([ops.changeEntity(`late${index}`, { propertiesSet: '{"y":1}' })])).toMatchObject({
        code: 'value/malformed',
        ids: [`late${index}`],
      });
  });
});

test.each(['constructor', '__proto__', 'toString'])('a type may be called %s', async (entityType) => {
  const universe = await openUniverse();
  universe.apply([ops.setting('indexes', { '*': ['x'] }), ops.setting('history', { other: 'none' })]);
  expect(universe.apply([ops.entity('a', { entityType, properties: '{"x":1}' })])).toBeUndefined();
  expect(universe.apply([ops.changeEntity('a', { properties: '{"x":2}' }), ops.dropEntity('a')])).toBeUndefined();
  expect(universe.rows('entity_history')).toHaveLength(3);
  universe.apply([
    ops.setting('history', JSON.parse(`{"${entityType}":"none"}`) as object),
    ops.entity('b', { entityType }),
  ]);
  expect(universe.rows('entity_history')).toHaveLength(3);
});
