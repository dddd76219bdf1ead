import { expect } from 'vitest';
import { call, oneOff, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn } from './encoding.ts';
import { fixture } from './forms.ts';
import type { ProtocolClient } from './protocol-client.ts';
import { section } from './rule.ts';

const MODULE = { module: fixture('conf-parts.ts') };

const write = (client: ProtocolClient, id: number, isOpen: boolean) =>
  client.ask(
    call(
      'reducer',
      id,
      'write',
      bsatn((writer) => (writer.u32(id), writer.string(`note ${id}`), writer.bool(isOpen))),
    ),
  );

section('Row-level security', MODULE, (rule) => {
  rule(
    'everybody sees the rows that the rules give them, the owner all; a row that several give comes once',
    async (host) => {
      const [ada, bob, owner] = [
        await host.dial({ as: 'ada' }),
        await host.dial({ as: 'bob' }),
        await host.dial({ as: 'owner' }),
      ];
      await ada.ask(call('reducer', 1, 'wipe'));
      await write(ada, 1, false);
      await write(bob, 2, false);
      await write(bob, 3, true);
      for (const client of [ada, bob, owner]) await client.ask(subscribe(1, 1, 'SELECT * FROM note'));
      expect([ada, bob, owner].map((client) => client.held('note').length)).toEqual([2, 2, 3]);
      expect(await host.sql('SELECT id FROM note', 'ada')).toHaveLength(2);
    },
  );
  rule('rows come and go as the rules begin and cease to give them', async (host) => {
    const [ada, bob] = [await host.dial({ as: 'ada' }), await host.dial({ as: 'bob' })];
    await ada.ask(call('reducer', 1, 'wipe'));
    await ada.ask(subscribe(1, 1, 'SELECT * FROM note'));
    await write(bob, 5, true);
    await ada.until(() => ada.held('note').length === 1);
    await bob.ask(
      call(
        'reducer',
        2,
        'close',
        bsatn((writer) => writer.u32(5)),
      ),
    );
    await ada.until(() => ada.held('note').length === 0);
    await write(bob, 6, false);
    await write(bob, 7, true);
    await ada.until(() => ada.held('note').length === 1);
    expect(ada.messages.filter(({ type }) => type === 'update')).toHaveLength(3);
  });
});

section('Submodules', MODULE, (rule) => {
  rule('tables and functions of a submodule are called by its name, a dot, and their own', async (host) => {
    const client = await host.dial({ as: 'ada' });
    await client.ask(call('reducer', 1, 'wipe'));
    await client.ask(subscribe(1, 1, 'SELECT * FROM lib.lib_item'));
    const add = (id: number, name: string) =>
      client.ask(
        call(
          'reducer',
          id,
          'lib.add_item',
          bsatn((writer) => (writer.u32(id), writer.string(name))),
        ),
      );
    expect(await add(1, 'one')).toMatchObject({ outcome: 'ok', updates: [{ table: 'lib.lib_item' }] });
    expect(client.held('lib.lib_item')).toHaveLength(1);
    expect(await add(2, 'one')).toMatchObject({ outcome: 'internal' });
    expect(await client.ask(call('procedure', 3, 'lib.count_items'))).toMatchObject({ returned: '0100000000000000' });
    expect(await client.ask(call('reducer', 4, 'add_item'))).toMatchObject({ message: 'no such reducer' });
    expect(await client.ask(oneOff(5, 'SELECT * FROM "lib"."libItem"'))).toMatchObject({
      tables: [{ table: 'lib.lib_item', rows: [expect.any(String)] }],
    });
    expect(await client.ask(oneOff(6, 'SELECT * FROM lib.hidden'))).toMatchObject({ tables: undefined });
  });
  rule('its refusals reach the caller in its words', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const args = bsatn((writer) => (writer.u32(9), writer.string('')));
    expect(await client.ask(call('reducer', 1, 'lib.add_item', args))).toMatchObject({
      message: 'an item needs a name',
    });
  });
});

section('HTTP handlers of a module', MODULE, (rule) => {
  const route = '/v1/database/test/route';
  rule('a route is met by method and exact path; what is not registered is 404', async (host) => {
    expect(await host.http('GET', `${route}/hello`)).toMatchObject({ status: 200, text: 'GET ' });
    expect(await host.http('PUT', `${route}/hello`, { body: 'x' })).toMatchObject({ status: 200, text: 'PUT x' });
    for (const [method, path] of [
      ['GET', '/hello/'],
      ['GET', '/Hello'],
      ['GET', '/notes'],
      ['POST', '/broken'],
      ['GET', '/elsewhere'],
    ] as const) {
      const answer = await host.http(method, `${route}${path}`);
      expect([answer.status, answer.text], `${method} ${path}`).toEqual([
        404,
        expect.stringContaining('has not registered a handler for this route'),
      ]);
    }
  });
  rule('a handler writes as nobody, without a connection, and answers as it likes', async (host) => {
    const answer = await host.http('POST', `${route}/notes`, { as: 'ada', body: 'a note' });
    expect([answer.status, answer.text, answer.headers.get('x-part')]).toEqual([201, 'kept', 'yes']);
    expect(await host.noted('a note')).toBe(`${'0'.repeat(64)} null`);
  });
  rule('a handler that fails is 500, and its words stay in the log', async (host) => {
    const answer = await host.http('GET', `${route}/broken`);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
    await host.until(() => host.logs.some((line) => line.includes('a secret of the handler')));
  });
});
