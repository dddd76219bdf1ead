/** The rows of the tables, as the module's code reads and writes them. */
import type { Infer } from 'spacetimedb/server';
import type { audit, clientConnection, grant, roleMember } from './access-tables.ts';
import type { consumer, consumerDeadLetter, consumerPartition, consumerWorker } from './consumer-tables.ts';
import type { entity, entityHistory, historyBound, relation, relationHistory } from './graph-tables.ts';
import type { eventFeed, eventLog, logHead, recentEvent } from './log-tables.ts';
import type {
  branch,
  branchMove,
  chunkValue,
  compactedRun,
  deltaRecord,
  stateSnapshot,
  stateStore,
  stateVersion,
  tag,
} from './state-tables.ts';
import type { config } from './system-tables.ts';

/** A row of `event_log`. */
export type EventLogRow = Infer<typeof eventLog.rowType>;
/** A row of `event_feed`. */
export type EventFeedRow = Infer<typeof eventFeed.rowType>;
/** A row of `recent_event`. */
export type RecentEventRow = Infer<typeof recentEvent.rowType>;
/** A row of `log_head`. */
export type LogHeadRow = Infer<typeof logHead.rowType>;
/** A row of `entity`. */
export type EntityRow = Infer<typeof entity.rowType>;
/** A row of `entity_history`. */
export type EntityHistoryRow = Infer<typeof entityHistory.rowType>;
/** A row of `relation`. */
export type RelationRow = Infer<typeof relation.rowType>;
/** A row of `relation_history`. */
export type RelationHistoryRow = Infer<typeof relationHistory.rowType>;
/** A row of `history_bound`. */
export type HistoryBoundRow = Infer<typeof historyBound.rowType>;
/** A row of `state_store`. */
export type StateStoreRow = Infer<typeof stateStore.rowType>;
/** A row of `state_version`. */
export type StateVersionRow = Infer<typeof stateVersion.rowType>;
/** A row of `branch`. */
export type BranchRow = Infer<typeof branch.rowType>;
/** A row of `branch_move`. */
export type BranchMoveRow = Infer<typeof branchMove.rowType>;
/** A row of `tag`. */
export type TagRow = Infer<typeof tag.rowType>;
/** A row of `delta_record`. */
export type DeltaRecordRow = Infer<typeof deltaRecord.rowType>;
/** A row of `state_snapshot`. */
export type StateSnapshotRow = Infer<typeof stateSnapshot.rowType>;
/** A row of `compacted_run`. */
export type CompactedRunRow = Infer<typeof compactedRun.rowType>;
/** A row of `chunk_value`. */
export type ChunkValueRow = Infer<typeof chunkValue.rowType>;
/** A row of `consumer`. */
export type ConsumerRow = Infer<typeof consumer.rowType>;
/** A row of `consumer_partition`. */
export type ConsumerPartitionRow = Infer<typeof consumerPartition.rowType>;
/** A row of `consumer_dead_letter`. */
export type ConsumerDeadLetterRow = Infer<typeof consumerDeadLetter.rowType>;
/** A row of `consumer_worker`. */
export type ConsumerWorkerRow = Infer<typeof consumerWorker.rowType>;
/** A row of `grant`. */
export type GrantRow = Infer<typeof grant.rowType>;
/** A row of `role_member`. */
export type RoleMemberRow = Infer<typeof roleMember.rowType>;
/** A row of `audit`. */
export type AuditRow = Infer<typeof audit.rowType>;
/** A row of `client_connection`. */
export type ClientConnectionRow = Infer<typeof clientConnection.rowType>;
/** A row of `config`. */
export type ConfigurationRow = Infer<typeof config.rowType>;
