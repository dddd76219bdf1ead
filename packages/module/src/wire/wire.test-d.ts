/** The wire's plain types are those of the schema: the same fields, and what the module sends fits them. */
import type { Infer } from 'spacetimedb/server';
import { expectTypeOf, test } from 'vitest';
import type * as schemaOps from '../schema/op-types.ts';
import type * as pages from '../schema/page-types.ts';
import type * as rows from '../schema/rows.ts';
import type * as wire from './index.ts';

/** The fields of both are the same, and a value of the schema's type is one of the wire's. */
type Fits<Schema, Wire> = Schema extends Wire
  ? [keyof Schema, keyof Wire] extends [keyof Wire, keyof Schema]
    ? true
    : never
  : never;

type ValueOf<Operation extends { tag: string; value: object }, Tag extends string> = Extract<
  Operation,
  { tag: Tag }
>['value'];

test('ops', () => {
  type Tags = schemaOps.Op['tag'];
  expectTypeOf<Tags>().toEqualTypeOf<wire.OpTag>();
  type Fitting = { [Tag in Tags]: Fits<ValueOf<schemaOps.Op, Tag>, ValueOf<wire.Op, Tag>> };
  expectTypeOf<Fitting>().toEqualTypeOf<{ [Tag in Tags]: true }>();
});

test('rows', () => {
  expectTypeOf<Fits<rows.EventLogRow, wire.EventLogRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.EventFeedRow, wire.EventFeedRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.RecentEventRow, wire.RecentEventRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.EntityRow, wire.EntityRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.EntityHistoryRow, wire.EntityHistoryRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.RelationRow, wire.RelationRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.RelationHistoryRow, wire.RelationHistoryRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.StateStoreRow, wire.StateStoreRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.StateVersionRow, wire.StateVersionRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.BranchRow, wire.BranchRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.BranchMoveRow, wire.BranchMoveRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.CompactedRunRow, wire.CompactedRunRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.TagRow, wire.TagRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.DeltaRecordRow, wire.DeltaRecordRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.StateSnapshotRow, wire.StateSnapshotRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.ConfigurationRow, wire.ConfigurationRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.ClientConnectionRow, wire.ClientConnectionRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.GrantRow, wire.GrantRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.RoleMemberRow, wire.RoleMemberRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.AuditRow, wire.AuditRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.ConsumerRow, wire.ConsumerRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.ConsumerPartitionRow, wire.ConsumerPartitionRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.ConsumerWorkerRow, wire.ConsumerWorkerRow>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<rows.ConsumerDeadLetterRow, wire.ConsumerDeadLetterRow>>().toEqualTypeOf<true>();
});

test('pages', () => {
  expectTypeOf<Fits<Infer<typeof pages.scopesResult>, wire.ScopesResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.scopesPage>, wire.ScopesPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.eventsPage>, wire.EventsPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.versionsPage>, wire.VersionsPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.versionAtResult>, wire.VersionAtResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.compactedRunsPage>, wire.CompactedRunsPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.statePage>, wire.StatePage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.storesPage>, wire.StoresPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.branchesPage>, wire.BranchesPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.tagsPage>, wire.TagsPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.branchMovesPage>, wire.BranchMovesPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.entitiesPage>, wire.EntitiesPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.relationsPage>, wire.RelationsPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.historyPage>, wire.HistoryPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.graphChangesPage>, wire.GraphChangesPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.momentResult>, wire.MomentResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.chunkResult>, wire.ChunkResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.statusResult>, wire.StatusResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.configurationResult>, wire.ConfigurationResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.permissionsPage>, wire.PermissionsPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.auditPage>, wire.AuditPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.consumersPage>, wire.ConsumersPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.historyBoundResult>, wire.HistoryBoundResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.consumerLagPage>, wire.ConsumerLagPage>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.consumerWorkersResult>, wire.ConsumerWorkersResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.connectionsResult>, wire.ConnectionsResult>>().toEqualTypeOf<true>();
  expectTypeOf<Fits<Infer<typeof pages.requestResult>, wire.RequestResult>>().toEqualTypeOf<true>();
});
