import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { chainHash } from '@inner-universe/nerv/hash';
import { stringifyPatch, type CommitOptions, type StateTree } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { utf8Length } from '../client/op-size.ts';
import { makeStoredText } from '../client/value-text.ts';
import { SnapshotRule, type SinceSnapshot } from './snapshot-rule.ts';
import type { VersionLink } from './version-log.ts';

const ID_LENGTH_MAX = 128;

/** A version about to be recorded. */
export interface Recording {
  readonly branch: string;
  /** Undefined: the branch must not exist. */
  readonly expectedHead: string | undefined;
  readonly parents: readonly VersionLink[];
  /** The first parent's state; undefined for a root. */
  readonly before: StateTree | undefined;
  readonly after: StateTree;
  readonly options: CommitOptions;
}

/** A version ready to be sent. */
export interface PreparedVersion {
  readonly link: VersionLink;
  readonly op: Op;
  /** Pieces of large values, to be uploaded before. */
  readonly chunks: readonly Op[];
}

/** What versions of one store have in common. */
export interface RecordingContext {
  readonly client: ModuleClient;
  readonly store: string;
  readonly scope: string;
  readonly author: string;
  /** Default as stores have it that are told nothing. */
  readonly snapshots?: SnapshotRule | undefined;
}

/** Works out a version: its id, hashes, delta, and a snapshot where one is due. @throws `value/too-large`, `state/invalid-argument` */
export function prepareVersion(recording: Recording, context: RecordingContext): PreparedVersion {
  const { parents, before, after, options } = recording;
  const { client, store, scope, snapshots = new SnapshotRule() } = context;
  const id = checkId(options.id ?? client.ids.nextId());
  const described = {
    author: options.author ?? context.author,
    authoredAtMicros: options.authoredAtMicros ?? client.clock.nowMicros(),
    description: options.description ?? '',
    dataHash: after.hash,
  };
  const chain = chainHash({ ...described, parents: parents.map((parent) => parent.chainHash) });
  // A root is stored whole; its state is what the deltas of its children begin with.
  const deltaText = before === undefined ? undefined : stringifyPatch(before.diff(after));
  const since = sinceSnapshot(parents[0], deltaText);
  const stateText = before === undefined ? after.stringify() : snapshots.tryTake(after, since);
  const delta = deltaText === undefined ? undefined : makeStoredText(deltaText, scope, `The changes of version ${id}`);
  const snapshot = stateText === undefined ? undefined : makeStoredText(stateText, scope, `The state of version ${id}`);
  const parentIds = parents.map((parent) => parent.id);
  const op: Op = {
    tag: 'recordVersion',
    value: {
      versionId: id,
      store,
      scope,
      parents: parentIds,
      dataHash: described.dataHash,
      chainHash: chain,
      author: described.author,
      authoredAt: makeWireTimestamp(described.authoredAtMicros),
      description: described.description,
      metadata: '',
      metadataEncoding: '',
      delta: delta?.text,
      deltaEncoding: delta?.encoding ?? '',
      snapshot: snapshot === undefined ? undefined : { state: snapshot.text, stateEncoding: snapshot.encoding },
      move: { branch: recording.branch, expectedHead: recording.expectedHead },
    },
  };
  return {
    link: {
      id,
      parents: parentIds,
      chainHash: chain,
      sinceSnapshot: snapshot === undefined ? since : { versions: 0, bytes: 0 },
    },
    op,
    chunks: [...(delta?.chunks ?? []), ...(snapshot?.chunks ?? [])],
  };
}

function sinceSnapshot(parent: VersionLink | undefined, delta: string | undefined): SinceSnapshot {
  const { versions, bytes } = parent?.sinceSnapshot ?? { versions: 0, bytes: 0 };
  return { versions: versions + 1, bytes: bytes + utf8Length(delta ?? '') };
}

/** The id that a version was given. @throws `state/invalid-argument` for one that cannot be stored */
export function checkId(id: string): string {
  if (id !== '' && id.length <= ID_LENGTH_MAX) return id;
  throw new NervError(
    'state/invalid-argument',
    `'${id}' is no version id: it takes 1 to ${ID_LENGTH_MAX} characters.`,
    { details: { id } },
  );
}
