import { openHost, silentLogger } from '@inner-universe/host';
import { CODE_VERSION } from '@inner-universe/module/wire';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  applyMigrations,
  InnerUniverseConfig,
  InnerUniverseController,
  migrationStatus,
  openUniverse,
  planMigrations,
  type DeploymentEvent,
  type Logger,
  type LogRecord,
  type SchemaProgress,
  type Universe,
} from '../src/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';
import { makeNewerBundle, unpackOlderUniverse } from './older-universe.ts';

let data: string;
let records: LogRecord[];
let logger: Logger;
const universes: Universe[] = [];

beforeEach(async () => {
  data = await makeDirectory();
  records = [];
  logger = { log: (record) => void records.push(record) };
});

afterEach(async () => {
  await Promise.all(universes.splice(0).map((universe) => universe.close()));
  await removeDirectory(data);
});

async function open(options: Parameters<typeof openUniverse>[0]): Promise<Universe> {
  const universe = await openUniverse(options);
  universes.push(universe);
  return universe;
}

function deploy(bundle: string, migrate?: 'manual') {
  const controller = new InnerUniverseController(InnerUniverseConfig.from({ data }), () => undefined);
  const events: DeploymentEvent[] = [];
  const report = controller.startDeploymentMode({
    module: { bundle },
    migrate,
    allow: { breakClients: true },
    onProgress: (event) => events.push(event),
  });
  return { events, report };
}

const told = (): readonly string[] => records.map(({ message }) => message).filter((text) => text.includes('schema'));

/** What the older release wrote, as it can be read now. */
async function readEverything(universe: Universe): Promise<unknown> {
  const { client, graph, states } = universe;
  const { events } = await client.queryEvents({ kind: 'application', limit: 1_000 });
  const cart = await states.open('cart', undefined);
  const gift = await states.open('cart', undefined, { branch: 'gift' });
  return {
    events: events.map(({ eventId, eventType, source, data: text }) => ({ eventId, eventType, source, text })),
    entities: await Promise.all(['ada', 'bob', 'code'].map((id) => graph.getEntity(id))),
    relations: (await client.queryRelations()).relations.map(({ fromId, toId }) => [fromId, toId]),
    cart: cart.state,
    gift: gift.state,
    versions: (await client.read('readStatus', {})).tables.find(({ name }) => name === 'state_version'),
    consumers: (await universe.consumers.list()).map(({ name }) => name),
  };
}

describe('a universe of schema 1', () => {
  beforeEach(() => unpackOlderUniverse(data));

  test('is brought forward when it is opened, with all that was in it', async () => {
    const older = await open({ data, migrate: 'manual', logger });
    expect((await migrationStatus(older.client)).state).toBe('data-older');
    const before = await readEverything(older);
    expect(before).toMatchObject({ consumers: ['billing'], relations: [['ada', 'bob']] });
    expect((before as { events: readonly unknown[] }).events).toHaveLength(40);
    await older.close();
    records.length = 0;
    const universe = await open({ data, logger });
    const status = await migrationStatus(universe.client);
    expect(status).toMatchObject({ codeVersion: CODE_VERSION, dataVersion: CODE_VERSION, state: 'current' });
    expect(await readEverything(universe)).toEqual(before);
    expect(told()).toEqual([`The data of 'universe' were migrated from schema 1 to ${CODE_VERSION}.`]);
    await universe.close();
    records.length = 0;
    await open({ data, logger });
    expect(told()).toEqual([]);
  });

  test('with manual is read and written as far as nothing is blocked, and says what to run', async () => {
    const universe = await open({ data, migrate: 'manual', logger });
    expect(told()).toEqual([expect.stringMatching(/data .*schema 1 .*older.* inner-universe migrate apply/)]);
    expect(universe.client.schema).toMatchObject({ dataVersion: 1, codeVersion: CODE_VERSION });
    await universe.events.publish('order.placed', { id: 99 });
    const plan = await planMigrations(universe.client);
    expect(plan.migrations).toEqual([
      expect.objectContaining({ to: 2, name: 'history-gaps', state: 'pending' }),
      expect.objectContaining({ to: 3, name: 'ordered-requests', state: 'pending' }),
    ]);
    const progress: SchemaProgress[] = [];
    const report = await applyMigrations(universe.client, { onProgress: (one) => progress.push(one) });
    expect(report).toEqual({
      from: 1,
      to: CODE_VERSION,
      applied: ['history-gaps', 'ordered-requests'],
      steps: progress.length,
    });
    expect(progress.at(-1)).toMatchObject({ to: CODE_VERSION, done: true });
    expect((await planMigrations(universe.client)).migrations).toEqual([]);
    expect(await applyMigrations(universe.client)).toMatchObject({ from: CODE_VERSION, to: CODE_VERSION, steps: 0 });
  });

  test('is deployed to: built, published, migrated by the module and read back', async () => {
    const { events, report } = deploy(await makeNewerBundle(10));
    expect(await report).toMatchObject({ migrated: { from: 1, to: 4 }, verified: { dataVersion: 4, codeVersion: 4 } });
    const steps = events.filter((event) => event.type === 'migrating');
    expect(steps.length).toBeGreaterThan(5);
    expect(steps.at(-1)).toMatchObject({ what: 'rename-sources' });
  });
});

test('a universe of schema 2 is brought forward, and its consumer goes on where it was', async () => {
  await unpackOlderUniverse(data, 2);
  const older = await open({ data, migrate: 'manual', logger });
  expect(await migrationStatus(older.client)).toMatchObject({ state: 'data-older', dataVersion: 2 });
  const before = await readEverything(older);
  expect(before).toMatchObject({ consumers: ['billing'], relations: [['ada', 'bob']] });
  await older.close();
  const universe = await open({ data, logger });
  expect(await migrationStatus(universe.client)).toMatchObject({ dataVersion: CODE_VERSION, state: 'current' });
  expect(await readEverything(universe)).toEqual(before);
  expect(await (await universe.states.open('cart', undefined)).verify()).toMatchObject({ ok: true });
  const billing = await universe.consumers.open('billing');
  const orders: unknown[] = [];
  const stop = new AbortController();
  const running = billing.run(({ data: order }) => void orders.push((order as { id: number }).id), {
    signal: stop.signal,
  });
  await universe.consumers.deadLetters('billing').retryAll();
  await vi.waitFor(async () => {
    expect(orders).toHaveLength(11);
    expect(await universe.consumers.status('billing')).toMatchObject({ lag: 0 });
    expect(await universe.consumers.deadLetters('billing').list()).toEqual([]);
  });
  stop.abort();
  await running.catch(() => undefined);
  expect(orders).toContain(7);
  expect(new Set(orders).size).toBe(11);
});

describe('a migration that blocks', () => {
  beforeEach(() => unpackOlderUniverse(data));

  test('refuses the ops it names until it is applied, by its owner alone, over a server', async () => {
    await expect(deploy(await makeNewerBundle(10), 'manual').report).rejects.toMatchObject({
      code: 'deployment/needs-migration',
      details: { from: 1, to: 4 },
    });
    const host = await openHost({ data, logger: silentLogger });
    try {
      const { address: server } = await host.serve({ host: '127.0.0.1', port: 0 });
      const universe = await open({ server, token: host.ownerToken, logger });
      expect(told()).toEqual([expect.stringMatching(/inner-universe migrate apply/)]);
      await expect(universe.events.publish('order.placed', { id: 1 })).rejects.toMatchObject({
        code: 'schema/migrating',
        retryable: true,
      });
      await universe.graph.createEntity('person', { id: 'eve' });
      const { token, identity } = await host.tokens.issue();
      await universe.client.write([
        {
          tag: 'grant',
          value: {
            subject: identity.toString(16).padStart(64, '0'),
            action: 'configure',
            resource: 'config:*',
            scope: '',
          },
        },
      ]);
      const stranger = await open({ server, token, logger });
      expect((await planMigrations(stranger.client)).migrations).toHaveLength(3);
      await expect(applyMigrations(stranger.client)).rejects.toMatchObject({ code: 'permission/denied' });
      const leaving = new AbortController();
      const reason = new Error('enough for now');
      const aborted = applyMigrations(universe.client, {
        signal: leaving.signal,
        onProgress: ({ steps }) => steps === 3 && leaving.abort(reason),
      });
      await expect(aborted).rejects.toBe(reason);
      // Two at once: every step is taken by one of them.
      const both = await Promise.all([applyMigrations(universe.client), applyMigrations(universe.client)]);
      expect(both.map(({ to }) => to)).toEqual([4, 4]);
      const { events } = await universe.client.queryEvents({ kind: 'application', limit: 1_000 });
      expect(new Set(events.map(({ source }) => source))).toEqual(new Set(['new:shop']));
      expect((await migrationStatus(universe.client)).migrations.map(({ state }) => state)).toEqual([
        'done',
        'done',
        'done',
      ]);
      await universe.events.publish('order.placed', { id: 1 });
    } finally {
      await Promise.all(universes.splice(0).map((universe) => universe.close()));
      await host.close();
    }
  });

  test('that does not go on is given up, not taken for ever', async () => {
    await expect(deploy(await makeNewerBundle(0)).report).rejects.toMatchObject({
      code: 'migration/no-progress',
      details: { to: 4, name: 'rename-sources' },
    });
  });
});

test('a module that is older than the data says so, is read, and takes no writes', async () => {
  await unpackOlderUniverse(data);
  await (await open({ data })).close();
  const host = await openHost({ data, logger: silentLogger });
  await host.sql('universe', 'UPDATE schema_version SET data_version = 4');
  await host.close();
  const universe = await open({ data, logger });
  expect(told()).toEqual([expect.stringMatching(/data .*schema 4 .*only 3.*inner-universe publish/)]);
  expect((await universe.client.queryEvents({ limit: 1 })).events).toHaveLength(1);
  await expect(universe.events.publish('order.placed', { id: 1 })).rejects.toMatchObject({ code: 'schema/newer-data' });
  await expect(applyMigrations(universe.client)).rejects.toMatchObject({ code: 'schema/newer-data' });
  expect((await planMigrations(universe.client)).state).toBe('data-newer');
});

test.each(['none', 'thread'] as const)(
  'a directory of a newer release keeps its module, isolation %s',
  async (isolation) => {
    await unpackOlderUniverse(data);
    await deploy(await makeNewerBundle(100)).report;
    const universe = await open({ data, isolation, logger });
    expect(told()).toEqual([expect.stringMatching(/^This client has schema 3 .* 4: it is older, and goes on/)]);
    expect(universe.client.schema).toMatchObject({ codeVersion: 4, dataVersion: 4 });
    await universe.events.publish('order.placed', { id: 1 });
  },
);
