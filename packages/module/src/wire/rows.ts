import type { WireConnectionId, WireIdentity, WireTimestamp } from './plain.ts';

/** The one public table beside `head`, whose layout never changes: what the client checks before anything else. */
export interface SchemaVersionRow {
  /** Always 0: the table has one row. */
  readonly id: number;
  /** The schema the running code is written for. */
  readonly codeVersion: number;
  /** The schema the stored rows have; smaller while a migration runs. */
  readonly dataVersion: number;
  /** The oldest client schema that may read and write. */
  readonly oldestClient: number;
  /** The release of the module, for messages. */
  readonly release: string;
  readonly updatedAt: WireTimestamp;
}

/** Tells that something happened in a scope; the key is random, `read_scopes` gives those one may know. */
export interface HeadRow {
  readonly scopeKey: string;
  /** The last `seq` of the log in this scope. */
  readonly seq: bigint;
  /** The number of ephemeral events in this scope so far. */
  readonly recentNumber: bigint;
}

/** What log, feed and ring have in common. */
export interface EventColumns {
  readonly eventId: string;
  readonly eventType: string;
  readonly typeVersion: number;
  /** `application` or `system`. */
  readonly kind: string;
  readonly scope: string;
  readonly source: string;
  readonly publisher: WireIdentity;
  readonly partitionKey: string;
  readonly authoredAt: WireTimestamp;
  readonly recordedAt: WireTimestamp;
  readonly data: string;
  readonly dataEncoding: string;
  readonly metadata: string;
  readonly metadataEncoding: string;
}

/** A durable event; `seq` has no gaps. */
export interface EventLogRow extends EventColumns {
  readonly seq: bigint;
}

/** A live event as the owner's connections see it; `seq` is 0 for an ephemeral one. */
export interface EventFeedRow extends EventColumns {
  readonly seq: bigint;
  /** `durable` or `ephemeral`. */
  readonly durability: string;
  /** The request that wrote it; empty for what no request wrote. */
  readonly requestId: string;
}

/** An ephemeral event in the ring of its scope; `recentNumber` counts from 1 per scope. */
export interface RecentEventRow extends EventColumns {
  readonly slotKey: string;
  readonly recentNumber: bigint;
}

/** What an entity and a relation have in common. */
export interface GraphColumns {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly properties: string;
  readonly propertiesEncoding: string;
  readonly scope: string;
  readonly author: string;
  readonly publisher: WireIdentity;
  /** When its creator says it was made. */
  readonly createdAt: WireTimestamp;
  /** When its last author says it was changed. */
  readonly updatedAt: WireTimestamp;
  readonly validFrom: WireTimestamp | undefined;
  readonly validTo: WireTimestamp | undefined;
  /** The server's time of the last change. */
  readonly recordedAt: WireTimestamp;
  /** The `seq` of the transaction that last changed it. */
  readonly seq: bigint;
}

/** An entity as it is now. */
export interface EntityRow extends GraphColumns {
  readonly id: string;
  readonly entityType: string;
  readonly createdSeq: bigint;
  /** 1 when created, one more with each change. */
  readonly revision: number;
}

/** A relation as it is now. */
export interface RelationRow extends GraphColumns {
  readonly id: string;
  readonly relationType: string;
  readonly fromId: string;
  readonly toId: string;
  readonly strength: number | undefined;
  readonly bidirectional: boolean;
  readonly createdSeq: bigint;
  readonly revision: number;
}

/** One change of an entity: its full value after it, or before a deletion. Ordered by `seq`, then `position`. */
export interface EntityHistoryRow extends GraphColumns {
  readonly entityId: string;
  readonly position: number;
  /** `created`, `updated` or `deleted`. */
  readonly operation: string;
  readonly changedFields: readonly string[];
  readonly entityType: string;
  readonly revision: number;
}

/** One change of a relation. */
export interface RelationHistoryRow extends GraphColumns {
  readonly relationId: string;
  readonly position: number;
  readonly operation: string;
  readonly changedFields: readonly string[];
  readonly relationType: string;
  readonly fromId: string;
  readonly toId: string;
  readonly strength: number | undefined;
  readonly bidirectional: boolean;
  readonly revision: number;
}

/** A store of versions; its first version fixes its scope. */
export interface StateStoreRow {
  readonly store: string;
  readonly scope: string;
  readonly publisher: WireIdentity;
  readonly createdAt: WireTimestamp;
  readonly seq: bigint;
}

/** A version: immutable. Its text lies in `delta_record` and `state_snapshot`. */
export interface StateVersionRow {
  readonly versionId: string;
  readonly store: string;
  readonly scope: string;
  /** The first parent, or empty. */
  readonly parentVersionId: string;
  readonly parentCount: number;
  readonly dataHash: string;
  readonly chainHash: string;
  readonly author: string;
  readonly publisher: WireIdentity;
  readonly authoredAt: WireTimestamp;
  readonly recordedAt: WireTimestamp;
  readonly seq: bigint;
  readonly position: number;
  readonly description: string;
  readonly metadata: string;
  readonly metadataEncoding: string;
  /** Versions on the first-parent line up to and with this one. */
  readonly depth: bigint;
  /** One more than the greatest of its parents; 1 for a root. */
  readonly generation: bigint;
  /** The nearest version with a snapshot on the first-parent line when this one was recorded; empty for none. */
  readonly nearestSnapshotId: string;
  /** How many deltas, and bytes of them, lie after that snapshot, up to and with this version. */
  readonly deltasSinceSnapshot: number;
  readonly bytesSinceSnapshot: bigint;
}

/** A branch: a name for a head that moves. */
export interface BranchRow {
  readonly branchKey: string;
  readonly store: string;
  readonly name: string;
  readonly scope: string;
  readonly head: string;
  readonly publisher: WireIdentity;
  readonly createdAt: WireTimestamp;
  readonly updatedAt: WireTimestamp;
  readonly seq: bigint;
}

/** One move of a branch; `fromHead` is empty at its creation, `toHead` at its deletion. */
export interface BranchMoveRow {
  readonly branchKey: string;
  readonly store: string;
  readonly name: string;
  readonly scope: string;
  readonly fromHead: string;
  readonly toHead: string;
  readonly publisher: WireIdentity;
  readonly recordedAt: WireTimestamp;
  readonly seq: bigint;
  readonly position: number;
}

/** A line of versions that was left out; `headers` is a JSON list of what their chain hashes cover, oldest first. */
export interface CompactedRunRow {
  /** The last version's id. */
  readonly runId: string;
  readonly store: string;
  readonly scope: string;
  /** The version before the line. */
  readonly ancestor: string;
  /** The last version's chain hash. */
  readonly chainHash: string;
  readonly versions: bigint;
  /** For each version `[data hash, author, "authored at, in microseconds", description]`; empty unless asked for. */
  readonly headers: string;
  readonly publisher: WireIdentity;
  readonly recordedAt: WireTimestamp;
  readonly seq: bigint;
}

/** A tag: a name for a version that stays. */
export interface TagRow {
  readonly tagKey: string;
  readonly store: string;
  readonly name: string;
  readonly scope: string;
  readonly versionId: string;
  readonly description: string;
  readonly author: string;
  readonly publisher: WireIdentity;
  readonly recordedAt: WireTimestamp;
  readonly seq: bigint;
}

/** A version's delta against its first parent. */
export interface DeltaRecordRow {
  readonly versionId: string;
  readonly store: string;
  readonly scope: string;
  readonly delta: string;
  readonly deltaEncoding: string;
  readonly byteLength: bigint;
  readonly publisher: WireIdentity;
  readonly recordedAt: WireTimestamp;
  readonly seq: bigint;
}

/** A version's whole state. */
export interface StateSnapshotRow {
  readonly versionId: string;
  readonly store: string;
  readonly scope: string;
  readonly state: string;
  readonly stateEncoding: string;
  readonly byteLength: bigint;
  readonly publisher: WireIdentity;
  readonly recordedAt: WireTimestamp;
  readonly seq: bigint;
}

/** One configuration key that was set. */
export interface ConfigurationRow {
  readonly key: string;
  readonly value: string;
  readonly publisher: WireIdentity;
  readonly updatedAt: WireTimestamp;
  readonly seq: bigint;
}

/** One connection that is open now. */
export interface ClientConnectionRow {
  readonly connectionId: WireConnectionId;
  readonly identity: WireIdentity;
  readonly connectedAt: WireTimestamp;
}

/** A grant. */
export interface GrantRow {
  readonly grantKey: string;
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly scope: string;
  readonly grantedBy: WireIdentity;
  readonly grantedAt: WireTimestamp;
  readonly expiresAt: WireTimestamp | undefined;
  readonly seq: bigint;
}

/** A role's member. */
export interface RoleMemberRow {
  readonly memberKey: string;
  readonly role: string;
  readonly member: WireIdentity;
  readonly grantedBy: WireIdentity;
  readonly grantedAt: WireTimestamp;
  readonly seq: bigint;
}

/** A change of permissions or configuration, and who made it. */
export interface AuditRow {
  readonly seq: bigint;
  readonly position: number;
  readonly action: string;
  readonly subject: string;
  readonly resource: string;
  /** A JSON object. */
  readonly detail: string;
  readonly actor: WireIdentity;
  readonly requestId: string;
  readonly recordedAt: WireTimestamp;
}

/** A durable subscription. */
export interface ConsumerRow {
  readonly name: string;
  readonly scope: string;
  readonly pattern: string;
  readonly partitions: number;
  readonly holdsTrim: boolean;
  readonly failurePolicy: string;
  readonly publisher: WireIdentity;
  readonly createdAt: WireTimestamp;
  readonly seq: bigint;
}

/** One partition of a consumer. */
export interface ConsumerPartitionRow {
  readonly partitionKey: string;
  readonly name: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly epoch: bigint;
  /** The holder's label; empty while nobody holds it. */
  readonly holder: string;
  readonly holderIdentity: WireIdentity;
  readonly holderConnection: WireConnectionId;
  readonly leaseMicros: bigint;
  readonly leaseUntil: WireTimestamp;
  readonly updatedAt: WireTimestamp;
}

/** A worker that takes part in a consumer. */
export interface ConsumerWorkerRow {
  readonly workerKey: string;
  readonly name: string;
  readonly holder: string;
  readonly identity: WireIdentity;
  readonly connection: WireConnectionId;
  readonly leaseUntil: WireTimestamp;
  readonly joinedAt: WireTimestamp;
}

/** An event a consumer could not take; with 0 `attempts` it waits to be handled again. */
export interface ConsumerDeadLetterRow {
  readonly letterKey: string;
  readonly name: string;
  readonly partition: number;
  readonly eventId: string;
  readonly seq: bigint;
  readonly reason: string;
  readonly attempts: number;
  readonly parkedAt: WireTimestamp;
}
