import { describe, expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { ADA, BOB, hex, OWNER, openUniverse, ops, type Plain, type Universe } from './universe.ts';

const DAY = 86_400_000_000n;

/** One op of every kind, each of which would succeed for the owner at its place. */
function everyOp(): Op[] {
  return [
    ops.event('e'),
    ops.entity('n'),
    ops.changeEntity('a', { name: 'x' }),
    ops.relation('s', 'a', 'b'),
    ops.changeRelation('r', { name: 'x' }),
    ops.dropRelation('r'),
    ops.dropEntity('a', { cascade: true }),
    ops.version('w'),
    { tag: 'recordDelta', value: { versionId: 'bare', delta: '[]', deltaEncoding: '' } },
    { tag: 'recordSnapshot', value: { versionId: 'v', state: '{}', stateEncoding: '' } },
    ops.branch('other', 'v'),
    { tag: 'deleteBranch', value: { store: 'cart', name: 'main' } },
    {
      tag: 'createTag',
      value: { store: 'cart', name: 't', versionId: 'v', description: '', author: '', replace: false },
    },
    { tag: 'deleteTag', value: { store: 'cart', name: 'old' } },
    { tag: 'uploadChunk', value: { scope: '', digest: 'd', position: 0, count: 1, bytes: new Uint8Array(1) } },
    ops.setting('guests', true),
    ops.grant(BOB.identity, 'read', 'scope:main'),
    ops.revoke(BOB.identity, 'publish', 'event:**'),
    { tag: 'addRoleMember', value: { role: 'team', member: { __identity__: BOB.identity } } },
    { tag: 'removeRoleMember', value: { role: 'crew', member: { __identity__: BOB.identity } } },
    {
      tag: 'createConsumer',
      value: {
        name: 'new',
        scope: '',
        pattern: '**',
        partitions: 1,
        startSeq: 0n,
        holdsTrim: false,
        failurePolicy: 'park',
      },
    },
    { tag: 'claimPartition', value: { name: 'mail', partition: 0, holder: 'h', leaseMicros: 1n } },
    { tag: 'advancePartition', value: { name: 'mail', partition: 0, epoch: 1n, from: 0n, to: 1n } },
    {
      tag: 'parkEvent',
      value: { name: 'mail', partition: 0, epoch: 1n, eventId: 'e0', seq: 1n, reason: '', attempts: 1 },
    },
    { tag: 'retryDeadLetter', value: { name: 'mail', eventId: 'e0' } },
    { tag: 'discardDeadLetter', value: { name: 'mail', eventId: 'e0' } },
    { tag: 'releasePartition', value: { name: 'mail', partition: 0, epoch: 1n } },
    { tag: 'joinConsumer', value: { name: 'mail', holder: 'h', leaseMicros: 1n } },
    { tag: 'leaveConsumer', value: { name: 'mail', holder: 'h' } },
    { tag: 'seekConsumer', value: { name: 'mail', partition: undefined, toSeq: 0n } },
    { tag: 'deleteConsumer', value: { name: 'mail' } },
    { tag: 'trimEvents', value: { upToSeq: 1n, segmentDigest: 'd' } },
  ];
}

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

const READS: Record<string, object> = {
  read_events: { recentAfter: undefined },
  read_state: { versionId: 'v' },
  read_version_at: { store: 'cart', branch: 'main', time: 0n },
  read_consumer_workers: { name: 'mail' },
  read_branch_moves: { store: 'cart', branch: 'main' },
  read_chunk: { digest: 'd' },
  read_moment: { time: 0n },
  read_graph_changes: { afterSeq: 1n },
  read_entities_at: { seq: 1n },
  read_relations_at: { seq: 1n },
  read_neighborhood: { ids: ['a'] },
  read_request: { requestId: 'request-1' },
};

describe('a stranger', () => {
  test('is refused by every op, alone, and changes nothing', async () => {
    const universe = await openFurnished();
    const before = universe.dump();
    for (const op of everyOp())
      expect(universe.apply([op], ADA), op.tag).toMatchObject({ code: 'permission/denied', op: null });
    expect(universe.apply([], ADA)).toMatchObject({ code: 'permission/denied' });
    expect(universe.dump()).toBe(before);
  });

  test('is refused by every reducer', async () => {
    const universe = await openFurnished();
    const before = universe.dump();
    const { reducers } = universe.database.def;
    for (const { name } of reducers.filter(
      ({ lifecycle, visibility }) => lifecycle === undefined && visibility === 'client-callable',
    )) {
      const op = everyOp().find(({ tag }) => wrapperOf(tag) === name)?.value;
      const args = { requestId: 'r', issuedAt: universe.time.nowMicros(), op, ops: [], settings: [] };
      expect(universe.call(ADA, name, args), name).toMatchObject({ code: 'permission/denied' });
    }
    expect(() =>
      universe.call(ADA, 'run_maintenance', { timer: { scheduledId: 1n, scheduledAt: { tag: 'Time', value: 1n } } }),
    ).toThrow(/no such reducer/);
    expect(universe.dump()).toBe(before);
  });

  test('is refused by every procedure', async () => {
    const universe = await openFurnished();
    for (const { name } of universe.database.def.procedures) {
      expect(universe.refusedRead(name, READS[name] ?? {}, ADA), name).toMatchObject({
        code: 'permission/denied',
        op: null,
      });
    }
  });

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

test('the owner may do every op', async () => {
  const universe = await openFurnished();
  for (const op of everyOp()) expect(universe.apply([op]), op.tag).toBeUndefined();
  const every = new Set(everyOp().map(({ tag }) => tag));
  const apply = universe.database.def.reducers.find(({ name }) => name === 'apply')!;
  const list = apply.params[3]!.algebraicType;
  const variants =
    list.type === 'array' && list.element.type === 'sum' ? list.element.variants.map(({ name }) => name) : [];
  expect([...every].sort()).toEqual([...variants].sort());
});

test('the owner may call every procedure', async () => {
  const universe = await openFurnished();
  universe.apply([
    { tag: 'uploadChunk', value: { scope: '', digest: 'd', position: 0, count: 1, bytes: new Uint8Array([7]) } },
  ]);
  for (const { name } of universe.database.def.procedures) {
    expect(() => universe.read(name, READS[name] ?? {}), name).not.toThrow();
  }
});

describe('grants', () => {
  /** What each action on the whole scope lets a caller do, by the ops that then succeed. */
  const allowed: Record<string, string[]> = {
    read: [],
    publish: ['publishEvent', 'uploadChunk'],
    create: ['createEntity', 'createRelation', 'uploadChunk'],
    update: ['updateEntity', 'updateRelation', 'uploadChunk'],
    delete: ['deleteRelation', 'deleteEntity', 'uploadChunk'],
    commit: [
      'recordVersion',
      'recordDelta',
      'recordSnapshot',
      'moveBranch',
      'deleteBranch',
      'createTag',
      'deleteTag',
      'uploadChunk',
    ],
  };
  allowed['write'] = [...new Set(Object.values(allowed).flat())];

  test.each(Object.keys(allowed))('of %s on a scope allow just that', async (action) => {
    const universe = await openFurnished();
    universe.apply([ops.grant(ADA.identity, action, 'scope:main')]);
    for (const op of everyOp()) {
      const outcome = universe.apply([op], ADA);
      if (allowed[action]!.includes(op.tag)) expect(outcome, `${action} ${op.tag}`).toBeUndefined();
      else expect(outcome, `${action} ${op.tag}`).toMatchObject({ code: 'permission/denied', op: 0 });
    }
  });

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
    expect(universe.read('read_permissions', { subject: hex(BOB.identity) }, ADA).grants).toHaveLength(5);
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

  test('limit what is stored', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('limits', { rows: 5 })]);
    universe.apply([ops.event('a'), ops.event('b'), ops.event('c')]);
    expect(universe.apply([ops.event('d')])).toMatchObject({ code: 'limit/storage', details: { held: '5', rows: 5 } });
  });
});

function wrapperOf(tag: Op['tag']): string {
  const special: Partial<Record<Op['tag'], string>> = {
    recordVersion: 'commit_state_version',
    grant: 'grant_access',
    revoke: 'revoke_access',
  };
  return special[tag] ?? tag.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
