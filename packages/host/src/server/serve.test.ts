import { createServer } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { decodeServerPayload, type ServerMessage } from '../../test/session-fixtures/decode-server-message.ts';
import { textRow, u32Row } from '../../test/session-fixtures/fake-database.ts';
import { FakeHost, makeFakeHost, type FakeHostOptions } from '../../test/session-fixtures/fake-host.ts';
import { call, subscribe } from '../../test/session-fixtures/test-client.ts';
import { TEST_CERTIFICATE } from '../../test/session-fixtures/test-certificate.ts';
import { systemClock } from '../clock/system-clock.ts';
import { openHostCredentials } from '../identity/host-credentials.ts';
import { identityToHex } from '../identity/identity.ts';
import { tryReadHostFile } from './host-file.ts';
import { serveHost, type RunningServer } from './serve.ts';

let host: FakeHost;
let server: RunningServer;

beforeEach(() => start());
afterEach(async () => {
  await server.close();
  await host.sessions.close();
});

async function start(options: FakeHostOptions = {}): Promise<void> {
  host = await makeFakeHost(options);
  server = await serveHost(host, { host: '127.0.0.1', port: 0 });
}

async function restart(options: FakeHostOptions): Promise<void> {
  await server.close();
  await start(options);
}

const request = (path: string, init: RequestInit = {}) => fetch(`${server.address}${path}`, init);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A WebSocket that speaks the protocol itself. */
class RawClient {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  readonly tags = new Set<number>();
  closed: { code: number; reason: string } | undefined;

  constructor(query = '', { protocols = ['v3.bsatn.spacetimedb'], headers = {}, database = 'test' } = {}) {
    const address = `${server.address.replace('http', 'ws')}/v1/database/${database}/subscribe${query}`;
    this.socket = new WebSocket(address, protocols, { headers });
    this.socket.on('message', (data: Buffer) => {
      this.tags.add(data[0]!);
      this.messages.push(...decodeServerPayload(new Uint8Array(data.subarray(1))));
    });
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }));
    this.socket.on('error', () => undefined);
  }

  /** Resolves when the handshake went well. */
  opened(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.socket.once('open', () => resolve(this));
      this.socket.once('error', reject);
    });
  }

  /** Resolves with the refusal. */
  refused(): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      this.socket.once('open', () => reject(new Error('was let in')));
      this.socket.once('unexpected-response', (_request, response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
    });
  }
}

describe('HTTP', () => {
  test('ping and health answer anybody', async () => {
    expect((await request('/v1/ping')).status).toBe(200);
    expect(await (await request('/v1/health')).json()).toMatchObject({ schedulable: true, version: '0.1.0' });
  });

  test('an identity is given to anybody, and verified', async () => {
    const { identity, token } = (await (await request('/v1/identity', { method: 'POST' })).json()) as {
      identity: string;
      token: string;
    };
    const verify = (id: string, headers: Record<string, string>) => request(`/v1/identity/${id}/verify`, { headers });
    expect((await verify(identity, bearer(token))).status).toBe(204);
    expect((await request('/v1/identity', { method: 'POST' })).headers.get('cache-control')).toBe('no-store');
    expect((await verify('0'.repeat(64), bearer(token))).status).toBe(400);
    expect((await verify(identity, {})).status).toBe(401);
    expect((await verify(identity, bearer(`${token}x`))).status).toBe(401);
  });

  test('the public key is PEM', async () => {
    const response = await request('/v1/identity/public-key');
    expect(response.headers.get('content-type')).toBe('application/pem-certificate-chain');
    expect(await response.text()).toMatch(/^-----BEGIN PUBLIC KEY-----/);
  });

  test('the token exchange asks for a token, and answers the preflight of a browser', async () => {
    const exchange = (headers: Record<string, string>) =>
      request('/v1/identity/websocket-token', { method: 'POST', headers });
    expect((await exchange({})).status).toBe(401);
    expect((await exchange(bearer('nonsense'))).status).toBe(401);
    expect((await exchange({ authorization: 'Basic eA==' })).status).toBe(400);
    const response = await exchange({ ...bearer(host.credentials.ownerToken), origin: 'https://app.example' });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const { token } = (await response.json()) as { token: string };
    expect((await host.tokens.verify(token)).identity).toBe(host.credentials.owner);
    const preflight = await request('/v1/identity/websocket-token', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  });

  test('a database is told of by name and by identity', async () => {
    const hex = identityToHex(host.database.identity);
    expect(await (await request('/v1/database/test/identity')).text()).toBe(hex);
    expect(await (await request(`/v1/database/${hex}`)).json()).toMatchObject({
      database_identity: { __identity__: `0x${hex}` },
      host_type: { Js: [] },
    });
    const missing = await request('/v1/database/nowhere');
    expect(missing.status).toBe(404);
    expect(await missing.text()).toBe('`nowhere` not found');
  });

  test('a bad credential is refused on public routes too', async () => {
    expect((await request('/v1/database/test', { headers: bearer('nonsense') })).status).toBe(401);
    expect((await request('/v1/database/test?token=nonsense')).status).toBe(401);
  });

  test('what this host does not do is not found', async () => {
    for (const path of ['/v1/energy/0', '/v1/mcp', '/v1/database/people/mcp', '/v1/prometheus/sd_config']) {
      const response = await request(path);
      expect([response.status, await response.text()]).toEqual([
        404,
        expect.stringMatching(/not supported by the embed/),
      ]);
    }
    expect((await request('/v1/nothing-here')).status).toBe(404);
  });

  test('a name that a foreign page made resolve to this machine gets nothing', async () => {
    const { port } = server;
    const status = await new Promise<string>((resolve) => {
      const socket = connectTcp(port, '127.0.0.1', () => {
        socket.write('POST /v1/identity HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n');
      });
      socket.once('data', (data) => {
        resolve(String(data).split('\r\n')[0]!);
        socket.destroy();
      });
    });
    expect(status).toContain('403');
  });
});

describe('nothing is allowed because it comes from loopback', () => {
  const guarded: [string, string][] = [
    ['POST', '/v1/database'],
    ['PUT', '/v1/database/test'],
    ['PUT', '/v1/database/fresh-name'],
    ['POST', '/v1/database/test/pre_publish'],
    ['PUT', '/v1/database/test/reset'],
    ['DELETE', '/v1/database/test'],
    ['POST', '/v1/database/test/names'],
    ['PUT', '/v1/database/test/names'],
    ['POST', '/v1/database/test/lock'],
    ['POST', '/v1/database/test/unlock'],
    ['GET', '/v1/database/test/logs'],
  ];

  test.each(guarded)('%s %s: refused without a token, and with one that anybody gets', async (method, path) => {
    // Who may not create a database is told so in the words of SpacetimeDB, which come with 401.
    const refusal = path === '/v1/database' || path.endsWith('fresh-name') ? 401 : 403;
    const body = method === 'GET' ? undefined : 'process.exit(1)';
    const headers = { 'content-type': 'text/plain', origin: 'https://evil.example' };
    expect((await request(path, { method, headers, body })).status).toBe(401);
    const { token } = await host.tokens.issue();
    expect((await request(path, { method, headers: { ...headers, ...bearer(token) }, body })).status).toBe(refusal);
    const asQuery = await request(`${path}?token=${encodeURIComponent(token)}`, { method, headers, body });
    expect(asQuery.status).toBe(refusal);
  });
});

test('a body that nobody asked for is not taken in, however long', async () => {
  let sentBytes = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sentBytes += 65_536;
      if (sentBytes > 500_000_000) controller.error(new Error('the whole body was read'));
      else controller.enqueue(new Uint8Array(65_536));
    },
  });
  const init: RequestInit & { duplex: 'half' } = { method: 'PUT', body, duplex: 'half' };
  const answer = await request('/v1/database/test', init).then(
    (response) => response.status,
    // The connection may be cut before the client has read the answer.
    (error: unknown) => String(error),
  );
  expect([401, 'TypeError: fetch failed']).toContain(answer);
  expect(sentBytes).toBeLessThan(500_000_000);
  expect((await request('/v1/ping')).status).toBe(200);
});

describe('the upgrade', () => {
  test('echoes the subprotocol, v3 before v2, and sends tag 0 whatever compression is asked for', async () => {
    const v3 = await new RawClient('?compression=Gzip&unknown=1', {
      protocols: ['v2.bsatn.spacetimedb', 'v3.bsatn.spacetimedb'],
    }).opened();
    expect(v3.socket.protocol).toBe('v3.bsatn.spacetimedb');
    const v2 = await new RawClient('', { protocols: ['v1.json.spacetimedb', 'v2.bsatn.spacetimedb'] }).opened();
    expect(v2.socket.protocol).toBe('v2.bsatn.spacetimedb');
    v3.socket.send(subscribe(1, 1, 'SELECT * FROM note'));
    v3.socket.send(call('reducer', 2, 'note', textRow('x'.repeat(5_000))));
    await until(() => v3.messages.length === 3 && v2.messages.length === 1);
    expect([...v3.tags, ...v2.tags]).toEqual([0, 0]);
  });

  test('messages that come with the handshake are done after it', async () => {
    const client = new RawClient();
    client.socket.on('open', () => client.socket.send(call('reducer', 1, 'nothing')));
    await until(() => client.messages.length === 2);
    expect(client.messages).toMatchObject([{ type: 'initial' }, { type: 'reducer', requestId: 1 }]);
  });

  test('a header names the identity before the query does; a connection id is kept', async () => {
    const { token, identity } = await host.tokens.issue();
    const id = 'ab'.repeat(16);
    const client = new RawClient(`?token=${(await host.tokens.issue()).token}&connection_id=${id}`, {
      headers: bearer(token),
    });
    await until(() => client.messages.length === 1);
    expect(client.messages).toEqual([{ type: 'initial', identity, connectionId: BigInt(`0x${id}`), token }]);
  });

  test("another identity's connection id is refused, and so is a foreign host name", async () => {
    const id = 'ab'.repeat(16);
    await new RawClient(`?connection_id=${id}`).opened();
    expect(await new RawClient(`?connection_id=${id}`).refused()).toMatchObject({ status: 403 });
    expect(await new RawClient('', { headers: { host: 'evil.example' } }).refused()).toMatchObject({ status: 403 });
    expect(host.database.connected).toHaveLength(1);
  });

  test.each([
    ['an unknown database', '', { database: 'nowhere' }, 404, '`nowhere` not found'],
    ['no subprotocol that fits', '', { protocols: ['v1.json.spacetimedb'] }, 400, 'no valid protocol selected'],
    ['a bad token', '?token=nonsense', {}, 401, 'Invalid token'],
    ['a malformed header', '', { headers: { authorization: 'Basic eA==' } }, 400, 'malformed token'],
    ['the reserved connection id', `?connection_id=${'0'.repeat(32)}`, {}, 400, 'all-zeros'],
    ['a confirmed that is neither', '?confirmed=perhaps', {}, 400, 'confirmed'],
  ])('%s is refused in words', async (...row) => {
    const [, query, options, status, text] = row;
    const refusal = await new RawClient(query, options).refused();
    expect(refusal.status).toBe(status);
    expect(refusal.text).toContain(text);
    expect(host.database.connected).toEqual([]);
  });

  test('a client that the module refuses reads why', async () => {
    host.database.refusal = 'members only';
    expect(await new RawClient().refused()).toEqual({ status: 403, text: 'members only' });
  });

  test('a handshake that cannot be completed leaves nobody signed on', async () => {
    const socket = connectTcp(server.port, '127.0.0.1');
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.write(
      'GET /v1/database/test/subscribe HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n\r\n',
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 400/);
    expect(host.database.calls).toEqual([]);
    expect((await request('/v1/database/test/subscribe')).status).toBe(426);
  });

  test('a token is never logged', async () => {
    await new RawClient('?token=secret-of-a-client').refused();
    await request('/v1/database/test', { headers: bearer('secret-of-a-client') });
    expect(inspect(host.records, { depth: 20 })).not.toContain('secret-of-a-client');
  });
});

describe('a connection', () => {
  test('garbage ends it with 1011 and a reason, and no other', async () => {
    const hostile = await new RawClient().opened();
    const other = await new RawClient().opened();
    hostile.socket.send(Uint8Array.of(3, 1));
    await until(() => hostile.closed !== undefined);
    expect(hostile.closed).toMatchObject({ code: 1011, reason: expect.stringContaining('malformed BSATN') });
    other.socket.send(call('reducer', 1, 'nothing'));
    await until(() => other.messages.length === 2);
    expect(host.database.connected).toHaveLength(1);
  });

  test('text ends it with 1011', async () => {
    const client = await new RawClient().opened();
    client.socket.send('hello');
    await until(() => client.closed !== undefined);
    expect(client.closed).toEqual({ code: 1011, reason: 'websocket does not support text messages' });
  });

  test('a message over 32 MiB ends it, and is not kept', async () => {
    const client = await new RawClient().opened();
    client.socket.send(new Uint8Array(32 * 1024 * 1024 + 1));
    await until(() => client.closed !== undefined);
    await until(() => host.database.connected.length === 0);
    expect((await request('/v1/ping')).status).toBe(200);
  });

  test('a client that vanishes in the middle of a message is signed off', async () => {
    const client = await new RawClient().opened();
    // Half of a frame: its head says 100 bytes, then the peer is gone.
    const { _socket: tcp } = client.socket as unknown as { _socket: Socket };
    tcp.write(Uint8Array.of(0x82, 0xe4, 0, 0, 0, 0, 1, 2, 3));
    tcp.resetAndDestroy();
    await until(
      () => host.database.connected.length === 0 && host.database.calls.some((entry) => entry.startsWith('disconnect')),
    );
  });

  test('a client that stops reading is dropped, and others see every commit meanwhile', async () => {
    await restart({ limits: { outboxBytesMax: 2_000_000 } });
    const slow = await new RawClient().opened();
    slow.socket.send(subscribe(1, 1, 'SELECT * FROM note'));
    await until(() => slow.messages.length === 2);
    slow.socket.pause();
    const quick = await new RawClient().opened();
    const text = 'x'.repeat(500_000);
    // Far more than the limit and what the system's own socket buffers take in.
    for (let id = 0; id < 40; id += 1) {
      quick.socket.send(call('reducer', id, 'note', textRow(text)));
      await until(() => quick.messages.length === id + 2);
    }
    await until(() => host.database.connected.length === 1);
    expect(host.sessions.size).toBe(1);
    slow.socket.resume();
    await until(() => slow.closed !== undefined);
  });

  test('many small messages at once are all answered, in order', async () => {
    const client = await new RawClient().opened();
    const payload = Buffer.concat(Array.from({ length: 20_000 }, (_, id) => call('reducer', id, 'nothing')));
    client.socket.send(payload);
    await until(() => client.messages.length === 20_001);
    const ids = client.messages.slice(1).map((message) => (message.type === 'reducer' ? message.requestId : -1));
    expect(ids).toEqual(Array.from({ length: 20_000 }, (_, id) => id));
  });
});

describe('an offer of another protocol', () => {
  /** Sends a request as it is and resolves with the answers, the last of which closes the connection. */
  const say = (text: string) =>
    new Promise<string>((resolve, reject) => {
      let answer = '';
      const socket = connectTcp(server.port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (data) => (answer += String(data)));
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
  // A newer Node closes the connection after such a request, an older one when it is asked to.
  const offer = ['Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQ'];
  const head = (line: string, ...headers: string[]) => [line, 'Host: localhost', ...headers, '', ''].join('\r\n');

  test('is answered as if it had not been made, with the body that came', async () => {
    const body = 'x'.repeat(100_000);
    const posted = await say(head('POST /v1/identity HTTP/1.1', ...offer, `Content-Length: ${body.length}`) + body);
    expect(posted).toMatch(/^HTTP\/1\.1 200 /);
    expect(posted).toContain('"identity"');
    const asked = await say(head('GET /v1/health HTTP/1.1', ...offer));
    expect(asked).toMatch(/^HTTP\/1\.1 200 /);
    expect(asked).toContain('"schedulable":true');
    expect(posted + asked).not.toMatch(/ 101 |h2c/);
  });

  test('is answered so over TLS, too', async () => {
    await server.close();
    server = await serveHost(host, { host: '127.0.0.1', port: 0, tls: TEST_CERTIFICATE });
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connectTls({
        port: server.port,
        host: '127.0.0.1',
        ca: TEST_CERTIFICATE.cert,
        servername: 'localhost',
      });
      socket.write(head('GET /v1/health HTTP/1.1', ...offer));
      socket.on('data', (data) => (text += String(data)));
      socket.on('close', () => resolve(text)).on('error', reject);
    });
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  test('is no way around the host header or a limit', async () => {
    const foreign = head('GET /v1/health HTTP/1.1', ...offer).replace('localhost', 'evil.example');
    expect(await say(foreign)).toMatch(/^HTTP\/1\.1 403/);
  });
});

describe('connections', () => {
  const connect = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connectTcp(server.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
  const closed = (socket: Socket) => new Promise((resolve) => socket.resume().once('close', resolve));

  test('that say nothing, or half a head, are closed after a while', async () => {
    await server.close();
    server = await serveHost(host, { host: '127.0.0.1', port: 0, headTimeoutMs: 50 });
    const silent = await connect();
    const half = await connect();
    half.write('GET /v1/ping HTTP/1.1\r\nHost: local');
    await Promise.all([closed(silent), closed(half)]);
    expect((await request('/v1/ping')).status).toBe(200);
  });

  test('beyond the limit are closed as they come, and there is room when others go', async () => {
    await server.close();
    server = await serveHost(host, { host: '127.0.0.1', port: 0, connectionsMax: 3 });
    const idle = await Promise.all([connect(), connect(), connect()]);
    await closed(await connect());
    idle.forEach((socket) => socket.destroy());
    await until(() => idle.every((socket) => socket.closed));
    let status = 0;
    while (status !== 200)
      status = await request('/v1/ping').then(
        (response) => response.status,
        () => 0,
      );
  });
});

describe('the server', () => {
  test('a taken port is told with what to do', async () => {
    const attempt = serveHost(host, { host: '127.0.0.1', port: server.port });
    await expect(attempt).rejects.toMatchObject({
      code: 'server/address-in-use',
      message: expect.stringMatching(/another port/),
      details: { port: server.port },
    });
  });

  test('an address that is not of this machine is told', async () => {
    await expect(serveHost(host, { host: '203.0.113.1', port: 0 })).rejects.toMatchObject({
      code: 'server/listen-failed',
    });
  });

  test('closing ends clients with 1001 after what they were promised, and frees the port', async () => {
    await restart({ isDurable: false });
    const client = await new RawClient('?confirmed=true').opened();
    client.socket.send(call('reducer', 1, 'add', u32Row(1)));
    await until(() => host.database.calls.includes('reducer add'));
    const { port } = server;
    const closing = server.close();
    host.database.makeDurable();
    await closing;
    await until(() => client.closed !== undefined);
    expect(client.messages).toMatchObject([{ type: 'initial' }, { type: 'reducer', requestId: 1 }]);
    expect(client.closed).toEqual({ code: 1001, reason: 'module exited' });
    expect(host.database.connected).toEqual([]);
    const successor = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => successor.once('listening', resolve));
    successor.close();
  });

  test('closing leaves sessions of other transports alone, and can be repeated', async () => {
    await Promise.all([server.close(), server.close()]);
    expect(host.sessions.connect({ identity: 1n, connectionId: 2n }, '{}').type).toBe('accepted');
  });

  test('TLS: the same over https and wss', async () => {
    await server.close();
    server = await serveHost(host, { host: '127.0.0.1', port: 0, tls: TEST_CERTIFICATE });
    expect(server.address).toMatch(/^https:/);
    const address = `${server.address.replace('https', 'wss')}/v1/database/test/subscribe`;
    const socket = new WebSocket(address, ['v3.bsatn.spacetimedb'], { ca: TEST_CERTIFICATE.cert });
    const first = await new Promise<Buffer>((resolve, reject) => socket.once('message', resolve).once('error', reject));
    expect(decodeServerPayload(new Uint8Array(first.subarray(1)))).toMatchObject([{ type: 'initial' }]);
    socket.close();
  });

  test('a token outlives the server that gave it, when the credentials are on disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'host-tokens-'));
    try {
      const identities: bigint[] = [];
      let token: string | undefined;
      for (let life = 0; life < 2; life += 1) {
        await server.close();
        host = new FakeHost(await openHostCredentials(directory, systemClock));
        server = await serveHost(host, { host: '127.0.0.1', port: 0 });
        const client = new RawClient('', token === undefined ? {} : { headers: bearer(token) });
        await until(() => client.messages.length === 1);
        const [first] = client.messages;
        if (first?.type !== 'initial') throw new Error('InitialConnection comes first');
        token = first.token;
        identities.push(first.identity);
      }
      expect(identities[1]).toBe(identities[0]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('host.json in the data directory names the address while the server runs', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'host-file-'));
    try {
      await restart({ dataDirectory });
      expect(await tryReadHostFile(dataDirectory)).toMatchObject({ address: server.address, pid: process.pid });
      expect((await stat(join(dataDirectory, 'host.json'))).mode & 0o777).toBe(0o644);
      const text = await readFile(join(dataDirectory, 'host.json'), 'utf8');
      expect(text).not.toContain(host.credentials.ownerToken);
      await server.close();
      expect(await tryReadHostFile(dataDirectory)).toBeUndefined();
    } finally {
      await rm(dataDirectory, { recursive: true, force: true });
    }
  });
});
