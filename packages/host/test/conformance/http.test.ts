import { expect } from 'vitest';
import { type ConformanceHost, DATABASE, fixture, type HttpAnswer } from './forms.ts';
import { section } from './rule.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const BASE = `/v1/database/${DATABASE}`;

const callFunction = (host: ConformanceHost, name: string, body: string, as = 'ada'): Promise<HttpAnswer> =>
  host.http('POST', `${BASE}/call/${name}`, { as, headers: JSON_TYPE, body });
const sql = (host: ConformanceHost, body: string, as = 'owner'): Promise<HttpAnswer> =>
  host.http('POST', `${BASE}/sql`, { as, body });

section('HTTP: calls', { module: fixture('conf-calls.ts') }, (rule) => {
  rule('a reducer that commits is 200 without a body', async (host) => {
    const answer = await callFunction(host, 'add_person', '["over HTTP", 3]');
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(await host.sql(`SELECT level FROM person WHERE name = 'over HTTP'`)).toEqual([{ level: 3 }]);
    expect(answer.headers.get('spacetime-execution-duration-micros')).toMatch(/^\d+$/);
  });
  rule('arguments may be an array in order or an object by name', async (host) => {
    expect((await callFunction(host, 'add_person', '{"level": 4, "name": "by name"}')).status).toBe(200);
    expect(await host.sql(`SELECT level FROM person WHERE name = 'by name'`)).toEqual([{ level: 4 }]);
  });
  rule('a refusal and a crash are 530, the one with the words of the module, the other without', async (host) => {
    expect(await callFunction(host, 'fail', '["refuse"]')).toMatchObject({ status: 530, text: 'not today: ümlaut' });
    expect(await callFunction(host, 'fail', '["crash"]')).toMatchObject({
      status: 530,
      text: 'The instance encountered a fatal error.',
    });
  });
  rule(
    'an unknown function is 404, a private one is to others, a lifecycle reducer and bad arguments are 400',
    async (host) => {
      expect(await callFunction(host, 'no_such', '[]')).toMatchObject({
        status: 404,
        text: expect.stringMatching(/^No such procedure/),
      });
      expect((await callFunction(host, 'run_job', '[]')).status).toBe(404);
      expect(await callFunction(host, 'init', '[]')).toMatchObject({
        status: 400,
        text: "can't directly call special Init lifecycle reducer",
      });
      for (const body of ['[]', '["x"]', '["x", -1]', '["x", 1, 2]', '{"name": "x"}', 'nonsense', '']) {
        expect(await callFunction(host, 'add_person', body), body).toMatchObject({
          status: 400,
          text: expect.stringMatching(/^invalid arguments for reducer add_person: /),
        });
      }
    },
  );
  rule('the content type must be application/json, exactly', async (host) => {
    for (const [headers, status] of [
      [{ 'content-type': 'application/json; charset=utf-8' }, 415],
      [{ 'content-type': 'text/plain' }, 415],
    ] as const) {
      expect((await host.http('POST', `${BASE}/call/run`, { as: 'ada', headers, body: '["x"]' })).status).toBe(status);
    }
  });
  rule('a procedure is 200 with its value as JSON, products as arrays, and 500 when it fails', async (host) => {
    expect(await callFunction(host, 'add', '[1, 2]')).toMatchObject({ status: 200, text: '3' });
    expect(await callFunction(host, 'tell', '[{"loud": 9}]')).toMatchObject({ status: 200, text: '[9,[0,"loud"]]' });
    expect(await callFunction(host, 'quiet', '[]')).toMatchObject({ status: 200, text: '[]' });
    expect(await callFunction(host, 'find_level', '["nobody"]')).toMatchObject({ status: 200, text: '[1,[]]' });
    expect((await callFunction(host, 'two_steps', '["http", "crash"]')).status).toBe(500);
  });
  rule('big numbers go and come exactly', async (host) => {
    const body =
      '{"flag":true,"small":-128,"big":"0xffffffffffffffffffffffffffffffff00000000000000000000000000000001","real":1e-7,"text":"\\u00fc","bytes":"00ff",' +
      '"list":[1,65535],"maybe":{"some":-9223372036854775808},"mood":{"calm":[]},"pair":[7,{"none":[]}],' +
      '"who":["0x00000000000000000000000000000000000000000000000000000000000000ff"],"at":[9007199254740993]}';
    expect(await callFunction(host, 'take_all', body)).toMatchObject({ status: 200 });
    expect(JSON.parse((await host.noted('all'))!)).toMatchObject({
      big: `${0xffffffffffffffffffffffffffffffff00000000000000000000000000000001n}n`,
      maybe: `${-(2n ** 63n)}n`,
      bytes: [0, 255],
      at: '9007199254740993n',
      pair: { left: 7 },
    });
  });
});

section('HTTP: SQL and schema', { module: fixture('conf-rooms.ts') }, (rule) => {
  rule('a query is answered with schema, rows and counts', async (host) => {
    await sql(host, 'DELETE FROM team');
    await sql(host, `INSERT INTO team (id, title) VALUES (1, 'one')`);
    const answer = await sql(host, 'SELECT id, title AS name FROM team', 'ada');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual([
      {
        schema: {
          elements: [
            { name: { some: 'id' }, algebraic_type: { U32: [] } },
            { name: { some: 'name' }, algebraic_type: { String: [] } },
          ],
        },
        rows: [[1, 'one']],
        total_duration_micros: expect.any(Number),
        stats: { rows_inserted: 0, rows_deleted: 0, rows_updated: 0 },
      },
    ]);
  });
  rule('a statement that writes tells how many rows, and takes the owner', async (host) => {
    await sql(host, 'DELETE FROM team');
    const counts = async (text: string): Promise<unknown> =>
      (JSON.parse((await sql(host, text)).text) as { stats: unknown; rows: unknown }[])[0]!.stats;
    expect(await counts(`INSERT INTO team (id, title) VALUES (1, 'a'), (2, 'b')`)).toMatchObject({ rows_inserted: 2 });
    expect(await counts(`UPDATE team SET title = 'c'`)).toMatchObject({ rows_updated: 2 });
    expect(await counts('DELETE FROM team WHERE id = 1')).toMatchObject({ rows_deleted: 1 });
    const refused = await sql(host, 'DELETE FROM team', 'ada');
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining('is not authorized to run SQL DML statements'),
    ]);
  });
  rule(
    'values of every type are JSON, exactly: big integers as numbers or hex, bytes as hex, structures as arrays',
    async (host) => {
      const who = (await host.identityOf('ada')).toString(16).padStart(64, '0');
      const filled = await host.http('POST', `${BASE}/call/fill_every`, {
        as: 'ada',
        headers: JSON_TYPE,
        body: `[["0x${who}"], [1739201130123456]]`,
      });
      expect(filled.status).toBe(200);
      const { text } = await sql(
        host,
        'SELECT ok, i8, u64, i128, u256, f32, f64, text, bytes, who, at, maybe FROM every WHERE id = 1',
      );
      expect(text).toContain(
        `"rows":[[true,-5,9223372036854775808,-1267650600228229401496703205376,"0x8${'0'.repeat(63)}",null,-1e+300,"it's","abcd",["0x${who.replace(/^0+/, '')}"],[1739201130123456],[1,[]]]]`,
      );
    },
  );
  rule('what is wrong with a query is 400 in its own words', async (host) => {
    for (const [text, message] of [
      ['SELECT * FROM nowhere', /no such table: `nowhere`/],
      ['', /Empty SQL query/],
      ['SELECT * FROM team ORDER BY id', /Unsupported/],
    ] as const) {
      expect(await sql(host, text, 'ada')).toMatchObject({ status: 400, text: expect.stringMatching(message) });
    }
  });
  rule('the schema is told as version 9 and 10, to anybody, and needs its version', async (host) => {
    const nine = JSON.parse((await host.http('GET', `${BASE}/schema?version=9`)).text) as {
      tables: { name: string }[];
    };
    expect(nine.tables.map(({ name }) => name)).toContain('loose_link');
    const ten = JSON.parse((await host.http('GET', `${BASE}/schema?version=10`)).text) as { sections: object[] };
    expect(ten.sections.length).toBeGreaterThan(3);
    expect((await host.http('GET', `${BASE}/schema`)).status).toBe(400);
    expect((await host.http('GET', `${BASE}/schema?version=8`)).status).toBe(400);
  });
  rule('the answer says who asked, and gives whoever came without a token one', async (host) => {
    const answer = await host.http('POST', `${BASE}/sql`, { body: 'SELECT * FROM team' });
    const identity = answer.headers.get('spacetime-identity');
    const token = answer.headers.get('spacetime-identity-token');
    expect(identity).toMatch(/^c200[0-9a-f]{60}$/);
    expect((await host.host.tokens.verify(token!)).identity).toBe(BigInt(`0x${identity}`));
  });
});

section('HTTP: databases', { module: fixture('conf-rooms.ts') }, (rule) => {
  rule('a database tells its identity, names and owner to anybody', async (host) => {
    const identity = host.hosted.identity.toString(16).padStart(64, '0');
    expect((await host.http('GET', `${BASE}/identity`)).text).toBe(identity);
    expect(JSON.parse((await host.http('GET', `${BASE}/names`)).text)).toEqual({ names: [DATABASE] });
    const owner = (await host.identityOf('owner')).toString(16).padStart(64, '0');
    expect(JSON.parse((await host.http('GET', BASE)).text)).toMatchObject({
      database_identity: { __identity__: `0x${identity}` },
      owner_identity: { __identity__: `0x${owner}` },
      initial_program: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    });
    expect(JSON.parse((await host.http('GET', `/v1/identity/${owner}/databases`)).text)).toEqual({
      identities: [identity],
    });
    expect(JSON.parse((await host.http('GET', `${BASE}/unstable/timestamp`)).text)).toEqual({
      __timestamp_micros_since_unix_epoch__: expect.any(Number),
    });
  });
  rule('what is not there is 404', async (host) => {
    for (const path of [
      '/v1/database/nowhere',
      '/v1/database/nowhere/identity',
      `/v1/database/${'0'.repeat(64)}/schema?version=9`,
    ]) {
      expect((await host.http('GET', path)).status, path).toBe(404);
    }
    expect((await host.http('POST', '/v1/database/nowhere/sql', { as: 'ada', body: 'SELECT 1' })).text).toMatch(
      /nowhere.* not found|No such database/,
    );
  });
  rule('what belongs to the owner is refused to everybody else: 401 or 403, and nothing happened', async (host) => {
    const guarded = [
      ['PUT', BASE],
      ['PUT', `${BASE}/reset`],
      ['DELETE', BASE],
      ['POST', `${BASE}/names`],
      ['PUT', `${BASE}/names`],
      ['POST', `${BASE}/lock`],
      ['POST', `${BASE}/unlock`],
      ['POST', `${BASE}/pre_publish`],
      ['GET', `${BASE}/logs?num_lines=5`],
      ['POST', '/v1/database'],
      ['PUT', '/v1/database/brand-new'],
    ] as const;
    for (const [method, path] of guarded) {
      const options = method === 'GET' ? {} : { body: 'export default 7;', headers: { 'content-type': 'text/plain' } };
      for (const as of [undefined, 'ada']) {
        const answer = await host.http(method, path, { ...options, as });
        expect([401, 403], `${method} ${path} as ${String(as)}: ${answer.status}`).toContain(answer.status);
      }
    }
    expect(host.host.databases.map(({ name }) => name)).toEqual([DATABASE]);
    expect((await sql(host, 'SELECT * FROM team')).status).toBe(200);
  });
  rule('the log is told to the owner, line by line as JSON', async (host) => {
    await host.http('POST', `${BASE}/call/no_such`, { as: 'ada', headers: JSON_TYPE, body: '[]' });
    const read = async (): Promise<Record<string, unknown>[]> =>
      (await host.http('GET', `${BASE}/logs?num_lines=50`, { as: 'owner' })).text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await host.until(async () =>
      (await read()).some(({ message }) => String(message).includes('nonexistent reducer "no_such"')),
    );
    for (const line of await read()) {
      expect(line).toMatchObject({
        level: expect.stringMatching(/^(Error|Warn|Info|Debug|Trace|Panic)$/),
        ts: expect.any(Number),
        message: expect.any(String),
      });
      expect(Number.isSafeInteger(line['ts'])).toBe(true);
    }
  });
});

section(
  "HTTP: a database's life",
  { module: fixture('conf-rooms.ts'), isFresh: true, forms: ['disk', 'thread'] },
  (rule) => {
    rule('the owner renames, locks, unlocks, resets and deletes', async (host) => {
      const as = 'owner';
      expect((await host.http('POST', `${BASE}/names`, { as, body: 'second-name' })).status).toBe(200);
      expect(JSON.parse((await host.http('GET', '/v1/database/second-name/names')).text)).toEqual({
        names: [DATABASE, 'second-name'],
      });
      expect((await host.http('POST', `${BASE}/names`, { as, body: 'Not A Name' })).status).toBe(400);
      expect((await host.http('POST', `${BASE}/lock`, { as })).status).toBe(200);
      expect(await host.http('DELETE', BASE, { as })).toMatchObject({
        status: 403,
        text: expect.stringMatching(/locked/),
      });
      expect((await host.http('POST', `${BASE}/unlock`, { as })).status).toBe(200);
      await sql(host, `INSERT INTO team (id, title) VALUES (1, 'x')`);
      const { identity } = host.hosted;
      expect((await host.http('PUT', `${BASE}/reset`, { as })).status).toBe(200);
      expect(host.hosted.identity).toBe(identity);
      expect(await host.sql('SELECT * FROM team')).toEqual([]);
      expect((await host.http('DELETE', BASE, { as })).status).toBe(200);
      expect((await host.http('GET', BASE)).status).toBe(404);
    });
    rule('a program is published, previewed and published again over HTTP', async (host) => {
      const as = 'owner';
      const bundle = host.hosted.database.program;
      const created = await host.http('PUT', '/v1/database/made-here', { as, body: bundle });
      expect(JSON.parse(created.text)).toMatchObject({
        Success: { domain: 'made-here', op: 'created', database_identity: expect.stringMatching(/^[0-9a-f]{64}$/) },
      });
      const again = await host.http('PUT', '/v1/database/made-here', { as, body: `${bundle}\n// changed` });
      expect(JSON.parse(again.text)).toMatchObject({ Success: { op: 'updated' } });
      const plan = await host.http('POST', '/v1/database/made-here/pre_publish', {
        as,
        body: `${bundle}\n// once more`,
      });
      expect(JSON.parse(plan.text)).toMatchObject({
        AutoMigrate: {
          migrate_plan: expect.any(String),
          break_clients: false,
          token: expect.any(String),
          major_version_upgrade: false,
        },
      });
      expect((await host.http('POST', '/v1/database/not-yet/pre_publish', { as, body: bundle })).status).toBe(404);
      expect(await host.http('PUT', '/v1/database/made-here', { as, body: 'export default 7' })).toMatchObject({
        status: 400,
      });
    });
  },
);
