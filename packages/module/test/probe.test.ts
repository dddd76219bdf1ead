import { expect, test } from 'vitest';
import { ADA, BOB, openUniverse, ops } from './universe.ts';
test('proto', async () => {
  const u = await openUniverse();
  u.apply([ops.setting('indexes', { '*': ['x'] })]);
  u.time.advance(1_000n);
  for (const t of ['constructor', 'toString', '__proto__']) {
    expect(u.apply([ops.entity(t, { entityType: t, properties: '{"x":1}' })])).toBeUndefined();
  }
  expect(u.rows('entity_history')).toHaveLength(3);
});
test('poison', async () => {
  const u = await openUniverse();
  expect(u.apply([ops.entity('a', { properties: `{"x":${'y'.repeat(70_000)}}` }), ops.entity('c', { properties: `{"x":1e999}` }), ops.entity('d', { properties: `{"x":"\\ud800"}` })])).toBeUndefined();
  expect(u.apply([ops.changeEntity('c', { propertiesSet: '{"y":1}' })])).toMatchObject({ code: 'value/malformed' });
  u.apply([ops.setting('indexes', { '*': ['x'] })]);
  u.time.advance(1_000n);
  expect(u.rows('job_cursor').find((row) => row.job === 'reindex')).toMatchObject({ done: true });
  expect(u.apply([ops.entity('b', { properties: `{"x":${'y'.repeat(70_000)}}` })])).toBeUndefined();
});
test('room', async () => {
  const u = await openUniverse();
  u.apply([ops.setting('limits', { rows: 1 })]);
  expect(u.apply([ops.setting('limits', { rows: 100 })])).toBeUndefined();
});
test('orphan', async () => {
  const u = await openUniverse();
  u.apply([ops.setting('indexes', { '*': ['x'] })]);
  u.time.advance(1_000n);
  u.apply([ops.entity('a', { properties: `{"x":1}` })]);
  u.apply([ops.setting('indexes', {}), ops.dropEntity('a')]);
  u.time.advance(1_000n);
  expect(u.rows('entity_property')).toEqual([]);
});
test('trim twice', async () => {
  const u = await openUniverse();
  u.apply(Array.from({ length: 9 }, (_, i) => ops.event(`e${i}`)));
  const trim = (upToSeq: bigint) => ({ tag: 'trimEvents', value: { upToSeq, segmentDigest: 'd' } }) as const;
  u.apply([trim(6n), trim(3n)]);
  expect(u.rows('log_head')[0].trimmedSeq).toBe(6n);
});
test('admin', async () => {
  const u = await openUniverse();
  u.apply([ops.grant(ADA.identity, 'grant:admin', 'event:*'), ops.grant(BOB.identity, 'grant:admin', 'scope:*')]);
  expect(u.apply([ops.grant(ADA.identity, 'read', 'event:**')], ADA)).toMatchObject({ code: 'permission/denied' });
  expect(u.apply([ops.grant(BOB.identity, 'configure', 'config:*')], BOB)).toMatchObject({ code: 'permission/denied' });
});
