/** The paged reads. Each runs in one transaction, checks its caller's grants, and returns a bounded page. */
import { t } from 'spacetimedb/server';
import {
  readAudit as auditOf,
  readChunk as chunkOf,
  readConfiguration as configurationOf,
  readConnections as connectionsOf,
  readConsumers as consumersOf,
  readPermissions as permissionsOf,
  readRequest as requestOf,
  readScopes as scopesOf,
  readStatus as statusOf,
} from './reads/administration.ts';
import { readEvents as eventsOf } from './reads/events.ts';
import { readEntities as entitiesOf, readHistory as historyOf, readRelations as relationsOf } from './reads/graph.ts';
import { read } from './reads/reader.ts';
import {
  readBranches as branchesOf,
  readBranchMoves as branchMovesOf,
  readState as stateOf,
  readStores as storesOf,
  readTags as tagsOf,
  readVersions as versionsOf,
} from './reads/states.ts';
import { readVersionAt as versionAt } from './reads/version-at.ts';
import { database } from './schema/database.ts';
import {
  auditPage,
  branchesPage,
  branchMovesPage,
  chunkResult,
  configurationResult,
  connectionsResult,
  consumersPage,
  entitiesPage,
  eventsPage,
  historyPage,
  permissionsPage,
  propertyMatch,
  relationsPage,
  requestResult,
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

export const readScopes = database.procedure(scopesResult, (ctx) => read(ctx, scopesOf));

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

export const readVersionAt = database.procedure(
  { store: t.string(), branch: t.string(), time: t.timestamp(), by: t.string(), cursor: t.string() },
  versionAtResult,
  (ctx, args) => read(ctx, (reader) => versionAt(reader, args)),
);

export const readState = database.procedure({ versionId: t.string(), limit: t.u32() }, statePage, (ctx, args) =>
  read(ctx, (reader) => stateOf(reader, args.versionId, args.limit)),
);

export const readStores = database.procedure({ scope: t.string(), ...page }, storesPage, (ctx, args) =>
  read(ctx, (reader) => storesOf(reader, args)),
);

export const readBranches = database.procedure(
  { scope: t.string(), store: t.string(), name: t.string(), ...page },
  branchesPage,
  (ctx, args) => read(ctx, (reader) => branchesOf(reader, args)),
);

export const readTags = database.procedure(
  { scope: t.string(), store: t.string(), name: t.string(), ...page },
  tagsPage,
  (ctx, args) => read(ctx, (reader) => tagsOf(reader, args)),
);

export const readBranchMoves = database.procedure(
  { store: t.string(), branch: t.string(), ...page },
  branchMovesPage,
  (ctx, args) => read(ctx, (reader) => branchMovesOf(reader, args)),
);

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

export const readHistory = database.procedure(
  { of: t.string(), id: t.string(), scope: t.string(), throughSeq: t.u64(), recordedUntil: time, ...page },
  historyPage,
  (ctx, args) => read(ctx, (reader) => historyOf(reader, args)),
);

export const readChunk = database.procedure(
  { scope: t.string(), digest: t.string(), position: t.u32() },
  chunkResult,
  (ctx, args) => read(ctx, (reader) => chunkOf(reader, args)),
);

export const readStatus = database.procedure(statusResult, (ctx) => read(ctx, statusOf));

export const readConfiguration = database.procedure(configurationResult, (ctx) => read(ctx, configurationOf));

export const readPermissions = database.procedure({ subject: t.string(), ...page }, permissionsPage, (ctx, args) =>
  read(ctx, (reader) => permissionsOf(reader, args)),
);

export const readAudit = database.procedure(page, auditPage, (ctx, args) =>
  read(ctx, (reader) => auditOf(reader, args)),
);

export const readConsumers = database.procedure({ name: t.string(), ...page }, consumersPage, (ctx, args) =>
  read(ctx, (reader) => consumersOf(reader, args)),
);

export const readConnections = database.procedure(connectionsResult, (ctx) => read(ctx, connectionsOf));

export const readRequest = database.procedure({ requestId: t.string() }, requestResult, (ctx, args) =>
  read(ctx, (reader) => requestOf(reader, args.requestId)),
);
