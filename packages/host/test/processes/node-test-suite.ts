// A suite for Node's own test runner, as somebody would write it for his module.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setGlobalLogLevel } from 'spacetimedb';
import { createTestHost, type TestHost } from '../../src/testing/index.ts';
import { DbConnection } from '../fixtures/people-bindings.ts';

setGlobalLogLevel('error');
const module = { path: fileURLToPath(new URL('../fixtures/people.ts', import.meta.url)) };
let host: TestHost;

beforeEach(async () => {
  host = await createTestHost({ module });
});
afterEach(() => host.close());

test('a reducer writes what the next one reads', async () => {
  const ada = await host.connect(DbConnection, 'ada');
  await ada.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
  assert.deepEqual(await host.sql('SELECT * FROM person'), [{ id: 1n, name: 'ann', team: 'red', age: 30 }]);
});

test('the next test begins with nothing', async () => {
  assert.deepEqual(await host.sql('SELECT * FROM person'), []);
});

test('schedules run when the clock is moved', async () => {
  const ada = await host.connect(DbConnection, 'ada');
  await ada.reducers.schedule({ label: 'later', delayMicros: 60_000_000n, every: false });
  host.time.advance(61_000_000n);
  const [tick] = await host.sql(`SELECT * FROM result WHERE key = 'tick later'`);
  assert.equal(tick?.['value'], '1');
});

test('a fork goes its own way', async () => {
  const fork = await host.fork();
  try {
    const ada = await fork.connect(DbConnection, 'ada');
    await ada.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    assert.equal((await host.sql('SELECT * FROM person')).length, 0);
  } finally {
    await fork.close();
  }
});
