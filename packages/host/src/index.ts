export { type BindingsOptions, generateBindings } from './codegen/generate-bindings.ts';
export {
  type Clock,
  type Logger,
  type LogLevel,
  type LogRecord,
  type Random,
  silentLogger,
  type Timer,
  type Timers,
} from './clock/clock.ts';
export { makeStderrLogger } from './clock/system-clock.ts';
export type {
  Caller,
  CallResult,
  Commit,
  CommitKind,
  ConnectResult,
  DatabaseStatus,
  InternalFailureReason,
  ProcedureResult,
  ReducerOutcome,
  TableStatus,
} from './database/calls.ts';
export type { Database } from './database/database.ts';
export type { PlainRow, PlainValue, SqlResult } from './database/plain-results.ts';
export type { SqlAnswer, StatementResult } from './database/sql-answer.ts';
export type { Row, StateView, TableDelta, TableView } from './datastore/state-view.ts';
export type { SqlOptions } from './direct-sql.ts';
export { HostError, type HostErrorCode } from './errors.ts';
export type { Host } from './host.ts';
export { openHost } from './open-host.ts';
export type { CreateOptions, HostOptions, PublishOptions, PublishResult } from './host-options.ts';
export type { ClientLimits, HostedDatabase, Isolation } from './hosted-database.ts';
export type { ExchangeOutcome, ExchangePlan, ExchangeRequest } from './database/program-exchange.ts';
export type { PlanLine } from './migration/describe-plan.ts';
export type { MigrationPlan, MigrationRefusal, MigrationStep, RefusalRule } from './migration/migration-plan.ts';
export type { PublishPlan, UpdateOptions } from './publishing.ts';
export { connectionIdToHex, identityToHex, tryParseIdentity } from './identity/identity.ts';
export { hashProgram } from './identity/program-hash.ts';
export type { Fetch } from './identity/issuer-keys.ts';
export type { JsonWebKeySet, TrustedIssuer } from './identity/trusted-issuer.ts';
export type { LogLimits } from './logs/log-limits.ts';
export type { LogEntry, LogFrame } from './logs/log-line.ts';
export type { LogQuery } from './logs/log-store.ts';
export type {
  DatabaseInspection,
  HostInspection,
  InspectedClient,
  InspectedDatabase,
  InspectedIndex,
  InspectedQuery,
  InspectedSchedule,
  InspectedTable,
  InspectedView,
  Listed,
} from './inspection/inspection.ts';
export type { MetricDistribution, MetricFamily, MetricLabels, MetricValue } from './metrics/metric-family.ts';
export { formatPrometheus, PROMETHEUS_CONTENT_TYPE } from './metrics/prometheus-text.ts';
export type { SlowLimits } from './metrics/slow-log.ts';
export type { MetricsAccess } from './server/routes/metrics-routes.ts';
export {
  bundleModule,
  type ModuleFiles,
  type ModuleSource,
  readModule,
  readModuleFiles,
} from './module/bundle-module.ts';
export { bundleScript } from './module/bundle-script.ts';
export { describeModule } from './module/describe-module.ts';
export type { TransformCache } from './module/program-loader.ts';
export type { OutboundHttpOptions } from './outbound-http/outbound-options.ts';
export type { ColumnDef, IndexDef, ModuleDef, ProcedureDef, ReducerDef, TableDef } from './schema/module-def.ts';
export { salvageDatabase, type SalvagedDatabase, type SalvageOptions } from './salvage/salvage-database.ts';
export type { SalvagedTable } from './salvage/salvaged-tables.ts';
export { SchemaError, type SchemaProblem } from './schema/schema-error.ts';
export { type HostFile, tryReadHostFile } from './server/host-file.ts';
export type { RunningServer, ServeOptions } from './server/serve.ts';
export type { InProcessRequest, InProcessSocket } from './session/in-process.ts';
export type { SessionLimits } from './session/session-limits.ts';
export { type DirectoryLock, findLockHolder, type LockClaim, lockDirectory, type LockHolder } from './storage/lock.ts';
export type { DamagedRange } from './storage/disk/salvage.ts';
export { StorageError, type StorageErrorCode } from './storage/storage-error.ts';
export type { SubscriptionLimits } from './subscriptions/subscription-manager.ts';
export type { StorageKeyOptions } from './storage/sealed/storage-key.ts';
