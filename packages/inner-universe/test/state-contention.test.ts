import { VersionConflictError } from '@inner-universe/nerv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SpacetimeTemporalStore, Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

interface Board {
  /** Each writer has a field of its own. */
  own: Record<string, number>;
  shared: Record<string, string>;
  list: string[];
}

const EMPTY: Board = { own: {}, shared: {}, list: [] };

/** Lets the clock run until everything is done: those who lose often wait on it. */
async function finish<T>(testUniverse: TestUniverse, work: Promise<T>): Promise<T> {
  const state = { isDone: false };
  const done = work.finally(() => (state.isDone = true));
  for (let turn = 0; turn < 2_000 && !state.isDone; turn += 1) await testUniverse.advance(20);
  return done;
}

interface Writers {
  readonly stores: SpacetimeTemporalStore<Board>[];
  readonly universes: Universe[];
}

/** The owner, and others by pages; each has the store open. */
async function openWriters(testUniverse: TestUniverse, count: number): Promise<Writers> {
  const universes = [testUniverse.universe];
  while (universes.length < count) universes.push(await testUniverse.as(`writer-${universes.length}`, READ_AND_WRITE));
  const stores = [];
  for (const universe of universes) stores.push(await universe.states.open('board', EMPTY));
  return { stores, universes };
}

describe('several writers on one branch', () => {
  test('who change different places all get through, each version once, and nobody starves', async () => {
    await using testUniverse = await createTestUniverse();
    const { stores } = await openWriters(testUniverse, 6);
    const rounds = 12;
    const write = async (store: SpacetimeTemporalStore<Board>, writer: number): Promise<string[]> => {
      const ids: string[] = [];
      for (let n = 1; n <= rounds; n += 1) {
        ids.push(await store.commit((draft) => (draft.own[`w${writer}`] = (draft.own[`w${writer}`] ?? 0) + 1)));
      }
      return ids;
    };
    const ids = (await finish(testUniverse, Promise.all(stores.map(write)))).flat();
    await testUniverse.settle();
    for (const store of stores) {
      expect(Object.values(store.state.own)).toEqual(Array(6).fill(rounds));
      expect(store.pending).toEqual([]);
    }
    const log = await stores[0]?.log();
    expect(log?.map(({ id }) => id).toSorted()).toEqual([...ids, log?.at(-1)?.id].toSorted());
    expect(await stores[1]?.verify()).toEqual({ ok: true, versions: 6 * rounds + 1 });
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('who run their change again on the new head lose nothing, whatever they change', async () => {
    await using testUniverse = await createTestUniverse();
    const { stores } = await openWriters(testUniverse, 4);
    const write = async (store: SpacetimeTemporalStore<Board>, writer: number): Promise<void> => {
      for (let n = 0; n < 8; n += 1) {
        await store.commit((draft) => draft.list.push(`${writer}/${n}`), { onConflict: 'rerun' });
      }
    };
    await finish(testUniverse, Promise.all(stores.map(write)));
    await testUniverse.settle();
    const { list } = stores[0]?.state ?? EMPTY;
    expect(list).toHaveLength(32);
    for (let writer = 0; writer < 4; writer += 1) {
      const own = list.filter((item) => item.startsWith(`${writer}/`));
      expect(own).toEqual(Array.from({ length: 8 }, (_, n) => `${writer}/${n}`));
    }
    for (const store of stores) expect(store.state.list).toEqual(list);
  });

  test('whatever they do and whatever is lost on the way: no update is lost, all states are equal, the chain verifies', async () => {
    const step = fc.record({
      writer: fc.nat(2),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      optimistic: fc.boolean(),
      fault: fc.constantFrom('none', 'none', 'none', 'drop', 'lose-answer', 'crash'),
      waits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), fc.integer(), async (steps, seed) => {
        await using testUniverse = await createTestUniverse({ seed });
        const { stores, universes } = await openWriters(testUniverse, 3);
        const done: { id: string; key: string; text: string }[] = [];
        const refused: string[] = [];
        const running: Promise<void>[] = [];
        for (const [index, { writer, key, optimistic, fault, waits }] of steps.entries()) {
          const store = stores[writer] as SpacetimeTemporalStore<Board>;
          const text = `${index}`;
          const id = `v${index}`;
          const network = testUniverse.networkOf(universes[writer] as Universe);
          if (fault === 'drop') network.drop();
          if (fault === 'lose-answer') network.dropAt('to-client');
          if (fault === 'crash') {
            testUniverse.crash();
            await testUniverse.restart();
          }
          const commit = store
            .commit((draft) => (draft.shared[key] = text), { id, optimistic })
            .then(
              () => void done.push({ id, key, text }),
              (error: unknown) => {
                expect(error).toBeInstanceOf(VersionConflictError);
                refused.push(id);
              },
            );
          running.push(commit);
          if (waits) await finish(testUniverse, commit);
        }
        await finish(testUniverse, Promise.all(running));
        await testUniverse.advance(120_000);
        await testUniverse.settle();
        const [first] = stores as [SpacetimeTemporalStore<Board>];
        for (const store of stores) {
          expect(store.state).toEqual(first.state);
          expect(store.versionId).toBe(first.versionId);
          expect(store.status).toBe('confirmed');
          expect(store.pending).toEqual([]);
        }
        const log = (await first.log()).map(({ id }) => id).reverse();
        expect(log.slice(1).toSorted()).toEqual(done.map(({ id }) => id).toSorted());
        expect(refused.filter((id) => log.includes(id))).toEqual([]);
        // What stands at each place was written by the last version in the log that wrote there.
        const expected: Record<string, string> = {};
        for (const id of log) {
          const write = done.find((one) => one.id === id);
          if (write !== undefined) expected[write.key] = write.text;
        }
        expect(first.state.shared).toEqual(expected);
        expect(await first.verify()).toEqual({ ok: true, versions: done.length + 1 });
        testUniverse.takeErrors();
      }),
      { numRuns: Number(process.env['RUNS'] ?? 1) * 15 },
    );
  }, 60_000);

  test('of whom one comes first every time make the other give up, after so many attempts', async () => {
    await using testUniverse = await createTestUniverse();
    const { stores, universes } = await openWriters(testUniverse, 2);
    const [store, rival] = stores as [SpacetimeTemporalStore<Board>, SpacetimeTemporalStore<Board>];
    const { client } = universes[0] as Universe;
    const write = client.writeWithChunks.bind(client);
    let sent = 0;
    client.writeWithChunks = async (...args) => {
      sent += 1;
      await rival.commit((draft) => (draft.own['rival'] = sent), { onConflict: 'rerun' });
      await write(...args);
    };
    const failed = store.commit((draft) => (draft.own['one'] = 1)).catch((error: unknown) => error);
    const error = await finish(testUniverse, failed);
    expect(error).toBeInstanceOf(VersionConflictError);
    expect((error as VersionConflictError).details).toMatchObject({ attempts: 65, paths: [] });
    expect(sent).toBe(65);
    client.writeWithChunks = write;
    await store.commit((draft) => (draft.own['one'] = 1));
    expect(store.state.own).toEqual({ rival: 65, one: 1 });
  });

  test('and do not wait for answers are held up at a limit, and lose nothing of what was taken', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('board', EMPTY);
    testUniverse.network.freeze('to-host');
    const commits = Array.from({ length: 10_001 }, (_, n) => store.commit((draft) => void (draft.own['n'] = n)));
    const last = commits.pop();
    await expect(last).rejects.toMatchObject({ code: 'client/queue-full', retryable: true });
    expect(store.pending).toHaveLength(10_000);
    const first = commits.splice(0, 3);
    for (const commit of commits) commit.catch(() => undefined);
    testUniverse.network.thaw('to-host');
    expect(await Promise.all(first)).toHaveLength(3);
    await testUniverse.universe.close();
  });
});
