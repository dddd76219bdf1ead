import { referenceKey } from '../ops/branches.ts';
import { refuse } from '../refusals/refused.ts';
import type {
  BranchMoveRow,
  BranchRow,
  CompactedRunRow,
  DeltaRecordRow,
  StateSnapshotRow,
  StateStoreRow,
  StateVersionRow,
  TagRow,
} from '../schema/rows.ts';
import type { Range } from 'spacetimedb/server';
import { positionTail } from './cursor.ts';
import { PageBudget } from './page.ts';
import { concat, readByIds, readPage, scopesToRead, type End, type PageRequest, type Reader } from './reader.ts';

/** A version with all its parents. */
export interface VersionEntry {
  readonly version: StateVersionRow;
  readonly parents: string[];
}

/** What `read_versions` is called with. */
export interface VersionsRequest extends PageRequest {
  readonly ids: readonly string[];
  readonly scope: string;
  readonly store: string;
  readonly branch: string;
  readonly line: string;
  readonly descending: boolean;
}

/** Reads a page of versions. */
export function readVersions(reader: Reader, request: VersionsRequest): { versions: VersionEntry[] } & End {
  if (request.ids.length > 0) {
    const { rows, end } = readByIds(reader, request.ids, request, (id) => {
      const row = reader.db.stateVersion.versionId.find(id);
      return row !== null && mayRead(reader, row) ? withParents(reader, row) : undefined;
    });
    return { versions: rows, ...end };
  }
  if (request.line !== '' || request.branch !== '') return readLine(reader, request);
  const { stateVersion } = reader.db;
  const scopes = scopesToRead(reader, request.scope, 'store');
  const source = {
    fetch: (range: Range<bigint>): Iterable<StateVersionRow> =>
      request.store === ''
        ? concat(scopes.map((scope) => stateVersion.byScope.filter([scope, range])))
        : stateVersion.byStore.filter([request.store, range]),
    tailOf: (row: StateVersionRow) => positionTail(row.position, row.versionId),
    admit: (row: StateVersionRow) =>
      (request.scope === '' || row.scope === request.scope) && mayRead(reader, row)
        ? withParents(reader, row)
        : undefined,
  };
  const { rows, end } = readPage(reader, source, request);
  return { versions: rows, ...end };
}

/** The first-parent line of a version, or of a branch's head; the cursor is the next version's id. */
function readLine(reader: Reader, request: VersionsRequest): { versions: VersionEntry[] } & End {
  let next = request.cursor;
  if (next === '')
    next = request.line === '' ? requireBranch(reader, request.store, request.branch).head : request.line;
  const budget = new PageBudget(request.limit);
  const versions: VersionEntry[] = [];
  while (next !== '') {
    const row = requireNearest(reader, next);
    const entry = withParents(reader, row);
    if (!budget.take(entry)) break;
    versions.push(entry);
    next = row.parentVersionId;
  }
  return { versions, cursor: next, more: next !== '', seq: reader.seq };
}

/** A version that exists and may be read. Who may not read it does not learn whether it exists. */
export function requireVersion(reader: Reader, versionId: string): StateVersionRow {
  const row = reader.db.stateVersion.versionId.find(versionId);
  if (row !== null && mayRead(reader, row)) return row;
  return refuse('state/unknown-version', `There is no version '${versionId.slice(0, 128)}' that you may read.`, {
    ids: [versionId.slice(0, 128)],
  });
}

/** As `requireVersion`; of the last one of a line that was left out, the version before that line. */
export function requireNearest(reader: Reader, versionId: string): StateVersionRow {
  if (reader.db.stateVersion.versionId.find(versionId) !== null) return requireVersion(reader, versionId);
  const run = reader.db.compactedRun.runId.find(versionId);
  return requireVersion(reader, run !== null && mayRead(reader, run) ? run.ancestor : versionId);
}

/** A branch that exists and may be read. */
export function requireBranch(reader: Reader, store: string, name: string): BranchRow {
  const row = reader.db.branch.branchKey.find(referenceKey(store, name));
  if (row !== null && mayRead(reader, row)) return row;
  return refuse(
    'branch/not-found',
    `There is no branch '${name.slice(0, 128)}' of '${store.slice(0, 128)}' that you may read.`,
    {
      ids: [name.slice(0, 128)],
      details: { store: store.slice(0, 128) },
    },
  );
}

/** What `read_state` gives. */
export interface StateResult {
  readonly store: string;
  readonly steps: StateStep[];
  readonly snapshot: SnapshotValue | undefined;
  readonly continueFrom: string;
  readonly seq: bigint;
}

type StateStep = Pick<StateVersionRow, 'versionId' | 'parentVersionId' | 'dataHash' | 'publisher'> &
  Pick<DeltaRecordRow, 'delta' | 'deltaEncoding'>;
type SnapshotValue = Pick<StateVersionRow, 'versionId' | 'dataHash' | 'publisher'> &
  Pick<StateSnapshotRow, 'state' | 'stateEncoding'>;

/** Reads back from a version to the nearest snapshot or the root, one page of steps at a time. */
export function readState(reader: Reader, versionId: string, limit: number): StateResult {
  const budget = new PageBudget(limit);
  const steps: StateStep[] = [];
  let version = requireVersion(reader, versionId);
  const { store } = version;
  for (;;) {
    const snapshot = reader.db.stateSnapshot.versionId.find(version.versionId);
    const value = snapshot === null ? stepOf(reader, version) : snapshotOf(version, snapshot);
    if (!budget.take(value))
      return { store, steps, snapshot: undefined, continueFrom: version.versionId, seq: reader.seq };
    if ('state' in value) return { store, steps, snapshot: value, continueFrom: '', seq: reader.seq };
    steps.push(value);
    if (version.parentVersionId === '') return { store, steps, snapshot: undefined, continueFrom: '', seq: reader.seq };
    version = requireNearest(reader, version.parentVersionId);
  }
}

function stepOf(reader: Reader, version: StateVersionRow): StateStep {
  const { versionId, parentVersionId, dataHash, publisher } = version;
  const record = reader.db.deltaRecord.versionId.find(versionId);
  if (record === null) {
    refuse('state/incomplete', `The version '${versionId}' has neither a delta nor a snapshot yet.`, {
      ids: [versionId],
    });
  }
  const { delta, deltaEncoding } = record;
  return { versionId, parentVersionId, dataHash, publisher, delta, deltaEncoding };
}

function snapshotOf(version: StateVersionRow, { state, stateEncoding }: StateSnapshotRow): SnapshotValue {
  const { versionId, dataHash, publisher } = version;
  return { versionId, dataHash, publisher, state, stateEncoding };
}

/** Reads a page of stores, in the order in which they were made. */
export function readStores(
  reader: Reader,
  request: PageRequest & { scope: string },
): { stores: StateStoreRow[] } & End {
  const scopes = scopesToRead(reader, request.scope, 'store');
  const source = {
    fetch: (range: Range<bigint>): Iterable<StateStoreRow> =>
      concat(scopes.map((scope) => reader.db.stateStore.byScope.filter([scope, range]))),
    tailOf: (row: StateStoreRow) => row.store,
    admit: (row: StateStoreRow) => (mayRead(reader, row) ? row : undefined),
  };
  const { rows, end } = readPage(reader, source, request);
  return { stores: rows, ...end };
}

/** What `read_branches` and `read_tags` are called with. */
export interface ReferencesRequest extends PageRequest {
  readonly scope: string;
  readonly store: string;
  readonly name: string;
}

/** Reads a page of branches, in the order of their last moves. */
export function readBranches(reader: Reader, request: ReferencesRequest): { branches: BranchRow[] } & End {
  const { branch } = reader.db;
  if (request.name !== '') {
    const row = branch.branchKey.find(referenceKey(request.store, request.name));
    const branches = row !== null && isWanted(reader, request, row) ? [row] : [];
    return { branches, cursor: '', more: false, seq: reader.seq };
  }
  const scopes = scopesToRead(reader, request.scope, 'store');
  const source = {
    fetch: (range: Range<bigint>): Iterable<BranchRow> =>
      request.store === ''
        ? concat(scopes.map((scope) => branch.byScope.filter([scope, range])))
        : branch.byStore.filter([request.store, range]),
    tailOf: (row: BranchRow) => row.branchKey,
    admit: (row: BranchRow) => (isWanted(reader, request, row) ? row : undefined),
  };
  const { rows, end } = readPage(reader, source, request);
  return { branches: rows, ...end };
}

/** Reads a page of tags, in the order in which they were set. */
export function readTags(reader: Reader, request: ReferencesRequest): { tags: TagRow[] } & End {
  const { tag } = reader.db;
  if (request.name !== '') {
    const row = tag.tagKey.find(referenceKey(request.store, request.name));
    const tags = row !== null && isWanted(reader, request, row) ? [row] : [];
    return { tags, cursor: '', more: false, seq: reader.seq };
  }
  const scopes = scopesToRead(reader, request.scope, 'store');
  const source = {
    fetch: (range: Range<bigint>): Iterable<TagRow> =>
      request.store === ''
        ? concat(scopes.map((scope) => tag.byScope.filter([scope, range])))
        : tag.byStore.filter([request.store, range]),
    tailOf: (row: TagRow) => row.tagKey,
    admit: (row: TagRow) => (isWanted(reader, request, row) ? row : undefined),
  };
  const { rows, end } = readPage(reader, source, request);
  return { tags: rows, ...end };
}

function isWanted(reader: Reader, { scope }: ReferencesRequest, row: BranchRow | TagRow): boolean {
  return (scope === '' || row.scope === scope) && mayRead(reader, row);
}

/** Reads a page of a branch's moves, oldest first; a deleted branch still has its moves. */
export function readBranchMoves(
  reader: Reader,
  request: PageRequest & { store: string; branch: string },
): { moves: BranchMoveRow[] } & End {
  const branchKey = referenceKey(request.store, request.branch);
  const source = {
    fetch: (range: Range<bigint>) => reader.db.branchMove.byBranch.filter([branchKey, range]),
    tailOf: (row: BranchMoveRow) => positionTail(row.position, row.toHead),
    admit: (row: BranchMoveRow) => (mayRead(reader, row) ? row : undefined),
  };
  const { rows, end } = readPage(reader, source, request);
  return { moves: rows, ...end };
}

/** What `read_compacted_runs` is called with. */
export interface CompactedRunsRequest extends PageRequest {
  readonly store: string;
  readonly ids: readonly string[];
  readonly headers: boolean;
}

/** Reads a page of what was left out of a store's history, or some by their ids. */
export function readCompactedRuns(reader: Reader, request: CompactedRunsRequest): { runs: CompactedRunRow[] } & End {
  const { compactedRun } = reader.db;
  const admit = (row: CompactedRunRow | null): CompactedRunRow | undefined => {
    if (row === null || !mayRead(reader, row)) return undefined;
    return request.headers ? row : { ...row, headers: '' };
  };
  if (request.ids.length > 0) {
    const { rows, end } = readByIds(reader, request.ids, request, (id) => admit(compactedRun.runId.find(id)));
    return { runs: rows, ...end };
  }
  const source = {
    fetch: (range: Range<bigint>): Iterable<CompactedRunRow> => compactedRun.byStore.filter([request.store, range]),
    tailOf: (row: CompactedRunRow) => row.runId,
    admit,
  };
  const { rows, end } = readPage(reader, source, request);
  return { runs: rows, ...end };
}

function withParents(reader: Reader, version: StateVersionRow): VersionEntry {
  if (version.parentCount === 0) return { version, parents: [] };
  if (version.parentCount === 1) return { version, parents: [version.parentVersionId] };
  const rows = [...reader.db.versionParent.byVersion.filter(version.versionId)];
  rows.sort((left, right) => left.position - right.position);
  return { version, parents: rows.map((row) => row.parentId) };
}

function mayRead({ access }: Reader, row: { readonly store: string; readonly scope: string }): boolean {
  return access.allows('read', { kind: 'store', name: row.store, scope: row.scope });
}
