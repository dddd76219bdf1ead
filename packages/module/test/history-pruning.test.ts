import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ADA, openUniverse, ops, OWNER, type Plain, type Universe } from './universe.ts';

const headOf = (universe: Universe): bigint => universe.read('read_scopes').seq;
const boundOf = (universe: Universe): Plain => universe.read('read_history_bound');

/** Every row of a read by pages, by id. */
function all(universe: Universe, name: string, args: object): Plain[] {
  const rows = new Map<string, Plain>();
  for (let cursor = ''; ;) {
    const page = universe.read(name, { ...args, cursor, limit: 3 });
    for (const row of page.entities ?? page.relations) rows.set(row.id, row);
    if (!page.more) return [...rows.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
    cursor = page.cursor;
  }
}

/** All that there is to say of a graph at a `seq`. */
function graphAt(universe: Universe, seq: bigint): unknown {
  return [
    all(universe, 'read_entities_at', { seq }),
    all(universe, 'read_entities_at', { seq, ids: ['a', 'b', 'c', 'd'] }),
    all(universe, 'read_entities_at', { seq, tag: 'x' }),
    all(universe, 'read_relations_at', { seq }),
    all(universe, 'read_relations_at', { seq, fromId: 'a' }),
    all(universe, 'read_neighborhood', { seq, ids: ['a', 'b'] }),
  ].map((rows) => rows.map(({ id, name, tags, revision, seq: at }) => [id, name, tags, revision, at]));
}

/** The changes that a history tells, of everything or of one id. */
function historyOf(universe: Universe, of: 'entity' | 'relation', id = ''): Plain[] {
  const rows: Plain[] = [];
  for (let cursor = ''; ;) {
    const page = universe.read('read_history', { of, id, cursor, limit: 3 });
    rows.push(...page.entities, ...page.relations);
    if (!page.more) return rows;
    cursor = page.cursor;
  }
}

/** Takes steps until all is done; gives how many rows each of them removed. */
function pruneWholly(universe: Universe, keptFromSeq: bigint): number[] {
  const steps: number[] = [];
  for (;;) {
    const before = Number(boundOf(universe).removed);
    expect(universe.apply([ops.pruneHistory(keptFromSeq)])).toBeUndefined();
    const bound = boundOf(universe);
    steps.push(Number(bound.removed) - before);
    if (bound.done) return steps;
  }
}

const step = fc.record({
  do: fc.constantFrom('entity', 'change', 'change', 'drop', 'relation', 'change-relation', 'drop-relation', 'move'),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  other: fc.constantFrom('a', 'b', 'c', 'd'),
  name: fc.constantFrom('one', 'two', 'three'),
  tag: fc.constantFrom('x', 'y'),
  together: fc.boolean(),
});

function carryOut(universe: Universe, { do: what, id, other, name, tag, together }: Plain): void {
  const list = {
    entity: () => [ops.entity(id, { name, tags: [tag] })],
    change: () => [ops.changeEntity(id, { name }), ops.changeEntity(id, { name: `${name} again`, tags: [tag] })],
    drop: () => [ops.dropEntity(id, { cascade: true }), ...(together ? [ops.entity(id, { name: 'new' })] : [])],
    relation: () => [ops.relation(together ? 'moving' : `${id}${other}`, id, other, { name })],
    'change-relation': () => [ops.changeRelation(together ? 'moving' : `${id}${other}`, { name })],
    'drop-relation': () => [ops.dropRelation(together ? 'moving' : `${id}${other}`)],
    move: () => [ops.dropEntity(id, { cascade: true }), ops.entity(id, { name, scope: together ? 'lab' : '' })],
  }[what as 'entity']();
  universe.time.advance(1_000n);
  universe.apply(list);
}

/** Whether an outcome is the one of a moment before the bound. */
function isTrimmed(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    expect((error as { refusal: Plain }).refusal).toMatchObject({ code: 'graph/history-trimmed' });
    return true;
  }
}

test('after pruning, the graph at the bound and later is what it was, and before it is refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 20 }),
      fc.array(fc.nat(100), { minLength: 1, maxLength: 2 }),
      fc.boolean(),
      async (steps, places, isLogTrimmed) => {
        const universe = await openUniverse();
        for (const one of steps) carryOut(universe, one);
        const end = headOf(universe);
        const moments = Array.from({ length: Number(end) }, (_, at) => BigInt(at) + 1n);
        const before = new Map(moments.map((seq) => [seq, graphAt(universe, seq)]));
        const told = { entity: historyOf(universe, 'entity'), relation: historyOf(universe, 'relation') };
        const times = new Map<bigint, bigint>(universe.rows('event_log').map((row) => [row.seq, row.recordedAt]));
        if (isLogTrimmed) {
          universe.apply([{ tag: 'trimEvents', value: { upToSeq: end, segmentDigest: 'd' } }]);
        }
        for (const place of places) {
          const bound = 1n + ((end - 1n) * BigInt(place)) / 100n;
          pruneWholly(universe, bound);
          const { keptFromSeq, keptFrom } = boundOf(universe);
          expect(keptFromSeq >= bound).toBe(true);
          for (const seq of moments) {
            if (seq >= keptFromSeq) expect(graphAt(universe, seq)).toEqual(before.get(seq));
            else expect(isTrimmed(() => graphAt(universe, seq))).toBe(true);
            const time = times.get(seq) ?? 0n;
            const moment = (): bigint => universe.read('read_moment', { time }).seq;
            if (time >= keptFrom) expect(graphAt(universe, moment())).toEqual(before.get(lastAt(times, seq)));
            else expect(isTrimmed(moment)).toBe(true);
            if (seq >= keptFromSeq) expect(time >= keptFrom).toBe(true);
          }
          for (const of of ['entity', 'relation'] as const) {
            expect(historyOf(universe, of)).toEqual(keptOf(told[of], keptFromSeq));
            expect(universe.rows(`${of}_history`)).toHaveLength(keptOf(told[of], keptFromSeq).length);
          }
        }
      },
    ),
    { numRuns: 10 * Number(process.env['RUNS'] ?? 1) },
  );
});

/** The last `seq` that was recorded when this one was. */
function lastAt(times: ReadonlyMap<bigint, bigint>, seq: bigint): bigint {
  const same = [...times].filter(([, time]) => time === times.get(seq)).map(([one]) => one);
  return same.reduce((last, one) => (one > last ? one : last), seq);
}

/** What stays of a history: of each id what it was at the bound, and what came later. */
function keptOf(rows: readonly Plain[], bound: bigint): Plain[] {
  const idOf = (row: Plain): string => row.entityId ?? row.relationId;
  const lasts = new Map<string, Plain>();
  for (const row of rows) if (row.seq <= bound) lasts.set(idOf(row), row);
  return rows.filter((row) => row.seq > bound || (lasts.get(idOf(row)) === row && row.operation !== 'deleted'));
}

describe('steps', () => {
  test('remove at most 1,000 rows each, and what is told does not depend on how far they have got', async () => {
    const universe = await openUniverse();
    const ids = Array.from({ length: 900 }, (_, n) => `e${n}`);
    universe.apply(ids.map((id) => ops.entity(id)));
    for (const name of ['x', 'y']) universe.apply(ids.map((id) => ops.changeEntity(id, { name })));
    const bound = headOf(universe);
    universe.apply(ids.slice(0, 100).map((id) => ops.dropEntity(id)));
    const first = universe.apply([ops.pruneHistory(bound)]);
    expect(first).toBeUndefined();
    const half = boundOf(universe);
    expect(half).toMatchObject({ keptFromSeq: bound, done: false });
    const toldHalf = historyOf(universe, 'entity');
    expect(toldHalf).toHaveLength(1_000);
    expect(universe.refusedRead('read_entities_at', { seq: bound - 1n })).toMatchObject({
      code: 'graph/history-trimmed',
      details: { keptFromSeq: bound.toString(), keptFromMs: Number(half.keptFrom / 1_000n) },
    });
    const steps = pruneWholly(universe, bound);
    expect(Math.max(...steps)).toBeLessThanOrEqual(1_000);
    expect(boundOf(universe)).toMatchObject({ done: true, removed: 1_800n });
    expect(universe.rows('entity_history')).toHaveLength(1_000);
    expect(historyOf(universe, 'entity')).toEqual(toldHalf);
  });

  test('for a bound that is reached, or lies before the one there is, change nothing', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a')]);
    universe.apply([ops.changeEntity('a', { name: 'new' })]);
    const bound = headOf(universe);
    pruneWholly(universe, bound);
    const records = universe.rows('event_log').filter(({ eventType }) => eventType === 'HISTORY_PRUNED');
    expect(records).toMatchObject([{ scope: '$system' }]);
    for (const seq of [bound, bound - 1n, 0n]) expect(universe.apply([ops.pruneHistory(seq)])).toBeUndefined();
    expect(boundOf(universe).keptFromSeq).toBe(bound);
    expect(universe.rows('event_log').filter(({ eventType }) => eventType === 'HISTORY_PRUNED')).toEqual(records);
  });

  test('are refused beyond the end of the log, and to everybody but the owner', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a'), ops.grant(ADA.identity, 'write', 'scope:*')]);
    expect(universe.apply([ops.pruneHistory(headOf(universe) + 1n)])).toMatchObject({ code: 'value/malformed' });
    expect(universe.apply([ops.pruneHistory(1n)], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(boundOf(universe)).toMatchObject({ keptFromSeq: 0n, done: true });
  });

  test('are taken when the universe is full', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a')]);
    for (const name of ['x', 'y']) universe.apply([ops.changeEntity('a', { name })]);
    universe.apply([ops.setting('limits', { rows: 1 })]);
    expect(universe.apply([ops.changeEntity('a', { name: 'z' })])).toMatchObject({ code: 'limit/storage' });
    pruneWholly(universe, headOf(universe));
    expect(universe.rows('entity_history')).toHaveLength(1);
  });
});

test('large values are let go with the last change that refers to them, and not before', async () => {
  const universe = await openUniverse();
  const inChunks = (digest: string): object => ({
    properties: `{"bytes":3,"count":1,"digest":"${digest}"}`,
    propertiesEncoding: 'chunks/1',
  });
  const referencesOf = (digest: string): bigint =>
    universe.rows('chunk_value').find((row) => row.digest === digest)?.references;
  for (const digest of ['one', 'two', 'three']) universe.apply([ops.chunk(digest, 3)]);
  universe.apply([ops.entity('a', inChunks('one')), ops.entity('b', inChunks('three'))]);
  universe.apply([ops.changeEntity('a', { name: 'named' })]);
  const named = headOf(universe);
  universe.apply([ops.changeEntity('a', inChunks('two'))]);
  universe.apply([ops.changeEntity('a', { name: 'renamed' }), ops.dropEntity('b')]);
  expect(['one', 'two', 'three'].map(referencesOf)).toEqual([1n, 1n, 1n]);
  pruneWholly(universe, named);
  expect(['one', 'two', 'three'].map(referencesOf)).toEqual([1n, 1n, 1n]);
  pruneWholly(universe, headOf(universe));
  expect(['one', 'two', 'three'].map(referencesOf)).toEqual([0n, 1n, 0n]);
  expect(universe.read('read_entities', { ids: ['a'] }).entities).toHaveLength(1);
});

describe('the setting retention', () => {
  const DAY = 86_400;
  const maintain = (universe: Universe): void => {
    const timer = { scheduledId: 1n, scheduledAt: { tag: 'Time', value: universe.time.nowMicros() } };
    expect(universe.call(OWNER, 'run_maintenance', { timer })).toBeUndefined();
  };

  test('has maintenance prune the past that is older than historyMaxAgeSeconds', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('retention', { historyMaxAgeSeconds: 2 * DAY })]);
    universe.apply([ops.entity('a', { name: 'day 0' })]);
    for (const day of [1, 2, 3, 4]) {
      universe.time.advance(BigInt(DAY) * 1_000_000n);
      universe.apply([ops.changeEntity('a', { name: `day ${day}` })]);
      maintain(universe);
    }
    expect(boundOf(universe)).toMatchObject({ done: true, removed: 2n });
    expect(historyOf(universe, 'entity', 'a').map(({ name }) => name)).toEqual(['day 2', 'day 3', 'day 4']);
    const time = universe.time.nowMicros() - BigInt(3 * DAY) * 1_000_000n;
    expect(universe.refusedRead('read_moment', { time })).toMatchObject({ code: 'graph/history-trimmed' });
  });

  test('keeps all of it where it says nothing, or where nothing is that old', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a')]);
    universe.apply([ops.changeEntity('a', { name: 'new' })]);
    universe.time.advance(BigInt(DAY) * 1_000_000n);
    maintain(universe);
    universe.apply([ops.setting('retention', { historyMaxAgeSeconds: 2 * DAY })]);
    maintain(universe);
    expect(boundOf(universe)).toMatchObject({ keptFromSeq: 0n, keptFrom: undefined });
    expect(historyOf(universe, 'entity')).toHaveLength(2);
  });
});
