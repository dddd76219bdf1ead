import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../host/src/database/calls.ts';
import type { Op, Refusal } from '../src/wire/index.ts';
import { HOLDERS, matrixPage, OPS, PROCEDURES, REDUCERS, type Holder, type HolderName } from './matrix.ts';
import { BOB, hex, openUniverse, OWNER, ops, type Plain, type Universe } from './universe.ts';

const SECOND = 1_000_000n;
const CHUNK = 'digest';
const NAMES = Object.keys(HOLDERS) as HolderName[];

const tagOp = (name: string): Op => {
  return {
    tag: 'createTag',
    value: { store: 'cart', name, versionId: 'v', description: '', author: '', replace: false },
  };
};
const consumerOp = (name: string): Op => {
  const value = { name, scope: '', pattern: '**', partitions: 1, startSeq: 0n, holdsTrim: false };
  return { tag: 'createConsumer', value: { ...value, failurePolicy: 'park' } };
};
const member = (role: string): { role: string; member: { __identity__: bigint } } => {
  return { role, member: { __identity__: BOB.identity } };
};

/** One op of every kind; each succeeds for whoever may do it, after those of its list that the same caller may do. */
function everyOp(): Op[] {
  const partition = { name: 'mail', partition: 0, epoch: 1n };
  return [
    ops.event('e'),
    ops.entity('n'),
    ops.changeEntity('a', { name: 'x' }),
    ops.relation('s', 'a', 'b'),
    ops.changeRelation('r', { name: 'x' }),
    ops.dropRelation('r'),
    ops.dropEntity('c', { cascade: true }),
    ops.version('w'),
    { tag: 'recordDelta', value: { versionId: 'bare', delta: '[]', deltaEncoding: '' } },
    { tag: 'recordSnapshot', value: { versionId: 'v', state: '{}', stateEncoding: '' } },
    ops.branch('other', 'v'),
    { tag: 'deleteBranch', value: { store: 'cart', name: 'old' } },
    tagOp('new'),
    { tag: 'deleteTag', value: { store: 'cart', name: 'old' } },
    ops.chunk('d', 1),
    ops.setting('retention', { maxEvents: 5 }),
    ops.grant(BOB.identity, 'read', 'scope:main'),
    ops.revoke(BOB.identity, 'publish', 'event:**'),
    { tag: 'addRoleMember', value: member('team') },
    { tag: 'removeRoleMember', value: member('crew') },
    consumerOp('new'),
    { tag: 'claimPartition', value: { name: 'mail', partition: 0, holder: 'h', leaseMicros: SECOND } },
    { tag: 'advancePartition', value: { ...partition, from: 0n, to: 1n } },
    { tag: 'parkEvent', value: { ...partition, eventId: 'e0', seq: 1n, reason: '', attempts: 1 } },
    { tag: 'retryDeadLetter', value: { name: 'mail', eventId: 'e0' } },
    { tag: 'discardDeadLetter', value: { name: 'mail', eventId: 'e0' } },
    { tag: 'releasePartition', value: partition },
    { tag: 'joinConsumer', value: { name: 'mail', holder: 'h', leaseMicros: SECOND } },
    { tag: 'leaveConsumer', value: { name: 'mail', holder: 'h' } },
    { tag: 'seekConsumer', value: { name: 'mail', partition: undefined, toSeq: 0n } },
    { tag: 'deleteConsumer', value: { name: 'mail' } },
    ops.compact('five', ['four']),
    ops.prune(['stray']),
    ops.pruneHistory(1n),
    { tag: 'afterRequest', value: { requestId: 'earlier' } },
    { tag: 'trimEvents', value: { upToSeq: 1n, segmentDigest: 'd' } },
  ];
}

/** A universe with something of everything in `main`, and the identity that a column of the matrix is about. */
async function openFor(name: HolderName): Promise<{ universe: Universe; caller: Caller; granted: bigint }> {
  const universe = await openUniverse();
  const caller = name === 'owner' ? OWNER : { identity: 0xca11e4n, connectionId: 9n };
  const must = (list: readonly Op[]): void => expect(universe.apply(list)).toBeUndefined();
  const v = ops.version('v', [], { move: { branch: 'old' } });
  const two = ops.version('two', [v]);
  const three = ops.version('three', [two]);
  const four = ops.version('four', [three]);
  must([ops.event('e0'), ops.entity('a'), ops.entity('b'), ops.entity('c'), ops.relation('r', 'a', 'b')]);
  must([v, two, three, four, ops.version('five', [four], { move: { branch: 'main' } })]);
  must([
    ops.version('bare', [], { delta: undefined }),
    ops.version('stray'),
    tagOp('old'),
    ops.compact('three', ['two']),
  ]);
  must([ops.chunk(CHUNK, 3), consumerOp('mail'), ops.setting('audit_connections', false)]);
  must([{ tag: 'joinConsumer', value: { name: 'mail', holder: 'w', leaseMicros: 3_600n * SECOND } }]);
  must([ops.grant(BOB.identity, 'publish', 'event:**'), { tag: 'addRoleMember', value: member('crew') }]);
  const { grants }: Holder = HOLDERS[name];
  must(grants.map(([action, resource, scope]) => ops.grant(caller.identity, action, resource, scope)));
  const held = { role: 'scribe', member: { __identity__: caller.identity } };
  if (name === 'member') must([ops.grant('role:scribe', 'write', 'scope:main'), { tag: 'addRoleMember', value: held }]);
  if (name === 'guest') must([ops.grant('role:guest', 'read', 'event:news.**'), ops.setting('guests', true)]);
  if (name === 'expired') {
    const end = { __timestamp_micros_since_unix_epoch__: universe.time.nowMicros() + SECOND };
    for (const action of ['read', 'write']) {
      const op = ops.grant(caller.identity, action, 'scope:*');
      if (op.tag === 'grant') must([{ tag: 'grant', value: { ...op.value, expiresAt: end } }]);
    }
    universe.time.advance(SECOND);
  }
  universe.connect(OWNER);
  const granted = universe.read('read_scopes').seq;
  must([ops.changeEntity('a', { description: 'later' }), ops.changeRelation('r', { description: 'later' })]);
  // Whoever may do nothing is refused.
  universe.request('earlier', [], { caller });
  return { universe, caller, granted };
}

/** What is a refusal for want of a right: to whom it may not be known, what is there does not exist. */
function expectRefusal(refusal: Refusal | undefined, what: string): void {
  expect(refusal?.code, what).toMatch(/^permission\/denied$|\/not-found$|^state\/unknown-/);
}

describe.each(NAMES)('what the matrix says of %s is so:', (name) => {
  const may = (allowed: readonly HolderName[]): boolean => name === 'owner' || allowed.includes(name);

  test('each op of apply', async () => {
    const { universe, caller } = await openFor(name);
    for (const op of everyOp()) {
      const before = universe.dump();
      const refusal = universe.apply([op], caller);
      if (may(OPS[op.tag])) expect(refusal, op.tag).toBeUndefined();
      else {
        expectRefusal(refusal, op.tag);
        expect(universe.dump(), op.tag).toBe(before);
      }
    }
  });

  test('each reducer', async () => {
    const { universe, caller } = await openFor(name);
    const all = everyOp();
    const place = (reducer: string): number => all.findIndex(({ tag }) => tag === REDUCERS[reducer]);
    for (const reducer of callable(universe).sort((one, other) => place(one) - place(other))) {
      const tag = REDUCERS[reducer] ?? null;
      const op = all[place(reducer)]?.value;
      const request = { requestId: `by-${reducer}`, issuedAt: universe.time.nowMicros() };
      const before = universe.dump();
      const refusal = universe.call(caller, reducer, { ...request, op, ops: [], settings: [op], to: 1, cursor: '' });
      if (may(tag === null ? [] : OPS[tag])) expect(refusal, reducer).toBeUndefined();
      else {
        expectRefusal(refusal, reducer);
        expect(universe.dump(), reducer).toBe(before);
      }
    }
  });

  test('each procedure', async () => {
    const { universe, caller, granted } = await openFor(name);
    const before = universe.dump();
    for (const { name: procedure } of universe.database.def.procedures) {
      const { args, holds } = READS[procedure]!;
      let given: boolean;
      try {
        given = holds(universe.read(procedure, { afterSeq: granted, ...args }, caller));
      } catch (error) {
        if (!(error instanceof Error && 'refusal' in error)) throw error;
        expectRefusal(error.refusal as Refusal, procedure); // what `read` throws
        given = false;
      }
      expect(given, procedure).toBe(may(PROCEDURES[procedure]!));
    }
    expect(universe.dump()).toBe(before);
  });
});

test('the matrix has a row for every op, reducer and procedure there is, and none else', async () => {
  const universe = await openUniverse();
  const apply = universe.database.def.reducers.find(({ name }) => name === 'apply')!;
  const list = apply.params.find(({ name }) => name === 'ops')!.algebraicType;
  const variants = list.type === 'array' && list.element.type === 'sum' ? list.element.variants : [];
  expect(Object.keys(OPS).sort()).toEqual(variants.map(({ name }) => name).sort());
  expect(
    everyOp()
      .map(({ tag }) => tag)
      .sort(),
  ).toEqual(Object.keys(OPS).sort());
  expect(Object.keys(REDUCERS).sort()).toEqual(callable(universe).sort());
  const procedures = universe.database.def.procedures.map(({ name }) => name).sort();
  expect(Object.keys(PROCEDURES).sort()).toEqual(procedures);
  expect(Object.keys(READS).sort()).toEqual(procedures);
});

test('docs/permissions.md is the matrix (UPDATE=1 writes it)', async () => {
  const file = new URL('../../../docs/permissions.md', import.meta.url);
  if (process.env['UPDATE'] === '1') await writeFile(file, matrixPage());
  expect(squeeze(await readFile(file, 'utf8'))).toBe(squeeze(matrixPage()));
});

/** The text without what formatting adds to tables. */
function squeeze(text: string): string {
  return text.replace(/:?-+:?/g, '-').replaceAll(/ +/g, ' ');
}

/** The reducers that clients may call, but for `apply`. */
function callable(universe: Universe): string[] {
  return universe.database.def.reducers
    .filter(({ lifecycle, visibility }) => lifecycle === undefined && visibility === 'client-callable')
    .map(({ name }) => name)
    .filter((name) => name !== 'apply');
}

interface Reading {
  readonly args: object;
  /** Whether a result gives what there is in `main`. */
  readonly holds: (result: Plain) => boolean;
}

const has =
  (...lists: readonly string[]) =>
  (result: Plain): boolean =>
    lists.some((list) => result[list].length > 0);
const NOW = 1n << 60n;

const READS: Readonly<Record<string, Reading>> = {
  read_audit: { args: {}, holds: has('entries') },
  read_branch_moves: { args: { store: 'cart', branch: 'main' }, holds: has('moves') },
  read_branches: { args: { scope: 'main' }, holds: has('branches') },
  read_chunk: { args: { digest: CHUNK }, holds: has('pieces') },
  read_compacted_runs: { args: { store: 'cart' }, holds: has('runs') },
  read_configuration: { args: {}, holds: has('settings') },
  read_connections: { args: {}, holds: has('connections') },
  read_consumer_lag: { args: { name: 'mail', afterSeqs: [0n] }, holds: has('counts') },
  read_consumer_workers: { args: { name: 'mail' }, holds: has('workers') },
  read_consumers: { args: {}, holds: has('consumers', 'partitions') },
  read_entities: { args: {}, holds: has('entities') },
  read_entities_at: { args: { seq: 4n }, holds: has('entities') },
  read_events: {
    args: { recentAfter: undefined, kind: 'application', afterSeq: 0n },
    holds: ({ events }) => events.some((row: Plain) => row.eventId === 'e0'),
  },
  // Since the caller has its rights: it is not told over a change of them.
  read_graph_changes: { args: {}, holds: has('entities', 'relations') },
  read_history: { args: {}, holds: has('entities') },
  read_history_bound: { args: {}, holds: ({ done }) => done },
  read_migrations: { args: {}, holds: ({ codeVersion }) => codeVersion > 0 },
  read_moment: { args: { time: NOW }, holds: ({ seq }) => seq > 0n },
  read_neighborhood: { args: { ids: ['a'] }, holds: has('relations') },
  read_permissions: { args: { subject: hex(BOB.identity) }, holds: has('grants') },
  read_relations: { args: {}, holds: has('relations') },
  read_relations_at: { args: { seq: 4n }, holds: has('relations') },
  read_request: { args: { requestId: 'request-1' }, holds: ({ applied }) => applied },
  read_scope_page: { args: {}, holds: ({ scopes }) => scopes.some((scope: Plain) => scope.name === 'main') },
  read_scopes: { args: {}, holds: ({ scopes }) => scopes.some((scope: Plain) => scope.name === 'main') },
  read_state: { args: { versionId: 'v' }, holds: has('steps') },
  read_status: { args: {}, holds: ({ events }) => events > 0n },
  read_stores: { args: {}, holds: has('stores') },
  read_tags: { args: {}, holds: has('tags') },
  read_version_at: {
    args: { store: 'cart', branch: 'main', time: NOW },
    holds: ({ versionId }) => versionId !== undefined,
  },
  read_versions: { args: { store: 'cart' }, holds: has('versions') },
};
