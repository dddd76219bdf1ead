import { describe, expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { ADA, BOB, OWNER, openUniverse, ops, type Plain, type Universe } from './universe.ts';

describe('versions', () => {
  test('are recorded with delta, parents and lineage', async () => {
    const universe = await openUniverse();
    const a = ops.version('a');
    const b = ops.version('b', [a]);
    const c = ops.version('c', [a]);
    const d = ops.version('d', [c, b, a], { snapshot: { state: '{"d":1}', stateEncoding: '' } });
    expect(universe.apply([a, b, c, d, ops.version('e', [d])])).toBeUndefined();
    const { versions } = universe.read('read_versions', { store: 'cart' });
    expect(versions.map(({ version, parents }: Plain) => [version.versionId, parents])).toEqual([
      ['a', []],
      ['b', ['a']],
      ['c', ['a']],
      ['d', ['c', 'b', 'a']],
      ['e', ['d']],
    ]);
    expect(
      versions.map(({ version }: Plain) => [
        version.depth,
        version.generation,
        version.deltasSinceSnapshot,
        version.nearestSnapshotId,
      ]),
    ).toEqual([
      [1n, 1n, 1, ''],
      [2n, 2n, 2, ''],
      [2n, 2n, 2, ''],
      [3n, 3n, 0, 'd'],
      [4n, 4n, 1, 'd'],
    ]);
    expect(versions[0].version).toMatchObject({
      store: 'cart',
      scope: 'main',
      author: 'Ada',
      publisher: OWNER.identity,
      authoredAt: 1_000_000n,
      recordedAt: universe.time.nowMicros(),
      description: 'makes a',
      seq: 2n,
      bytesSinceSnapshot: 36n,
    });
    expect(versions.map(({ version }: Plain) => version.bytesSinceSnapshot)).toEqual([36n, 72n, 72n, 0n, 36n]);
    expect(versions[3].version).toMatchObject({ parentVersionId: 'c', parentCount: 3 });
    expect(universe.rows('version_parent')).toHaveLength(6);
    expect(universe.rows('delta_record')).toHaveLength(5);
    expect(universe.rows('state_snapshot')).toMatchObject([{ versionId: 'd', state: '{"d":1}', byteLength: 7n }]);
    expect(universe.read('read_stores').stores).toMatchObject([{ store: 'cart', scope: 'main' }]);
  });

  test('need a chain hash that covers parents, data hash, author, time and description', async () => {
    const universe = await openUniverse();
    const a = ops.version('a');
    universe.apply([a]);
    const good = ops.version('b', [a]);
    if (good.tag !== 'recordVersion') throw new Error('no version');
    const changes: Partial<typeof good.value>[] = [
      { parents: [] },
      { dataHash: 'sha256-tree:other' },
      { author: 'Eve' },
      { authoredAt: { __timestamp_micros_since_unix_epoch__: 2n } },
      { description: 'else' },
      { chainHash: '' },
    ];
    for (const change of changes) {
      const op: Op = { tag: 'recordVersion', value: { ...good.value, ...change } };
      expect(universe.apply([op])).toMatchObject({
        code: 'state/bad-chain-hash',
        ids: ['b'],
        details: { expected: expect.any(String) },
      });
    }
    expect(universe.apply([good])).toBeUndefined();
  });

  test('of a taken id, unknown parents, or parents of another store are refused', async () => {
    const universe = await openUniverse();
    const a = ops.version('a');
    universe.apply([a]);
    expect(universe.apply([a])).toMatchObject({ code: 'state/id-taken', ids: ['a'] });
    expect(universe.apply([ops.version('b'), ops.version('b')])).toMatchObject({ code: 'state/id-taken', op: 1 });
    expect(universe.apply([ops.version('c', [ops.version('nobody')])])).toMatchObject({
      code: 'state/unknown-parent',
      ids: ['c', 'nobody'],
    });
    expect(universe.apply([ops.version('d', [a], { store: 'other' })])).toMatchObject({
      code: 'state/unknown-parent',
      details: { store: 'other' },
    });
    expect(universe.apply([ops.version('e', [], { scope: 'lab' })])).toMatchObject({
      code: 'scope/mismatch',
      ids: ['cart'],
    });
    expect(
      universe.apply([
        ops.version(
          'most',
          Array.from({ length: 256 }, () => a),
        ),
      ]),
    ).toBeUndefined();
    const many = Array.from({ length: 257 }, () => a);
    expect(universe.apply([ops.version('f', many)])).toMatchObject({ code: 'value/too-large' });
  });

  test.each([
    ['no array', '{}'],
    ['no JSON', '['],
    ['an unknown operation', '[{"op":"frob","path":""}]'],
    ['a path without slash', '[{"op":"remove","path":"x"}]'],
    ['an add without value', '[{"op":"add","path":"/x"}]'],
    ['a move without from', '[{"op":"move","path":"/x"}]'],
    ['a move from a path without slash', '[{"op":"move","path":"/x","from":"y"}]'],
    ['an operation that is no object', '[null]'],
    ['a long text that is not closed', `["${'x'.repeat(70_000)}"`],
    ['a long text that is no array', `{"x":"${'x'.repeat(70_000)}"}`],
  ])('a delta that is %s is refused', async (_, delta) => {
    const universe = await openUniverse();
    const before = universe.dump();
    expect(universe.apply([ops.version('a', [], { delta })])).toMatchObject({ code: 'value/malformed' });
    expect(universe.dump()).toBe(before);
  });

  test('accept every operation of RFC 6902', async () => {
    const universe = await openUniverse();
    const delta = JSON.stringify([
      { op: 'add', path: '', value: null },
      { op: 'remove', path: '/a' },
      { op: 'replace', path: '/a', value: 1 },
      { op: 'move', path: '/a', from: '/b' },
      { op: 'copy', path: '/a', from: '' },
      { op: 'test', path: '/a', value: false },
    ]);
    expect(universe.apply([ops.version('a', [], { delta })])).toBeUndefined();
  });

  test('may get their delta and snapshot later, once', async () => {
    const universe = await openUniverse();
    universe.apply([ops.version('a', [], { delta: undefined })]);
    expect(universe.refusedRead('read_state', { versionId: 'a' })).toMatchObject({
      code: 'state/incomplete',
      ids: ['a'],
    });
    const delta = (text: string): Op => ({
      tag: 'recordDelta',
      value: { versionId: 'a', delta: text, deltaEncoding: '' },
    });
    expect(universe.apply([delta('[]')])).toBeUndefined();
    expect(universe.apply([delta('[]')])).toBeUndefined();
    expect(universe.apply([delta('[{"op":"remove","path":""}]')])).toMatchObject({ code: 'state/delta-taken' });
    expect(
      universe.apply([{ tag: 'recordDelta', value: { versionId: 'a', delta: '[]', deltaEncoding: 'sealed/1' } }]),
    ).toMatchObject({ code: 'state/delta-taken' });
    const snapshot = (state: string): Op => ({
      tag: 'recordSnapshot',
      value: { versionId: 'a', state, stateEncoding: '' },
    });
    expect(universe.apply([snapshot('{"x":1}')])).toBeUndefined();
    expect(universe.apply([snapshot('{"x":2}')])).toBeUndefined();
    expect(universe.read('read_state', { versionId: 'a' })).toMatchObject({
      steps: [],
      snapshot: { state: '{"x":1}' },
    });
    expect(universe.rows('state_version')).toMatchObject([{ nearestSnapshotId: 'a', deltasSinceSnapshot: 0 }]);
    expect(
      universe.apply([{ tag: 'recordDelta', value: { versionId: 'nobody', delta: '[]', deltaEncoding: '' } }]),
    ).toMatchObject({
      code: 'state/unknown-version',
    });
  });
});

test('a snapshot counts for the versions that follow it in the same request', async () => {
  const universe = await openUniverse();
  const a = ops.version('a');
  const snapshot: Op = { tag: 'recordSnapshot', value: { versionId: 'a', state: '{}', stateEncoding: '' } };
  expect(universe.apply([a, ops.version('b', [a]), snapshot, ops.version('c', [a])])).toBeUndefined();
  expect(universe.read('read_versions', { ids: ['b', 'c'] }).versions).toMatchObject([
    { version: { nearestSnapshotId: '', deltasSinceSnapshot: 2 } },
    { version: { nearestSnapshotId: 'a', deltasSinceSnapshot: 1 } },
  ]);
});

test('deltas and snapshots are refused that are too large, no JSON, or not wholly uploaded', async () => {
  const universe = await openUniverse();
  const lying = { delta: '{"bytes":9,"count":1,"digest":"d"}', deltaEncoding: 'chunks/1' };
  const state = (text: string, stateEncoding = ''): Op =>
    ops.version('v', [], { snapshot: { state: text, stateEncoding } });
  const large = `["${'x'.repeat(262_144)}"]`;
  for (const [op, code] of [
    [ops.version('v', [], { delta: large }), 'value/too-large'],
    [ops.version('v', [], lying), 'chunk/missing'],
    [state(large), 'value/too-large'],
    [state('{'), 'value/malformed'],
    [state(lying.delta, 'chunks/1'), 'chunk/missing'],
    [ops.version('v', [], { metadata: lying.delta, metadataEncoding: 'chunks/1' }), 'chunk/missing'],
    [ops.version('v', [], { metadata: '[]' }), 'value/malformed'],
  ] as const)
    expect(universe.apply([op])).toMatchObject({ code });
  expect(universe.apply([ops.chunk('d', 9), ops.version('v', [], lying)])).toBeUndefined();
  expect(universe.rows('delta_record')).toMatchObject([{ byteLength: 9n }]);
});

describe('branches', () => {
  test('move with the version, by compare-and-set', async () => {
    const universe = await openUniverse();
    const a = ops.version('a', [], { move: { branch: 'main' } });
    universe.apply([a]);
    const mine = ops.version('b', [a], { move: { branch: 'main', expectedHead: 'a' } });
    const yours = ops.version('c', [a], { move: { branch: 'main', expectedHead: 'a' } });
    expect(universe.apply([mine])).toBeUndefined();
    const before = universe.dump();
    expect(universe.apply([ops.event('e'), yours])).toMatchObject({
      code: 'state/version-conflict',
      op: 1,
      ids: ['b'],
      details: { store: 'cart', branch: 'main', head: 'b', expectedHead: 'a' },
    });
    expect(universe.dump()).toBe(before);
    expect(universe.apply([ops.version('x', [], { move: { branch: 'main' } })])).toMatchObject({
      code: 'state/version-conflict',
      details: { head: 'b', expectedHead: null },
    });
    expect(universe.apply([ops.version('x', [], { move: { branch: 'new', expectedHead: 'a' } })])).toMatchObject({
      code: 'state/version-conflict',
      ids: [],
      details: { head: null, expectedHead: 'a' },
    });
  });

  test('can be made, moved and deleted on their own, and every move is kept', async () => {
    const universe = await openUniverse();
    const a = ops.version('a');
    universe.apply([a, ops.version('b', [a])]);
    universe.apply([ops.branch('main', 'a')]);
    universe.time.advance(1_000_000n);
    universe.apply([ops.branch('main', 'b', 'a'), ops.branch('main', 'a', 'b')]);
    expect(universe.apply([ops.branch('main', 'nobody', 'a')])).toMatchObject({ code: 'state/unknown-version' });
    expect(universe.apply([ops.branch('main', 'a', 'a', 'nowhere')])).toMatchObject({ code: 'state/unknown-store' });
    universe.apply([ops.version('x', [], { store: 'other', scope: 'lab' })]);
    expect(universe.apply([ops.branch('main', 'x', 'a')])).toMatchObject({
      code: 'state/unknown-version',
      ids: ['x'],
      details: { store: 'cart' },
    });
    expect(universe.apply([ops.branch('main', 'a', undefined)])).toMatchObject({ code: 'state/version-conflict' });
    expect(universe.read('read_branches').branches).toMatchObject([
      { createdAt: universe.time.nowMicros() - 1_000_000n, updatedAt: universe.time.nowMicros() },
    ]);
    for (const filter of [{}, { store: 'cart' }, { store: 'cart', name: 'main' }])
      expect(universe.read('read_branches', { ...filter, scope: 'lab' }).branches).toEqual([]);
    const seq = universe.rows('log_head')[0]!.nextSeq;
    expect(universe.apply([ops.branch('main', 'a', 'a')])).toBeUndefined();
    expect(universe.rows('log_head')[0]!.nextSeq).toBe(seq);
    expect(universe.read('read_branches', { store: 'cart' }).branches).toMatchObject([{ name: 'main', head: 'a' }]);
    expect(universe.read('read_branches', { store: 'cart', name: 'main' }).branches).toHaveLength(1);
    expect(universe.read('read_branches', { store: 'cart', name: 'none' }).branches).toEqual([]);
    const drop = (expectedHead?: string): Op => ({
      tag: 'deleteBranch',
      value: { store: 'cart', name: 'main', expectedHead },
    });
    expect(universe.apply([drop('b')])).toMatchObject({ code: 'state/version-conflict', details: { head: 'a' } });
    expect(universe.apply([drop()])).toBeUndefined();
    expect(universe.apply([drop()])).toMatchObject({ code: 'branch/not-found' });
    const { moves } = universe.read('read_branch_moves', { store: 'cart', branch: 'main' });
    expect(moves.map((move: Plain) => [move.fromHead, move.toHead])).toEqual([
      ['', 'a'],
      ['a', 'b'],
      ['b', 'a'],
      ['a', ''],
    ]);
  });

  test('tell where they were at a recorded time, and what was last authored by a time', async () => {
    const universe = await openUniverse();
    const start = universe.time.nowMicros();
    const versions: Op[] = [];
    for (let index = 0; index < 6; index += 1) {
      universe.time.set(start + BigInt(index) * 1_000n);
      const parents = versions.slice(-1);
      const previous = index === 0 ? {} : { expectedHead: `v${index - 1}` };
      const authoredAt = { __timestamp_micros_since_unix_epoch__: BigInt(index) * 10n };
      versions.push(ops.version(`v${index}`, parents, { authoredAt, move: { branch: 'main', ...previous } }));
      universe.apply(versions.slice(-1));
      universe.apply(Array.from({ length: 100 }, (_, noise) => ops.event(`e${index}-${noise}`)));
    }
    const at = (time: bigint, by = 'recorded'): unknown =>
      universe.read('read_version_at', { store: 'cart', branch: 'main', time, by }).versionId;
    expect(at(start + 2_500n)).toBe('v2');
    expect(at(start + 9_000n)).toBe('v5');
    expect(at(start + 3_000n)).toBe('v3');
    expect(at(start + 2_999n)).toBe('v2');
    expect(at(30n, 'authored')).toBe('v3');
    expect(at(start - 1n)).toBeUndefined();
    expect(at(35n, 'authored')).toBe('v3');
    expect(at(-1n, 'authored')).toBeUndefined();
    expect(universe.refusedRead('read_version_at', { store: 'cart', branch: 'none', time: 0n })).toMatchObject({
      code: 'branch/not-found',
    });
    expect(
      universe.refusedRead('read_version_at', { store: 'cart', branch: 'main', time: 0n, by: 'guess' }),
    ).toMatchObject({ code: 'value/malformed' });
    universe.time.set(start + 6_000n);
    universe.apply([{ tag: 'deleteBranch', value: { store: 'cart', name: 'main' } }]);
    universe.apply([ops.branch('main', 'v0')]);
    expect(at(start + 5_500n)).toBe('v5');
    universe.time.set(start + 7_000n);
    universe.apply([{ tag: 'deleteBranch', value: { store: 'cart', name: 'main' } }]);
    universe.time.set(start + 8_000n);
    universe.apply([ops.branch('main', 'v1')]);
    expect(at(start + 7_500n)).toBeUndefined();
    expect(at(start + 8_000n)).toBe('v1');
  });
});

test('tags name versions, and move only when told to', async () => {
  const universe = await openUniverse();
  const a = ops.version('a');
  universe.apply([a, ops.version('b', [a])]);
  const tag = (versionId: string, replace = false): Op => ({
    tag: 'createTag',
    value: { store: 'cart', name: 'release', versionId, description: 'd', author: 'me', replace },
  });
  expect(universe.apply([tag('a')])).toBeUndefined();
  expect(universe.apply([tag('a')])).toBeUndefined();
  expect(universe.apply([tag('b')])).toMatchObject({ code: 'tag/exists', ids: ['release', 'a'] });
  expect(universe.apply([tag('nobody')])).toMatchObject({ code: 'state/unknown-version' });
  universe.apply([ops.version('x', [], { store: 'other' })]);
  expect(universe.apply([tag('x', true)])).toMatchObject({ code: 'state/unknown-version' });
  expect(universe.read('read_tags', { store: 'cart', scope: 'lab' }).tags).toEqual([]);
  expect(universe.apply([tag('b', true)])).toBeUndefined();
  expect(universe.read('read_tags', { store: 'cart' }).tags).toMatchObject([
    { name: 'release', versionId: 'b', description: 'd' },
  ]);
  expect(universe.read('read_tags', { store: 'cart', name: 'release' }).tags).toHaveLength(1);
  const drop: Op = { tag: 'deleteTag', value: { store: 'cart', name: 'release' } };
  expect(universe.apply([drop])).toBeUndefined();
  expect(universe.apply([drop])).toMatchObject({ code: 'tag/not-found' });
});

describe('reading states', () => {
  async function openLine(length: number, more: (index: number) => object = () => ({})): Promise<Universe> {
    const universe = await openUniverse();
    const line: Op[] = [];
    for (let index = 0; index < length; index += 1) line.push(ops.version(`v${index}`, line.slice(-1), more(index)));
    for (let at = 0; at < length; at += 200) expect(universe.apply(line.slice(at, at + 200))).toBeUndefined();
    return universe;
  }

  test('goes back to the nearest snapshot', async () => {
    const universe = await openLine(6, (index) =>
      index === 2 ? { snapshot: { state: '{"at":2}', stateEncoding: '' } } : {},
    );
    const page = universe.read('read_state', { versionId: 'v5' });
    expect(page.steps.map((step: Plain) => step.versionId)).toEqual(['v5', 'v4', 'v3']);
    expect(page).toMatchObject({
      store: 'cart',
      continueFrom: '',
      snapshot: { versionId: 'v2', state: '{"at":2}', dataHash: 'sha256-tree:v2' },
    });
    const root = universe.read('read_state', { versionId: 'v1' });
    expect(root.steps.map((step: Plain) => [step.versionId, step.parentVersionId])).toEqual([
      ['v1', 'v0'],
      ['v0', ''],
    ]);
    expect(root).toMatchObject({ snapshot: undefined, continueFrom: '' });
  });

  test('takes as many pages as it needs', async () => {
    const universe = await openLine(1_300);
    const found: string[] = [];
    let versionId = 'v1299';
    for (let pages = 0; versionId !== '' && pages < 20; pages += 1) {
      const page = universe.read('read_state', { versionId });
      expect(page.steps.length).toBeLessThanOrEqual(1_000);
      found.push(...page.steps.map((step: Plain) => step.versionId));
      versionId = page.continueFrom;
    }
    expect(found).toEqual(Array.from({ length: 1_300 }, (_, index) => `v${1_299 - index}`));
  });

  test('a time is looked for along a line in bounded steps', async () => {
    const universe = await openLine(5_002);
    universe.apply([ops.branch('main', 'v5001')]);
    const at = (cursor: string): Plain =>
      universe.read('read_version_at', { store: 'cart', branch: 'main', time: 0n, by: 'authored', cursor });
    expect(at('')).toEqual({ versionId: undefined, cursor: 'v1', more: true });
    expect(at('v1')).toEqual({ versionId: undefined, cursor: '', more: false });
  });

  test('a line is read from a version or a branch, newest first, by pages', async () => {
    const universe = await openLine(25);
    universe.apply([ops.branch('main', 'v20')]);
    const read = (args: object): { ids: string[]; cursor: string; more: boolean } => {
      const { versions, cursor, more } = universe.read('read_versions', args);
      return { ids: versions.map(({ version }: Plain) => version.versionId), cursor, more };
    };
    const first = read({ store: 'cart', branch: 'main', limit: 15 });
    expect(first).toMatchObject({ cursor: 'v5', more: true });
    const second = read({ store: 'cart', branch: 'main', limit: 15, cursor: first.cursor });
    expect(second).toMatchObject({ cursor: '', more: false });
    expect([...first.ids, ...second.ids]).toEqual(Array.from({ length: 21 }, (_, index) => `v${20 - index}`));
    expect(read({ line: 'v2' }).ids).toEqual(['v2', 'v1', 'v0']);
    expect(read({ ids: ['v3', 'nobody', 'v1'] }).ids).toEqual(['v3', 'v1']);
    expect(read({ store: 'cart', descending: true, limit: 2 }).ids).toEqual(['v24', 'v23']);
    expect(read({ descending: true }).ids).toHaveLength(25);
    expect(universe.refusedRead('read_versions', { line: 'nobody' })).toMatchObject({ code: 'state/unknown-version' });
  });

  test('a store in both directions gives the same versions, whatever the pages', async () => {
    const universe = await openLine(450);
    for (const descending of [false, true]) {
      const found: string[] = [];
      let cursor = '';
      for (let more = true, pages = 0; more && pages < 100; pages += 1) {
        const page = universe.read('read_versions', { store: 'cart', descending, cursor, limit: 37 });
        found.push(...page.versions.map(({ version }: Plain) => version.versionId));
        ({ cursor, more } = page);
      }
      const all = Array.from({ length: 450 }, (_, index) => `v${index}`);
      expect(found).toEqual(descending ? all.reverse() : all);
    }
  });
});

test('a grant for one store shows and lets write that store only', async () => {
  const universe = await openUniverse();
  universe.apply([
    ops.version('a'),
    ops.version('x', [], { store: 'other' }),
    ops.branch('main', 'a'),
    ops.branch('main', 'x', undefined, 'other'),
  ]);
  universe.apply([ops.grant(ADA.identity, 'read', 'store:cart'), ops.grant(BOB.identity, 'commit', 'store:other')]);
  expect(universe.read('read_versions', {}, ADA).versions.map(({ version }: Plain) => version.versionId)).toEqual([
    'a',
  ]);
  expect(universe.read('read_branches', {}, ADA).branches.map((row: Plain) => row.store)).toEqual(['cart']);
  expect(universe.read('read_stores', {}, ADA).stores.map((row: Plain) => row.store)).toEqual(['cart']);
  expect(universe.refusedRead('read_state', { versionId: 'x' }, ADA)).toMatchObject({ code: 'state/unknown-version' });
  expect(universe.read('read_branch_moves', { store: 'other', branch: 'main' }, ADA).moves).toEqual([]);
  expect(universe.apply([ops.version('b', [ops.version('a')])], ADA)).toMatchObject({ code: 'permission/denied' });
  expect(
    universe.apply([ops.version('y', [ops.version('x', [], { store: 'other' })], { store: 'other' })], BOB),
  ).toBeUndefined();
  expect(universe.apply([ops.branch('main', 'a', 'a')], BOB)).toMatchObject({ code: 'permission/denied' });
  expect(
    universe.apply([{ tag: 'recordDelta', value: { versionId: 'a', delta: '[]', deltaEncoding: '' } }], BOB),
  ).toMatchObject({ code: 'permission/denied' });
});
