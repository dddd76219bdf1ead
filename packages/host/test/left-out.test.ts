import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogRecord } from '../src/clock/clock.ts';
import { type Host, openHost } from '../src/host.ts';
import { SchemaError } from '../src/schema/schema-error.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';
import { WireClient } from './session-fixtures/wire-client.ts';
import { call, oneOff } from './session-fixtures/test-client.ts';

let host: Host;
let server: RunningServer;
let logs: LogRecord[];

beforeEach(async () => {
  logs = [];
  host = await openHost({ memory: true, logger: { log: (record) => void logs.push(record) } });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
});

afterEach(() => host.close());

describe('a module with row-level security', () => {
  test('is refused when it is published, by name, and leaves nothing', async () => {
    const module = await bundleOf('row-level.ts');
    const refusal: unknown = await host.publish({ name: 'test', module }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(SchemaError);
    expect(refusal).toMatchObject({
      code: 'schema/unsupported',
      message: expect.stringContaining('row-level security is not supported by the embedded host'),
      problems: [{ message: expect.stringContaining('SELECT * FROM message WHERE to = :sender') }],
    });
    expect(host.databases).toEqual([]);
  });

  test('cannot take the place of a module that runs', async () => {
    const running = await host.createDatabase({ name: 'test', module: await bundleOf('left-out.ts') });
    const module = await bundleOf('row-level.ts');
    await expect(host.publish({ name: 'test', module })).rejects.toMatchObject({ code: 'schema/unsupported' });
    expect(host.database('test')).toBe(running);
    expect(await (await WireClient.open(server.address)).ask(oneOff(1, 'SELECT * FROM person'))).toMatchObject({
      type: 'one-off',
    });
  });
});

describe('a module with HTTP routes', () => {
  beforeEach(async () => {
    await host.createDatabase({ name: 'test', module: await bundleOf('left-out.ts') });
  });

  test('loads, works, and its log says what is left out', async () => {
    const client = await WireClient.open(server.address);
    const row = Uint8Array.of(7, 0, 0, 0, 1, 0, 0, 0, 0x61);
    expect(await client.ask(call('reducer', 1, 'add', row))).toMatchObject({ type: 'reducer', outcome: 'ok' });
    const warnings = logs.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toEqual([
      expect.stringContaining('HTTP routes of modules are not supported by the embedded host'),
    ]);
    expect(warnings.join(' ')).toContain('GET /hello');
  });

  test('its routes are answered with 501', async () => {
    for (const path of ['route', 'route/hello', 'route/a/b']) {
      const response = await fetch(`${server.address}/v1/database/test/${path}`);
      expect([response.status, await response.text()]).toEqual([501, 'not supported by the embedded host']);
    }
    expect((await fetch(`${server.address}/v1/database/nowhere/route/hello`)).status).toBe(404);
  });

  test('its outbound requests fail with words that it can read', async () => {
    const client = await WireClient.open(server.address);
    const answer = await client.ask(call('procedure', 1, 'fetch_something'));
    const returned = answer.type === 'procedure' ? (answer.returned ?? '') : '';
    expect(Buffer.from(returned, 'hex').toString()).toContain('not supported by the embedded host');
  });
});
