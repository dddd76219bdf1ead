import { cp, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openHost, silentLogger, type Host, type RunningServer } from '@inner-universe/host';
import { CODE_VERSION } from '@inner-universe/module/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findModule, InnerUniverseConfig, InnerUniverseController, type DeploymentEvent } from '../src/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';

let host: Host;
let server: RunningServer;
let bundlePath: string;
const directories: string[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  host = await openHost({ memory: true, logger: silentLogger });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
  const source = findModule();
  bundlePath = 'path' in source ? source.path : '';
});

afterAll(async () => {
  await host.close();
  await Promise.all(directories.map(removeDirectory));
});

function makeController(
  target: { server: string; token?: string } | { data: string } | { memory: true },
  database = 'universe',
) {
  const config = InnerUniverseConfig.from({ ...target, database });
  return new InnerUniverseController(config, (error) => errors.push(error));
}

async function makeData(): Promise<string> {
  const directory = await makeDirectory();
  directories.push(directory);
  return directory;
}

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

describe('a deployment to a server', () => {
  test('creates, then updates, tells each step, and reads back what is there', async () => {
    const controller = makeController({ server: server.address, token: host.ownerToken }, 'shop');
    const states: string[] = [];
    controller.onState(({ state }) => states.push(state));
    const events: DeploymentEvent[] = [];
    const report = await controller.startDeploymentMode({ onProgress: (event) => events.push(event) });
    const { database, programHash } = host.database('shop');
    expect(report).toMatchObject({
      database: 'shop',
      outcome: 'created',
      preview: undefined,
      deletedData: false,
      migrated: undefined,
      programHash,
      verified: { programBy: 'hash', codeVersion: CODE_VERSION, dataVersion: CODE_VERSION },
    });
    expect(report.verified?.identity).toBe(database.identity.toString(16).padStart(64, '0'));
    expect(report.verified?.owner).toBe(host.owner.toString(16).padStart(64, '0'));
    expect(events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type))).toEqual([
      'step-started build',
      'step-done build',
      'step-started plan',
      'planned',
      'step-done plan',
      'step-started publish',
      'step-done publish',
      'step-started migrate',
      'step-done migrate',
      'step-started verify',
      'step-done verify',
    ]);
    expect(states).toEqual(['deploying', 'stopped']);

    const again = await controller.startDeploymentMode();
    expect(again).toMatchObject({ outcome: 'updated', preview: { type: 'automatic', breaksClients: false } });
    expect(again.verified?.identity).toBe(report.verified?.identity);
    await controller.stop();
  });

  test('takes an entry file as well as a bundle, of which it publishes the very bytes', async () => {
    const root = dirname(createRequire(import.meta.url).resolve('@inner-universe/module/package.json'));
    const controller = makeController({ server: server.address, token: host.ownerToken }, 'entry');
    const built = await controller.startDeploymentMode({ module: join(root, 'src', 'module.ts') });
    expect(built.verified).toMatchObject({ codeVersion: CODE_VERSION });
    const bundled = await controller.startDeploymentMode({ module: { bundle: await readFile(bundlePath, 'utf8') } });
    expect(host.database('entry').programHash).toBe(bundled.programHash);
  });

  test('with planOnly changes nothing', async () => {
    const controller = makeController({ server: server.address, token: host.ownerToken }, 'planned');
    const report = await controller.startDeploymentMode({ planOnly: true });
    expect(report).toMatchObject({ outcome: undefined, verified: undefined });
    expect(host.findDatabase('planned')).toBeUndefined();
  });

  test('is refused, saying why and changing nothing, for a module that is no universe, a wrong token, and none', async () => {
    const cases: [ReturnType<typeof makeController>, object, string][] = [
      [
        makeController({ server: server.address, token: host.ownerToken }, 'plain'),
        { module: fixture('plain-module.ts') },
        'deployment/not-a-universe',
      ],
      [makeController({ server: server.address, token: 'nonsense' }, 'plain'), {}, 'server/unauthorized'],
      [makeController({ server: server.address }, 'plain'), {}, 'server/unauthorized'],
      [makeController({ server: 'http://127.0.0.1:1', token: 'nonsense' }, 'plain'), {}, 'server/unreachable'],
      [makeController({ memory: true }, 'plain'), {}, 'config/invalid'],
      [
        makeController({ memory: true }, 'plain'),
        { target: server.address, database: 'shop', token: (await host.tokens.issue()).token },
        'server/forbidden',
      ],
    ];
    for (const [controller, options, code] of cases) {
      await expect(controller.startDeploymentMode(options)).rejects.toMatchObject({ code });
      expect(controller.status.getSnapshot()).toMatchObject({ state: 'stopped', lastError: { code } });
    }
    expect(host.findDatabase('plain')).toBeUndefined();
  });

  test('does not delete the data of another module unless that is allowed', async () => {
    await host.createDatabase({ name: 'taken', module: { path: fixture('other-module.ts') } });
    const before = host.database('taken').programHash;
    const controller = makeController({ server: server.address, token: host.ownerToken }, 'taken');
    await expect(controller.startDeploymentMode()).rejects.toMatchObject({ code: 'deployment/refused' });
    expect(host.database('taken').programHash).toBe(before);
    const report = await controller.startDeploymentMode({ allow: { deleteData: 'on-conflict' } });
    expect(report).toMatchObject({ deletedData: true, verified: { codeVersion: CODE_VERSION } });
  });

  test('migrates data whose schema is older, and where that is left to others says what to do', async () => {
    await host.createDatabase({ name: 'older', module: { path: bundlePath } });
    await host.sql('older', 'UPDATE schema_version SET data_version = 0');
    const controller = makeController({ server: server.address, token: host.ownerToken }, 'older');
    await expect(controller.startDeploymentMode({ migrate: 'manual' })).rejects.toMatchObject({
      code: 'deployment/needs-migration',
      details: { from: 0, to: CODE_VERSION },
    });
    // A migration that does nothing is found out.
    const events: DeploymentEvent[] = [];
    const idle = controller.startDeploymentMode({
      migrate: async ({ onProgress }) => onProgress({ done: 1, total: 2, what: 'entity' }),
      onProgress: (event) => events.push(event),
    });
    await expect(idle).rejects.toMatchObject({ code: 'deployment/not-verified' });
    expect(events).toContainEqual({ type: 'migrating', done: 1, total: 2, what: 'entity' });
    const report = await controller.startDeploymentMode({
      migrate: async ({ client, from, to }) => {
        expect(client.identity).toBe(host.owner.toString(16).padStart(64, '0'));
        expect([from, to]).toEqual([0, CODE_VERSION]);
        await host.sql('older', `UPDATE schema_version SET data_version = ${to}`);
      },
    });
    expect(report).toMatchObject({ migrated: { from: 0, to: CODE_VERSION }, verified: { dataVersion: CODE_VERSION } });
    // By default it is the module's own migrations that are applied.
    await host.sql('older', 'UPDATE schema_version SET data_version = 1');
    expect(await controller.startDeploymentMode()).toMatchObject({ migrated: { from: 1, to: CODE_VERSION } });
    await host.sql('older', `UPDATE schema_version SET data_version = ${CODE_VERSION + 1}`);
    await expect(controller.startDeploymentMode()).rejects.toMatchObject({ code: 'schema/newer-data' });
  });

  test('is called off by its signal or by stopping, and leaves nothing open', async () => {
    const controller = makeController({ server: server.address, token: host.ownerToken }, 'never');
    const reason = new Error('changed my mind');
    await expect(controller.startDeploymentMode({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const leaving = new AbortController();
    const aborted = controller.startDeploymentMode({
      signal: leaving.signal,
      onProgress: ({ type }) => type === 'planned' && leaving.abort(reason),
    });
    await expect(aborted).rejects.toBe(reason);
    const stopped = controller.startDeploymentMode({
      onProgress: ({ type }) => void (type === 'planned' && controller.stop()),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'universe/closed' });
    await expect(controller.startDeploymentMode({ timeoutMs: 1 })).rejects.toMatchObject({
      code: 'connection/timeout',
    });
    await controller.stop();
    expect(host.findDatabase('never')).toBeUndefined();
  });
});

describe('a deployment to a data directory', () => {
  test('happens in this process, and the directory is free again', async () => {
    const data = await makeData();
    const controller = makeController({ data });
    expect(await controller.startDeploymentMode()).toMatchObject({
      target: data,
      outcome: 'created',
      verified: { programBy: 'hash' },
    });
    expect(await controller.startDeploymentMode()).toMatchObject({ outcome: 'unchanged' });
    await controller.startServerMode();
    await expect(controller.startDeploymentMode()).rejects.toMatchObject({ code: 'universe/open-failed' });
    await controller.stop();
  });

  test('that another process serves goes through that one', async () => {
    const data = await makeData();
    const serving = makeController({ data });
    await serving.startServerMode();
    const address = await serving.serve({ host: '127.0.0.1', port: 0 });
    const report = await makeController({ memory: true }).startDeploymentMode({ target: data, database: 'beside' });
    expect(report).toMatchObject({ outcome: 'created', target: `${address.replace('http', 'ws')}/` });
    expect(serving.status.getSnapshot()).toMatchObject({ state: 'running', address });
    await serving.stop();
    expect(serving.status.getSnapshot()).toMatchObject({ state: 'stopped', address: undefined });
  });

  test('of something else is refused', async () => {
    const data = await makeData();
    await cp(fixture('plain-module.ts'), join(data, 'module.ts'));
    await expect(makeController({ data }).startDeploymentMode()).rejects.toMatchObject({
      code: 'universe/not-a-universe',
    });
  });
});
