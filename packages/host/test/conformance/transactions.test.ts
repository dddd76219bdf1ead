import { expect } from 'vitest';
import { call, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn, hex, strings } from './encoding.ts';
import { type ConformanceHost, fixture } from './forms.ts';
import type { ProtocolClient } from './protocol-client.ts';
import { section } from './rule.ts';

const keyed = (id: number, size = 0): string =>
  hex(
    bsatn((writer) => {
      writer.u32(id);
      writer.string(`n${id}`);
      writer.u32(size);
    }),
  );

/** A client that follows the tables, after the tables were filled as told. */
async function follow(host: ConformanceHost, ...filling: string[]): Promise<ProtocolClient> {
  const client = await host.dial({ as: 'ada' });
  await client.ask(call('reducer', 0, 'steps', strings(['wipe', 'clear', ...filling])));
  await client.ask(subscribe(1, 1, 'SELECT * FROM keyed', 'SELECT * FROM bag', 'SELECT * FROM flash'));
  return client;
}

/** What a transaction of these steps changed, as its caller is told. */
async function deltaOf(client: ProtocolClient, ...steps: string[]): Promise<{ inserts: string[]; deletes: string[] }> {
  const answer = await client.ask(call('reducer', 2, 'steps', strings(steps)));
  if (answer.type !== 'reducer' || answer.outcome !== 'ok') throw new Error(JSON.stringify(answer));
  return {
    inserts: answer.updates.flatMap(({ inserts }) => inserts).sort(),
    deletes: answer.updates.flatMap(({ deletes }) => deletes).sort(),
  };
}

section('Transactions and sets of rows', { module: fixture('conf-store.ts') }, (rule) => {
  rule('a row that is there already is inserted without an error and without effect', async (host) => {
    expect(await host.probe('the same row twice')).toBe('{"value":1,"text":"a"} {"value":1,"text":"a"} 1');
  });
  rule('this holds with a primary key too', async (host) => {
    expect(await host.probe('the same row again, with a key')).toBe('did {"id":1,"name":"a","size":1} 1');
  });
  rule('another row with the same key or unique value is refused with UniqueAlreadyExists', async (host) => {
    const refused = 'UniqueAlreadyExists: Value with given unique identifier already exists';
    expect(await host.probe('another row with the same key')).toBe(refused);
    expect(await host.probe('another row with the same unique value')).toBe(refused);
  });
  rule('a key is free again once its row is deleted, in the same transaction', async (host) => {
    expect(await host.probe('a key that was freed')).toBe('[{"id":1,"name":"b","size":2}]');
  });
  rule('deleting what is not there deletes nothing and is no error', async (host) => {
    expect(await host.probe('what is not there is deleted')).toBe('false false 0');
  });
  rule('a row without a key is deleted by its whole value', async (host) => {
    expect(await host.probe('rows by their value')).toBe('false true [{"value":2,"text":"a"}]');
  });
  rule('clearing a table counts the rows that were visible', async (host) => {
    expect(await host.probe('clear counts')).toBe('2 0 0');
  });
  rule(
    'rows may be deleted and added while they are read: a walk sees those that were there when it began',
    async (host) => {
      expect(await host.probe('rows deleted while they are read')).toBe('5000 0');
      expect(await host.probe('rows added while they are read')).toBe('3 6');
    },
  );
  rule('several walks at once do not disturb each other, and rows larger than the buffer are read', async (host) => {
    expect(await host.probe('two walks at once')).toBe('3000');
    expect(await host.probe('a row larger than the buffer')).toBe('1 300000');
  });
  rule('what a transaction wrote is found by every index before it is committed', async (host) => {
    expect(await host.probe('rows of one transaction are found by every index')).toBe(
      '{"id":1,"name":"a","size":4} {"id":1,"name":"a","size":4} [{"id":1,"name":"a","size":4}]',
    );
  });
  rule('an update of a key that is not there is NoSuchRow; indexes follow an update', async (host) => {
    expect(await host.probe('an update of a key that is not there')).toBe(
      'NoSuchRow: The row was not found, e.g., in an update call',
    );
    expect(await host.probe('an index follows an update')).toBe('[] [{"id":1,"name":"a","size":20}]');
  });
  rule(
    'an update keeps unique values: its own is no conflict, another one is, and freed ones may be taken',
    async (host) => {
      expect(await host.probe('an update that takes a unique value')).toMatch(/^UniqueAlreadyExists: .*"n1".*"n2"/);
      expect(await host.probe('an update of the own unique value')).toBe('[{"id":1,"name":"n1","size":7}]');
      expect(await host.probe('two updates exchange a unique value by a third')).toMatch(/"n2".*"n1"/);
    },
  );

  rule(
    'a transaction amounts to its net change: insert and delete of a row, and delete and insert of it, are nothing',
    async (host) => {
      const client = await follow(host, 'insert 1', 'put 1');
      expect(await deltaOf(client, 'insert 5', 'delete 5')).toEqual({ inserts: [], deletes: [] });
      expect(await deltaOf(client, 'delete 1', 'insert 1')).toEqual({ inserts: [], deletes: [] });
      expect(await deltaOf(client, 'update 1 0')).toEqual({ inserts: [], deletes: [] });
      expect(await deltaOf(client, 'clear', 'put 1')).toEqual({ inserts: [], deletes: [] });
      expect(await deltaOf(client, 'update 1 9', 'update 1 0')).toEqual({ inserts: [], deletes: [] });
    },
  );
  rule(
    'an update is the old row deleted and the new one inserted, once, however often the row was written',
    async (host) => {
      const client = await follow(host, 'insert 1');
      expect(await deltaOf(client, 'update 1 5', 'update 1 6', 'update 1 7')).toEqual({
        inserts: [keyed(1, 7)],
        deletes: [keyed(1)],
      });
      expect(client.held('keyed')).toEqual([keyed(1, 7)]);
    },
  );
  rule('a transaction that changes nothing tells nobody anything', async (host) => {
    const client = await follow(host, 'insert 1');
    const other = await host.dial({ as: 'bob' });
    await other.ask(subscribe(1, 1, 'SELECT * FROM keyed'));
    await deltaOf(client, 'update 1 0', 'insert 2', 'delete 2');
    await deltaOf(client, 'insert 3');
    await other.until(() => other.held('keyed').length === 2);
    expect(other.messages.filter(({ type }) => type === 'update')).toHaveLength(1);
  });
  rule('a transaction that throws leaves no trace: nothing in tables, in indexes, or told to anybody', async (host) => {
    const client = await follow(host, 'insert 1');
    for (const [how, outcome] of [
      ['refuse', 'error'],
      ['crash', 'internal'],
    ] as const) {
      const steps = ['insert 2', 'update 1 8', 'put 1', 'flash 1', 'delete 1', how];
      expect(await client.ask(call('reducer', 3, 'steps', strings(steps)))).toMatchObject({ outcome, updates: [] });
    }
    expect(client.held('keyed')).toEqual([keyed(1)]);
    expect(await host.sql('SELECT id, size FROM keyed')).toEqual([{ id: 1, size: 0 }]);
    expect(await host.sql('SELECT * FROM bag')).toEqual([]);
    expect(await deltaOf(client, 'insert 2')).toEqual({ inserts: [keyed(2)], deletes: [] });
  });
  rule('event rows are seen and checked inside their transaction, told once, and never stored', async (host) => {
    expect(await host.probe('event rows inside the transaction')).toBe('1 UniqueAlreadyExists');
    expect(await host.probe('event rows of another transaction')).toBe('1');
    const client = await follow(host);
    const answer = await client.ask(call('reducer', 3, 'steps', strings(['flash 7'])));
    expect(answer).toMatchObject({
      updates: [{ table: 'flash', isEvent: true, inserts: [expect.any(String)], deletes: [] }],
    });
    expect(await host.sql('SELECT * FROM flash')).toEqual([]);
  });
  rule('calls are run one after the other: nothing of one is seen half done by another', async (host) => {
    const clients = await Promise.all(['ada', 'bob', 'eve'].map((as) => host.dial({ as })));
    const watcher = await follow(host);
    const seen = watcher.messages.length;
    for (let turn = 1; turn <= 20; turn += 1) {
      for (const [at, client] of clients.entries()) {
        const id = turn * 10 + at;
        client.say(call('reducer', turn, 'steps', strings([`insert ${id} 1`, `put ${id}`])));
      }
    }
    await watcher.until(() => watcher.held('keyed').length === 60 && watcher.held('bag').length === 60);
    const updates = watcher.since(seen).filter((message) => message.type === 'update');
    expect(updates).toHaveLength(60);
    for (const { updates: tables } of updates)
      expect(tables.map(({ table }) => table).sort()).toEqual(['bag', 'keyed']);
  });
});

section('Sequences', { module: fixture('conf-store.ts') }, (rule) => {
  rule('a zero becomes the next value, and the row that comes back has it', async (host) => {
    expect(await host.probe('zero means the next value')).toBe('1 b');
  });
  rule(
    'an explicit value does not move the sequence; what collides later is refused once and then passed',
    async (host) => {
      expect(await host.probe('an explicit value leaves the sequence')).toBe('UniqueAlreadyExists 2');
    },
  );
  rule('several sequences of one row give each its own value, for zeros alone', async (host) => {
    expect(await host.probe('several sequences in one row')).toBe('900 1 1 200');
  });
  rule('values are cut to the width of the column and go round', async (host) => {
    expect(await host.probe('a sequence of one byte goes round')).toMatch(/^1( 2)?$/);
  });
  rule('a zero is replaced by an update as well, which then finds no row', async (host) => {
    expect(await host.probe('an update with a zero key')).toBe(
      'NoSuchRow: The row was not found, e.g., in an update call',
    );
  });
  rule('a value is never given twice: not after a failure, and not after a restart', async (host) => {
    const client = await host.dial({ as: 'ada' });
    await client.ask(call('reducer', 1, 'steps', strings(['number before'])));
    await client.ask(call('reducer', 2, 'steps', strings(['number lost', 'crash'])));
    await client.ask(call('reducer', 3, 'steps', strings(['number after'])));
    await host.restart();
    const again = await host.dial({ as: 'ada' });
    await again.ask(call('reducer', 4, 'steps', strings(['number restarted'])));
    const rows = await host.sql('SELECT id, text FROM counted');
    const idOf = (text: string): bigint => rows.find((row) => row['text'] === text)!['id'] as bigint;
    expect(idOf('after')).toBeGreaterThan(idOf('before') + 1n);
    expect(idOf('restarted')).toBeGreaterThan(idOf('after'));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });
});
