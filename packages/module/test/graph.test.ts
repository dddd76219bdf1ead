import { describe, expect, test } from 'vitest';
import { ADA, OWNER, openUniverse, ops, type Universe } from './universe.ts';

const byId = (universe: Universe, table: string, id: string) => universe.rows(table).find((row) => row.id === id);

describe('entities', () => {
  test('are created with all that was said of them', async () => {
    const universe = await openUniverse();
    const times = { authoredAt: stamp(7n), validFrom: stamp(8n), validTo: stamp(9n) };
    const texts = {
      name: 'Ada',
      description: 'mathematician',
      tags: ['x', 'y', 'x'],
      properties: '{"born":1815}',
      author: 'me',
    };
    universe.apply([ops.entity('ada', { ...texts, ...times })]);
    const row = {
      ...texts,
      tags: ['x', 'y'],
      id: 'ada',
      entityType: 'person',
      propertiesEncoding: 'json/1',
      scope: 'main',
      publisher: OWNER.identity,
      createdAt: 7n,
      updatedAt: 7n,
      validFrom: 8n,
      validTo: 9n,
      recordedAt: universe.time.nowMicros(),
      seq: 2n,
      createdSeq: 2n,
      revision: 1,
    };
    expect(universe.rows('entity')).toEqual([row]);
    const { id, createdSeq, ...columns } = row;
    expect(universe.rows('entity_history')).toEqual([
      { ...columns, entityId: id, position: 0, operation: 'created', changedFields: [] },
    ]);
    expect(
      universe
        .rows('entity_tag')
        .map((tag) => tag.tag)
        .sort(),
    ).toEqual(['x', 'y']);
    expect(createdSeq).toBe(2n);
  });

  test('of a taken id are refused, unless upserted', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('ada', { name: 'Ada' })]);
    expect(universe.apply([ops.entity('ada')])).toMatchObject({ code: 'entity/id-taken', ids: ['ada'] });
    expect(universe.apply([ops.entity('ada', { scope: 'lab', upsert: true })])).toMatchObject({
      code: 'entity/id-taken',
    });
    expect(universe.apply([ops.entity('ada', { entityType: 'robot', upsert: true })])).toMatchObject({
      code: 'entity/id-taken',
      details: { type: 'person' },
    });
    universe.apply([ops.entity('ada', { name: 'Augusta', tags: ['t'], upsert: true })]);
    expect(byId(universe, 'entity', 'ada')).toMatchObject({ name: 'Augusta', revision: 2, createdSeq: 2n, seq: 3n });
    const before = universe.dump().length;
    universe.request('same', [ops.entity('ada', { name: 'Augusta', tags: ['t'], upsert: true, author: 'other' })]);
    expect(byId(universe, 'entity', 'ada')).toMatchObject({ revision: 2, author: '' });
    expect(universe.rows('log_head')).toMatchObject([{ nextSeq: 4n }]);
    expect(universe.dump().length).toBeGreaterThan(before);
  });

  test('are updated field by field; what is not named stays', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.entity('ada', {
        name: 'Ada',
        description: 'd',
        tags: ['a', 'b'],
        properties: '{"x":1,"y":2}',
        validFrom: stamp(1n),
      }),
    ]);
    universe.apply([ops.changeEntity('ada', { tags: ['b', 'c'], author: 'me', authoredAt: stamp(3n) })]);
    expect(byId(universe, 'entity', 'ada')).toMatchObject({
      name: 'Ada',
      description: 'd',
      tags: ['b', 'c'],
      author: 'me',
      createdAt: universe.time.nowMicros(),
      updatedAt: 3n,
      revision: 2,
    });
    expect(
      universe
        .rows('entity_tag')
        .map((row) => [row.tag, row.seq])
        .sort(),
    ).toEqual([
      ['b', 2n],
      ['c', 3n],
    ]);
    universe.apply([ops.changeEntity('ada', { propertiesSet: '{"y":3,"z":4}', propertiesRemoved: ['x'] })]);
    expect(byId(universe, 'entity', 'ada').properties).toBe('{"y":3,"z":4}');
    universe.apply([ops.changeEntity('ada', { properties: '{}', entityType: 'poet', name: '' })]);
    expect(byId(universe, 'entity', 'ada')).toMatchObject({
      properties: '{}',
      entityType: 'poet',
      name: '',
      validFrom: 1n,
    });
    universe.apply([ops.changeEntity('ada', { clearValidity: true, validTo: stamp(9n) })]);
    expect(byId(universe, 'entity', 'ada')).toMatchObject({ validFrom: undefined, validTo: 9n, revision: 5 });
    expect(universe.rows('entity_history').map((row) => row.changedFields)).toEqual([
      [],
      ['tags'],
      ['properties'],
      ['name', 'properties', 'entity_type'],
      ['valid_from', 'valid_to'],
    ]);
  });

  test('take as much as the limits say', async () => {
    const universe = await openUniverse();
    const most = {
      tags: Array.from({ length: 64 }, (_, index) => `t${index}`),
      name: 'n'.repeat(4_096),
      description: 'd'.repeat(262_144),
      validFrom: stamp(1n),
      validTo: stamp(1n),
    };
    expect(universe.apply([ops.entity('a', most)])).toBeUndefined();
    universe.apply([ops.changeEntity('a', { tags: ['x', 'y', 'x'] })]);
    expect(byId(universe, 'entity', 'a').tags).toEqual(['x', 'y']);
    expect(universe.rows('entity_tag')).toHaveLength(2);
  });

  test('an update that changes nothing writes nothing', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('ada', { name: 'Ada' })]);
    universe.apply([ops.changeEntity('ada', { name: 'Ada' })]);
    expect(byId(universe, 'entity', 'ada').revision).toBe(1);
    expect(universe.rows('entity_history')).toHaveLength(1);
    expect(universe.rows('log_head')).toMatchObject([{ nextSeq: 3n }]);
  });

  test('keep keys of properties that look like something else', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a', { properties: '{"constructor":1}' })]);
    universe.apply([ops.changeEntity('a', { propertiesSet: '{"__proto__":{"x":1}}' })]);
    expect(byId(universe, 'entity', 'a').properties).toBe('{"__proto__":{"x":1},"constructor":1}');
    universe.apply([ops.changeEntity('a', { propertiesRemoved: ['__proto__'] })]);
    expect(byId(universe, 'entity', 'a').properties).toBe('{"constructor":1}');
  });

  test('if_seq guards against what was changed since', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('ada')]);
    expect(universe.apply([ops.changeEntity('ada', { name: 'A', ifSeq: 2n })])).toBeUndefined();
    expect(universe.apply([ops.changeEntity('ada', { name: 'B', ifSeq: 2n })])).toMatchObject({
      code: 'entity/seq-mismatch',
      details: { seq: '3', ifSeq: '2' },
    });
    expect(universe.apply([ops.dropEntity('ada', { ifSeq: 2n })])).toMatchObject({ code: 'entity/seq-mismatch' });
    expect(universe.apply([ops.dropEntity('ada', { ifSeq: 3n })])).toBeUndefined();
  });

  test.each([
    ['no properties object', ops.entity('b', { properties: '[]' }), 'value/malformed'],
    ['properties that are no JSON', ops.entity('b', { properties: '{]' }), 'value/malformed'],
    ['an empty type', ops.entity('b', { entityType: '' }), 'value/malformed'],
    ['an empty tag', ops.entity('b', { tags: [''] }), 'value/malformed'],
    [
      'too many tags',
      ops.entity('b', { tags: Array.from({ length: 65 }, (_, index) => `t${index}`) }),
      'value/too-large',
    ],
    ['too long a name', ops.entity('b', { name: 'n'.repeat(4_097) }), 'value/too-large'],
    ['too long a description', ops.entity('b', { description: 'd'.repeat(262_145) }), 'value/too-large'],
    [
      'validity that ends before it begins',
      ops.entity('b', { validFrom: stamp(2n), validTo: stamp(1n) }),
      'value/malformed',
    ],
    [
      'properties both replaced and patched',
      ops.changeEntity('a', { properties: '{}', propertiesRemoved: ['x'] }),
      'value/malformed',
    ],
    ['a patch that is no object', ops.changeEntity('a', { propertiesSet: '3' }), 'value/malformed'],
    ['an unknown entity', ops.changeEntity('nobody', { name: 'x' }), 'entity/not-found'],
    ['deleting an unknown entity', ops.dropEntity('nobody'), 'entity/not-found'],
  ])('%s is refused', async (_, op, code) => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a')]);
    const before = universe.dump();
    expect(universe.apply([op])).toMatchObject({ code, op: 0 });
    expect(universe.dump()).toBe(before);
  });

  test('sealed properties can only be replaced whole', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a', { properties: 'AAAA', propertiesEncoding: 'sealed/1' })]);
    expect(universe.apply([ops.changeEntity('a', { propertiesSet: '{"x":1}' })])).toMatchObject({
      code: 'value/malformed',
    });
    expect(universe.apply([ops.changeEntity('a', { properties: '{"x":1}' })])).toBeUndefined();
  });
});

describe('relations', () => {
  async function openPair(): Promise<Universe> {
    const universe = await openUniverse();
    universe.apply([ops.entity('a'), ops.entity('b')]);
    return universe;
  }

  test('join two entities of their scope', async () => {
    const universe = await openPair();
    universe.apply([ops.entity('c', { scope: 'lab' })]);
    expect(
      universe.apply([ops.relation('r', 'a', 'b', { strength: 0.5, bidirectional: true, tags: ['t'] })]),
    ).toBeUndefined();
    expect(universe.rows('relation')).toMatchObject([
      { id: 'r', fromId: 'a', toId: 'b', strength: 0.5, bidirectional: true, seq: 4n },
    ]);
    expect(universe.apply([ops.relation('s', 'a', 'nobody')])).toMatchObject({
      code: 'relation/endpoint-missing',
      ids: ['s', 'nobody'],
    });
    expect(universe.apply([ops.relation('s', 'a', 'c')])).toMatchObject({ code: 'scope/mismatch' });
    expect(universe.apply([ops.dropEntity('b', { cascade: true }), ops.relation('s', 'a', 'b')])).toMatchObject({
      code: 'relation/endpoint-missing',
      op: 1,
    });
  });

  test('of a taken id are refused, unless upserted between the same ends', async () => {
    const universe = await openPair();
    universe.apply([ops.relation('r', 'a', 'b')]);
    expect(universe.apply([ops.relation('r', 'a', 'b')])).toMatchObject({ code: 'relation/id-taken' });
    expect(universe.apply([ops.relation('r', 'b', 'a', { upsert: true })])).toMatchObject({
      code: 'relation/id-taken',
    });
    expect(universe.apply([ops.relation('r', 'a', 'b', { upsert: true, strength: 2 })])).toBeUndefined();
    expect(byId(universe, 'relation', 'r')).toMatchObject({ strength: 2, revision: 2 });
    universe.apply([ops.relation('r', 'a', 'b', { upsert: true, strength: 2 })]);
    expect(byId(universe, 'relation', 'r').revision).toBe(2);
  });

  test('are updated and deleted, guarded by if_seq', async () => {
    const universe = await openPair();
    universe.apply([ops.relation('r', 'a', 'b', { strength: 1 })]);
    expect(universe.apply([ops.changeRelation('r', { ifSeq: 2n, name: 'x' })])).toMatchObject({
      code: 'relation/seq-mismatch',
    });
    universe.apply([
      ops.changeRelation('r', {
        ifSeq: 3n,
        name: 'x',
        relationType: 'loves',
        bidirectional: true,
        clearStrength: true,
      }),
    ]);
    expect(byId(universe, 'relation', 'r')).toMatchObject({
      name: 'x',
      relationType: 'loves',
      bidirectional: true,
      strength: undefined,
    });
    expect(universe.apply([ops.changeRelation('r', { strength: 1, clearStrength: true })])).toMatchObject({
      code: 'value/malformed',
    });
    expect(universe.apply([ops.changeRelation('nobody', {})])).toMatchObject({ code: 'relation/not-found' });
    expect(universe.apply([ops.dropRelation('r', { ifSeq: 3n })])).toMatchObject({ code: 'relation/seq-mismatch' });
    expect(universe.apply([ops.dropRelation('r')])).toBeUndefined();
    expect(universe.apply([ops.dropRelation('r')])).toMatchObject({ code: 'relation/not-found' });
    expect(universe.rows('relation_history').map((row) => row.operation)).toEqual(['created', 'updated', 'deleted']);
    expect(universe.rows('entity_tag')).toEqual([]);
  });

  test('tell in their past which fields changed, and are found by their tags no longer than they have them', async () => {
    const universe = await openPair();
    universe.apply([ops.setting('history', { quiet: 'none' })]);
    universe.apply([
      ops.relation('r', 'a', 'b', { tags: ['x', 'y'] }),
      ops.relation('q', 'a', 'b', { relationType: 'quiet' }),
    ]);
    const tags = (): string[] => universe.rows('entity_tag').map((row) => row.tag);
    expect(tags().sort()).toEqual(['x', 'y']);
    universe.apply([ops.changeRelation('r', { bidirectional: true })]);
    universe.apply([ops.changeRelation('r', { strength: 2 })]);
    universe.apply([
      ops.changeRelation('r', { strength: 2, tags: ['y', 'z'] }),
      ops.changeRelation('q', { name: 'n' }),
    ]);
    expect(tags().sort()).toEqual(['y', 'z']);
    expect(universe.rows('relation_history').map((row) => [row.relationId, row.changedFields])).toEqual([
      ['r', []],
      ['r', ['bidirectional']],
      ['r', ['strength']],
      ['r', ['tags']],
    ]);
  });

  test('are upserted with their id, scope and both ends', async () => {
    const universe = await openPair();
    universe.apply([ops.entity('d'), ops.relation('r', 'a', 'b')]);
    for (const [fromId, toId, scope] of [
      ['a', 'd', ''],
      ['d', 'b', ''],
      ['a', 'b', 'lab'],
    ] as const)
      expect(universe.apply([ops.relation('r', fromId, toId, { scope, name: 'x', upsert: true })])).toMatchObject({
        code: 'relation/id-taken',
      });
  });

  test('a strength that is no finite number is refused', async () => {
    const universe = await openPair();
    universe.apply([ops.relation('s', 'a', 'b')]);
    expect(universe.apply([ops.changeRelation('s', { strength: Number.POSITIVE_INFINITY })])).toMatchObject({
      code: 'value/malformed',
    });
    expect(universe.apply([ops.relation('r', 'a', 'b', { strength: Number.NaN })])).toMatchObject({
      code: 'value/malformed',
    });
  });

  test('hold the deletion of their ends back, unless it cascades', async () => {
    const universe = await openPair();
    universe.apply([
      ops.relation('r', 'a', 'b'),
      ops.relation('s', 'b', 'a', { tags: ['t'] }),
      ops.relation('loop', 'a', 'a'),
    ]);
    expect(universe.apply([ops.dropEntity('a')])).toMatchObject({
      code: 'entity/has-relations',
      ids: ['a', 'r', 'loop', 's'],
      details: { relations: 3 },
    });
    expect(universe.apply([ops.dropEntity('a', { cascade: true, author: 'me' })])).toBeUndefined();
    expect(universe.rows('relation')).toEqual([]);
    expect(universe.rows('entity').map((row) => row.id)).toEqual(['b']);
    expect(universe.rows('entity_tag')).toEqual([]);
    const history = universe.read('read_history', { of: 'relation' }).relations;
    expect(history.slice(3).map((row: Record<string, unknown>) => [row.relationId, row.operation, row.author])).toEqual(
      [
        ['loop', 'deleted', 'me'],
        ['r', 'deleted', 'me'],
        ['s', 'deleted', 'me'],
      ],
    );
  });

  test('a cascade deletes at most 1,000 of them', async () => {
    const universe = await openPair();
    universe.apply(Array.from({ length: 600 }, (_, index) => ops.relation(`r${index}`, 'a', 'b')));
    universe.apply(Array.from({ length: 401 }, (_, index) => ops.relation(`s${index}`, 'b', 'a')));
    expect(universe.apply([ops.dropEntity('a', { cascade: true })])).toMatchObject({
      code: 'limit/cascade',
      details: { relations: 1_001, limit: 1_000 },
    });
    universe.apply([ops.dropRelation('r0')]);
    expect(universe.apply([ops.dropEntity('a', { cascade: true })])).toBeUndefined();
  });

  test('several cascades of one request delete at most 1,000 together', async () => {
    const universe = await openPair();
    universe.apply([ops.entity('d')]);
    universe.apply(Array.from({ length: 501 }, (_, index) => ops.relation(`r${index}`, 'a', 'a')));
    universe.apply(Array.from({ length: 500 }, (_, index) => ops.relation(`s${index}`, 'd', 'd')));
    const drops = [ops.dropEntity('a', { cascade: true }), ops.dropEntity('d', { cascade: true })];
    expect(universe.apply(drops)).toMatchObject({ code: 'limit/cascade', op: 1, details: { relations: 500 } });
    universe.apply([ops.dropRelation('r7')]);
    expect(universe.apply(drops)).toBeUndefined();
    expect(universe.rows('relation')).toEqual([]);
  });

  test('need ends that exist when it is their turn', async () => {
    const universe = await openPair();
    expect(universe.apply([ops.entity('d'), ops.dropEntity('d'), ops.relation('s', 'a', 'd')])).toMatchObject({
      code: 'relation/endpoint-missing',
      op: 2,
    });
    expect(universe.apply([ops.relation('s', 'nobody', 'b')])).toMatchObject({ details: { end: 'fromId' } });
    expect(universe.apply([ops.entity('d', { scope: 'lab' }), ops.relation('s', 'a', 'd')])).toMatchObject({
      code: 'scope/mismatch',
      details: { end: 'toId', scope: 'main' },
    });
  });
});

describe('properties of any kind', () => {
  const chunked = (bytes: number) => ({
    properties: `{"bytes":${bytes},"count":1,"digest":"d"}`,
    propertiesEncoding: 'chunks/1',
  });

  test('may lie in chunks, once those are there', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a'), ops.relation('r', 'a', 'a')]);
    const missing = { code: 'chunk/missing', ids: ['d'] };
    expect(universe.apply([ops.entity('b', chunked(3))])).toMatchObject(missing);
    expect(universe.apply([ops.changeEntity('a', chunked(3))])).toMatchObject(missing);
    expect(universe.apply([ops.relation('s', 'a', 'a', chunked(3))])).toMatchObject(missing);
    expect(universe.apply([ops.changeRelation('r', chunked(3))])).toMatchObject(missing);
    universe.apply([ops.chunk('d', 3)]);
    expect(
      universe.apply([
        ops.entity('b', chunked(3)),
        ops.changeEntity('a', chunked(3)),
        ops.changeRelation('r', chunked(3)),
      ]),
    ).toBeUndefined();
    universe.apply([ops.changeEntity('a', { name: 'x' }), ops.changeEntity('a', chunked(3))]);
    expect(universe.rows('chunk_value')).toMatchObject([{ references: 3n }]);
  });

  test('are patched as JSON only, and within the limit', async () => {
    const universe = await openUniverse();
    const sealed = { properties: '{}', propertiesEncoding: 'sealed/1' };
    universe.apply([ops.entity('a', sealed), ops.entity('b', { properties: `{"x":"${'x'.repeat(200_000)}"}` })]);
    expect(universe.apply([ops.changeEntity('a', { propertiesSet: '{"x":1}' })])).toMatchObject({
      code: 'value/malformed',
      ids: ['a'],
    });
    expect(universe.apply([ops.changeEntity('a', { properties: '{}' })])).toBeUndefined();
    expect(byId(universe, 'entity', 'a')).toMatchObject({ propertiesEncoding: 'json/1', revision: 2 });
    const more = `{"y":"${'y'.repeat(62_200)}"}`;
    expect(universe.apply([ops.changeEntity('b', { propertiesSet: more })])).toMatchObject({
      code: 'value/too-large',
      details: { what: 'properties', limit: 262_144 },
    });
    expect(universe.apply([ops.changeEntity('b', { propertiesSet: '[1]' })])).toMatchObject({
      code: 'value/malformed',
    });
  });
});

describe('the past', () => {
  test('tells every change in order, also several of one transaction', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.entity('a', { name: '1' }),
      ops.changeEntity('a', { name: '2' }),
      ops.dropEntity('a'),
      ops.entity('a', { name: '3' }),
    ]);
    const { entities } = universe.read('read_history', { id: 'a' });
    expect(entities.map((row: Record<string, unknown>) => [row.seq, row.position, row.operation, row.name])).toEqual([
      [2n, 0, 'created', '1'],
      [2n, 1, 'updated', '2'],
      [2n, 2, 'deleted', '2'],
      [2n, 3, 'created', '3'],
    ]);
  });

  test('is not kept of types for which the setting says none', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('history', { person: 'none', '*': 'full' })]);
    universe.apply([ops.entity('a'), ops.entity('b', { entityType: 'city' }), ops.dropEntity('a')]);
    expect(universe.rows('entity_history').map((row) => row.entityId)).toEqual(['b']);
  });

  test('can be read up to a seq or a recorded time', async () => {
    const universe = await openUniverse();
    const times: bigint[] = [];
    for (let index = 0; index < 5; index += 1) {
      universe.time.advance(1_000_000n);
      times.push(universe.time.nowMicros());
      universe.apply([ops.entity(`n${index}`)]);
    }
    const names = (args: object): string[] =>
      universe.read('read_history', args).entities.map((row: { entityId: string }) => row.entityId);
    expect(names({ throughSeq: 3n })).toEqual(['n0', 'n1']);
    expect(names({ throughSeq: 3n, recordedUntil: times[3] })).toEqual(['n0', 'n1']);
    expect(names({ throughSeq: 4n, recordedUntil: times[1] })).toEqual(['n0', 'n1']);
    expect(names({ id: 'n1' })).toEqual(['n1']);
    expect(names({ id: 'n1', scope: 'lab' })).toEqual([]);
    expect(names({ recordedUntil: times[2] })).toEqual(['n0', 'n1', 'n2']);
    expect(names({ recordedUntil: times[0]! - 1n })).toEqual([]);
    expect(names({ recordedUntil: times[4]! + 9n })).toHaveLength(5);
    universe.apply([{ tag: 'trimEvents', value: { upToSeq: 5n, segmentDigest: 'd' } }]);
    expect(names({ recordedUntil: times[2] })).toEqual(['n0', 'n1', 'n2']);
    expect(universe.refusedRead('read_history', { of: 'event' })).toMatchObject({ code: 'value/malformed' });
  });
});

describe('reading the graph', () => {
  test('finds entities by id, type, name, tag and scope, in the order of their last change', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.entity('a', { name: 'x', tags: ['t'] }),
      ops.entity('b', { entityType: 'city', name: 'x', tags: ['t', 'u'] }),
    ]);
    universe.apply([ops.entity('c', { name: 'y', scope: 'lab', tags: ['t'] })]);
    universe.apply([ops.changeEntity('a', { description: 'changed' })]);
    const read = (args: object): string[] =>
      universe.read('read_entities', args).entities.map((row: { id: string }) => row.id);
    expect(read({})).toEqual(['b', 'c', 'a']);
    expect(read({ scope: 'main' })).toEqual(['b', 'a']);
    expect(read({ entityType: 'person' })).toEqual(['c', 'a']);
    expect(read({ name: 'x' })).toEqual(['b', 'a']);
    expect(read({ name: 'x', entityType: 'city' })).toEqual(['b']);
    expect(read({ tag: 't' })).toEqual(['a', 'b', 'c']);
    expect(read({ tag: 't', scope: 'lab' })).toEqual(['c']);
    expect(read({ name: 'x', scope: 'lab' })).toEqual([]);
    expect(read({ entityType: 'person', tag: 'u' })).toEqual([]);
    expect(read({ tag: 'nothing' })).toEqual([]);
    expect(read({ ids: ['c', 'nobody', 'a'] })).toEqual(['c', 'a']);
  });

  test('finds relations by id, type, name and either end', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a'), ops.entity('b'), ops.entity('c')]);
    universe.apply([
      ops.relation('ab', 'a', 'b', { name: 'n' }),
      ops.relation('bc', 'b', 'c', { relationType: 'loves' }),
      ops.relation('bb', 'b', 'b'),
    ]);
    const read = (args: object): string[] =>
      universe.read('read_relations', args).relations.map((row: { id: string }) => row.id);
    expect(read({})).toEqual(['ab', 'bb', 'bc']);
    expect(read({ fromId: 'b' })).toEqual(['bb', 'bc']);
    expect(read({ toId: 'b' })).toEqual(['ab', 'bb']);
    expect(read({ endId: 'b' })).toEqual(['ab', 'bb', 'bc']);
    expect(read({ endId: 'b', relationType: 'loves' })).toEqual(['bc']);
    expect(read({ fromId: 'b', toId: 'c' })).toEqual(['bc']);
    expect(read({ name: 'n' })).toEqual(['ab']);
    expect(read({ relationType: 'knows' })).toEqual(['ab', 'bb']);
    expect(read({ ids: ['bc'] })).toEqual(['bc']);
    expect(read({ scope: 'lab' })).toEqual([]);
    expect(read({ fromId: 'b', scope: 'lab' })).toEqual([]);
  });

  test('pages through more rows of one transaction than a page holds, and later goes on with what came since', async () => {
    const universe = await openUniverse();
    universe.apply(Array.from({ length: 700 }, (_, index) => ops.entity(`a${index}`)));
    universe.apply(Array.from({ length: 700 }, (_, index) => ops.entity(`b${index}`)));
    const found: string[] = [];
    let cursor = '';
    for (let more = true, pages = 0; more && pages < 50; pages += 1) {
      const page = universe.read('read_entities', { cursor, limit: 300 });
      expect(page.entities.length).toBeLessThanOrEqual(300);
      found.push(...page.entities.map((row: { id: string }) => row.id));
      ({ cursor, more } = page);
    }
    expect(found).toHaveLength(1_400);
    expect(new Set(found).size).toBe(1_400);
    expect(universe.read('read_entities', { cursor })).toMatchObject({ entities: [], more: false, seq: 3n });
    universe.apply([ops.changeEntity('a7', { name: 'late' }), ops.entity('new')]);
    expect(universe.read('read_entities', { cursor }).entities.map((row: { id: string }) => row.id)).toEqual([
      'a7',
      'new',
    ]);
    expect(universe.refusedRead('read_entities', { cursor: 'nonsense' })).toMatchObject({ code: 'cursor/malformed' });
  });

  test('reads many ids over several pages when their rows are large', async () => {
    const universe = await openUniverse();
    const properties = `{"x":"${'x'.repeat(200_000)}"}`;
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) universe.apply([ops.entity(id, { properties })]);
    const ids = ['g', 'f', 'e', 'd', 'c', 'b', 'a'];
    const first = universe.read('read_entities', { ids });
    expect(first).toMatchObject({ more: true, cursor: '5' });
    const second = universe.read('read_entities', { ids, cursor: first.cursor });
    expect([...first.entities, ...second.entities].map((row: { id: string }) => row.id)).toEqual(ids);
    expect(second).toMatchObject({ more: false, cursor: '7' });
    expect(universe.refusedRead('read_entities', { ids, cursor: '5:a' })).toMatchObject({ code: 'cursor/malformed' });
    expect(universe.refusedRead('read_entities', { ids: Array.from({ length: 1_001 }, String) })).toMatchObject({
      code: 'limit/ops',
    });
  });
});

test('a caller with a grant for one type sees and changes only that', async () => {
  const universe = await openUniverse();
  universe.apply([ops.entity('a'), ops.entity('b', { entityType: 'city' }), ops.relation('r', 'a', 'b')]);
  universe.apply([
    ops.grant(ADA.identity, 'read', 'entity:city'),
    ops.grant(ADA.identity, 'update', 'entity:city', 'main'),
  ]);
  expect(universe.read('read_entities', {}, ADA).entities.map((row: { id: string }) => row.id)).toEqual(['b']);
  expect(
    universe.read('read_entities', { ids: ['a', 'b'] }, ADA).entities.map((row: { id: string }) => row.id),
  ).toEqual(['b']);
  expect(universe.read('read_history', {}, ADA).entities.map((row: { entityId: string }) => row.entityId)).toEqual([
    'b',
  ]);
  expect(universe.refusedRead('read_relations', {}, ADA)).toMatchObject({ code: 'permission/denied' });
  expect(universe.apply([ops.changeEntity('b', { name: 'Paris' })], ADA)).toBeUndefined();
  expect(universe.apply([ops.changeEntity('b', { entityType: 'person' })], ADA)).toMatchObject({
    code: 'permission/denied',
  });
  expect(universe.apply([ops.changeEntity('a', { name: 'x' })], ADA)).toMatchObject({ code: 'entity/not-found' });
  expect(universe.apply([ops.dropEntity('b', { cascade: true })], ADA)).toMatchObject({ code: 'permission/denied' });
});

function stamp(micros: bigint): { readonly __timestamp_micros_since_unix_epoch__: bigint } {
  return { __timestamp_micros_since_unix_epoch__: micros };
}
