import { describe, expect, test } from 'vitest';
import { ADA, BOB, openUniverse, ops, type Plain, type Universe } from './universe.ts';

interface Seen {
  readonly entities: string[];
  readonly relations: string[];
  readonly goneEntities: string[];
  readonly goneRelations: string[];
}

/** What a caller learns of the changes after a seq, over all pages. */
function changes(universe: Universe, afterSeq: bigint, caller?: typeof ADA, limit = 0): Seen {
  const seen: Seen = { entities: [], relations: [], goneEntities: [], goneRelations: [] };
  for (let cursor = ''; ;) {
    const page = universe.read('read_graph_changes', { afterSeq, cursor, limit }, caller);
    for (const part of ['entities', 'relations', 'goneEntities', 'goneRelations'] as const) {
      for (const { id } of page[part] as Plain[]) if (!seen[part].includes(id)) seen[part].push(id);
    }
    if (!page.more) return seen;
    cursor = page.cursor;
  }
}

async function withGraph(): Promise<{ universe: Universe; seq: bigint }> {
  const universe = await openUniverse();
  universe.apply([
    ops.entity('a'),
    ops.entity('b'),
    ops.entity('x', { entityType: 'robot' }),
    ops.relation('r', 'a', 'b'),
  ]);
  return { universe, seq: universe.read('read_scopes').seq as bigint };
}

describe('changes after a seq', () => {
  test('are each row once, as it is now, and what is gone', async () => {
    const { universe, seq } = await withGraph();
    universe.apply([ops.changeEntity('a', { name: 'one' }), ops.entity('c')]);
    universe.apply([ops.changeEntity('a', { name: 'two' })]);
    universe.apply([ops.dropEntity('b', { cascade: true })]);
    universe.apply([ops.entity('gone-again'), ops.dropEntity('gone-again')]);
    const expected = { entities: ['c', 'a'], relations: [], goneEntities: ['b', 'gone-again'], goneRelations: ['r'] };
    for (const limit of [0, 1, 2]) {
      const seen = changes(universe, seq, undefined, limit);
      for (const list of Object.values(seen) as string[][]) list.sort();
      expect(seen).toEqual({ ...expected, entities: ['a', 'c'] });
    }
    expect(universe.read('read_graph_changes', { afterSeq: seq }).entities.map((row: Plain) => row.name)).toContain(
      'two',
    );
    expect(changes(universe, universe.read('read_scopes').seq)).toEqual({
      entities: [],
      relations: [],
      goneEntities: [],
      goneRelations: [],
    });
  });

  test('are told to readers of types, though they may read no record, and to nobody else', async () => {
    const { universe } = await withGraph();
    universe.apply([ops.grant(ADA.identity, 'read', 'entity:robot'), ops.grant(BOB.identity, 'read', 'event:**')]);
    const { seq } = universe.read('read_scopes');
    universe.apply([ops.changeEntity('a', { name: 'new' }), ops.changeEntity('x', { name: 'new' })]);
    expect(changes(universe, seq, ADA)).toMatchObject({ entities: ['x'], goneEntities: [] });
    universe.apply([ops.dropEntity('x'), ops.dropEntity('a', { cascade: true })]);
    expect(changes(universe, seq, ADA)).toEqual({
      entities: [],
      relations: [],
      goneEntities: ['x'],
      goneRelations: [],
    });
    expect(changes(universe, seq, BOB)).toEqual({ entities: [], relations: [], goneEntities: [], goneRelations: [] });
  });

  test('are refused where the log does not reach back so far', async () => {
    const { universe, seq } = await withGraph();
    universe.apply([ops.entity('c')]);
    universe.apply([{ tag: 'trimEvents', value: { upToSeq: seq + 1n, segmentDigest: 'digest' } }]);
    expect(universe.refusedRead('read_graph_changes', { afterSeq: seq })).toMatchObject({ code: 'event/trimmed' });
    expect(changes(universe, seq + 1n).entities).toEqual([]);
  });
});
