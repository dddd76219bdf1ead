import { expect } from 'vitest';
import { call, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn } from './encoding.ts';
import { DbConnection } from './fixtures/conf-calls-bindings.ts';
import { type ConformanceHost, fixture } from './forms.ts';
import { section } from './rule.ts';

const twoSteps = (name: string, how: string): Uint8Array =>
  bsatn((writer) => (writer.string(name), writer.string(how)));
const levelsOf = async (host: ConformanceHost, name: string): Promise<number> =>
  (await host.sql('SELECT name FROM person')).filter((row) => String(row['name']).startsWith(name)).length;

section('Procedures', { module: fixture('conf-calls.ts') }, (rule) => {
  rule('a procedure returns a value of its type: numbers, options, products, sums, nothing', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    const { procedures } = connection;
    expect(await procedures.add({ left: 2 ** 31, right: 2 ** 31 - 1 })).toBe(2 ** 32 - 1);
    expect(await procedures.tell({ mood: { tag: 'Loud', value: 9 } })).toEqual({ left: 9, right: 'loud' });
    expect(await procedures.quiet({})).toEqual({});
    expect(await procedures.findLevel({ name: 'nobody' })).toBeUndefined();
    await connection.reducers.addPerson({ name: 'known', level: 5 });
    expect(await procedures.findLevel({ name: 'known' })).toBe(5);
  });
  rule('each of its transactions stands or falls by itself', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    const { procedures } = connection;
    expect(await procedures.twoSteps({ name: 'both', how: '' })).toBe('2');
    expect(await levelsOf(host, 'both')).toBe(2);
    expect(await procedures.twoSteps({ name: 'first', how: 'abort' })).toBe('2 the second is taken back');
    expect(await levelsOf(host, 'first')).toBe(1);
  });
  rule('what was committed before it fails stays; the caller is told of the failure', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    const { procedures } = connection;
    await expect(procedures.twoSteps({ name: 'kept', how: 'throw between' })).rejects.toMatch('between the two');
    expect(await levelsOf(host, 'kept')).toBe(1);
    await expect(procedures.twoSteps({ name: 'crashed', how: 'crash' })).rejects.toMatch(/\S/);
    expect(await levelsOf(host, 'crashed')).toBe(2);
  });
  rule('a transaction inside another one is WouldBlockTransaction, and the outer one is taken back', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await expect(connection.procedures.twoSteps({ name: 'nested', how: 'nested' })).rejects.toMatch(
      /Attempted async or blocking op while holding open a transaction|WouldBlockTransaction/,
    );
    expect(await levelsOf(host, 'nested')).toBe(1);
    expect(await connection.procedures.twoSteps({ name: 'as before', how: '' })).toBe('2');
  });
  rule(
    'everybody, the caller too, is told of each transaction by a message of its own, before the result',
    async (host) => {
      const client = await host.dial({ as: 'ada' });
      await client.ask(subscribe(1, 1, 'SELECT * FROM person'));
      const seen = client.messages.length;
      await client.ask(call('procedure', 2, 'two_steps', twoSteps(`told ${host.form}`, '')));
      expect(client.since(seen).map(({ type }) => type)).toEqual(['update', 'update', 'procedure']);
    },
  );
  rule('unknown procedures, private ones and bad arguments are answered, and the connection stays', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const failed = (error: unknown): object => ({ type: 'procedure', returned: undefined, error });
    expect(await client.ask(call('procedure', 1, 'no_such'))).toMatchObject(
      failed(expect.stringMatching(/no such procedure/i)),
    );
    expect(await client.ask(call('procedure', 2, 'run_job'))).toMatchObject(
      failed(expect.stringMatching(/no such procedure/i)),
    );
    expect(await client.ask(call('procedure', 3, 'add', Uint8Array.of(1)))).toMatchObject(
      failed(expect.stringMatching(/^invalid arguments for procedure add: /)),
    );
    expect(await client.ask(call('procedure', 4, 'quiet'))).toMatchObject({ returned: '', requestId: 4 });
  });
  rule('reducers and procedures of one client are answered each once, with their own request ids', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const seen = client.messages.length;
    const add = (left: number): Uint8Array => bsatn((writer) => (writer.u32(left), writer.u32(1)));
    const run = bsatn((writer) => writer.string('context of a call'));
    const ids = Array.from({ length: 50 }, (_, at) => at + 1);
    client.say(
      ...ids.map((id) => (id % 2 === 0 ? call('procedure', id, 'add', add(id)) : call('reducer', id, 'run', run))),
    );
    await client.until(() => client.messages.length >= seen + 50);
    const answers = client.since(seen).map((message) => ('requestId' in message ? message.requestId : undefined));
    expect(answers.toSorted((one, other) => one! - other!)).toEqual(ids);
    expect(answers.filter((id) => id! % 2 === 1)).toEqual(ids.filter((id) => id % 2 === 1));
  });
});
