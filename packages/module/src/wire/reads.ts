import type { WireIdentity, WireTimestamp } from './plain.ts';
import type {
  AuditRow,
  BranchMoveRow,
  BranchRow,
  ClientConnectionRow,
  CompactedRunRow,
  ConfigurationRow,
  ConsumerDeadLetterRow,
  ConsumerPartitionRow,
  ConsumerRow,
  ConsumerWorkerRow,
  EntityHistoryRow,
  EntityRow,
  EventLogRow,
  GrantRow,
  RecentEventRow,
  RelationHistoryRow,
  RelationRow,
  RoleMemberRow,
  StateStoreRow,
  StateVersionRow,
  TagRow,
} from './rows.ts';

/**
 * The paged reads: procedures of these names in snake_case. Rules that hold for all of them:
 * - the caller's grants are checked on every page; an empty `scope` means every scope the caller may read, and a
 *   caller who may read nothing is refused with `permission/denied`;
 * - `cursor` is empty for the first page and otherwise a page's `cursor`, given back as it was; it stays valid for
 *   ever, so reading on from the last page's cursor later gives what came since;
 * - `limit` 0 means 1,000, which is also the most; a page holds at most 1 MiB, and at least one row if there is one;
 * - `more` tells that another page may have rows now (a page may be empty and still say so); `seq` is the `seq` up
 *   to which this call saw everything committed.
 */
export interface PageArguments {
  readonly cursor: string;
  readonly limit: number;
}

/** What every page says beside its rows. */
export interface PageEnd {
  readonly cursor: string;
  readonly more: boolean;
  readonly seq: bigint;
}

/** A scope the caller may read, with its key in `head`. */
export interface ReadableScope {
  readonly name: string;
  readonly scopeKey: string;
  readonly seq: bigint;
  readonly recentNumber: bigint;
}

/** Result of `read_scopes`, which takes no arguments. Lists at most 1,000 scopes, by name. */
export interface ScopesResult {
  readonly scopes: readonly ReadableScope[];
  /** The owner, who may do everything. */
  readonly owner: WireIdentity;
  /** The last `seq` of the log, over all scopes. */
  readonly seq: bigint;
}

/** Result of `read_scope_page` (arguments: `PageArguments`): the scopes of `read_scopes` and those after them, by name. */
export interface ScopesPage extends PageEnd {
  readonly scopes: readonly ReadableScope[];
}

/**
 * Arguments of `read_events`. With `ids` the other filters are ignored and the page is the events found. Else the
 * events with `afterSeq < seq <= throughSeq` (`throughSeq` 0: the head), ascending or descending.
 */
export interface ReadEventsArguments {
  readonly ids: readonly string[];
  readonly scope: string;
  /** A pattern over types (`*` one segment, `**` any number); empty for all. */
  readonly pattern: string;
  /** `application`, `system`, or empty for both. */
  readonly kind: string;
  /** Exact source; empty for all. */
  readonly source: string;
  readonly afterSeq: bigint;
  readonly throughSeq: bigint;
  readonly recordedFrom?: WireTimestamp | undefined;
  readonly recordedUntil?: WireTimestamp | undefined;
  readonly descending: boolean;
  readonly limit: number;
  /** With a scope: also ephemeral events whose `recentNumber` is greater. Undefined for none. */
  readonly recentAfter?: bigint | undefined;
}

/** Result of `read_events`. */
export interface EventsPage {
  readonly events: readonly EventLogRow[];
  /** Ascending: read on with `afterSeq` = this. Descending: with `throughSeq` = this - 1, unless it is below 2. */
  readonly lookedTo: bigint;
  readonly more: boolean;
  /** The last `seq` of the log. */
  readonly seq: bigint;
  /** Everything up to this `seq` was trimmed away. */
  readonly trimmedSeq: bigint;
  readonly recent: readonly RecentEventRow[];
  /** Read on with `recentAfter` = this; 0 when ephemeral events were not asked for. */
  readonly recentNumber: bigint;
}

/**
 * Arguments of `read_versions`. Exactly one of these decides what is read: `ids` (those versions), `line` (a version
 * id: it and its first parents, newest first), `branch` with `store` (the line of that branch's head), or else the
 * versions of `store` (of all readable stores if empty) in the order they were recorded, or the reverse.
 */
export interface ReadVersionsArguments extends PageArguments {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly store: string;
  readonly branch: string;
  readonly line: string;
  readonly descending: boolean;
}

/** A version with all its parents, in order. */
export interface VersionEntry {
  readonly version: StateVersionRow;
  readonly parents: readonly string[];
}

/** Result of `read_versions`. */
export interface VersionsPage extends PageEnd {
  readonly versions: readonly VersionEntry[];
}

/** Arguments of `read_version_at`: a branch's head at a time. */
export interface ReadVersionAtArguments {
  readonly store: string;
  readonly branch: string;
  readonly time: WireTimestamp;
  /** `recorded`: the head the branch had then. `authored`: the last version on its first-parent line authored by then. */
  readonly by: string;
  readonly cursor: string;
}

/** Result of `read_version_at`. While `more`, ask again with `cursor`. */
export interface VersionAtResult {
  readonly versionId?: string | undefined;
  readonly cursor: string;
  readonly more: boolean;
}

/**
 * Arguments of `read_state`. The page goes from the version back along first parents to the nearest snapshot, or to
 * the root; ask again with `versionId` = `continueFrom` until that is empty.
 */
export interface ReadStateArguments {
  readonly versionId: string;
  readonly limit: number;
}

/** One step back from a version: its delta against its first parent. */
export interface StateStep {
  readonly versionId: string;
  readonly parentVersionId: string;
  readonly dataHash: string;
  readonly publisher: WireIdentity;
  readonly delta: string;
  readonly deltaEncoding: string;
}

/** The whole state of a version. */
export interface StateSnapshotValue {
  readonly versionId: string;
  readonly dataHash: string;
  readonly publisher: WireIdentity;
  readonly state: string;
  readonly stateEncoding: string;
}

/** Result of `read_state`: apply the steps of all pages in reverse, to the snapshot or to `{}`. */
export interface StatePage {
  readonly store: string;
  readonly steps: readonly StateStep[];
  readonly snapshot?: StateSnapshotValue | undefined;
  readonly continueFrom: string;
  readonly seq: bigint;
}

/** Arguments of `read_stores`. Ordered by the `seq` that created them. */
export interface ReadStoresArguments extends PageArguments {
  readonly scope: string;
}

/** Result of `read_stores`. */
export interface StoresPage extends PageEnd {
  readonly stores: readonly StateStoreRow[];
}

/** Arguments of `read_branches` and `read_tags`: of one store, or of all readable ones; `name` for a single one. */
export interface ReadReferencesArguments extends PageArguments {
  readonly scope: string;
  readonly store: string;
  readonly name: string;
}

/** Result of `read_branches`. */
export interface BranchesPage extends PageEnd {
  readonly branches: readonly BranchRow[];
}

/** Result of `read_tags`. */
export interface TagsPage extends PageEnd {
  readonly tags: readonly TagRow[];
}

/** Arguments of `read_branch_moves`: one branch's moves, oldest first. */
export interface ReadBranchMovesArguments extends PageArguments {
  readonly store: string;
  readonly branch: string;
}

/** Result of `read_branch_moves`. */
export interface BranchMovesPage extends PageEnd {
  readonly moves: readonly BranchMoveRow[];
}

/** Arguments of `read_compacted_runs`: those of a store, or some by their ids. */
export interface ReadCompactedRunsArguments extends PageArguments {
  readonly store: string;
  readonly ids: readonly string[];
  /** Whether `headers` are wanted. */
  readonly headers: boolean;
}

/** Result of `read_compacted_runs`. */
export interface CompactedRunsPage extends PageEnd {
  readonly runs: readonly CompactedRunRow[];
}

/** A property to look up by; needs the key to be declared in the configuration's `indexes`. `value` is a JSON text. */
export interface PropertyMatch {
  readonly key: string;
  readonly value: string;
}

/**
 * Arguments of `read_entities`. With `ids` the other filters are ignored. Else all filters given must hold; rows come
 * in the order in which they were last changed (by `tag`: in which they were tagged; by `property`: in which they got
 * that value).
 */
export interface ReadEntitiesArguments extends PageArguments {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly entityType: string;
  readonly name: string;
  readonly tag: string;
  readonly property?: PropertyMatch | undefined;
}

/** Result of `read_entities`. */
export interface EntitiesPage extends PageEnd {
  readonly entities: readonly EntityRow[];
}

/**
 * Arguments of `read_relations`. With `ids` the other filters are ignored. `fromId` and `toId` match the ends as they
 * are stored; `endId` matches either. Rows come in the order in which they were last changed.
 */
export interface ReadRelationsArguments extends PageArguments {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly relationType: string;
  readonly name: string;
  readonly fromId: string;
  readonly toId: string;
  readonly endId: string;
}

/** Result of `read_relations`. */
export interface RelationsPage extends PageEnd {
  readonly relations: readonly RelationRow[];
}

/**
 * Arguments of `read_history`: `of` is `entity` or `relation`. With `id` that one's changes, else all of the scope;
 * oldest first, only those with `seq <= throughSeq` (0: the head) and recorded by `recordedUntil`.
 */
export interface ReadHistoryArguments extends PageArguments {
  readonly of: string;
  readonly id: string;
  readonly scope: string;
  readonly throughSeq: bigint;
  readonly recordedUntil?: WireTimestamp | undefined;
}

/** Result of `read_history`; the list that was not asked for is empty. */
export interface HistoryPage extends PageEnd {
  readonly entities: readonly EntityHistoryRow[];
  readonly relations: readonly RelationHistoryRow[];
}

/**
 * Arguments of `read_graph_changes`: what changed after `afterSeq`, all in all; with a `cursor`, that decides. Refused
 * with `event/trimmed` where the log does not reach back so far.
 */
export interface ReadGraphChangesArguments extends PageArguments {
  readonly afterSeq: bigint;
}

/** An entity or relation that was deleted; `seq` is that of the record that says so. */
export interface GoneRow {
  readonly id: string;
  readonly seq: bigint;
}

/**
 * Result of `read_graph_changes`: rows as they are now, in no order that means anything. What changes meanwhile may
 * come again on a later page. For whoever may read an entity or relation, records of the log need not be readable.
 */
export interface GraphChangesPage extends PageEnd {
  readonly entities: readonly EntityRow[];
  readonly relations: readonly RelationRow[];
  readonly goneEntities: readonly GoneRow[];
  readonly goneRelations: readonly GoneRow[];
}

/** Arguments of `read_moment`. */
export interface ReadMomentArguments {
  readonly time: WireTimestamp;
}

/**
 * Result of `read_moment`: the last `seq` recorded up to the time. Where the log was trimmed since, it is the last
 * change of the graph up to then, of what the caller may read: for the graph, the same moment.
 */
export interface MomentResult {
  readonly seq: bigint;
}

/** Result of `read_history_bound`, which takes no arguments: from when on the past of the graph is kept. */
export interface HistoryBoundResult {
  /** 0 as long as nothing was pruned. */
  readonly keptFromSeq: bigint;
  /** When that was recorded. */
  readonly keptFrom?: WireTimestamp | undefined;
  /** Whether everything that lies before it is removed. */
  readonly done: boolean;
  /** Rows removed so far, of all prunings together. */
  readonly removed: bigint;
}

/**
 * Arguments of `read_entities_at`: as `read_entities`, of the entities as they were at `seq`. Rows come in no order
 * that means anything, and may come twice where they change meanwhile, the same both times. What was not kept is
 * refused with `graph/no-history`. `createdSeq` is 0 in rows that the history tells.
 */
export interface ReadEntitiesAtArguments extends PageArguments {
  readonly seq: bigint;
  readonly ids: readonly string[];
  readonly scope: string;
  readonly entityType: string;
  readonly name: string;
  readonly tag: string;
}

/** Arguments of `read_relations_at`: as `read_entities_at`. */
export interface ReadRelationsAtArguments extends PageArguments {
  readonly seq: bigint;
  readonly ids: readonly string[];
  readonly scope: string;
  readonly relationType: string;
  readonly name: string;
  readonly fromId: string;
  readonly toId: string;
}

/**
 * Arguments of `read_neighborhood`: the relations around up to 1,000 entities, of these types (none: of all), now
 * (`seq` 0) or at a `seq`. `direction` is `out`, `in` or `both`; bidirectional relations go both ways. A relation
 * between two of the entities comes twice. In the order of the ids, then in that of the last changes.
 */
export interface ReadNeighborhoodArguments extends PageArguments {
  readonly ids: readonly string[];
  readonly direction: string;
  readonly relationTypes: readonly string[];
  readonly seq: bigint;
}

/** Arguments of `read_chunk`: pieces of one value from `position` on, as many as fit a page. */
export interface ReadChunkArguments {
  readonly scope: string;
  readonly digest: string;
  readonly position: number;
}

/** Result of `read_chunk`. `pieces` are in order from the position asked for; `chunk/missing` if there is none. */
export interface ChunkResult {
  readonly count: number;
  readonly pieces: readonly Uint8Array[];
}

/** A table's name and how many rows it holds. */
export interface TableCount {
  readonly name: string;
  readonly rows: bigint;
}

/** Result of `read_status`, which takes no arguments. For the owner and who may `read` `scope:*`. */
export interface StatusResult {
  /** Application events recorded since the universe was made, trimmed ones included. */
  readonly events: bigint;
  /** System records, likewise. */
  readonly changes: bigint;
  readonly entities: bigint;
  readonly relations: bigint;
  readonly versions: bigint;
  readonly seq: bigint;
  readonly trimmedSeq: bigint;
  readonly recordedAt: WireTimestamp;
  readonly owner: WireIdentity;
  readonly codeVersion: number;
  readonly dataVersion: number;
  readonly release: string;
  readonly tables: readonly TableCount[];
}

/** How far one migration is. */
export interface MigrationState {
  /** The schema version that the data have afterwards. */
  readonly to: number;
  readonly name: string;
  readonly description: string;
  /** Tags of the ops that are refused until it is done; `all` for every one. */
  readonly blocks: readonly string[];
  /** Where its next step goes on. */
  readonly cursor: string;
  /** Rows looked at so far. */
  readonly processed: bigint;
  readonly done: boolean;
}

/** Result of `read_migrations`, which takes no arguments. For whoever has any grant. */
export interface MigrationsResult {
  readonly codeVersion: number;
  readonly dataVersion: number;
  /** Every migration there ever was, in order. */
  readonly migrations: readonly MigrationState[];
}

/** Result of `read_configuration`, which takes no arguments: the keys that were set. For the owner and `configure`. */
export interface ConfigurationResult {
  readonly settings: readonly ConfigurationRow[];
}

/** Arguments of `read_permissions`: of one subject, or (empty) of all. For the owner and holders of `grant:admin`. */
export interface ReadPermissionsArguments extends PageArguments {
  readonly subject: string;
}

/** Result of `read_permissions`. */
export interface PermissionsPage extends PageEnd {
  readonly grants: readonly GrantRow[];
  readonly members: readonly RoleMemberRow[];
}

/** Result of `read_audit` (arguments: `PageArguments`), oldest first. For the owner. */
export interface AuditPage extends PageEnd {
  readonly entries: readonly AuditRow[];
}

/** Arguments of `read_consumers`: one consumer, or (empty) all the caller may use. */
export interface ReadConsumersArguments extends PageArguments {
  readonly name: string;
}

/** Result of `read_consumers`; dead letters only of a consumer that was named. */
export interface ConsumersPage extends PageEnd {
  readonly consumers: readonly ConsumerRow[];
  readonly partitions: readonly ConsumerPartitionRow[];
  readonly deadLetters: readonly ConsumerDeadLetterRow[];
}

/** Arguments of `read_consumer_workers`. */
export interface ReadConsumerWorkersArguments {
  readonly name: string;
}

/** Result of `read_consumer_workers`: those whose lease has not ended, in the order in which they joined. */
export interface ConsumerWorkersResult {
  readonly workers: readonly ConsumerWorkerRow[];
}

/** Arguments of `read_consumer_lag`. */
export interface ReadConsumerLagArguments {
  readonly name: string;
  /** `application`, `system`, or (empty) both: a consumer's workers say which they take, and nothing stores it. */
  readonly kind: string;
  /** Up to where each partition counts as handled: one for each, in order. */
  readonly afterSeqs: readonly bigint[];
  /** Where to go on: what the page before looked up to, or 0. */
  readonly lookAfter: bigint;
  /** The last `seq` to look at; 0 for the end of the log. */
  readonly throughSeq: bigint;
}

/** Result of `read_consumer_lag`: a page of a count, which is the sum of its pages. */
export interface ConsumerLagPage {
  /** The consumer's events that this page looked at and that lie after `afterSeqs`, for each partition. */
  readonly counts: readonly number[];
  readonly lookedTo: bigint;
  readonly more: boolean;
  readonly seq: bigint;
}

/** Result of `read_connections`, which takes no arguments: at most 1,000. For the owner. */
export interface ConnectionsResult {
  readonly connections: readonly ClientConnectionRow[];
}

/** Arguments of `read_request`: whether a request of the caller's was applied. */
export interface ReadRequestArguments {
  readonly requestId: string;
}

/** Result of `read_request`. */
export interface RequestResult {
  readonly applied: boolean;
  /** The last `seq` the request wrote; 0 if it wrote none or was not applied. */
  readonly seq: bigint;
}
