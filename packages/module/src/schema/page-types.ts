/** The results of the reads as SpacetimeDB types; `wire/reads.ts` says what they mean. */
import { t } from 'spacetimedb/server';
import { audit, clientConnection, grant, roleMember } from './access-tables.ts';
import { consumer, consumerDeadLetter, consumerPartition, consumerWorker } from './consumer-tables.ts';
import { entity, entityHistory, relation, relationHistory } from './graph-tables.ts';
import { eventLog, recentEvent } from './log-tables.ts';
import { branch, branchMove, compactedRun, stateStore, stateVersion, tag } from './state-tables.ts';
import { config } from './system-tables.ts';

const pageEnd = { cursor: t.string(), more: t.bool(), seq: t.u64() };

/** `ReadableScope` on the wire. */
export const readableScope = t.object('ReadableScope', {
  name: t.string(),
  scopeKey: t.string(),
  seq: t.u64(),
  recentNumber: t.u64(),
});
/** `ScopesResult` on the wire. */
export const scopesResult = t.object('ScopesResult', {
  scopes: t.array(readableScope),
  owner: t.identity(),
  seq: t.u64(),
});
/** `ScopesPage` on the wire. */
export const scopesPage = t.object('ScopesPage', { scopes: t.array(readableScope), ...pageEnd });
/** `EventsPage` on the wire. */
export const eventsPage = t.object('EventsPage', {
  events: t.array(eventLog.rowType),
  lookedTo: t.u64(),
  more: t.bool(),
  seq: t.u64(),
  trimmedSeq: t.u64(),
  recent: t.array(recentEvent.rowType),
  recentNumber: t.u64(),
});
/** `VersionEntry` on the wire. */
export const versionEntry = t.object('VersionEntry', { version: stateVersion.rowType, parents: t.array(t.string()) });
/** `VersionsPage` on the wire. */
export const versionsPage = t.object('VersionsPage', { versions: t.array(versionEntry), ...pageEnd });
/** `VersionAtResult` on the wire. */
export const versionAtResult = t.object('VersionAtResult', {
  versionId: t.option(t.string()),
  cursor: t.string(),
  more: t.bool(),
});
/** `StateStep` on the wire. */
export const stateStep = t.object('StateStep', {
  versionId: t.string(),
  parentVersionId: t.string(),
  dataHash: t.string(),
  publisher: t.identity(),
  delta: t.string(),
  deltaEncoding: t.string(),
});
/** `StateSnapshotValue` on the wire. */
export const stateSnapshotValue = t.object('StateSnapshotValue', {
  versionId: t.string(),
  dataHash: t.string(),
  publisher: t.identity(),
  state: t.string(),
  stateEncoding: t.string(),
});
/** `StatePage` on the wire. */
export const statePage = t.object('StatePage', {
  store: t.string(),
  steps: t.array(stateStep),
  snapshot: t.option(stateSnapshotValue),
  continueFrom: t.string(),
  seq: t.u64(),
});
/** `StoresPage` on the wire. */
export const storesPage = t.object('StoresPage', { stores: t.array(stateStore.rowType), ...pageEnd });
/** `BranchesPage` on the wire. */
export const branchesPage = t.object('BranchesPage', { branches: t.array(branch.rowType), ...pageEnd });
/** `TagsPage` on the wire. */
export const tagsPage = t.object('TagsPage', { tags: t.array(tag.rowType), ...pageEnd });
/** `BranchMovesPage` on the wire. */
export const branchMovesPage = t.object('BranchMovesPage', { moves: t.array(branchMove.rowType), ...pageEnd });
/** `CompactedRunsPage` on the wire. */
export const compactedRunsPage = t.object('CompactedRunsPage', { runs: t.array(compactedRun.rowType), ...pageEnd });
/** `PropertyMatch` on the wire. */
export const propertyMatch = t.object('PropertyMatch', { key: t.string(), value: t.string() });
/** `EntitiesPage` on the wire. */
export const entitiesPage = t.object('EntitiesPage', { entities: t.array(entity.rowType), ...pageEnd });
/** `RelationsPage` on the wire. */
export const relationsPage = t.object('RelationsPage', { relations: t.array(relation.rowType), ...pageEnd });
/** `HistoryPage` on the wire. */
export const historyPage = t.object('HistoryPage', {
  entities: t.array(entityHistory.rowType),
  relations: t.array(relationHistory.rowType),
  ...pageEnd,
});
/** `ChunkResult` on the wire. */
export const chunkResult = t.object('ChunkResult', { count: t.u32(), pieces: t.array(t.byteArray()) });
/** `TableCount` on the wire. */
export const tableCount = t.object('TableCount', { name: t.string(), rows: t.u64() });
/** `StatusResult` on the wire. */
export const statusResult = t.object('StatusResult', {
  events: t.u64(),
  changes: t.u64(),
  entities: t.u64(),
  relations: t.u64(),
  versions: t.u64(),
  seq: t.u64(),
  trimmedSeq: t.u64(),
  recordedAt: t.timestamp(),
  owner: t.identity(),
  codeVersion: t.u32(),
  dataVersion: t.u32(),
  release: t.string(),
  tables: t.array(tableCount),
});
/** `MigrationState` on the wire. */
export const migrationState = t.object('MigrationState', {
  to: t.u32(),
  name: t.string(),
  description: t.string(),
  blocks: t.array(t.string()),
  cursor: t.string(),
  processed: t.u64(),
  done: t.bool(),
});
/** `MigrationsResult` on the wire. */
export const migrationsResult = t.object('MigrationsResult', {
  codeVersion: t.u32(),
  dataVersion: t.u32(),
  migrations: t.array(migrationState),
});
/** `ConfigurationResult` on the wire. */
export const configurationResult = t.object('ConfigurationResult', { settings: t.array(config.rowType) });
/** `PermissionsPage` on the wire. */
export const permissionsPage = t.object('PermissionsPage', {
  grants: t.array(grant.rowType),
  members: t.array(roleMember.rowType),
  ...pageEnd,
});
/** `AuditPage` on the wire. */
export const auditPage = t.object('AuditPage', { entries: t.array(audit.rowType), ...pageEnd });
/** `ConsumersPage` on the wire. */
export const consumersPage = t.object('ConsumersPage', {
  consumers: t.array(consumer.rowType),
  partitions: t.array(consumerPartition.rowType),
  deadLetters: t.array(consumerDeadLetter.rowType),
  ...pageEnd,
});
/** `ConsumerWorkersResult` on the wire. */
export const consumerWorkersResult = t.object('ConsumerWorkersResult', { workers: t.array(consumerWorker.rowType) });
/** `ConsumerLagPage` on the wire. */
export const consumerLagPage = t.object('ConsumerLagPage', {
  counts: t.array(t.u32()),
  lookedTo: t.u64(),
  more: t.bool(),
  seq: t.u64(),
});
/** `ConnectionsResult` on the wire. */
export const connectionsResult = t.object('ConnectionsResult', { connections: t.array(clientConnection.rowType) });
/** `RequestResult` on the wire. */
export const requestResult = t.object('RequestResult', { applied: t.bool(), seq: t.u64() });
/** `GoneRow` on the wire. */
export const goneRow = t.object('GoneRow', { id: t.string(), seq: t.u64() });
/** `GraphChangesPage` on the wire. */
export const graphChangesPage = t.object('GraphChangesPage', {
  entities: t.array(entity.rowType),
  relations: t.array(relation.rowType),
  goneEntities: t.array(goneRow),
  goneRelations: t.array(goneRow),
  ...pageEnd,
});
/** `MomentResult` on the wire. */
export const momentResult = t.object('MomentResult', { seq: t.u64() });
/** `HistoryBoundResult` on the wire. */
export const historyBoundResult = t.object('HistoryBoundResult', {
  keptFromSeq: t.u64(),
  keptFrom: t.option(t.timestamp()),
  done: t.bool(),
  removed: t.u64(),
});
