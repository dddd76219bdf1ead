// Generated from a module's definition. Do not edit: change the module and generate again.

/* eslint-disable */
/* tslint:disable */
import {
  DbConnectionBuilder as __DbConnectionBuilder,
  DbConnectionImpl as __DbConnectionImpl,
  SubscriptionBuilderImpl as __SubscriptionBuilderImpl,
  convertToAccessorMap as __convertToAccessorMap,
  makeQueryBuilder as __makeQueryBuilder,
  procedureSchema as __procedureSchema,
  procedures as __procedures,
  reducerSchema as __reducerSchema,
  reducers as __reducers,
  schema as __schema,
  t as __t,
  table as __table,
  type DbConnectionConfig as __DbConnectionConfig,
  type ErrorContextInterface as __ErrorContextInterface,
  type EventContextInterface as __EventContextInterface,
  type Infer as __Infer,
  type QueryBuilder as __QueryBuilder,
  type ReducerEventContextInterface as __ReducerEventContextInterface,
  type RemoteModule as __RemoteModule,
  type SubscriptionEventContextInterface as __SubscriptionEventContextInterface,
  type SubscriptionHandleImpl as __SubscriptionHandleImpl,
} from 'spacetimedb';

export const ConsumerAdvance = __t.object('ConsumerAdvance', {
  name: __t.string(),
  partition: __t.u32(),
  epoch: __t.u64(),
  from: __t.u64(),
  to: __t.u64(),
});
export type ConsumerAdvance = __Infer<typeof ConsumerAdvance>;

export const PublishEventOp = __t.object('PublishEventOp', {
  eventId: __t.string(),
  eventType: __t.string(),
  typeVersion: __t.u32(),
  scope: __t.string(),
  source: __t.string(),
  partitionKey: __t.string(),
  authoredAt: __t.option(__t.timestamp()),
  data: __t.string(),
  dataEncoding: __t.string(),
  metadata: __t.string(),
  metadataEncoding: __t.string(),
  durability: __t.string(),
});
export type PublishEventOp = __Infer<typeof PublishEventOp>;

export const CreateEntityOp = __t.object('CreateEntityOp', {
  id: __t.string(),
  entityType: __t.string(),
  name: __t.string(),
  description: __t.string(),
  tags: __t.array(__t.string()),
  properties: __t.string(),
  propertiesEncoding: __t.string(),
  scope: __t.string(),
  author: __t.string(),
  authoredAt: __t.option(__t.timestamp()),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  upsert: __t.bool(),
});
export type CreateEntityOp = __Infer<typeof CreateEntityOp>;

export const UpdateEntityOp = __t.object('UpdateEntityOp', {
  id: __t.string(),
  ifSeq: __t.option(__t.u64()),
  entityType: __t.option(__t.string()),
  name: __t.option(__t.string()),
  description: __t.option(__t.string()),
  tags: __t.option(__t.array(__t.string())),
  properties: __t.option(__t.string()),
  propertiesEncoding: __t.option(__t.string()),
  propertiesSet: __t.option(__t.string()),
  propertiesRemoved: __t.array(__t.string()),
  author: __t.option(__t.string()),
  authoredAt: __t.option(__t.timestamp()),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  clearValidity: __t.bool(),
});
export type UpdateEntityOp = __Infer<typeof UpdateEntityOp>;

export const DeleteEntityOp = __t.object('DeleteEntityOp', {
  id: __t.string(),
  ifSeq: __t.option(__t.u64()),
  cascade: __t.bool(),
  author: __t.option(__t.string()),
  authoredAt: __t.option(__t.timestamp()),
});
export type DeleteEntityOp = __Infer<typeof DeleteEntityOp>;

export const CreateRelationOp = __t.object('CreateRelationOp', {
  id: __t.string(),
  relationType: __t.string(),
  fromId: __t.string(),
  toId: __t.string(),
  strength: __t.option(__t.f64()),
  bidirectional: __t.bool(),
  name: __t.string(),
  description: __t.string(),
  tags: __t.array(__t.string()),
  properties: __t.string(),
  propertiesEncoding: __t.string(),
  scope: __t.string(),
  author: __t.string(),
  authoredAt: __t.option(__t.timestamp()),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  upsert: __t.bool(),
});
export type CreateRelationOp = __Infer<typeof CreateRelationOp>;

export const UpdateRelationOp = __t.object('UpdateRelationOp', {
  id: __t.string(),
  ifSeq: __t.option(__t.u64()),
  relationType: __t.option(__t.string()),
  strength: __t.option(__t.f64()),
  clearStrength: __t.bool(),
  bidirectional: __t.option(__t.bool()),
  name: __t.option(__t.string()),
  description: __t.option(__t.string()),
  tags: __t.option(__t.array(__t.string())),
  properties: __t.option(__t.string()),
  propertiesEncoding: __t.option(__t.string()),
  propertiesSet: __t.option(__t.string()),
  propertiesRemoved: __t.array(__t.string()),
  author: __t.option(__t.string()),
  authoredAt: __t.option(__t.timestamp()),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  clearValidity: __t.bool(),
});
export type UpdateRelationOp = __Infer<typeof UpdateRelationOp>;

export const DeleteRelationOp = __t.object('DeleteRelationOp', {
  id: __t.string(),
  ifSeq: __t.option(__t.u64()),
  author: __t.option(__t.string()),
  authoredAt: __t.option(__t.timestamp()),
});
export type DeleteRelationOp = __Infer<typeof DeleteRelationOp>;

export const StateValue = __t.object('StateValue', {
  state: __t.string(),
  stateEncoding: __t.string(),
});
export type StateValue = __Infer<typeof StateValue>;

export const BranchMoveTo = __t.object('BranchMoveTo', {
  branch: __t.string(),
  expectedHead: __t.option(__t.string()),
});
export type BranchMoveTo = __Infer<typeof BranchMoveTo>;

export const RecordVersionOp = __t.object('RecordVersionOp', {
  versionId: __t.string(),
  store: __t.string(),
  scope: __t.string(),
  parents: __t.array(__t.string()),
  dataHash: __t.string(),
  chainHash: __t.string(),
  author: __t.string(),
  authoredAt: __t.timestamp(),
  description: __t.string(),
  metadata: __t.string(),
  metadataEncoding: __t.string(),
  delta: __t.option(__t.string()),
  deltaEncoding: __t.string(),
  snapshot: __t.option(StateValue),
  move: __t.option(BranchMoveTo),
});
export type RecordVersionOp = __Infer<typeof RecordVersionOp>;

export const RecordDeltaOp = __t.object('RecordDeltaOp', {
  versionId: __t.string(),
  delta: __t.string(),
  deltaEncoding: __t.string(),
});
export type RecordDeltaOp = __Infer<typeof RecordDeltaOp>;

export const RecordSnapshotOp = __t.object('RecordSnapshotOp', {
  versionId: __t.string(),
  state: __t.string(),
  stateEncoding: __t.string(),
});
export type RecordSnapshotOp = __Infer<typeof RecordSnapshotOp>;

export const MoveBranchOp = __t.object('MoveBranchOp', {
  store: __t.string(),
  name: __t.string(),
  expectedHead: __t.option(__t.string()),
  head: __t.string(),
});
export type MoveBranchOp = __Infer<typeof MoveBranchOp>;

export const DeleteBranchOp = __t.object('DeleteBranchOp', {
  store: __t.string(),
  name: __t.string(),
  expectedHead: __t.option(__t.string()),
});
export type DeleteBranchOp = __Infer<typeof DeleteBranchOp>;

export const CreateTagOp = __t.object('CreateTagOp', {
  store: __t.string(),
  name: __t.string(),
  versionId: __t.string(),
  description: __t.string(),
  author: __t.string(),
  replace: __t.bool(),
});
export type CreateTagOp = __Infer<typeof CreateTagOp>;

export const DeleteTagOp = __t.object('DeleteTagOp', {
  store: __t.string(),
  name: __t.string(),
});
export type DeleteTagOp = __Infer<typeof DeleteTagOp>;

export const UploadChunkOp = __t.object('UploadChunkOp', {
  scope: __t.string(),
  digest: __t.string(),
  position: __t.u32(),
  count: __t.u32(),
  bytes: __t.byteArray(),
});
export type UploadChunkOp = __Infer<typeof UploadChunkOp>;

export const SetConfigurationOp = __t.object('SetConfigurationOp', {
  key: __t.string(),
  value: __t.option(__t.string()),
});
export type SetConfigurationOp = __Infer<typeof SetConfigurationOp>;

export const GrantOp = __t.object('GrantOp', {
  subject: __t.string(),
  action: __t.string(),
  resource: __t.string(),
  scope: __t.string(),
  expiresAt: __t.option(__t.timestamp()),
});
export type GrantOp = __Infer<typeof GrantOp>;

export const RevokeOp = __t.object('RevokeOp', {
  subject: __t.string(),
  action: __t.string(),
  resource: __t.string(),
  scope: __t.string(),
});
export type RevokeOp = __Infer<typeof RevokeOp>;

export const RoleMemberOp = __t.object('RoleMemberOp', {
  role: __t.string(),
  member: __t.identity(),
});
export type RoleMemberOp = __Infer<typeof RoleMemberOp>;

export const CreateConsumerOp = __t.object('CreateConsumerOp', {
  name: __t.string(),
  scope: __t.string(),
  pattern: __t.string(),
  partitions: __t.u32(),
  startSeq: __t.u64(),
  holdsTrim: __t.bool(),
  failurePolicy: __t.string(),
});
export type CreateConsumerOp = __Infer<typeof CreateConsumerOp>;

export const DeleteConsumerOp = __t.object('DeleteConsumerOp', {
  name: __t.string(),
});
export type DeleteConsumerOp = __Infer<typeof DeleteConsumerOp>;

export const ClaimPartitionOp = __t.object('ClaimPartitionOp', {
  name: __t.string(),
  partition: __t.u32(),
  holder: __t.string(),
  leaseMicros: __t.i64(),
});
export type ClaimPartitionOp = __Infer<typeof ClaimPartitionOp>;

export const ReleasePartitionOp = __t.object('ReleasePartitionOp', {
  name: __t.string(),
  partition: __t.u32(),
  epoch: __t.u64(),
});
export type ReleasePartitionOp = __Infer<typeof ReleasePartitionOp>;

export const ParkEventOp = __t.object('ParkEventOp', {
  name: __t.string(),
  partition: __t.u32(),
  epoch: __t.u64(),
  eventId: __t.string(),
  seq: __t.u64(),
  reason: __t.string(),
  attempts: __t.u32(),
});
export type ParkEventOp = __Infer<typeof ParkEventOp>;

export const DiscardDeadLetterOp = __t.object('DiscardDeadLetterOp', {
  name: __t.string(),
  eventId: __t.string(),
});
export type DiscardDeadLetterOp = __Infer<typeof DiscardDeadLetterOp>;

export const TrimEventsOp = __t.object('TrimEventsOp', {
  upToSeq: __t.u64(),
  segmentDigest: __t.string(),
});
export type TrimEventsOp = __Infer<typeof TrimEventsOp>;

export const SeekConsumerOp = __t.object('SeekConsumerOp', {
  name: __t.string(),
  partition: __t.option(__t.u32()),
  toSeq: __t.u64(),
});
export type SeekConsumerOp = __Infer<typeof SeekConsumerOp>;

export const JoinConsumerOp = __t.object('JoinConsumerOp', {
  name: __t.string(),
  holder: __t.string(),
  leaseMicros: __t.i64(),
});
export type JoinConsumerOp = __Infer<typeof JoinConsumerOp>;

export const LeaveConsumerOp = __t.object('LeaveConsumerOp', {
  name: __t.string(),
  holder: __t.string(),
});
export type LeaveConsumerOp = __Infer<typeof LeaveConsumerOp>;

export const CompactVersionsOp = __t.object('CompactVersionsOp', {
  store: __t.string(),
  child: __t.string(),
  leftOut: __t.array(__t.string()),
  delta: __t.option(__t.string()),
  deltaEncoding: __t.string(),
  snapshot: __t.option(StateValue),
});
export type CompactVersionsOp = __Infer<typeof CompactVersionsOp>;

export const PruneVersionsOp = __t.object('PruneVersionsOp', {
  store: __t.string(),
  versionIds: __t.array(__t.string()),
});
export type PruneVersionsOp = __Infer<typeof PruneVersionsOp>;

export const AfterRequestOp = __t.object('AfterRequestOp', {
  requestId: __t.string(),
});
export type AfterRequestOp = __Infer<typeof AfterRequestOp>;

export const PruneHistoryOp = __t.object('PruneHistoryOp', {
  keptFromSeq: __t.u64(),
});
export type PruneHistoryOp = __Infer<typeof PruneHistoryOp>;

export const Op = __t.enum('Op', {
  PublishEvent: PublishEventOp,
  CreateEntity: CreateEntityOp,
  UpdateEntity: UpdateEntityOp,
  DeleteEntity: DeleteEntityOp,
  CreateRelation: CreateRelationOp,
  UpdateRelation: UpdateRelationOp,
  DeleteRelation: DeleteRelationOp,
  RecordVersion: RecordVersionOp,
  RecordDelta: RecordDeltaOp,
  RecordSnapshot: RecordSnapshotOp,
  MoveBranch: MoveBranchOp,
  DeleteBranch: DeleteBranchOp,
  CreateTag: CreateTagOp,
  DeleteTag: DeleteTagOp,
  UploadChunk: UploadChunkOp,
  SetConfiguration: SetConfigurationOp,
  Grant: GrantOp,
  Revoke: RevokeOp,
  AddRoleMember: RoleMemberOp,
  RemoveRoleMember: RoleMemberOp,
  CreateConsumer: CreateConsumerOp,
  DeleteConsumer: DeleteConsumerOp,
  ClaimPartition: ClaimPartitionOp,
  ReleasePartition: ReleasePartitionOp,
  AdvancePartition: ConsumerAdvance,
  ParkEvent: ParkEventOp,
  DiscardDeadLetter: DiscardDeadLetterOp,
  TrimEvents: TrimEventsOp,
  SeekConsumer: SeekConsumerOp,
  RetryDeadLetter: DiscardDeadLetterOp,
  JoinConsumer: JoinConsumerOp,
  LeaveConsumer: LeaveConsumerOp,
  CompactVersions: CompactVersionsOp,
  PruneVersions: PruneVersionsOp,
  AfterRequest: AfterRequestOp,
  PruneHistory: PruneHistoryOp,
});
export type Op = __Infer<typeof Op>;

export const MaintenanceTimer = __t.object('MaintenanceTimer', {
  scheduledId: __t.u64(),
  scheduledAt: __t.scheduleAt(),
});
export type MaintenanceTimer = __Infer<typeof MaintenanceTimer>;

export const Audit = __t.object('Audit', {
  seq: __t.u64(),
  position: __t.u32(),
  action: __t.string(),
  subject: __t.string(),
  resource: __t.string(),
  detail: __t.string(),
  actor: __t.identity(),
  requestId: __t.string(),
  recordedAt: __t.timestamp(),
});
export type Audit = __Infer<typeof Audit>;

export const AuditPage = __t.object('AuditPage', {
  entries: __t.array(Audit),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type AuditPage = __Infer<typeof AuditPage>;

export const BranchMove = __t.object('BranchMove', {
  branchKey: __t.string(),
  store: __t.string(),
  name: __t.string(),
  scope: __t.string(),
  fromHead: __t.string(),
  toHead: __t.string(),
  publisher: __t.identity(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
  position: __t.u32(),
});
export type BranchMove = __Infer<typeof BranchMove>;

export const BranchMovesPage = __t.object('BranchMovesPage', {
  moves: __t.array(BranchMove),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type BranchMovesPage = __Infer<typeof BranchMovesPage>;

export const Branch = __t.object('Branch', {
  branchKey: __t.string(),
  store: __t.string(),
  name: __t.string(),
  scope: __t.string(),
  head: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  updatedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type Branch = __Infer<typeof Branch>;

export const BranchesPage = __t.object('BranchesPage', {
  branches: __t.array(Branch),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type BranchesPage = __Infer<typeof BranchesPage>;

export const ChunkResult = __t.object('ChunkResult', {
  count: __t.u32(),
  pieces: __t.array(__t.byteArray()),
});
export type ChunkResult = __Infer<typeof ChunkResult>;

export const CompactedRun = __t.object('CompactedRun', {
  runId: __t.string(),
  store: __t.string(),
  scope: __t.string(),
  ancestor: __t.string(),
  chainHash: __t.string(),
  versions: __t.u64(),
  headers: __t.string(),
  publisher: __t.identity(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type CompactedRun = __Infer<typeof CompactedRun>;

export const CompactedRunsPage = __t.object('CompactedRunsPage', {
  runs: __t.array(CompactedRun),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type CompactedRunsPage = __Infer<typeof CompactedRunsPage>;

export const Config = __t.object('Config', {
  key: __t.string(),
  value: __t.string(),
  publisher: __t.identity(),
  updatedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type Config = __Infer<typeof Config>;

export const ConfigurationResult = __t.object('ConfigurationResult', {
  settings: __t.array(Config),
});
export type ConfigurationResult = __Infer<typeof ConfigurationResult>;

export const ClientConnection = __t.object('ClientConnection', {
  connectionId: __t.connectionId(),
  identity: __t.identity(),
  connectedAt: __t.timestamp(),
});
export type ClientConnection = __Infer<typeof ClientConnection>;

export const ConnectionsResult = __t.object('ConnectionsResult', {
  connections: __t.array(ClientConnection),
});
export type ConnectionsResult = __Infer<typeof ConnectionsResult>;

export const ConsumerLagPage = __t.object('ConsumerLagPage', {
  counts: __t.array(__t.u32()),
  lookedTo: __t.u64(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type ConsumerLagPage = __Infer<typeof ConsumerLagPage>;

export const ConsumerWorker = __t.object('ConsumerWorker', {
  workerKey: __t.string(),
  name: __t.string(),
  holder: __t.string(),
  identity: __t.identity(),
  connection: __t.connectionId(),
  leaseUntil: __t.timestamp(),
  joinedAt: __t.timestamp(),
});
export type ConsumerWorker = __Infer<typeof ConsumerWorker>;

export const ConsumerWorkersResult = __t.object('ConsumerWorkersResult', {
  workers: __t.array(ConsumerWorker),
});
export type ConsumerWorkersResult = __Infer<typeof ConsumerWorkersResult>;

export const Consumer = __t.object('Consumer', {
  name: __t.string(),
  scope: __t.string(),
  pattern: __t.string(),
  partitions: __t.u32(),
  holdsTrim: __t.bool(),
  failurePolicy: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  seq: __t.u64(),
});
export type Consumer = __Infer<typeof Consumer>;

export const ConsumerPartition = __t.object('ConsumerPartition', {
  partitionKey: __t.string(),
  name: __t.string(),
  partition: __t.u32(),
  offset: __t.u64(),
  epoch: __t.u64(),
  holder: __t.string(),
  holderIdentity: __t.identity(),
  holderConnection: __t.connectionId(),
  leaseMicros: __t.i64(),
  leaseUntil: __t.timestamp(),
  updatedAt: __t.timestamp(),
});
export type ConsumerPartition = __Infer<typeof ConsumerPartition>;

export const ConsumerDeadLetter = __t.object('ConsumerDeadLetter', {
  letterKey: __t.string(),
  name: __t.string(),
  partition: __t.u32(),
  eventId: __t.string(),
  seq: __t.u64(),
  reason: __t.string(),
  attempts: __t.u32(),
  parkedAt: __t.timestamp(),
});
export type ConsumerDeadLetter = __Infer<typeof ConsumerDeadLetter>;

export const ConsumersPage = __t.object('ConsumersPage', {
  consumers: __t.array(Consumer),
  partitions: __t.array(ConsumerPartition),
  deadLetters: __t.array(ConsumerDeadLetter),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type ConsumersPage = __Infer<typeof ConsumersPage>;

export const Entity = __t.object('Entity', {
  id: __t.string(),
  entityType: __t.string(),
  name: __t.string(),
  description: __t.string(),
  tags: __t.array(__t.string()),
  properties: __t.string(),
  propertiesEncoding: __t.string(),
  scope: __t.string(),
  author: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  updatedAt: __t.timestamp(),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
  createdSeq: __t.u64(),
  revision: __t.u32(),
});
export type Entity = __Infer<typeof Entity>;

export const EntitiesPage = __t.object('EntitiesPage', {
  entities: __t.array(Entity),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type EntitiesPage = __Infer<typeof EntitiesPage>;

export const PropertyMatch = __t.object('PropertyMatch', {
  key: __t.string(),
  value: __t.string(),
});
export type PropertyMatch = __Infer<typeof PropertyMatch>;

export const EventLog = __t.object('EventLog', {
  eventId: __t.string(),
  seq: __t.u64(),
  eventType: __t.string(),
  typeVersion: __t.u32(),
  kind: __t.string(),
  scope: __t.string(),
  source: __t.string(),
  publisher: __t.identity(),
  partitionKey: __t.string(),
  authoredAt: __t.timestamp(),
  recordedAt: __t.timestamp(),
  data: __t.string(),
  dataEncoding: __t.string(),
  metadata: __t.string(),
  metadataEncoding: __t.string(),
});
export type EventLog = __Infer<typeof EventLog>;

export const RecentEvent = __t.object('RecentEvent', {
  slotKey: __t.string(),
  recentNumber: __t.u64(),
  eventId: __t.string(),
  eventType: __t.string(),
  typeVersion: __t.u32(),
  kind: __t.string(),
  scope: __t.string(),
  source: __t.string(),
  publisher: __t.identity(),
  partitionKey: __t.string(),
  authoredAt: __t.timestamp(),
  recordedAt: __t.timestamp(),
  data: __t.string(),
  dataEncoding: __t.string(),
  metadata: __t.string(),
  metadataEncoding: __t.string(),
});
export type RecentEvent = __Infer<typeof RecentEvent>;

export const EventsPage = __t.object('EventsPage', {
  events: __t.array(EventLog),
  lookedTo: __t.u64(),
  more: __t.bool(),
  seq: __t.u64(),
  trimmedSeq: __t.u64(),
  recent: __t.array(RecentEvent),
  recentNumber: __t.u64(),
});
export type EventsPage = __Infer<typeof EventsPage>;

export const Relation = __t.object('Relation', {
  id: __t.string(),
  relationType: __t.string(),
  fromId: __t.string(),
  toId: __t.string(),
  strength: __t.option(__t.f64()),
  bidirectional: __t.bool(),
  name: __t.string(),
  description: __t.string(),
  tags: __t.array(__t.string()),
  properties: __t.string(),
  propertiesEncoding: __t.string(),
  scope: __t.string(),
  author: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  updatedAt: __t.timestamp(),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
  createdSeq: __t.u64(),
  revision: __t.u32(),
});
export type Relation = __Infer<typeof Relation>;

export const GoneRow = __t.object('GoneRow', {
  id: __t.string(),
  seq: __t.u64(),
});
export type GoneRow = __Infer<typeof GoneRow>;

export const GraphChangesPage = __t.object('GraphChangesPage', {
  entities: __t.array(Entity),
  relations: __t.array(Relation),
  goneEntities: __t.array(GoneRow),
  goneRelations: __t.array(GoneRow),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type GraphChangesPage = __Infer<typeof GraphChangesPage>;

export const EntityHistory = __t.object('EntityHistory', {
  entityId: __t.string(),
  position: __t.u32(),
  operation: __t.string(),
  changedFields: __t.array(__t.string()),
  entityType: __t.string(),
  name: __t.string(),
  description: __t.string(),
  tags: __t.array(__t.string()),
  properties: __t.string(),
  propertiesEncoding: __t.string(),
  scope: __t.string(),
  author: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  updatedAt: __t.timestamp(),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
  revision: __t.u32(),
});
export type EntityHistory = __Infer<typeof EntityHistory>;

export const RelationHistory = __t.object('RelationHistory', {
  relationId: __t.string(),
  position: __t.u32(),
  operation: __t.string(),
  changedFields: __t.array(__t.string()),
  relationType: __t.string(),
  fromId: __t.string(),
  toId: __t.string(),
  strength: __t.option(__t.f64()),
  bidirectional: __t.bool(),
  name: __t.string(),
  description: __t.string(),
  tags: __t.array(__t.string()),
  properties: __t.string(),
  propertiesEncoding: __t.string(),
  scope: __t.string(),
  author: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  updatedAt: __t.timestamp(),
  validFrom: __t.option(__t.timestamp()),
  validTo: __t.option(__t.timestamp()),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
  revision: __t.u32(),
});
export type RelationHistory = __Infer<typeof RelationHistory>;

export const HistoryPage = __t.object('HistoryPage', {
  entities: __t.array(EntityHistory),
  relations: __t.array(RelationHistory),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type HistoryPage = __Infer<typeof HistoryPage>;

export const HistoryBoundResult = __t.object('HistoryBoundResult', {
  keptFromSeq: __t.u64(),
  keptFrom: __t.option(__t.timestamp()),
  done: __t.bool(),
  removed: __t.u64(),
});
export type HistoryBoundResult = __Infer<typeof HistoryBoundResult>;

export const MigrationState = __t.object('MigrationState', {
  to: __t.u32(),
  name: __t.string(),
  description: __t.string(),
  blocks: __t.array(__t.string()),
  cursor: __t.string(),
  processed: __t.u64(),
  done: __t.bool(),
});
export type MigrationState = __Infer<typeof MigrationState>;

export const MigrationsResult = __t.object('MigrationsResult', {
  codeVersion: __t.u32(),
  dataVersion: __t.u32(),
  migrations: __t.array(MigrationState),
});
export type MigrationsResult = __Infer<typeof MigrationsResult>;

export const MomentResult = __t.object('MomentResult', {
  seq: __t.u64(),
});
export type MomentResult = __Infer<typeof MomentResult>;

export const RelationsPage = __t.object('RelationsPage', {
  relations: __t.array(Relation),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type RelationsPage = __Infer<typeof RelationsPage>;

export const Grant = __t.object('Grant', {
  grantKey: __t.string(),
  subject: __t.string(),
  action: __t.string(),
  resource: __t.string(),
  scope: __t.string(),
  grantedBy: __t.identity(),
  grantedAt: __t.timestamp(),
  expiresAt: __t.option(__t.timestamp()),
  seq: __t.u64(),
});
export type Grant = __Infer<typeof Grant>;

export const RoleMember = __t.object('RoleMember', {
  memberKey: __t.string(),
  role: __t.string(),
  member: __t.identity(),
  grantedBy: __t.identity(),
  grantedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type RoleMember = __Infer<typeof RoleMember>;

export const PermissionsPage = __t.object('PermissionsPage', {
  grants: __t.array(Grant),
  members: __t.array(RoleMember),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type PermissionsPage = __Infer<typeof PermissionsPage>;

export const RequestResult = __t.object('RequestResult', {
  applied: __t.bool(),
  seq: __t.u64(),
});
export type RequestResult = __Infer<typeof RequestResult>;

export const ReadableScope = __t.object('ReadableScope', {
  name: __t.string(),
  scopeKey: __t.string(),
  seq: __t.u64(),
  recentNumber: __t.u64(),
});
export type ReadableScope = __Infer<typeof ReadableScope>;

export const ScopesPage = __t.object('ScopesPage', {
  scopes: __t.array(ReadableScope),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type ScopesPage = __Infer<typeof ScopesPage>;

export const ScopesResult = __t.object('ScopesResult', {
  scopes: __t.array(ReadableScope),
  owner: __t.identity(),
  seq: __t.u64(),
});
export type ScopesResult = __Infer<typeof ScopesResult>;

export const StateStep = __t.object('StateStep', {
  versionId: __t.string(),
  parentVersionId: __t.string(),
  dataHash: __t.string(),
  publisher: __t.identity(),
  delta: __t.string(),
  deltaEncoding: __t.string(),
});
export type StateStep = __Infer<typeof StateStep>;

export const StateSnapshotValue = __t.object('StateSnapshotValue', {
  versionId: __t.string(),
  dataHash: __t.string(),
  publisher: __t.identity(),
  state: __t.string(),
  stateEncoding: __t.string(),
});
export type StateSnapshotValue = __Infer<typeof StateSnapshotValue>;

export const StatePage = __t.object('StatePage', {
  store: __t.string(),
  steps: __t.array(StateStep),
  snapshot: __t.option(StateSnapshotValue),
  continueFrom: __t.string(),
  seq: __t.u64(),
});
export type StatePage = __Infer<typeof StatePage>;

export const TableCount = __t.object('TableCount', {
  name: __t.string(),
  rows: __t.u64(),
});
export type TableCount = __Infer<typeof TableCount>;

export const StatusResult = __t.object('StatusResult', {
  events: __t.u64(),
  changes: __t.u64(),
  entities: __t.u64(),
  relations: __t.u64(),
  versions: __t.u64(),
  seq: __t.u64(),
  trimmedSeq: __t.u64(),
  recordedAt: __t.timestamp(),
  owner: __t.identity(),
  codeVersion: __t.u32(),
  dataVersion: __t.u32(),
  release: __t.string(),
  tables: __t.array(TableCount),
});
export type StatusResult = __Infer<typeof StatusResult>;

export const StateStore = __t.object('StateStore', {
  store: __t.string(),
  scope: __t.string(),
  publisher: __t.identity(),
  createdAt: __t.timestamp(),
  seq: __t.u64(),
});
export type StateStore = __Infer<typeof StateStore>;

export const StoresPage = __t.object('StoresPage', {
  stores: __t.array(StateStore),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type StoresPage = __Infer<typeof StoresPage>;

export const Tag = __t.object('Tag', {
  tagKey: __t.string(),
  store: __t.string(),
  name: __t.string(),
  scope: __t.string(),
  versionId: __t.string(),
  description: __t.string(),
  author: __t.string(),
  publisher: __t.identity(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type Tag = __Infer<typeof Tag>;

export const TagsPage = __t.object('TagsPage', {
  tags: __t.array(Tag),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type TagsPage = __Infer<typeof TagsPage>;

export const VersionAtResult = __t.object('VersionAtResult', {
  versionId: __t.option(__t.string()),
  cursor: __t.string(),
  more: __t.bool(),
});
export type VersionAtResult = __Infer<typeof VersionAtResult>;

export const StateVersion = __t.object('StateVersion', {
  versionId: __t.string(),
  store: __t.string(),
  scope: __t.string(),
  parentVersionId: __t.string(),
  parentCount: __t.u32(),
  dataHash: __t.string(),
  chainHash: __t.string(),
  author: __t.string(),
  publisher: __t.identity(),
  authoredAt: __t.timestamp(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
  position: __t.u32(),
  description: __t.string(),
  metadata: __t.string(),
  metadataEncoding: __t.string(),
  depth: __t.u64(),
  generation: __t.u64(),
  nearestSnapshotId: __t.string(),
  deltasSinceSnapshot: __t.u32(),
  bytesSinceSnapshot: __t.u64(),
});
export type StateVersion = __Infer<typeof StateVersion>;

export const VersionEntry = __t.object('VersionEntry', {
  version: StateVersion,
  parents: __t.array(__t.string()),
});
export type VersionEntry = __Infer<typeof VersionEntry>;

export const VersionsPage = __t.object('VersionsPage', {
  versions: __t.array(VersionEntry),
  cursor: __t.string(),
  more: __t.bool(),
  seq: __t.u64(),
});
export type VersionsPage = __Infer<typeof VersionsPage>;

export const Chunk = __t.object('Chunk', {
  chunkKey: __t.string(),
  valueKey: __t.string(),
  digest: __t.string(),
  position: __t.u32(),
  bytes: __t.byteArray(),
  recordedAt: __t.timestamp(),
});
export type Chunk = __Infer<typeof Chunk>;

export const ChunkValue = __t.object('ChunkValue', {
  valueKey: __t.string(),
  scope: __t.string(),
  digest: __t.string(),
  count: __t.u32(),
  received: __t.u32(),
  byteLength: __t.u64(),
  references: __t.u64(),
  publisher: __t.identity(),
  recordedAt: __t.timestamp(),
});
export type ChunkValue = __Infer<typeof ChunkValue>;

export const DeltaRecord = __t.object('DeltaRecord', {
  versionId: __t.string(),
  store: __t.string(),
  scope: __t.string(),
  delta: __t.string(),
  deltaEncoding: __t.string(),
  byteLength: __t.u64(),
  publisher: __t.identity(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type DeltaRecord = __Infer<typeof DeltaRecord>;

export const EntityProperty = __t.object('EntityProperty', {
  propertyKey: __t.string(),
  value: __t.string(),
  ownerId: __t.string(),
  ownerKind: __t.string(),
  ownerType: __t.string(),
  scope: __t.string(),
  seq: __t.u64(),
});
export type EntityProperty = __Infer<typeof EntityProperty>;

export const EntityTag = __t.object('EntityTag', {
  tag: __t.string(),
  ownerId: __t.string(),
  ownerKind: __t.string(),
  scope: __t.string(),
  seq: __t.u64(),
});
export type EntityTag = __Infer<typeof EntityTag>;

export const EventFeed = __t.object('EventFeed', {
  eventId: __t.string(),
  seq: __t.u64(),
  eventType: __t.string(),
  typeVersion: __t.u32(),
  kind: __t.string(),
  scope: __t.string(),
  source: __t.string(),
  publisher: __t.identity(),
  partitionKey: __t.string(),
  authoredAt: __t.timestamp(),
  recordedAt: __t.timestamp(),
  data: __t.string(),
  dataEncoding: __t.string(),
  metadata: __t.string(),
  metadataEncoding: __t.string(),
  durability: __t.string(),
  requestId: __t.string(),
});
export type EventFeed = __Infer<typeof EventFeed>;

export const Head = __t.object('Head', {
  scopeKey: __t.string(),
  seq: __t.u64(),
  recentNumber: __t.u64(),
});
export type Head = __Infer<typeof Head>;

export const HistoryBound = __t.object('HistoryBound', {
  id: __t.u8(),
  keptFromSeq: __t.u64(),
  keptFrom: __t.timestamp(),
  cursor: __t.string(),
  done: __t.bool(),
  removed: __t.u64(),
});
export type HistoryBound = __Infer<typeof HistoryBound>;

export const HistoryGap = __t.object('HistoryGap', {
  gapKey: __t.string(),
  ownerKind: __t.string(),
  ownerType: __t.string(),
  seq: __t.u64(),
  recordedAt: __t.timestamp(),
});
export type HistoryGap = __Infer<typeof HistoryGap>;

export const JobCursor = __t.object('JobCursor', {
  job: __t.string(),
  cursor: __t.string(),
  done: __t.bool(),
  processed: __t.u64(),
  updatedAt: __t.timestamp(),
});
export type JobCursor = __Infer<typeof JobCursor>;

export const LogHead = __t.object('LogHead', {
  id: __t.u8(),
  nextSeq: __t.u64(),
  recordedAt: __t.timestamp(),
  applicationEvents: __t.u64(),
  systemRecords: __t.u64(),
  trimmedSeq: __t.u64(),
  trimmedDigest: __t.string(),
});
export type LogHead = __Infer<typeof LogHead>;

export const RateBucket = __t.object('RateBucket', {
  identity: __t.identity(),
  ops: __t.f64(),
  bytes: __t.f64(),
  updatedAt: __t.timestamp(),
});
export type RateBucket = __Infer<typeof RateBucket>;

export const Request = __t.object('Request', {
  requestId: __t.string(),
  identity: __t.identity(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type Request = __Infer<typeof Request>;

export const SchemaVersion = __t.object('SchemaVersion', {
  id: __t.u8(),
  codeVersion: __t.u32(),
  dataVersion: __t.u32(),
  oldestClient: __t.u32(),
  release: __t.string(),
  updatedAt: __t.timestamp(),
});
export type SchemaVersion = __Infer<typeof SchemaVersion>;

export const Scope = __t.object('Scope', {
  name: __t.string(),
  scopeKey: __t.string(),
  createdAt: __t.timestamp(),
});
export type Scope = __Infer<typeof Scope>;

export const StateSnapshot = __t.object('StateSnapshot', {
  versionId: __t.string(),
  store: __t.string(),
  scope: __t.string(),
  state: __t.string(),
  stateEncoding: __t.string(),
  byteLength: __t.u64(),
  publisher: __t.identity(),
  recordedAt: __t.timestamp(),
  seq: __t.u64(),
});
export type StateSnapshot = __Infer<typeof StateSnapshot>;

export const VersionParent = __t.object('VersionParent', {
  versionId: __t.string(),
  position: __t.u32(),
  parentId: __t.string(),
});
export type VersionParent = __Infer<typeof VersionParent>;

export const Apply = __t.object('Apply', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  consumer: __t.option(ConsumerAdvance),
  ops: __t.array(Op),
});
export type Apply = __Infer<typeof Apply>;

export const ApplyConfiguration = __t.object('ApplyConfiguration', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  settings: __t.array(SetConfigurationOp),
});
export type ApplyConfiguration = __Infer<typeof ApplyConfiguration>;

export const CommitStateVersion = __t.object('CommitStateVersion', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: RecordVersionOp,
});
export type CommitStateVersion = __Infer<typeof CommitStateVersion>;

export const CreateEntity = __t.object('CreateEntity', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: CreateEntityOp,
});
export type CreateEntity = __Infer<typeof CreateEntity>;

export const CreateRelation = __t.object('CreateRelation', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: CreateRelationOp,
});
export type CreateRelation = __Infer<typeof CreateRelation>;

export const CreateTag = __t.object('CreateTag', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: CreateTagOp,
});
export type CreateTag = __Infer<typeof CreateTag>;

export const DeleteEntity = __t.object('DeleteEntity', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: DeleteEntityOp,
});
export type DeleteEntity = __Infer<typeof DeleteEntity>;

export const DeleteRelation = __t.object('DeleteRelation', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: DeleteRelationOp,
});
export type DeleteRelation = __Infer<typeof DeleteRelation>;

export const GrantAccess = __t.object('GrantAccess', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: GrantOp,
});
export type GrantAccess = __Infer<typeof GrantAccess>;

export const Migrate = __t.object('Migrate', {
  to: __t.u32(),
  cursor: __t.string(),
});
export type Migrate = __Infer<typeof Migrate>;

export const MoveBranch = __t.object('MoveBranch', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: MoveBranchOp,
});
export type MoveBranch = __Infer<typeof MoveBranch>;

export const PublishEvent = __t.object('PublishEvent', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: PublishEventOp,
});
export type PublishEvent = __Infer<typeof PublishEvent>;

export const RecordDelta = __t.object('RecordDelta', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: RecordDeltaOp,
});
export type RecordDelta = __Infer<typeof RecordDelta>;

export const RecordSnapshot = __t.object('RecordSnapshot', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: RecordSnapshotOp,
});
export type RecordSnapshot = __Infer<typeof RecordSnapshot>;

export const RevokeAccess = __t.object('RevokeAccess', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: RevokeOp,
});
export type RevokeAccess = __Infer<typeof RevokeAccess>;

export const RunMaintenance = __t.object('RunMaintenance', {
  timer: MaintenanceTimer,
});
export type RunMaintenance = __Infer<typeof RunMaintenance>;

export const TrimEvents = __t.object('TrimEvents', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: TrimEventsOp,
});
export type TrimEvents = __Infer<typeof TrimEvents>;

export const UpdateEntity = __t.object('UpdateEntity', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: UpdateEntityOp,
});
export type UpdateEntity = __Infer<typeof UpdateEntity>;

export const UpdateRelation = __t.object('UpdateRelation', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: UpdateRelationOp,
});
export type UpdateRelation = __Infer<typeof UpdateRelation>;

export const UploadChunk = __t.object('UploadChunk', {
  requestId: __t.string(),
  issuedAt: __t.timestamp(),
  op: UploadChunkOp,
});
export type UploadChunk = __Infer<typeof UploadChunk>;

export const ReadBucket = RateBucket;
export type ReadBucket = RateBucket;

export const RetryDeadLetterOp = DiscardDeadLetterOp;
export type RetryDeadLetterOp = DiscardDeadLetterOp;

const tablesSchema = __schema({
  audit: __table(
    {
      name: 'audit',
      indexes: [
        {
          accessor: 'seq',
          name: 'audit_seq_idx_btree',
          algorithm: 'btree',
          columns: ['seq'],
        },
        {
          accessor: 'subject',
          name: 'audit_subject_idx_btree',
          algorithm: 'btree',
          columns: ['subject'],
        },
        {
          accessor: 'actor',
          name: 'audit_actor_idx_btree',
          algorithm: 'btree',
          columns: ['actor'],
        },
      ],
    },
    __t.row({
      seq: __t.u64(),
      position: __t.u32(),
      action: __t.string(),
      subject: __t.string(),
      resource: __t.string(),
      detail: __t.string(),
      actor: __t.identity(),
      requestId: __t.string().name('request_id'),
      recordedAt: __t.timestamp().name('recorded_at'),
    }),
  ),
  branch: __table(
    {
      name: 'branch',
      indexes: [
        {
          accessor: 'head',
          name: 'branch_head_idx_btree',
          algorithm: 'btree',
          columns: ['head'],
        },
        {
          accessor: 'byStore',
          name: 'branch_store_seq_idx_btree',
          algorithm: 'btree',
          columns: ['store', 'seq'],
        },
        {
          accessor: 'byScope',
          name: 'branch_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
      ],
    },
    __t.row({
      branchKey: __t.string().primaryKey().name('branch_key'),
      store: __t.string(),
      name: __t.string(),
      scope: __t.string(),
      head: __t.string(),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      updatedAt: __t.timestamp().name('updated_at'),
      seq: __t.u64(),
    }),
  ),
  branchMove: __table(
    {
      name: 'branch_move',
      indexes: [
        {
          accessor: 'byBranch',
          name: 'branch_move_branch_key_seq_idx_btree',
          algorithm: 'btree',
          columns: ['branchKey', 'seq'],
        },
        {
          accessor: 'byScope',
          name: 'branch_move_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
      ],
    },
    __t.row({
      branchKey: __t.string().name('branch_key'),
      store: __t.string(),
      name: __t.string(),
      scope: __t.string(),
      fromHead: __t.string().name('from_head'),
      toHead: __t.string().name('to_head'),
      publisher: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
      position: __t.u32(),
    }),
  ),
  chunk: __table(
    {
      name: 'chunk',
      indexes: [
        {
          accessor: 'byValue',
          name: 'chunk_value_key_position_idx_btree',
          algorithm: 'btree',
          columns: ['valueKey', 'position'],
        },
      ],
    },
    __t.row({
      chunkKey: __t.string().primaryKey().name('chunk_key'),
      valueKey: __t.string().name('value_key'),
      digest: __t.string(),
      position: __t.u32(),
      bytes: __t.byteArray(),
      recordedAt: __t.timestamp().name('recorded_at'),
    }),
  ),
  chunkValue: __table(
    {
      name: 'chunk_value',
      indexes: [
        {
          accessor: 'recordedAt',
          name: 'chunk_value_recorded_at_idx_btree',
          algorithm: 'btree',
          columns: ['recordedAt'],
        },
      ],
    },
    __t.row({
      valueKey: __t.string().primaryKey().name('value_key'),
      scope: __t.string(),
      digest: __t.string(),
      count: __t.u32(),
      received: __t.u32(),
      byteLength: __t.u64().name('byte_length'),
      references: __t.u64(),
      publisher: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
    }),
  ),
  clientConnection: __table(
    {
      name: 'client_connection',
      indexes: [
        {
          accessor: 'identity',
          name: 'client_connection_identity_idx_btree',
          algorithm: 'btree',
          columns: ['identity'],
        },
        {
          accessor: 'connectedAt',
          name: 'client_connection_connected_at_idx_btree',
          algorithm: 'btree',
          columns: ['connectedAt'],
        },
      ],
    },
    __t.row({
      connectionId: __t.connectionId().primaryKey().name('connection_id'),
      identity: __t.identity(),
      connectedAt: __t.timestamp().name('connected_at'),
    }),
  ),
  compactedRun: __table(
    {
      name: 'compacted_run',
      indexes: [
        {
          accessor: 'ancestor',
          name: 'compacted_run_ancestor_idx_btree',
          algorithm: 'btree',
          columns: ['ancestor'],
        },
        {
          accessor: 'byStore',
          name: 'compacted_run_store_seq_idx_btree',
          algorithm: 'btree',
          columns: ['store', 'seq'],
        },
      ],
    },
    __t.row({
      runId: __t.string().primaryKey().name('run_id'),
      store: __t.string(),
      scope: __t.string(),
      ancestor: __t.string(),
      chainHash: __t.string().name('chain_hash'),
      versions: __t.u64(),
      headers: __t.string(),
      publisher: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
    }),
  ),
  config: __table(
    {
      name: 'config',
    },
    __t.row({
      key: __t.string().primaryKey(),
      value: __t.string(),
      publisher: __t.identity(),
      updatedAt: __t.timestamp().name('updated_at'),
      seq: __t.u64(),
    }),
  ),
  consumer: __table(
    {
      name: 'consumer',
      indexes: [
        {
          accessor: 'scope',
          name: 'consumer_scope_idx_btree',
          algorithm: 'btree',
          columns: ['scope'],
        },
        {
          accessor: 'seq',
          name: 'consumer_seq_idx_btree',
          algorithm: 'btree',
          columns: ['seq'],
        },
      ],
    },
    __t.row({
      name: __t.string().primaryKey(),
      scope: __t.string(),
      pattern: __t.string(),
      partitions: __t.u32(),
      holdsTrim: __t.bool().name('holds_trim'),
      failurePolicy: __t.string().name('failure_policy'),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      seq: __t.u64(),
    }),
  ),
  consumerDeadLetter: __table(
    {
      name: 'consumer_dead_letter',
      indexes: [
        {
          accessor: 'byName',
          name: 'consumer_dead_letter_name_seq_idx_btree',
          algorithm: 'btree',
          columns: ['name', 'seq'],
        },
      ],
    },
    __t.row({
      letterKey: __t.string().primaryKey().name('letter_key'),
      name: __t.string(),
      partition: __t.u32(),
      eventId: __t.string().name('event_id'),
      seq: __t.u64(),
      reason: __t.string(),
      attempts: __t.u32(),
      parkedAt: __t.timestamp().name('parked_at'),
    }),
  ),
  consumerPartition: __table(
    {
      name: 'consumer_partition',
      indexes: [
        {
          accessor: 'name',
          name: 'consumer_partition_name_idx_btree',
          algorithm: 'btree',
          columns: ['name'],
        },
        {
          accessor: 'holderConnection',
          name: 'consumer_partition_holder_connection_idx_btree',
          algorithm: 'btree',
          columns: ['holderConnection'],
        },
      ],
    },
    __t.row({
      partitionKey: __t.string().primaryKey().name('partition_key'),
      name: __t.string(),
      partition: __t.u32(),
      offset: __t.u64(),
      epoch: __t.u64(),
      holder: __t.string(),
      holderIdentity: __t.identity().name('holder_identity'),
      holderConnection: __t.connectionId().name('holder_connection'),
      leaseMicros: __t.i64().name('lease_micros'),
      leaseUntil: __t.timestamp().name('lease_until'),
      updatedAt: __t.timestamp().name('updated_at'),
    }),
  ),
  consumerWorker: __table(
    {
      name: 'consumer_worker',
      indexes: [
        {
          accessor: 'name',
          name: 'consumer_worker_name_idx_btree',
          algorithm: 'btree',
          columns: ['name'],
        },
        {
          accessor: 'connection',
          name: 'consumer_worker_connection_idx_btree',
          algorithm: 'btree',
          columns: ['connection'],
        },
      ],
    },
    __t.row({
      workerKey: __t.string().primaryKey().name('worker_key'),
      name: __t.string(),
      holder: __t.string(),
      identity: __t.identity(),
      connection: __t.connectionId(),
      leaseUntil: __t.timestamp().name('lease_until'),
      joinedAt: __t.timestamp().name('joined_at'),
    }),
  ),
  deltaRecord: __table(
    {
      name: 'delta_record',
    },
    __t.row({
      versionId: __t.string().primaryKey().name('version_id'),
      store: __t.string(),
      scope: __t.string(),
      delta: __t.string(),
      deltaEncoding: __t.string().name('delta_encoding'),
      byteLength: __t.u64().name('byte_length'),
      publisher: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
    }),
  ),
  entity: __table(
    {
      name: 'entity',
      indexes: [
        {
          accessor: 'byScope',
          name: 'entity_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
        {
          accessor: 'byType',
          name: 'entity_entity_type_seq_idx_btree',
          algorithm: 'btree',
          columns: ['entityType', 'seq'],
        },
        {
          accessor: 'byName',
          name: 'entity_name_seq_idx_btree',
          algorithm: 'btree',
          columns: ['name', 'seq'],
        },
      ],
    },
    __t.row({
      id: __t.string().primaryKey(),
      entityType: __t.string().name('entity_type'),
      name: __t.string(),
      description: __t.string(),
      tags: __t.array(__t.string()),
      properties: __t.string(),
      propertiesEncoding: __t.string().name('properties_encoding'),
      scope: __t.string(),
      author: __t.string(),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      updatedAt: __t.timestamp().name('updated_at'),
      validFrom: __t.option(__t.timestamp()).name('valid_from'),
      validTo: __t.option(__t.timestamp()).name('valid_to'),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
      createdSeq: __t.u64().name('created_seq'),
      revision: __t.u32(),
    }),
  ),
  entityHistory: __table(
    {
      name: 'entity_history',
      indexes: [
        {
          accessor: 'byEntity',
          name: 'entity_history_entity_id_seq_idx_btree',
          algorithm: 'btree',
          columns: ['entityId', 'seq'],
        },
        {
          accessor: 'byScope',
          name: 'entity_history_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
      ],
    },
    __t.row({
      entityId: __t.string().name('entity_id'),
      position: __t.u32(),
      operation: __t.string(),
      changedFields: __t.array(__t.string()).name('changed_fields'),
      entityType: __t.string().name('entity_type'),
      name: __t.string(),
      description: __t.string(),
      tags: __t.array(__t.string()),
      properties: __t.string(),
      propertiesEncoding: __t.string().name('properties_encoding'),
      scope: __t.string(),
      author: __t.string(),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      updatedAt: __t.timestamp().name('updated_at'),
      validFrom: __t.option(__t.timestamp()).name('valid_from'),
      validTo: __t.option(__t.timestamp()).name('valid_to'),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
      revision: __t.u32(),
    }),
  ),
  entityProperty: __table(
    {
      name: 'entity_property',
      indexes: [
        {
          accessor: 'byValue',
          name: 'entity_property_property_key_value_seq_idx_btree',
          algorithm: 'btree',
          columns: ['propertyKey', 'value', 'seq'],
        },
        {
          accessor: 'byOwner',
          name: 'entity_property_owner_id_owner_kind_idx_btree',
          algorithm: 'btree',
          columns: ['ownerId', 'ownerKind'],
        },
      ],
    },
    __t.row({
      propertyKey: __t.string().name('property_key'),
      value: __t.string(),
      ownerId: __t.string().name('owner_id'),
      ownerKind: __t.string().name('owner_kind'),
      ownerType: __t.string().name('owner_type'),
      scope: __t.string(),
      seq: __t.u64(),
    }),
  ),
  entityTag: __table(
    {
      name: 'entity_tag',
      indexes: [
        {
          accessor: 'byTag',
          name: 'entity_tag_tag_seq_idx_btree',
          algorithm: 'btree',
          columns: ['tag', 'seq'],
        },
        {
          accessor: 'byOwner',
          name: 'entity_tag_owner_id_owner_kind_idx_btree',
          algorithm: 'btree',
          columns: ['ownerId', 'ownerKind'],
        },
      ],
    },
    __t.row({
      tag: __t.string(),
      ownerId: __t.string().name('owner_id'),
      ownerKind: __t.string().name('owner_kind'),
      scope: __t.string(),
      seq: __t.u64(),
    }),
  ),
  eventFeed: __table(
    {
      name: 'event_feed',
      event: true,
    },
    __t.row({
      eventId: __t.string().name('event_id'),
      seq: __t.u64(),
      eventType: __t.string().name('event_type'),
      typeVersion: __t.u32().name('type_version'),
      kind: __t.string(),
      scope: __t.string(),
      source: __t.string(),
      publisher: __t.identity(),
      partitionKey: __t.string().name('partition_key'),
      authoredAt: __t.timestamp().name('authored_at'),
      recordedAt: __t.timestamp().name('recorded_at'),
      data: __t.string(),
      dataEncoding: __t.string().name('data_encoding'),
      metadata: __t.string(),
      metadataEncoding: __t.string().name('metadata_encoding'),
      durability: __t.string(),
      requestId: __t.string().name('request_id'),
    }),
  ),
  eventLog: __table(
    {
      name: 'event_log',
      indexes: [
        {
          accessor: 'seq',
          name: 'event_log_seq_idx_btree',
          algorithm: 'btree',
          columns: ['seq'],
        },
        {
          accessor: 'byScope',
          name: 'event_log_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
        {
          accessor: 'byType',
          name: 'event_log_event_type_seq_idx_btree',
          algorithm: 'btree',
          columns: ['eventType', 'seq'],
        },
        {
          accessor: 'bySource',
          name: 'event_log_source_seq_idx_btree',
          algorithm: 'btree',
          columns: ['source', 'seq'],
        },
      ],
    },
    __t.row({
      eventId: __t.string().primaryKey().name('event_id'),
      seq: __t.u64(),
      eventType: __t.string().name('event_type'),
      typeVersion: __t.u32().name('type_version'),
      kind: __t.string(),
      scope: __t.string(),
      source: __t.string(),
      publisher: __t.identity(),
      partitionKey: __t.string().name('partition_key'),
      authoredAt: __t.timestamp().name('authored_at'),
      recordedAt: __t.timestamp().name('recorded_at'),
      data: __t.string(),
      dataEncoding: __t.string().name('data_encoding'),
      metadata: __t.string(),
      metadataEncoding: __t.string().name('metadata_encoding'),
    }),
  ),
  grant: __table(
    {
      name: 'grant',
      indexes: [
        {
          accessor: 'subject',
          name: 'grant_subject_idx_btree',
          algorithm: 'btree',
          columns: ['subject'],
        },
        {
          accessor: 'resource',
          name: 'grant_resource_idx_btree',
          algorithm: 'btree',
          columns: ['resource'],
        },
        {
          accessor: 'seq',
          name: 'grant_seq_idx_btree',
          algorithm: 'btree',
          columns: ['seq'],
        },
      ],
    },
    __t.row({
      grantKey: __t.string().primaryKey().name('grant_key'),
      subject: __t.string(),
      action: __t.string(),
      resource: __t.string(),
      scope: __t.string(),
      grantedBy: __t.identity().name('granted_by'),
      grantedAt: __t.timestamp().name('granted_at'),
      expiresAt: __t.option(__t.timestamp()).name('expires_at'),
      seq: __t.u64(),
    }),
  ),
  head: __table(
    {
      name: 'head',
    },
    __t.row({
      scopeKey: __t.string().primaryKey().name('scope_key'),
      seq: __t.u64(),
      recentNumber: __t.u64().name('recent_number'),
    }),
  ),
  historyBound: __table(
    {
      name: 'history_bound',
    },
    __t.row({
      id: __t.u8().primaryKey(),
      keptFromSeq: __t.u64().name('kept_from_seq'),
      keptFrom: __t.timestamp().name('kept_from'),
      cursor: __t.string(),
      done: __t.bool(),
      removed: __t.u64(),
    }),
  ),
  historyGap: __table(
    {
      name: 'history_gap',
    },
    __t.row({
      gapKey: __t.string().primaryKey().name('gap_key'),
      ownerKind: __t.string().name('owner_kind'),
      ownerType: __t.string().name('owner_type'),
      seq: __t.u64(),
      recordedAt: __t.timestamp().name('recorded_at'),
    }),
  ),
  jobCursor: __table(
    {
      name: 'job_cursor',
    },
    __t.row({
      job: __t.string().primaryKey(),
      cursor: __t.string(),
      done: __t.bool(),
      processed: __t.u64(),
      updatedAt: __t.timestamp().name('updated_at'),
    }),
  ),
  logHead: __table(
    {
      name: 'log_head',
    },
    __t.row({
      id: __t.u8().primaryKey(),
      nextSeq: __t.u64().name('next_seq'),
      recordedAt: __t.timestamp().name('recorded_at'),
      applicationEvents: __t.u64().name('application_events'),
      systemRecords: __t.u64().name('system_records'),
      trimmedSeq: __t.u64().name('trimmed_seq'),
      trimmedDigest: __t.string().name('trimmed_digest'),
    }),
  ),
  maintenanceTimer: __table(
    {
      name: 'maintenance_timer',
    },
    __t.row({
      scheduledId: __t.u64().primaryKey().name('scheduled_id'),
      scheduledAt: __t.scheduleAt().name('scheduled_at'),
    }),
  ),
  rateBucket: __table(
    {
      name: 'rate_bucket',
      indexes: [
        {
          accessor: 'updatedAt',
          name: 'rate_bucket_updated_at_idx_btree',
          algorithm: 'btree',
          columns: ['updatedAt'],
        },
      ],
    },
    __t.row({
      identity: __t.identity().primaryKey(),
      ops: __t.f64(),
      bytes: __t.f64(),
      updatedAt: __t.timestamp().name('updated_at'),
    }),
  ),
  readBucket: __table(
    {
      name: 'read_bucket',
      indexes: [
        {
          accessor: 'updatedAt',
          name: 'read_bucket_updated_at_idx_btree',
          algorithm: 'btree',
          columns: ['updatedAt'],
        },
      ],
    },
    __t.row({
      identity: __t.identity().primaryKey(),
      ops: __t.f64(),
      bytes: __t.f64(),
      updatedAt: __t.timestamp().name('updated_at'),
    }),
  ),
  recentEvent: __table(
    {
      name: 'recent_event',
      indexes: [
        {
          accessor: 'eventId',
          name: 'recent_event_event_id_idx_btree',
          algorithm: 'btree',
          columns: ['eventId'],
        },
        {
          accessor: 'byScope',
          name: 'recent_event_scope_recent_number_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'recentNumber'],
        },
      ],
    },
    __t.row({
      slotKey: __t.string().primaryKey().name('slot_key'),
      recentNumber: __t.u64().name('recent_number'),
      eventId: __t.string().name('event_id'),
      eventType: __t.string().name('event_type'),
      typeVersion: __t.u32().name('type_version'),
      kind: __t.string(),
      scope: __t.string(),
      source: __t.string(),
      publisher: __t.identity(),
      partitionKey: __t.string().name('partition_key'),
      authoredAt: __t.timestamp().name('authored_at'),
      recordedAt: __t.timestamp().name('recorded_at'),
      data: __t.string(),
      dataEncoding: __t.string().name('data_encoding'),
      metadata: __t.string(),
      metadataEncoding: __t.string().name('metadata_encoding'),
    }),
  ),
  relation: __table(
    {
      name: 'relation',
      indexes: [
        {
          accessor: 'byScope',
          name: 'relation_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
        {
          accessor: 'byType',
          name: 'relation_relation_type_seq_idx_btree',
          algorithm: 'btree',
          columns: ['relationType', 'seq'],
        },
        {
          accessor: 'byName',
          name: 'relation_name_seq_idx_btree',
          algorithm: 'btree',
          columns: ['name', 'seq'],
        },
        {
          accessor: 'byFrom',
          name: 'relation_from_id_seq_idx_btree',
          algorithm: 'btree',
          columns: ['fromId', 'seq'],
        },
        {
          accessor: 'byTo',
          name: 'relation_to_id_seq_idx_btree',
          algorithm: 'btree',
          columns: ['toId', 'seq'],
        },
      ],
    },
    __t.row({
      id: __t.string().primaryKey(),
      relationType: __t.string().name('relation_type'),
      fromId: __t.string().name('from_id'),
      toId: __t.string().name('to_id'),
      strength: __t.option(__t.f64()),
      bidirectional: __t.bool(),
      name: __t.string(),
      description: __t.string(),
      tags: __t.array(__t.string()),
      properties: __t.string(),
      propertiesEncoding: __t.string().name('properties_encoding'),
      scope: __t.string(),
      author: __t.string(),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      updatedAt: __t.timestamp().name('updated_at'),
      validFrom: __t.option(__t.timestamp()).name('valid_from'),
      validTo: __t.option(__t.timestamp()).name('valid_to'),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
      createdSeq: __t.u64().name('created_seq'),
      revision: __t.u32(),
    }),
  ),
  relationHistory: __table(
    {
      name: 'relation_history',
      indexes: [
        {
          accessor: 'byRelation',
          name: 'relation_history_relation_id_seq_idx_btree',
          algorithm: 'btree',
          columns: ['relationId', 'seq'],
        },
        {
          accessor: 'byScope',
          name: 'relation_history_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
        {
          accessor: 'byFrom',
          name: 'relation_history_from_id_seq_idx_btree',
          algorithm: 'btree',
          columns: ['fromId', 'seq'],
        },
        {
          accessor: 'byTo',
          name: 'relation_history_to_id_seq_idx_btree',
          algorithm: 'btree',
          columns: ['toId', 'seq'],
        },
      ],
    },
    __t.row({
      relationId: __t.string().name('relation_id'),
      position: __t.u32(),
      operation: __t.string(),
      changedFields: __t.array(__t.string()).name('changed_fields'),
      relationType: __t.string().name('relation_type'),
      fromId: __t.string().name('from_id'),
      toId: __t.string().name('to_id'),
      strength: __t.option(__t.f64()),
      bidirectional: __t.bool(),
      name: __t.string(),
      description: __t.string(),
      tags: __t.array(__t.string()),
      properties: __t.string(),
      propertiesEncoding: __t.string().name('properties_encoding'),
      scope: __t.string(),
      author: __t.string(),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      updatedAt: __t.timestamp().name('updated_at'),
      validFrom: __t.option(__t.timestamp()).name('valid_from'),
      validTo: __t.option(__t.timestamp()).name('valid_to'),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
      revision: __t.u32(),
    }),
  ),
  request: __table(
    {
      name: 'request',
      indexes: [
        {
          accessor: 'recordedAt',
          name: 'request_recorded_at_idx_btree',
          algorithm: 'btree',
          columns: ['recordedAt'],
        },
      ],
    },
    __t.row({
      requestId: __t.string().primaryKey().name('request_id'),
      identity: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
    }),
  ),
  roleMember: __table(
    {
      name: 'role_member',
      indexes: [
        {
          accessor: 'role',
          name: 'role_member_role_idx_btree',
          algorithm: 'btree',
          columns: ['role'],
        },
        {
          accessor: 'member',
          name: 'role_member_member_idx_btree',
          algorithm: 'btree',
          columns: ['member'],
        },
        {
          accessor: 'seq',
          name: 'role_member_seq_idx_btree',
          algorithm: 'btree',
          columns: ['seq'],
        },
      ],
    },
    __t.row({
      memberKey: __t.string().primaryKey().name('member_key'),
      role: __t.string(),
      member: __t.identity(),
      grantedBy: __t.identity().name('granted_by'),
      grantedAt: __t.timestamp().name('granted_at'),
      seq: __t.u64(),
    }),
  ),
  schemaVersion: __table(
    {
      name: 'schema_version',
    },
    __t.row({
      id: __t.u8().primaryKey(),
      codeVersion: __t.u32().name('code_version'),
      dataVersion: __t.u32().name('data_version'),
      oldestClient: __t.u32().name('oldest_client'),
      release: __t.string(),
      updatedAt: __t.timestamp().name('updated_at'),
    }),
  ),
  scope: __table(
    {
      name: 'scope',
    },
    __t.row({
      name: __t.string().primaryKey(),
      scopeKey: __t.string().unique().name('scope_key'),
      createdAt: __t.timestamp().name('created_at'),
    }),
  ),
  stateSnapshot: __table(
    {
      name: 'state_snapshot',
      indexes: [
        {
          accessor: 'byStore',
          name: 'state_snapshot_store_seq_idx_btree',
          algorithm: 'btree',
          columns: ['store', 'seq'],
        },
      ],
    },
    __t.row({
      versionId: __t.string().primaryKey().name('version_id'),
      store: __t.string(),
      scope: __t.string(),
      state: __t.string(),
      stateEncoding: __t.string().name('state_encoding'),
      byteLength: __t.u64().name('byte_length'),
      publisher: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
    }),
  ),
  stateStore: __table(
    {
      name: 'state_store',
      indexes: [
        {
          accessor: 'byScope',
          name: 'state_store_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
      ],
    },
    __t.row({
      store: __t.string().primaryKey(),
      scope: __t.string(),
      publisher: __t.identity(),
      createdAt: __t.timestamp().name('created_at'),
      seq: __t.u64(),
    }),
  ),
  stateVersion: __table(
    {
      name: 'state_version',
      indexes: [
        {
          accessor: 'byStore',
          name: 'state_version_store_seq_idx_btree',
          algorithm: 'btree',
          columns: ['store', 'seq'],
        },
        {
          accessor: 'byScope',
          name: 'state_version_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
      ],
    },
    __t.row({
      versionId: __t.string().primaryKey().name('version_id'),
      store: __t.string(),
      scope: __t.string(),
      parentVersionId: __t.string().name('parent_version_id'),
      parentCount: __t.u32().name('parent_count'),
      dataHash: __t.string().name('data_hash'),
      chainHash: __t.string().name('chain_hash'),
      author: __t.string(),
      publisher: __t.identity(),
      authoredAt: __t.timestamp().name('authored_at'),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
      position: __t.u32(),
      description: __t.string(),
      metadata: __t.string(),
      metadataEncoding: __t.string().name('metadata_encoding'),
      depth: __t.u64(),
      generation: __t.u64(),
      nearestSnapshotId: __t.string().name('nearest_snapshot_id'),
      deltasSinceSnapshot: __t.u32().name('deltas_since_snapshot'),
      bytesSinceSnapshot: __t.u64().name('bytes_since_snapshot'),
    }),
  ),
  tag: __table(
    {
      name: 'tag',
      indexes: [
        {
          accessor: 'versionId',
          name: 'tag_version_id_idx_btree',
          algorithm: 'btree',
          columns: ['versionId'],
        },
        {
          accessor: 'byStore',
          name: 'tag_store_seq_idx_btree',
          algorithm: 'btree',
          columns: ['store', 'seq'],
        },
        {
          accessor: 'byScope',
          name: 'tag_scope_seq_idx_btree',
          algorithm: 'btree',
          columns: ['scope', 'seq'],
        },
      ],
    },
    __t.row({
      tagKey: __t.string().primaryKey().name('tag_key'),
      store: __t.string(),
      name: __t.string(),
      scope: __t.string(),
      versionId: __t.string().name('version_id'),
      description: __t.string(),
      author: __t.string(),
      publisher: __t.identity(),
      recordedAt: __t.timestamp().name('recorded_at'),
      seq: __t.u64(),
    }),
  ),
  versionParent: __table(
    {
      name: 'version_parent',
      indexes: [
        {
          accessor: 'parentId',
          name: 'version_parent_parent_id_idx_btree',
          algorithm: 'btree',
          columns: ['parentId'],
        },
        {
          accessor: 'byVersion',
          name: 'version_parent_version_id_position_idx_btree',
          algorithm: 'btree',
          columns: ['versionId', 'position'],
        },
      ],
    },
    __t.row({
      versionId: __t.string().name('version_id'),
      position: __t.u32(),
      parentId: __t.string().name('parent_id'),
    }),
  ),
});

const reducersSchema = __reducers(
  __reducerSchema('apply', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    consumer: __t.option(ConsumerAdvance),
    ops: __t.array(Op),
  }),
  __reducerSchema('apply_configuration', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    settings: __t.array(SetConfigurationOp),
  }),
  __reducerSchema('commit_state_version', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: RecordVersionOp,
  }),
  __reducerSchema('create_entity', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: CreateEntityOp,
  }),
  __reducerSchema('create_relation', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: CreateRelationOp,
  }),
  __reducerSchema('create_tag', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: CreateTagOp,
  }),
  __reducerSchema('delete_entity', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: DeleteEntityOp,
  }),
  __reducerSchema('delete_relation', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: DeleteRelationOp,
  }),
  __reducerSchema('grant_access', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: GrantOp,
  }),
  __reducerSchema('migrate', {
    to: __t.u32(),
    cursor: __t.string(),
  }),
  __reducerSchema('move_branch', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: MoveBranchOp,
  }),
  __reducerSchema('publish_event', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: PublishEventOp,
  }),
  __reducerSchema('record_delta', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: RecordDeltaOp,
  }),
  __reducerSchema('record_snapshot', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: RecordSnapshotOp,
  }),
  __reducerSchema('revoke_access', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: RevokeOp,
  }),
  __reducerSchema('run_maintenance', {
    timer: MaintenanceTimer,
  }),
  __reducerSchema('trim_events', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: TrimEventsOp,
  }),
  __reducerSchema('update_entity', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: UpdateEntityOp,
  }),
  __reducerSchema('update_relation', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: UpdateRelationOp,
  }),
  __reducerSchema('upload_chunk', {
    requestId: __t.string(),
    issuedAt: __t.timestamp(),
    op: UploadChunkOp,
  }),
);

const proceduresSchema = __procedures(
  __procedureSchema(
    'read_audit',
    {
      cursor: __t.string(),
      limit: __t.u32(),
    },
    AuditPage,
  ),
  __procedureSchema(
    'read_branch_moves',
    {
      store: __t.string(),
      branch: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    BranchMovesPage,
  ),
  __procedureSchema(
    'read_branches',
    {
      scope: __t.string(),
      store: __t.string(),
      name: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    BranchesPage,
  ),
  __procedureSchema(
    'read_chunk',
    {
      scope: __t.string(),
      digest: __t.string(),
      position: __t.u32(),
    },
    ChunkResult,
  ),
  __procedureSchema(
    'read_compacted_runs',
    {
      store: __t.string(),
      ids: __t.array(__t.string()),
      headers: __t.bool(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    CompactedRunsPage,
  ),
  __procedureSchema('read_configuration', {}, ConfigurationResult),
  __procedureSchema('read_connections', {}, ConnectionsResult),
  __procedureSchema(
    'read_consumer_lag',
    {
      name: __t.string(),
      kind: __t.string(),
      afterSeqs: __t.array(__t.u64()),
      lookAfter: __t.u64(),
      throughSeq: __t.u64(),
    },
    ConsumerLagPage,
  ),
  __procedureSchema(
    'read_consumer_workers',
    {
      name: __t.string(),
    },
    ConsumerWorkersResult,
  ),
  __procedureSchema(
    'read_consumers',
    {
      name: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    ConsumersPage,
  ),
  __procedureSchema(
    'read_entities',
    {
      ids: __t.array(__t.string()),
      scope: __t.string(),
      entityType: __t.string(),
      name: __t.string(),
      tag: __t.string(),
      property: __t.option(PropertyMatch),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    EntitiesPage,
  ),
  __procedureSchema(
    'read_entities_at',
    {
      seq: __t.u64(),
      ids: __t.array(__t.string()),
      scope: __t.string(),
      entityType: __t.string(),
      name: __t.string(),
      tag: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    EntitiesPage,
  ),
  __procedureSchema(
    'read_events',
    {
      ids: __t.array(__t.string()),
      scope: __t.string(),
      pattern: __t.string(),
      kind: __t.string(),
      source: __t.string(),
      afterSeq: __t.u64(),
      throughSeq: __t.u64(),
      recordedFrom: __t.option(__t.timestamp()),
      recordedUntil: __t.option(__t.timestamp()),
      descending: __t.bool(),
      limit: __t.u32(),
      recentAfter: __t.option(__t.u64()),
    },
    EventsPage,
  ),
  __procedureSchema(
    'read_graph_changes',
    {
      afterSeq: __t.u64(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    GraphChangesPage,
  ),
  __procedureSchema(
    'read_history',
    {
      of: __t.string(),
      id: __t.string(),
      scope: __t.string(),
      throughSeq: __t.u64(),
      recordedUntil: __t.option(__t.timestamp()),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    HistoryPage,
  ),
  __procedureSchema('read_history_bound', {}, HistoryBoundResult),
  __procedureSchema('read_migrations', {}, MigrationsResult),
  __procedureSchema(
    'read_moment',
    {
      time: __t.timestamp(),
    },
    MomentResult,
  ),
  __procedureSchema(
    'read_neighborhood',
    {
      ids: __t.array(__t.string()),
      direction: __t.string(),
      relationTypes: __t.array(__t.string()),
      seq: __t.u64(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    RelationsPage,
  ),
  __procedureSchema(
    'read_permissions',
    {
      subject: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    PermissionsPage,
  ),
  __procedureSchema(
    'read_relations',
    {
      ids: __t.array(__t.string()),
      scope: __t.string(),
      relationType: __t.string(),
      name: __t.string(),
      fromId: __t.string(),
      toId: __t.string(),
      endId: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    RelationsPage,
  ),
  __procedureSchema(
    'read_relations_at',
    {
      seq: __t.u64(),
      ids: __t.array(__t.string()),
      scope: __t.string(),
      relationType: __t.string(),
      name: __t.string(),
      fromId: __t.string(),
      toId: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    RelationsPage,
  ),
  __procedureSchema(
    'read_request',
    {
      requestId: __t.string(),
    },
    RequestResult,
  ),
  __procedureSchema(
    'read_scope_page',
    {
      cursor: __t.string(),
      limit: __t.u32(),
    },
    ScopesPage,
  ),
  __procedureSchema('read_scopes', {}, ScopesResult),
  __procedureSchema(
    'read_state',
    {
      versionId: __t.string(),
      limit: __t.u32(),
    },
    StatePage,
  ),
  __procedureSchema('read_status', {}, StatusResult),
  __procedureSchema(
    'read_stores',
    {
      scope: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    StoresPage,
  ),
  __procedureSchema(
    'read_tags',
    {
      scope: __t.string(),
      store: __t.string(),
      name: __t.string(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    TagsPage,
  ),
  __procedureSchema(
    'read_version_at',
    {
      store: __t.string(),
      branch: __t.string(),
      time: __t.timestamp(),
      by: __t.string(),
      cursor: __t.string(),
    },
    VersionAtResult,
  ),
  __procedureSchema(
    'read_versions',
    {
      ids: __t.array(__t.string()),
      scope: __t.string(),
      store: __t.string(),
      branch: __t.string(),
      line: __t.string(),
      descending: __t.bool(),
      cursor: __t.string(),
      limit: __t.u32(),
    },
    VersionsPage,
  ),
);

export const REMOTE_MODULE = {
  versionInfo: {
    cliVersion: '2.10.1' as const,
  },
  tables: tablesSchema.schemaType.tables,
  reducers: reducersSchema.reducersType.reducers,
  ...proceduresSchema,
} satisfies __RemoteModule<typeof tablesSchema.schemaType, typeof reducersSchema.reducersType, typeof proceduresSchema>;

/** The tables and views; each doubles as a query builder for subscriptions. */
export const tables: __QueryBuilder<typeof tablesSchema.schemaType> = __makeQueryBuilder(tablesSchema.schemaType);

/** The reducers that a client may call. */
export const reducers = __convertToAccessorMap(reducersSchema.reducersType.reducers);

/** The procedures that a client may call. */
export const procedures = __convertToAccessorMap(proceduresSchema.procedures);

export type EventContext = __EventContextInterface<typeof REMOTE_MODULE>;
export type ReducerEventContext = __ReducerEventContextInterface<typeof REMOTE_MODULE>;
export type SubscriptionEventContext = __SubscriptionEventContextInterface<typeof REMOTE_MODULE>;
export type ErrorContext = __ErrorContextInterface<typeof REMOTE_MODULE>;
export type SubscriptionHandle = __SubscriptionHandleImpl<typeof REMOTE_MODULE>;

/** Configures a subscription. */
export class SubscriptionBuilder extends __SubscriptionBuilderImpl<typeof REMOTE_MODULE> {}

/** Configures a connection. */
export class DbConnectionBuilder extends __DbConnectionBuilder<DbConnection> {}

/** A connection to a database that runs this module. */
export class DbConnection extends __DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder => {
    return new DbConnectionBuilder(
      REMOTE_MODULE,
      (config: __DbConnectionConfig<typeof REMOTE_MODULE>) => new DbConnection(config),
    );
  };

  override subscriptionBuilder = (): SubscriptionBuilder => {
    return new SubscriptionBuilder(this);
  };
}
