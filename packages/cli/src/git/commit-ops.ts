import {
  makeWireTimestamp,
  type CreateEntityOp,
  type CreateRelationOp,
  type Op,
  type WireTimestamp,
} from '@inner-universe/module/wire';
import { chainHash } from '@inner-universe/nerv/hash';
import { stringify } from '@inner-universe/nerv/values';
import { makeStoredText } from 'inner-universe';
import type { Commit, Signature } from './log-parser.ts';
import { cutToBytes, makeLabel, type SourceIds } from './source-ids.ts';
import type { CommitTree } from './commit-tree.ts';

/** The state store that holds the trees of commits. */
export const GIT_STORE = 'git:tree';
/** The type of the event that each commit becomes. */
export const COMMIT_EVENT_TYPE = 'git.commit';

const SCOPE = 'main';
const NAME_BYTES_MAX = 1_024;
const LABEL_BYTES_MAX = 128;
const DESCRIPTION_BYTES_MAX = 65_536;
/** The furthest moment that both a column and JavaScript's calendar know. git takes any number of seconds. */
const MICROS_MAX = 8_640_000_000_000_000_000n;

/** What is known of a recorded version: what the next one on its line needs. */
export interface RecordedVersion {
  readonly chainHash: string;
  readonly dataHash: string;
  /** Bytes of deltas since the last snapshot on the first-parent line, this version's own included. */
  readonly bytesSinceSnapshot: number;
}

/** A commit as it is about to be written. */
export interface CommitOps {
  readonly commit: Commit;
  /** In the order in which they are to be applied; the version is the last. */
  readonly ops: readonly Op[];
  /** Pieces of values that are too large to be sent inline: to be uploaded before. */
  readonly chunks: readonly Op[];
  readonly version: RecordedVersion;
}

export interface CommitOpsInput {
  readonly commit: Commit;
  readonly tree: CommitTree;
  /** RFC 6902 patch of the tree against its first parent's, as canonical text. */
  readonly delta: string;
  readonly parents: readonly RecordedVersion[];
}

/**
 * Turns commits into ops. Authors and files become entities where they first appear, so it must be told which are
 * there already (`know`); fed the same commits in the same order it makes the same ops.
 */
export class CommitOpsMaker {
  readonly #ids: SourceIds;
  readonly #known = new Set<string>();

  constructor(ids: SourceIds) {
    this.#ids = ids;
  }

  /** Notes that an entity exists. */
  know(entityId: string): void {
    this.#known.add(entityId);
  }

  make(input: CommitOpsInput): CommitOps {
    const { commit } = input;
    const ops: Op[] = [];
    const chunks: Op[] = [];
    this.#addEntities(commit, ops);
    this.#addRelations(commit, ops);
    ops.push(this.#makeEvent(commit, chunks));
    const { op, version } = this.#makeVersion(input, chunks);
    ops.push(op);
    return { commit, ops, chunks, version };
  }

  #addEntities(commit: Commit, ops: Op[]): void {
    const authoredAt = timeOf(commit.author);
    this.#addOnce(ops, {
      id: this.#ids.repository(),
      entityType: 'git.repository',
      name: this.#ids.repositoryName,
      properties: { firstCommit: commit.id, store: GIT_STORE },
      authoredAt,
    });
    const author = commit.author;
    this.#addOnce(ops, {
      id: this.#ids.author(author),
      entityType: 'git.author',
      name: author.name,
      properties: { name: author.nameKey, email: author.emailKey },
      authoredAt,
    });
    ops.push(
      makeEntity({
        id: this.#ids.commit(commit.id),
        entityType: 'git.commit',
        name: commit.message.split('\n', 1)[0] ?? '',
        description: commit.message,
        properties: { commit: commit.id, parents: commit.parents, ...describeTimes(commit) },
        authoredAt,
      }),
    );
    for (const file of commit.files) {
      this.#addOnce(ops, {
        id: this.#ids.file(file.path),
        entityType: 'git.file',
        name: file.path,
        properties: { path: file.path },
        authoredAt,
      });
    }
  }

  #addRelations(commit: Commit, ops: Op[]): void {
    const ids = this.#ids;
    const commitId = ids.commit(commit.id);
    const relate = (id: string, type: string, ends: readonly [from: string, to: string], properties: object): void => {
      ops.push({
        tag: 'createRelation',
        value: makeRelation(id, type, ends, { properties, at: timeOf(commit.author) }),
      });
    };
    relate(ids.authored(commit.id), 'authored', [ids.author(commit.author), commitId], {});
    commit.parents.forEach((parent, position) => {
      relate(ids.parent(commit.id, position), 'parent', [commitId, ids.commit(parent)], { position });
    });
    commit.files.forEach((file, position) => {
      const after = file.status === 'deleted' ? {} : { mode: file.mode, blob: file.blob };
      relate(ids.touched(commit.id, position), 'touched', [commitId, ids.file(file.path)], {
        status: file.status,
        ...after,
      });
    });
  }

  #makeEvent(commit: Commit, chunks: Op[]): Op {
    const data = makeStoredText(
      stringify({
        id: commit.id,
        parents: [...commit.parents],
        author: describePerson(commit.author),
        committer: describePerson(commit.committer),
        message: commit.message,
        files: commit.files.map((file) =>
          file.status === 'deleted'
            ? { path: file.path, status: file.status }
            : { path: file.path, status: file.status, mode: file.mode ?? '', blob: file.blob ?? '' },
        ),
      }),
      SCOPE,
      `The event of commit ${commit.id}`,
    );
    chunks.push(...data.chunks);
    return {
      tag: 'publishEvent',
      value: {
        eventId: this.#ids.commit(commit.id),
        eventType: COMMIT_EVENT_TYPE,
        typeVersion: 1,
        scope: SCOPE,
        source: this.#ids.repository(),
        partitionKey: '',
        authoredAt: timeOf(commit.author),
        data: data.text,
        dataEncoding: data.encoding,
        metadata: '',
        metadataEncoding: '',
        durability: 'durable',
      },
    };
  }

  #makeVersion(input: CommitOpsInput, chunks: Op[]): { op: Op; version: RecordedVersion } {
    const { commit, tree, parents } = input;
    const author = makeLabel(`${commit.author.name} <${commit.author.email}>`, LABEL_BYTES_MAX);
    const description = cutToBytes(commit.message, DESCRIPTION_BYTES_MAX);
    const authoredAtMicros = microsOf(commit.author);
    const version: RecordedVersion = {
      dataHash: tree.hash,
      chainHash: chainHash({
        parents: parents.map((p) => p.chainHash),
        dataHash: tree.hash,
        author,
        authoredAtMicros,
        description,
      }),
      bytesSinceSnapshot: (parents[0]?.bytesSinceSnapshot ?? 0) + Buffer.byteLength(input.delta),
    };
    // A snapshot once the deltas since the last one outweigh it: reading costs at most twice one snapshot, and all
    // snapshots together weigh no more than all deltas.
    const takesSnapshot = version.bytesSinceSnapshot > tree.byteLength;
    const delta = makeStoredText(input.delta, SCOPE, `The changes of commit ${commit.id}`);
    chunks.push(...delta.chunks);
    const snapshot = takesSnapshot ? makeStoredText(tree.text(), SCOPE, `The tree of commit ${commit.id}`) : undefined;
    chunks.push(...(snapshot?.chunks ?? []));
    const op: Op = {
      tag: 'recordVersion',
      value: {
        versionId: this.#ids.commit(commit.id),
        store: GIT_STORE,
        scope: SCOPE,
        parents: commit.parents.map((parent) => this.#ids.commit(parent)),
        dataHash: version.dataHash,
        chainHash: version.chainHash,
        author,
        authoredAt: makeWireTimestamp(authoredAtMicros),
        description,
        metadata: '',
        metadataEncoding: '',
        delta: delta.text,
        deltaEncoding: delta.encoding,
        snapshot: snapshot === undefined ? undefined : { state: snapshot.text, stateEncoding: snapshot.encoding },
        move: undefined,
      },
    };
    return { op, version: takesSnapshot ? { ...version, bytesSinceSnapshot: 0 } : version };
  }

  #addOnce(ops: Op[], entity: NewEntity): void {
    if (this.#known.has(entity.id)) return;
    this.#known.add(entity.id);
    ops.push(makeEntity(entity));
  }
}

interface NewEntity {
  readonly id: string;
  readonly entityType: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly properties: object;
  readonly authoredAt: WireTimestamp;
}

function makeEntity(entity: NewEntity): Op {
  const value: CreateEntityOp = {
    id: entity.id,
    entityType: entity.entityType,
    name: makeLabel(entity.name, NAME_BYTES_MAX),
    description: cutToBytes(entity.description ?? '', DESCRIPTION_BYTES_MAX),
    tags: [],
    properties: stringify(entity.properties),
    propertiesEncoding: 'json/1',
    scope: SCOPE,
    author: '',
    authoredAt: entity.authoredAt,
    validFrom: undefined,
    validTo: undefined,
    // After more than seven days a request id is forgotten, and part of a large commit may be sent again.
    upsert: true,
  };
  return { tag: 'createEntity', value };
}

function makeRelation(
  id: string,
  relationType: string,
  [fromId, toId]: readonly [string, string],
  { properties, at }: { properties: object; at: WireTimestamp },
): CreateRelationOp {
  return {
    id,
    relationType,
    fromId,
    toId,
    strength: undefined,
    bidirectional: false,
    name: '',
    description: '',
    tags: [],
    properties: stringify(properties),
    propertiesEncoding: 'json/1',
    scope: SCOPE,
    author: '',
    authoredAt: at,
    validFrom: undefined,
    validTo: undefined,
    upsert: true,
  };
}

function timeOf(signature: Signature): WireTimestamp {
  return makeWireTimestamp(microsOf(signature));
}

/** The moment in microseconds; one beyond the calendar becomes its end, and stands as it is in the event's data. */
function microsOf({ timeSeconds }: Signature): bigint {
  const micros = timeSeconds * 1_000_000n;
  return micros > MICROS_MAX ? MICROS_MAX : micros < -MICROS_MAX ? -MICROS_MAX : micros;
}

function describePerson(signature: Signature): { name: string; email: string; time: string; timeZone: string } {
  return {
    name: signature.nameKey,
    email: signature.emailKey,
    time: isoTime(signature.timeSeconds),
    timeZone: signature.timeZone,
  };
}

function describeTimes(commit: Commit): { authoredAt: string; committedAt: string } {
  return { authoredAt: isoTime(commit.author.timeSeconds), committedAt: isoTime(commit.committer.timeSeconds) };
}

/** ISO 8601 in UTC; a time no calendar has stays the number of seconds. */
function isoTime(seconds: bigint): string {
  const milliseconds = Number(seconds) * 1000;
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : `${seconds}s`;
}
