import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EntityGraph } from '@inner-universe/nerv/graph';
import { GraphHistory } from '@inner-universe/nerv/graph/history';
import type { Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';
import { describeForms } from './forms.ts';

type Graph = Universe['graph'];

let testUniverse: TestUniverse;
let graph: Graph;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  ({ graph } = testUniverse.universe);
});

afterEach(() => testUniverse.close());

const nowMs = (): number => Number(testUniverse.clock.nowMicros() / 1000n);

/** Lets some time pass, and gives a moment in it. */
async function passTime(): Promise<number> {
  await testUniverse.advance(2);
  return nowMs() - 1;
}

const IDS = ['a', 'b', 'c'];
const write = fc.record({
  do: fc.constantFrom('upsert', 'upsert', 'delete', 'relate', 'unrelate'),
  id: fc.constantFrom(...IDS),
  other: fc.constantFrom(...IDS),
  value: fc.nat(5),
});

async function carryOut(step: Step): Promise<void> {
  const { do: what, id, other, value } = step;
  const writing = {
    upsert: () => graph.upsertEntity('thing', { id, properties: { value } }),
    delete: () => graph.deleteEntity(id, { cascade: true }),
    relate: () => graph.upsertRelation('near', { id: `r-${id}`, from: id, to: other, strength: value }),
    unrelate: () => graph.deleteRelation(`r-${id}`),
  }[what]();
  await writing.catch((error: unknown) => {
    expect(error).toMatchObject({ code: expect.stringMatching(/not-found$|endpoint-missing$|^relation\/id-taken$/) });
  });
}

interface Step {
  readonly do: 'upsert' | 'delete' | 'relate' | 'unrelate';
  readonly id: string;
  readonly other: string;
  readonly value: number;
}

/** All that a past says. */
async function tell(timeMs: number): Promise<unknown> {
  const past = await graph.asOf(timeMs);
  return [
    await past.query(),
    await past.queryRelations(),
    await Promise.all(IDS.map((id) => past.getEntity(id))),
    await Promise.all((await past.query()).map((entity) => past.neighbors(entity))),
  ];
}

const histories = (options: object = {}): Promise<unknown[]> =>
  Promise.all([...IDS, ...IDS.map((id) => `r-${id}`)].map((id) => graph.history(id, options)));

test('after pruning, every past and history from the bound on is what it was, and those before are refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(write, { minLength: 4, maxLength: 14 }), fc.nat(100), async (steps, place) => {
      const moments: number[] = [];
      for (const step of steps) {
        await carryOut(step as Step);
        moments.push(await passTime());
      }
      const known = new Map<number, { past: unknown; history: unknown }>();
      for (const moment of moments) {
        known.set(moment, { past: await tell(moment), history: await histories({ from: moment }) });
      }
      const before = moments[Math.floor(((moments.length - 1) * place) / 100)] ?? 0;
      const bound = await graph.pruneHistory({ before });
      expect(bound.isDone).toBe(true);
      const keptFromMs = bound.keptFrom?.getTime() ?? Number.NEGATIVE_INFINITY;
      expect(keptFromMs).toBeLessThanOrEqual(before);
      for (const moment of moments) {
        if (moment >= keptFromMs) {
          expect(await tell(moment)).toEqual(known.get(moment)?.past);
          expect(withoutBeginnings(await histories({ from: moment }))).toEqual(
            withoutBeginnings(known.get(moment)?.history as unknown[]),
          );
          continue;
        }
        const trimmed = { code: 'graph/history-trimmed', details: { timeMs: moment, keptFromMs } };
        await expect(graph.asOf(moment)).rejects.toMatchObject(trimmed);
        await expect(graph.history('a', { from: moment })).rejects.toMatchObject(trimmed);
        await expect(graph.historyPages('a', { from: moment }).next()).rejects.toMatchObject(trimmed);
      }
      await graph.batch((batch) => IDS.forEach((id) => batch.upsertEntity('thing', { id })));
    }),
    { numRuns: 5 * Number(process.env['RUNS'] ?? 1) },
  );
});

/** Histories without when their first versions were recorded, which is not known where that was before the bound. */
function withoutBeginnings(all: readonly unknown[]): unknown[] {
  return (all as readonly { readonly recordedAt?: number }[][]).map((versions) =>
    versions.map((version, at) => (at === 0 ? { ...version, recordedAt: 'then' } : version)),
  );
}

test('history gives what is kept as NERV does: what was there before has no time of recording', async () => {
  let timeMs = nowMs();
  const local = new EntityGraph({
    clock: { nowMicros: () => BigInt(timeMs) * 1000n, nowMs: () => timeMs },
    history: new GraphHistory({ changes: 2 }),
  });
  for (const name of ['one', 'two', 'three', 'four']) {
    timeMs = await passTime();
    local.upsertEntity('thing', { id: 'a', name });
    await graph.upsertEntity('thing', { id: 'a', name });
    await passTime();
    await testUniverse.universe.events.publish('tick', name);
  }
  const versions = await graph.history('a');
  await graph.pruneHistory({ before: versions[2]?.recordedAt ?? 0 });
  const kept = await graph.history('a');
  expect(kept.map(({ row }) => row.name)).toEqual(local.history('a').map(({ row }) => row.name));
  expect(kept).toMatchObject([
    { row: { name: 'two' }, recordedAt: undefined, replacedAt: versions[2]?.recordedAt },
    { row: { name: 'three' }, recordedAt: versions[2]?.recordedAt },
    { row: { name: 'four' }, replacedAt: undefined },
  ]);
});

describe('pruning', () => {
  async function writeMuch(): Promise<void> {
    const ids = Array.from({ length: 900 }, (_, number) => `e${number}`);
    await graph.batch((batch) => ids.forEach((id) => batch.createEntity('thing', { id })));
    await graph.batch((batch) => ids.forEach((id) => batch.updateEntity(id, { name: 'new' })));
    await testUniverse.advance(10);
  }

  test('goes on after a crash between two steps where it was', async () => {
    await writeMuch();
    const steps: number[] = [];
    const crash = new Error('crashed');
    const pruning = graph.pruneHistory({
      before: nowMs(),
      onProgress: ({ removed }) => {
        steps.push(removed);
        throw crash;
      },
    });
    await expect(pruning).rejects.toBe(crash);
    testUniverse.crash();
    await testUniverse.restart();
    const half = await graph.historyBound();
    expect(half).toMatchObject({ isDone: false, removed: steps[0] });
    await expect(graph.asOf(half.keptFrom?.getTime() ?? 0)).resolves.toBeDefined();
    expect(await graph.pruneHistory({ before: 0 })).toMatchObject({ isDone: true, removed: 900 });
    expect(await graph.history('e5')).toMatchObject([{ row: { name: 'new' } }]);
  });

  test('that is called off ends after a step, and the next call takes the others', async () => {
    await writeMuch();
    const ending = new AbortController();
    const reason = new Error('enough');
    const before = nowMs();
    const onProgress = (): void => ending.abort(reason);
    await expect(graph.pruneHistory({ before, signal: ending.signal, onProgress })).rejects.toBe(reason);
    expect(await graph.historyBound()).toMatchObject({ isDone: false });
    expect(await graph.pruneHistory({ before })).toMatchObject({ isDone: true, removed: 900 });
  });

  test('is for the owner, says when there is nothing to do, and takes no senseless time', async () => {
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    await graph.createEntity('thing', { id: 'a' });
    await testUniverse.advance(10);
    await expect(ada.graph.pruneHistory({ before: nowMs() })).rejects.toMatchObject({ code: 'permission/denied' });
    expect(await graph.pruneHistory({ before: 0 })).toEqual({
      keptFrom: undefined,
      keptFromSeq: 0n,
      isDone: true,
      removed: 0,
    });
    await expect(graph.pruneHistory({ before: Number.NaN })).rejects.toMatchObject({
      code: 'graph/invalid-argument',
    });
    await graph.pruneHistory({ before: new Date(nowMs()) });
    expect(await ada.graph.historyBound()).toEqual(await graph.historyBound());
  });
});

describeForms((form) => {
  test('the past is pruned, and what is kept of it told', async () => {
    const universe = await form.open();
    try {
      for (const name of ['one', 'two', 'three']) {
        await universe.graph.upsertEntity('thing', { id: 'a', name });
        const now = Date.now();
        while (Date.now() <= now + 1) await new Promise((resolve) => setImmediate(resolve));
      }
      const before = (await universe.graph.history('a'))[2]?.recordedAt ?? 0;
      expect(await universe.graph.pruneHistory({ before })).toMatchObject({ isDone: true, removed: 1 });
      expect((await universe.graph.history('a')).map(({ row }) => row.name)).toEqual(['two', 'three']);
      await expect(universe.graph.asOf(0)).rejects.toMatchObject({ code: 'graph/history-trimmed' });
    } finally {
      await universe.close();
    }
  });
});
