export { openUniverse } from './open-universe.ts';
export type { Universe } from './universe.ts';
export {
  InnerUniverseConfig,
  type DiskOptions,
  type MemoryOptions,
  type Placement,
  type ServerOptions,
  type ServerTls,
  type UniverseOptions,
} from './controller/config.ts';
export type { Environment } from './controller/config-environment.ts';
export { readStorageKey, type StorageKey } from './controller/storage-key.ts';
export {
  InnerUniverseController,
  type ControllerState,
  type ControllerStatus,
  type StopOptions,
} from './controller/controller.ts';
export type {
  DeploymentEvent,
  DeploymentOptions,
  DeploymentPermission,
  DeploymentReport,
  DeploymentStep,
  MigrationRun,
} from './controller/deployment/deployment.ts';
export type { VerifiedDeployment } from './controller/deployment/verify-deployment.ts';
export {
  DatabaseApi,
  type DatabaseFacts,
  type Published,
  type PublishPermission,
  type PublishPreview,
} from './management/database-api.ts';
export { issueIdentity, type IssuedIdentity } from './management/identity-api.ts';
export { HttpClient, type HttpAnswer, type HttpClientOptions, type HttpRequest } from './management/http-client.ts';
export type { CacheOptions, ClientCacheStats } from './cache/cache-options.ts';
export type { CacheBounds, CacheStats } from './cache/read-cache.ts';
export type { PoolOptions } from './pool/read-pool.ts';
export { InnerUniverseClient, type ChangeListener, type ChangeType } from './client/inner-universe-client.ts';
export type {
  AccessGrant,
  Grant,
  GrantTarget,
  Permissions,
  PermissionsQuery,
  RoleMember,
  RoleMembership,
} from './client/permissions.ts';
export type { ApplyOptions, ModuleClient } from './client/client.ts';
export type { LiveListener } from './client/change-feed.ts';
export type { LiveEvent, ReadPage } from './client/change-source.ts';
export type { RowFollowing } from './client/row-followers.ts';
export { findModule } from './controller/module-bundle.ts';
export { opByteLength } from './client/op-size.ts';
export { makeStoredText, type StoredText } from './client/value-text.ts';
export {
  ALL_ENTITIES,
  ALL_EVENTS,
  ALL_REFERENCES,
  ALL_RELATIONS,
  ALL_VERSIONS,
  pages,
  type ReadName,
  type Reads,
} from './client/reads.ts';
export type { CallOptions, Connection, Connector } from './connection/connection.ts';
export type { BreakerOptions, BreakerState, BreakerStatus } from './connection/circuit-breaker.ts';
export type { LinkState, LinkStatus } from './connection/link-status.ts';
export type { TokenProvider, TokenSource } from './connection/token-source.ts';
export type { Watchable } from './connection/watched.ts';
export type { BatchingOptions, WriteOptions } from './client/request-queue.ts';
export { IndexedDbOutbox, type IndexedDbOutboxOptions } from './offline/indexed-db-outbox.ts';
export type { LocalCopies } from './offline/local-copies.ts';
export { MemoryOutbox } from './offline/memory-outbox.ts';
export type { OutboxOptions } from './offline/outbox-options.ts';
export type { Outbox, OutboxOwner, OutboxRecords, OutboxSigns, RecordChange } from './offline/outbox.ts';
export type { Work, WorkItem, WorkOutcome, WorkReason, WorkState, WorkSummary } from './offline/work.ts';
export type { ArchivedLog } from './consumers/archived-log.ts';
export type { ConsumerRetry } from './consumers/backoff.ts';
export type { Consumer, RunOptions } from './consumers/consumer.ts';
export type { ConsumerStatus, PartitionStatus } from './consumers/consumer-status.ts';
export type { ConsumerTransaction } from './consumers/consumer-transaction.ts';
export type { Consumers } from './consumers/consumers.ts';
export type { DeadLetter, DeadLetters } from './consumers/dead-letters.ts';
export type {
  ConsumerDefinition,
  ConsumerOptions,
  ConsumerPosition,
  ConsumerSettings,
  FailurePolicy,
  WorkerOptions,
} from './consumers/definition.ts';
export type { ConsumerDelivery } from './consumers/delivery.ts';
export type { EffectPublishOptions } from './consumers/event-effects.ts';
export type { ConsumerHandler } from './consumers/event-handling.ts';
export type { OnTrimmed } from './consumers/log-pass.ts';
export { partitionOf } from '@inner-universe/module/wire';
export type { EffectCommitOptions } from './consumers/state-effects.ts';
export { EncryptionError } from './encryption/encryption-error.ts';
export type { EncryptionOptions, EventField, GraphField, StateField } from './encryption/encryption.ts';
export type { FieldPolicy, FieldPolicyMap, Fields } from './encryption/field-policies.ts';
export { FileKeyStore } from './encryption/file-key-store.ts';
export { openKeyRing, type KeyRing, type KeyRingOptions, type KeyStatus } from './encryption/key-ring.ts';
export { MemoryKeyStore, type KeyStore, type StoredKey, type StoredKeys } from './encryption/key-store.ts';
export {
  makeKeyWrapper,
  makeRandomKey,
  type KeyEncryptionKeys,
  type KeyWrapper,
  type WrappedKey,
} from './encryption/key-wrapper.ts';
export { ConnectionError, NervPersistenceError, RefusedError, type PersistenceErrorCode } from './errors.ts';
export {
  SpacetimeEventBus,
  type LogPublishOptions,
  type SpacetimeEventBusOptions,
} from './events/spacetime-event-bus.ts';
export type { EventOptions, EventRules, KeyedEvent } from './events/event-options.ts';
export type { LogQuery } from './events/event-log-reader.ts';
export {
  defineUpcasters,
  type EventUpcasting,
  toCurrentEvent,
  type UpcastEvent,
  type Upcaster,
  type Upcasters,
  type UpcasterSteps,
} from './events/upcasting.ts';
export type { ArchiveFiles } from './archive/archive-files.ts';
export {
  type ArchiveOptions,
  type ArchiveProgress,
  type ArchiveResult,
  archiveEvents,
} from './archive/archive-events.ts';
export { ArchiveSchedule, type ArchiveScheduleOptions } from './archive/archive-schedule.ts';
export {
  type ArchiveContents,
  type ArchiveQuery,
  type ArchiveSpan,
  type EventArchive,
  openArchive,
  type OpenArchiveOptions,
} from './archive/event-archive.ts';
export { NodeArchiveFiles } from './archive/node-archive-files.ts';
export { readRetention, type RetentionLimits } from './archive/retention.ts';
export type { GraphOptions } from './graph/graph-options.ts';
export type { GraphPart } from './graph/graph-part.ts';
export type { LoadingQuery } from './graph/graph-subscriptions.ts';
export type { HistoryBound, PruneHistoryOptions } from './graph/history-bound.ts';
export type { PastGraph } from './graph/paged-graph.ts';
export type { HistoryOptions } from './graph/past-calls.ts';
export type { ScopedGraphBatch } from './graph/scoped-batch.ts';
export { SpacetimeEntityGraph, type SpacetimeEntityGraphOptions } from './graph/spacetime-entity-graph.ts';
export type { GraphCreateOptions, GraphWriteOptions } from './graph/write-options.ts';
export { addDefaults, addStateDefaults } from './migrations/defaults.ts';
export {
  defineMigrations,
  type DataMigration,
  type DataMigrations,
  type EntityMigrator,
  type RelationMigrator,
  type StateMigration,
  type StateMigrator,
} from './migrations/define-migrations.ts';
export type { ChangeSample, DataMigrationPlan, PartPlan, PlanOptions } from './migrations/migration-plan.ts';
export type { MigrationPart } from './migrations/migration-record.ts';
export type {
  DataMigrationReport,
  DataMigrationStatus,
  MigrateDataOptions,
  UniverseMigrations,
} from './migrations/universe-migrations.ts';
export {
  applyMigrations,
  migrationStatus,
  planMigrations,
  type ApplyMigrationsOptions,
  type SchemaMigration,
  type SchemaMigrationReport,
  type SchemaProgress,
  type SchemaStatus,
} from './migrations/schema-migrations.ts';
export { CHANNELS, type ChannelMessage, type ChannelName } from './observability/diagnostics-channels.ts';
export { makeJsonLogger, type Logger, type LogRecord, type LogSink } from './observability/logger.ts';
export { METRICS, type MetricName } from './observability/metric-catalogue.ts';
export type { MetricDistribution, MetricFamily, MetricLabels, MetricValue } from './observability/metric-family.ts';
export type { MetricsOptions } from './observability/observer.ts';
export type { Labels, LogLevel, Telemetry } from './observability/telemetry.ts';
export type { UniverseMetrics } from './observability/universe-metrics.ts';
export { SpacetimeTemporalStore } from './temporal/spacetime-temporal-store.ts';
export type { CommitConflictDetails, OnConflict, SharedCommitOptions } from './temporal/state-commit.ts';
export type {
  OpenStoreOptions,
  PendingCommit,
  SharedMergeOptions,
  TemporalStoreOptions,
} from './temporal/store-options.ts';
export { StateStores } from './temporal/state-stores.ts';
export type { LoadedState } from './temporal/version-reader.ts';
