/** What reaches a socket of somebody who may not see it: every byte is looked at. */
import { describeModule } from '@inner-universe/host';
import type { Op } from '@inner-universe/module/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CANARY,
  common,
  mayKnowScopes,
  OTHER_TEXTS,
  SECRET_SCOPE,
  secrets,
  TEXTS,
  TRIERS,
} from '../../module/test/canaries.ts';
import { camelCase } from '../../module/test/plain-values.ts';
import { Arguments, Dice } from '../../module/test/random-arguments.ts';
import { moduleBundle, ops } from '../../module/test/universe.ts';
import type { Connection } from '../src/connection/connection.ts';
import { openSdkConnection } from '../src/connection/sdk-connection.ts';
import type { OpenSocket } from '../src/connection/sdk-socket.ts';
import { openServerSocket } from '../src/connection/server-socket.ts';
import { openUniverse, type Universe } from '../src/index.ts';
import { startServer, type TestServer } from './forms.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const RUNS = Number(process.env['RUNS'] ?? 2);
const DATABASE = 'universe';
/** A socket that the host ends before its first message: the SDK tells the one or the other. */
const TURNED_AWAY: unknown = expect.stringMatching(/^connection\/(refused|unreachable)$/);
const SILENT = { log: () => undefined };

type Definition = Awaited<ReturnType<typeof describeModule>>;

let server: TestServer;
let definition: Definition;
let owner: Universe;

beforeAll(async () => {
  process.stdout.write(`strangers on sockets: SEED=${SEED} RUNS=${RUNS}\n`);
  server = await startServer();
  definition = await describeModule(await moduleBundle());
  owner = server.universe;
  await owner.client.apply(common());
  for (const request of secrets()) await owner.client.apply(request);
}, 60_000);

afterAll(async () => {
  await server.close();
});

/** Every frame that came over a socket, as text. */
class Frames {
  readonly #frames: string[] = [];

  add(bytes: Uint8Array): void {
    this.#frames.push(new TextDecoder('latin1').decode(bytes));
  }

  get count(): number {
    return this.#frames.length;
  }

  /** What came that should not have; nothing is what is hoped for. */
  leaks(allowed: readonly string[]): string[] {
    return this.#frames
      .map((frame) => allowed.reduce((rest, word) => rest.replaceAll(word, ''), frame))
      .filter((frame) => frame.includes(CANARY))
      .map((frame) => frame.slice(Math.max(0, frame.indexOf(CANARY) - 300), frame.indexOf(CANARY) + 200));
  }
}

const recording =
  (frames: Frames): OpenSocket =>
  async (request, signal) => {
    const inner = await openServerSocket(request, signal);
    return {
      get protocol() {
        return inner.protocol;
      },
      get readyState() {
        return inner.readyState;
      },
      set onopen(handler: typeof inner.onopen) {
        inner.onopen = handler;
      },
      set onmessage(handler: typeof inner.onmessage) {
        inner.onmessage = (message) => {
          frames.add(message.data);
          handler(message);
        };
      },
      set onclose(handler: typeof inner.onclose) {
        inner.onclose = handler;
      },
      set onerror(handler: typeof inner.onerror) {
        inner.onerror = handler;
      },
      send: (message) => inner.send(message),
      close: () => inner.close(),
    };
  };

interface Somebody {
  readonly identity: string;
  readonly token: string;
}

function http(path: string, init: { method?: string; token?: string; body?: string } = {}): Promise<Response> {
  const url = new URL(path, server.address.replace(/^ws/, 'http'));
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (init.token !== undefined) headers['authorization'] = `Bearer ${init.token}`;
  return fetch(url, { method: init.method ?? 'GET', headers, ...(init.body === undefined ? {} : { body: init.body }) });
}

async function somebody(): Promise<Somebody> {
  return (await (await http('/v1/identity', { method: 'POST' })).json()) as Somebody;
}

/** Somebody with these grants; as a guest, guests are let in for the time being. */
async function trier(name: string): Promise<Somebody> {
  const one = await somebody();
  const grants = (TRIERS[name] ?? []).map(([action, resource, scope]) =>
    ops.grant(one.identity, action, resource, scope),
  );
  if (grants.length > 0) await owner.client.apply(grants);
  const isGuest = name === 'a guest';
  const guests: Op[] = [ops.setting('guests', isGuest)];
  if (isGuest) guests.push(ops.grant('role:guest', 'read', 'event:news.**', 'main'));
  await owner.client.apply(guests);
  return one;
}

function connect(token: string, frames: Frames): Promise<Connection> {
  return openSdkConnection({
    url: server.address,
    database: DATABASE,
    token,
    openSocket: recording(frames),
    onListenerError: (error) => {
      throw error;
    },
  });
}

/** All that can be asked of a table: all of it, some of it, joined from both sides. */
function queriesOn(table: { readonly name: string; readonly columns: readonly { readonly name: string }[] }): string[] {
  const [first] = table.columns;
  const { name } = table;
  return [
    `SELECT * FROM ${name}`,
    `SELECT ${name}.* FROM ${name} WHERE ${name}.${first!.name} = 1`,
    `SELECT ${name}.* FROM ${name} JOIN head ON ${name}.${first!.name} = head.scope_key`,
    `SELECT head.* FROM head JOIN ${name} ON head.scope_key = ${name}.${first!.name}`,
  ];
}

describe(`over a WebSocket (SEED=${SEED})`, () => {
  test('a stranger is not let in at all, and not one byte of a message comes', async () => {
    const one = await trier('a stranger');
    const frames = new Frames();
    await expect(connect(one.token, frames)).rejects.toMatchObject({ code: TURNED_AWAY });
    expect(frames.count).toBe(0);
  });

  test.each(Object.keys(TRIERS).filter((name) => name !== 'a stranger'))(
    '%s gets nothing of the vault: by no table, procedure, reducer or op',
    async (name) => {
      const one = await trier(name);
      const frames = new Frames();
      const connection = await connect(one.token, frames);
      const allowed = mayKnowScopes(name) ? [SECRET_SCOPE] : [];
      const open: string[] = [];
      for (const table of definition.tables) {
        for (const query of queriesOn(table)) {
          const request = { queries: [query], tables: [], onChange: () => undefined };
          const subscription = await connection.subscribe(request).catch(() => undefined);
          if (subscription !== undefined) open.push(query);
        }
      }
      // Public tables alone, and of joins none with a private one.
      expect(
        open.filter(
          (query) => !/^SELECT (\* FROM|head\.\*|schema_version\.\*) ?(head|schema_version|FROM)/.test(query),
        ),
      ).toEqual([]);
      expect(open).toContain('SELECT * FROM head');
      const privates = definition.tables.filter((table) => table.access === 'private').map((table) => table.name);
      expect(open.filter((query) => privates.some((table) => new RegExp(`\\b${table}\\b`).test(query)))).toEqual([]);
      await tryAll(connection, definition);
      // What happens while they look on.
      for (const request of secrets(`-${one.identity.slice(-8)}`)) await owner.client.apply(request);
      await tryProcedures(connection, definition, new Arguments(new Dice(SEED + 2), OTHER_TEXTS, TEXTS));
      expect(frames.count).toBeGreaterThan(definition.procedures.length);
      expect(frames.leaks(allowed), `SEED=${SEED}`).toEqual([]);
      await connection.close();
    },
    60_000,
  );

  test('the owner’s frames are full of it, so it would have been seen', async () => {
    const frames = new Frames();
    const connection = await connect(server.ownerToken, frames);
    await connection.subscribe({ queries: ['SELECT * FROM entity'], tables: [], onChange: () => undefined });
    await connection.callProcedure('readState', { versionId: 'canary-version-id', limit: 0 });
    expect(frames.leaks([]).length).toBeGreaterThan(1);
    await connection.close();
  });
});

async function tryProcedures(connection: Connection, { procedures }: Definition, make: Arguments): Promise<void> {
  for (const { name, params } of procedures) {
    for (let run = 0; run < RUNS; run += 1) await settle(connection.callProcedure(camelCase(name), make.of(params)));
  }
}

async function tryAll(connection: Connection, definition: Definition): Promise<void> {
  const make = new Arguments(new Dice(SEED), OTHER_TEXTS, TEXTS);
  await tryProcedures(connection, definition, make);
  let calls = 0;
  const envelope = (): object => {
    calls += 1;
    const issuedAt = { __timestamp_micros_since_unix_epoch__: BigInt(Date.now()) * 1_000n };
    return { requestId: `${connection.identity.slice(-8)}-${calls}`, issuedAt };
  };
  for (const { name, params, lifecycle, visibility } of definition.reducers) {
    if (lifecycle !== undefined || visibility === 'private') continue;
    const list = params.find((param) => param.name === 'ops')?.algebraicType;
    if (list === undefined) {
      for (let run = 0; run < RUNS; run += 1) {
        await settle(connection.callReducer(camelCase(name), { ...make.of(params), ...envelope() }));
      }
      continue;
    }
    const variants = list.type === 'array' && list.element.type === 'sum' ? list.element.variants : [];
    for (const variant of variants) {
      const tag = (variant.name ?? '').replace(/^./, (letter) => letter.toUpperCase());
      for (let run = 0; run < RUNS; run += 1) {
        const op = { tag, value: make.value(variant.algebraicType) };
        await settle(connection.callReducer(camelCase(name), { ...envelope(), consumer: undefined, ops: [op] }));
      }
    }
  }
}

/** Whatever it ends with: what came over the socket is what is looked at. */
async function settle(call: Promise<unknown>): Promise<void> {
  await call.catch(() => undefined);
}

describe('over HTTP', () => {
  test.each(Object.keys(TRIERS))(
    '%s gets nothing of the vault, and nothing of the host',
    async (name) => {
      const { token } = await trier(name);
      const allowed = mayKnowScopes(name) ? [SECRET_SCOPE] : [];
      const look = async (response: Response, what: string): Promise<number> => {
        const frames = new Frames();
        frames.add(new Uint8Array(await response.arrayBuffer()));
        expect(frames.leaks(allowed), what).toEqual([]);
        return response.status;
      };
      const place = `/v1/database/${DATABASE}`;
      for (const table of definition.tables) {
        for (const body of [...queriesOn(table), `DELETE FROM ${table.name}`]) {
          const status = await look(await http(`${place}/sql`, { method: 'POST', token, body }), body);
          const isRead = body.startsWith('SELECT') && !/\bJOIN\b/.test(body);
          if (table.access === 'private' || !isRead || name === 'a stranger') expect(status, body).not.toBe(200);
        }
      }
      const make = new Arguments(new Dice(SEED), OTHER_TEXTS, TEXTS);
      for (const { name: called, params } of [...definition.procedures, ...definition.reducers]) {
        const body = toJson(Object.values(make.of(params)));
        const status = await look(await http(`${place}/call/${called}`, { method: 'POST', token, body }), called);
        if (name === 'a stranger') expect(status, called).not.toBe(200);
      }
      await look(await http(`${place}/schema?version=9`, { token }), 'schema');
      for (const path of [`${place}/logs?num_lines=100`, '/metrics', '/v1/metrics']) {
        expect(await look(await http(path, { token }), path), path).toBeGreaterThanOrEqual(401);
        expect(await look(await http(path), path), path).toBeGreaterThanOrEqual(401);
      }
      for (const [method, path] of [
        ['PUT', place],
        ['PUT', `${place}/reset`],
        ['DELETE', place],
        ['POST', `${place}/names`],
      ] as const) {
        expect(await look(await http(path, { method, token, body: '"x"' }), path), path).toBeGreaterThanOrEqual(400);
      }
    },
    60_000,
  );
});

function toJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (member instanceof Uint8Array) return [...member];
    if (typeof member === 'bigint') return Number(member);
    return member === undefined ? null : member;
  });
}

describe('a right that is taken back', () => {
  const grants = [['read', 'scope:main', '']] as const;

  test('ends at once: the follower gets no further event or page, and its connection nothing of what comes', async () => {
    const one = await somebody();
    // An id that the random arguments above do not know, and so cannot have deleted.
    const entity = `taken-back-${one.identity.slice(-8)}`;
    await owner.client.apply([ops.entity(entity)]);
    await owner.client.apply(grants.map(([action, resource]) => ops.grant(one.identity, action, resource)));
    const frames = new Frames();
    const connection = await connect(one.token, frames);
    const page = (): Promise<unknown> => connection.callProcedure('readEntities', { ...READ_ENTITIES, ids: [entity] });
    await expect(page()).resolves.toMatchObject({ entities: [{ id: entity }] });
    await owner.client.apply(grants.map(([action, resource]) => ops.revoke(one.identity, action, resource)));
    const told = frames.count;
    await expect(page()).rejects.toMatchObject({ code: 'permission/denied' });
    await owner.client.apply([ops.changeEntity(entity, { description: 'later-canary' })]);
    await expect(page()).rejects.toMatchObject({ code: 'permission/denied' });
    expect(frames.count).toBeGreaterThan(told);
    expect(frames.leaks([])).toEqual([]);
    await connection.close();
    await expect(connect(one.token, frames)).rejects.toMatchObject({ code: TURNED_AWAY });
  });

  test('is told to what follows live, which then holds no more than it was given', async () => {
    const one = await somebody();
    await owner.client.apply(grants.map(([action, resource]) => ops.grant(one.identity, action, resource)));
    const errors: unknown[] = [];
    const follower = await openUniverse({
      server: server.address,
      token: one.token,
      logger: SILENT,
      onError: (error) => errors.push(error),
    });
    const seen: string[] = [];
    follower.events.subscribe('order.**', ({ id }) => void seen.push(id));
    await owner.events.publish('order.placed', { n: 1 }, { id: 'seen' });
    await follower.client.catchUp();
    expect(seen).toEqual(['seen']);
    await owner.client.apply(grants.map(([action, resource]) => ops.revoke(one.identity, action, resource)));
    await owner.events.publish('order.placed', { n: 2 }, { id: 'unseen' });
    await expect(follower.client.catchUp()).rejects.toMatchObject({ code: 'permission/denied' });
    await expect(follower.events.query()).rejects.toMatchObject({ code: 'permission/denied' });
    await expect(follower.graph.query({ type: 'person' })).rejects.toMatchObject({ code: 'permission/denied' });
    expect(seen).toEqual(['seen']);
    await follower.close();
    expect(errors.every((error) => (error as { code?: string }).code === 'permission/denied')).toBe(true);
  });
});

const READ_ENTITIES = {
  ids: [],
  scope: '',
  entityType: '',
  name: '',
  tag: '',
  property: undefined,
  cursor: '',
  limit: 0,
};

describe('who somebody is', () => {
  test('is told by the token alone: author and source are labels, publisher and actor are not', async () => {
    const one = await somebody();
    await owner.client.apply([ops.grant(one.identity, 'write', 'scope:main')]);
    const connection = await connect(one.token, new Frames());
    const issuedAt = { __timestamp_micros_since_unix_epoch__: BigInt(Date.now()) * 1_000n };
    const label = { source: owner.client.identity, author: owner.client.identity };
    const event = ops.event('claimed', 'order.placed', { source: label.source });
    await connection.callReducer('publishEvent', { requestId: 'claimed', issuedAt, op: event.value });
    const page = await owner.client.read('readEvents', {
      ids: ['claimed'],
      scope: '',
      pattern: '',
      kind: '',
      source: '',
      afterSeq: 0n,
      throughSeq: 0n,
      recordedFrom: undefined,
      recordedUntil: undefined,
      descending: false,
      limit: 0,
      recentAfter: undefined,
    });
    expect(page.events.map(({ source, publisher }) => [source, publisher.__identity__.toString(16)])).toEqual([
      [owner.client.identity, one.identity.replace(/^0+/, '')],
    ]);
    // Nor by the id of a request: it is another's.
    const two = await somebody();
    await owner.client.apply([ops.grant(two.identity, 'write', 'scope:main')]);
    const other = await connect(two.token, new Frames());
    const taken = other.callReducer('publishEvent', { requestId: 'claimed', issuedAt, op: event.value });
    await expect(taken).rejects.toMatchObject({ code: 'request/id-taken' });
    await Promise.all([connection.close(), other.close()]);
  });

  test('is nobody with a token that was altered, signed by another, or for another', async () => {
    const { token } = await somebody();
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      `${head}.${encode({ ...claims, hex_identity: owner.client.identity, sub: owner.client.identity })}.${signature}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`,
      `${head}.${body}.${signature.split('').toReversed().join('')}`,
      `${head}.${encode({ ...claims, exp: 1 })}.${signature}`,
    ];
    for (const bad of forged) {
      await expect(connect(bad, new Frames()), bad).rejects.toMatchObject({ code: 'connection/unauthorized' });
      const answer = await http(`/v1/database/${DATABASE}/sql`, {
        method: 'POST',
        token: bad,
        body: 'SELECT * FROM head',
      });
      expect(answer.status).toBe(401);
    }
  });
});
