import { CliError } from '../errors.ts';
import { decodeForDisplay, makePathKey } from './text.ts';

/** One changed path of a commit, against its first parent (or against nothing for a root). */
export interface FileChange {
  /** Key of the path, see `makePathKey`. */
  readonly path: string;
  readonly status: 'added' | 'modified' | 'deleted' | 'type-changed';
  /** Mode and object id after the commit; both `undefined` for a deleted path. */
  readonly mode: string | undefined;
  readonly blob: string | undefined;
}

/** A person and a moment, as a commit names them. */
export interface Signature {
  /** Identity of the name: exact bytes when they are not UTF-8. */
  readonly nameKey: string;
  readonly emailKey: string;
  /** What to show. */
  readonly name: string;
  readonly email: string;
  readonly timeSeconds: bigint;
  /** Offset from UTC as git writes it, `+0100`. */
  readonly timeZone: string;
}

export interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
  /** Sorted by path key, each path once. */
  readonly files: readonly FileChange[];
}

/** The `--format` that `parseLog` reads: a fixed number of fields, each ended by NUL. */
export const LOG_FORMAT: string = ['%H', '%P', '%an', '%ae', '%ad', '%cn', '%ce', '%cd', '%B']
  .map((f) => `${f}%x00`)
  .join('');

const FIELD_COUNT = 9;
const COLON = 0x3a;
const LINE_FEED = 0x0a;
/** An object id in full: SHA-1 or SHA-256. */
export const OBJECT_ID: RegExp = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const RAW_ENTRY = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])\d*$/;

/**
 * Reads the output of `git log -z --raw --date=raw --format=LOG_FORMAT`, as it comes.
 * @throws {CliError} `git/unreadable-output` when the bytes are not of that form; nothing is guessed.
 */
export async function* parseLog(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Commit, void, undefined> {
  const parser = new LogParser();
  for await (const token of splitAtNul(chunks)) {
    const commit = parser.push(token);
    if (commit) yield commit;
  }
  const last = parser.finish();
  if (last) yield last;
}

/** Consumes NUL-ended tokens: nine fields of a commit, then pairs of raw entry and path until the next commit. */
class LogParser {
  #fields: Uint8Array[] = [];
  #entry: string | undefined;
  #files: FileChange[] = [];

  push(token: Uint8Array): Commit | undefined {
    if (this.#entry !== undefined) {
      this.#files.push(parseChange(this.#entry, token));
      this.#entry = undefined;
      return undefined;
    }
    if (this.#fields.length < FIELD_COUNT) {
      if (this.#fields.length === 0 && !OBJECT_ID.test(decodeForDisplay(token))) {
        throw unreadable('a commit id was expected', token);
      }
      this.#fields.push(token);
      return undefined;
    }
    // An empty token ends the fields. The diff, when there is one, then starts after a line feed.
    if (token.length === 0) return undefined;
    const entry = token[0] === LINE_FEED ? token.subarray(1) : token;
    if (entry[0] === COLON) {
      this.#entry = decodeForDisplay(entry);
      return undefined;
    }
    const commit = this.#take();
    this.push(token);
    return commit;
  }

  finish(): Commit | undefined {
    if (this.#fields.length === 0) return undefined;
    if (this.#fields.length < FIELD_COUNT || this.#entry !== undefined) {
      throw new CliError(
        'git/unreadable-output',
        'The output of git ended in the middle of a commit. Run the import again.',
      );
    }
    return this.#take();
  }

  #take(): Commit {
    const [id, parents, an, ae, ad, cn, ce, cd, message] = this.#fields as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]; // FIELD_COUNT of them, counted by push
    const parentText = decodeForDisplay(parents);
    const commit: Commit = {
      id: decodeForDisplay(id),
      parents: parentText === '' ? [] : parentText.split(' '),
      author: makeSignature(an, ae, ad),
      committer: makeSignature(cn, ce, cd),
      message: decodeForDisplay(message).replace(/\n+$/, ''),
      files: this.#files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    };
    this.#fields = [];
    this.#files = [];
    return commit;
  }
}

function parseChange(entry: string, path: Uint8Array): FileChange {
  const match = RAW_ENTRY.exec(entry);
  if (!match) throw new CliError('git/unreadable-output', `git printed a change of unknown form: '${entry}'.`);
  const [, , mode, , blob, letter] = match;
  const key = makePathKey(path);
  switch (letter) {
    case 'A':
      return { path: key, status: 'added', mode, blob };
    case 'M':
      return { path: key, status: 'modified', mode, blob };
    case 'T':
      return { path: key, status: 'type-changed', mode, blob };
    case 'D':
      return { path: key, status: 'deleted', mode: undefined, blob: undefined };
    default:
      throw new CliError(
        'git/unreadable-output',
        `git printed a change with the unexpected status '${letter ?? ''}': '${entry}'.`,
      );
  }
}

function makeSignature(name: Uint8Array, email: Uint8Array, date: Uint8Array): Signature {
  const [seconds = '0', timeZone = '+0000'] = decodeForDisplay(date).split(' ');
  return {
    nameKey: makePathKey(name),
    emailKey: makePathKey(email),
    name: decodeForDisplay(name),
    email: decodeForDisplay(email),
    // Some old commits carry a date git itself cannot read; it then prints nothing.
    timeSeconds: /^-?\d+$/.test(seconds) ? BigInt(seconds) : 0n,
    timeZone,
  };
}

function unreadable(expected: string, token: Uint8Array): CliError {
  const seen = decodeForDisplay(token.subarray(0, 60));
  return new CliError('git/unreadable-output', `git printed something unexpected: ${expected}, but '${seen}' came.`);
}

/** Cuts a byte stream at each NUL. Bytes after the last NUL are a token of their own when there are any. */
export async function* splitAtNul(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, start)) {
      const piece = chunk.subarray(start, end);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
