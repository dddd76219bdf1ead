import type { WireIdentity, WireTimestamp } from './plain.ts';

/**
 * The ops of `apply`, as the SDK takes them. Rules that hold for all of them:
 * - an empty `scope` is `main`; an empty `…Encoding` is `json/1`; an empty `metadata` or `properties` is `{}`;
 * - labels (`author`, `source`, `name`, `description`) are empty where there is none, and are never trusted;
 * - `authoredAt` is the caller's claim and defaults to the time of the transaction;
 * - a released op never changes its fields: what is new comes as a new variant at the end.
 */
export type Op =
  | { readonly tag: 'publishEvent'; readonly value: PublishEventOp }
  | { readonly tag: 'createEntity'; readonly value: CreateEntityOp }
  | { readonly tag: 'updateEntity'; readonly value: UpdateEntityOp }
  | { readonly tag: 'deleteEntity'; readonly value: DeleteEntityOp }
  | { readonly tag: 'createRelation'; readonly value: CreateRelationOp }
  | { readonly tag: 'updateRelation'; readonly value: UpdateRelationOp }
  | { readonly tag: 'deleteRelation'; readonly value: DeleteRelationOp }
  | { readonly tag: 'recordVersion'; readonly value: RecordVersionOp }
  | { readonly tag: 'recordDelta'; readonly value: RecordDeltaOp }
  | { readonly tag: 'recordSnapshot'; readonly value: RecordSnapshotOp }
  | { readonly tag: 'moveBranch'; readonly value: MoveBranchOp }
  | { readonly tag: 'deleteBranch'; readonly value: DeleteBranchOp }
  | { readonly tag: 'createTag'; readonly value: CreateTagOp }
  | { readonly tag: 'deleteTag'; readonly value: DeleteTagOp }
  | { readonly tag: 'uploadChunk'; readonly value: UploadChunkOp }
  | { readonly tag: 'setConfiguration'; readonly value: SetConfigurationOp }
  | { readonly tag: 'grant'; readonly value: GrantOp }
  | { readonly tag: 'revoke'; readonly value: RevokeOp }
  | { readonly tag: 'addRoleMember'; readonly value: RoleMemberOp }
  | { readonly tag: 'removeRoleMember'; readonly value: RoleMemberOp }
  | { readonly tag: 'createConsumer'; readonly value: CreateConsumerOp }
  | { readonly tag: 'deleteConsumer'; readonly value: DeleteConsumerOp }
  | { readonly tag: 'claimPartition'; readonly value: ClaimPartitionOp }
  | { readonly tag: 'releasePartition'; readonly value: ReleasePartitionOp }
  | { readonly tag: 'advancePartition'; readonly value: ConsumerAdvance }
  | { readonly tag: 'parkEvent'; readonly value: ParkEventOp }
  | { readonly tag: 'discardDeadLetter'; readonly value: DiscardDeadLetterOp }
  | { readonly tag: 'trimEvents'; readonly value: TrimEventsOp }
  | { readonly tag: 'seekConsumer'; readonly value: SeekConsumerOp }
  | { readonly tag: 'retryDeadLetter'; readonly value: RetryDeadLetterOp }
  | { readonly tag: 'joinConsumer'; readonly value: JoinConsumerOp }
  | { readonly tag: 'leaveConsumer'; readonly value: LeaveConsumerOp }
  | { readonly tag: 'compactVersions'; readonly value: CompactVersionsOp }
  | { readonly tag: 'pruneVersions'; readonly value: PruneVersionsOp }
  | { readonly tag: 'afterRequest'; readonly value: AfterRequestOp }
  | { readonly tag: 'pruneHistory'; readonly value: PruneHistoryOp };

/** The name of an op's variant. */
export type OpTag = Op['tag'];

/** The arguments of the reducer `apply`. */
export interface ApplyArguments {
  /** Made by the caller; the same id again from the same identity is a success that changes nothing. */
  readonly requestId: string;
  /** When the caller made the request; one older than seven days is refused. */
  readonly issuedAt: WireTimestamp;
  /** Moves a consumer's offset in the same transaction, or refuses the whole request. */
  readonly consumer?: ConsumerAdvance | undefined;
  readonly ops: readonly Op[];
}

/** The arguments of the reducers that wrap one op. */
export interface OneOpArguments<T> {
  readonly requestId: string;
  readonly issuedAt: WireTimestamp;
  readonly op: T;
}

/** The arguments of the reducer `applyConfiguration`. */
export interface ApplyConfigurationArguments {
  readonly requestId: string;
  readonly issuedAt: WireTimestamp;
  readonly settings: readonly SetConfigurationOp[];
}

/** Publishes an application event. Refused with `event/id-taken` if the log has the id. */
export interface PublishEventOp {
  readonly eventId: string;
  readonly eventType: string;
  /** The version of the type's payload, for upcasters; 1 where types are not versioned. */
  readonly typeVersion: number;
  readonly scope: string;
  readonly source: string;
  /** What keeps events in order within a consumer's partitions; empty for `source`. */
  readonly partitionKey: string;
  readonly authoredAt?: WireTimestamp | undefined;
  readonly data: string;
  readonly dataEncoding: string;
  readonly metadata: string;
  readonly metadataEncoding: string;
  /** `durable` or `ephemeral`. */
  readonly durability: string;
}

/** Creates an entity, or with `upsert` replaces the one of that id; an upsert that changes nothing writes nothing. */
export interface CreateEntityOp {
  readonly id: string;
  readonly entityType: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly properties: string;
  readonly propertiesEncoding: string;
  readonly scope: string;
  readonly author: string;
  readonly authoredAt?: WireTimestamp | undefined;
  readonly validFrom?: WireTimestamp | undefined;
  readonly validTo?: WireTimestamp | undefined;
  readonly upsert: boolean;
}

/**
 * Changes the given fields of an entity. `properties` replaces them all; `propertiesSet` (a JSON object) and
 * `propertiesRemoved` change single top-level keys and need `json/1` on both sides.
 */
export interface UpdateEntityOp {
  readonly id: string;
  /** The `seq` of the row this was made against; another one is refused with `entity/seq-mismatch`. */
  readonly ifSeq?: bigint | undefined;
  readonly entityType?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: string | undefined;
  readonly propertiesEncoding?: string | undefined;
  readonly propertiesSet?: string | undefined;
  readonly propertiesRemoved: readonly string[];
  readonly author?: string | undefined;
  readonly authoredAt?: WireTimestamp | undefined;
  readonly validFrom?: WireTimestamp | undefined;
  readonly validTo?: WireTimestamp | undefined;
  /** Takes `validFrom` and `validTo` away before the new ones are set. */
  readonly clearValidity: boolean;
}

/** Deletes an entity; refused with `entity/has-relations` unless `cascade` deletes those too. */
export interface DeleteEntityOp {
  readonly id: string;
  readonly ifSeq?: bigint | undefined;
  readonly cascade: boolean;
  readonly author?: string | undefined;
  readonly authoredAt?: WireTimestamp | undefined;
}

/** Creates a relation between two entities of its scope, or with `upsert` replaces the one of that id. */
export interface CreateRelationOp {
  readonly id: string;
  readonly relationType: string;
  readonly fromId: string;
  readonly toId: string;
  readonly strength?: number | undefined;
  readonly bidirectional: boolean;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly properties: string;
  readonly propertiesEncoding: string;
  readonly scope: string;
  readonly author: string;
  readonly authoredAt?: WireTimestamp | undefined;
  readonly validFrom?: WireTimestamp | undefined;
  readonly validTo?: WireTimestamp | undefined;
  readonly upsert: boolean;
}

/** Changes the given fields of a relation; its ends stay. */
export interface UpdateRelationOp {
  readonly id: string;
  readonly ifSeq?: bigint | undefined;
  readonly relationType?: string | undefined;
  readonly strength?: number | undefined;
  /** Takes `strength` away; `strength` must then be absent. */
  readonly clearStrength: boolean;
  readonly bidirectional?: boolean | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: string | undefined;
  readonly propertiesEncoding?: string | undefined;
  readonly propertiesSet?: string | undefined;
  readonly propertiesRemoved: readonly string[];
  readonly author?: string | undefined;
  readonly authoredAt?: WireTimestamp | undefined;
  readonly validFrom?: WireTimestamp | undefined;
  readonly validTo?: WireTimestamp | undefined;
  readonly clearValidity: boolean;
}

/** Deletes a relation. */
export interface DeleteRelationOp {
  readonly id: string;
  readonly ifSeq?: bigint | undefined;
  readonly author?: string | undefined;
  readonly authoredAt?: WireTimestamp | undefined;
}

/** A whole state, as text. */
export interface StateValue {
  readonly state: string;
  readonly stateEncoding: string;
}

/** A branch's move inside `recordVersion`; `expectedHead` undefined: the branch must not exist. */
export interface BranchMoveTo {
  readonly branch: string;
  readonly expectedHead?: string | undefined;
}

/**
 * Records a version. `parents` are version ids of the same store, in order; `delta` is an RFC 6902 array against the
 * first parent's state, or against `{}` where there is none. At least one of `delta` and `snapshot` comes with the
 * version or is recorded later: until then its state is `state/incomplete`.
 */
export interface RecordVersionOp {
  readonly versionId: string;
  readonly store: string;
  readonly scope: string;
  readonly parents: readonly string[];
  readonly dataHash: string;
  readonly chainHash: string;
  readonly author: string;
  readonly authoredAt: WireTimestamp;
  readonly description: string;
  readonly metadata: string;
  readonly metadataEncoding: string;
  readonly delta?: string | undefined;
  readonly deltaEncoding: string;
  readonly snapshot?: StateValue | undefined;
  readonly move?: BranchMoveTo | undefined;
}

/** Records the delta of a version that has none; the same delta again changes nothing. */
export interface RecordDeltaOp {
  readonly versionId: string;
  readonly delta: string;
  readonly deltaEncoding: string;
}

/** Records a version's whole state, so that reading starts there; one that exists is kept. */
export interface RecordSnapshotOp {
  readonly versionId: string;
  readonly state: string;
  readonly stateEncoding: string;
}

/** Creates (`expectedHead` undefined) or moves a branch, by compare-and-set. */
export interface MoveBranchOp {
  readonly store: string;
  readonly name: string;
  readonly expectedHead?: string | undefined;
  readonly head: string;
}

/** Deletes a branch; with `expectedHead` only while it has that head. */
export interface DeleteBranchOp {
  readonly store: string;
  readonly name: string;
  readonly expectedHead?: string | undefined;
}

/** Names a version; `replace` lets the name move from another version. */
export interface CreateTagOp {
  readonly store: string;
  readonly name: string;
  readonly versionId: string;
  readonly description: string;
  readonly author: string;
  readonly replace: boolean;
}

/** Deletes a tag. */
export interface DeleteTagOp {
  readonly store: string;
  readonly name: string;
}

/** Uploads one piece of a value that is too large to be sent inline; the same piece again changes nothing. */
export interface UploadChunkOp {
  readonly scope: string;
  readonly digest: string;
  readonly position: number;
  /** How many pieces the whole value has. */
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Sets one configuration key to a JSON text; undefined resets it to its default. */
export interface SetConfigurationOp {
  readonly key: string;
  readonly value?: string | undefined;
}

/** Grants an action on a resource to an identity (64 hexadecimal digits) or `role:<name>`. */
export interface GrantOp {
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  /** Limits the grant to one scope; empty for every scope. */
  readonly scope: string;
  readonly expiresAt?: WireTimestamp | undefined;
}

/** Takes a grant back. */
export interface RevokeOp {
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly scope: string;
}

/** Puts an identity into a role, or takes it out. */
export interface RoleMemberOp {
  readonly role: string;
  readonly member: WireIdentity;
}

/** Creates a durable consumer; its partitions start after `startSeq`. */
export interface CreateConsumerOp {
  readonly name: string;
  readonly scope: string;
  readonly pattern: string;
  readonly partitions: number;
  readonly startSeq: bigint;
  /** Trimming the log never passes this consumer's offsets. */
  readonly holdsTrim: boolean;
  /** `park` a failing event and go on, or `stop` the partition. */
  readonly failurePolicy: string;
}

/** Deletes a consumer with its partitions and dead letters. */
export interface DeleteConsumerOp {
  readonly name: string;
}

/** Takes a free or expired partition and raises its epoch; `holder` is a label unique to the worker. */
export interface ClaimPartitionOp {
  readonly name: string;
  readonly partition: number;
  readonly holder: string;
  readonly leaseMicros: bigint;
}

/** Gives a partition back before its lease ends. */
export interface ReleasePartitionOp {
  readonly name: string;
  readonly partition: number;
  readonly epoch: bigint;
}

/** Moves a partition's offset from `from` to `to` and extends its lease; refused unless both `from` and `epoch` hold. */
export interface ConsumerAdvance {
  readonly name: string;
  readonly partition: number;
  readonly epoch: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

/** Parks an event that a consumer's handler could not take. */
export interface ParkEventOp {
  readonly name: string;
  readonly partition: number;
  readonly epoch: bigint;
  readonly eventId: string;
  readonly seq: bigint;
  readonly reason: string;
  readonly attempts: number;
}

/** Removes a parked event. */
export interface DiscardDeadLetterOp {
  readonly name: string;
  readonly eventId: string;
}

/**
 * Puts a consumer to a position of the log, also an earlier one: what lies after `toSeq` comes next. Its partitions
 * (or the one named) are free then, under a new epoch, and the dead letters of events that come again are dropped.
 */
export interface SeekConsumerOp {
  readonly name: string;
  readonly partition?: number | undefined;
  readonly toSeq: bigint;
}

/** Asks for a parked event to be handled again: its `attempts` become 0, which its partition's holder looks for. */
export interface RetryDeadLetterOp {
  readonly name: string;
  readonly eventId: string;
}

/** Takes part in a consumer for as long as the lease says, or goes on doing so; `holder` is a label unique to the worker. */
export interface JoinConsumerOp {
  readonly name: string;
  readonly holder: string;
  readonly leaseMicros: bigint;
}

/** Takes part no longer; one that does not is no error. */
export interface LeaveConsumerOp {
  readonly name: string;
  readonly holder: string;
}

/** Removes at most 1,000 of the oldest log rows up to `upToSeq`, which an archive holds under `segmentDigest`. */
export interface TrimEventsOp {
  readonly upToSeq: bigint;
  readonly segmentDigest: string;
}

/**
 * Leaves out a line of versions for good, at most 1,000, the oldest first: each has one parent and one child, and is
 * neither a branch's head nor tagged. What their chain hashes cover is kept. Where the line was the child's first parent,
 * the child gets a delta against the version before the line, or has a snapshot; a snapshot is recorded if it has none.
 * The owner's alone. Refused with `state/in-use` for a version that must stay.
 */
export interface CompactVersionsOp {
  readonly store: string;
  /** The version that comes after the line. */
  readonly child: string;
  readonly leftOut: readonly string[];
  readonly delta?: string | undefined;
  readonly deltaEncoding: string;
  readonly snapshot?: StateValue | undefined;
}

/**
 * Removes versions that no branch, tag or other version leads to, at most 1,000, children before parents. The owner's
 * alone. Refused with `state/in-use` for a version that must stay.
 */
export interface PruneVersionsOp {
  readonly store: string;
  readonly versionIds: readonly string[];
}

/**
 * Writes nothing, and refuses its request with `request/out-of-order` unless an earlier one of the caller has been
 * applied. It is put first in a request that is sent before the answer to that one has come: when that is refused, so is
 * this, with nothing of it applied. It costs nothing of the caller's rate there.
 */
export interface AfterRequestOp {
  readonly requestId: string;
}

/**
 * Keeps the past of the graph from a `seq` on: what it was before is refused from now on, and what only tells of that is
 * removed, in steps: one with each op, of at most 1,000 rows. An op for a bound that is reached already takes a step
 * only; `read_history_bound` tells when all is done. What is the last before the bound stays, to tell of what comes
 * after it. The owner's alone.
 */
export interface PruneHistoryOp {
  readonly keptFromSeq: bigint;
}
