import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entity, Relation } from '../entity.ts';
import type { GraphChange } from '../graph-change.ts';
import { type ConfirmedRow, GraphReplica } from './graph-replica.ts';
import { OperationFactory } from '../operation-factory.ts';

let made = 0;
const operations = new OperationFactory({ nextId: () => `made-${(made += 1)}`, nowMs: () => 5 });

function entity(id: string, seq: number, name = id): ConfirmedRow {
  return { type: 'entity', row: entityRow(id, seq, name) };
}

function entityRow(id: string, seq: number, name: string): Entity & { readonly seq: number } {
  const validity = { validFrom: undefined, validTo: undefined };
  return {
    id,
    type: 'x',
    name,
    description: '',
    tags: [],
    properties: {},
    createdAt: 5,
    updatedAt: 5,
    ...validity,
    seq,
  };
}

function relation(id: string, seq: number, from: string, to: string): ConfirmedRow {
  const row: Relation & { readonly seq: number } = {
    ...entityRow(id, seq, ''),
    from,
    to,
    strength: 1,
    bidirectional: false,
  };
  return { type: 'relation', row };
}

function names(replica: GraphReplica): string[] {
  return replica.graph.query({ orderBy: { field: 'name' } }).map(({ name }) => name);
}

function told(replica: GraphReplica): string[] {
  const seen: string[] = [];
  replica.graph.subscribe(({ origin, type, id }: GraphChange) => seen.push(`${origin} ${type} ${id}`));
  return seen;
}

describe('confirmed rows', () => {
  test('are taken in once each, by seq, and frozen', () => {
    const replica = new GraphReplica();
    const seen = told(replica);
    replica.confirm([entity('a', 2, 'new')]);
    replica.confirm([entity('a', 1, 'old'), entity('a', 2, 'again')]);
    expect(names(replica)).toEqual(['new']);
    expect(Object.isFrozen(replica.graph.getEntity('a'))).toBe(true);
    expect(seen).toEqual(['confirmed inserted a']);
  });

  test('a page that is older than a deletion does not bring the row back while loading', () => {
    const replica = new GraphReplica();
    replica.confirm([entity('a', 1)]);
    replica.confirm([{ type: 'entity-deleted', id: 'a', seq: 3 }]);
    replica.confirm([entity('a', 2)]);
    expect(names(replica)).toEqual([]);
    replica.confirm([entity('a', 4)]);
    expect(names(replica)).toEqual(['a']);
    replica.endLoading();
    replica.confirm([{ type: 'entity-deleted', id: 'a', seq: 5 }]);
    expect(names(replica)).toEqual([]);
    replica.beginLoading();
  });

  test('a relation may come before its ends, and be walked once they are here', () => {
    const replica = new GraphReplica();
    replica.confirm([relation('r', 3, 'a', 'b')]);
    replica.confirm([entity('a', 1)]);
    expect(replica.graph.neighbors('a')).toEqual([]);
    replica.confirm([entity('b', 2)]);
    expect(replica.graph.neighbors('a').map(({ id }) => id)).toEqual(['b']);
    replica.confirm([{ type: 'relation-deleted', id: 'r', seq: 4 }]);
    expect(replica.graph.neighbors('a')).toEqual([]);
  });
});

test('a relation whose ends the log changed is found at its new ends alone', () => {
  const replica = new GraphReplica();
  replica.confirm([entity('a', 1), entity('b', 2), entity('c', 3), relation('r', 4, 'a', 'b')]);
  replica.confirm([relation('r', 5, 'b', 'c')]);
  const around = (id: string): string[] => replica.graph.relationsOf(id).map(({ from, to }) => `${from}${to}`);
  expect([around('a'), around('b'), around('c')]).toEqual([[], ['bc'], ['bc']]);
});

describe('pending requests', () => {
  test('are seen at once, and told once more only for what their confirmation changed', () => {
    const replica = new GraphReplica();
    const seen = told(replica);
    replica.request('q', [operations.entity('create-entity', 'x', { id: 'a', name: 'a' })]);
    expect(seen).toEqual(['pending inserted a']);
    expect(replica.graph.getEntity('a')?.seq).toBeUndefined();
    const notice = replica.confirm([entity('a', 1)], ['q']);
    expect(notice?.settled).toEqual(['q']);
    expect(seen.slice(1)).toEqual(['confirmed updated a']);
    expect(replica.graph.getEntity('a')?.seq).toBe(1);
    expect(replica.pending).toEqual([]);
  });

  test('others’ confirmed data that does not touch them changes nothing about them', () => {
    const replica = new GraphReplica();
    replica.request('q', [operations.entity('create-entity', 'x', { id: 'a', properties: { list: [1, { two: 2 }] } })]);
    const seen = told(replica);
    replica.confirm([entity('b', 1)]);
    expect(seen).toEqual(['confirmed inserted b']);
  });

  test('a refused one is taken off, and what it hid is seen again', () => {
    const replica = new GraphReplica();
    replica.confirm([entity('a', 1, 'before')]);
    const seen = told(replica);
    replica.request('q', [operations.updateEntity('a', { name: 'wish' })]);
    expect(names(replica)).toEqual(['wish']);
    expect(replica.refuse('q')?.settled).toEqual(['q']);
    expect(names(replica)).toEqual(['before']);
    expect(replica.graph.getEntity('a')?.seq).toBe(1);
    expect(seen).toEqual(['pending updated a', 'confirmed updated a']);
    expect(replica.refuse('q')).toBeUndefined();
  });

  test('one that does not apply is thrown, and shows nothing of its other writes', () => {
    const replica = new GraphReplica();
    const write = (): void =>
      replica.request('q', [
        operations.entity('create-entity', 'x', { id: 'a' }),
        operations.relation('create-relation', 'r', { from: 'a', to: 'z' }),
      ]);
    expect(write).toThrow(expect.objectContaining({ code: 'relation/endpoint-missing' }));
    expect(names(replica)).toEqual([]);
    expect(replica.pending).toEqual([]);
  });

  test('one that stops applying is its conflict, once, and applies again when it can', () => {
    const replica = new GraphReplica();
    replica.confirm([entity('a', 1), entity('b', 2)]);
    replica.request('q', [operations.relation('create-relation', 'r', { id: 'r', from: 'a', to: 'b' })]);
    const notice = replica.confirm([{ type: 'entity-deleted', id: 'b', seq: 3 }]);
    expect(notice?.conflicts).toEqual([
      {
        id: 'q',
        request: expect.anything(),
        reason: expect.objectContaining({ code: 'relation/endpoint-missing' }),
      },
    ]);
    expect(replica.graph.getRelation('r')).toBeUndefined();
    expect(replica.confirm([entity('c', 4)])).toBeUndefined();
    expect(replica.pending[0]?.conflict).toBeDefined();
    replica.confirm([entity('b', 5)]);
    expect(replica.graph.getRelation('r')).toBeDefined();
    expect(replica.pending[0]?.conflict).toBeUndefined();
  });

  test('what the user does with the arguments later changes nothing', () => {
    const replica = new GraphReplica();
    const list = ['first'];
    replica.request('q', [operations.entity('create-entity', 'x', { id: 'a', tags: list, properties: { list } })]);
    list.push('second');
    replica.confirm([entity('b', 1)]);
    expect(replica.graph.getEntity('a')).toMatchObject({
      tags: ['first'],
      properties: { list: ['first'] },
    });
  });

  test('any mixture of confirmed and pending is what the rule says', () => {
    const id = fc.constantFrom('a', 'b', 'c');
    type Step = {
      readonly do: 'request' | 'confirm' | 'answer' | 'refuse';
      readonly id: string;
      readonly name: string;
    };
    const step: fc.Arbitrary<Step> = fc.record({
      do: fc.constantFrom('request' as const, 'confirm' as const, 'answer' as const, 'refuse' as const),
      id,
      name: fc.constantFrom('n', 'm', 'DELETE'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const replica = new GraphReplica();
        const followed = new Map<string, string>();
        replica.graph.subscribe((change) => {
          expect(followed.get(change.id)).toBe(change.before?.name);
          if (change.after === undefined) followed.delete(change.id);
          else followed.set(change.id, change.after.name);
        });
        const confirmed = new Map<string, string>();
        let wishes: { readonly request: string; readonly id: string; readonly name: string }[] = [];
        const apply = (rows: Map<string, string>, wish: { readonly id: string; readonly name: string }): boolean => {
          if (wish.name === 'DELETE') return rows.delete(wish.id);
          rows.set(wish.id, wish.name);
          return true;
        };
        for (const [place, now] of steps.entries()) {
          const row =
            now.name === 'DELETE'
              ? [{ type: 'entity-deleted' as const, id: now.id, seq: place }]
              : [entity(now.id, place, now.name)];
          if (now.do === 'request') {
            const operation =
              now.name === 'DELETE'
                ? operations.deleteEntity(now.id)
                : operations.entity('upsert-entity', 'x', { id: now.id, name: now.name });
            try {
              replica.request(`${place}`, [operation]);
              wishes.push({ request: `${place}`, id: now.id, name: now.name });
            } catch (error) {
              expect(error).toMatchObject({ code: 'entity/not-found' });
            }
          } else if (now.do === 'confirm') {
            replica.confirm(row);
            apply(confirmed, now);
          } else {
            const [first] = wishes;
            wishes = wishes.slice(1);
            if (now.do === 'refuse' || first === undefined) {
              replica.refuse(first?.request ?? 'none');
            } else {
              replica.confirm(row, [first.request]);
              apply(confirmed, now);
            }
          }
          const expected = new Map(confirmed);
          for (const wish of wishes) apply(expected, wish);
          const seen = new Map(replica.graph.query().map((held) => [held.id, held.name]));
          expect(seen).toEqual(expected);
          expect(followed).toEqual(expected);
        }
      }),
    );
  });
});

test('rows may come before their ends, and entities go before their relations', () => {
  const replica = new GraphReplica();
  replica.confirm([relation('r', 1, 'a', 'b'), relation('s', 2, 'b', 'b')]);
  expect(replica.graph.queryRelations({ from: 'a' })).toHaveLength(1);
  replica.confirm([entity('a', 3), entity('b', 4)]);
  expect(replica.graph.neighbors('a').map(({ id }) => id)).toEqual(['b']);
  replica.confirm([{ type: 'entity-deleted', id: 'b', seq: 5 }]);
  expect(replica.graph.neighbors('a')).toEqual([]);
  replica.confirm([entity('b', 6)]);
  expect(replica.graph.neighbors('a').map(({ id }) => id)).toEqual(['b']);
  replica.confirm([
    { type: 'entity-deleted', id: 'b', seq: 7 },
    { type: 'relation-deleted', id: 'r', seq: 8 },
    { type: 'relation-deleted', id: 's', seq: 9 },
    { type: 'relation-deleted', id: 'unknown', seq: 10 },
  ]);
  expect(replica.graph.queryRelations()).toEqual([]);
  replica.confirm([entity('b', 11)]);
  expect(replica.graph.relationsOf('b')).toEqual([]);
});

test('a relation that comes again with other ends is tied to them alone', () => {
  const replica = new GraphReplica();
  replica.confirm([entity('a', 1), entity('b', 2), relation('r', 3, 'a', 'b')]);
  replica.confirm([relation('r', 4, 'b', 'b')]);
  expect(replica.graph.relationsOf('a')).toEqual([]);
  expect(replica.graph.relationsOf('b').map(({ seq }) => seq)).toEqual([4]);
});

test('what a request was made of is copied, and what throws for reasons of its own goes through', () => {
  const replica = new GraphReplica();
  replica.confirm([entity('a', 1)]);
  const tags = ['first'];
  const properties = { list: [1] };
  replica.request('q', [operations.updateEntity('a', { tags, properties })]);
  tags.push('second');
  properties.list.push(2);
  replica.confirm([entity('b', 2)]);
  expect(replica.graph.getEntity('a')).toMatchObject({
    tags: ['first'],
    properties: { list: [1] },
  });
  replica.request('r', [operations.updateEntity('a', { name: 'new' })]);
  expect(replica.graph.getEntity('a')?.name).toBe('new');
  const trap = {
    toString(): string {
      throw new RangeError('trap');
    },
  };
  const wrong = { ...operations.deleteEntity('a'), id: trap };
  expect(() => replica.request('s', [wrong as never])).toThrow(RangeError);
});
