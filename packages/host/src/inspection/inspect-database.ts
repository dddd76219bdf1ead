import type { Database } from '../database/database.ts';
import type { TableUsage } from '../datastore/datastore.ts';
import { connectionIdToHex, identityToHex } from '../identity/identity.ts';
import { typeText } from '../migration/type-text.ts';
import { explainIncremental, explainPlan } from '../query/explain.ts';
import type { DueCall } from '../scheduler/scheduler.ts';
import type { Session } from '../session/session.ts';
import type { SessionHub } from '../session/session-hub.ts';
import type { LiveQueryFacts } from '../subscriptions/live-query.ts';
import type { SubscriptionManager } from '../subscriptions/subscription-manager.ts';
import type { ViewTables } from '../views/view-tables.ts';
import {
  type DatabaseInspection,
  type InspectedClient,
  type InspectedQuery,
  type InspectedSchedule,
  type InspectedTable,
  type InspectedView,
  listFirst,
  SQL_LENGTH_MAX,
} from './inspection.ts';

/** Query sets of one client, and queries of one set, that are listed. */
const QUERY_SETS_MAX = 100;
const QUERIES_MAX = 100;

/** Characters of a plan that are told. */
const PLAN_LENGTH_MAX = 4_000;

const encoder = new TextEncoder();

/** What a database with its clients is like now. Changes nothing, and evaluates nothing. */
export function inspectDatabase(database: Database, sessions: SessionHub): DatabaseInspection {
  const { def, metrics } = database;
  const tableNames = new Map(database.tables.map(({ id, name }) => [id, name]));
  return {
    programSha256: database.programHash,
    programBytes: encoder.encode(database.program).length,
    reducers: def.reducers.map(({ name }) => name),
    procedures: def.procedures.map(({ name }) => name),
    tables: database.tableUsage().map(inspectTable),
    clients: listFirst(sessions.clients, (session) => inspectClient(session, sessions.subscriptions)),
    liveQueries: listFirst(sessions.subscriptions.liveQueries, inspectQuery),
    schedules: listFirst(database.armedSchedules, (due) => inspectSchedule(database, due)),
    views: listFirst(database.views.picture(), (view) => inspectView(view, tableNames)),
    storage: inspectStorage(database),
    sessionLimits: { ...sessions.limits },
    slowCallMs: finite(metrics.slow?.callMs),
    slowQueryMs: finite(metrics.slow?.queryMs),
  };
}

function inspectTable({ table, rows, bytes, reservedBytes }: TableUsage): InspectedTable {
  const { id, name, access, isEvent, columns, indexes } = table;
  return {
    id,
    name,
    access,
    isEvent,
    columns: columns.map((column) => ({ name: column.name, type: typeText(column.algebraicType) })),
    indexes: indexes.map((index) => ({
      name: index.name,
      algorithm: index.algorithm,
      isUnique: index.isUnique,
      columns: index.columns.map((column) => columns[column]?.name ?? ''),
    })),
    rows,
    bytes,
    reservedBytes,
  };
}

function inspectClient(session: Session, subscriptions: SubscriptionManager): InspectedClient {
  const { caller, version, confirmedReads, queues } = session;
  return {
    identity: identityToHex(caller.identity),
    connectionId: connectionIdToHex(caller.connectionId),
    protocol: version,
    confirmedReads,
    ...queues,
    querySets: listFirst(
      subscriptions.querySetsOf(session),
      ({ querySetId, queries }) => ({
        id: querySetId,
        queries: listFirst(queries, ({ text }) => shorten(text, SQL_LENGTH_MAX), QUERIES_MAX),
      }),
      QUERY_SETS_MAX,
    ),
  };
}

function inspectQuery({ text, subscribers, plan, incremental }: LiveQueryFacts): InspectedQuery {
  const steps = `${explainPlan(plan)}\n${explainIncremental(plan, incremental)}`;
  return {
    sql: shorten(text, SQL_LENGTH_MAX),
    subscribers: subscribers.size,
    plan: shorten(steps, PLAN_LENGTH_MAX).split('\n'),
  };
}

function inspectSchedule(database: Database, { tableId, scheduleId, intendedMicros }: DueCall): InspectedSchedule {
  const table = database.tables.find(({ id }) => id === tableId);
  return {
    table: table?.name ?? '',
    function: table?.schedule?.functionName ?? '',
    scheduleId: scheduleId.toString(),
    dueAtMicros: intendedMicros.toString(),
  };
}

type ViewPicture = ReturnType<ViewTables['picture']> extends Iterable<infer Picture> ? Picture : never;

function inspectView({ instance, reads }: ViewPicture, tableNames: ReadonlyMap<number, string>): InspectedView {
  const { view, sender, users, rowCount, byteLength, query } = instance;
  const tables = new Set(reads.flatMap((readSet) => [...readSet.tables]));
  return {
    name: view.name,
    sender: view.isAnonymous ? undefined : identityToHex(sender),
    users,
    rows: rowCount,
    bytes: byteLength,
    reads: {
      tables: [...tables].map((id) => tableNames.get(id) ?? String(id)),
      keys: reads.reduce((sum, { keyCount }) => sum + keyCount, 0),
    },
    sql: query === undefined ? undefined : shorten(query.sql, SQL_LENGTH_MAX),
  };
}

function inspectStorage(database: Database): DatabaseInspection['storage'] {
  const { nextOffset, durableOffset, logBytes, snapshotBytes, isReadOnly } = database.status();
  return {
    nextOffset: nextOffset.toString(),
    durableOffset: durableOffset.toString(),
    logBytes,
    snapshotBytes,
    isReadOnly,
    failure: database.failure?.message,
  };
}

function finite(milliseconds: number | undefined): number | undefined {
  return milliseconds !== undefined && Number.isFinite(milliseconds) ? milliseconds : undefined;
}

function shorten(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}… (${text.length} characters)`;
}
