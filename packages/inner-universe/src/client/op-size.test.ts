import fc from 'fast-check';
import { expect, test } from 'vitest';
import { opByteLength, utf8Length } from './op-size.ts';

test('the length of a text is that of its UTF-8', () => {
  const encoder = new TextEncoder();
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => utf8Length(text) === encoder.encode(text).byteLength));
});

test('an op counts all its texts, also in lists and parts, and its bytes; numbers and flags count nothing', () => {
  const state = { state: 'ß', stateEncoding: 'json/1' };
  expect(opByteLength({ tag: 'recordSnapshot', value: { versionId: 'v', ...state } })).toBe(1 + 2 + 6);
  const chunk = { scope: 'main', digest: 'd', position: 7, count: 9, bytes: new Uint8Array(100) };
  expect(opByteLength({ tag: 'uploadChunk', value: chunk })).toBe(4 + 1 + 100);
  const trim = { upToSeq: 12n, segmentDigest: 'ab' };
  expect(opByteLength({ tag: 'trimEvents', value: trim })).toBe(2);
  const move = { branch: 'main', expectedHead: undefined };
  const version = {
    versionId: 'v',
    store: 's',
    scope: '',
    parents: ['p1', 'p2'],
    dataHash: 'h',
    chainHash: 'c',
    author: '',
    authoredAt: { __timestamp_micros_since_unix_epoch__: 5n },
    description: '',
    metadata: '',
    metadataEncoding: '',
    delta: '[]',
    deltaEncoding: '',
    move,
  };
  expect(opByteLength({ tag: 'recordVersion', value: version })).toBe(1 + 1 + 4 + 1 + 1 + 2 + 4);
});
