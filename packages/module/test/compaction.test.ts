import { describe, expect, test } from 'vitest';
import { ADA, OWNER, openUniverse, ops, type Plain, type Universe } from './universe.ts';

/** Versions a to f in a line, `main` at f. */
async function openLine(): Promise<Universe> {
  const universe = await openUniverse();
  const line = [ops.version('a', [], { snapshot: { state: '{}', stateEncoding: '' } })];
  for (const id of ['b', 'c', 'd', 'e', 'f']) line.push(ops.version(id, line.slice(-1)));
  expect(universe.apply([...line, ops.branch('main', 'f')])).toBeUndefined();
  return universe;
}

const idsOf = (rows: readonly Plain[]): string[] => rows.map(({ versionId }) => versionId);

describe('leaving versions out', () => {
  test('keeps what their chain hashes cover, and makes the version after them readable from the one before', async () => {
    const universe = await openLine();
    const chain = universe.rows('state_version').find(({ versionId }) => versionId === 'd').chainHash;
    expect(universe.apply([ops.compact('e', ['b', 'c', 'd'])])).toBeUndefined();
    expect(idsOf(universe.rows('state_version')).sort()).toEqual(['a', 'e', 'f']);
    expect(idsOf(universe.rows('delta_record')).sort()).toEqual(['a', 'e', 'f']);
    expect(
      universe
        .rows('version_parent')
        .map(({ versionId }) => versionId)
        .sort(),
    ).toEqual(['e', 'f']);
    const { runs } = universe.read('read_compacted_runs', { store: 'cart' });
    const header = (id: string): string[] => [`sha256-tree:${id}`, 'Ada', '1000000', `makes ${id}`];
    expect(runs).toMatchObject([{ runId: 'd', ancestor: 'a', chainHash: chain, versions: 3n }]);
    expect(JSON.parse(runs[0].headers)).toEqual([header('b'), header('c'), header('d')]);
    const { steps, snapshot } = universe.read('read_state', { versionId: 'f' });
    expect(idsOf(steps)).toEqual(['f', 'e']);
    expect(steps[1].delta).toBe('[{"op":"add","path":"/all","value":1}]');
    expect(snapshot.versionId).toBe('a');
    const line = universe.read('read_versions', { line: 'f' }).versions;
    expect(line.map(({ version, parents }: Plain) => [version.versionId, parents])).toEqual([
      ['f', ['e']],
      ['e', ['d']],
      ['a', []],
    ]);
    expect(line[1].version).toMatchObject({ deltasSinceSnapshot: 1, nearestSnapshotId: 'a' });
    expect(universe.refusedRead('read_state', { versionId: 'c' }).code).toBe('state/unknown-version');
    expect(
      universe.read('read_version_at', { store: 'cart', branch: 'main', by: 'authored', time: 1_000_000n }),
    ).toMatchObject({
      versionId: 'f',
    });
  });

  test('takes in what was left out before, on both sides', async () => {
    const universe = await openLine();
    expect(universe.apply([ops.compact('e', ['d'])])).toBeUndefined();
    expect(universe.apply([ops.compact('c', ['b'])])).toBeUndefined();
    expect(
      universe
        .rows('compacted_run')
        .map(({ runId }) => runId)
        .sort(),
    ).toEqual(['b', 'd']);
    expect(universe.apply([ops.compact('e', ['c'])])).toBeUndefined();
    const [run, ...others] = universe.rows('compacted_run');
    expect(others).toEqual([]);
    expect(run).toMatchObject({ runId: 'd', ancestor: 'a', versions: 3n });
    expect((JSON.parse(run.headers) as string[][]).map(([hash]) => hash)).toEqual([
      'sha256-tree:b',
      'sha256-tree:c',
      'sha256-tree:d',
    ]);
    expect(idsOf(universe.read('read_state', { versionId: 'f' }).steps)).toEqual(['f', 'e']);
    // What comes after is recorded as ever.
    const f = universe.rows('state_version').find(({ versionId }) => versionId === 'f');
    expect(f.chainHash).toMatch(/^sha256-chain:/);
  });

  test('takes whole states and what lies in chunks with it', async () => {
    const universe = await openUniverse();
    const digest = (name: string): string => `${name}`.padEnd(64, '0');
    const inChunks = (name: string): string => `{"bytes":300000,"count":2,"digest":"${digest(name)}"}`;
    const upload = (name: string) => [
      ops.chunk(digest(name), 262_144, { count: 2 }),
      ops.chunk(digest(name), 37_856, { count: 2, position: 1 }),
    ];
    for (const name of ['aa', 'bb', 'cc']) expect(universe.apply(upload(name))).toBeUndefined();
    const a = ops.version('a');
    const b = ops.version('b', [a], { delta: inChunks('aa'), deltaEncoding: 'chunks/1' });
    const c = ops.version('c', [b], { snapshot: { state: inChunks('bb'), stateEncoding: 'chunks/1' } });
    const d = ops.version('d', [c], { delta: inChunks('cc'), deltaEncoding: 'chunks/1' });
    expect(universe.apply([a, b, c, d, ops.branch('main', 'd')])).toBeUndefined();
    const references = (): Record<string, bigint> =>
      Object.fromEntries(universe.rows('chunk_value').map((row) => [row.digest.slice(0, 2), row.references]));
    expect(references()).toEqual({ aa: 1n, bb: 1n, cc: 1n });
    const snapshot = { state: inChunks('bb'), stateEncoding: 'chunks/1' };
    expect(universe.apply([ops.compact('d', ['b', 'c'], { snapshot })])).toBeUndefined();
    expect(references()).toEqual({ aa: 0n, bb: 1n, cc: 0n });
    expect(universe.rows('state_snapshot')).toMatchObject([{ versionId: 'd' }]);
    expect(universe.rows('state_version').at(-1)).toMatchObject({ versionId: 'd', deltasSinceSnapshot: 0 });
    universe.time.advance(2n * 86_400_000_000n);
    const timer = { scheduledId: 1n, scheduledAt: { tag: 'Time', value: 1n } };
    expect(universe.call(OWNER, 'run_maintenance', { timer })).toBeUndefined();
    expect(Object.keys(references())).toEqual(['bb']);
  });

  test('is refused for heads, tagged versions, forks, merges, roots, gaps and whoever is not the owner', async () => {
    const universe = await openLine();
    const side = ops.version('side', [ops.version('a'), ops.version('b', [ops.version('a')])].slice(1));
    expect(universe.apply([side, ops.branch('side', 'side')])).toBeUndefined();
    const tag = { store: 'cart', name: 'v1', versionId: 'd', description: '', author: '', replace: false };
    expect(universe.apply([{ tag: 'createTag', value: tag }])).toBeUndefined();
    const refusals: [string, string, string[], string?][] = [
      ['state/in-use', 'c', ['b']],
      ['state/in-use', 'e', ['d']],
      ['state/in-use', 'b', ['a']],
      ['state/in-use', 'f', ['f']],
      ['value/malformed', 'f', ['c', 'e']],
      ['value/malformed', 'e', ['c']],
      ['value/malformed', 'f', []],
      ['state/unknown-version', 'f', ['nothing']],
      ['state/unknown-version', 'nothing', ['e']],
    ];
    for (const [code, child, leftOut] of refusals) {
      expect(universe.apply([ops.compact(child, leftOut)]), `${leftOut.join()} before ${child}`).toMatchObject({
        code,
      });
    }
    expect(universe.apply([ops.compact('f', ['e'], { delta: undefined })])).toMatchObject({ code: 'state/incomplete' });
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*'), ops.grant(ADA.identity, 'read', 'scope:*')]);
    expect(universe.apply([ops.compact('f', ['e'])], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.apply([ops.prune(['e'])], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.rows('state_version')).toHaveLength(7);
    expect(universe.rows('compacted_run')).toEqual([]);
    expect(universe.apply([ops.compact('f', ['e'])])).toBeUndefined();
  });

  test('of a merged line leaves the delta of the merge as it is', async () => {
    const universe = await openUniverse();
    const a = ops.version('a');
    const b = ops.version('b', [a]);
    const c = ops.version('c', [a]);
    const d = ops.version('d', [c]);
    const merge = ops.version('m', [b, d]);
    expect(universe.apply([a, b, c, d, merge, ops.branch('main', 'm')])).toBeUndefined();
    expect(universe.apply([ops.compact('m', ['c', 'd'])])).toMatchObject({ code: 'value/malformed' });
    expect(universe.apply([ops.compact('m', ['c', 'd'], { delta: undefined })])).toBeUndefined();
    expect(idsOf(universe.read('read_state', { versionId: 'm' }).steps)).toEqual(['m', 'b', 'a']);
    expect(universe.read('read_compacted_runs', { ids: ['d', 'x'], headers: false }).runs).toMatchObject([
      { runId: 'd', ancestor: 'a', headers: '' },
    ]);
  });
});

describe('pruning versions', () => {
  test('removes what nothing leads to, and the lines before it', async () => {
    const universe = await openLine();
    const b = ops.version('b', [ops.version('a')]);
    const x = ops.version('x', [b]);
    const y = ops.version('y', [x]);
    const z = ops.version('z', [y]);
    expect(universe.apply([x, y, z])).toBeUndefined();
    expect(universe.apply([ops.compact('z', ['x', 'y'])])).toBeUndefined();
    expect(universe.rows('compacted_run')).toHaveLength(1);
    expect(universe.apply([ops.prune(['b'])])).toMatchObject({ code: 'state/in-use' });
    expect(universe.apply([ops.prune(['f'])])).toMatchObject({ code: 'state/in-use' });
    expect(universe.apply([ops.prune(['z'])])).toBeUndefined();
    expect(universe.rows('compacted_run')).toEqual([]);
    expect(idsOf(universe.rows('state_version')).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(universe.apply([ops.compact('d', ['b', 'c'])])).toBeUndefined();
  });

  test('is told in the log, and who reads a store alone sees its runs', async () => {
    const universe = await openLine();
    universe.apply([ops.grant(ADA.identity, 'read', 'store:cart')]);
    universe.apply([ops.compact('e', ['c', 'd'])]);
    const { events } = universe.read('read_events', { kind: 'system', pattern: 'VERSIONS_COMPACTED' });
    expect(events.map(({ data }: Plain) => JSON.parse(data) as unknown)).toEqual([
      { ids: ['d'], items: [{ id: 'd', store: 'cart', versions: 2 }] },
    ]);
    expect(universe.read('read_compacted_runs', { store: 'cart' }, ADA).runs).toHaveLength(1);
    expect(universe.read('read_compacted_runs', { store: 'other' }, ADA).runs).toEqual([]);
  });
});
