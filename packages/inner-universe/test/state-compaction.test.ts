import { makeWireTimestamp, type RecordVersionOp } from '@inner-universe/module/wire';
import { chainHash } from '@inner-universe/nerv/hash';
import { StateTree, type JsonPatch } from '@inner-universe/nerv/temporal';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

interface Doc {
  n: number;
  text: string;
}

const DAY_MS = 86_400_000;

async function tableBytes(testUniverse: TestUniverse): Promise<{ deltas: number; snapshots: number; count: number }> {
  const sizes = async (sql: string): Promise<number[]> =>
    (await testUniverse.host.sql(sql)).map((row) => Number(row['byteLength']));
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const snapshots = await sizes('SELECT * FROM state_snapshot');
  return { deltas: sum(await sizes('SELECT * FROM delta_record')), snapshots: sum(snapshots), count: snapshots.length };
}

describe('stored states', () => {
  test('take no more room than deltas and one state for each branch, and any is read by no more than twice one', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('doc', { n: 0, text: 'x'.repeat(20_000) });
    for (let n = 1; n <= 200; n += 1) {
      await store.commit((draft) => {
        draft.n = n;
        if (n % 20 === 0) draft.text = `${n}`.repeat(6_000);
      });
    }
    const { deltas, snapshots, count } = await tableBytes(testUniverse);
    const largest = 20_100;
    expect(count).toBeGreaterThan(2);
    expect(snapshots).toBeLessThanOrEqual(deltas + 2 * largest);
    const reader = await testUniverse.as('owner');
    for (const { id } of (await store.log()).slice(0, 100)) {
      const { steps, snapshot } = await reader.client.read('readState', { versionId: id, limit: 0 });
      const replayed = steps.reduce((bytes, { delta }) => bytes + delta.length, 0);
      expect(replayed).toBeLessThanOrEqual(1.3 * (snapshot?.state.length ?? 0) + 4_096);
    }
  });

  test('are taken as often as the policy of a store says', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('doc', { n: 0 }, { snapshots: { versions: 10 } });
    for (let n = 1; n <= 100; n += 1) await store.commit((draft) => (draft.n = n));
    expect((await tableBytes(testUniverse)).count).toBe(11);
  });
});

describe('compaction', () => {
  test('leaves out what nobody will ask for; what stays reads and verifies, here and elsewhere', async () => {
    await using testUniverse = await createTestUniverse();
    const { universe } = testUniverse;
    const store = await universe.states.open<Doc>('doc', { n: 0, text: '' });
    const other = await (await testUniverse.as('owner')).states.open<Doc>('doc');
    const ids = [store.versionId];
    for (let n = 1; n <= 60; n += 1) {
      ids.push(await store.commit((draft) => ((draft.n = n), (draft.text = `${n}`.repeat(30))), `n=${n}`));
      await testUniverse.advance(1_000);
    }
    await store.tag('thirty', ids[30]);
    await store.createBranch('side', ids[40]);
    await store.commit((draft) => (draft.text = 'side'), { branch: 'side' });
    const before = (await store.at('thirty')).n;
    await testUniverse.settle();

    const report = await store.compact({ last: 5 });
    // Five of each branch, the tagged one, and the root.
    expect(report).toEqual({ kept: 12, leftOut: 50 });
    expect(store.state.n).toBe(60);
    expect((await store.at('thirty')).n).toBe(before);
    expect((await store.log()).map(({ description }) => description)).toEqual([
      'n=60',
      'n=59',
      'n=58',
      'n=57',
      'n=56',
      'n=40',
      'n=39',
      'n=38',
      'n=37',
      'n=30',
      'initial state',
    ]);
    expect(await store.verify()).toEqual({ ok: true, versions: 12 });
    await testUniverse.settle();
    for (const reader of [store, other, await (await testUniverse.as('owner')).states.open<Doc>('doc')]) {
      expect(reader.state.n).toBe(60);
      expect((await reader.at(5)).n).toBe(40);
      expect((await reader.at(ids[40] ?? '')).text).toBe('40'.repeat(30));
      await expect(reader.at(ids[55] ?? '')).rejects.toMatchObject({ code: 'state/version-compacted' });
      expect(await reader.verify()).toEqual({ ok: true, versions: 12 });
    }
    await expect(other.planMerge('side')).resolves.toMatchObject({ type: 'merge', base: ids[40] });
    // Going on is as ever: by those who were there, and by those who come.
    await other.commit((draft) => (draft.n = 61), { onConflict: 'rerun' });
    await store.commit((draft) => (draft.n = 62), { onConflict: 'rerun' });
    expect((await store.verify()).ok).toBe(true);
    expect((await store.blame('/n')).id).toBe(store.versionId);
    const date = new Date('2026-01-01T00:00:10Z');
    await expect(store.at(date)).rejects.toMatchObject({ code: 'state/version-compacted' });
  });

  test('may be done again and again', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('doc', { n: 0 });
    for (let round = 1; round <= 4; round += 1) {
      for (let n = 1; n <= 12; n += 1) await store.commit((draft) => (draft.n = round * 100 + n));
      await store.compact({ last: 3 });
      expect(await store.verify()).toMatchObject({ ok: true, versions: 4 });
    }
    const { runs } = await testUniverse.universe.client.read('readCompactedRuns', {
      store: 'doc',
      ids: [],
      headers: true,
      cursor: '',
      limit: 0,
    });
    expect(runs).toHaveLength(1);
    expect((await store.at(2)).n).toBe(410);
  });

  test('removes what no branch and no tag leads to, once it is a day old', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('doc', { n: 0 });
    await store.createBranch('side');
    for (let n = 1; n <= 5; n += 1) await store.commit((draft) => (draft.n = n), { branch: 'side' });
    const gone = (await store.branches()).find(({ name }) => name === 'side')?.head ?? '';
    await store.deleteBranch('side');
    expect((await store.compact()).kept).toBeGreaterThan(1);
    await testUniverse.advance(DAY_MS + 1_000);
    expect(await store.compact()).toMatchObject({ kept: 1 });
    await expect(store.at(gone)).rejects.toMatchObject({ code: 'state/version-not-found' });
    expect(await store.verify()).toEqual({ ok: true, versions: 1 });
  });

  test('is the owner’s alone', async () => {
    await using testUniverse = await createTestUniverse();
    await testUniverse.universe.states.open('doc', { n: 0 });
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    const store = await ada.states.open<{ n: number }>('doc');
    for (let n = 1; n <= 3; n += 1) await store.commit((draft) => (draft.n = n));
    await expect(store.compact()).rejects.toMatchObject({ code: 'permission/denied' });
    expect(await store.verify()).toEqual({ ok: true, versions: 4 });
  });

  test('of any history keeps every state that stays, what descends from what, and the chain', async () => {
    const step = fc.record({
      branch: fc.constantFrom('main', 'side'),
      kind: fc.constantFrom('commit', 'commit', 'commit', 'merge', 'tag', 'compact' as const),
      key: fc.constantFrom('a', 'b', 'c'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.nat(3), async (steps, last) => {
        await using testUniverse = await createTestUniverse();
        const store = await testUniverse.universe.states.open('doc', {} as Record<string, number>);
        await store.createBranch('side');
        const states = new Map<string, unknown>();
        for (const [index, { branch, kind, key }] of steps.entries()) {
          if (kind === 'commit') {
            const id = await store.commit((draft) => (draft[key] = index), { branch });
            states.set(id, await store.at(id));
          } else if (kind === 'merge') {
            const source = branch === 'main' ? 'side' : 'main';
            const { versionId } = await store.merge(source, { branch, strategy: 'ours' });
            states.set(versionId, await store.at(versionId));
          } else if (kind === 'tag') await store.tag(`t${index}`, branch);
          else await store.compact({ last });
        }
        await store.compact({ last });
        const fresh = await (await testUniverse.as('owner')).states.open<Record<string, number>>('doc');
        expect((await fresh.verify()).ok).toBe(true);
        const log = [...(await fresh.log()), ...(await fresh.log({ branch: 'side' }))];
        for (const { id } of log) {
          const state = states.get(id);
          if (state !== undefined) expect(await fresh.at(id)).toEqual(state);
        }
        for (const { name, versionId } of await fresh.tags()) {
          expect(await fresh.at(name)).toEqual(states.get(versionId) ?? {});
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe('a version that is not what its hash names', () => {
  /** A version of `doc` that somebody made without going by the rules. */
  function makeBad(store: { versionId: string }, parentChain: string, more: Partial<RecordVersionOp>): RecordVersionOp {
    const dataHash = StateTree.from({ n: 1, honest: true }).hash;
    const described = { author: 'Mallory', authoredAtMicros: 1n, description: 'bad', dataHash };
    return {
      versionId: 'bad',
      store: 'doc',
      scope: '',
      parents: [store.versionId],
      dataHash,
      chainHash: chainHash({ ...described, parents: [parentChain] }),
      author: 'Mallory',
      authoredAt: makeWireTimestamp(1n),
      description: 'bad',
      metadata: '',
      metadataEncoding: '',
      delta: JSON.stringify([{ op: 'replace', path: '/n', value: 666 }] satisfies JsonPatch),
      deltaEncoding: '',
      snapshot: undefined,
      move: { branch: 'main', expectedHead: store.versionId },
      ...more,
    };
  }

  test('is never shown as the head: it is told by version and publisher, counted, and nobody builds on it', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('doc', { n: 0 });
    const { chainHash: chain } = await store.version(store.versionId);
    const mallory = await testUniverse.as('mallory', READ_AND_WRITE);
    const good = store.versionId;
    const shown: number[] = [];
    store.subscribe(({ state }) => shown.push(state.n));
    await mallory.client.commitStateVersion(makeBad(store, chain, {}));
    await testUniverse.settle();
    expect(store.state.n).toBe(0);
    expect(store.versionId).toBe(good);
    expect(shown).toEqual([]);
    const details = { versionId: 'bad', publisher: testUniverse.identityOf('mallory') };
    const told = testUniverse.takeErrors();
    expect(told).toMatchObject([{ code: 'state/corrupt-version', details }]);
    await expect(store.at('bad')).rejects.toMatchObject({ code: 'state/corrupt-version', details });
    await expect(store.commit((draft) => (draft.n = 1))).rejects.toMatchObject({ code: 'state/corrupt-version' });
    expect(store.state.n).toBe(0);
    const reader = await testUniverse.as('owner');
    await expect(reader.states.open('doc')).rejects.toMatchObject({ code: 'state/corrupt-version', details });
    expect(await store.verify()).toMatchObject({ ok: false, versionId: 'bad' });
    testUniverse.takeErrors();
  });

  test('is found where others were made on it: the first bad one is named', async () => {
    await using testUniverse = await createTestUniverse();
    const store = await testUniverse.universe.states.open('doc', { n: 0 });
    const { chainHash: chain } = await store.version(store.versionId);
    const { client } = testUniverse.universe;
    const bad = makeBad(store, chain, { move: undefined });
    await client.commitStateVersion(bad);
    const described = { author: 'Ann', authoredAtMicros: 2n, description: 'on it' };
    const dataHash = StateTree.from({ n: 2, honest: true }).hash;
    const next = {
      ...bad,
      versionId: 'next',
      parents: ['bad'],
      dataHash,
      author: 'Ann',
      description: 'on it',
      authoredAt: makeWireTimestamp(2n),
      chainHash: chainHash({ ...described, dataHash, parents: [bad.chainHash] }),
      delta: '[{"op":"replace","path":"/n","value":2}]',
    };
    await client.commitStateVersion(next);
    const details = { versionId: 'bad', publisher: client.identity };
    await expect(testUniverse.universe.states.load('next')).rejects.toMatchObject({ details });
    expect(await store.verify()).toMatchObject({ ok: false, versionId: 'bad' });
  });
});
