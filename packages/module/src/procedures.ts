/** The paged reads. Each runs in one transaction, checks its caller's grants, and returns a bounded page. */
import { t } from 'spacetimedb/server';
import {
  readAudit as auditOf,
  readChunk as chunkOf,
  readConfiguration as configurationOf,
  readConnections as connectionsOf,
  readConsumers as consumersOf,
  readConsumerWorkers as consumerWorkersOf,
  readPermissions as permissionsOf,
  readRequest as requestOf,
  readScopePage as scopePageOf,
  readScopes as scopesOf,
  readStatus as statusOf,
} from './reads/administration.ts';
import { readConsumerLag as consumerLagOf } from './reads/consumer-lag.ts';
import { readEvents as eventsOf } from './reads/events.ts';
import { readGraphChanges as graphChangesOf } from './reads/graph-changes.ts';
import {
  readEntitiesAt as entitiesAt,
  readMoment as momentOf,
  readNeighborhood as neighborhoodOf,
  readRelationsAt as relationsAt,
} from './reads/graph-past.ts';
import { readEntities as entitiesOf, readRelations as relationsOf } from './reads/graph.ts';
import { readHistory as historyOf } from './reads/graph-history.ts';
import { readHistoryBound as historyBoundOf } from './reads/history-bound.ts';
import { read } from './reads/reader.ts';
import {
  readBranches as branchesOf,
  readBranchMoves as branchMovesOf,
  readCompactedRuns as compactedRunsOf,
  readState as stateOf,
  readStores as storesOf,
  readTags as tagsOf,
  readVersions as versionsOf,
} from './reads/states.ts';
import { readVersionAt as versionAt } from './reads/version-at.ts';
import { readMigrations as migrationsOf } from './migrations/migrate.ts';
import { database } from './schema/database.ts';
import {
  auditPage,
  branchesPage,
  branchMovesPage,
  compactedRunsPage,
  chunkResult,
  configurationResult,
  connectionsResult,
  consumerLagPage,
  consumersPage,
  consumerWorkersResult,
  entitiesPage,
  eventsPage,
  graphChangesPage,
  historyBoundResult,
  historyPage,
  migrationsResult,
  momentResult,
  permissionsPage,
  propertyMatch,
  relationsPage,
  requestResult,
  scopesPage,
  scopesResult,
  statePage,
  statusResult,
  storesPage,
  tagsPage,
  versionAtResult,
  versionsPage,
} from './schema/page-types.ts';

const page = { cursor: t.string(), limit: t.u32() };
const time = t.option(t.timestamp());

/** The scopes the caller may know, with their keys in `head`. */
export const readScopes = database.procedure(scopesResult, (ctx) => read(ctx, scopesOf));

/** A page of the log, or events by their ids. */
export const readEvents = database.procedure(
  {
    ids: t.array(t.string()),
    scope: t.string(),
    pattern: t.string(),
    kind: t.string(),
    source: t.string(),
    afterSeq: t.u64(),
    throughSeq: t.u64(),
    recordedFrom: time,
    recordedUntil: time,
    descending: t.bool(),
    limit: t.u32(),
    recentAfter: t.option(t.u64()),
  },
  eventsPage,
  (ctx, args) => read(ctx, (reader) => eventsOf(reader, args)),
);

/** A page of versions: by ids, of a line, or of a store. */
export const readVersions = database.procedure(
  {
    ids: t.array(t.string()),
    scope: t.string(),
    store: t.string(),
    branch: t.string(),
    line: t.string(),
    descending: t.bool(),
    ...page,
  },
  versionsPage,
  (ctx, args) => read(ctx, (reader) => versionsOf(reader, args)),
);

/** The version a branch stood for at a time. */
export const readVersionAt = database.procedure(
  { store: t.string(), branch: t.string(), time: t.timestamp(), by: t.string(), cursor: t.string() },
  versionAtResult,
  (ctx, args) => read(ctx, (reader) => versionAt(reader, args)),
);

/** What a state is put together from. */
export const readState = database.procedure({ versionId: t.string(), limit: t.u32() }, statePage, (ctx, args) =>
  read(ctx, (reader) => stateOf(reader, args.versionId, args.limit)),
);

/** A page of stores. */
export const readStores = database.procedure({ scope: t.string(), ...page }, storesPage, (ctx, args) =>
  read(ctx, (reader) => storesOf(reader, args)),
);

/** A page of branches. */
export const readBranches = database.procedure(
  { scope: t.string(), store: t.string(), name: t.string(), ...page },
  branchesPage,
  (ctx, args) => read(ctx, (reader) => branchesOf(reader, args)),
);

/** A page of tags. */
export const readTags = database.procedure(
  { scope: t.string(), store: t.string(), name: t.string(), ...page },
  tagsPage,
  (ctx, args) => read(ctx, (reader) => tagsOf(reader, args)),
);

/** A page of the moves of a branch. */
export const readBranchMoves = database.procedure(
  { store: t.string(), branch: t.string(), ...page },
  branchMovesPage,
  (ctx, args) => read(ctx, (reader) => branchMovesOf(reader, args)),
);

/** A page of what was left out of a store's history. */
export const readCompactedRuns = database.procedure(
  { store: t.string(), ids: t.array(t.string()), headers: t.bool(), ...page },
  compactedRunsPage,
  (ctx, args) => read(ctx, (reader) => compactedRunsOf(reader, args)),
);

/** A page of entities. */
export const readEntities = database.procedure(
  {
    ids: t.array(t.string()),
    scope: t.string(),
    entityType: t.string(),
    name: t.string(),
    tag: t.string(),
    property: t.option(propertyMatch),
    ...page,
  },
  entitiesPage,
  (ctx, args) => read(ctx, (reader) => entitiesOf(reader, args)),
);

/** A page of relations. */
export const readRelations = database.procedure(
  {
    ids: t.array(t.string()),
    scope: t.string(),
    relationType: t.string(),
    name: t.string(),
    fromId: t.string(),
    toId: t.string(),
    endId: t.string(),
    ...page,
  },
  relationsPage,
  (ctx, args) => read(ctx, (reader) => relationsOf(reader, args)),
);

/** A page of the past of entities or relations. */
export const readHistory = database.procedure(
  { of: t.string(), id: t.string(), scope: t.string(), throughSeq: t.u64(), recordedUntil: time, ...page },
  historyPage,
  (ctx, args) => read(ctx, (reader) => historyOf(reader, args)),
);

/** Pieces of a large value. */
export const readChunk = database.procedure(
  { scope: t.string(), digest: t.string(), position: t.u32() },
  chunkResult,
  (ctx, args) => read(ctx, (reader) => chunkOf(reader, args)),
);

/** How much there is of everything. */
export const readStatus = database.procedure(statusResult, (ctx) => read(ctx, statusOf));

/** The settings that were made. */
export const readConfiguration = database.procedure(configurationResult, (ctx) => read(ctx, configurationOf));

/** A page of grants and role members. */
export const readPermissions = database.procedure({ subject: t.string(), ...page }, permissionsPage, (ctx, args) =>
  read(ctx, (reader) => permissionsOf(reader, args)),
);

/** A page of the audit. */
export const readAudit = database.procedure(page, auditPage, (ctx, args) =>
  read(ctx, (reader) => auditOf(reader, args)),
);

/** Consumers, their partitions and dead letters. */
export const readConsumers = database.procedure({ name: t.string(), ...page }, consumersPage, (ctx, args) =>
  read(ctx, (reader) => consumersOf(reader, args)),
);

/** Who takes part in a consumer. */
export const readConsumerWorkers = database.procedure({ name: t.string() }, consumerWorkersResult, (ctx, args) =>
  read(ctx, (reader) => consumerWorkersOf(reader, args.name)),
);

/** The connections that are open. */
export const readConnections = database.procedure(connectionsResult, (ctx) => read(ctx, connectionsOf));

/** Whether a request of the caller was applied. */
export const readRequest = database.procedure({ requestId: t.string() }, requestResult, (ctx, args) =>
  read(ctx, (reader) => requestOf(reader, args.requestId)),
);

/** The last `seq` recorded up to a time, for reading the graph as it was then. */
export const readMoment = database.procedure({ time: t.timestamp() }, momentResult, (ctx, args) =>
  read(ctx, (reader) => momentOf(reader, args)),
);

/** A page of the entities as they were at a `seq`. */
export const readEntitiesAt = database.procedure(
  {
    seq: t.u64(),
    ids: t.array(t.string()),
    scope: t.string(),
    entityType: t.string(),
    name: t.string(),
    tag: t.string(),
    ...page,
  },
  entitiesPage,
  (ctx, args) => read(ctx, (reader) => entitiesAt(reader, args)),
);

/** A page of the relations as they were at a `seq`. */
export const readRelationsAt = database.procedure(
  {
    seq: t.u64(),
    ids: t.array(t.string()),
    scope: t.string(),
    relationType: t.string(),
    name: t.string(),
    fromId: t.string(),
    toId: t.string(),
    ...page,
  },
  relationsPage,
  (ctx, args) => read(ctx, (reader) => relationsAt(reader, { ...args, endId: '' })),
);

/** A page of the relations around several entities, now or at a `seq`. */
export const readNeighborhood = database.procedure(
  {
    ids: t.array(t.string()),
    direction: t.string(),
    relationTypes: t.array(t.string()),
    seq: t.u64(),
    ...page,
  },
  relationsPage,
  (ctx, args) => read(ctx, (reader) => neighborhoodOf(reader, args)),
);

/** The schema of code and data, and how far each migration is. */
export const readMigrations = database.procedure(migrationsResult, (ctx) => read(ctx, migrationsOf));

/** A page of what changed in the graph after a `seq`, all in all. */
export const readGraphChanges = database.procedure({ afterSeq: t.u64(), ...page }, graphChangesPage, (ctx, args) =>
  read(ctx, (reader) => graphChangesOf(reader, args)),
);

/** How many events of a consumer are recorded and not handled, by partition: a page of the count. */
export const readConsumerLag = database.procedure(
  { name: t.string(), kind: t.string(), afterSeqs: t.array(t.u64()), lookAfter: t.u64(), throughSeq: t.u64() },
  consumerLagPage,
  (ctx, args) => read(ctx, (reader) => consumerLagOf(reader, args)),
);

/** From when on the past of the graph is told. */
export const readHistoryBound = database.procedure(historyBoundResult, (ctx) => read(ctx, historyBoundOf));

/** A page of the scopes the caller may know, by name: for who may know more than `read_scopes` gives. */
export const readScopePage = database.procedure(page, scopesPage, (ctx, args) =>
  read(ctx, (reader) => scopePageOf(reader, args)),
);
