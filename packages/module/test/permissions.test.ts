import { describe, expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { ADA, BOB, hex, OWNER, openUniverse, ops, type Plain, type Universe } from './universe.ts';

const DAY = 86_400_000_000n;

async function openFurnished(): Promise<Universe> {
  const universe = await openUniverse();
  const refused = universe.apply([
    ops.event('e0'),
    ops.entity('a'),
    ops.entity('b'),
    ops.relation('r', 'a', 'b'),
    ops.version('v', [], { move: { branch: 'main' } }),
    ops.version('bare', [], { delta: undefined }),
    {
      tag: 'createTag',
      value: { store: 'cart', name: 'old', versionId: 'v', description: '', author: '', replace: false },
    },
    ops.grant(BOB.identity, 'publish', 'event:**'),
    { tag: 'addRoleMember', value: { role: 'crew', member: { __identity__: BOB.identity } } },
    {
      tag: 'createConsumer',
      value: {
        name: 'mail',
        scope: '',
        pattern: '**',
        partitions: 1,
        startSeq: 0n,
        holdsTrim: false,
        failurePolicy: 'park',
      },
    },
  ]);
  expect(refused).toBeUndefined();
  return universe;
}

describe('a stranger', () => {
  test('is not let in, unless guests are', async () => {
    const universe = await openFurnished();
    const before = universe.dump();
    const result = universe.connect(ADA);
    expect(result.type === 'rejected' && JSON.parse(result.message)).toMatchObject({
      code: 'connection/refused',
      ids: [hex(ADA.identity)],
    });
    expect(universe.dump()).toBe(before);
    universe.apply([ops.setting('guests', true)]);
    expect(universe.connect(ADA).type).toBe('rejected');
    universe.apply([ops.grant('role:guest', 'read', 'event:news.**')]);
    expect(universe.connect(ADA).type).toBe('accepted');
    universe.apply([ops.event('n', 'news.today')]);
    expect(universe.read('read_events', {}, ADA).events.map((row: Plain) => row.eventId)).toEqual(['n']);
  });
});

describe('grants', () => {
  test('on one scope do not reach into another', async () => {
    const universe = await openFurnished();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:lab'), ops.grant(ADA.identity, 'read', 'scope:lab')]);
    expect(universe.apply([ops.entity('n')], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(
      universe.apply([ops.entity('n', { scope: 'lab' }), ops.event('e', 'x', { scope: 'lab' })], ADA),
    ).toBeUndefined();
    expect(universe.read('read_scopes', {}, ADA).scopes.map((scope: Plain) => scope.name)).toEqual(['lab']);
    expect(universe.read('read_events', {}, ADA).events.map((row: Plain) => row.eventType)).toEqual([
      'ENTITY_CREATED',
      'x',
    ]);
    expect(universe.refusedRead('read_events', { scope: 'main' }, ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.refusedRead('read_status', {}, ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.read('read_entities', { ids: ['a', 'n'] }, ADA).entities.map((row: Plain) => row.id)).toEqual([
      'n',
    ]);
  });

  test('on a scope in which nothing was written yet find nothing there, instead of being refused', async () => {
    const universe = await openFurnished();
    const seq: bigint = universe.read('read_events').seq;
    universe.apply([ops.grant(ADA.identity, 'read', 'scope:fresh')]);
    const pages: readonly [string, object, string][] = [
      ['read_events', {}, 'events'],
      ['read_entities', {}, 'entities'],
      ['read_relations', {}, 'relations'],
      ['read_entities_at', { seq }, 'entities'],
      ['read_relations_at', { seq }, 'relations'],
      ['read_neighborhood', { ids: ['a'] }, 'relations'],
      ['read_history', { of: 'relation' }, 'relations'],
      ['read_stores', {}, 'stores'],
      ['read_versions', {}, 'versions'],
      ['read_branches', {}, 'branches'],
      ['read_tags', {}, 'tags'],
    ];
    for (const [name, args, rows] of pages) {
      expect(universe.read(name, args, ADA), name).toMatchObject({ [rows]: [], more: false });
      // Publishing and consuming are not reading.
      expect(universe.refusedRead(name, args, BOB), name).toMatchObject({ code: 'permission/denied' });
    }
    expect(universe.read('read_scopes', {}, ADA).scopes).toEqual([]);
    universe.apply([ops.entity('n', { scope: 'fresh' })]);
    expect(universe.read('read_entities', {}, ADA).entities.map((row: Plain) => row.id)).toEqual(['n']);
  });

  test('on one kind, or on a scope that they are not in, do not let look for others', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.grant(ADA.identity, 'read', 'entity:person', 'fresh'),
      ops.grant(BOB.identity, 'read', 'scope:fresh', 'lab'),
    ]);
    expect(universe.read('read_entities', {}, ADA).entities).toEqual([]);
    for (const name of ['read_events', 'read_relations', 'read_stores']) {
      expect(universe.refusedRead(name, {}, ADA), name).toMatchObject({ code: 'permission/denied' });
      expect(universe.refusedRead(name, {}, BOB), name).toMatchObject({ code: 'permission/denied' });
    }
  });

  test('on a pattern of events allow those types, in the scope named', async () => {
    const universe = await openFurnished();
    universe.apply([
      ops.grant(ADA.identity, 'publish', 'event:order.*', 'main'),
      ops.grant(ADA.identity, 'read', 'event:order.*'),
    ]);
    expect(universe.apply([ops.event('o', 'order.new')], ADA)).toBeUndefined();
    expect(universe.apply([ops.event('p', 'order.new.item')], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.apply([ops.event('q', 'order.new', { scope: 'lab' })], ADA)).toMatchObject({
      code: 'permission/denied',
    });
    const { events } = universe.read('read_events', {}, ADA);
    expect(events.map((row: Plain) => row.eventId)).toEqual(['e0', 'o']);
  });

  test('end when they expire or are revoked', async () => {
    const universe = await openFurnished();
    const expiresAt = { __timestamp_micros_since_unix_epoch__: universe.time.nowMicros() + DAY };
    const op = ops.grant(ADA.identity, 'publish', 'event:**');
    universe.apply([op.tag === 'grant' ? { tag: 'grant', value: { ...op.value, expiresAt } } : op]);
    expect(universe.apply([ops.event('one')], ADA)).toBeUndefined();
    universe.time.set(universe.time.nowMicros() + DAY);
    expect(universe.apply([ops.event('two')], ADA)).toMatchObject({ code: 'permission/denied' });
    universe.apply([op]);
    expect(universe.apply([ops.event('two')], ADA)).toBeUndefined();
    universe.apply([ops.revoke(ADA.identity, 'publish', 'event:**')]);
    expect(universe.apply([ops.event('three')], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.apply([ops.revoke(ADA.identity, 'publish', 'event:**')])).toMatchObject({
      code: 'grant/not-found',
    });
  });

  test('reach the members of a role, and leave with them', async () => {
    const universe = await openFurnished();
    const member = { role: 'team', member: { __identity__: ADA.identity } };
    universe.apply([ops.grant('role:team', 'publish', 'event:**'), { tag: 'addRoleMember', value: member }]);
    expect(universe.apply([ops.event('one')], ADA)).toBeUndefined();
    universe.apply([{ tag: 'removeRoleMember', value: member }]);
    expect(universe.apply([ops.event('two')], ADA)).toMatchObject({ code: 'permission/denied' });
  });

  test('reach the roles of a trusted issuer’s token, for its audience only', async () => {
    const universe = await openFurnished();
    universe.apply([ops.grant('role:team', 'publish', 'event:**')]);
    universe.apply([ops.setting('trusted_issuers', [{ issuer: 'https://id', audience: 'us', claim: 'groups' }])]);
    const token = { iss: 'https://id', sub: 'ada', aud: ['us'], groups: ['team', 7] };
    expect(universe.connect(ADA, JSON.stringify({ ...token, aud: 'them' })).type).toBe('rejected');
    expect(universe.connect(ADA, JSON.stringify({ ...token, iss: 'https://evil' })).type).toBe('rejected');
    expect(universe.connect(ADA, JSON.stringify({ ...token, groups: 'team' })).type).toBe('rejected');
    expect(universe.connect(ADA, JSON.stringify(token)).type).toBe('accepted');
    expect(universe.apply([ops.event('one')], ADA)).toBeUndefined();
  });

  test('can be made by a holder of grant:admin, within the resource only', async () => {
    const universe = await openFurnished();
    universe.apply([
      ops.grant(ADA.identity, 'grant:admin', 'store:cart'),
      ops.grant(BOB.identity, 'grant:admin', 'scope:lab'),
    ]);
    const give = (resource: string, scope = '', caller = ADA) =>
      universe.apply([ops.grant(BOB.identity, 'read', resource, scope)], caller);
    expect(give('store:cart')).toBeUndefined();
    expect(give('store:other')).toMatchObject({ code: 'permission/denied' });
    expect(give('scope:main')).toMatchObject({ code: 'permission/denied' });
    expect(give('scope:lab', '', BOB)).toBeUndefined();
    expect(give('event:**', 'lab', BOB)).toBeUndefined();
    expect(give('event:**', '', BOB)).toMatchObject({ code: 'permission/denied' });
    expect(give('scope:*', 'lab', BOB)).toMatchObject({ code: 'permission/denied' });
    const roles: Op = { tag: 'addRoleMember', value: { role: 'x', member: { __identity__: ADA.identity } } };
    expect(universe.apply([roles], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.read('read_permissions', { subject: hex(BOB.identity) }, ADA).grants).toMatchObject([
      { resource: 'store:cart' },
    ]);
  });

  test.each([
    ['a subject', ['nobody', 'read', 'scope:main']],
    ['a subject in capitals', ['A'.repeat(64), 'read', 'scope:main']],
    ['an action', [hex(1n), 'rule', 'scope:main']],
    ['a kind of resource', [hex(1n), 'read', 'table:head']],
    ['a resource without a kind', [hex(1n), 'read', 'main']],
    ['a pattern', [hex(1n), 'read', 'event:a..b']],
    ['a scope name', [hex(1n), 'read', 'scope:']],
  ] as const)('%s that is none is refused', async (_, [subject, action, resource]) => {
    const universe = await openFurnished();
    expect(universe.apply([ops.grant(subject, action, resource)])).toMatchObject({ code: 'value/malformed' });
  });

  test('and settings are audited with who made them', async () => {
    const universe = await openUniverse();
    universe.request('r1', [ops.grant(ADA.identity, 'read', 'scope:main'), ops.setting('guests', true)]);
    universe.apply([ops.revoke(ADA.identity, 'read', 'scope:main')]);
    const { entries } = universe.read('read_audit');
    expect(
      entries.map((entry: Plain) => [entry.action, entry.resource, entry.detail, entry.actor, entry.requestId]),
    ).toEqual([
      ['read', 'scope:main', '{"change":"grant","scope":""}', OWNER.identity, 'r1'],
      ['configure', 'config:guests', '{"value":"true"}', OWNER.identity, 'r1'],
      ['read', 'scope:main', '{"change":"revoke","scope":""}', OWNER.identity, 'request-1'],
    ]);
  });
});

describe('settings', () => {
  test.each([
    ['guests', 'yes'],
    ['history', { person: 'some' }],
    ['indexes', { person: 'email' }],
    ['limits', { opsPerSecond: -1 }],
    ['limits', { speed: 1 }],
    ['retention', { maxEvents: 'all' }],
    ['trusted_issuers', [{ issuer: 'x' }]],
    ['audit_connections', 1],
  ])('%s of a wrong form are refused', async (key, value) => {
    const universe = await openUniverse();
    expect(universe.apply([ops.setting(key, value)])).toMatchObject({ code: 'value/malformed', ids: [key] });
  });

  test('of unknown keys, and the owner’s, are refused', async () => {
    const universe = await openUniverse();
    expect(universe.apply([ops.setting('owner', 'x')])).toMatchObject({ code: 'config/unknown-key' });
    expect(universe.apply([{ tag: 'setConfiguration', value: { key: 'guests', value: '{' } }])).toMatchObject({
      code: 'value/malformed',
    });
  });

  test('go back to their defaults when they are taken away', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('history', { '*': 'none' })]);
    universe.apply([ops.entity('a'), ops.setting('history', undefined), ops.entity('b')]);
    expect(universe.rows('entity_history').map((row) => row.entityId)).toEqual(['b']);
    expect(universe.read('read_configuration').settings).toEqual([]);
  });

  test('can be made by a holder of configure, for those keys', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'configure', 'config:history')]);
    expect(universe.apply([ops.setting('history', {})], ADA)).toBeUndefined();
    expect(universe.apply([ops.setting('guests', true)], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.read('read_configuration', {}, ADA).settings.map((row: Plain) => row.key)).toEqual(['history']);
    universe.apply([ops.grant(BOB.identity, 'read', 'scope:*')]);
    expect(universe.refusedRead('read_configuration', {}, BOB)).toMatchObject({ code: 'permission/denied' });
  });

  test('limit the rate of everybody but the owner', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.grant(ADA.identity, 'publish', 'event:**'),
      ops.setting('limits', { opsPerSecond: 2, burstSeconds: 2 }),
    ]);
    const publish = (id: string, caller = ADA) => universe.apply([ops.event(id), ops.event(`${id}-2`)], caller);
    expect(publish('a')).toBeUndefined();
    expect(publish('b')).toBeUndefined();
    expect(publish('c')).toMatchObject({ code: 'limit/rate', details: { waitSeconds: 1 } });
    expect(publish('d', OWNER)).toBeUndefined();
    universe.time.advance(1_000_000n);
    expect(publish('c')).toBeUndefined();
    expect(publish('e')).toMatchObject({ code: 'limit/rate' });
  });
});
