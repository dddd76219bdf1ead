import { describe, expect, test } from 'vitest';
import { parseLog, splitAtNul, type Commit } from './log-parser.ts';

const ID = 'a'.repeat(40);
const PARENT = 'b'.repeat(40);
const NONE = '0'.repeat(40);

/** What git prints: fields ended by NUL, an empty token, then raw entries. */
function logOf(...commits: readonly (readonly string[])[]): Buffer {
  return Buffer.from(commits.map((tokens) => `${tokens.join('\0')}\0`).join(''));
}

const people = ['Ada', 'ada@x', '1700000000 +0100', 'Bob', 'bob@x', '1700000060 -0730'];
const ROOT = [
  ID,
  '',
  ...people,
  'root\n\nbody\n',
  '',
  `\n:000000 100644 ${NONE} ${ID} A`,
  'b',
  `:000000 120000 ${NONE} ${ID} A`,
  'a\nb',
];
const MERGE = [
  PARENT,
  `${ID} ${ID}`,
  ...people,
  'merge',
  '',
  `\n:100644 000000 ${ID} ${NONE} D`,
  ':b',
  `:100644 120000 ${ID} ${ID} T`,
  'x',
];
const EMPTY = [ID, PARENT, ...people, '', ''];

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function parse(bytes: Uint8Array, size = bytes.length || 1): Promise<Commit[]> {
  const commits: Commit[] = [];
  for await (const commit of parseLog(inPieces(bytes, size))) commits.push(commit);
  return commits;
}

test('a log reads the same wherever its bytes are cut', async () => {
  const bytes = logOf(ROOT, MERGE, EMPTY, ROOT);
  const whole = await parse(bytes);
  expect(whole).toHaveLength(4);
  expect(whole[0]).toEqual({
    id: ID,
    parents: [],
    author: {
      nameKey: 'Ada',
      emailKey: 'ada@x',
      name: 'Ada',
      email: 'ada@x',
      timeSeconds: 1_700_000_000n,
      timeZone: '+0100',
    },
    committer: {
      nameKey: 'Bob',
      emailKey: 'bob@x',
      name: 'Bob',
      email: 'bob@x',
      timeSeconds: 1_700_000_060n,
      timeZone: '-0730',
    },
    message: 'root\n\nbody',
    files: [
      { path: 'a\nb', status: 'added', mode: '120000', blob: ID },
      { path: 'b', status: 'added', mode: '100644', blob: ID },
    ],
  });
  expect(whole[1]).toMatchObject({
    parents: [ID, ID],
    files: [
      { path: ':b', status: 'deleted', mode: undefined, blob: undefined },
      { path: 'x', status: 'type-changed' },
    ],
  });
  expect(whole[2]).toMatchObject({ message: '', files: [] });
  for (let cut = 1; cut < bytes.length; cut += 1) {
    async function* twoPieces(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, cut);
      yield bytes.subarray(cut);
    }
    const commits: Commit[] = [];
    for await (const commit of parseLog(twoPieces())) commits.push(commit);
    expect(commits).toEqual(whole);
  }
  expect(await parse(bytes, 1)).toEqual(whole);
});

describe('nothing is guessed', () => {
  test.each([
    ['an id', logOf(['nonsense', ...ROOT.slice(1)]), /a commit id was expected/],
    ['the end', logOf(ROOT.slice(0, 5)), /ended in the middle/],
    ['the path', Buffer.from(ROOT.slice(0, -1).join('\0')), /ended in the middle/],
    ['a status', logOf([...ROOT.slice(0, -2), `:100644 100644 ${ID} ${ID} U`, 'x']), /unexpected status 'U'/],
    ['an entry', logOf([...ROOT.slice(0, -2), ':100644 nonsense', 'x']), /unknown form/],
  ])('when %s is not what it should be', async (_, bytes, says) => {
    await expect(parse(bytes)).rejects.toMatchObject({
      code: 'git/unreadable-output',
      message: expect.stringMatching(says) as string,
    });
  });

  test('a date that git cannot read is the beginning of time', async () => {
    const fields = [...ROOT];
    fields[4] = '';
    expect((await parse(logOf(fields)))[0]?.author).toMatchObject({ timeSeconds: 0n, timeZone: '+0000' });
  });
});

test('a stream is cut at each NUL, and what follows the last is a token', async () => {
  const tokens: string[] = [];
  for await (const token of splitAtNul(inPieces(Buffer.from('a\0\0bc\0d'), 2)))
    tokens.push(Buffer.from(token).toString());
  expect(tokens).toEqual(['a', '', 'bc', 'd']);
});
