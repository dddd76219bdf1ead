/** Reads about the universe itself: scopes, counts, configuration, permissions, consumers, chunks, requests. */
import { administers, ownerOf } from '../access/access.ts';
import { OWNER_KEY } from '../access/settings.ts';
import { readLogHead } from '../log/log-writer.ts';
import { valueKeyOf } from '../ops/chunks.ts';
import { refuse } from '../refusals/refused.ts';
import type {
  AuditRow,
  ClientConnectionRow,
  ConfigurationRow,
  ConsumerDeadLetterRow,
  ConsumerPartitionRow,
  ConsumerRow,
  ConsumerWorkerRow,
  GrantRow,
  RoleMemberRow,
} from '../schema/rows.ts';
import { checkScope } from '../values/checks.ts';
import { isSameIdentity, makeIdentity, micros, type Identity, type Timestamp } from '../values/library-values.ts';
import { MAX_PAGE_BYTES, MAX_PAGE_ROWS } from '../wire/limits.ts';
import { formatCursor, parseCursor, positionTail } from './cursor.ts';
import { PageBudget } from './page.ts';
import { readPage, type End, type PageRequest, type Reader } from './reader.ts';

/** A scope with its key in `head`. */
export interface ReadableScope {
  readonly name: string;
  readonly scopeKey: string;
  readonly seq: bigint;
  readonly recentNumber: bigint;
}

/** The scopes the caller may read anything of, with their keys. */
export function readScopes(reader: Reader): { scopes: ReadableScope[]; owner: Identity; seq: bigint } {
  const { scopes } = readScopePage(reader, { cursor: '', limit: 0 });
  return { scopes, owner: readOwner(reader), seq: reader.seq };
}

/**
 * A page of the scopes the caller may read anything of, by name. What the caller may not know of shows nowhere in it:
 * the cursor is the name of the last scope that was given, and `more` tells of one that will be.
 */
export function readScopePage(reader: Reader, request: PageRequest): { scopes: ReadableScope[] } & End {
  const { db, access, seq } = reader;
  const { tail: after } = parseCursor(request.cursor, { seq: 0n, tail: '' });
  const rest = [...db.scope.iter()].filter(({ name }) => name > after);
  rest.sort((left, right) => compare(left.name, right.name));
  const budget = new PageBudget(request.limit);
  const scopes: ReadableScope[] = [];
  for (const { name, scopeKey } of rest) {
    if (!access.mayKnowScope(name)) continue;
    const head = db.head.scopeKey.find(scopeKey);
    const scope = { name, scopeKey, seq: head?.seq ?? 0n, recentNumber: head?.recentNumber ?? 0n };
    if (!budget.take(scope)) return { scopes, cursor: cursorAfter(scopes, request.cursor), more: true, seq };
    scopes.push(scope);
  }
  return { scopes, cursor: cursorAfter(scopes, request.cursor), more: false, seq };
}

function cursorAfter(scopes: readonly ReadableScope[], before: string): string {
  const last = scopes.at(-1);
  return last === undefined ? before : formatCursor({ seq: 0n, tail: last.name });
}

/** What `read_status` gives. */
export interface Status {
  readonly events: bigint;
  readonly changes: bigint;
  readonly entities: bigint;
  readonly relations: bigint;
  readonly versions: bigint;
  readonly seq: bigint;
  readonly trimmedSeq: bigint;
  readonly recordedAt: Timestamp;
  readonly owner: Identity;
  readonly codeVersion: number;
  readonly dataVersion: number;
  readonly release: string;
  readonly tables: { name: string; rows: bigint }[];
}

/** How much there is of everything. */
export function readStatus(reader: Reader): Status {
  const { db, access } = reader;
  access.require('read', { kind: 'scope', name: '*', scope: '*' });
  const head = readLogHead(reader.ctx);
  const schema = db.schemaVersion.id.find(0);
  return {
    events: head.applicationEvents,
    changes: head.systemRecords,
    entities: db.entity.count(),
    relations: db.relation.count(),
    versions: db.stateVersion.count(),
    seq: reader.seq,
    trimmedSeq: head.trimmedSeq,
    recordedAt: head.recordedAt,
    owner: readOwner(reader),
    codeVersion: schema?.codeVersion ?? 0,
    dataVersion: schema?.dataVersion ?? 0,
    release: schema?.release ?? '',
    // Whatever hangs on the database view is a table.
    tables: Object.entries(db as unknown as Readonly<Record<string, { count(): bigint }>>)
      .map(([accessor, table]) => ({ name: toSnakeCase(accessor), rows: table.count() }))
      .sort((left, right) => (left.name < right.name ? -1 : 1)),
  };
}

/** The configuration's keys that were set. */
export function readConfiguration(reader: Reader): { settings: ConfigurationRow[] } {
  const settings = [...reader.db.config.iter()].filter(
    ({ key }) => key !== OWNER_KEY && reader.access.allows('configure', { kind: 'config', name: key, scope: '' }),
  );
  const mayConfigure = reader.access.isOwner || reader.access.grants().some((grant) => grant.action === 'configure');
  if (!mayConfigure) reader.access.deny('read the configuration');
  return { settings: settings.sort((left, right) => (left.key < right.key ? -1 : 1)) };
}

/** Reads a page of grants and role members, in the order in which they were made. */
export function readPermissions(
  reader: Reader,
  request: PageRequest & { subject: string },
): { grants: GrantRow[]; members: RoleMemberRow[] } & End {
  const { db, access } = reader;
  if (!access.isOwner && !access.grants().some((grant) => grant.action === 'grant:admin'))
    access.deny('read permissions');
  const source = {
    fetch: (range: Parameters<typeof db.grant.seq.filter>[0]) => [
      ...[...db.grant.seq.filter(range)].map((grant) => ({ seq: grant.seq, tail: `g:${grant.grantKey}`, grant })),
      ...[...db.roleMember.seq.filter(range)].map((member) => ({
        seq: member.seq,
        tail: `m:${member.memberKey}`,
        member,
      })),
    ],
    tailOf: (row: PermissionEntry) => row.tail,
    admit: (row: PermissionEntry) => {
      const subject = row.grant?.subject ?? row.member?.member.toHexString();
      if (request.subject !== '' && request.subject !== subject) return undefined;
      return mayKnowPermission(reader, row, subject) ? row : undefined;
    },
  };
  const { rows, end } = readPage<PermissionEntry, PermissionEntry>(reader, source, request);
  return {
    grants: rows.flatMap((row) => row.grant ?? []),
    members: rows.flatMap((row) => row.member ?? []),
    ...end,
  };
}

interface PermissionEntry {
  readonly seq: bigint;
  readonly tail: string;
  readonly grant?: GrantRow;
  readonly member?: RoleMemberRow;
}

/** A holder of `grant:admin` is told of what it administers, and of what is its own. */
function mayKnowPermission({ access, ctx }: Reader, { grant }: PermissionEntry, subject: string | undefined): boolean {
  if (access.isOwner || subject === ctx.sender.toHexString()) return true;
  return grant !== undefined && access.grants().some((admin) => administers(admin, grant.resource, grant.scope));
}

/** Reads a page of the audit, oldest first. */
export function readAudit(reader: Reader, request: PageRequest): { entries: AuditRow[] } & End {
  reader.access.requireOwner('read the audit');
  const source = {
    fetch: (range: Parameters<typeof reader.db.audit.seq.filter>[0]) => reader.db.audit.seq.filter(range),
    tailOf: (row: AuditRow) => positionTail(row.position, row.action),
    admit: (row: AuditRow) => row,
  };
  const { rows, end } = readPage(reader, source, request);
  return { entries: rows, ...end };
}

/** What `read_consumers` gives. */
export type ConsumersResult = {
  consumers: ConsumerRow[];
  partitions: ConsumerPartitionRow[];
  deadLetters: ConsumerDeadLetterRow[];
} & End;

/** One consumer with its partitions and dead letters, or a page of all consumers with their partitions. */
export function readConsumers(reader: Reader, request: PageRequest & { name: string }): ConsumersResult {
  const { db } = reader;
  const mayUse = (row: ConsumerRow): boolean => mayConsume(reader, row);
  if (request.name === '') {
    const source = {
      fetch: (range: Parameters<typeof db.consumer.seq.filter>[0]) => db.consumer.seq.filter(range),
      tailOf: (row: ConsumerRow) => row.name,
      admit: (row: ConsumerRow) => (mayUse(row) ? row : undefined),
    };
    const { rows, end } = readPage(reader, source, request);
    return {
      consumers: rows,
      partitions: rows.flatMap((row) => partitionsOf(reader, row.name)),
      deadLetters: [],
      ...end,
    };
  }
  const consumer = requireConsumer(reader, request.name);
  const source = {
    fetch: (range: Parameters<typeof db.consumer.seq.filter>[0]) =>
      db.consumerDeadLetter.byName.filter([consumer.name, range]),
    tailOf: (row: ConsumerDeadLetterRow) => row.letterKey,
    admit: (row: ConsumerDeadLetterRow) => row,
  };
  const { rows, end } = readPage(reader, source, request);
  return { consumers: [consumer], partitions: partitionsOf(reader, consumer.name), deadLetters: rows, ...end };
}

/** Who takes part in a consumer now, in the order in which they joined. */
export function readConsumerWorkers(reader: Reader, name: string): { workers: ConsumerWorkerRow[] } {
  const consumer = requireConsumer(reader, name);
  const now = micros(reader.ctx.timestamp);
  const workers = [...reader.db.consumerWorker.name.filter(consumer.name)]
    .filter((row) => micros(row.leaseUntil) > now)
    .sort(
      (left, right) => compare(micros(left.joinedAt), micros(right.joinedAt)) || compare(left.holder, right.holder),
    );
  return { workers };
}

/** The connections that are open now. */
export function readConnections(reader: Reader): { connections: ClientConnectionRow[] } {
  reader.access.requireOwner('read connections');
  return { connections: [...reader.db.clientConnection.iter()].slice(0, MAX_PAGE_ROWS) };
}

/** Whether a request of the caller's was applied. */
export function readRequest(reader: Reader, requestId: string): { applied: boolean; seq: bigint } {
  const row = reader.db.request.requestId.find(requestId);
  const applied = row !== null && (reader.access.isOwner || isSameIdentity(row.identity, reader.ctx.sender));
  return { applied, seq: applied ? row.seq : 0n };
}

/** Pieces of a large value, as many as fit a page. */
export function readChunk(
  reader: Reader,
  request: { scope: string; digest: string; position: number },
): { count: number; pieces: Uint8Array[] } {
  const scope = checkScope(request.scope);
  reader.access.require('read', { kind: 'scope', name: scope, scope });
  const valueKey = valueKeyOf(scope, request.digest);
  const value = reader.db.chunkValue.valueKey.find(valueKey);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let position = request.position; value !== null && position < value.count; position += 1) {
    const piece = reader.db.chunk.chunkKey.find(`${valueKey}\n${position}`);
    if (piece === null) break;
    bytes += piece.bytes.byteLength;
    if (bytes > MAX_PAGE_BYTES && pieces.length > 0) break;
    pieces.push(piece.bytes);
  }
  if (value === null || pieces.length === 0) {
    refuse(
      'chunk/missing',
      `There is no piece ${request.position} of '${request.digest.slice(0, 128)}' in scope ${scope}.`,
      {
        ids: [request.digest.slice(0, 128)],
        details: { position: request.position },
      },
    );
  }
  return { count: value.count, pieces };
}

/** The consumer of this name, if the caller may use it. */
export function requireConsumer(reader: Reader, name: string): ConsumerRow {
  const consumer = reader.db.consumer.name.find(name);
  if (consumer !== null && mayConsume(reader, consumer)) return consumer;
  return refuse('consumer/not-found', `There is no consumer '${name.slice(0, 128)}' that you may use.`, {
    ids: [name.slice(0, 128)],
  });
}

function mayConsume({ access }: Reader, { pattern, scope }: ConsumerRow): boolean {
  return access.allows('consume', { kind: 'event', name: pattern, scope });
}

function compare<T extends bigint | string>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function partitionsOf(reader: Reader, name: string): ConsumerPartitionRow[] {
  return [...reader.db.consumerPartition.name.filter(name)].sort((left, right) => left.partition - right.partition);
}

function readOwner(reader: Reader): Identity {
  return makeIdentity(BigInt(`0x${ownerOf(reader.ctx)}`));
}

function toSnakeCase(accessor: string): string {
  return accessor.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
