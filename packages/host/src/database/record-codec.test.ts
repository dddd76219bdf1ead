import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BsatnReader } from '../bsatn/reader.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { LoggedRows } from '../datastore/datastore.ts';
import { decodeLogged, decodeRecord, encodeRecord, type StoredRecord } from './record-codec.ts';

const bytes = fc.uint8Array({ maxLength: 40 });
const u32 = fc.nat({ max: 0xffff_ffff });
const program = fc.record({
  identity: fc.bigInt(0n, 2n ** 256n - 1n),
  owner: fc.bigInt(0n, 2n ** 256n - 1n),
  text: fc.string({ unit: 'grapheme' }),
  rawDef: bytes,
  tableIds: fc.array(fc.tuple(fc.string(), u32), { maxLength: 5 }).map((entries) => new Map(entries)),
});
const transaction = fc.record({
  kind: fc.constantFrom('reducer', 'procedure', 'lifecycle', 'scheduled', 'sql' as const),
  functionName: fc.option(fc.string(), { nil: undefined }),
  caller: fc.option(
    fc.record({ identity: fc.bigInt(0n, 2n ** 256n - 1n), connectionId: fc.bigInt(0n, 2n ** 128n - 1n) }),
    { nil: undefined },
  ),
  timestampMicros: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  sequences: fc.array(
    fc.record({ tableId: u32, column: fc.nat({ max: 65_535 }), allocated: fc.bigInt(-(2n ** 127n), 2n ** 127n - 1n) }),
  ),
  changes: fc.array(
    fc.record({ tableId: u32, isTruncated: fc.boolean(), deletes: fc.array(bytes), inserts: fc.array(bytes) }),
    { maxLength: 4 },
  ),
});
const migration = fc.record({
  tables: fc.array(fc.record({ tableId: u32, suffix: bytes })),
  sequences: transaction.map(({ sequences }) => sequences),
});
const record = fc
  .record({
    program: fc.option(program, { nil: undefined }),
    migration: fc.option(migration, { nil: undefined }),
    transaction: fc.option(transaction, { nil: undefined }),
  })
  // A migration is to a program.
  .map((parts) =>
    parts.program === undefined ? { ...parts, migration: undefined } : parts,
  ) as fc.Arbitrary<StoredRecord>;

function splitLogged({ count, bytes }: LoggedRows): Uint8Array[] {
  const reader = new BsatnReader(bytes);
  const rows = Array.from({ length: count }, () => reader.byteArray());
  reader.expectEnd();
  return rows;
}

describe('a log record', () => {
  test('comes back as it was written', () => {
    const writer = new BsatnWriter();
    fc.assert(
      fc.property(record, (original) => {
        expect(decodeRecord(encodeRecord(writer, original).slice())).toEqual(original);
      }),
    );
  });

  test('says the same when its inserted rows are left as they lie', () => {
    const writer = new BsatnWriter();
    fc.assert(
      fc.property(record, (original) => {
        const { transaction, ...rest } = decodeLogged(encodeRecord(writer, original).slice());
        const changes = transaction?.changes.map((change) => ({ ...change, inserts: splitLogged(change.inserts) }));
        expect({ ...rest, transaction: transaction && { ...transaction, changes } }).toEqual(original);
      }),
    );
  });

  test('cut short, or with a byte more, is refused', () => {
    const writer = new BsatnWriter();
    fc.assert(
      fc.property(record, fc.nat(), (original, cut) => {
        const encoded = encodeRecord(writer, original).slice();
        expect(() => decodeRecord(encoded.subarray(0, cut % encoded.length))).toThrow(/malformed BSATN/);
        expect(() => decodeRecord(Uint8Array.from([...encoded, 0]))).toThrow(/malformed BSATN/);
        expect(() => decodeLogged(encoded.subarray(0, cut % encoded.length))).toThrow(/malformed BSATN/);
        expect(() => decodeLogged(Uint8Array.from([...encoded, 0]))).toThrow(/malformed BSATN/);
      }),
    );
  });

  test('is one that earlier releases read, unless it has a migration', () => {
    const writer = new BsatnWriter();
    fc.assert(
      fc.property(record, (original) => {
        expect(encodeRecord(writer, original)[0]).toBe(original.migration === undefined ? 1 : 2);
      }),
    );
  });

  test('of an earlier release knows no migration', () => {
    expect(() => decodeRecord(new Uint8Array([1, 4]))).toThrow(/the parts of a record are expected/);
    expect(() => decodeRecord(new Uint8Array([2, 4, 0, 0, 0, 0, 0, 0, 0, 0]))).toThrow(/a migration has no program/);
  });

  test('of a later release is refused by name', () => {
    expect(() => decodeRecord(new Uint8Array([3, 0]))).toThrow(
      /log record has version 3, and this release knows version 2/,
    );
  });
});
