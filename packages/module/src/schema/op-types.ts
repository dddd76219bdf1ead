/**
 * The ops of `apply` as SpacetimeDB types; `wire/ops.ts` says what they mean. A released op never changes its fields,
 * and variants are only appended.
 */
import { t, type Infer } from 'spacetimedb/server';

const optionalTime = t.option(t.timestamp());
const optionalText = t.option(t.string());

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

export const updateEntityOp = t.object('UpdateEntityOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  entityType: optionalText,
  ...changedGraphFields,
});

export const deleteEntityOp = t.object('DeleteEntityOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  cascade: t.bool(),
  author: optionalText,
  authoredAt: optionalTime,
});

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

export const updateRelationOp = t.object('UpdateRelationOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  relationType: optionalText,
  strength: t.option(t.f64()),
  clearStrength: t.bool(),
  bidirectional: t.option(t.bool()),
  ...changedGraphFields,
});

export const deleteRelationOp = t.object('DeleteRelationOp', {
  id: t.string(),
  ifSeq: t.option(t.u64()),
  author: optionalText,
  authoredAt: optionalTime,
});

export const stateValue = t.object('StateValue', { state: t.string(), stateEncoding: t.string() });

export const branchMoveTo = t.object('BranchMoveTo', { branch: t.string(), expectedHead: optionalText });

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

export const recordDeltaOp = t.object('RecordDeltaOp', {
  versionId: t.string(),
  delta: t.string(),
  deltaEncoding: t.string(),
});

export const recordSnapshotOp = t.object('RecordSnapshotOp', {
  versionId: t.string(),
  state: t.string(),
  stateEncoding: t.string(),
});

export const moveBranchOp = t.object('MoveBranchOp', {
  store: t.string(),
  name: t.string(),
  expectedHead: optionalText,
  head: t.string(),
});

export const deleteBranchOp = t.object('DeleteBranchOp', {
  store: t.string(),
  name: t.string(),
  expectedHead: optionalText,
});

export const createTagOp = t.object('CreateTagOp', {
  store: t.string(),
  name: t.string(),
  versionId: t.string(),
  description: t.string(),
  author: t.string(),
  replace: t.bool(),
});

export const deleteTagOp = t.object('DeleteTagOp', { store: t.string(), name: t.string() });

export const uploadChunkOp = t.object('UploadChunkOp', {
  scope: t.string(),
  digest: t.string(),
  position: t.u32(),
  count: t.u32(),
  bytes: t.byteArray(),
});

export const setConfigurationOp = t.object('SetConfigurationOp', { key: t.string(), value: optionalText });

export const grantOp = t.object('GrantOp', {
  subject: t.string(),
  action: t.string(),
  resource: t.string(),
  scope: t.string(),
  expiresAt: optionalTime,
});

export const revokeOp = t.object('RevokeOp', {
  subject: t.string(),
  action: t.string(),
  resource: t.string(),
  scope: t.string(),
});

export const roleMemberOp = t.object('RoleMemberOp', { role: t.string(), member: t.identity() });

export const createConsumerOp = t.object('CreateConsumerOp', {
  name: t.string(),
  scope: t.string(),
  pattern: t.string(),
  partitions: t.u32(),
  startSeq: t.u64(),
  holdsTrim: t.bool(),
  failurePolicy: t.string(),
});

export const deleteConsumerOp = t.object('DeleteConsumerOp', { name: t.string() });

export const claimPartitionOp = t.object('ClaimPartitionOp', {
  name: t.string(),
  partition: t.u32(),
  holder: t.string(),
  leaseMicros: t.i64(),
});

export const releasePartitionOp = t.object('ReleasePartitionOp', {
  name: t.string(),
  partition: t.u32(),
  epoch: t.u64(),
});

export const consumerAdvance = t.object('ConsumerAdvance', {
  name: t.string(),
  partition: t.u32(),
  epoch: t.u64(),
  from: t.u64(),
  to: t.u64(),
});

export const parkEventOp = t.object('ParkEventOp', {
  name: t.string(),
  partition: t.u32(),
  epoch: t.u64(),
  eventId: t.string(),
  seq: t.u64(),
  reason: t.string(),
  attempts: t.u32(),
});

export const discardDeadLetterOp = t.object('DiscardDeadLetterOp', { name: t.string(), eventId: t.string() });

export const trimEventsOp = t.object('TrimEventsOp', { upToSeq: t.u64(), segmentDigest: t.string() });

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
});

export type Op = Infer<typeof op>;
export type PublishEventOp = Infer<typeof publishEventOp>;
export type CreateEntityOp = Infer<typeof createEntityOp>;
export type UpdateEntityOp = Infer<typeof updateEntityOp>;
export type DeleteEntityOp = Infer<typeof deleteEntityOp>;
export type CreateRelationOp = Infer<typeof createRelationOp>;
export type UpdateRelationOp = Infer<typeof updateRelationOp>;
export type DeleteRelationOp = Infer<typeof deleteRelationOp>;
export type RecordVersionOp = Infer<typeof recordVersionOp>;
export type RecordDeltaOp = Infer<typeof recordDeltaOp>;
export type RecordSnapshotOp = Infer<typeof recordSnapshotOp>;
export type MoveBranchOp = Infer<typeof moveBranchOp>;
export type DeleteBranchOp = Infer<typeof deleteBranchOp>;
export type CreateTagOp = Infer<typeof createTagOp>;
export type DeleteTagOp = Infer<typeof deleteTagOp>;
export type UploadChunkOp = Infer<typeof uploadChunkOp>;
export type SetConfigurationOp = Infer<typeof setConfigurationOp>;
export type GrantOp = Infer<typeof grantOp>;
export type RevokeOp = Infer<typeof revokeOp>;
export type RoleMemberOp = Infer<typeof roleMemberOp>;
export type CreateConsumerOp = Infer<typeof createConsumerOp>;
export type DeleteConsumerOp = Infer<typeof deleteConsumerOp>;
export type ClaimPartitionOp = Infer<typeof claimPartitionOp>;
export type ReleasePartitionOp = Infer<typeof releasePartitionOp>;
export type ConsumerAdvance = Infer<typeof consumerAdvance>;
export type ParkEventOp = Infer<typeof parkEventOp>;
export type DiscardDeadLetterOp = Infer<typeof discardDeadLetterOp>;
export type TrimEventsOp = Infer<typeof trimEventsOp>;
