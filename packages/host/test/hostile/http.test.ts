import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, openTcp, sayRaw, Victim } from './victim.ts';

/** A bundle that tells when it is evaluated, whoever evaluates it. */
const TELLTALE = `
import { moduleHooks, console_log } from 'spacetime:sys@2.0';
console_log(2, 'EVALUATED');
export default { [moduleHooks]: () => ({}) };
`;

let victim: Victim;
let data = '';

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'inner-universe-hostile-'));
  victim = await Victim.start({ data });
});

afterAll(async () => {
  await victim.close();
  await rm(data, { recursive: true, force: true });
});

const wasEvaluated = () => victim.logs.some(({ message }) => message.includes('EVALUATED'));

describe('what only an owner may do', () => {
  const guarded: [string, string][] = [
    ['POST', '/v1/database'],
    ['POST', '/v1/database?clear=true&host_type=Js'],
    ['PUT', '/v1/database/test'],
    ['PUT', '/v1/database/test?clear=true&policy=BreakClients'],
    ['PUT', '/v1/database/fresh'],
    ['POST', '/v1/database/test/pre_publish'],
    ['PUT', '/v1/database/test/reset'],
    ['DELETE', '/v1/database/test'],
    ['POST', '/v1/database/test/names'],
    ['PUT', '/v1/database/test/names'],
    ['POST', '/v1/database/test/sql'],
    ['GET', '/v1/database/test/logs?num_lines=10&follow=true'],
  ];

  test.each(guarded)(
    '%s %s from a foreign page is refused, without a token and with a fresh one',
    async (method, path) => {
      // Who may not create a database is told so in the words of SpacetimeDB, which come with 401.
      const refusal = path.includes('test') ? 403 : 401;
      const page = { origin: 'https://evil.example', 'content-type': 'text/plain' };
      const { token } = await victim.host.tokens.issue();
      // Anybody may ask by SQL; what only an owner may do with it is write.
      const text = path.endsWith('/sql') ? 'DELETE FROM person' : TELLTALE;
      const body = method === 'GET' ? {} : { body: text };
      const send = (headers: Record<string, string>) => fetch(`${victim.address}${path}`, { method, headers, ...body });
      expect((await send(page)).status).toBe(401);
      expect((await send({ ...page, authorization: `Bearer ${token}` })).status).toBe(refusal);
      expect((await send({ ...page, authorization: 'Bearer nonsense' })).status).toBe(401);
      expect(wasEvaluated()).toBe(false);
      expect(victim.host.databases.map(({ name }) => name)).toEqual(['test']);
    },
  );

  test('a bundle that is evaluated would tell', async () => {
    await expect(victim.host.createDatabase({ name: 'telltale', module: TELLTALE })).rejects.toMatchObject({});
    expect(wasEvaluated()).toBe(true);
    await victim.assertServes();
  });

  test('neither keys nor tokens can be had by any path', async () => {
    const files = await readdir(join(data, 'credentials'));
    const secrets = await Promise.all(files.map((file) => readFile(join(data, 'credentials', file), 'utf8')));
    expect(secrets.join(' ')).toContain(victim.host.ownerToken);
    const names = ['inner-universe.json', 'host.json', 'credentials', ...files.map((file) => `credentials/${file}`)];
    const climbing = names.flatMap((name) => [`v1/database/..%2f..%2f${name}`, `v1/database/test/..%5c${name}`]);
    for (const path of [...names, ...names.map((name) => `v1/${name}`), ...climbing]) {
      const response = await fetch(`${victim.address}/${path}`);
      expect(response.status).toBe(404);
      const text = await response.text();
      for (const secret of secrets) expect(text).not.toContain(secret.trim());
    }
  });
});

describe('requests that nobody should send', () => {
  const request = (line: string, ...headers: string[]) =>
    [line, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n');

  test.each([
    ['a path that climbs', request('GET /v1/database/../../../etc/passwd HTTP/1.1'), /^HTTP\/1\.1 404/],
    ['a path that climbs in code', request('GET /v1/database/..%2f..%2fetc%2fpasswd HTTP/1.1'), /^HTTP\/1\.1 40[04]/],
    ['a name with a slash in code', request('GET /v1/database/a%2fb/identity HTTP/1.1'), /^HTTP\/1\.1 404/],
    ['a name with a null', request('GET /v1/database/%00/identity HTTP/1.1'), /^HTTP\/1\.1 404/],
    ['code that is no UTF-8', request('GET /v1/database/%ff%fe/identity HTTP/1.1'), /^HTTP\/1\.1 40[04]/],
    ['half a code', request('GET /v1/database/%e/identity HTTP/1.1'), /^HTTP\/1\.1 40[04]/],
    ['two slashes', request('GET //v1//database//test HTTP/1.1'), /^HTTP\/1\.1 404/],
    [
      'an absolute address of elsewhere',
      request('GET http://evil.example/v1/ping HTTP/1.1'),
      /^HTTP\/1\.1 (200|400|403)/,
    ],
    ['a target without a slash', request('GET v1/ping HTTP/1.1'), /^HTTP\/1\.1 40[04]/],
    ['an asterisk', request('OPTIONS * HTTP/1.1'), /^HTTP\/1\.1 (20[04]|40[04])/],
    ['a tunnel', request('CONNECT localhost:22 HTTP/1.1'), /^(HTTP\/1\.1 4\d\d|$)/],
    ['an unknown method', request('BREW /v1/ping HTTP/1.1'), /^HTTP\/1\.1 400/],
    ['TRACE', request('TRACE /v1/ping HTTP/1.1'), /^HTTP\/1\.1 4\d\d/],
    ['no host', 'GET /v1/ping HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400/],
    ['two hosts', request('GET /v1/ping HTTP/1.1', 'Host: evil.example'), /^HTTP\/1\.1 (200|400|403)/],
    [
      'a length and chunks',
      request('POST /v1/identity HTTP/1.1', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
      /^HTTP\/1\.1 400/,
    ],
    ['two lengths', request('POST /v1/identity HTTP/1.1', 'Content-Length: 5', 'Content-Length: 6'), /^HTTP\/1\.1 400/],
    ['a negative length', request('POST /v1/identity HTTP/1.1', 'Content-Length: -1'), /^HTTP\/1\.1 400/],
    ['a header of 100 KB', request('GET /v1/ping HTTP/1.1', `X-Long: ${'x'.repeat(100_000)}`), /^HTTP\/1\.1 431/],
    [
      '20,000 headers',
      request('GET /v1/ping HTTP/1.1', ...Array.from({ length: 20_000 }, (_, at) => `h${at}: 1`)),
      /^HTTP\/1\.1 431/,
    ],
    ['an address of 100 KB', request(`GET /v1/${'x'.repeat(100_000)} HTTP/1.1`), /^HTTP\/1\.1 431/],
    ['not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', /^HTTP\/1\.1 400/],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex').toString('latin1') + '\r\n\r\n', /^HTTP\/1\.1 400/],
    [
      'an offer of another protocol',
      request('GET /v1/ping HTTP/1.1', 'Upgrade: h2c').replace('close', 'Upgrade, close'),
      /^HTTP\/1\.1 200/,
    ],
    [
      'an offer with a body behind it',
      `${request('POST /v1/database/test/names HTTP/1.1', 'Upgrade: h2c', 'HTTP2-Settings: AA', 'Content-Length: 5').replace('close', 'Upgrade, HTTP2-Settings, close')}hello`,
      /^HTTP\/1\.1 401/,
    ],
    [
      'an offer of several protocols',
      request('GET /v1/database/test/subscribe HTTP/1.1', 'Upgrade: h2c, foo/1').replace('close', 'close, upgrade'),
      /^HTTP\/1\.1 426/,
    ],
    [
      'an upgrade of a POST',
      request('POST /v1/database/test/subscribe HTTP/1.1', 'Upgrade: websocket').replace('close', 'Upgrade'),
      /^HTTP\/1\.1 400/,
    ],
    [
      'an upgrade at a path that climbs',
      request('GET /v1/database/../subscribe HTTP/1.1', 'Upgrade: websocket').replace('close', 'Upgrade'),
      /^HTTP\/1\.1 404/,
    ],
  ])('%s gets an answer, and nobody else is harmed', async (_what, text, status) => {
    expect(await sayRaw(victim.server.port, text)).toMatch(status);
    await victim.assertServes();
    expect(victim.bugs).toEqual([]);
  });

  test('names of the language are no databases', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect((await fetch(`${victim.address}/v1/database/${name}`)).status).toBe(404);
    }
  });

  test('requests one behind the other, half of them cut off, are answered as far as they go', async () => {
    const ping = 'GET /v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const socket = openTcp(victim.server.port);
    let answers = '';
    socket.on('data', (data) => (answers += data.toString('latin1')));
    socket.write(ping.repeat(500) + ping.slice(0, 20));
    await eventually(() => answers.split('HTTP/1.1 200').length === 501);
    socket.resetAndDestroy();
    await victim.assertServes();
  });

  test('a body of a type and a size that nobody asked for is not waited for', async () => {
    const head =
      'POST /v1/database HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 999999999\r\n\r\n';
    const socket = openTcp(victim.server.port);
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))));
    socket.write(`${head}${TELLTALE}`);
    expect(await answer).toMatch(/^HTTP\/1\.1 401/);
    socket.destroy();
    await victim.assertServes();
  });
});
