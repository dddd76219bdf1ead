import { MAX_PAGE_ROWS } from '@inner-universe/module/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';
import type { AccessGrant } from './permissions.ts';

let testUniverse: TestUniverse;
beforeEach(async () => {
  testUniverse = await createTestUniverse();
});
afterEach(async () => {
  await testUniverse.close();
});

test('who was granted something may do it, for as long as it was granted', async () => {
  const { client } = testUniverse.universe;
  const subject = testUniverse.identityOf('ada');
  const expiresAt = new Date('2026-01-01T00:01:00Z');
  // As people copy identities: with a prefix, in capitals.
  await client.grantAccess({
    subject: `0x${subject.toUpperCase()}`,
    action: 'read',
    resource: 'scope:main',
    expiresAt,
  });
  const ada = await testUniverse.as('ada');
  expect((await ada.client.queryEvents({ scope: 'main' })).events).toMatchObject([{ eventType: 'SYSTEM_INITIALIZED' }]);
  const { grants, members } = await client.listPermissions();
  expect(grants).toEqual([
    {
      subject,
      action: 'read',
      resource: 'scope:main',
      scope: undefined,
      expiresAt,
      grantedBy: client.identity,
      grantedAt: expect.any(Date) as Date,
    },
  ]);
  expect(members).toEqual([]);
  await testUniverse.advance(60_001);
  await expect(ada.client.queryEvents({ scope: 'main' })).rejects.toMatchObject({ code: 'permission/denied' });
});

test('what is taken back is gone, and what was never given cannot be taken', async () => {
  const { client } = testUniverse.universe;
  const grant = {
    subject: testUniverse.identityOf('bob'),
    action: 'write',
    resource: 'store:cart',
    scope: 'lab',
  } as const;
  await client.grantAccess(grant);
  await client.grantAccess({ ...grant, scope: undefined });
  await client.revokeAccess(grant);
  expect((await client.listPermissions({ subject: grant.subject })).grants.map(({ scope }) => scope)).toEqual([
    undefined,
  ]);
  await expect(client.revokeAccess(grant)).rejects.toMatchObject({ code: 'grant/not-found' });
});

test('a role gives what it holds to its members, and its members alone', async () => {
  const { client } = testUniverse.universe;
  const member = testUniverse.identityOf('eve');
  await client.grantAccess({ subject: 'role:readers', action: 'read', resource: 'scope:*' });
  await expect(testUniverse.as('eve')).rejects.toMatchObject({ code: 'connection/refused' });
  await client.addRoleMember({ role: 'readers', member });
  expect((await client.listPermissions({ subject: member })).members).toMatchObject([{ role: 'readers', member }]);
  const eve = await testUniverse.as('eve');
  expect((await eve.client.getSystemStatus()).events).toBe(0n);
  await expect(eve.client.listPermissions()).rejects.toMatchObject({ code: 'permission/denied' });
  await client.removeRoleMember({ role: 'readers', member });
  await expect(eve.client.getSystemStatus()).rejects.toMatchObject({ code: 'permission/denied' });
});

test('every page is listed', async () => {
  const { client } = testUniverse.universe;
  const subject = testUniverse.identityOf('ada');
  const ops = Array.from({ length: MAX_PAGE_ROWS + 500 }, (_, index) => ({
    tag: 'grant' as const,
    value: { subject, action: 'read', resource: `store:${index}`, scope: '', expiresAt: undefined },
  }));
  for (const part of [ops.slice(0, MAX_PAGE_ROWS), ops.slice(MAX_PAGE_ROWS)]) await client.write(part);
  const { grants } = await client.listPermissions();
  expect(new Set(grants.map(({ resource }) => resource)).size).toBe(ops.length);
  expect(grants.length).toBe(ops.length);
});

test.each([
  ['subject', { subject: 'ada' }],
  ['subject', { subject: 'role:' }],
  ['action', { action: 'look' }],
  ['resource', { resource: 'main' }],
  ['resource', { resource: 'table:cart' }],
  ['resource', { resource: 'scope:' }],
  ['scope', { scope: 1 }],
  ['expiresAt', { expiresAt: new Date(Number.NaN) }],
  ['expiresAt', { expiresAt: '2027-01-01' }],
])('a slip in %s is told with what was given: %o', async (field, slip) => {
  const { client } = testUniverse.universe;
  const grant = { subject: client.identity, action: 'read', resource: 'scope:main', ...slip } as unknown as AccessGrant;
  await expect(client.grantAccess(grant)).rejects.toMatchObject({
    name: 'NervPersistenceError',
    code: 'value/malformed',
    details: { field },
  });
  expect((await client.listPermissions()).grants).toEqual([]);
});

test.each([
  ['expires', { expires: new Date(0) }, "did you mean 'expiresAt'?"],
  ['scop', { scop: 'main' }, "did you mean 'scope'?"],
  ['nonsense', { nonsense: 1 }, 'there are subject, action, resource, scope, expiresAt.'],
])('a field %s is refused, and nothing is granted or taken back', async (field, slip, message) => {
  const { client } = testUniverse.universe;
  const grant: AccessGrant = { subject: client.identity, action: 'read', resource: 'scope:main' };
  const refused = { code: 'value/malformed', details: { field } };
  const wrong: AccessGrant = { ...grant, ...slip };
  await expect(client.grantAccess(wrong)).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining(message),
  });
  expect((await client.listPermissions()).grants).toEqual([]);
  await client.grantAccess(grant);
  await expect(client.revokeAccess(wrong)).rejects.toMatchObject(refused);
  const membership = { role: 'readers', member: client.identity, ...slip };
  await expect(client.addRoleMember(membership)).rejects.toMatchObject(refused);
  await expect(client.removeRoleMember(membership)).rejects.toMatchObject(refused);
  const { grants, members } = await client.listPermissions();
  expect([grants.length, members.length]).toEqual([1, 0]);
});

test('an end is no part of a grant that is taken back', async () => {
  const { client } = testUniverse.universe;
  const grant: AccessGrant = {
    subject: client.identity,
    action: 'read',
    resource: 'scope:main',
    expiresAt: new Date(),
  };
  await expect(client.revokeAccess(grant)).rejects.toMatchObject({ details: { field: 'expiresAt' } });
});

test.each([[{ subjct: 'role:x' }], [null], [5], [{ subject: 'role:\ud800' }]])(
  'permissions are not listed by %j',
  async (query) => {
    const { client } = testUniverse.universe;
    await expect(client.listPermissions(query as never)).rejects.toMatchObject({ code: 'value/malformed' });
  },
);

test.each([[null], [5], [[]], [undefined]])('%j is no grant', async (grant) => {
  const { client } = testUniverse.universe;
  await expect(client.grantAccess(grant as never)).rejects.toMatchObject({ code: 'value/malformed' });
  await expect(client.addRoleMember(grant as never)).rejects.toMatchObject({ code: 'value/malformed' });
});

test('half of a surrogate pair is no part of a name', async () => {
  const { client } = testUniverse.universe;
  const grant: AccessGrant = { subject: 'role:x', action: 'read', resource: 'scope:main' };
  for (const slip of [{ subject: 'role:\udc00' }, { resource: 'scope:\ud800' }, { scope: '\ud800' }])
    await expect(client.grantAccess({ ...grant, ...slip })).rejects.toMatchObject({ code: 'value/malformed' });
});

test('a role without a name, and a member that is no identity, are told', async () => {
  const { client } = testUniverse.universe;
  await expect(client.addRoleMember({ role: '', member: client.identity })).rejects.toMatchObject({
    code: 'value/malformed',
    details: { field: 'role' },
  });
  await expect(client.removeRoleMember({ role: 'a', member: 'role:a' })).rejects.toMatchObject({
    details: { field: 'member' },
  });
});

test.each([[5], [[5]], [[null]], [{ key: 'guests', value: 'true' }], [[{ key: 'guests', valu: 'true' }]]])(
  'nothing is configured by %j',
  async (settings) => {
    const { client } = testUniverse.universe;
    await client.applyConfiguration([{ key: 'guests', value: 'true' }]);
    await expect(client.applyConfiguration(settings as never)).rejects.toMatchObject({ code: 'config/invalid' });
    const { settings: kept } = await client.read('readConfiguration', {});
    expect(kept).toMatchObject([{ key: 'guests', value: 'true' }]);
  },
);
