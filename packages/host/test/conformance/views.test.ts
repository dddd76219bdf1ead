import { expect } from 'vitest';
import { BsatnReader } from '../../src/bsatn/reader.ts';
import { call, oneOff, subscribe, unsubscribe } from '../session-fixtures/test-client.ts';
import { bsatn, fromHex, strings } from './encoding.ts';
import { DbConnection } from './fixtures/conf-views-bindings.ts';
import { type ConformanceHost, fixture, subscribed } from './forms.ts';
import type { ProtocolClient } from './protocol-client.ts';
import { section } from './rule.ts';

const steps = (client: ProtocolClient, ...list: string[]) => client.ask(call('reducer', 9, 'steps', strings(list)));
const textsOf = (rows: readonly string[]): string[] => rows.map((row) => new BsatnReader(fromHex(row)).string());

async function dialed(host: ConformanceHost, as: string, ...list: string[]): Promise<ProtocolClient> {
  const client = await host.dial({ as });
  expect(await steps(client, 'wipe', ...list)).toMatchObject({ outcome: 'ok' });
  return client;
}

section('Views', { module: fixture('conf-views.ts') }, (rule) => {
  rule(
    'a view is subscribed to like a table, and its changes come in the message of the transaction that made them',
    async (host) => {
      const client = await dialed(host, 'ada', 'player 1 ada 5');
      await client.ask(subscribe(1, 1, 'SELECT * FROM how_many', 'SELECT * FROM first', 'SELECT * FROM player'));
      expect(client.held('first')).toEqual(client.held('player'));
      const answer = await steps(client, 'player 2 bob 6', '*player 1 ada 6');
      expect(
        answer.type === 'reducer' &&
          answer.updates.map(({ table, inserts, deletes }) => [table, inserts.length, deletes.length]),
      ).toEqual([
        ['first', 1, 1],
        ['how_many', 1, 1],
        ['player', 2, 1],
      ]);
      expect(client.held('how_many')).toEqual(['0200000000000000']);
    },
  );
  rule(
    'a view is evaluated again when what it read changed, also when that was nothing, and not otherwise',
    async (host) => {
      const client = await dialed(host, 'ada');
      await client.ask(subscribe(1, 1, 'SELECT * FROM first'));
      expect(client.held('first')).toEqual([]);
      const evaluations = (): number => host.logs.filter((line) => line.includes('first is evaluated')).length;
      await host.until(() => evaluations() > 0);
      const before = evaluations();
      await steps(client, 'player 7 eve 1', 'note hello');
      await steps(client, '*player 7 eve 2');
      await steps(client, 'player 1 ada 1');
      expect(client.held('first')).toHaveLength(1);
      await host.until(() => evaluations() > before);
      expect(evaluations()).toBe(before + 1);
    },
  );
  rule('a view that gives a query follows its table row by row', async (host) => {
    const client = await dialed(host, 'ada', 'player 1 ada 10', 'player 2 bob 3');
    await client.ask(subscribe(1, 1, 'SELECT * FROM strong'));
    expect(client.held('strong')).toHaveLength(1);
    const answer = await steps(client, '*player 2 bob 11', '-player 1');
    expect(answer).toMatchObject({
      updates: [{ table: 'strong', inserts: [expect.any(String)], deletes: [expect.any(String)] }],
    });
  });
  rule("a sender's view is one for each identity", async (host) => {
    const ada = await dialed(host, 'ada', 'player 1 ada 5');
    const bob = await host.dial({ as: 'bob' });
    for (const client of [ada, bob]) await client.ask(subscribe(1, 1, 'SELECT * FROM mine'));
    expect([ada.held('mine').length, bob.held('mine').length]).toEqual([1, 0]);
    await steps(bob, 'player 2 bob 5', 'player 3 bob 5');
    await steps(ada, 'note nothing of interest');
    expect([ada.held('mine').length, bob.held('mine').length]).toEqual([1, 2]);
    expect(ada.messages.filter(({ type }) => type === 'update')).toEqual([]);
    const again = await host.dial({ as: 'bob' });
    expect(await again.ask(oneOff(1, 'SELECT * FROM mine'))).toMatchObject({
      tables: [{ rows: [expect.any(String), expect.any(String)] }],
    });
  });
  rule("a view may show what is private; a private view is the owner's", async (host) => {
    const guest = await dialed(host, 'guest', 'hidden 1 word');
    await guest.ask(subscribe(1, 1, 'SELECT * FROM words'));
    expect(textsOf(guest.held('words'))).toEqual(['word']);
    expect(await guest.ask(subscribe(2, 2, 'SELECT * FROM privately'))).toMatchObject({
      message: expect.stringContaining('no such table: `privately`'),
    });
    const owner = await host.dial({ as: 'owner' });
    await owner.ask(subscribe(1, 1, 'SELECT * FROM privately'));
    expect(textsOf(owner.held('privately'))).toEqual(['secret']);
  });
  rule('equal rows of a view are one; views can be filtered and joined like tables', async (host) => {
    const client = await dialed(host, 'ada', 'player 1 ada 12', 'player 2 bob 3');
    await client.ask(subscribe(1, 1, 'SELECT * FROM twins', `SELECT * FROM strong WHERE name = 'ada'`));
    expect(textsOf(client.held('twins'))).toEqual(['one']);
    expect(client.held('strong')).toHaveLength(1);
    await client.ask(subscribe(2, 2, 'SELECT p.* FROM player p JOIN strong s ON p.id = s.id'));
    expect(client.held('player')).toHaveLength(1);
  });
  rule(
    'a view that fails refuses the write that made it fail, with all that this did, and may go on after',
    async (host) => {
      const client = await dialed(host, 'ada');
      await client.ask(subscribe(1, 1, 'SELECT * FROM fragile', 'SELECT * FROM player'));
      expect(await steps(client, 'player 5 gone 1', 'note break it')).toMatchObject({ outcome: 'internal' });
      expect(client.held('player')).toEqual([]);
      expect(await host.sql('SELECT * FROM note')).toEqual([]);
      expect(await steps(client, 'player 5 here 1')).toMatchObject({ outcome: 'ok' });
      const text = bsatn((writer) => writer.string('break it'));
      const answer = await client.ask(call('procedure', 4, 'in_procedure', text));
      expect(answer.type === 'procedure' && Buffer.from(answer.returned!, 'hex').toString()).not.toContain('written');
      expect(await host.sql('SELECT * FROM note')).toEqual([]);
      await client.ask(unsubscribe(5, 1, true));
      await host.sql('DELETE FROM note');
    },
  );
  rule('one that fails when it is subscribed to tells the subscriber, who may ask again', async (host) => {
    const client = await dialed(host, 'ada');
    // What nobody asks for is not evaluated: the write goes through.
    await host.restart();
    const again = await host.dial({ as: 'ada' });
    expect(await steps(again, 'note break it')).toMatchObject({ outcome: 'ok' });
    expect(await again.ask(subscribe(1, 1, 'SELECT * FROM fragile'))).toMatchObject({
      type: 'subscription-error',
      requestId: 1,
    });
    await steps(again, 'wipe');
    expect(await again.ask(subscribe(2, 1, 'SELECT * FROM fragile'))).toMatchObject({ type: 'subscribed' });
    expect(client.messages.length).toBeGreaterThan(0);
  });
  rule('a view cannot write', async (host) => {
    const client = await host.dial({ as: 'ada' });
    await client.ask(subscribe(1, 1, 'SELECT * FROM writer'));
    expect(textsOf(client.held('writer'))).toEqual(['TransactionIsReadOnly']);
    expect(await host.sql('SELECT * FROM writer')).toEqual([{ name: 'TransactionIsReadOnly' }]);
  });
  rule('SQL reads a view, follows writes by SQL, and writes to none', async (host) => {
    await dialed(host, 'ada', 'player 1 ada 5');
    expect(await host.sql('SELECT * FROM how_many')).toEqual([{ players: 1n }]);
    await host.sql('DELETE FROM player');
    expect(await host.sql('SELECT * FROM how_many')).toEqual([{ players: 0n }]);
    await expect(host.sql('DELETE FROM how_many')).rejects.toThrow(
      '`how_many` is a view; DML on views is not supported',
    );
  });
  rule("the official client follows a view by its primary key, and a procedure's writes as any other", async (host) => {
    const client = await dialed(host, 'ada', 'player 1 ada 5');
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await subscribed(connection, 'SELECT * FROM first', 'SELECT * FROM how_many', 'SELECT * FROM fragile');
    const events: string[] = [];
    connection.db.first.onUpdate((_context, before, after) => events.push(`${before.level}>${after.level}`));
    connection.db.first.onDelete((_context, row) => events.push(`-${row.level}`));
    await steps(client, '*player 1 ada 6');
    await steps(client, '-player 1');
    await host.until(() => events.length === 2);
    expect(events).toEqual(['5>6', '-6']);
    expect([...connection.db.howMany.iter()]).toEqual([{ players: 0n }]);
    expect(await connection.procedures.inProcedure({ text: 'fine' })).toBe('written');
  });
});
