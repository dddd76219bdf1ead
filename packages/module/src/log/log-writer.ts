/**
 * What one transaction adds to the log. Invariants:
 * - every `seq` taken is a row of `event_log` when the transaction ends, so the log has no gaps;
 * - all rows a transaction changes carry one `seq`, that of its first system record (`changeSeq`);
 * - there is one system record per kind and scope, and it lists the ids in the order of the changes;
 * - the recorded time is never before that of an earlier transaction.
 * Nothing is written before `flush`, which is called once, after the last op.
 */
import { errors } from 'spacetimedb/server';
import { refuse } from '../refusals/refused.ts';
import type { Context } from '../schema/database.ts';
import type { EventFeedRow, EventLogRow, LogHeadRow } from '../schema/rows.ts';
import { makeTimestamp, micros, type Timestamp } from '../values/library-values.ts';
import { RECENT_EVENTS } from '../wire/limits.ts';
import { SYSTEM_ID_PREFIX, SYSTEM_SOURCE, type EventDurability, type SystemEventType } from '../wire/vocabulary.ts';
import { bumpHead } from './heads.ts';

/** What a caller says of an event; the writer adds the rest. */
export type EventDraft = Omit<EventLogRow, 'seq' | 'recordedAt' | 'publisher'>;

/** Members of a system record's `items`. */
export type RecordItem = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface RecordDraft {
  readonly type: SystemEventType;
  readonly scope: string;
  readonly seq: bigint;
  readonly ids: string[];
  readonly items: RecordItem[];
}

const NO_METADATA = '{}';

/** Refuses an event whose id is taken; `op` is the position of its own, where another is being carried out. */
export function refuseTakenId(eventId: string, op?: number): never {
  refuse('event/id-taken', `The event id '${eventId}' is taken by another event.`, { ids: [eventId], op });
}

/** The head of the log, the one row of its table. */
export function readLogHead(ctx: Context): LogHeadRow {
  const head = ctx.db.logHead.id.find(0);
  if (head === null) throw new Error('log_head has no row: the database was not initialised by this module');
  return head;
}

/** Takes `seq` and the recorded time, and writes events and records. */
export class LogWriter {
  /** The server's time of everything this transaction writes. */
  readonly recordedAt: Timestamp;
  readonly #ctx: Context;
  readonly #head: LogHeadRow;
  readonly #requestId: string;
  readonly #durable: EventFeedRow[] = [];
  /** The positions of the ops that published these, in the same order. */
  readonly #ops: number[] = [];
  readonly #ephemeral: EventDraft[] = [];
  readonly #broadcast: EventDraft[] = [];
  readonly #records = new Map<string, RecordDraft>();
  #nextSeq: bigint;
  #changeSeq: bigint | undefined;

  constructor(ctx: Context, requestId: string) {
    this.#ctx = ctx;
    this.#requestId = requestId;
    this.#head = readLogHead(ctx);
    this.#nextSeq = this.#head.nextSeq;
    const time = micros(ctx.timestamp);
    const last = micros(this.#head.recordedAt);
    this.recordedAt = time >= last ? ctx.timestamp : makeTimestamp(last);
  }

  /** The last `seq` before this transaction. */
  get seqBefore(): bigint {
    return this.#head.nextSeq - 1n;
  }

  /** Up to which `seq` the log is trimmed, by this transaction too. */
  get trimmedSeq(): bigint {
    return this.#head.trimmedSeq;
  }

  /** Adds a durable event, in the order of the ops; `op` is the position of its own, for when its id is taken. */
  publish(draft: EventDraft, op: number): void {
    this.#durable.push(this.#makeRow(draft, this.#takeSeq(), 'durable'));
    this.#ops.push(op);
  }

  /** Adds an event that is broadcast, kept in its scope's ring, and not logged. */
  publishEphemeral(draft: EventDraft): void {
    this.#ephemeral.push(draft);
  }

  /** Adds a system record that is broadcast only: neither logged nor in a ring. */
  broadcast(type: SystemEventType, scope: string, data: string): void {
    const eventId = `${SYSTEM_ID_PREFIX}${this.#ctx.newUuidV7().toString()}`;
    this.#broadcast.push(makeRecord({ eventId, type, scope, data }, this.recordedAt));
  }

  /** Notes a change in the record of its kind and scope, and gives the `seq` that the changed row has to carry. */
  change(type: SystemEventType, scope: string, id: string, item?: RecordItem): bigint {
    const key = `${type}\n${scope}`;
    let record = this.#records.get(key);
    if (record === undefined) {
      record = { type, scope, seq: this.#takeSeq(), ids: [], items: [] };
      this.#records.set(key, record);
      this.#changeSeq ??= record.seq;
    }
    record.ids.push(id);
    if (item !== undefined) record.items.push(item);
    return this.#changeSeq ?? record.seq;
  }

  /** Notes that the log was trimmed up to a `seq`. */
  trim(upToSeq: bigint, digest: string): void {
    this.#head.trimmedSeq = upToSeq;
    this.#head.trimmedDigest = digest;
  }

  /** Writes everything, moves the heads of the scopes concerned, and gives the last `seq`, or 0 if it took none. */
  flush(): bigint {
    const heads = new Map<string, bigint>();
    for (const row of this.#inOrder()) this.#writeDurable(row, heads);
    const rings = this.#writeEphemeral();
    for (const draft of this.#broadcast) this.#ctx.db.eventFeed.insert(this.#makeRow(draft, 0n, 'ephemeral'));
    for (const scope of new Set([...heads.keys(), ...rings.keys()])) {
      bumpHead(this.#ctx, scope, { seq: heads.get(scope), recentNumber: rings.get(scope) });
    }
    const taken = this.#nextSeq - this.#head.nextSeq;
    if (taken > 0n) {
      const system = BigInt(this.#records.size);
      this.#ctx.db.logHead.id.update({
        ...this.#head,
        nextSeq: this.#nextSeq,
        recordedAt: this.recordedAt,
        applicationEvents: this.#head.applicationEvents + taken - system,
        systemRecords: this.#head.systemRecords + system,
      });
    }
    return taken > 0n ? this.#nextSeq - 1n : 0n;
  }

  #takeSeq(): bigint {
    const seq = this.#nextSeq;
    this.#nextSeq += 1n;
    return seq;
  }

  /** One object for log, ring and feed: an insert takes the columns of its table and leaves the others. */
  #makeRow(draft: EventDraft, seq: bigint, durability: EventDurability): EventFeedRow {
    return {
      eventId: draft.eventId,
      seq,
      eventType: draft.eventType,
      typeVersion: draft.typeVersion,
      kind: draft.kind,
      scope: draft.scope,
      source: draft.source,
      publisher: this.#ctx.sender,
      partitionKey: draft.partitionKey,
      authoredAt: draft.authoredAt,
      recordedAt: this.recordedAt,
      data: draft.data,
      dataEncoding: draft.dataEncoding,
      metadata: draft.metadata,
      metadataEncoding: draft.metadataEncoding,
      durability,
      requestId: this.#requestId,
    };
  }

  #finishRecord(record: RecordDraft): EventFeedRow {
    const { type, scope, seq, ids, items } = record;
    const data = JSON.stringify(items.length === 0 ? { ids } : { ids, items });
    const eventId = `${SYSTEM_ID_PREFIX}${seq}`;
    return this.#makeRow(makeRecord({ eventId, type, scope, data }, this.recordedAt), seq, 'durable');
  }

  /** Events and records by `seq`. */
  #inOrder(): readonly EventFeedRow[] {
    if (this.#records.size === 0) return this.#durable;
    const records = Array.from(this.#records.values(), (record) => this.#finishRecord(record));
    return [...this.#durable, ...records].sort((left, right) => (left.seq < right.seq ? -1 : 1));
  }

  #writeDurable(row: EventFeedRow, heads: Map<string, bigint>): void {
    this.#insertIntoLog(row);
    this.#ctx.db.eventFeed.insert(row);
    heads.set(row.scope, row.seq);
  }

  /** Whether an id is new is seen by the log's own key: to look for it first would take as long as to insert. */
  #insertIntoLog(row: EventFeedRow): void {
    try {
      this.#ctx.db.eventLog.insert(row);
    } catch (error) {
      if (!(error instanceof errors.UniqueAlreadyExists)) throw error;
      refuseTakenId(row.eventId, this.#ops[this.#durable.indexOf(row)]);
    }
  }

  #writeEphemeral(): ReadonlyMap<string, bigint> {
    const rings = new Map<string, bigint>();
    const { recentEvent, eventFeed } = this.#ctx.db;
    for (const draft of this.#ephemeral) {
      const recentNumber = (rings.get(draft.scope) ?? readRecentNumber(this.#ctx, draft.scope)) + 1n;
      rings.set(draft.scope, recentNumber);
      const row = this.#makeRow(draft, 0n, 'ephemeral');
      const slotKey = `${draft.scope}\n${recentNumber % BigInt(RECENT_EVENTS)}`;
      if (recentNumber > RECENT_EVENTS) recentEvent.slotKey.delete(slotKey);
      recentEvent.insert({ ...row, slotKey, recentNumber });
      eventFeed.insert(row);
    }
    return rings;
  }
}

interface RecordText {
  readonly eventId: string;
  readonly type: SystemEventType;
  readonly scope: string;
  readonly data: string;
}

function makeRecord({ eventId, type, scope, data }: RecordText, time: Timestamp): EventDraft {
  return {
    eventId,
    eventType: type,
    typeVersion: 1,
    kind: 'system',
    scope,
    source: SYSTEM_SOURCE,
    partitionKey: '',
    authoredAt: time,
    data,
    dataEncoding: 'json/1',
    metadata: NO_METADATA,
    metadataEncoding: 'json/1',
  };
}

function readRecentNumber(ctx: Context, scope: string): bigint {
  const row = ctx.db.scope.name.find(scope);
  return row === null ? 0n : (ctx.db.head.scopeKey.find(row.scopeKey)?.recentNumber ?? 0n);
}
