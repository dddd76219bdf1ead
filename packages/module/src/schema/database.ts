import { schema, type DbView, type InferSchema, type ReducerCtx } from 'spacetimedb/server';
import { audit, clientConnection, grant, rateBucket, readBucket, roleMember } from './access-tables.ts';
import { consumer, consumerDeadLetter, consumerPartition, consumerWorker } from './consumer-tables.ts';
import {
  entity,
  entityHistory,
  entityProperty,
  entityTag,
  historyBound,
  historyGap,
  relation,
  relationHistory,
} from './graph-tables.ts';
import { eventFeed, eventLog, head, logHead, recentEvent, request, scope } from './log-tables.ts';
import {
  branch,
  branchMove,
  chunk,
  chunkValue,
  compactedRun,
  deltaRecord,
  stateSnapshot,
  stateStore,
  stateVersion,
  tag,
  versionParent,
} from './state-tables.ts';
import { config, jobCursor, maintenanceTimer, schemaVersion } from './system-tables.ts';

/** The module's schema: every table under the name the code knows it by. */
export const database = schema({
  schemaVersion,
  head,
  scope,
  logHead,
  eventLog,
  eventFeed,
  recentEvent,
  request,
  entity,
  relation,
  entityHistory,
  relationHistory,
  entityTag,
  entityProperty,
  stateStore,
  stateVersion,
  versionParent,
  branch,
  branchMove,
  tag,
  deltaRecord,
  stateSnapshot,
  chunkValue,
  chunk,
  consumer,
  consumerPartition,
  consumerDeadLetter,
  grant,
  roleMember,
  audit,
  rateBucket,
  clientConnection,
  config,
  jobCursor,
  maintenanceTimer,
  historyGap,
  consumerWorker,
  compactedRun,
  readBucket,
  historyBound,
});

/** The types of the module's tables. */
export type Tables = InferSchema<typeof database>;
/** The tables, inside a transaction. */
export type Db = DbView<Tables>;
/** What a reducer, or a procedure inside its transaction, is called with. */
export type Context = ReducerCtx<Tables>;
