import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import { TEST_CERTIFICATE } from '../../test/session-fixtures/test-certificate.ts';
import { call, oneOff } from '../../test/session-fixtures/test-client.ts';
import { WireClient } from '../../test/session-fixtures/wire-client.ts';
import type { LogRecord } from '../clock/clock.ts';
import type { Host } from '../host.ts';
import { openHost } from '../open-host.ts';
import type { HostOptions } from '../host-options.ts';
import { identityToHex } from '../identity/identity.ts';
import type { RunningServer, ServeOptions } from './serve.ts';

let root = '';
let host: Host;
let server: RunningServer;
let records: LogRecord[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'inner-universe-management-'));
  await start();
});

afterEach(async () => {
  await host.close();
  await rm(root, { recursive: true, force: true });
});

async function start(options: Partial<HostOptions> = {}, serving: Partial<ServeOptions> = {}): Promise<void> {
  records = [];
  const logger = { log: (record: LogRecord) => void records.push(record) };
  host = await openHost({ data: join(root, 'data'), logger, ...options });
  server = await host.serve({ host: '127.0.0.1', port: 0, ...serving });
}

async function restart(options: Partial<HostOptions> = {}, serving: Partial<ServeOptions> = {}): Promise<void> {
  await host.close();
  await start(options, serving);
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
}

/** A request of somebody; of the host's owner when nobody is named, of nobody for `null`. */
async function send(method: string, path: string, { body, token = host.ownerToken }: Sending = {}): Promise<Answer> {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.address}/v1${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
}

interface Sending {
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly token?: string | null;
}

const people = () => bundleOf('people.ts');
const publish = async (name: string, options: Sending = {}) =>
  send('PUT', `/database/${name}?host_type=Js`, { body: await people(), ...options });
const hexOf = (name: string) => identityToHex(host.database(name).identity);

describe('publishing over HTTP', () => {
  test('creates a database, which can be used at once, and updates it', async () => {
    expect((await send('POST', '/database/people/pre_publish', { body: await people() })).status).toBe(404);
    const made = await publish('people');
    expect([made.status, made.json]).toEqual([
      200,
      { Success: { domain: 'people', database_identity: hexOf('people'), op: 'created' } },
    ]);
    const client = await WireClient.open(server.address, { database: 'people' });
    expect(await client.ask(oneOff(1, 'SELECT * FROM person'))).toMatchObject({ type: 'one-off' });
    const identity = hexOf('people');
    expect((await publish('people')).json).toEqual({
      Success: { domain: 'people', database_identity: identity, op: 'updated' },
    });
    const more = await bundleOf('people-more.ts');
    expect((await send('PUT', `/database/${identity}?num_replicas=3&unknown=1`, { body: more })).json).toEqual({
      Success: { domain: null, database_identity: identity, op: 'updated' },
    });
    expect((await send('GET', `/database/people`)).json).toMatchObject({
      database_identity: { __identity__: `0x${identity}` },
      initial_program: `0x${host.database('people').programHash}`,
    });
  });

  test('without a name gives a database that is reached by its identity', async () => {
    const made = await send('POST', '/database', { body: await people() });
    const { Success } = made.json as { Success: { domain: null; database_identity: string; op: string } };
    expect([Success.domain, Success.op]).toEqual([null, 'created']);
    expect((await send('GET', `/database/${Success.database_identity}/names`)).json).toEqual({ names: [] });
    expect((await send('PUT', `/database/c200${'0'.repeat(60)}`, { body: await people() })).status).toBe(404);
    await restart();
    expect((await send('GET', `/database/${Success.database_identity}`)).status).toBe(200);
  });

  test('a preview tells what would change; a plan that cannot be run says why', async () => {
    await publish('people');
    const preview = await send('POST', '/database/people/pre_publish?style=NoColor', {
      body: await bundleOf('people-more.ts'),
    });
    expect([preview.status, preview.json]).toMatchObject([
      200,
      {
        AutoMigrate: {
          migrate_plan: expect.stringContaining('badge'),
          break_clients: expect.any(Boolean),
          token: expect.stringMatching(/^0x[0-9a-f]{64}$/),
          major_version_upgrade: false,
        },
      },
    ]);
    const refused = await send('POST', '/database/people/pre_publish', { body: await bundleOf('people-less.ts') });
    expect(refused.json).toMatchObject({
      ManualMigrate: { reason: expect.stringContaining('person'), major_version_upgrade: false },
    });
    const rejected = await send('PUT', '/database/people', { body: await bundleOf('people-less.ts') });
    expect([rejected.status, rejected.text]).toEqual([400, expect.stringMatching(/^Database update rejected: /)]);
  });

  test('a publication with the token of a preview does what that said, or nothing', async () => {
    await publish('people');
    const more = await bundleOf('people-more.ts');
    const preview = await send('POST', '/database/people/pre_publish', { body: more });
    const { token } = (preview.json as { AutoMigrate: { token: string } }).AutoMigrate;
    const withToken = (given: string, body: string) =>
      send('PUT', `/database/people?host_type=Js&policy=BreakClients&token=${given}`, { body });
    const other = await withToken(token, await bundleOf('bench.ts'));
    expect([other.status, other.text]).toEqual([400, expect.stringMatching(/^Database update rejected: the plan/)]);
    expect((await withToken(token, more)).json).toMatchObject({ Success: { op: 'updated' } });
    expect((await withToken(`0x${'0'.repeat(64)}`, more)).status).toBe(400);
  });

  test('clear and reset begin anew, with the same identity', async () => {
    await publish('people');
    const identity = hexOf('people');
    const notes = () => host.database('people').database.status();
    const fill = async () => {
      const client = await WireClient.open(server.address, { database: 'people', token: host.ownerToken });
      await client.ask(call('reducer', 1, 'write_notes', Uint8Array.of(3, 0, 0, 0, 5, 0, 0, 0)));
      client.vanish();
    };
    const count = async () => (await notes()).tables.find(({ name }) => name === 'note')?.rows;
    const begin: [string, string, string | undefined][] = [
      ['PUT', '/database/people?clear=true', await people()],
      ['PUT', '/database/people/reset', undefined],
      ['PUT', '/database/people/reset', await bundleOf('people-more.ts')],
    ];
    for (const [method, path, body] of begin) {
      await fill();
      expect(await count()).toBe(3);
      expect((await send(method, path, { body })).json).toMatchObject({ Success: { database_identity: identity } });
      expect(await count()).toBe(0);
    }
  });

  test.each([
    ['no JavaScript', 'export const =', /^Failed to create or update the database: /],
    ['no module', 'export const x = 1', /^Failed to create or update the database: /],
    ['WebAssembly', '\0asm\x01\0\0\0', /WebAssembly/],
    ['no text', Uint8Array.of(0xff, 0xfe), /UTF-8/],
    ['nothing', '', /^Failed to create or update the database: /],
  ])('%s is refused in words, and nothing is left', async (_what, body, text) => {
    const answer = await send('PUT', '/database/people', { body });
    expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(text)]);
    expect(host.databases).toEqual([]);
    expect(await readdir(join(root, 'data', 'databases'))).toEqual([]);
    await publish('people');
    expect((await send('PUT', '/database/people', { body })).status).toBe(400);
    expect((await send('GET', '/database/people')).status).toBe(200);
  });

  test('a module whose init fails is told so', async () => {
    const answer = await send('PUT', '/database/bad', { body: await bundleOf('bad-init.ts') });
    expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(/^Failed to create.*init failed/)]);
  });

  test.each([
    ['PUT', '/database/people?host_type=Wasm', /host_type must be Js/],
    ['PUT', '/database/people?policy=Whatever', /policy must be one of Compatible, BreakClients/],
    ['PUT', '/database/people?clear=perhaps', /clear must be one of true, false/],
    ['PUT', '/database/people?parent=other', /parent is not supported/],
    ['POST', '/database/people/pre_publish?style=Loud', /style must be one of/],
    ['PUT', '/database/Not%20A%20Name', /is no name for a database/],
  ])('%s %s is refused', async (method, path, text) => {
    await publish('people');
    const answer = await send(method, path, { body: await people() });
    expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(text)]);
  });

  test('a bundle over the limit is answered with 413, and is not waited for', async () => {
    await restart({}, { bundleBytesMax: 100_000 });
    expect((await send('PUT', '/database/people', { body: 'x'.repeat(100_001) })).status).toBe(413);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        if (sent > 200_000_000) controller.error(new Error('all of it was read'));
        else controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const init: RequestInit & { duplex: 'half' } = {
      method: 'PUT',
      body,
      duplex: 'half',
      headers: { authorization: `Bearer ${host.ownerToken}` },
    };
    const answer = await fetch(`${server.address}/v1/database/people`, init).then(
      ({ status }) => status,
      // The connection may be cut before the client has read the answer.
      (error: unknown) => String(error),
    );
    expect([413, 'TypeError: fetch failed']).toContain(answer);
    expect(sent).toBeLessThan(200_000_000);
    expect(host.databases).toEqual([]);
  });

  test('four bundles at a time are taken in; who comes meanwhile is told so', async () => {
    const headers = { authorization: `Bearer ${host.ownerToken}` };
    const begin = (name: string) => {
      let finish = (): void => undefined;
      const upload = async (): Promise<number> => {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(new Uint8Array([0x20]));
            finish = () => controller.close();
          },
        });
        const init: RequestInit & { duplex: 'half' } = { method: 'PUT', body, duplex: 'half', headers };
        const { status } = await fetch(`${server.address}/v1/database/${name}`, init);
        // The fifth may have had a place at that moment.
        return status === 503 ? upload() : status;
      };
      return { finish: () => finish(), status: upload() };
    };
    const uploads = ['one', 'two', 'three', 'four'].map(begin);
    let refused: Answer = { status: 0, text: '', json: undefined };
    // The four may still be on their way.
    while (refused.status !== 503) refused = await send('PUT', '/database/five', { body: 'export {}' });
    expect(refused.text).toContain('4 modules are being published already');
    for (const { finish } of uploads) finish();
    expect(await Promise.all(uploads.map(({ status }) => status))).toEqual([400, 400, 400, 400]);
    expect((await publish('five')).status).toBe(200);
  });

  test('a database that goes while its new bundle comes in is not made again', async () => {
    await publish('people');
    const bundle = new TextEncoder().encode(await people());
    let finish = (): void => undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bundle.subarray(0, 1_000));
        finish = () => {
          controller.enqueue(bundle.subarray(1_000));
          controller.close();
        };
      },
    });
    const headers = { authorization: `Bearer ${host.ownerToken}` };
    const init: RequestInit & { duplex: 'half' } = { method: 'PUT', body, duplex: 'half', headers };
    const found = new Promise<void>((resolve) => {
      const find = host.findDatabase.bind(host);
      host.findDatabase = (name) => {
        resolve();
        return find(name);
      };
    });
    const answer = fetch(`${server.address}/v1/database/people`, init);
    await found;
    const stranger = await host.tokens.issue();
    await host.deleteDatabase('people');
    const taken = await host.createDatabase({ name: 'people', module: await people(), owner: stranger.identity });
    finish();
    expect((await answer).status).toBe(404);
    expect([host.databases.length, host.database('people')]).toEqual([1, taken]);
  });

  test('in a thread of its own, too', async () => {
    await restart({ isolation: 'thread' });
    expect((await publish('people')).status).toBe(200);
    expect((await send('PUT', '/database/people', { body: await bundleOf('people-more.ts') })).status).toBe(200);
    expect((await send('PUT', '/database/people', { body: 'export const x =' })).text).toMatch(
      /^Failed to create or update/,
    );
    const client = await WireClient.open(server.address, { database: 'people' });
    await client.ask(call('reducer', 1, 'no_such'));
    const log = host.database('people').logs({ lines: 1, follow: true })[Symbol.asyncIterator]();
    expect((await log.next()).value).toMatchObject({ level: 'error', functionName: 'no_such' });
    await send('PUT', '/database/people/names', { body: '["folk"]' });
    expect((await send('GET', '/database/folk/identity')).text).toBe(hexOf('folk'));
    expect((await send('DELETE', '/database/folk')).status).toBe(200);
  });

  test('over TLS, too', async () => {
    await restart({}, { tls: TEST_CERTIFICATE });
    const body = await people();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sending = httpsRequest(
        `${server.address}/v1/database/people`,
        { method: 'PUT', ca: TEST_CERTIFICATE.cert, headers: { authorization: `Bearer ${host.ownerToken}` } },
        (response) => resolve(response.resume().statusCode),
      );
      sending.on('error', reject).end(body);
    });
    expect(status).toBe(200);
    expect(host.database('people').registration.names).toEqual(['people']);
  });
});

describe('who may do what', () => {
  /** Tells when it is evaluated, and would go on to leave its world by the ways that are known. */
  const TELLTALE = `
    import { moduleHooks, console_log } from 'spacetime:sys@2.0';
    console_log(2, 'EVALUATED');
    for (const way of [globalThis, console_log, moduleHooks]) {
      try { way.constructor.constructor('return process')().exit(1); } catch {}
    }
    export default { [moduleHooks]: () => ({}) };
  `;
  const wasEvaluated = () => records.some(({ message }) => message === 'EVALUATED');
  /** Prepared bundles: one that was as much as parsed is among them. */
  const prepared = async () => (await readdir(join(root, 'data', 'cache'))).sort();

  test('a bundle of a foreign page is neither evaluated nor parsed; one of the owner is', async () => {
    await publish('people');
    const before = await prepared();
    const given = await fetch(`${server.address}/v1/identity`, { method: 'POST' });
    const { token: fresh } = (await given.json()) as { token: string };
    const paths: [string, string][] = [
      ['POST', '/database?host_type=Js'],
      ['PUT', '/database/fresh?host_type=Js'],
      ['PUT', '/database/people?clear=true&policy=BreakClients'],
      ['PUT', `/database/${hexOf('people')}?clear=true`],
      ['POST', '/database/people/pre_publish?style=NoColor'],
      ['PUT', '/database/people/reset?host_type=Js'],
    ];
    for (const [method, path] of paths) {
      const page = { origin: 'https://evil.example', 'content-type': 'text/plain' };
      const attempt = async (query: string, headers: Record<string, string>) => {
        const init = { method, headers: { ...page, ...headers }, body: TELLTALE };
        return (await fetch(`${server.address}/v1${path}${query}`, init)).status;
      };
      expect(await attempt('', {})).toBe(401);
      expect(await attempt(`&token=0x${'0'.repeat(64)}`, {})).toBe(401);
      expect([401, 403]).toContain(await attempt('', { authorization: `Bearer ${fresh}` }));
      expect([401, 403]).toContain(await attempt(`&token=${encodeURIComponent(fresh)}`, {}));
    }
    expect([wasEvaluated(), await prepared()]).toEqual([false, before]);
    expect(host.databases.map(({ name }) => name)).toEqual(['people']);
    // The same bundle tells of itself as soon as somebody sends it who may.
    expect((await send('PUT', '/database/fresh', { body: TELLTALE })).status).toBe(400);
    expect(wasEvaluated()).toBe(true);
    expect((await prepared()).length).toBe(before.length + 1);
  });

  test('a publisher that the configuration names owns what it creates, and nothing else', async () => {
    await publish('people');
    const publisher = await host.tokens.issue();
    const stranger = await host.tokens.issue();
    await server.close();
    server = await host.serve({ host: '127.0.0.1', port: 0, publishers: [publisher.identity] });
    const denied = await publish('shop', { token: stranger.token });
    expect([denied.status, denied.json]).toEqual([401, { PermissionDenied: { name: 'shop' } }]);
    expect((await publish('shop', { token: publisher.token })).json).toMatchObject({ Success: { op: 'created' } });
    expect(host.database('shop').owner).toBe(publisher.identity);
    for (const token of [host.ownerToken, stranger.token]) {
      const answer = await publish('shop', { token });
      expect(answer.status).toBe(403);
      expect(answer.text).toMatch(
        /^[0-9a-f]{64} is not authorized to perform action on database [0-9a-f]{64}: publish$/,
      );
      expect((await send('DELETE', '/database/shop', { token })).status).toBe(403);
      expect((await send('GET', '/database/shop/logs', { token })).status).toBe(403);
      expect((await send('PUT', '/database/shop/names', { token, body: '["mine"]' })).status).toBe(403);
      expect((await send('POST', '/database/shop/lock', { token })).status).toBe(403);
    }
    expect((await publish('people', { token: publisher.token })).status).toBe(403);
    const list = (owner: bigint) => send('GET', `/identity/${identityToHex(owner)}/databases`, { token: null });
    expect((await list(publisher.identity)).json).toEqual({ identities: [hexOf('shop')] });
    expect((await list(host.owner)).json).toEqual({ identities: [hexOf('people')] });
    expect((await list(stranger.identity)).json).toEqual({ identities: [] });
    expect((await send('GET', '/identity/nonsense/databases')).status).toBe(400);
  });

  test('no answer and no file beside the credentials holds a token or a key', async () => {
    await publish('people');
    const answers = await Promise.all(
      [
        '/database/people',
        '/database/people/names',
        '/database/people/logs',
        `/identity/${identityToHex(host.owner)}/databases`,
        '/ping',
      ].map(async (path) => {
        const response = await fetch(`${server.address}/v1${path}`, {
          headers: { authorization: `Bearer ${host.ownerToken}` },
        });
        return JSON.stringify([...response.headers]) + (await response.text());
      }),
    );
    await host.database('people').registration.logStore.flush();
    const files = await readdir(join(root, 'data'), { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files
        .filter((file) => file.isFile() && !file.parentPath.includes('credentials'))
        .map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    expect(texts.length).toBeGreaterThan(2);
    const key = await readFile(join(root, 'data', 'credentials', 'id_ecdsa'), 'utf8');
    for (const text of [...answers, ...texts, JSON.stringify(records.map(({ message }) => message))]) {
      expect(text).not.toContain(host.ownerToken);
      expect(text).not.toContain(key.split('\n')[1]);
    }
  });
});

describe('locks', () => {
  test('keep a database from being published to, reset and deleted, across restarts', async () => {
    await publish('people');
    expect((await send('POST', '/database/people/lock')).status).toBe(200);
    await restart();
    const attempts: [string, string][] = [
      ['PUT', '/database/people?clear=true'],
      ['PUT', '/database/people/reset'],
      ['DELETE', '/database/people'],
    ];
    for (const [method, path] of attempts) {
      const answer = await send(method, path, method === 'DELETE' ? {} : { body: await bundleOf('people-more.ts') });
      expect([answer.status, answer.text]).toEqual([
        403,
        expect.stringMatching(/^Database is locked.*`spacetime unlock` first\.$/),
      ]);
    }
    expect((await send('POST', '/database/people/unlock')).status).toBe(200);
    expect((await send('DELETE', '/database/people')).status).toBe(200);
    expect((await send('DELETE', '/database/people')).status).toBe(404);
    expect((await send('DELETE', `/database/c200${'0'.repeat(60)}`)).status).toBe(200);
  });
});

describe('names', () => {
  test('can be added and replaced, lead to the database, and are kept', async () => {
    await publish('people');
    const identity = hexOf('people');
    const added = await send('POST', '/database/people/names', { body: 'folk' });
    expect([added.status, added.json]).toEqual([200, { Success: { domain: 'folk', database_identity: identity } }]);
    expect((await send('GET', '/database/folk/names')).json).toEqual({ names: ['people', 'folk'] });
    const renamed = await send('PUT', '/database/folk/names', { body: '["humans","folk"]' });
    expect([renamed.status, renamed.json]).toEqual([200, 'Success']);
    expect((await send('GET', '/database/people/identity')).status).toBe(404);
    await restart();
    expect((await send('GET', '/database/humans/identity')).text).toBe(identity);
    expect(host.database('folk').name).toBe('humans');
    await WireClient.open(server.address, { database: 'folk' });
    // A name that was given up is free, also where it still names the older one's folder.
    expect((await publish('people')).json).toMatchObject({ Success: { op: 'created', domain: 'people' } });
    expect(hexOf('people')).not.toBe(identity);
    await restart();
    expect([hexOf('humans'), host.databases.map(({ name }) => name)]).toEqual([identity, ['humans', 'people']]);
    await send('DELETE', '/database/humans');
    expect(await readdir(join(root, 'data', 'databases'))).toEqual([hexOf('people')]);
    expect((await publish('folk')).json).toMatchObject({ Success: { op: 'created' } });
  });

  test('that are taken or malformed are refused as documented', async () => {
    await publish('people');
    await publish('shop');
    const taken = await send('PUT', '/database/people/names', { body: '["people","shop"]' });
    expect([taken.status, taken.json]).toEqual([
      400,
      { OtherError: 'Cannot rename to shop because it already is in use.' },
    ]);
    const alias = await send('POST', '/database/people/names', { body: 'shop' });
    expect([alias.status, alias.json]).toEqual([401, { PermissionDenied: { domain: 'shop' } }]);
    for (const body of ['["Not Good"]', '{"a":1}', 'nonsense', '[1]', `["${'a'.repeat(70_000)}"]`]) {
      expect([400, 413]).toContain((await send('PUT', '/database/people/names', { body })).status);
    }
    expect((await send('POST', '/database/people/names', { body: 'a b' })).status).toBe(400);
    expect((await send('GET', '/database/people/names')).json).toEqual({ names: ['people'] });
  });
});

describe('logs', () => {
  const lines = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { level: string; message: string; ts: number; function?: string });

  /** The module speaks: clients that fail do. */
  async function speak(count: number): Promise<void> {
    const client = await WireClient.open(server.address, { database: 'people' });
    for (let id = 0; id < count; id += 1) await client.ask(call('reducer', id, `no_such_${id}`));
    client.vanish();
  }

  test('past lines, by number and the whole file, also after a restart', async () => {
    await publish('people');
    await speak(5);
    await restart();
    await speak(2);
    const response = await fetch(`${server.address}/v1/database/people/logs?num_lines=3`, {
      headers: { authorization: `Bearer ${host.ownerToken}` },
    });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(lines(await response.text()).map(({ message }) => message)).toEqual([
      expect.stringContaining('no_such_4'),
      expect.stringContaining('no_such_0'),
      expect.stringContaining('no_such_1'),
    ]);
    const all = lines((await send('GET', '/database/people/logs')).text);
    expect(all).toHaveLength(7);
    expect(all[0]).toMatchObject({ level: 'Error', function: 'no_such_0', ts: expect.any(Number) });
    expect((await send('GET', '/database/people/logs?num_lines=many')).status).toBe(400);
    expect((await send('GET', '/database/people/logs?follow=perhaps')).status).toBe(400);
  });

  test('are followed until the client goes, and by several', async () => {
    await publish('people');
    await speak(2);
    const ending = new AbortController();
    const follow = async (query: string) => {
      const response = await fetch(`${server.address}/v1/database/people/logs?follow=true${query}`, {
        headers: { authorization: `Bearer ${host.ownerToken}` },
        signal: ending.signal,
      });
      return response.body!.pipeThrough(new TextDecoderStream()).getReader();
    };
    const [withPast, onlyNew] = [await follow('&num_lines=1'), await follow('')];
    let past = '';
    while (!past.includes('no_such_1')) past += (await withPast.read()).value ?? '';
    expect(lines(past)).toHaveLength(1);
    const next = onlyNew.read();
    await speak(1);
    expect(lines((await next).value ?? '')).toMatchObject([{ message: expect.stringContaining('no_such_0') }]);
    // Publishing again does not end who follows.
    const { logStore } = host.database('people').registration;
    await send('PUT', '/database/people', { body: await bundleOf('people-more.ts') });
    expect(host.database('people').registration.logStore).toBe(logStore);
    ending.abort();
    const drained = async () => {
      while ((await withPast.read()).done !== true);
    };
    await expect(drained()).rejects.toThrow();
    while (logStore.followers > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('end for who follows when the database is deleted, and when the server closes', async () => {
    await publish('people');
    const follow = async () => {
      const response = await fetch(`${server.address}/v1/database/people/logs?follow=true`, {
        headers: { authorization: `Bearer ${host.ownerToken}` },
      });
      return response.text();
    };
    const first = follow();
    while (host.database('people').registration.logStore.followers === 0)
      await new Promise((resolve) => setImmediate(resolve));
    await send('DELETE', '/database/people');
    await first;
    await publish('people');
    const second = follow().catch(() => 'cut');
    while (host.database('people').registration.logStore.followers === 0)
      await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    await second;
  });

  test('can be read in process', async () => {
    await publish('people');
    await speak(2);
    const entries = [];
    for await (const entry of host.database('people').logs({ lines: 1 })) entries.push(entry);
    expect(entries).toMatchObject([{ level: 'error', source: 'module', functionName: 'no_such_1' }]);
    const ending = new AbortController();
    for await (const entry of host.database('people').logs({ lines: 1, follow: true, signal: ending.signal })) {
      expect(entry.functionName).toBe('no_such_1');
      ending.abort();
    }
  });
});
