import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { openUniverse, ops, type Plain, type Universe } from './universe.ts';

const IDS = ['a', 'b', 'c', 'd'];
const TAGS = ['x', 'y'];

const id = fc.constantFrom(...IDS);
const scope = fc.constantFrom('', 'lab');
const tags = fc.subarray(TAGS);

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc
    .record({ id, scope, tags, name: fc.constantFrom('', 'n', 'm'), upsert: fc.boolean() })
    .map(({ id: own, ...more }) => ops.entity(own, more)),
  fc
    .record({ id, tags: fc.option(tags, { nil: undefined }), name: fc.constantFrom('', 'n') })
    .map(({ id: own, ...more }) => ops.changeEntity(own, more)),
  fc.record({ id, cascade: fc.boolean() }).map(({ id: own, cascade }) => ops.dropEntity(own, { cascade })),
  fc
    .record({ id, from: id, to: id, scope, tags })
    .map(({ id: own, from, to, ...more }) => ops.relation(`r-${own}`, from, to, more)),
  fc
    .record({ id, strength: fc.integer({ min: 0, max: 3 }) })
    .map(({ id: own, strength }) => ops.changeRelation(`r-${own}`, { strength })),
  id.map((own) => ops.dropRelation(`r-${own}`)),
  fc
    .record({ id: fc.uuid(), scope })
    .map(({ id: own, scope: where }) => ops.event(own, 'order.placed', { scope: where })),
);

/** The graph as its history tells it. */
function replay(universe: Universe, of: 'entity' | 'relation'): Map<string, Plain> {
  const rows = universe.rows(`${of}_history`);
  rows.sort((left, right) => Number(left.seq - right.seq) || left.position - right.position);
  const current = new Map<string, Plain>();
  for (const row of rows) {
    if (row.operation === 'deleted') current.delete(row[`${of}Id`]);
    else current.set(row[`${of}Id`], row);
  }
  return current;
}

function checkInvariants(universe: Universe): void {
  const entities = new Map<string, Plain>(universe.rows('entity').map((row) => [row.id, row]));
  const relations = universe.rows('relation');
  for (const { fromId, toId, scope: where } of relations) {
    expect(entities.get(fromId)?.scope).toBe(where);
    expect(entities.get(toId)?.scope).toBe(where);
  }
  for (const of of ['entity', 'relation'] as const) {
    const current = of === 'entity' ? [...entities.values()] : relations;
    const told = replay(universe, of);
    expect([...told.keys()].sort()).toEqual(current.map((row) => row.id).sort());
    for (const { id: own, createdSeq: _, ...columns } of current) expect(told.get(own)).toMatchObject(columns);
  }
  const tagged = [...entities.values(), ...relations].flatMap((row) =>
    row.tags.map((tag: string) => `${row.id} ${tag}`),
  );
  expect(
    universe
      .rows('entity_tag')
      .map((row) => `${row.ownerId} ${row.tag}`)
      .sort(),
  ).toEqual(tagged.sort());
  const seqs = universe.rows('event_log').map((row) => Number(row.seq));
  expect(seqs.sort((left, right) => left - right)).toEqual(seqs.map((_, index) => index + 1));
  const [head] = universe.rows('log_head');
  expect(Number(head.nextSeq)).toBe(seqs.length + 1);
  expect(Number(head.applicationEvents + head.systemRecords)).toBe(seqs.length);
  for (const { name, seq } of universe.read('read_scopes').scopes) {
    const last = universe
      .rows('event_log')
      .filter((row) => row.scope === name)
      .reduce((most, row) => (row.seq > most ? row.seq : most), 0n);
    expect(seq).toBe(last);
  }
}

function readAll(universe: Universe, name: string, list: string, limit: number, args: object): Plain[] {
  const found: Plain[] = [];
  let cursor = '';
  for (let more = true, pages = 0; more; pages += 1) {
    expect(pages).toBeLessThan(1_000);
    const page = universe.read(name, { ...args, cursor, limit });
    expect(page[list].length).toBeLessThanOrEqual(limit);
    found.push(...page[list]);
    ({ cursor, more } = page);
  }
  return found;
}

test('whatever is applied or refused, current rows, history, tags, seq and heads agree', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(anyOp, { maxLength: 5 }), { maxLength: 12 }), async (requests) => {
      const universe = await openUniverse();
      for (const request of requests) {
        const before = universe.dump();
        if (universe.apply(request) !== undefined) expect(universe.dump()).toBe(before);
      }
      checkInvariants(universe);
    }),
    { numRuns: 15 },
  );
});

test('pages of any size give each row once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyOp, { maxLength: 5 }), { minLength: 5, maxLength: 15 }),
      fc.integer({ min: 1, max: 7 }),
      async (requests, limit) => {
        const universe = await openUniverse();
        for (const request of requests) universe.apply(request);
        const bySeq = (left: Plain, right: Plain): number => Number(left.seq - right.seq);
        for (const [name, list, table] of [
          ['read_entities', 'entities', 'entity'],
          ['read_relations', 'relations', 'relation'],
        ] as const) {
          const found = readAll(universe, name, list, limit, {});
          expect(found.map((row) => row.seq)).toEqual([...found].sort(bySeq).map((row) => row.seq));
          expect(found.map((row) => row.id).sort()).toEqual(
            universe
              .rows(table)
              .map((row) => row.id)
              .sort(),
          );
        }
        for (const of of ['entity', 'relation'] as const) {
          const found = readAll(universe, 'read_history', of === 'entity' ? 'entities' : 'relations', limit, { of });
          const place = (row: Plain): string => `${row.seq} ${row.position} ${row[`${of}Id`]} ${row.operation}`;
          expect(found.map(place).sort()).toEqual(universe.rows(`${of}_history`).map(place).sort());
          expect(found.map((row) => row.seq)).toEqual([...found].sort(bySeq).map((row) => row.seq));
        }
      },
    ),
    { numRuns: 8 },
  );
});
