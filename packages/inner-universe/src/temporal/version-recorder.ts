import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { chainHash } from '@inner-universe/nerv/hash';
import { stringifyPatch, type CommitOptions, type JsonPatch, type StateTree } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { utf8Length } from '../client/op-size.ts';
import { makeStoredText, type StoredText } from '../client/value-text.ts';
import type { VersionLink } from './version-log.ts';

/** Take a snapshot when the deltas since the last one outweigh the state, but not for what is small anyway. */
const SNAPSHOT_BYTES_MIN = 4_096;
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
}

/** Works out a version: its id, hashes, delta, and a snapshot where one is due. @throws `value/too-large`, `state/invalid-argument` */
export function prepareVersion(recording: Recording, context: RecordingContext): PreparedVersion {
  const { parents, before, after, options } = recording;
  const { client, store, scope } = context;
  const id = checkId(options.id ?? client.ids.nextId());
  const described = {
    author: options.author ?? context.author,
    authoredAtMicros: options.authoredAtMicros ?? client.clock.nowMicros(),
    description: options.description ?? '',
    dataHash: after.hash,
  };
  const chain = chainHash({ ...described, parents: parents.map((parent) => parent.chainHash) });
  // A root's delta replaces the whole document, so that it applies to whatever there is before the first state.
  const patch: JsonPatch =
    before === undefined ? [{ op: 'replace', path: '', value: after.toJson() }] : before.diff(after);
  const deltaText = stringifyPatch(patch);
  const bytes = (parents[0]?.bytesSinceSnapshot ?? 0) + utf8Length(deltaText);
  const delta = makeStoredText(deltaText, scope, `The changes of version ${id}`);
  const snapshot = takeSnapshot(after, bytes, { scope, id, isRoot: before === undefined });
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
      delta: delta.text,
      deltaEncoding: delta.encoding,
      snapshot: snapshot === undefined ? undefined : { state: snapshot.text, stateEncoding: snapshot.encoding },
      move: { branch: recording.branch, expectedHead: recording.expectedHead },
    },
  };
  const bytesSinceSnapshot = snapshot === undefined ? bytes : 0;
  return {
    link: { id, parents: parentIds, chainHash: chain, bytesSinceSnapshot },
    op,
    chunks: [...delta.chunks, ...(snapshot?.chunks ?? [])],
  };
}

function takeSnapshot(
  after: StateTree,
  bytes: number,
  { scope, id, isRoot }: { readonly scope: string; readonly id: string; readonly isRoot: boolean },
): StoredText | undefined {
  // A root's delta is its snapshot. `weight` is about the size of the text; the text itself costs by the size of the state.
  if (isRoot || bytes < SNAPSHOT_BYTES_MIN || bytes < 2 * after.weight) return undefined;
  return makeStoredText(after.stringify(), scope, `The state of version ${id}`);
}

function checkId(id: string): string {
  if (id !== '' && id.length <= ID_LENGTH_MAX) return id;
  throw new NervError(
    'state/invalid-argument',
    `'${id}' is no version id: it takes 1 to ${ID_LENGTH_MAX} characters.`,
    { details: { id } },
  );
}
