import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { TEST_CERTIFICATE } from '../../test/session-fixtures/test-certificate.ts';
import type { HttpRequestHead } from '../module-http/http-message.ts';
import type { OutboundResponse } from './outbound-http.ts';
import { type SendContext, sendRequest, timeoutMsOf } from './send-request.ts';
import { showUrl } from './shown-url.ts';

const closing: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(closing.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** Listens, and gives the port. */
async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  server.on('connection', (socket: Socket) => sockets.add(socket));
  closing.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const serve = (handler: Handler): Promise<number> => listen(createServer(handler));

interface Asked extends Partial<Omit<HttpRequestHead, 'headers'>>, Omit<Partial<SendContext>, 'policy'> {
  headers?: Record<string, string>;
  body?: string;
  allow?: string[];
  bytesMax?: number;
}

function ask(uri: string, asked: Asked = {}): Promise<OutboundResponse> {
  const { method = 'GET', headers = {}, body = '', timeoutMicros, allow = ['127.0.0.1'], bytesMax = 1000 } = asked;
  const head: HttpRequestHead = {
    method,
    uri,
    timeoutMicros,
    version: '1.1',
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: new TextEncoder().encode(value) })),
  };
  const policy = { allowPrivate: allow, responseBytesMax: bytesMax };
  return sendRequest({ head, body: new TextEncoder().encode(body) }, { ...asked, policy });
}

const textOf = ({ body }: OutboundResponse): string => new TextDecoder().decode(body);

async function problemOf(answer: Promise<unknown>): Promise<string> {
  const problem: unknown = await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(problem).toMatchObject({ code: 'outbound-http/failed' });
  return (problem as Error).message;
}

/** Answers with what it was asked. */
const echo: Handler = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
  });
};

const REFUSED = 'refusing to connect to private or special-purpose addresses';

describe('a request', () => {
  test('arrives as it was made', async () => {
    const port = await serve(echo);
    const response = await ask(`http://127.0.0.1:${port}/path?query=1#fragment`, {
      method: 'patch',
      headers: {
        'X-One': 'grüße',
        'content-length': '1',
        'transfer-encoding': 'chunked',
        connection: 'keep-alive',
        te: 'x',
      },
      body: 'hello',
    });
    expect(response.head).toMatchObject({ status: 200, version: '1.1' });
    expect(JSON.parse(textOf(response))).toEqual({
      method: 'PATCH',
      url: '/path?query=1',
      headers: {
        host: `127.0.0.1:${port}`,
        'x-one': Buffer.from('grüße').toString('latin1'),
        connection: 'close',
        'content-length': '5',
      },
      body: 'hello',
    });
  });

  test('with a body tells its length, whatever its method', async () => {
    const port = await serve(echo);
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'POST', 'REPORT']) {
      const echoed: unknown = JSON.parse(textOf(await ask(`http://127.0.0.1:${port}/`, { method, body: 'x' })));
      expect(echoed).toMatchObject({ method, body: 'x', headers: { 'content-length': '1' } });
    }
    const empty: unknown = JSON.parse(textOf(await ask(`http://127.0.0.1:${port}/`, { method: 'PUT' })));
    expect(empty).toMatchObject({ headers: { 'content-length': '0' } });
  });

  test('gets the response whatever its status, with all its headers', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(418, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Bytes', 'a\xffb']);
      response.end('teapot');
    });
    const { head, body } = await ask(`http://127.0.0.1:${port}/`);
    expect(head.status).toBe(418);
    const named = head.headers
      .filter(({ name }) => name === 'set-cookie')
      .map(({ value }) => Buffer.from(value).toString());
    expect(named).toEqual(['a=1', 'b=2']);
    expect(head.headers.find(({ name }) => name === 'x-bytes')?.value).toEqual(new Uint8Array([97, 255, 98]));
    expect(body.byteLength).toBe(body.buffer.byteLength);
  });

  test('for HEAD has no body', async () => {
    const port = await serve((_request, response) => response.writeHead(200, { 'content-length': '123456' }).end());
    expect((await ask(`http://127.0.0.1:${port}/`, { method: 'HEAD' })).body.length).toBe(0);
  });

  test('sends the user and password of its URL as a header', async () => {
    const port = await serve(echo);
    const response = await ask(`http://us%65r:p%40ss@127.0.0.1:${port}/`);
    const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    expect(JSON.parse(textOf(response))).toMatchObject({ headers: { authorization } });
  });
});

describe('a request that cannot be made', () => {
  test('tells why, without query, fragment, user and password', async () => {
    const closed = await serve(echo);
    await new Promise((resolve) => closing.splice(0)[0]?.close(resolve));
    const url = `http://user:secret@127.0.0.1:${closed}/path`;
    expect(await problemOf(ask(`${url}?token=secret#secret`))).toBe(
      `error sending request for url (http://127.0.0.1:${closed}/path): connect ECONNREFUSED 127.0.0.1:${closed}`,
    );
    expect(await problemOf(ask('http://[?secret'))).toBe(
      'error sending request for url (http://[): the URL is malformed',
    );
    expect(await problemOf(ask('file:///etc/passwd'))).toContain('the scheme file: is not allowed');
    expect(await problemOf(ask('http://127.0.0.1/', { method: 'CONNECT' }))).toContain('CONNECT is not supported');
    expect(await problemOf(ask('http://127.0.0.1/', { method: 'A B' }))).toContain('Method must be a valid HTTP token');
    expect(await problemOf(ask('http://127.0.0.1/', { headers: { 'a b': 'x' } }))).toContain('valid HTTP token');
    expect(await problemOf(ask('http://127.0.0.1/', { headers: { a: 'x\r\ny: z' } }))).toContain('Invalid character');
  });

  test('shows a URL, or what should have been one, without secrets', () => {
    expect(showUrl('http://a:b@c/d?e#f')).toBe('http://c/d');
    expect(showUrl('a:b@c/d?e')).toBe('a:c/d');
    expect(showUrl('//a:b@c')).toBe('//c');
    expect(showUrl(`http://a/${'x'.repeat(1000)}`)).toHaveLength(500);
  });

  test('to a server whose certificate is not trusted fails', async () => {
    const port = await listen(createTlsServer(TEST_CERTIFICATE, echo));
    expect(await problemOf(ask(`https://127.0.0.1:${port}/`))).toMatch(/certificate/);
  });
});

describe('addresses that are private or special', () => {
  test('are refused in every form', async () => {
    for (const host of [
      ...['127.0.0.1', '127.1', '2130706433', '0x7f.0.0.1', '0177.0.0.1', '127.0.0.1.', '0', '169.254.169.254'],
      ...[
        '10.0.0.1',
        '[::1]',
        '[::]',
        '[::ffff:127.0.0.1]',
        '[fe80::1]',
        '[fd00::1]',
        '[64:ff9b::7f00:1]',
        '①27.0.0.1',
      ],
    ])
      expect([host, await problemOf(ask(`http://${host}:1/`, { allow: [] }))]).toEqual([
        host,
        expect.stringContaining(REFUSED),
      ]);
  });

  test('are refused for what a name stands for, and not asked a second time', async () => {
    const port = await serve(echo);
    let asked = 0;
    const rebinding = async () => {
      asked += 1;
      return asked === 1 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '127.0.0.9', family: 4 }];
    };
    expect(await problemOf(ask('http://name.example/', { resolve: rebinding, allow: [] }))).toContain(REFUSED);
    asked = 0;
    const response = await ask(`http://name.example:${port}/`, { resolve: rebinding });
    expect(JSON.parse(textOf(response))).toMatchObject({ headers: { host: `name.example:${port}` } });
    expect(asked).toBe(1);
    expect(await problemOf(ask('http://localhost:1/', { allow: [] }))).toContain(REFUSED);
  });

  test('are left out where a name has others', async () => {
    const port = await serve(echo);
    const resolve = async () => [
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    // The first would answer with a refusal, and is not even tried.
    expect((await ask(`http://name.example:${port}/`, { resolve })).head.status).toBe(200);
  });

  test('may be named by the name that they go by', async () => {
    const port = await serve(echo);
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    expect(
      (await ask(`http://Intranet.local:${port}/`, { resolve, allow: [`intranet.local:${port}`] })).head.status,
    ).toBe(200);
    expect(await problemOf(ask(`http://other.local:${port}/`, { resolve, allow: ['intranet.local'] }))).toContain(
      REFUSED,
    );
  });

  test('are refused as the target of a redirect, which nobody connects to', async () => {
    let connections = 0;
    const hidden = await listen(
      createTcpServer(() => (connections += 1)),
      '127.0.0.2',
    );
    for (const target of [`http://127.0.0.2:${hidden}/`, `http://localhost:${hidden}/?secret`, 'http://10.0.0.1/']) {
      const port = await serve((_request, response) => response.writeHead(302, { location: target }).end());
      const allow = [`127.0.0.1:${port}`];
      const problem = await problemOf(ask(`http://127.0.0.1:${port}/`, { allow }));
      expect(problem).toContain(`(${showUrl(target)}): ${REFUSED}`);
    }
    expect(connections).toBe(0);
  });
});

describe('redirects', () => {
  /** A server that redirects once with a status, and echoes what arrives then. */
  const redirecting = (status: number, location = '/next'): Promise<number> =>
    serve((request, response) => {
      if (request.url === '/next') echo(request, response);
      else response.writeHead(status, { location }).end('moved');
    });

  test('keep or drop the body as their status says', async () => {
    for (const [status, method, then] of [
      ...[[301, 'POST', 'GET'] as const, [302, 'POST', 'GET'] as const, [303, 'PUT', 'GET'] as const],
      ...[[301, 'PUT', 'PUT'] as const, [307, 'POST', 'POST'] as const, [308, 'POST', 'POST'] as const],
    ]) {
      const port = await redirecting(status);
      const headers = { 'content-type': 'text/plain', authorization: 'secret', host: 'virtual.example' };
      const echoed = JSON.parse(textOf(await ask(`http://127.0.0.1:${port}/`, { method, body: 'x', headers }))) as {
        headers: Record<string, string>;
      };
      expect(echoed).toMatchObject({ method: then, url: '/next', body: then === 'GET' ? '' : 'x' });
      expect('content-type' in echoed.headers).toBe(then !== 'GET');
      expect(echoed.headers).toMatchObject({ authorization: 'secret', host: 'virtual.example' });
    }
  });

  test('to another origin carry no credentials', async () => {
    const other = await serve(echo);
    const port = await redirecting(307, `http://user:pass@127.0.0.1:${other}/next`);
    const headers = { authorization: 'secret', cookie: 'secret', host: 'virtual.example', 'x-kept': 'yes' };
    const echoed = JSON.parse(textOf(await ask(`http://127.0.0.1:${port}/`, { headers }))) as { headers: unknown };
    expect(echoed.headers).toEqual({ host: `127.0.0.1:${other}`, connection: 'close', 'x-kept': 'yes' });
  });

  test('are followed ten times', async () => {
    const port = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('arrived');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(textOf(await ask(`http://127.0.0.1:${port}/10`))).toBe('arrived');
    expect(await problemOf(ask(`http://127.0.0.1:${port}/11`))).toContain('more than 10 redirects');
  });

  test('to nowhere are responses, and to what is no address of HTTP fail', async () => {
    const nowhere = await serve((_request, response) => response.writeHead(304).end());
    expect((await ask(`http://127.0.0.1:${nowhere}/`)).head.status).toBe(304);
    const port = await redirecting(302, 'javascript:alert(1)');
    expect(await problemOf(ask(`http://127.0.0.1:${port}/`))).toContain('is not allowed');
    const malformed = await redirecting(302, 'http://[');
    expect(await problemOf(ask(`http://127.0.0.1:${malformed}/`))).toContain('redirects to a malformed URL');
  });
});

describe('responses without an end', () => {
  const soon = 200_000n;

  test('are cut off when they are too long, declared or not', async () => {
    const declared = await serve((_request, response) =>
      response.writeHead(200, { 'content-length': '1001' }).flushHeaders(),
    );
    expect(await problemOf(ask(`http://127.0.0.1:${declared}/`))).toContain('longer than 1000 bytes');
    const endless = await serve((_request, response) => {
      const more = (): void => void (response.write('x'.repeat(600)) && setImmediate(more));
      more();
    });
    expect(await problemOf(ask(`http://127.0.0.1:${endless}/`))).toContain('longer than 1000 bytes');
    expect(
      (await ask(`http://127.0.0.1:${await serve((_, response) => response.end('x'.repeat(1000)))}/`)).body,
    ).toHaveLength(1000);
  });

  test('are given up at the deadline: no answer, a slow head, a slow body, redirects round and round', async () => {
    const silent = await listen(createTcpServer(() => undefined));
    const slowHead = await listen(
      createTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('x-more: 1\r\n'), 20);
        socket.on('close', () => clearInterval(timer)).on('error', () => undefined);
      }),
    );
    const slowBody = await serve((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const round = await serve((_request, response) => {
      setTimeout(() => response.writeHead(302, { location: '/' }).end(), 50);
    });
    for (const port of [silent, slowHead, slowBody, round])
      expect(await problemOf(ask(`http://127.0.0.1:${port}/`, { timeoutMicros: soon }))).toContain(
        'timed out after 200 ms',
      );
    const never = () => new Promise<never>(() => undefined);
    expect(await problemOf(ask('http://name.example/', { timeoutMicros: soon, resolve: never }))).toContain(
      'timed out',
    );
  });

  test('that break off fail', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect(await problemOf(ask(`http://127.0.0.1:${port}/`))).toMatch(/aborted|reset/i);
    const garbage = await listen(
      createTcpServer((socket) => socket.end('garbage\r\n\r\n').on('error', () => undefined)),
    );
    expect(await problemOf(ask(`http://127.0.0.1:${garbage}/`))).toContain('Parse Error');
  });

  test('are given up when nobody waits any more', async () => {
    const abort = new AbortController();
    const port = await serve(() => abort.abort());
    expect(await problemOf(ask(`http://127.0.0.1:${port}/`, { signal: abort.signal }))).toContain('given up');
  });
});

test('a request may take 30 seconds, or what it says, up to 180', () => {
  expect(timeoutMsOf({ timeoutMicros: undefined })).toBe(30_000);
  expect(timeoutMsOf({ timeoutMicros: 1_500_000n })).toBe(1_500);
  expect(timeoutMsOf({ timeoutMicros: 2n ** 63n - 1n })).toBe(180_000);
  expect(timeoutMsOf({ timeoutMicros: -(2n ** 63n) })).toBe(0);
});
