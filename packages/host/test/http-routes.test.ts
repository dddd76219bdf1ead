import { once } from 'node:events';
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogRecord } from '../src/clock/clock.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import type { HostOptions } from '../src/host-options.ts';
import type { RunningServer, ServeOptions } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';
import { call, subscribe } from './session-fixtures/test-client.ts';
import { WireClient } from './session-fixtures/wire-client.ts';

let host: Host;
let server: RunningServer;
let logs: LogRecord[];

afterEach(() => host.close());

async function open(options: Partial<HostOptions> = {}, serving: Partial<ServeOptions> = {}): Promise<void> {
  logs = [];
  host = await openHost({ memory: true, logger: { log: (record) => void logs.push(record) }, ...options });
  await host.createDatabase({ name: 'test', module: await bundleOf('http-handlers.ts') });
  server = await host.serve({ host: '127.0.0.1', port: 0, ...serving });
}

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.address}/v1/database/test/route${path}`, init);

const statusAndText = async (response: Response): Promise<[number, string]> => [response.status, await response.text()];

interface Echo {
  method: string;
  uri: string;
  version: string;
  headers: [string, string][];
  body: number[];
}

/** A request whose head is not tidied by `fetch`. */
async function askRaw(
  path: string,
  options: RequestOptions = {},
  body = '',
): Promise<IncomingMessage & { text: string }> {
  const request = requestHttp(`${server.address}/v1/database/test/route${path}`, options);
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return Object.assign(response, { text });
}

const NO_ROUTE = 'Database has not registered a handler for this route';

describe.each([{ isolation: 'none' }, { isolation: 'thread' }] as const)(
  'routes of a module ($isolation)',
  (options) => {
    beforeEach(() => open(options));

    test('are found by method and exact path', async () => {
      expect(await statusAndText(await ask(''))).toEqual([200, 'hello']);
      expect(await statusAndText(await ask('/hello'))).toEqual([200, 'hello']);
      // What needs no encoding means the same with and without.
      expect(await statusAndText(await ask('/%68ello'))).toEqual([200, 'hello']);
      expect(await statusAndText(await ask('/%7Eown_cors-1'))).toEqual([200, 'hello']);
      expect(((await (await ask('/')).json()) as Echo).method).toBe('GET');
      for (const path of ['/hello/', '/Hello', '/hello//', '/nope', '//', '/notes%2Fcount'])
        expect([path, ...(await statusAndText(await ask(path)))]).toEqual([path, 404, NO_ROUTE]);
      expect(await statusAndText(await ask('/hello', { method: 'POST', body: 'x' }))).toEqual([404, NO_ROUTE]);
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
        expect(((await (await ask('/echo', { method })).json()) as Echo).method).toBe(method);
      expect((await askRaw('/echo', { method: 'PROPFIND' })).text).toContain('"method":"PROPFIND"');
      expect((await fetch(`${server.address}/v1/database/nowhere/route/hello`)).status).toBe(404);
    });

    test('for HEAD are answered without a body, and not by those for GET', async () => {
      const response = await ask('/hello', { method: 'HEAD' });
      expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '5', '']);
      expect((await ask('/get-only', { method: 'HEAD' })).status).toBe(404);
      expect((await ask('/echo', { method: 'HEAD' })).status).toBe(200);
    });

    test('see the whole request', async () => {
      const { text } = await askRaw(
        '/echo?a=b%20c&d',
        {
          method: 'POST',
          headers: {
            'X-Custom': 'Grüße'.normalize('NFC'),
            cookie: ['a=1', 'b=2'],
            authorization: 'Bearer token',
            connection: 'close, x-hop',
            'x-hop': 'gone',
            'x-many': ['one', 'two'],
          },
        },
        '\u0000\u00ff',
      );
      const echo = JSON.parse(text) as Echo;
      expect(echo).toMatchObject({ method: 'POST', version: 'Http11', body: [0, 0xc3, 0xbf] });
      expect(echo.uri).toBe(`${server.address}/v1/database/test/route/echo?a=b%20c&d`);
      const headers = new Map(echo.headers);
      expect(headers.get('authorization')).toBe('Bearer token');
      expect(headers.get('x-many')).toBe('one, two');
      expect(headers.get('host')).toBe(new URL(server.address).host);
      expect(headers.has('x-hop') || headers.has('connection') || headers.has('transfer-encoding')).toBe(false);
    });

    test('answer with any status, headers that occur several times, and bytes', async () => {
      const response = await askRaw('/notes', { method: 'POST' }, 'first');
      expect(response.statusCode).toBe(201);
      expect(JSON.parse(response.text)).toEqual({ id: 1, sender: '0'.repeat(64), connection: null });
      expect(response.headers).toMatchObject({ location: '/notes/1', 'set-cookie': ['a=1', 'b=2; Path=/'] });
      expect(response.headers['x-many']).toBe('one, two');
      expect(response.headers['content-type']).toBeUndefined();
      const binary = await ask('/binary', { method: 'POST', body: new Uint8Array([1, 0, 255]) });
      expect([...new Uint8Array(await binary.arrayBuffer())]).toEqual([255, 0, 1]);
    });

    test('commit what they write, which subscribers are told', async () => {
      const client = await WireClient.open(server.address);
      await client.ask(subscribe(1, 1, 'SELECT * FROM note'));
      await ask('/notes', { method: 'POST', body: 'told' });
      const shown = (): string => JSON.stringify(client.messages.filter(({ type }) => type === 'update'));
      await client.until(() => shown().includes(Buffer.from('told').toString('hex')));
      client.socket.close();
      expect(await (await ask('/notes/count')).text()).toBe('1');
    });

    test('that fail are answered with 500 and nothing of the reason, which is in the log', async () => {
      const response = await ask('/fail-late');
      const text = await response.text();
      expect([response.status, text]).toEqual([500, 'The HTTP handler failed; the log of the database says why.']);
      expect(await (await ask('/notes/count')).text()).toBe('1');
      expect(logs.some(({ message, level }) => level === 'panic' && message.includes('the secret is 42'))).toBe(true);
    });

    test('that leave a transaction open have it taken back', async () => {
      expect(await statusAndText(await ask('/leave-open'))).toEqual([200, 'left open']);
      expect((await ask('/notes', { method: 'POST', body: 'goes on' })).status).toBe(201);
      const texts = logs.map(({ message }) => message);
      expect(texts).toContain('aborting dangling anonymous transaction in HTTP handler leave_open');
    });

    test('that answer what is no response are answered with 500', async () => {
      for (const wanted of ['100', '101', '199', '600', '999', 'not a response'])
        expect([wanted, (await ask('/answer', { headers: { 'x-answer': wanted } })).status]).toEqual([wanted, 500]);
      expect(logs.map(({ message }) => message).join('\n')).toContain('101 is no status of a final response');
      expect((await ask('/answer', { headers: { 'x-answer': '599' } })).status).toBe(599);
    });

    test('send no headers of the connection and no length of their own', async () => {
      const response = await askRaw('/answer');
      expect(response.text).toBe('ok');
      expect(response.headers).toMatchObject({
        'content-length': '2',
        'x-kept': Buffer.from('grüße').toString('latin1'),
      });
      expect(response.headers).not.toHaveProperty('x-named');
      expect(response.headers).not.toHaveProperty('transfer-encoding');
    });

    test('of statuses without a body send none', async () => {
      for (const wanted of ['204', '205', '304']) {
        const response = await askRaw('/answer', { headers: { 'x-answer': wanted } });
        expect([response.statusCode, response.text]).toEqual([Number(wanted), '']);
      }
    });
  },
);

describe('what pages of other origins may do', () => {
  const preflight = (path: string, method = 'POST'): Promise<Response> =>
    ask(path, { method: 'OPTIONS', headers: { origin: 'https://b.example', 'access-control-request-method': method } });

  beforeEach(() => open());

  test('is what they may do everywhere where the module says nothing', async () => {
    const answer = await preflight('/notes');
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
    // A route for any method is none that knows of this.
    expect((await preflight('/echo')).status).toBe(204);
    for (const path of ['/hello', '/nope', '/fail-late'])
      expect((await ask(path)).headers.get('access-control-allow-origin')).toBe('*');
    const tooLarge = await ask('/binary', { method: 'POST', body: new Uint8Array(3 * 1024 * 1024) });
    expect([tooLarge.status, tooLarge.headers.get('access-control-allow-origin')]).toEqual([413, '*']);
  });

  test('is what the module says where it says something', async () => {
    const answer = await preflight('/~own_cors-1');
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://a.example');
    expect(answer.headers.get('access-control-allow-headers')).toBe('x-signature');
    const allowed = await ask('/answer', { headers: { 'x-answer': 'cors' } });
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://a.example');
  });
});

describe('the address that a module is told', () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example:8443' };
  const uri = async (headers: Record<string, string>): Promise<string> =>
    ((await (await ask('/echo', { headers })).json()) as Echo).uri;

  test('is that of the connection when nobody is trusted', async () => {
    await open();
    expect(await uri(forwarded)).toBe(`${server.address}/v1/database/test/route/echo`);
  });

  test('is what a trusted proxy says', async () => {
    await open({}, { trustedProxies: ['127.0.0.0/8'] });
    expect(await uri(forwarded)).toBe('https://chat.example:8443/v1/database/test/route/echo');
    expect(await uri({ ...forwarded, 'x-forwarded-host': 'evil.example, chat.example' })).toBe(
      'https://chat.example/v1/database/test/route/echo',
    );
    const own = new URL(server.address).host;
    expect(await uri({ 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'a b/c' })).toBe(
      `http://${own}/v1/database/test/route/echo`,
    );
    expect(await uri({})).toBe(`http://${own}/v1/database/test/route/echo`);
  });

  test('is that of the connection for whoever is no trusted proxy', async () => {
    await open({}, { trustedProxies: ['10.0.0.0/8', '::1'] });
    expect(await uri(forwarded)).toBe(`${server.address}/v1/database/test/route/echo`);
  });

  test('needs proxies that are addresses', async () => {
    host = await openHost({ memory: true });
    await expect(host.serve({ host: '127.0.0.1', port: 0, trustedProxies: ['proxy.local'] })).rejects.toMatchObject({
      code: 'host/invalid-option',
    });
  });
});

describe('hostile requests', () => {
  beforeEach(() => open());

  test('with a body over 2 MiB are refused, declared or not', async () => {
    const body = new Uint8Array(2 * 1024 * 1024 + 1);
    expect((await ask('/binary', { method: 'POST', body })).status).toBe(413);
    const chunks = new ReadableStream({ start: (controller) => (controller.enqueue(body), controller.close()) });
    const init = { method: 'POST', body: chunks, duplex: 'half' } as RequestInit;
    expect((await ask('/binary', init)).status).toBe(413);
    expect((await ask('/binary', { method: 'POST', body: body.subarray(1) })).status).toBe(200);
  });

  test('with bytes that are no text in their headers reach the module', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const head =
      'GET /v1/database/test/route/echo HTTP/1.1\r\nhost: 127.0.0.1\r\nx-bytes: a\xff\xfeb\r\nconnection: close\r\n\r\n';
    socket.write(head, 'latin1');
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(text).toContain('"x-bytes"');
  });

  test('with a whole URL or dots in their path are answered by what they name', async () => {
    const raw = async (target: string): Promise<string> => {
      const socket = connect(server.port, '127.0.0.1');
      socket.write(`GET ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`);
      let text = '';
      for await (const chunk of socket.setEncoding('utf8')) text += chunk;
      return text;
    };
    expect(await raw('http://127.0.0.1/v1/database/test/route/echo?x')).toContain(
      '"uri":"http://127.0.0.1/v1/database/test/route/echo?x"',
    );
    // To every client and proxy it is `/v1/ping`.
    expect(await raw('/v1/database/test/route/hello/../../../../ping')).toMatch(/^HTTP\/1\.1 200 OK\r\n(?!.*hello)/s);
    expect(await raw('/v1/database/test/route/%00')).toContain(NO_ROUTE);
    expect(await raw('/v1/database/test/route/%ff')).toContain(NO_ROUTE);
  });

  test('are answered while clients go on', async () => {
    const client = await WireClient.open(server.address);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask('/notes', { method: 'POST', body: `${i}` })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await client.ask(call('reducer', 1, 'nope'))).toMatchObject({ type: 'reducer' });
    expect(await (await ask('/notes/count')).text()).toBe('50');
  });
});
