import { describe, expect, test } from 'vitest';
import { BsatnReader } from '../bsatn/reader.ts';
import { concatChunks } from '../session/client-link.ts';
import { QueryUpdate, SharedRows, type QuerySetUpdate } from '../subscriptions/shared-results.ts';
import { decodeClientMessage } from './client-message.ts';
import type { EncodedMessage } from './message-builder.ts';
import * as server from './server-message.ts';

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const toHex = ({ chunks, byteLength }: EncodedMessage) => {
  const bytes = concatChunks(chunks);
  expect(bytes.length).toBe(byteLength);
  return Buffer.from(bytes).toString('hex');
};
const joined = (hex: string) => hex.replaceAll(' ', '');

const rowOne = fromHex('01000000');
const oneRow = new SharedRows([rowOne]);
const noRows = new SharedRows([]);
const updateOf = (isEvent: boolean): QuerySetUpdate[] => [
  {
    querySetId: 9,
    tables: [{ tableName: 'bag', updates: [new QueryUpdate({ name: 'bag', isEvent }, oneRow, noRows)] }],
  },
];

describe('client messages are read as the official clients write them', () => {
  test.each([
    ['00 07000000 09000000 01000000 01000000 71', { type: 'subscribe', requestId: 7, querySetId: 9, queries: ['q'] }],
    ['01 07000000 09000000 01', { type: 'unsubscribe', requestId: 7, querySetId: 9, sendDroppedRows: true }],
    ['01 07000000 09000000 00', { type: 'unsubscribe', requestId: 7, querySetId: 9, sendDroppedRows: false }],
    ['02 07000000 01000000 71', { type: 'one-off-query', requestId: 7, query: 'q' }],
    [
      '03 07000000 00 01000000 72 01000000 01',
      { type: 'call-reducer', requestId: 7, name: 'r', args: Uint8Array.of(1) },
    ],
    [
      '04 07000000 00 01000000 72 01000000 01',
      { type: 'call-procedure', requestId: 7, name: 'r', args: Uint8Array.of(1) },
    ],
  ])('%s', (hex, expected) => {
    const reader = new BsatnReader(fromHex(hex));
    expect(decodeClientMessage(reader)).toEqual(expected);
    expect(reader.remaining).toBe(0);
  });
});

describe('server messages are written as the official clients read them', () => {
  test.each([
    [
      'InitialConnection',
      server.encodeInitialConnection(1n, 2n, 'tok'),
      `00 01${'00'.repeat(31)} 02${'00'.repeat(15)} 03000000 746f6b`,
    ],
    [
      'SubscribeApplied',
      server.encodeSubscribeApplied(7, 9, [{ tableName: 'bag', rows: oneRow }]),
      '01 07000000 09000000 01000000 03000000 626167 00 0400 04000000 01000000',
    ],
    ['UnsubscribeApplied without rows', server.encodeUnsubscribeApplied(7, 9, undefined), '02 07000000 09000000 01'],
    [
      'UnsubscribeApplied whose rows were asked for and are none',
      server.encodeUnsubscribeApplied(7, 9, []),
      '02 07000000 09000000 00 00000000',
    ],
    [
      'SubscriptionError of a request',
      server.encodeSubscriptionError(7, 9, 'E'),
      '03 00 07000000 09000000 01000000 45',
    ],
    [
      'SubscriptionError of no request',
      server.encodeSubscriptionError(undefined, 9, 'E'),
      '03 01 09000000 01000000 45',
    ],
    [
      'TransactionUpdate',
      server.encodeTransactionUpdate(updateOf(false)),
      '04 01000000 09000000 01000000 03000000 626167 01000000 00 00 0400 04000000 01000000 01 00000000 00000000',
    ],
    [
      'TransactionUpdate of an event table',
      server.encodeTransactionUpdate(updateOf(true)),
      '04 01000000 09000000 01000000 03000000 626167 01000000 01 00 0400 04000000 01000000',
    ],
    ['OneOffQueryResult', server.encodeOneOffRows(7, []), '05 07000000 00 00000000'],
    ['OneOffQueryResult with an error', server.encodeOneOffError(7, 'E'), '05 07000000 01 01000000 45'],
    [
      'ReducerResult Ok',
      server.encodeReducerCommitted(7, 1000n, []),
      '06 07000000 e803000000000000 00 00000000 00000000',
    ],
    [
      'ReducerResult Err: a string inside a byte array',
      server.encodeReducerError(7, 1000n, 'hi'),
      '06 07000000 e803000000000000 02 06000000 02000000 6869',
    ],
    [
      'ReducerResult InternalError',
      server.encodeReducerInternalError(7, 1000n, 'hi'),
      '06 07000000 e803000000000000 03 02000000 6869',
    ],
    [
      'ProcedureResult Returned: the request id comes last',
      server.encodeProcedureReturned(7, { bytes: Uint8Array.of(5), timestampMicros: 1000n, durationMicros: 3n }),
      '07 00 01000000 05 e803000000000000 0300000000000000 07000000',
    ],
    [
      'ProcedureResult InternalError',
      server.encodeProcedureFailed(7, 'E'),
      `07 01 01000000 45 ${'00'.repeat(16)} 07000000`,
    ],
  ])('%s', (_name, message, hex) => {
    expect(toHex(message)).toBe(joined(hex));
  });

  test('a message with a large part shares its bytes with everybody who gets them', () => {
    const rows = new SharedRows([new Uint8Array(5000), new Uint8Array(5000)]);
    const first = server.encodeSubscribeApplied(1, 1, [{ tableName: 'bag', rows }]);
    const second = server.encodeSubscribeApplied(2, 2, [{ tableName: 'bag', rows }]);
    const large = (message: EncodedMessage) => message.chunks.find((chunk) => chunk.length > 9000);
    expect(large(first)).toBeDefined();
    expect(large(second)).toBe(large(first));
    expect(toHex(first)).toBe(
      joined(`01 01000000 01000000 01000000 03000000 626167 00 8813 10270000 ${'00'.repeat(10_000)}`),
    );
  });
});
