import { createHash } from 'node:crypto';
import { OBJECT_ID, type Signature } from './log-parser.ts';

/** Longest name of a repository inside an id, in bytes: leaves room for a SHA-256 object id and a position in 128. */
const REPOSITORY_BYTES_MAX = 40;
const ID_BYTES_MAX = 128;
const CONTROL = /\p{Cc}/u;

/**
 * The ids of what an import writes. Each is derived from the source alone, so that a second run makes the same ones:
 * `git:<repository>:<object id>` names a commit, its event and its version; everything else says what it is in between.
 */
export class SourceIds {
  readonly repositoryName: string;
  readonly #prefix: string;

  constructor(repositoryName: string) {
    this.repositoryName = makeRepositoryName(repositoryName);
    this.#prefix = `git:${this.repositoryName}:`;
  }

  /** Every commit, version and event of this repository starts so. */
  get prefix(): string {
    return this.#prefix;
  }

  repository(): string {
    return `git:${this.repositoryName}`;
  }

  commit(objectId: string): string {
    return this.#prefix + objectId;
  }

  /** The object id inside a commit's id, or undefined when it is another repository's. */
  tryObjectId(id: string): string | undefined {
    const rest = id.startsWith(this.#prefix) ? id.slice(this.#prefix.length) : '';
    return OBJECT_ID.test(rest) ? rest : undefined;
  }

  author(signature: Signature): string {
    return this.#named('author', `${signature.nameKey} <${signature.emailKey}>`);
  }

  file(pathKey: string): string {
    return this.#named('file', pathKey);
  }

  authored(objectId: string): string {
    return `${this.#prefix}authored:${objectId}`;
  }

  parent(objectId: string, position: number): string {
    return `${this.#prefix}parent:${objectId}:${position}`;
  }

  touched(objectId: string, position: number): string {
    return `${this.#prefix}touched:${objectId}:${position}`;
  }

  /** The request that brings whole commits: they decide what is in it, so its ends name it. */
  commitsRequest(first: string, last: string): string {
    return `${this.#prefix}${first}..${last.slice(0, 16)}`;
  }

  /**
   * A request that brings a part of one large commit. What is in it depends on the entities that are there already,
   * so its contents are in its name: other contents under a name that was used would be taken for sent.
   */
  partRequest(objectId: string, part: number, contents: readonly string[]): string {
    return `${this.#prefix}${objectId}#${part}-${digest(contents.join('\n')).slice(0, 10)}`;
  }

  /**
   * The branch that stands for a ref: `main` of repository `app` is `app/main`, the tag `v1` is `app/refs/tags/v1`.
   * Only heads are shortened, and only those that then look like no other ref: two refs never share a branch.
   */
  branch(refName: string): string {
    const head = refName.startsWith('refs/heads/') ? refName.slice('refs/heads/'.length) : undefined;
    const short = head === undefined || head === 'HEAD' || head.startsWith('refs/') ? refName : head;
    const name = `${this.repositoryName}/${short}`;
    return Buffer.byteLength(name) <= ID_BYTES_MAX ? name : `${this.repositoryName}/sha256:${digest(short)}`;
  }

  /** A readable id where it can be one; a digest where the name is too long, has control characters, or looks like a digest. */
  #named(kind: string, name: string): string {
    const id = `${this.#prefix}${kind}:${name}`;
    const fits = Buffer.byteLength(id) <= ID_BYTES_MAX && !name.startsWith('sha256:') && !CONTROL.test(name);
    return fits ? id : `${this.#prefix}${kind}:sha256:${digest(name)}`;
  }
}

/** A name that fits into ids: without the colons that separate, and cut with a digest where it is too long. */
function makeRepositoryName(name: string): string {
  const clean = name.replaceAll(/[:\p{Cc}]/gu, '-').trim() || 'repository';
  if (Buffer.byteLength(clean) <= REPOSITORY_BYTES_MAX) return clean;
  const head = cutToBytes(clean, REPOSITORY_BYTES_MAX - 9);
  return `${head}~${digest(clean).slice(0, 8)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** A text as a label or name takes it: without control characters, cut to its size. */
export function makeLabel(text: string, bytesMax: number): string {
  return cutToBytes(text.replaceAll(/\p{Cc}/gu, '\ufffd'), bytesMax);
}

/** The longest beginning of a text that fits into so many bytes of UTF-8, cut between characters. */
export function cutToBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.byteLength <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
