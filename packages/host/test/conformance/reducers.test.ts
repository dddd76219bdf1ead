import { expect } from 'vitest';
import { call, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn, hex } from './encoding.ts';
import { DbConnection, tables } from './fixtures/conf-calls-bindings.ts';
import { type ConformanceHost, fixture, subscribed } from './forms.ts';
import { section } from './rule.ts';
import { Identity, Timestamp } from 'spacetimedb';

const FATAL = 'The instance encountered a fatal error.';
const text = (value: string): Uint8Array => bsatn((writer) => writer.string(value));
const namesOf = async (host: ConformanceHost): Promise<unknown[]> =>
  (await host.sql('SELECT name FROM person')).map(({ name }) => name).sort();

section('Reducer calls', { module: fixture('conf-calls.ts') }, (rule) => {
  rule(
    "a call that returns is committed, and its changes are in the caller's cache when its promise resolves",
    async (host) => {
      const { connection } = await host.connect(DbConnection, { as: 'ada' });
      await subscribed(connection, 'SELECT * FROM person');
      const events: string[] = [];
      connection.db.person.onInsert(({ event }, row) => {
        events.push(`${event.tag} ${event.tag === 'Reducer' ? event.value.reducer.name : ''} ${row.name}`);
      });
      await connection.reducers.addPerson({ name: 'Ada', level: 1 });
      expect(connection.db.person.name.find('Ada')?.level).toBe(1);
      expect(events).toEqual([expect.stringMatching(/^Reducer add_?[pP]erson Ada$/)]);
    },
  );
  rule('the words of a SenderError reach the caller, and nothing of any other error does', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await expect(connection.reducers.fail({ how: 'refuse' })).rejects.toMatchObject({
      name: 'SenderError',
      message: 'not today: ümlaut',
    });
    for (const how of ['crash', 'string', 'nothing', 'look-alike', 'unique', 'recursion']) {
      await expect(connection.reducers.fail({ how }), how).rejects.toMatchObject({
        name: 'InternalError',
        message: FATAL,
      });
    }
    expect((await namesOf(host)).filter((name) => String(name).startsWith('ghost'))).toEqual([]);
  });
  rule('what a reducer returns is dropped', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await expect(connection.reducers.give({})).resolves.toBeUndefined();
  });
  rule("a user's error is logged as an error, any other as a panic with its message", async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await connection.reducers.fail({ how: 'refuse' }).catch(() => undefined);
    await connection.reducers.fail({ how: 'crash' }).catch(() => undefined);
    await host.until(() => host.logs.some((line) => /^panic: .*a secret of the module/.test(line)));
    expect(host.logs).toContainEqual(expect.stringMatching(/^error: .*not today: ümlaut/));
  });
  rule('a module goes on after any failure, with the globals that it left', async (host) => {
    await host.probe('globals that the module leaves');
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await connection.reducers.fail({ how: 'crash' }).catch(() => undefined);
    expect(await host.probe('globals that the module leaves')).toBe('true');
  });
  rule('arguments of every type arrive as they were sent', async (host) => {
    const { connection, identity } = await host.connect(DbConnection, { as: 'ada' });
    await connection.reducers.takeAll({
      flag: true,
      small: -128,
      big: 2n ** 256n - 1n,
      real: -0.1,
      text: '\uFEFFa\u{10000}\0',
      bytes: new Uint8Array([0, 255]),
      list: [0, 65_535],
      maybe: -(2n ** 63n),
      mood: { tag: 'Loud', value: 7 },
      pair: { left: 1, right: undefined },
      who: Identity.fromString(identity.toHexString()),
      at: new Timestamp(-1n),
    });
    expect(JSON.parse((await host.noted('all'))!)).toEqual({
      flag: true,
      small: -128,
      big: `${2n ** 256n - 1n}n`,
      real: -0.1,
      text: '\uFEFFa\u{10000}\0',
      bytes: [0, 255],
      list: [0, 65_535],
      maybe: `${-(2n ** 63n)}n`,
      mood: { tag: 'loud', value: 7 },
      pair: { left: 1 },
      who: identity.toHexString(),
      at: '-1n',
    });
  });
  rule(
    'what follows an await runs inside the transaction; what fails there is logged and changes nothing',
    async (host) => {
      const { connection } = await host.connect(DbConnection, { as: 'ada' });
      await connection.reducers.wait({ text: 'for it' });
      expect(await host.noted('waited')).toBe('for it');
      await connection.reducers.waitAndFail({});
      await connection.reducers.wait({ text: 'once more' });
      expect(await host.noted('waited')).toBe('once more');
    },
  );
  rule(
    "an unknown reducer, a private one of another's, and a lifecycle reducer are refused by name, and the connection stays",
    async (host) => {
      const guest = await host.dial({ as: 'ada' });
      const refusal = (message: string): object => ({ type: 'reducer', outcome: 'internal', message });
      expect(await guest.ask(call('reducer', 1, 'no_such'))).toMatchObject(refusal('no such reducer'));
      expect(await guest.ask(call('reducer', 2, 'addPerson'))).toMatchObject(refusal('no such reducer'));
      expect(await guest.ask(call('reducer', 3, 'on_tick'))).toMatchObject(refusal('no such reducer'));
      expect(await guest.ask(call('reducer', 4, 'init'))).toMatchObject(
        refusal("can't directly call special Init lifecycle reducer"),
      );
      const owner = await host.dial({ as: 'owner' });
      expect(await owner.ask(call('reducer', 5, 'on_connect'))).toMatchObject(
        refusal("can't directly call special OnConnect lifecycle reducer"),
      );
      const row = bsatn((writer) => {
        writer.u64(900n);
        writer.u8(1);
        writer.i64(0n);
        writer.string('by hand');
      });
      expect(await owner.ask(call('reducer', 6, 'on_tick', row))).toMatchObject({ outcome: 'ok' });
      expect(
        await guest.ask(
          call(
            'reducer',
            7,
            'add_person',
            bsatn((w) => (w.string('B'), w.u32(1))),
          ),
        ),
      ).toMatchObject({
        outcome: 'ok',
      });
      await host.until(() =>
        host.logs.some((line) => line.includes('External attempt to call nonexistent reducer "no_such"')),
      );
    },
  );
  rule(
    "arguments that are cut short are refused with the reducer's name; bytes behind them are let pass",
    async (host) => {
      const client = await host.dial({ as: 'ada' });
      expect(await client.ask(call('reducer', 1, 'run', Uint8Array.of(9)))).toMatchObject({
        outcome: 'internal',
        message: expect.stringMatching(/^invalid arguments for reducer run: /),
      });
      const longer = Uint8Array.from([...text('context of a call'), 1, 2, 3]);
      expect(await client.ask(call('reducer', 2, 'run', longer))).toMatchObject({ outcome: 'ok' });
      await host.until(() =>
        host.logs.some((line) => line.includes('External attempt to call reducer "run" failed, invalid arguments')),
      );
    },
  );
  rule(
    'a name or a refusal as long as a message may be is answered, and the log repeats no more than its beginning',
    async (host) => {
      const client = await host.dial({ as: 'ada' });
      const seen = host.logs.length;
      expect(await client.ask(call('reducer', 1, 'x'.repeat(1_000_000)))).toMatchObject({ message: 'no such reducer' });
      expect(await client.ask(call('reducer', 2, 'run', text('y'.repeat(1_000_000))))).toMatchObject({
        outcome: 'error',
      });
      await host.until(() => host.logs.slice(seen).some((line) => line.includes('there is no probe')));
      expect(Math.max(...host.logs.slice(seen).map((line) => line.length))).toBeLessThan(40_000);
      expect(host.logs.slice(seen).find((line) => line.includes('nonexistent'))?.length).toBeLessThan(400);
    },
  );
  rule('a call that fails tells nobody but its caller', async (host) => {
    const watcher = await host.dial({ as: 'bob' });
    await watcher.ask(subscribe(1, 1, 'SELECT * FROM person', 'SELECT * FROM flash'));
    const seen = watcher.messages.length;
    const client = await host.dial({ as: 'ada' });
    await client.ask(call('reducer', 1, 'fail', text('crash')));
    await client.ask(
      call(
        'reducer',
        2,
        'add_person',
        bsatn((w) => (w.string(`told ${host.form}`), w.u32(1))),
      ),
    );
    await watcher.until(() => watcher.messages.length > seen);
    expect(watcher.since(seen)).toMatchObject([{ type: 'update', updates: [{ table: 'flash' }, { table: 'person' }] }]);
  });
  rule(
    "an uncaught error of the host is no error of the user: its class is the module's, its text stays here",
    async (host) => {
      expect(await host.probe('names of error classes')).toBe('UniqueAlreadyExists true false');
    },
  );
  rule('thousands of iterators left behind harm neither this call nor the next', async (host) => {
    expect(await host.probe('iterators left behind')).toBe('left');
    expect(await host.probe('iterators left behind')).toBe('left');
  });
  rule('clients see updates by primary key as one change of a row', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await connection.reducers.addPerson({ name: 'changing', level: 1 });
    await new Promise<void>(
      (resolve) =>
        void connection
          .subscriptionBuilder()
          .onApplied(() => resolve())
          .subscribe(tables.person),
    );
    const events: string[] = [];
    connection.db.person.onUpdate((_context, before, after) => events.push(`${before.level}->${after.level}`));
    connection.db.person.onInsert((_context, { name }) => events.push(`+${name}`));
    connection.db.person.onDelete((_context, { name }) => events.push(`-${name}`));
    await connection.reducers.promote({ name: 'changing' });
    await connection.reducers.removePerson({ name: 'changing' });
    expect(events).toEqual(['1->2', '-changing']);
  });
});

section('What a module finds around it', { module: fixture('conf-calls.ts') }, (rule) => {
  rule('a call knows its sender, connection, time and database', async (host) => {
    expect(await host.probe('context of a call')).toBe('true true 64');
  });
  rule("the claims of the caller's token are there, with the identity that they give", async (host) => {
    expect(await host.probe('claims of the caller')).toBe('true false localhost true');
  });
  rule('nothing of Node is in reach: no process, timers, network, or modules', async (host) => {
    expect(await host.probe('globals that are not there')).toBe('');
    expect(await host.probe('the constructor of all functions')).toBe('undefined');
  });
  rule('Math.random refuses with its documented words; ctx.random is there', async (host) => {
    expect(await host.probe('randomness')).toBe(
      'true Math.random is not available in SpacetimeDB modules. Use ctx.random instead. true 36',
    );
  });
  rule('a byte order mark is kept when text is decoded, a lone surrogate encoded as U+FFFD', async (host) => {
    expect(await host.probe('text is kept as it is')).toBe('2 239 191 189');
  });
  rule('newer parts of the language that the library and modules use are there', async (host) => {
    expect(await host.probe('newer parts of the language')).toBe('true 4 symbol 1');
  });
  rule('console writes to the log, each method with its level', async (host) => {
    await host.probe('console levels');
    await host.until(() => host.logs.some((line) => line.includes('a trace')));
    const from = host.logs.findIndex((line) => line.includes('an error'));
    expect(host.logs.slice(from, from + 6)).toEqual([
      expect.stringMatching(/^error: an error/),
      expect.stringMatching(/^warn: a warning/),
      expect.stringMatching(/^info: a notice .*nested/),
      expect.stringMatching(/^debug: a detail/),
      expect.stringMatching(/^trace: /),
      expect.stringMatching(/^error: .*a failed assertion/),
    ]);
  });
  rule('procedures have globals of their own', async (host) => {
    await host.probe('context of a call');
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    expect(await connection.procedures.realmOfProcedures({})).toBe(0);
  });
  rule('globals are fresh after a restart', async (host) => {
    await host.probe('globals that the module leaves');
    await host.restart();
    expect(await host.probe('globals that the module leaves')).toBe('false');
  });
});

section('Names of clients', { module: fixture('conf-calls.ts') }, (rule) => {
  rule('identities are little-endian in messages and big-endian in text', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const identity = await host.identityOf('ada');
    expect(client.greeting.identity).toBe(identity);
    const payload = hex(client.payloads[0]!);
    expect(payload.slice(2, 66)).toBe(
      hex(Uint8Array.from(Buffer.from(identity.toString(16).padStart(64, '0'), 'hex')).reverse()),
    );
  });
});
