/**
 * The ops of `apply` as SpacetimeDB types; `wire/ops.ts` says what they mean. A released op never changes its fields,
 * and variants are only appended.
 */
import { t, type Infer } from 'spacetimedb/server';

const optionalTime = t.option(t.timestamp());
const optionalText = t.option(t.string());

/** `PublishEventOp` on the wire. */
export const publishEventOp = t.object('PublishEventOp', {
  eventId: t.string(),
  eventType: t.string(),
  typeVersion: t.u32(),
  scope: t.string(),
  source: t.string(),
  partitionKey: t.string(),
  authoredAt: optionalTime,
  data: t.string(),
  dataEncoding: t.string(),
  metadata: t.string(),
  metadataEncoding: t.string(),
  durability: t.string(),
});

/** `CreateEntityOp` on the wire. */
export const createEntityOp = t.object('CreateEntityOp', {
  id: t.string(),
  entityType: t.string(),
  name: t.string(),
  description: t.string(),
  tags: t.array(t.string()),
  properties: t.string(),
  propertiesEncoding: t.string(),
  scope: t.string(),
  author: t.string(),
  authoredAt: optionalTime,
  validFrom: optionalTime,
  validTo: optionalTime,
  upsert: t.bool(),
});

const changedGraphFields = {
  name: optionalText,
  description: optionalText,
  tags: t.option(t.array(t.string())),
  properties: optionalText,
  propertiesEncoding: optionalText,
  propertiesSet: optionalText,
  propertiesRemoved: t.array(t.string()),
  author: optionalText,
  authoredAt: optionalTime,
  validFrom: optionalTime,
  validTo: optionalTime,
  clearValidity: t.bool(),
};

/** `UpdateEntityOp` on the wire. */
export const updateEntityOp = t.object('UpdateEntityOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  entityType: optionalText,
  ...changedGraphFields,
});

/** `DeleteEntityOp` on the wire. */
export const deleteEntityOp = t.object('DeleteEntityOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  cascade: t.bool(),
  author: optionalText,
  authoredAt: optionalTime,
});

/** `CreateRelationOp` on the wire. */
export const createRelationOp = t.object('CreateRelationOp', {
  id: t.string(),
  relationType: t.string(),
  fromId: t.string(),
  toId: t.string(),
  strength: t.option(t.f64()),
  bidirectional: t.bool(),
  name: t.string(),
  description: t.string(),
  tags: t.array(t.string()),
  properties: t.string(),
  propertiesEncoding: t.string(),
  scope: t.string(),
  author: t.string(),
  authoredAt: optionalTime,
  validFrom: optionalTime,
  validTo: optionalTime,
  upsert: t.bool(),
});

/** `UpdateRelationOp` on the wire. */
export const updateRelationOp = t.object('UpdateRelationOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  relationType: optionalText,
  strength: t.option(t.f64()),
  clearStrength: t.bool(),
  bidirectional: t.option(t.bool()),
  ...changedGraphFields,
});

/** `DeleteRelationOp` on the wire. */
export const deleteRelationOp = t.object('DeleteRelationOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  author: optionalText,
  authoredAt: optionalTime,
});

/** `StateValue` on the wire. */
export const stateValue = t.object('StateValue', { state: t.string(), stateEncoding: t.string() });

/** `BranchMoveTo` on the wire. */
export const branchMoveTo = t.object('BranchMoveTo', { branch: t.string(), expectedHead: optionalText });

/** `RecordVersionOp` on the wire. */
export const recordVersionOp = t.object('RecordVersionOp', {
  versionId: t.string(),
  store: t.string(),
  scope: t.string(),
  parents: t.array(t.string()),
  dataHash: t.string(),
  chainHash: t.string(),
  author: t.string(),
  authoredAt: t.timestamp(),
  description: t.string(),
  metadata: t.string(),
  metadataEncoding: t.string(),
  delta: optionalText,
  deltaEncoding: t.string(),
  snapshot: t.option(stateValue),
  move: t.option(branchMoveTo),
});

/** `RecordDeltaOp` on the wire. */
export const recordDeltaOp = t.object('RecordDeltaOp', {
  versionId: t.string(),
  delta: t.string(),
  deltaEncoding: t.string(),
});

/** `RecordSnapshotOp` on the wire. */
export const recordSnapshotOp = t.object('RecordSnapshotOp', {
  versionId: t.string(),
  state: t.string(),
  stateEncoding: t.string(),
});

/** `MoveBranchOp` on the wire. */
export const moveBranchOp = t.object('MoveBranchOp', {
  store: t.string(),
  name: t.string(),
  expectedHead: optionalText,
  head: t.string(),
});

/** `DeleteBranchOp` on the wire. */
export const deleteBranchOp = t.object('DeleteBranchOp', {
  store: t.string(),
  name: t.string(),
  expectedHead: optionalText,
});

/** `CreateTagOp` on the wire. */
export const createTagOp = t.object('CreateTagOp', {
  store: t.string(),
  name: t.string(),
  versionId: t.string(),
  description: t.string(),
  author: t.string(),
  replace: t.bool(),
});

/** `DeleteTagOp` on the wire. */
export const deleteTagOp = t.object('DeleteTagOp', { store: t.string(), name: t.string() });

/** `UploadChunkOp` on the wire. */
export const uploadChunkOp = t.object('UploadChunkOp', {
  scope: t.string(),
  digest: t.string(),
  position: t.u32(),
  count: t.u32(),
  bytes: t.byteArray(),
});

/** `SetConfigurationOp` on the wire. */
export const setConfigurationOp = t.object('SetConfigurationOp', { key: t.string(), value: optionalText });

/** `GrantOp` on the wire. */
export const grantOp = t.object('GrantOp', {
  subject: t.string(),
  action: t.string(),
  resource: t.string(),
  scope: t.string(),
  expiresAt: optionalTime,
});

/** `RevokeOp` on the wire. */
export const revokeOp = t.object('RevokeOp', {
  subject: t.string(),
  action: t.string(),
  resource: t.string(),
  scope: t.string(),
});

/** `RoleMemberOp` on the wire. */
export const roleMemberOp = t.object('RoleMemberOp', { role: t.string(), member: t.identity() });

/** `CreateConsumerOp` on the wire. */
export const createConsumerOp = t.object('CreateConsumerOp', {
  name: t.string(),
  scope: t.string(),
  pattern: t.string(),
  partitions: t.u32(),
  startSeq: t.u64(),
  holdsTrim: t.bool(),
  failurePolicy: t.string(),
});

/** `DeleteConsumerOp` on the wire. */
export const deleteConsumerOp = t.object('DeleteConsumerOp', { name: t.string() });

/** `ClaimPartitionOp` on the wire. */
export const claimPartitionOp = t.object('ClaimPartitionOp', {
  name: t.string(),
  partition: t.u32(),
  holder: t.string(),
  leaseMicros: t.i64(),
});

/** `ReleasePartitionOp` on the wire. */
export const releasePartitionOp = t.object('ReleasePartitionOp', {
  name: t.string(),
  partition: t.u32(),
  epoch: t.u64(),
});

/** `ConsumerAdvance` on the wire. */
export const consumerAdvance = t.object('ConsumerAdvance', {
  name: t.string(),
  partition: t.u32(),
  epoch: t.u64(),
  from: t.u64(),
  to: t.u64(),
});

/** `ParkEventOp` on the wire. */
export const parkEventOp = t.object('ParkEventOp', {
  name: t.string(),
  partition: t.u32(),
  epoch: t.u64(),
  eventId: t.string(),
  seq: t.u64(),
  reason: t.string(),
  attempts: t.u32(),
});

/** `DiscardDeadLetterOp` on the wire. */
export const discardDeadLetterOp = t.object('DiscardDeadLetterOp', { name: t.string(), eventId: t.string() });

/** `SeekConsumerOp` on the wire. */
export const seekConsumerOp = t.object('SeekConsumerOp', {
  name: t.string(),
  partition: t.option(t.u32()),
  toSeq: t.u64(),
});

/** `RetryDeadLetterOp` on the wire. */
export const retryDeadLetterOp = t.object('RetryDeadLetterOp', { name: t.string(), eventId: t.string() });

/** `JoinConsumerOp` on the wire. */
export const joinConsumerOp = t.object('JoinConsumerOp', {
  name: t.string(),
  holder: t.string(),
  leaseMicros: t.i64(),
});

/** `LeaveConsumerOp` on the wire. */
export const leaveConsumerOp = t.object('LeaveConsumerOp', { name: t.string(), holder: t.string() });

/** `TrimEventsOp` on the wire. */
export const trimEventsOp = t.object('TrimEventsOp', { upToSeq: t.u64(), segmentDigest: t.string() });

/** `CompactVersionsOp` on the wire. */
export const compactVersionsOp = t.object('CompactVersionsOp', {
  store: t.string(),
  child: t.string(),
  leftOut: t.array(t.string()),
  delta: optionalText,
  deltaEncoding: t.string(),
  snapshot: t.option(stateValue),
});

/** `PruneVersionsOp` on the wire. */
export const pruneVersionsOp = t.object('PruneVersionsOp', { store: t.string(), versionIds: t.array(t.string()) });

/** `AfterRequestOp` on the wire. */
export const afterRequestOp = t.object('AfterRequestOp', { requestId: t.string() });

/** `PruneHistoryOp` on the wire. */
export const pruneHistoryOp = t.object('PruneHistoryOp', { keptFromSeq: t.u64() });

/** `Op` on the wire. */
export const op = t.enum('Op', {
  publishEvent: publishEventOp,
  createEntity: createEntityOp,
  updateEntity: updateEntityOp,
  deleteEntity: deleteEntityOp,
  createRelation: createRelationOp,
  updateRelation: updateRelationOp,
  deleteRelation: deleteRelationOp,
  recordVersion: recordVersionOp,
  recordDelta: recordDeltaOp,
  recordSnapshot: recordSnapshotOp,
  moveBranch: moveBranchOp,
  deleteBranch: deleteBranchOp,
  createTag: createTagOp,
  deleteTag: deleteTagOp,
  uploadChunk: uploadChunkOp,
  setConfiguration: setConfigurationOp,
  grant: grantOp,
  revoke: revokeOp,
  addRoleMember: roleMemberOp,
  removeRoleMember: roleMemberOp,
  createConsumer: createConsumerOp,
  deleteConsumer: deleteConsumerOp,
  claimPartition: claimPartitionOp,
  releasePartition: releasePartitionOp,
  advancePartition: consumerAdvance,
  parkEvent: parkEventOp,
  discardDeadLetter: discardDeadLetterOp,
  trimEvents: trimEventsOp,
  seekConsumer: seekConsumerOp,
  retryDeadLetter: retryDeadLetterOp,
  joinConsumer: joinConsumerOp,
  leaveConsumer: leaveConsumerOp,
  compactVersions: compactVersionsOp,
  pruneVersions: pruneVersionsOp,
  afterRequest: afterRequestOp,
  pruneHistory: pruneHistoryOp,
});

/** A value of `Op`. */
export type Op = Infer<typeof op>;
/** A value of `PublishEventOp`. */
export type PublishEventOp = Infer<typeof publishEventOp>;
/** A value of `CreateEntityOp`. */
export type CreateEntityOp = Infer<typeof createEntityOp>;
/** A value of `UpdateEntityOp`. */
export type UpdateEntityOp = Infer<typeof updateEntityOp>;
/** A value of `DeleteEntityOp`. */
export type DeleteEntityOp = Infer<typeof deleteEntityOp>;
/** A value of `CreateRelationOp`. */
export type CreateRelationOp = Infer<typeof createRelationOp>;
/** A value of `UpdateRelationOp`. */
export type UpdateRelationOp = Infer<typeof updateRelationOp>;
/** A value of `DeleteRelationOp`. */
export type DeleteRelationOp = Infer<typeof deleteRelationOp>;
/** A value of `RecordVersionOp`. */
export type RecordVersionOp = Infer<typeof recordVersionOp>;
/** A value of `RecordDeltaOp`. */
export type RecordDeltaOp = Infer<typeof recordDeltaOp>;
/** A value of `RecordSnapshotOp`. */
export type RecordSnapshotOp = Infer<typeof recordSnapshotOp>;
/** A value of `MoveBranchOp`. */
export type MoveBranchOp = Infer<typeof moveBranchOp>;
/** A value of `DeleteBranchOp`. */
export type DeleteBranchOp = Infer<typeof deleteBranchOp>;
/** A value of `CreateTagOp`. */
export type CreateTagOp = Infer<typeof createTagOp>;
/** A value of `DeleteTagOp`. */
export type DeleteTagOp = Infer<typeof deleteTagOp>;
/** A value of `UploadChunkOp`. */
export type UploadChunkOp = Infer<typeof uploadChunkOp>;
/** A value of `SetConfigurationOp`. */
export type SetConfigurationOp = Infer<typeof setConfigurationOp>;
/** A value of `GrantOp`. */
export type GrantOp = Infer<typeof grantOp>;
/** A value of `RevokeOp`. */
export type RevokeOp = Infer<typeof revokeOp>;
/** A value of `RoleMemberOp`. */
export type RoleMemberOp = Infer<typeof roleMemberOp>;
/** A value of `CreateConsumerOp`. */
export type CreateConsumerOp = Infer<typeof createConsumerOp>;
/** A value of `DeleteConsumerOp`. */
export type DeleteConsumerOp = Infer<typeof deleteConsumerOp>;
/** A value of `ClaimPartitionOp`. */
export type ClaimPartitionOp = Infer<typeof claimPartitionOp>;
/** A value of `ReleasePartitionOp`. */
export type ReleasePartitionOp = Infer<typeof releasePartitionOp>;
/** A value of `ConsumerAdvance`. */
export type ConsumerAdvance = Infer<typeof consumerAdvance>;
/** A value of `ParkEventOp`. */
export type ParkEventOp = Infer<typeof parkEventOp>;
/** A value of `DiscardDeadLetterOp`. */
export type DiscardDeadLetterOp = Infer<typeof discardDeadLetterOp>;
/** A value of `TrimEventsOp`. */
export type TrimEventsOp = Infer<typeof trimEventsOp>;
/** A value of `SeekConsumerOp`. */
export type SeekConsumerOp = Infer<typeof seekConsumerOp>;
/** A value of `RetryDeadLetterOp`. */
export type RetryDeadLetterOp = Infer<typeof retryDeadLetterOp>;
/** A value of `JoinConsumerOp`. */
export type JoinConsumerOp = Infer<typeof joinConsumerOp>;
/** A value of `LeaveConsumerOp`. */
export type LeaveConsumerOp = Infer<typeof leaveConsumerOp>;
/** A value of `CompactVersionsOp`. */
export type CompactVersionsOp = Infer<typeof compactVersionsOp>;
/** A value of `PruneVersionsOp`. */
export type PruneVersionsOp = Infer<typeof pruneVersionsOp>;
/** A value of `AfterRequestOp`. */
export type AfterRequestOp = Infer<typeof afterRequestOp>;
/** A value of `PruneHistoryOp`. */
export type PruneHistoryOp = Infer<typeof pruneHistoryOp>;
