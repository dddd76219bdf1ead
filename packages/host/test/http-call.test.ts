import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogRecord } from '../src/clock/clock.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { identityToHex } from '../src/identity/identity.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';

let host: Host;
let server: RunningServer;
let logs: LogRecord[];
let strangerToken: string;

beforeAll(async () => {
  logs = [];
  host = await openHost({ memory: true, logger: { log: (record) => void logs.push(record) } });
  await host.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
  await host.createDatabase({ name: 'shapes', module: await bundleOf('shapes.ts') });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
  strangerToken = (await host.tokens.issue()).token;
});

afterAll(() => host.close());

interface Call {
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly database?: string;
}

async function post(
  name: string,
  body: string | Uint8Array,
  { token, headers, database = 'people' }: Call = {},
): Promise<Response> {
  return fetch(`${server.address}/v1/database/${database}/call/${name}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body,
  });
}

async function call(name: string, args: string, options: Call = {}): Promise<[number, string]> {
  const response = await post(name, args, options);
  return [response.status, await response.text()];
}

const names = async () =>
  (await host.sql('people', 'SELECT name FROM person')).flatMap(({ rows }) => rows.map((row) => row['name']));

describe('a reducer', () => {
  test('is called with an array or an object, and answers nothing', async () => {
    expect(await call('add_person', '["ada","red",36]')).toEqual([200, '']);
    expect(await call('add_person', '{"age":40,"team":"red","name":"bob"}', { token: strangerToken })).toEqual([
      200,
      '',
    ]);
    expect(await names()).toEqual(expect.arrayContaining(['ada', 'bob']));
  });

  test('tells how long it took, and an anonymous caller who it is', async () => {
    const response = await post('search_people', '[]');
    expect(response.headers.get('spacetime-energy-used')).toBe('0');
    expect(response.headers.get('spacetime-execution-duration-micros')).toMatch(/^\d+$/);
    const token = response.headers.get('spacetime-identity-token') ?? '';
    expect(identityToHex((await host.tokens.verify(token)).identity)).toBe(response.headers.get('spacetime-identity'));
  });

  test('whose module refuses is answered 530 with its message', async () => {
    expect(await call('fail_after_write', '["sender"]')).toEqual([530, 'not today']);
    expect(await names()).not.toContain('ghost');
  });

  test('that breaks is answered 530 without the reason', async () => {
    for (const how of ['error', 'string', 'unique', 'loop']) {
      expect(await call('fail_after_write', JSON.stringify([how]))).toEqual([
        530,
        'The instance encountered a fatal error.',
      ]);
    }
    expect(await names()).not.toContain('ghost');
  });

  test('of the life cycle cannot be called, not even by the owner', async () => {
    for (const token of [strangerToken, host.ownerToken]) {
      expect(await call('init', '[]', { token })).toEqual([400, "can't directly call special Init lifecycle reducer"]);
      expect(await call('on_connect', '[]', { token })).toEqual([
        400,
        "can't directly call special OnConnect lifecycle reducer",
      ]);
    }
  });

  test('that is private is there for the owner alone', async () => {
    const args = '[[0,[0,[1]],"by hand"]]';
    expect((await call('on_tick', args, { token: strangerToken }))[0]).toBe(404);
    expect(await call('on_tick', args, { token: host.ownerToken })).toEqual([200, '']);
  });
});

describe('a procedure', () => {
  test('answers what it returns, without names', async () => {
    await call('add_person', '["eve","blue",1]');
    expect(await call('count_people', '["blue"]')).toEqual([200, '1']);
    expect(await call('measure', '[{"circle":1.5}]', { database: 'shapes' })).toEqual([200, '[3.0,[1,[]]]']);
    const response = await post('count_people', '["blue"]');
    expect(response.headers.get('content-type')).toBe('application/json');
  });

  test('that fails is answered 500', async () => {
    expect(await call('move_team', '["blue","x","abort"]')).toEqual([500, 'aborted']);
    const [status, text] = await call('move_team', '["nobody","x","throw"]');
    expect([status, text]).toEqual([500, expect.stringContaining('after the commit')]);
  });
});

describe('arguments', () => {
  test('of every kind arrive as they were sent', async () => {
    const args =
      '{"name":"\\u00e9","center":[1,-2.5e-3],"outline":{"polygon":[{"x":1,"y":2},[3,4]]},"color":[1,[]],"parts":[{"nothing":[]}],"maybe":null}';
    expect(await call('draw', args, { database: 'shapes' })).toEqual([200, '']);
    const [drawing] = (await host.sql('shapes', 'SELECT name, center, outline, color, maybe FROM drawing'))[0]!.rows;
    expect(drawing).toEqual({
      name: 'é',
      center: { x: 1, y: -0.0025 },
      outline: {
        tag: 'polygon',
        value: [
          { x: 1, y: 2 },
          { x: 3, y: 4 },
        ],
      },
      color: { tag: 'green' },
      maybe: { x: 1, y: -0.0025 },
    });
  });

  test('of 64 bits keep every digit', async () => {
    const id = 2n ** 53n + 1n;
    expect(await call('remove_person', `[${id}]`)).toEqual([530, `no person ${id}`]);
    expect(await call('remove_person', `{"id":${2n ** 64n - 1n}}`)).toEqual([530, `no person ${2n ** 64n - 1n}`]);
  });

  test.each([
    ['["x"]', 'expected 3 elements, found 1 at $'],
    ['["x","y",-1]', '-1 is out of the range of u32 at $[2]'],
    ['["x","y",1e3]', 'expected a whole number (u32), found 1e3 at $[2]'],
    ['["x","y","1"]', 'expected a whole number (u32), found "1" at $[2]'],
    ['{"name":"x","team":"y"}', 'the field `age` is missing at $'],
    ['{"name":"x","team":"y","age":1,"more":1}', 'there is no field "more"'],
    ['{"name":"x","name":"z","team":"y","age":1}', 'the key "name" is there twice'],
    ['', 'malformed JSON at character 0'],
    ['[', 'malformed JSON'],
    ['"x"', 'expected an array of 3 or an object'],
    ['[NaN]', 'malformed JSON'],
    [`["${'x'.repeat(10)}`, 'malformed JSON'],
    ['['.repeat(100_000), 'nested deeper than 128 levels'],
    [`["x","y",${'9'.repeat(1_000_000)}]`, 'out of the range of u32'],
    ['["\\ud800","y",1]', 'half of a surrogate pair'],
  ])('that are wrong are refused, saying where: %.60s', async (args, message) => {
    const [status, text] = await call('add_person', args);
    expect([status, text]).toEqual([400, expect.stringMatching(/^invalid arguments for reducer add_person: /)]);
    expect(text).toContain(message);
    expect(text.length).toBeLessThan(1_000);
  });

  test('that are wrong are in the log of the module', async () => {
    await call('add_person', '[5]');
    const messages = logs.filter(({ source }) => source === 'module').map(({ message }) => message);
    expect(messages).toContain('External attempt to call reducer "add_person" failed, invalid arguments.');
  });

  test('that are no UTF-8 are refused', async () => {
    const body = Uint8Array.of(0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d);
    const response = await post('add_person', body);
    expect([response.status, await response.text()]).toEqual([400, 'the body is not text in UTF-8']);
  });

  test('that are too long are refused before they are read', async () => {
    const body = `["${'x'.repeat(10_000_000)}","y",1]`;
    const response = await post('add_person', body).catch((error: unknown) => error);
    // The host closes while the client still sends: either the answer arrives, or the connection ends.
    if (response instanceof Response) expect(response.status).toBe(413);
    expect(await call('search_people', '[]')).toEqual([200, '']);
  });
});

describe('names', () => {
  test.each([
    ['addPerson', 'No such procedure: `addPerson`. Did you mean `add_person`?'],
    ['add_persn', 'No such procedure: `add_persn`. Did you mean `add_person`?'],
    ['countPeople', 'No such procedure: `countPeople`. Did you mean `count_people`?'],
    ['something_else_entirely', 'No such procedure: `something_else_entirely`'],
  ])('that are unknown (%s) get a hint', async (name, text) => {
    expect(await call(name, '[]')).toEqual([404, text]);
  });

  test('of private functions are no hints but for the owner', async () => {
    expect((await call('on_tik', '[]', { token: strangerToken }))[1]).not.toContain('on_tick');
    expect((await call('on_tik', '[]', { token: host.ownerToken }))[1]).toContain('on_tick');
  });

  test('of any length and kind are answered', async () => {
    for (const name of ['%00', '%2e%2e', 'x'.repeat(5_000), '%F0%9F%98%80']) {
      const [status, text] = await call(name, '[]');
      expect([name, status]).toEqual([name, 404]);
      expect(text.length).toBeLessThan(500);
    }
  });

  test('of databases that are not there', async () => {
    expect(await call('add_person', '[]', { database: 'nowhere' })).toEqual([404, '`nowhere` not found']);
  });
});

describe('the content type', () => {
  test.each([
    ['text/plain', 415],
    ['application/json; charset=utf-8', 415],
    ['application/x-www-form-urlencoded', 415],
  ])('%s is refused, as no JSON', async (contentType, status) => {
    const [answered, text] = await call('add_person', '["x","y",1]', { headers: { 'content-type': contentType } });
    expect([answered, text]).toEqual([status, expect.stringContaining('application/json')]);
  });

  test('that is missing is a bad request', async () => {
    const response = await fetch(`${server.address}/v1/database/people/call/add_person`, {
      method: 'POST',
      body: new TextEncoder().encode('["x","y",1]'),
    });
    expect(response.status).toBe(400);
  });
});

describe('around a call', () => {
  const tokenOf = async (subject: string) => (await host.tokens.issue(subject)).token;

  test('the module hears that the caller comes and goes', async () => {
    await host.sql('people', "DELETE FROM result WHERE key = 'disconnected'");
    await call('search_people', '[]');
    const gone = (await host.sql('people', "SELECT value FROM result WHERE key = 'disconnected'"))[0]?.rows;
    expect(gone).toEqual([{ value: '1' }]);
    expect((await host.sql('people', 'SELECT COUNT(*) AS n FROM st_client'))[0]?.rows).toEqual([{ n: 0n }]);
    expect((await host.sql('people', 'SELECT COUNT(*) AS n FROM visit'))[0]?.rows).toEqual([{ n: 0n }]);
  });

  test('a module that refuses the caller is heard first', async () => {
    const token = await tokenOf('banned');
    expect(await call('add_person', '["banned","x",1]', { token })).toEqual([403, 'banned']);
    expect(await names()).not.toContain('banned');
  });

  test('the caller is gone also after a failure', async () => {
    await call('fail_after_write', '["error"]');
    expect((await host.sql('people', 'SELECT * FROM st_client'))[0]?.rows).toEqual([]);
  });

  test('a bad token is refused', async () => {
    expect((await call('add_person', '["x","y",1]', { token: 'nonsense' }))[0]).toBe(401);
  });
});

test('web pages of other origins may ask, after a preflight', async () => {
  const response = await fetch(`${server.address}/v1/database/people/call/add_person`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://page.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(response.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('content-type');
});

test('many calls at once are answered each', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, at) => call('add_person', `["many ${at}","many",${at}]`)),
  );
  expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
  expect((await host.sql('people', "SELECT COUNT(*) AS n FROM person WHERE team = 'many'"))[0]?.rows).toEqual([
    { n: 100n },
  ]);
});
