import { expect } from 'vitest';
import { BsatnReader } from '../../src/bsatn/reader.ts';
import { call } from '../session-fixtures/test-client.ts';
import { fromHex } from './encoding.ts';
import { fixture } from './forms.ts';
import { section } from './rule.ts';

const NOT_DECODED = "BsatnDecodeError: Couldn't decode the BSATN to the expected type";
const NO_ITERATOR = 'NoSuchIter: The provided row iterator is not valid';

section('System calls', { module: fixture('conf-sys.ts') }, (rule) => {
  rule(
    'tables and indexes are found by canonical name and by the name in the source, and user tables count from 4097',
    async (host) => {
      expect(await host.probe('names')).toBe('true true true true');
    },
  );
  rule('unknown names are NoSuchTable and NoSuchIndex, and names are case-sensitive', async (host) => {
    expect(await host.probe('unknown names')).toBe(
      'NoSuchTable: No such table | NoSuchIndex: No such index | NoSuchTable: No such table',
    );
  });
  rule(
    'advancing tells bytes: positive while rows wait, negative with the last ones, and the iterator is gone then',
    async (host) => {
      expect(await host.probe('counting advance')).toBe(`24 24 -6 ${NO_ITERATOR}`);
      expect(await host.probe('an empty scan')).toBe(`0 ${NO_ITERATOR}`);
    },
  );
  rule('a buffer too small for the next row is told the size it needs, and nothing is lost', async (host) => {
    expect(await host.probe('a buffer for no row')).toBe('{"__buffer_too_small__":6} 6');
  });
  rule('a closed iterator, and one of an earlier call, is NoSuchIter', async (host) => {
    expect(await host.probe('a closed iterator')).toBe(`${NO_ITERATOR} | ${NO_ITERATOR}`);
    await host.probe('an iterator is kept');
    expect(await host.probe('an iterator of an earlier call')).toBe(NO_ITERATOR);
  });
  rule('a scan is a snapshot: later writes of the call do not change it', async (host) => {
    expect(await host.probe('a scan is what was there')).toBe('9 0');
  });
  rule('a range is a prefix and two bounds; an empty end is the same bound as the start', async (host) => {
    expect(await host.probe('an empty end is the start')).toBe('20 21 22');
    expect(await host.probe('a prefix before the bounds')).toBe('21 22');
    expect(await host.probe('excluded and included bounds')).toBe('20 21 22');
    expect(await host.probe('both bounds open')).toBe('10 11 12 20 21 22 30 31 32');
    expect(await host.probe('bounds the wrong way round')).toBe('[]');
  });
  rule('malformed searches are BsatnDecodeError, lengths past the buffer a RangeError', async (host) => {
    for (const what of [
      'a prefix of no column',
      'a prefix of all columns',
      'an unknown bound',
      'a bound cut short',
      'a key with something behind it',
    ]) {
      expect(await host.probe(what), what).toBe(NOT_DECODED);
    }
    expect(await host.probe('lengths past the buffer')).toBe(
      'RangeError: length argument was out of bounds for `ArrayBuffer`',
    );
  });
  rule(
    'generated values, and they alone, stand in column order at the start of the buffer that was sent',
    async (host) => {
      expect(await host.probe('generated values')).toMatch(/^6 0000 00006e0000090909$/);
      expect(await host.probe('one generated value')).toMatch(/^2 0100010000006f0000$/);
      expect(await host.probe('no generated value')).toBe('0 true');
    },
  );
  rule('rows are deleted by value and by index, and counted', async (host) => {
    expect(await host.probe('rows deleted by value')).toBe('2');
    expect(await host.probe('rows deleted by index')).toBe('1 2 bigint');
  });
  rule('an update needs a unique index of its table', async (host) => {
    expect(await host.probe('an update by an index that is not unique')).toBe(
      'IndexNotUnique: The index was not unique',
    );
    expect(await host.probe('an update by an index of another table')).toBe('NoSuchIndex: No such index');
  });
  rule('a range over a hash index is refused with its own error', async (host) => {
    expect(await host.probe('a range of a hash index')).toBe(
      'SpacetimeHostError: The Index does not support range scans',
    );
  });
  rule('wrong arguments are a TypeError or RangeError of the module', async (host) => {
    const [number, buffer, length, big] = (await host.probe('wrong arguments')).split(' | ');
    expect([number, buffer, big].every((text) => text?.startsWith('TypeError: '))).toBe(true);
    expect(length).toBe('RangeError: length argument was out of bounds for `ArrayBuffer`');
  });
  rule('inside a transaction none can be begun, ended by hand, or waited in', async (host) => {
    expect(await host.probe('transactions inside one')).toBe(
      'WouldBlockTransaction TransactionNotAnonymous TransactionNotAnonymous WouldBlockTransaction',
    );
  });
  rule('after a malformed row the call fails whatever the module makes of it, and leaves no trace', async (host) => {
    await host.probe('rows deleted by value');
    await expect(host.probe('a malformed row, swallowed')).rejects.toThrow(/fatal error/);
    expect(await host.noted('a malformed row, swallowed')).toBeUndefined();
    expect(await host.sql('SELECT COUNT(*) AS n FROM pair')).toEqual([{ n: 7n }]);
  });
  rule('outside a transaction data are out of reach; a procedure begins and ends its own', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const answer = await client.ask(call('procedure', 1, 'outside'));
    const reader = new BsatnReader(fromHex(answer.type === 'procedure' ? answer.returned! : ''));
    const texts = Array.from({ length: reader.u32() }, () => reader.string());
    const outside = 'NotInTransaction: ABI call can only be made while in a transaction';
    expect(texts).toEqual([
      outside,
      outside,
      'TransactionNotAnonymous: Not in an anonymous transaction. Called by a reducer?',
      'bigint',
      'WouldBlockTransaction: Attempted async or blocking op while holding open a transaction',
      '0',
      'undefined',
      outside,
    ]);
  });
  rule('a transaction that a procedure leaves open is taken back, and the log says so', async (host) => {
    const client = await host.dial({ as: 'ada' });
    await client.ask(call('procedure', 1, 'leave_open'));
    expect(await host.sql('SELECT * FROM other')).toEqual([]);
    await host.until(() =>
      host.logs.some((line) => /dangling anonymous transaction in procedure leave_open/.test(line)),
    );
    expect(await host.probe('names')).toBe('true true true true');
  });
  rule('the identity is that of the database, and a timer ends once', async (host) => {
    expect(await host.probe('the identity is a big integer')).toBe('bigint true');
    expect(await host.probe('a timer')).toBe('NoSuchConsoleTimer: The provided console timer does not exist');
    expect(host.logs.some((line) => line.startsWith('info: Timing span "walk": '))).toBe(true);
  });
});
