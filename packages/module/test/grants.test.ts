import { describe, expect, test } from 'vitest';
import { FILLED } from '../src/access/filled-tables.ts';
import type { Op } from '../src/wire/index.ts';
import { ADA, BOB, hex, OWNER, openUniverse, ops, type Outcome, type Plain, type Universe } from './universe.ts';

const DENIED = { code: 'permission/denied' };
const SECOND = 1_000_000n;

const chunk = (scope: string, bytes = 1): Op => ({
  tag: 'uploadChunk',
  value: { scope, digest: `d${bytes}`, position: 0, count: 1, bytes: new Uint8Array(bytes) },
});

async function openWith(...grants: readonly Op[]): Promise<Universe> {
  const universe = await openUniverse();
  expect(universe.apply(grants)).toBeUndefined();
  return universe;
}

describe('grant:admin', () => {
  const give = (universe: Universe, action: string, resource: string, scope = ''): Outcome =>
    universe.apply([ops.grant(BOB.identity, action, resource, scope)], ADA);

  test('limited to a scope gives grants that are limited to it', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'grant:admin', 'store:cart', 'lab'));
    expect(give(universe, 'read', 'store:cart')).toMatchObject(DENIED);
    expect(give(universe, 'read', 'store:cart', 'main')).toMatchObject(DENIED);
    expect(give(universe, 'read', 'store:cart', 'lab')).toBeUndefined();
  });

  test('of all scopes gives anything but settings, which lie in no scope', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'grant:admin', 'scope:*'));
    expect(give(universe, 'write', 'scope:lab')).toBeUndefined();
    expect(give(universe, 'read', 'event:**')).toBeUndefined();
    expect(give(universe, 'configure', 'config:guests')).toMatchObject(DENIED);
  });

  test('of a kind gives all of that kind, of a pattern that pattern alone', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'grant:admin', 'entity:*'),
      ops.grant(ADA.identity, 'grant:admin', 'event:*'),
    );
    expect(give(universe, 'read', 'entity:person')).toBeUndefined();
    expect(give(universe, 'read', 'relation:knows')).toMatchObject(DENIED);
    expect(give(universe, 'read', 'event:*')).toBeUndefined();
    expect(give(universe, 'read', 'event:**')).toMatchObject(DENIED);
    universe.apply([ops.grant(ADA.identity, 'grant:admin', 'event:**')]);
    expect(give(universe, 'read', 'event:order.*')).toBeUndefined();
  });

  test('takes back within its resource only', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'grant:admin', 'store:cart'),
      ops.grant(BOB.identity, 'read', 'store:cart'),
      ops.grant(BOB.identity, 'read', 'store:other'),
    );
    expect(universe.apply([ops.revoke(BOB.identity, 'read', 'store:other')], ADA)).toMatchObject(DENIED);
    expect(universe.apply([ops.revoke(BOB.identity, 'read', 'store:cart')], ADA)).toBeUndefined();
    expect(universe.read('read_permissions', { subject: hex(BOB.identity) }).grants).toMatchObject([
      { resource: 'store:other' },
    ]);
  });

  test('is no right to write, nor is any other that does not write', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'grant:admin', 'scope:*'),
      ops.grant(ADA.identity, 'consume', 'event:**'),
    );
    expect(universe.apply([chunk('')], ADA)).toMatchObject(DENIED);
  });
});

describe('the scope of a grant', () => {
  test('is one of its own: the same grant for two scopes is two grants', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'publish', 'event:**', 'lab'),
      ops.grant(ADA.identity, 'publish', 'event:**', 'shop'),
    );
    universe.apply([ops.revoke(ADA.identity, 'publish', 'event:**', 'shop')]);
    expect(universe.apply([ops.event('e', 'x', { scope: 'lab' })], ADA)).toBeUndefined();
    expect(universe.apply([ops.event('f', 'x', { scope: 'shop' })], ADA)).toMatchObject(DENIED);
    expect(universe.apply([chunk('lab')], ADA)).toBeUndefined();
    expect(universe.apply([chunk('shop')], ADA)).toMatchObject(DENIED);
  });

  test('holds no settings, also that of all scopes', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'configure', 'scope:*'));
    expect(universe.apply([ops.setting('guests', true)], ADA)).toMatchObject(DENIED);
  });

  test('is all that its holder learns of', async () => {
    const universe = await openWith(
      ops.event('e', 'x', { scope: 'lab' }),
      ops.grant(ADA.identity, 'read', 'event:**', 'lab'),
    );
    expect(universe.read('read_scopes', {}, ADA).scopes).toMatchObject([{ name: 'lab' }]);
    expect(universe.refusedRead('read_events', { scope: 'main' }, ADA)).toMatchObject(DENIED);
    universe.apply([ops.grant(BOB.identity, 'read', 'config:guests')]);
    expect(universe.read('read_scopes', {}, BOB).scopes).toEqual([]);
  });

  test('hides what lies elsewhere: it is refused as if it did not exist', async () => {
    const consumer = { pattern: '**', partitions: 1, startSeq: 0n, holdsTrim: false, failurePolicy: 'park' };
    const universe = await openWith(
      ops.entity('hidden'),
      ops.relation('hidden', 'hidden', 'hidden'),
      ops.version('hidden', [], { store: 'hidden', delta: undefined, move: { branch: 'main' } }),
      { tag: 'createConsumer', value: { ...consumer, name: 'hidden', scope: '' } },
      ops.grant(ADA.identity, 'write', 'scope:lab'),
      ops.grant(ADA.identity, 'consume', 'event:**', 'lab'),
    );
    const writes: readonly ((id: string) => Op)[] = [
      (id) => ops.changeEntity(id, { name: 'x' }),
      (id) => ops.dropRelation(id),
      (id) => ({ tag: 'deleteBranch', value: { store: id, name: 'main' } }),
      (id) => ({ tag: 'recordDelta', value: { versionId: id, delta: '[]', deltaEncoding: '' } }),
      (id) => ({ tag: 'deleteConsumer', value: { name: id } }),
    ];
    for (const write of writes) {
      const told = (id: string): string => JSON.stringify(universe.apply([write(id)], ADA)).replaceAll(id, '#');
      expect(told('hidden'), write('').tag).toBe(told('absent'));
    }
  });
});

describe('what a grant of one kind shows', () => {
  async function openMixed(): Promise<Universe> {
    return openWith(
      ops.event('e', 'order.placed'),
      ops.event('f', 'secret.kept'),
      ops.event('g', 'secret.told', { durability: 'ephemeral' }),
      ops.event('h', 'order.seen', { durability: 'ephemeral' }),
      ops.entity('a'),
      ops.entity('b', { entityType: 'city' }),
      ops.relation('r', 'a', 'b'),
      ops.relation('s', 'a', 'b', { relationType: 'loves' }),
      ops.version('v', [], { move: { branch: 'main' } }),
      ops.version('w', [], { store: 'other', move: { branch: 'main' } }),
      {
        tag: 'createTag',
        value: { store: 'cart', name: 't', versionId: 'v', description: '', author: '', replace: false },
      },
    );
  }
  const ids = (rows: Plain[], key = 'id'): string[] => rows.map((row) => row[key]);

  test('of events: those of its pattern, by id, in the log and in the ring, and no records', async () => {
    const universe = await openMixed();
    universe.apply([ops.grant(ADA.identity, 'read', 'event:order.**')]);
    expect(ids(universe.read('read_events', {}, ADA).events, 'eventId')).toEqual(['e']);
    expect(ids(universe.read('read_events', { ids: ['e', 'f', 'system:1'] }, ADA).events, 'eventId')).toEqual(['e']);
    const { recent } = universe.read('read_events', { scope: 'main', recentAfter: 0n }, ADA);
    expect(ids(recent, 'eventId')).toEqual(['h']);
    expect(universe.read('read_events', { kind: 'system' }, ADA).events).toEqual([]);
    expect(universe.refusedRead('read_entities', {}, ADA)).toMatchObject(DENIED);
    expect(universe.refusedRead('read_versions', {}, ADA)).toMatchObject(DENIED);
    universe.apply([ops.grant(ADA.identity, 'read', 'event:**')]);
    expect(ids(universe.read('read_events', {}, ADA).events, 'kind')).toEqual(['application', 'application']);
    expect(universe.read('read_events', { ids: ['system:1'] }, ADA).events).toEqual([]);
  });

  test('of relations: those of its type, now and in the past', async () => {
    const universe = await openMixed();
    universe.apply([ops.grant(ADA.identity, 'read', 'relation:loves')]);
    expect(ids(universe.read('read_relations', {}, ADA).relations)).toEqual(['s']);
    expect(ids(universe.read('read_relations', { ids: ['r', 's'] }, ADA).relations)).toEqual(['s']);
    expect(ids(universe.read('read_relations', { endId: 'a' }, ADA).relations)).toEqual(['s']);
    const past = universe.read('read_history', { of: 'relation' }, ADA).relations;
    expect(ids(past, 'relationId')).toEqual(['s']);
    expect(universe.read('read_history', { of: 'relation', id: 'r' }, ADA).relations).toEqual([]);
  });

  test('of a store: its versions, branches, tags and moves', async () => {
    const universe = await openMixed();
    universe.apply([ops.grant(ADA.identity, 'read', 'store:other')]);
    expect(universe.read('read_versions', { ids: ['v', 'w'] }, ADA).versions).toHaveLength(1);
    expect(universe.read('read_versions', { store: 'cart' }, ADA).versions).toEqual([]);
    expect(universe.refusedRead('read_versions', { line: 'v' }, ADA)).toMatchObject({ code: 'state/unknown-version' });
    const place = { store: 'cart', branch: 'main' };
    expect(universe.refusedRead('read_versions', place, ADA)).toMatchObject({ code: 'branch/not-found' });
    expect(universe.refusedRead('read_version_at', { ...place, time: 0n }, ADA)).toMatchObject({
      code: 'branch/not-found',
    });
    expect(universe.read('read_branch_moves', place, ADA).moves).toEqual([]);
    expect(universe.read('read_branches', { store: 'cart', name: 'main' }, ADA).branches).toEqual([]);
    expect(universe.read('read_tags', { store: 'cart' }, ADA).tags).toEqual([]);
    expect(universe.read('read_tags', { store: 'cart', name: 't' }, ADA).tags).toEqual([]);
    expect(universe.read('read_branches', {}, ADA).branches).toMatchObject([{ store: 'other' }]);
  });

  test('of writing: nothing, and what belongs to the owner stays there', async () => {
    const universe = await openMixed();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*')]);
    for (const name of ['read_audit', 'read_connections', 'read_permissions', 'read_configuration', 'read_status'])
      expect(universe.refusedRead(name, {}, ADA), name).toMatchObject(DENIED);
    expect(universe.refusedRead('read_chunk', { digest: 'd' }, ADA)).toMatchObject(DENIED);
    universe.apply([ops.grant(ADA.identity, 'read', 'scope:*')]);
    for (const name of ['read_audit', 'read_connections', 'read_permissions', 'read_configuration'])
      expect(universe.refusedRead(name, {}, ADA), name).toMatchObject(DENIED);
    expect(universe.read('read_status', {}, ADA).owner).toBe(OWNER.identity);
    universe.apply([ops.grant(ADA.identity, 'configure', 'config:*')]);
    expect(universe.read('read_configuration', {}, ADA).settings).toEqual([]);
  });
});

describe('what a grant of one kind lets change', () => {
  test('an upsert and a change of type need the right to update, for both types', async () => {
    const universe = await openWith(
      ops.entity('a'),
      ops.entity('b'),
      ops.relation('r', 'a', 'b'),
      ops.grant(ADA.identity, 'create', 'scope:main'),
    );
    const upserts = [
      ops.entity('a', { name: 'x', upsert: true }),
      ops.relation('r', 'a', 'b', { name: 'x', upsert: true }),
    ];
    for (const op of upserts)
      expect(universe.apply([op], ADA), op.tag).toMatchObject({ code: expect.stringMatching(/id-taken$/) });
    universe.apply([ops.grant(ADA.identity, 'read', 'scope:main')]);
    for (const op of upserts) expect(universe.apply([op], ADA), op.tag).toMatchObject(DENIED);
    universe.apply([
      ops.grant(ADA.identity, 'update', 'relation:knows'),
      ops.grant(ADA.identity, 'update', 'entity:city'),
    ]);
    expect(universe.apply([ops.relation('r', 'a', 'b', { name: 'x', upsert: true })], ADA)).toBeUndefined();
    expect(universe.apply([ops.changeRelation('r', { relationType: 'loves' })], ADA)).toMatchObject(DENIED);
    expect(universe.apply([ops.changeEntity('a', { entityType: 'city' })], ADA)).toMatchObject(DENIED);
  });

  test('a cascade needs the right to delete each relation', async () => {
    const universe = await openWith(
      ops.entity('a'),
      ops.entity('b'),
      ops.relation('r', 'a', 'b'),
      ops.relation('s', 'b', 'a', { relationType: 'loves' }),
      ops.grant(ADA.identity, 'delete', 'entity:*'),
      ops.grant(ADA.identity, 'delete', 'relation:knows'),
    );
    const drop = ops.dropEntity('a', { cascade: true });
    expect(universe.apply([drop], ADA)).toMatchObject(DENIED);
    expect(JSON.stringify(universe.apply([drop], ADA))).not.toContain('loves');
    expect(universe.apply([ops.dropEntity('a')], ADA)).toMatchObject({ ids: ['a', 'r'], details: { relations: 1 } });
    expect(universe.apply([ops.dropRelation('s')], ADA)).toMatchObject({ code: 'relation/not-found' });
    universe.apply([ops.grant(ADA.identity, 'read', 'relation:*')]);
    expect(universe.apply([drop], ADA)).toMatchObject({ ...DENIED, details: { resource: 'relation:loves' } });
    expect(universe.apply([ops.dropRelation('s')], ADA)).toMatchObject(DENIED);
    universe.apply([ops.grant(ADA.identity, 'delete', 'relation:loves')]);
    expect(universe.apply([drop], ADA)).toBeUndefined();
  });

  test('who may change nothing does not learn what there is', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'read', 'scope:main'));
    for (const op of [
      ops.changeEntity('n', {}),
      ops.dropEntity('n'),
      ops.changeRelation('n', {}),
      ops.dropRelation('n'),
    ])
      expect(universe.apply([op], ADA), op.tag).toMatchObject(DENIED);
    expect(universe.apply([ops.branch('main', 'v')], ADA)).toMatchObject(DENIED);
    universe.apply([ops.grant(ADA.identity, 'commit', 'store:cart')]);
    expect(universe.apply([ops.branch('main', 'v')], ADA)).toMatchObject({ code: 'state/unknown-store' });
    expect(universe.apply([ops.branch('main', 'v', undefined, 'other')], ADA)).toMatchObject(DENIED);
  });

  test('roles are the owner’s, whatever was granted', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'grant:admin', 'scope:*'),
      ops.grant('role:crew', 'write', 'scope:*'),
      { tag: 'addRoleMember', value: { role: 'crew', member: { __identity__: BOB.identity } } },
    );
    const before = universe.dump();
    for (const tag of ['addRoleMember', 'removeRoleMember'] as const) {
      const member = { __identity__: tag === 'addRoleMember' ? ADA.identity : BOB.identity };
      expect(universe.apply([{ tag, value: { role: 'crew', member } }], ADA), tag).toMatchObject(DENIED);
    }
    expect(universe.dump()).toBe(before);
  });
});

test('every change of grants, roles and settings is audited, and what changes nothing is not', async () => {
  const universe = await openUniverse();
  const member = { role: 'crew', member: { __identity__: ADA.identity } };
  universe.apply([{ tag: 'addRoleMember', value: member }, ops.setting('guests', true)]);
  universe.apply([{ tag: 'addRoleMember', value: member }, ops.setting('guests', true)]);
  universe.apply([{ tag: 'removeRoleMember', value: member }, ops.setting('guests', undefined)]);
  const subject = hex(ADA.identity);
  expect(universe.read('read_audit').entries).toMatchObject([
    { action: 'join', subject, resource: 'role:crew', position: 0 },
    { action: 'configure', resource: 'config:guests', detail: '{"value":"true"}', position: 1 },
    { action: 'leave', subject, resource: 'role:crew' },
    { action: 'configure', resource: 'config:guests', detail: '{"value":null}' },
  ]);
});

test('an entry of the audit that is larger than a page is a page of its own', async () => {
  const universe = await openUniverse();
  universe.apply([ops.setting('history', { ['"'.repeat(400_000)]: 'none' })]);
  universe.apply([ops.setting('guests', true)]);
  const first = universe.read('read_audit');
  expect(first).toMatchObject({ entries: [{ resource: 'config:history' }], more: true });
  expect(universe.read('read_audit', { cursor: first.cursor })).toMatchObject({
    entries: [{ resource: 'config:guests' }],
    more: false,
  });
});

test('a grant made again takes the new expiry, and permissions are read by subject and in pages', async () => {
  const universe = await openWith(
    ops.grant(ADA.identity, 'publish', 'event:**'),
    ops.grant(BOB.identity, 'read', 'event:**'),
    {
      tag: 'addRoleMember',
      value: { role: 'crew', member: { __identity__: BOB.identity } },
    },
  );
  const again = ops.grant(ADA.identity, 'publish', 'event:**');
  if (again.tag !== 'grant') throw new Error('no grant');
  const expiresAt = { __timestamp_micros_since_unix_epoch__: universe.time.nowMicros() + SECOND };
  universe.apply([{ tag: 'grant', value: { ...again.value, expiresAt } }]);
  universe.time.advance(SECOND);
  expect(universe.apply([ops.event('e')], ADA)).toMatchObject(DENIED);
  expect(universe.read('read_permissions', { subject: hex(BOB.identity) })).toMatchObject({
    grants: [{ action: 'read' }],
    members: [{ role: 'crew' }],
  });
  const first = universe.read('read_permissions', { limit: 2 });
  expect(first).toMatchObject({ grants: [{ action: 'read' }], members: [{ role: 'crew' }], more: true });
  const second = universe.read('read_permissions', { limit: 2, cursor: first.cursor });
  expect(second).toMatchObject({ grants: [{ action: 'publish' }], members: [], more: false });
});

describe('limits', () => {
  const publisher = ops.grant(ADA.identity, 'write', 'scope:main');

  test('of bytes count chunks too, and are refilled', async () => {
    const universe = await openWith(publisher, ops.setting('limits', { bytesPerSecond: 1_000, burstSeconds: 1 }));
    expect(universe.apply([chunk('', 900)], ADA)).toBeUndefined();
    const refusal = universe.apply([chunk('', 901)], ADA);
    expect(refusal).toMatchObject({ code: 'limit/rate', details: { opsPerSecond: null, bytesPerSecond: 1_000 } });
    universe.time.advance(BigInt(Math.ceil(Number(refusal?.details['waitSeconds']) * 1e6)));
    expect(universe.apply([chunk('', 901)], ADA)).toBeUndefined();
    for (const bytes of [902, 903]) expect(universe.apply([chunk('', bytes)])).toBeUndefined();
  });

  test('let a request through that is larger than a burst, once the bucket is full, and make the next one wait for it', async () => {
    const universe = await openWith(publisher, ops.setting('limits', { opsPerSecond: 1, burstSeconds: 2 }));
    const publish = (batch: string, count: number): Outcome =>
      universe.apply(
        Array.from({ length: count }, (_, index) => ops.event(`${batch}${index}`)),
        ADA,
      );
    expect(publish('a', 1)).toBeUndefined();
    expect(publish('b', 5)).toMatchObject({ code: 'limit/rate', details: { waitSeconds: 1 } });
    universe.time.advance(SECOND);
    expect(publish('b', 5)).toBeUndefined();
    expect(publish('c', 1)).toMatchObject({ code: 'limit/rate', details: { waitSeconds: 4 } });
    universe.time.advance(4n * SECOND);
    expect(publish('c', 1)).toBeUndefined();
  });

  test('buckets that were idle for a day are dropped', async () => {
    const universe = await openWith(publisher, ops.setting('limits', { opsPerSecond: 100 }));
    universe.apply([ops.event('e')], ADA);
    universe.time.advance(23n * 3_600n * SECOND);
    expect(universe.rows('rate_bucket')).toMatchObject([{ identity: ADA.identity, ops: 999, bytes: 0 }]);
    universe.time.advance(2n * 3_600n * SECOND);
    expect(universe.rows('rate_bucket')).toEqual([]);
  });

  test('of storage count all that requests fill, and leave the ways out open', async () => {
    const universe = await openWith(publisher, ops.entity('a'));
    const room = (rows: number): Outcome => universe.apply([ops.setting('limits', { rows })]);
    expect(room(1)).toBeUndefined();
    const full = { code: 'limit/storage' };
    const { held } = universe.apply([ops.event('e')])!.details;
    expect(universe.apply([ops.event('e')])).toMatchObject({ ...full, details: { held, rows: 1 } });
    for (const op of [ops.event('e'), chunk(''), ops.version('v'), ops.entity('b'), ops.setting('limits', {})])
      expect(universe.apply([op], ADA), op.tag).toMatchObject(full);
    expect(universe.apply([ops.grant(BOB.identity, 'read', 'scope:main')])).toMatchObject(full);
    expect(universe.apply([ops.event('k'), ops.setting('limits', {})])).toMatchObject(full);
    // Who filled it can be shut out, and it can be emptied.
    expect(universe.apply([ops.revoke(ADA.identity, 'write', 'scope:main')])).toBeUndefined();
    expect(universe.apply([{ tag: 'trimEvents', value: { upToSeq: 2n, segmentDigest: 'd' } }])).toBeUndefined();
    expect(universe.apply([ops.setting('limits', {})])).toBeUndefined();
    expect(universe.apply([ops.event('k')])).toBeUndefined();
  });

  test('of storage: each table that a request of somebody else makes grow is counted', async () => {
    const universe = await openWith(
      ops.setting('indexes', { '*': ['k'] }),
      ops.setting('history', { quiet: 'none' }),
      ops.grant(ADA.identity, 'write', 'scope:*'),
      ops.grant(ADA.identity, 'consume', 'event:**'),
      ops.grant(ADA.identity, 'grant:admin', 'scope:*'),
      ops.grant(ADA.identity, 'configure', 'config:*'),
    );
    const rows = (): Map<string, bigint> =>
      new Map(universe.read('read_status').tables.map((table: Plain) => [table.name, table.rows]));
    const before = rows();
    const consumer = { name: 'c', scope: '', pattern: '**', partitions: 1, startSeq: 0n, holdsTrim: false };
    const v = ops.version('v', [], { move: { branch: 'main' } });
    const every: Op[] = [
      ops.event('e', 'x', { scope: 'new' }),
      ops.event('f', 'x', { durability: 'ephemeral' }),
      ops.entity('a', { tags: ['t'], properties: '{"k":1}' }),
      ops.entity('q', { entityType: 'quiet' }),
      ops.relation('r', 'a', 'q'),
      v,
      ops.version('w', [v], { snapshot: { state: '{}', stateEncoding: '' } }),
      {
        tag: 'createTag',
        value: { store: 'cart', name: 't', versionId: 'v', description: '', author: '', replace: false },
      },
      chunk(''),
      ops.grant(BOB.identity, 'read', 'scope:main'),
      { tag: 'createConsumer', value: { ...consumer, failurePolicy: 'park' } },
      { tag: 'claimPartition', value: { name: 'c', partition: 0, holder: 'h', leaseMicros: SECOND } },
      { tag: 'joinConsumer', value: { name: 'c', holder: 'h', leaseMicros: SECOND } },
      {
        tag: 'parkEvent',
        value: { name: 'c', partition: 0, epoch: 1n, eventId: 'e', seq: 1n, reason: '', attempts: 1 },
      },
      ops.setting('guests', false),
    ];
    expect(universe.apply(every, ADA)).toBeUndefined();
    universe.connect(ADA);
    const grown = [...rows()].filter(([name, count]) => count > (before.get(name) ?? 0n)).map(([name]) => name);
    // One row for each scope; one for each key; those of the connections that are open.
    const elsewhere = ['head', 'config', 'client_connection'];
    const counted = FILLED.map((table) => table.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    expect(grown.filter((name) => !elsewhere.includes(name)).sort()).toEqual([...counted].sort());
  });

  test.each([{ rows: 0 }, { opsPerSecond: 0 }, { burstSeconds: 'x' }, [], null])('%j are none', async (value) => {
    const universe = await openUniverse();
    expect(universe.apply([ops.setting('limits', value)])).toMatchObject({ code: 'value/malformed' });
  });
});
