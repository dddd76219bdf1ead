import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ADA, BOB, openUniverse, ops, type Plain, type Universe } from './universe.ts';

type Kind = 'entities' | 'relations';

/** Every page of a read, as its rows; a row that comes twice must be the same both times. */
function all(universe: Universe, name: string, args: object, limit = 3): Plain[] {
  const kind: Kind = name === 'read_entities_at' ? 'entities' : 'relations';
  const rows = new Map<string, Plain>();
  for (let cursor = '', pages = 0; ; pages += 1) {
    if (pages > 1_000) throw new Error('the pages do not end');
    const page = universe.read(name, { ...args, cursor, limit });
    for (const row of page[kind]) {
      if (rows.has(row.id)) expect(row).toEqual(rows.get(row.id));
      rows.set(row.id, row);
    }
    if (!page.more) return [...rows.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
    cursor = page.cursor;
  }
}

const said = (rows: readonly Plain[]): string[] => rows.map(({ id, name, revision }) => `${id} ${name} ${revision}`);
const headOf = (universe: Universe): bigint => universe.read('read_scopes').seq;

const step = fc.record({
  do: fc.constantFrom('entity', 'change', 'drop', 'relation', 'change-relation', 'drop-relation', 'event'),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  other: fc.constantFrom('a', 'b', 'c', 'd'),
  name: fc.constantFrom('one', 'two', 'three'),
  tag: fc.constantFrom('x', 'y'),
  together: fc.boolean(),
});

test('the graph at any seq is what it was then, whatever came later, and however it is looked at', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
      const universe = await openUniverse();
      const moments: { seq: bigint; entities: Plain[]; relations: Plain[] }[] = [];
      const remember = (): void => {
        const byId = (left: Plain, right: Plain): number => (left.id < right.id ? -1 : 1);
        moments.push({
          seq: headOf(universe),
          entities: universe.rows('entity').sort(byId),
          relations: universe.rows('relation').sort(byId),
        });
      };
      remember();
      for (const { do: what, id, other, name, tag, together } of steps) {
        const relationId = `${id}${other}`;
        const op = {
          entity: () => ops.entity(id, { name, tags: [tag], entityType: `type-${tag}` }),
          change: () => ops.changeEntity(id, { name, tags: [tag] }),
          drop: () => ops.dropEntity(id, { cascade: true }),
          relation: () => ops.relation(together ? 'moving' : relationId, id, other, { name }),
          'change-relation': () => ops.changeRelation(relationId, { name }),
          'drop-relation': () => ops.dropRelation(together ? 'moving' : relationId),
          event: () => ops.event(`event-${moments.length}`),
        }[what]();
        const again = what === 'entity' && together ? [ops.dropEntity(id), ops.entity(id, { name: 'again' })] : [];
        universe.apply([op, ...again]);
        remember();
      }
      for (const { seq, entities, relations } of moments) {
        const at = (args: object = {}): string[] => said(all(universe, 'read_entities_at', { seq, ...args }));
        expect(at()).toEqual(said(entities));
        expect(at({ tag: 'x' })).toEqual(said(entities.filter(({ tags }) => tags.includes('x'))));
        expect(at({ entityType: 'type-y' })).toEqual(
          said(entities.filter(({ entityType }) => entityType === 'type-y')),
        );
        expect(at({ name: 'two' })).toEqual(said(entities.filter((row) => row.name === 'two')));
        expect(at({ ids: ['a', 'b', 'c', 'd', 'e'] })).toEqual(said(entities));
        const ties = (args: object = {}): string[] => said(all(universe, 'read_relations_at', { seq, ...args }));
        expect(ties()).toEqual(said(relations));
        expect(ties({ fromId: 'a' })).toEqual(said(relations.filter(({ fromId }) => fromId === 'a')));
        const around = (ids: string[], direction: string): string[] =>
          said(all(universe, 'read_neighborhood', { ids, seq, direction }, 2));
        expect(around(['a', 'b'], 'both')).toEqual(
          said(relations.filter(({ fromId, toId }) => [fromId, toId].some((end) => end === 'a' || end === 'b'))),
        );
        expect(around(['c'], 'out')).toEqual(said(relations.filter(({ fromId }) => fromId === 'c')));
      }
      const { relations } = moments.at(-1) ?? { relations: [] };
      expect(said(all(universe, 'read_neighborhood', { ids: ['a'], direction: 'in' }))).toEqual(
        said(relations.filter(({ toId }) => toId === 'a')),
      );
    }),
    { numRuns: 25 * Number(process.env['RUNS'] ?? 1) },
  );
});

describe('the moment of a time', () => {
  async function withThreeMoments(): Promise<{ universe: Universe; times: bigint[]; seqs: bigint[] }> {
    const universe = await openUniverse();
    const times: bigint[] = [];
    const seqs: bigint[] = [];
    for (const id of ['a', 'b', 'c']) {
      universe.time.advance(1_000n);
      universe.apply([ops.entity(id), ops.event(`event-${id}`)]);
      times.push(universe.time.nowMicros());
      seqs.push(headOf(universe));
    }
    return { universe, times, seqs };
  }

  test('is the last seq recorded by then', async () => {
    const { universe, times, seqs } = await withThreeMoments();
    for (const [place, time] of times.entries()) {
      expect(universe.read('read_moment', { time }).seq).toBe(seqs[place]);
      expect(universe.read('read_moment', { time: time + 999n }).seq).toBe(seqs[place]);
    }
    expect(universe.read('read_moment', { time: 1n }).seq).toBe(0n);
  });

  test('is found for the graph where the log was trimmed since', async () => {
    const { universe, times } = await withThreeMoments();
    expect(
      universe.apply([{ tag: 'trimEvents', value: { upToSeq: headOf(universe), segmentDigest: 'digest' } }]),
    ).toBeUndefined();
    for (const [place, time] of times.entries()) {
      const { seq } = universe.read('read_moment', { time });
      expect(all(universe, 'read_entities_at', { seq }).map(({ id }) => id)).toEqual(
        ['a', 'b', 'c'].slice(0, place + 1),
      );
    }
  });
});

describe('what was not kept', () => {
  test('is refused, for the types it is about, from before the last change that was not kept', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a', { entityType: 'kept' }), ops.entity('b', { entityType: 'lost' })]);
    const before = headOf(universe);
    universe.apply([ops.setting('history', { lost: 'none' })]);
    universe.apply([ops.changeEntity('a', { name: 'new' }), ops.changeEntity('b', { name: 'new' })]);
    const after = headOf(universe);
    universe.apply([ops.setting('history', {})]);
    universe.apply([ops.changeEntity('b', { name: 'newest' })]);
    const names = (args: object): string[] => all(universe, 'read_entities_at', args).map(({ name }) => name);
    expect(names({ seq: before, entityType: 'kept' })).toEqual(['']);
    expect(universe.refusedRead('read_entities_at', { seq: before, entityType: 'lost' })).toMatchObject({
      code: 'graph/no-history',
      details: { type: 'lost' },
    });
    expect(universe.refusedRead('read_entities_at', { seq: before })).toMatchObject({ code: 'graph/no-history' });
    // `b` of then is in no history: it was written while none was kept, and has changed since.
    expect(universe.refusedRead('read_entities_at', { seq: after, entityType: 'lost' })).toMatchObject({
      code: 'graph/no-history',
      ids: ['b'],
    });
    expect(universe.refusedRead('read_entities_at', { seq: after, ids: ['b'] })).toMatchObject({ ids: ['b'] });
    expect(names({ seq: headOf(universe), entityType: 'lost' })).toEqual(['newest']);
  });

  test('shows in no answer to somebody who may not read it', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('history', { lost: 'none' }), ops.grant(ADA.identity, 'read', 'entity:kept')]);
    universe.apply([ops.entity('a', { entityType: 'kept' }), ops.entity('b', { entityType: 'lost' })]);
    const seq = headOf(universe);
    universe.apply([ops.changeEntity('b', { name: 'new' })]);
    expect(universe.read('read_entities_at', { seq, ids: ['a', 'b'] }, ADA).entities).toHaveLength(1);
  });
});

test('pasts and neighbourhoods are read by nobody but who may read the rows', async () => {
  const universe = await openUniverse();
  universe.apply([ops.entity('a'), ops.entity('b'), ops.relation('r', 'a', 'b')]);
  universe.apply([ops.entity('x', { scope: 'lab' }), ops.relation('s', 'x', 'x', { scope: 'lab' })]);
  universe.apply([ops.grant(ADA.identity, 'read', 'scope:lab')]);
  const seq = headOf(universe);
  universe.apply([ops.changeEntity('x', { name: 'new' }), ops.changeEntity('a', { name: 'new' })]);
  expect(universe.read('read_entities_at', { seq }, ADA).entities.map(({ id }: Plain) => id)).toEqual(['x']);
  expect(universe.read('read_entities_at', { seq, ids: ['a', 'x'] }, ADA).entities).toHaveLength(1);
  expect(universe.read('read_relations_at', { seq }, ADA).relations.map(({ id }: Plain) => id)).toEqual(['s']);
  expect(universe.read('read_neighborhood', { ids: ['a', 'x'] }, ADA).relations.map(({ id }: Plain) => id)).toEqual([
    's',
  ]);
  for (const name of ['read_entities_at', 'read_relations_at']) {
    expect(universe.refusedRead(name, { seq }, BOB)).toMatchObject({ code: 'permission/denied' });
    expect(universe.refusedRead(name, { seq, scope: 'main' }, ADA)).toMatchObject({ code: 'permission/denied' });
  }
  expect(universe.refusedRead('read_neighborhood', { ids: ['a'] }, BOB)).toMatchObject({ code: 'permission/denied' });
  expect(universe.refusedRead('read_moment', { time: 1n }, BOB)).toMatchObject({ code: 'permission/denied' });
});

test('a neighbourhood of what makes no sense is refused', async () => {
  const universe = await openUniverse();
  expect(universe.refusedRead('read_neighborhood', { ids: ['a'], direction: 'up' })).toMatchObject({
    code: 'value/malformed',
  });
  const many = Array.from({ length: 1_001 }, (_, n) => `id-${n}`);
  expect(universe.refusedRead('read_neighborhood', { ids: many })).toMatchObject({ code: 'limit/ops' });
  expect(universe.refusedRead('read_neighborhood', { ids: ['a'], cursor: 'x' })).toMatchObject({
    code: 'cursor/malformed',
  });
});
