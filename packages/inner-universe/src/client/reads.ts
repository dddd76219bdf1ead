import type {
  AuditPage,
  BranchesPage,
  BranchMovesPage,
  ChunkResult,
  CompactedRunsPage,
  ConfigurationResult,
  ConnectionsResult,
  ConsumerLagPage,
  ConsumersPage,
  ConsumerWorkersResult,
  EntitiesPage,
  EventsPage,
  GraphChangesPage,
  HistoryBoundResult,
  HistoryPage,
  MigrationsResult,
  MomentResult,
  PageArguments,
  PermissionsPage,
  ReadBranchMovesArguments,
  ReadChunkArguments,
  ReadCompactedRunsArguments,
  ReadConsumerLagArguments,
  ReadConsumersArguments,
  ReadConsumerWorkersArguments,
  ReadEntitiesArguments,
  ReadEntitiesAtArguments,
  ReadEventsArguments,
  ReadGraphChangesArguments,
  ReadHistoryArguments,
  ReadMomentArguments,
  ReadNeighborhoodArguments,
  ReadPermissionsArguments,
  ReadReferencesArguments,
  ReadRelationsArguments,
  ReadRelationsAtArguments,
  ReadRequestArguments,
  ReadStateArguments,
  ReadStoresArguments,
  ReadVersionAtArguments,
  ReadVersionsArguments,
  RelationsPage,
  RequestResult,
  ScopesPage,
  ScopesResult,
  StatePage,
  StatusResult,
  StoresPage,
  TagsPage,
  VersionAtResult,
  VersionsPage,
} from '@inner-universe/module/wire';

/** Every paged read of the module: its arguments and what it answers. */
export interface Reads {
  readScopes: [Record<string, never>, ScopesResult];
  readScopePage: [PageArguments, ScopesPage];
  readEvents: [ReadEventsArguments, EventsPage];
  readVersions: [ReadVersionsArguments, VersionsPage];
  readVersionAt: [ReadVersionAtArguments, VersionAtResult];
  readState: [ReadStateArguments, StatePage];
  readStores: [ReadStoresArguments, StoresPage];
  readBranches: [ReadReferencesArguments, BranchesPage];
  readTags: [ReadReferencesArguments, TagsPage];
  readBranchMoves: [ReadBranchMovesArguments, BranchMovesPage];
  readCompactedRuns: [ReadCompactedRunsArguments, CompactedRunsPage];
  readEntities: [ReadEntitiesArguments, EntitiesPage];
  readRelations: [ReadRelationsArguments, RelationsPage];
  readHistory: [ReadHistoryArguments, HistoryPage];
  readGraphChanges: [ReadGraphChangesArguments, GraphChangesPage];
  readMoment: [ReadMomentArguments, MomentResult];
  readHistoryBound: [Record<string, never>, HistoryBoundResult];
  readEntitiesAt: [ReadEntitiesAtArguments, EntitiesPage];
  readRelationsAt: [ReadRelationsAtArguments, RelationsPage];
  readNeighborhood: [ReadNeighborhoodArguments, RelationsPage];
  readChunk: [ReadChunkArguments, ChunkResult];
  readStatus: [Record<string, never>, StatusResult];
  readMigrations: [Record<string, never>, MigrationsResult];
  readConfiguration: [Record<string, never>, ConfigurationResult];
  readPermissions: [ReadPermissionsArguments, PermissionsPage];
  readAudit: [PageArguments, AuditPage];
  readConsumers: [ReadConsumersArguments, ConsumersPage];
  readConsumerWorkers: [ReadConsumerWorkersArguments, ConsumerWorkersResult];
  readConsumerLag: [ReadConsumerLagArguments, ConsumerLagPage];
  readConnections: [Record<string, never>, ConnectionsResult];
  readRequest: [ReadRequestArguments, RequestResult];
}

/** The name of a read, as the SDK's accessor has it. */
export type ReadName = keyof Reads;

/** Arguments that ask for everything readable: a read is these with the fields that matter replaced. */
export const ALL_EVENTS: ReadEventsArguments = {
  ids: [],
  scope: '',
  pattern: '',
  kind: '',
  source: '',
  afterSeq: 0n,
  throughSeq: 0n,
  recordedFrom: undefined,
  recordedUntil: undefined,
  descending: false,
  limit: 0,
  recentAfter: undefined,
};

export const ALL_VERSIONS: ReadVersionsArguments = {
  ids: [],
  scope: '',
  store: '',
  branch: '',
  line: '',
  descending: false,
  cursor: '',
  limit: 0,
};

export const ALL_ENTITIES: ReadEntitiesArguments = {
  ids: [],
  scope: '',
  entityType: '',
  name: '',
  tag: '',
  property: undefined,
  cursor: '',
  limit: 0,
};

export const ALL_RELATIONS: ReadRelationsArguments = {
  ids: [],
  scope: '',
  relationType: '',
  name: '',
  fromId: '',
  toId: '',
  endId: '',
  cursor: '',
  limit: 0,
};

export const ALL_REFERENCES: ReadReferencesArguments = { scope: '', store: '', name: '', cursor: '', limit: 0 };

/** What paging needs of a page. */
interface Page {
  readonly cursor: string;
  readonly more: boolean;
}

/**
 * Walks through the pages of a read, one at a time, until there is no more. `read` is called with the cursor to go on
 * from; a consumer that stops early costs no further page.
 */
export async function* pages<P extends Page>(read: (cursor: string) => Promise<P>): AsyncGenerator<P, void, undefined> {
  let cursor = '';
  for (;;) {
    const page = await read(cursor);
    yield page;
    if (!page.more) return;
    cursor = page.cursor;
  }
}
