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
export type { Row, StateView, TableDelta, TableView } from './datastore/state-view.ts';
export { HostError, type HostErrorCode } from './errors.ts';
export { type Host, type HostOptions, openHost, type PublishOptions, type PublishResult } from './host.ts';
export type { ClientLimits, HostedDatabase } from './hosted-database.ts';
export { connectionIdToHex, identityToHex } from './identity/identity.ts';
export { bundleModule, type ModuleSource, readModule } from './module/bundle-module.ts';
export { describeModule } from './module/describe-module.ts';
export type { TransformCache } from './module/program-loader.ts';
export type { ColumnDef, IndexDef, ModuleDef, ProcedureDef, ReducerDef, TableDef } from './schema/module-def.ts';
export { SchemaError, type SchemaProblem } from './schema/schema-error.ts';
export { type HostFile, tryReadHostFile } from './server/host-file.ts';
export type { RunningServer, ServeOptions } from './server/serve.ts';
export type { InProcessRequest, InProcessSocket } from './session/in-process.ts';
export type { SessionLimits } from './session/session-limits.ts';
export { findLockHolder, type LockHolder } from './storage/lock.ts';
export { StorageError, type StorageErrorCode } from './storage/storage-error.ts';
export type { SubscriptionLimits } from './subscriptions/subscription-manager.ts';
