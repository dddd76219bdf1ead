import { describe, expect, test } from 'vitest';
import type { Caller } from '../../host/src/database/calls.ts';
import {
  MAX_CONSUMERS,
  MAX_DEAD_LETTERS,
  MAX_IDENTITY_CONNECTIONS,
  MAX_REQUEST_OPS,
  MAX_SCOPES,
  MAX_SUBJECT_GRANTS,
} from '../src/wire/limits.ts';
import type { Op } from '../src/wire/index.ts';
import { ADA, BOB, hex, openUniverse, OWNER, ops, type Outcome, type Universe } from './universe.ts';

const SECOND = 1_000_000n;
const DENIED = { code: 'permission/denied' };
const FULL = { code: 'limit/storage' };
const LATE = { code: 'limit/rate' };

async function openWith(...list: readonly Op[]): Promise<Universe> {
  const universe = await openUniverse();
  expect(universe.apply(list)).toBeUndefined();
  return universe;
}

function many(count: number, make: (index: number) => Op): Op[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

describe('the rate of one identity', () => {
  const limits = (value: object): Op => ops.setting('limits', value);
  const read = (universe: Universe, caller: Caller = ADA): Outcome => {
    try {
      universe.read('read_entities', {}, caller);
      return undefined;
    } catch (error) {
      return (error as { refusal: Outcome }).refusal;
    }
  };

  test('holds for reading too, apart from writing, and fills again', async () => {
    const universe = await openWith(
      ops.entity('a'),
      ops.grant(ADA.identity, 'read', 'scope:main'),
      ops.grant(ADA.identity, 'publish', 'event:**'),
      limits({ opsPerSecond: 1, burstSeconds: 3 }),
    );
    for (let page = 0; page < 3; page += 1) expect(read(universe)).toBeUndefined();
    expect(read(universe)).toMatchObject({ ...LATE, details: { waitSeconds: 1, opsPerSecond: 1 } });
    expect(read(universe, OWNER)).toBeUndefined();
    expect(universe.apply([ops.event('e')], ADA)).toBeUndefined();
    universe.time.advance(SECOND);
    expect(read(universe)).toBeUndefined();
    expect(read(universe)).toMatchObject(LATE);
  });

  test('of reading can be another than of writing', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'read', 'scope:main'),
      limits({ opsPerSecond: 1, readsPerSecond: 5, burstSeconds: 1 }),
    );
    for (let page = 0; page < 5; page += 1) expect(read(universe)).toBeUndefined();
    expect(read(universe)).toMatchObject(LATE);
  });

  test('counts what pages hold: who was given much waits until it is made up for', async () => {
    const universe = await openWith(
      ops.entity('a', { properties: JSON.stringify({ text: 'x'.repeat(5_000) }) }),
      ops.grant(ADA.identity, 'read', 'scope:main'),
      limits({ bytesPerSecond: 1_000, burstSeconds: 1 }),
    );
    expect(read(universe)).toBeUndefined();
    const late = read(universe);
    expect(late).toMatchObject(LATE);
    expect(Number(late?.details['waitSeconds'])).toBeGreaterThan(4);
    universe.time.advance(4n * SECOND);
    expect(read(universe)).toMatchObject(LATE);
    universe.time.advance(3n * SECOND);
    expect(read(universe)).toBeUndefined();
  });

  test('is not written down where there is no limit', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'read', 'scope:main'));
    const before = universe.dump();
    read(universe);
    expect(universe.dump()).toBe(before);
  });

  test('counts each request as an op, since each is remembered', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'read', 'scope:main'),
      limits({ opsPerSecond: 1, burstSeconds: 2 }),
    );
    expect(universe.apply([], ADA)).toBeUndefined();
    expect(universe.apply([], ADA)).toBeUndefined();
    expect(universe.apply([], ADA)).toMatchObject(LATE);
    expect(universe.rows('request').filter(({ identity }) => identity === ADA.identity)).toHaveLength(2);
  });

  test('is one for all guests, who can have any number of identities', async () => {
    const universe = await openWith(
      ops.setting('guests', true),
      ops.grant('role:guest', 'publish', 'event:**'),
      ops.grant(BOB.identity, 'publish', 'event:**'),
      limits({ opsPerSecond: 1, burstSeconds: 2 }),
    );
    const publish = (identity: bigint): Outcome =>
      universe.apply([ops.event(`by-${identity}-${universe.commits.length}`)], { identity, connectionId: 5n });
    expect(publish(1_001n)).toBeUndefined();
    expect(publish(1_002n)).toBeUndefined();
    expect(publish(1_003n)).toMatchObject(LATE);
    expect(publish(BOB.identity)).toBeUndefined();
    expect(
      universe
        .rows('rate_bucket')
        .map(({ identity }) => identity)
        .sort(),
    ).toEqual([0n, BOB.identity]);
  });
});

describe('others than the owner can add only so many', () => {
  test('grants to one subject, while the owner can always', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'grant:admin', 'scope:*'));
    const give = (index: number): Op => ops.grant(BOB.identity, 'read', `event:type-${index}`);
    expect(universe.apply(many(MAX_REQUEST_OPS, give), ADA)).toBeUndefined();
    expect(MAX_SUBJECT_GRANTS).toBe(MAX_REQUEST_OPS);
    expect(universe.apply([give(MAX_SUBJECT_GRANTS)], ADA)).toMatchObject({ ...FULL, details: { limit: 1_000 } });
    // One that is there can be made again, and taken back.
    expect(universe.apply([give(0)], ADA)).toBeUndefined();
    expect(universe.apply([ops.revoke(BOB.identity, 'read', 'event:type-0')], ADA)).toBeUndefined();
    expect(universe.apply([give(0)], ADA)).toBeUndefined();
    expect(universe.apply([give(MAX_SUBJECT_GRANTS)])).toBeUndefined();
  });

  test('consumers', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'consume', 'event:**'));
    const create = (index: number): Op => {
      const value = { name: `c${index}`, scope: '', pattern: '**', partitions: 1, startSeq: 0n, holdsTrim: false };
      return { tag: 'createConsumer', value: { ...value, failurePolicy: 'park' } };
    };
    expect(universe.apply(many(MAX_CONSUMERS, create), ADA)).toBeUndefined();
    expect(universe.apply([create(MAX_CONSUMERS)], ADA)).toMatchObject(FULL);
    expect(universe.apply([create(MAX_CONSUMERS)])).toBeUndefined();
  });

  test('parked events, and no long reasons for them', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'consume', 'event:**'), {
      tag: 'createConsumer',
      value: {
        name: 'c',
        scope: '',
        pattern: '**',
        partitions: 1,
        startSeq: 0n,
        holdsTrim: false,
        failurePolicy: 'park',
      },
    });
    const claim: Op = { tag: 'claimPartition', value: { name: 'c', partition: 0, holder: 'h', leaseMicros: SECOND } };
    expect(universe.apply([claim], ADA)).toBeUndefined();
    const park = (index: number, reason = ''): Op => {
      const value = { name: 'c', partition: 0, epoch: 1n, seq: 1n, attempts: 1 };
      return { tag: 'parkEvent', value: { ...value, eventId: `e${index}`, reason } };
    };
    expect(universe.apply([park(0, 'x'.repeat(4_097))], ADA)).toMatchObject({ code: 'value/too-large' });
    for (let from = 0; from < MAX_DEAD_LETTERS; from += MAX_REQUEST_OPS) {
      expect(
        universe.apply(
          many(MAX_REQUEST_OPS, (index) => park(from + index)),
          ADA,
        ),
      ).toBeUndefined();
    }
    expect(universe.apply([park(MAX_DEAD_LETTERS)], ADA)).toMatchObject(FULL);
    expect(universe.apply([park(0, 'again')], ADA)).toBeUndefined();
  });

  test('scopes', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'publish', 'event:**'));
    const publish = (index: number): Op => ops.event(`e${index}`, 'x', { scope: `s${index}` });
    for (let from = 0; from < MAX_SCOPES - MAX_REQUEST_OPS; from += MAX_REQUEST_OPS) {
      expect(
        universe.apply(
          many(MAX_REQUEST_OPS, (index) => publish(from + index)),
          ADA,
        ),
      ).toBeUndefined();
    }
    const held = universe.rows('scope').length;
    expect(
      universe.apply(
        many(MAX_SCOPES - held, (index) => publish(MAX_SCOPES + index)),
        ADA,
      ),
    ).toBeUndefined();
    const before = universe.dump();
    expect(universe.apply([publish(0), ops.event('last', 'x', { scope: 'one-more' })], ADA)).toMatchObject({
      code: 'event/id-taken',
    });
    expect(universe.apply([ops.event('last', 'x', { scope: 'one-more' })], ADA)).toMatchObject(FULL);
    expect(universe.dump()).toBe(before);
    expect(universe.apply([ops.event('known', 'x', { scope: 's0' })], ADA)).toBeUndefined();
    expect(universe.apply([ops.event('owned', 'x', { scope: 'one-more' })])).toBeUndefined();
  });

  test('connections, each for itself', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'read', 'scope:main'),
      ops.grant(BOB.identity, 'read', 'scope:main'),
    );
    const connect = (identity: bigint, index: number): string =>
      universe.connect({ identity, connectionId: identity * 10_000n + BigInt(index) }).type;
    for (let index = 0; index < MAX_IDENTITY_CONNECTIONS; index += 1)
      expect(connect(ADA.identity, index)).toBe('accepted');
    expect(connect(ADA.identity, MAX_IDENTITY_CONNECTIONS)).toBe('rejected');
    expect(connect(BOB.identity, 0)).toBe('accepted');
    for (let index = 0; index <= MAX_IDENTITY_CONNECTIONS; index += 1)
      expect(connect(OWNER.identity, index)).toBe('accepted');
    universe.database.disconnect({ identity: ADA.identity, connectionId: ADA.identity * 10_000n });
    expect(connect(ADA.identity, MAX_IDENTITY_CONNECTIONS)).toBe('accepted');
  });

  test('timers: settings made over and over bring one run of maintenance', async () => {
    const universe = await openWith(ops.grant(ADA.identity, 'configure', 'config:indexes'));
    const flip = (index: number): Op => ops.setting('indexes', { person: [`key-${index}`] });
    expect(universe.apply(many(500, flip), ADA)).toBeUndefined();
    expect(universe.rows('maintenance_timer').length).toBeLessThanOrEqual(4);
    universe.apply([ops.entity('a', { properties: '{"key-499":1}' })]);
    universe.time.advance(SECOND);
    const property = { key: 'key-499', value: '1' };
    expect(universe.read('read_entities', { entityType: 'person', property }).entities).toHaveLength(1);
  });
});

describe('a right to grant', () => {
  const until = (op: Op, expiresAt: bigint | undefined): Op => {
    if (op.tag !== 'grant') throw new Error('no grant');
    const end = expiresAt === undefined ? undefined : { __timestamp_micros_since_unix_epoch__: expiresAt };
    return { tag: 'grant', value: { ...op.value, expiresAt: end } };
  };

  test('that ends gives none that ends later, nor a longer one of its own', async () => {
    const universe = await openUniverse();
    const end = universe.time.nowMicros() + 60n * SECOND;
    expect(universe.apply([until(ops.grant(ADA.identity, 'grant:admin', 'store:cart'), end)])).toBeUndefined();
    const give = (action: string, to: bigint, expiresAt: bigint | undefined): Outcome =>
      universe.apply([until(ops.grant(to, action, 'store:cart'), expiresAt)], ADA);
    expect(give('read', BOB.identity, undefined)).toMatchObject(DENIED);
    expect(give('read', BOB.identity, end + 1n)).toMatchObject(DENIED);
    expect(give('grant:admin', ADA.identity, undefined)).toMatchObject(DENIED);
    expect(give('grant:admin', BOB.identity, end + 1n)).toMatchObject(DENIED);
    expect(give('read', BOB.identity, end)).toBeUndefined();
    universe.time.advance(60n * SECOND);
    expect(give('read', BOB.identity, end)).toMatchObject(DENIED);
    expect(universe.refusedRead('read_stores', {}, BOB)).toMatchObject(DENIED);
  });

  test('tells of what it administers and of its holder’s own, and of nobody else', async () => {
    const universe = await openWith(
      ops.grant(ADA.identity, 'grant:admin', 'store:cart'),
      ops.grant(ADA.identity, 'read', 'entity:person'),
      ops.grant(BOB.identity, 'read', 'store:cart'),
      ops.grant(BOB.identity, 'read', 'store:other'),
      { tag: 'addRoleMember', value: { role: 'crew', member: { __identity__: BOB.identity } } },
    );
    const { grants, members } = universe.read('read_permissions', {}, ADA);
    const seen = grants.map((row: { subject: string; resource: string }) => [row.subject, row.resource]);
    expect(seen).toEqual([
      [hex(ADA.identity), 'store:cart'],
      [hex(ADA.identity), 'entity:person'],
      [hex(BOB.identity), 'store:cart'],
    ]);
    expect(members).toEqual([]);
  });
});

test('nobody takes a place in a consumer under somebody else’s name', async () => {
  const consumer = { name: 'c', scope: '', pattern: '**', partitions: 1, startSeq: 0n, holdsTrim: false };
  const universe = await openWith(
    { tag: 'createConsumer', value: { ...consumer, failurePolicy: 'park' } },
    ops.grant(ADA.identity, 'consume', 'event:**'),
    ops.grant(BOB.identity, 'consume', 'event:**'),
  );
  const lease = { name: 'c', holder: 'worker', leaseMicros: SECOND };
  const claim: Op = { tag: 'claimPartition', value: { ...lease, partition: 0 } };
  const join: Op = { tag: 'joinConsumer', value: lease };
  expect(universe.apply([claim, join], ADA)).toBeUndefined();
  for (const op of [claim, join]) expect(universe.apply([op], BOB)).toMatchObject({ code: 'consumer/leased' });
  const partition = { name: 'c', partition: 0, epoch: 1n };
  const others: Op[] = [
    { tag: 'advancePartition', value: { ...partition, from: 0n, to: 1n } },
    { tag: 'releasePartition', value: partition },
    { tag: 'parkEvent', value: { ...partition, eventId: 'e', seq: 1n, reason: '', attempts: 1 } },
  ];
  for (const op of others) expect(universe.apply([op], BOB), op.tag).toMatchObject({ code: 'consumer/stale-epoch' });
  expect(universe.apply([{ tag: 'leaveConsumer', value: { name: 'c', holder: 'worker' } }], BOB)).toBeUndefined();
  expect(universe.rows('consumer_worker')).toHaveLength(1);
});

test('what may not be known of is refused as if it were not there', async () => {
  const universe = await openWith(
    ops.entity('hidden', { entityType: 'secret' }),
    ops.entity('a'),
    ops.entity('far', { scope: 'lab' }),
    ops.relation('r', 'a', 'hidden', { relationType: 'secret' }),
    ops.version('v', [], { store: 'secret', delta: undefined }),
    ...['create', 'update', 'delete'].map((action) => ops.grant(ADA.identity, action, 'entity:person')),
    ...['create', 'update', 'delete'].map((action) => ops.grant(ADA.identity, action, 'relation:knows', 'main')),
    ops.grant(ADA.identity, 'commit', 'store:cart'),
  );
  expect(universe.apply([ops.setting('history', { secret: 'none' })])).toBeUndefined();
  expect(universe.apply([ops.changeEntity('hidden', { name: 'x' })])).toBeUndefined();
  const told = (op: Op): string => JSON.stringify(universe.apply([op], ADA));
  const writes: Op[] = [
    ops.changeEntity('hidden', { name: 'y' }),
    ops.dropEntity('hidden'),
    ops.entity('hidden', { upsert: true }),
    ops.changeRelation('r', { name: 'y' }),
    ops.dropRelation('r'),
    ops.dropEntity('a'),
    ops.dropEntity('a', { cascade: true }),
    ops.relation('s', 'a', 'far'),
    { tag: 'recordDelta', value: { versionId: 'v', delta: '[]', deltaEncoding: '' } },
  ];
  for (const op of writes) expect(told(op), JSON.stringify(op)).not.toMatch(/secret|lab/);
  expect(told(ops.relation('s', 'a', 'far'))).toBe(
    told(ops.relation('s', 'a', 'nowhere')).replaceAll('nowhere', 'far'),
  );
  universe.apply([ops.grant(ADA.identity, 'read', 'entity:person')]);
  expect(universe.read('read_entities_at', { seq: 3n, scope: 'main' }, ADA).entities).toMatchObject([{ id: 'a' }]);
  universe.apply([ops.grant(ADA.identity, 'read', 'scope:main')]);
  expect(JSON.stringify(universe.refusedRead('read_entities_at', { seq: 3n }, ADA))).not.toContain('secret');
});

test('changes of a graph are not told over a change of its reader’s rights, or the end of one', async () => {
  const universe = await openWith(ops.entity('a'), ops.grant(ADA.identity, 'read', 'scope:main'));
  const last = (): bigint => universe.read('read_scopes').seq;
  const changes = (afterSeq: bigint, caller = ADA): Outcome => {
    try {
      universe.read('read_graph_changes', { afterSeq }, caller);
      return undefined;
    } catch (error) {
      return (error as { refusal: Outcome }).refusal;
    }
  };
  const TRIMMED = { code: 'event/trimmed' };
  const first = last();
  expect(changes(first)).toBeUndefined();
  const member = { role: 'crew', member: { __identity__: ADA.identity } };
  const end = { __timestamp_micros_since_unix_epoch__: universe.time.nowMicros() + 60n * SECOND };
  const ending = ops.grant(ADA.identity, 'read', 'entity:city');
  const steps: Op[] = [
    ops.grant(ADA.identity, 'read', 'entity:person'),
    ops.revoke(ADA.identity, 'read', 'entity:person'),
    { tag: 'addRoleMember', value: member },
    ops.grant('role:crew', 'read', 'entity:person'),
    { tag: 'removeRoleMember', value: member },
    ending.tag === 'grant' ? { tag: 'grant', value: { ...ending.value, expiresAt: end } } : ending,
  ];
  for (const op of steps) {
    const before = last();
    expect(universe.apply([op])).toBeUndefined();
    expect(changes(before), op.tag).toMatchObject(TRIMMED);
    expect(changes(before, OWNER)).toBeUndefined();
    expect(changes(last()), op.tag).toBeUndefined();
  }
  // Of somebody else's it makes nothing.
  const before = last();
  universe.apply([ops.grant(BOB.identity, 'read', 'scope:main')]);
  expect(changes(before)).toBeUndefined();
  universe.time.advance(60n * SECOND);
  expect(changes(before)).toMatchObject(TRIMMED);
  universe.apply([ops.event('later')]);
  expect(changes(last())).toBeUndefined();
});
