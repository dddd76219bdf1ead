/** The rows of the tables, as the module's code reads and writes them. */
import type { Infer } from 'spacetimedb/server';
import type { audit, clientConnection, grant, roleMember } from './access-tables.ts';
import type { consumer, consumerDeadLetter, consumerPartition } from './consumer-tables.ts';
import type { entity, entityHistory, relation, relationHistory } from './graph-tables.ts';
import type { eventFeed, eventLog, logHead, recentEvent, request } from './log-tables.ts';
import type {
  branch,
  branchMove,
  chunkValue,
  deltaRecord,
  stateSnapshot,
  stateStore,
  stateVersion,
  tag,
} from './state-tables.ts';
import type { config } from './system-tables.ts';

export type EventLogRow = Infer<typeof eventLog.rowType>;
export type EventFeedRow = Infer<typeof eventFeed.rowType>;
export type RecentEventRow = Infer<typeof recentEvent.rowType>;
export type LogHeadRow = Infer<typeof logHead.rowType>;
export type RequestRow = Infer<typeof request.rowType>;
export type EntityRow = Infer<typeof entity.rowType>;
export type EntityHistoryRow = Infer<typeof entityHistory.rowType>;
export type RelationRow = Infer<typeof relation.rowType>;
export type RelationHistoryRow = Infer<typeof relationHistory.rowType>;
export type StateStoreRow = Infer<typeof stateStore.rowType>;
export type StateVersionRow = Infer<typeof stateVersion.rowType>;
export type BranchRow = Infer<typeof branch.rowType>;
export type BranchMoveRow = Infer<typeof branchMove.rowType>;
export type TagRow = Infer<typeof tag.rowType>;
export type DeltaRecordRow = Infer<typeof deltaRecord.rowType>;
export type StateSnapshotRow = Infer<typeof stateSnapshot.rowType>;
export type ChunkValueRow = Infer<typeof chunkValue.rowType>;
export type ConsumerRow = Infer<typeof consumer.rowType>;
export type ConsumerPartitionRow = Infer<typeof consumerPartition.rowType>;
export type ConsumerDeadLetterRow = Infer<typeof consumerDeadLetter.rowType>;
export type GrantRow = Infer<typeof grant.rowType>;
export type RoleMemberRow = Infer<typeof roleMember.rowType>;
export type AuditRow = Infer<typeof audit.rowType>;
export type ClientConnectionRow = Infer<typeof clientConnection.rowType>;
export type ConfigurationRow = Infer<typeof config.rowType>;
