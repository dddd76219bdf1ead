import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveEvents } from '../archive/archive-events.ts';
import { ArchiveSchedule } from '../archive/archive-schedule.ts';
import { openArchive } from '../archive/event-archive.ts';
import { NodeArchiveFiles } from '../archive/node-archive-files.ts';
import { applyMigrations } from '../migrations/schema-migrations.ts';
import { openUniverse } from '../open-universe.ts';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';
import { InnerUniverseController } from './controller.ts';

let testUniverse: TestUniverse;
beforeEach(async () => void (testUniverse = await createTestUniverse()));
afterEach(() => testUniverse.close());

const REFUSED = { code: 'config/invalid' };
/** As programs without types give it. */
const given = (options: unknown): never => options as never;

test.each([[{}], [5], [{ rows: true }], ['dir'], [null]])(
  'a universe does not open with %j as archive',
  async (archive) => {
    await expect(openUniverse({ memory: true, archive: given(archive) })).rejects.toMatchObject(REFUSED);
  },
);

test('a universe opens with an archive', async () => {
  const universe = await openUniverse({ memory: true, archive: openArchive('/nowhere') });
  await universe.close();
});

test.each([
  [{}],
  [undefined],
  [5],
  [{ host: '127.0.0.1' }],
  [{ port: 0 }],
  [{ host: '', port: 0 }],
  [{ host: '127.0.0.1', port: 65_536 }],
  [{ host: '127.0.0.1', port: '0' }],
  [{ host: '127.0.0.1', port: 0, metric: 'off' }],
  [{ host: '127.0.0.1', port: 0, metrics: 'none' }],
  [{ host: '127.0.0.1', port: 0, expiredTokens: 'kep' }],
])('nothing is served by %j', async (options) => {
  const controller = new InnerUniverseController({ memory: true });
  await controller.startServerMode();
  await expect(controller.serve(given(options))).rejects.toMatchObject(REFUSED);
  expect(controller.status.getSnapshot().address).toBeUndefined();
  await controller.stop();
});

test.each([
  [{ planOny: true }],
  [{ planOnly: 'true' }],
  [{ allow: { deleteDate: 'always' } }],
  [{ allow: { deleteData: 'yes' } }],
  [{ allow: 'all' }],
  [{ migrate: 'manul' }],
  [{ token: 5 }],
  [{ timeoutMs: '5' }],
  [5],
])('nothing is deployed by %j', async (options) => {
  const controller = new InnerUniverseController({ memory: true });
  await expect(controller.startDeploymentMode(given(options))).rejects.toMatchObject(REFUSED);
  expect(controller.state).toBe('stopped');
});

test('a controller neither starts nor stops by options that are none', async () => {
  const controller = new InnerUniverseController({ memory: true });
  await expect(controller.startServerMode(given({ timeoutMs: -1 }))).rejects.toMatchObject(REFUSED);
  await controller.startServerMode();
  for (const options of [{ drainMS: 5 }, { drainMs: Number.NaN }, { signal: {} }, 5])
    await expect(controller.stop(given(options))).rejects.toMatchObject(REFUSED);
  expect(controller.state).toBe('running');
  await controller.stop();
});

test.each([
  [{ limts: { maxEvents: 1 } }],
  [{ limits: { maxEvnts: 1 } }],
  [{ limits: { maxEvents: '1' } }],
  [{ limits: 5 }],
  [{ segmentRows: 'x' }],
  [{ timeoutMs: '5' }],
  [5],
])('nothing is archived, nor trimmed, by %j', async (options) => {
  const { client } = testUniverse.universe;
  // What is refused does not even look at the directory.
  const files = new NodeArchiveFiles('/proc/none');
  await expect(archiveEvents(client, files, given(options))).rejects.toMatchObject(REFUSED);
  if (typeof options !== 'object') return;
  const onError = (): void => undefined;
  expect(() => new ArchiveSchedule(client, '/proc/none', { ...(options as object), onError })).toThrow(
    expect.objectContaining(REFUSED) as Error,
  );
});

test('an archive is neither opened nor read by options that are none', async () => {
  expect(() => openArchive('/nowhere', given({ upcaster: {} }))).toThrow(expect.objectContaining(REFUSED) as Error);
  const archive = openArchive('/nowhere');
  for (const query of [{ patern: 'a' }, { kind: 'aplication' }, { order: 'descnding' }, { afterSeq: 'x' }])
    await expect(archive.events(given(query)).next()).rejects.toMatchObject(REFUSED);
});

test('a schema is not migrated by options that are none', async () => {
  const { client } = testUniverse.universe;
  await expect(applyMigrations(client, given({ onProgres: () => undefined }))).rejects.toMatchObject(REFUSED);
});
