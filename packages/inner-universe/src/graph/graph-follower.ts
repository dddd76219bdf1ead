/*
 * Keeps what is held of a graph up with the log. Invariants:
 * - work is done one after the other, in the order in which it came;
 * - everything up to `takenSeq` has been taken in;
 * - on the owner's connections each record is taken in with the rows that were pushed with it, so that every change is
 *   told, as it was; where rows are missing, and for everybody else, what changed is read, all in all.
 */
import { identityHex, microsOf, type EntityRow, type RelationRow } from '@inner-universe/module/wire';
import { RefusedError } from '../errors.ts';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import { idsOf } from '../client/inner-universe-client.ts';
import { OnceDenied } from '../client/once-denied.ts';
import { pages } from '../client/reads.ts';
import { ChangedRows, type Subject } from './changed-rows.ts';
import type { GoneRow } from './held-rows.ts';
import type { RawChanges } from './replica-rows.ts';

/** Records that wait to be taken in; beyond, what changed is read instead. */
const RECORDS_MAX = 10_000;

export interface FollowerParts {
  readonly client: ModuleClient;
  readonly onError: (error: unknown) => void;
  /** Takes changes in. */
  readonly takeIn: (changes: RawChanges) => Promise<void>;
  /** Reads everything anew: what changed cannot be told any more. */
  readonly reload: () => Promise<void>;
}

/** What follows the log for one live graph. */
export class GraphFollower {
  readonly #parts: FollowerParts;
  readonly #changed = new ChangedRows();
  readonly #denied: OnceDenied;
  #stops: (() => void)[] = [];
  #stopRows: (() => void) | undefined;
  #line: Promise<void> = Promise.resolve();
  #takenSeq: bigint | undefined;
  #waiting = 0;
  #isPullDue = false;
  #closed = false;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#denied = new OnceDenied(parts.onError);
  }

  /** The last `seq` up to which everything was taken in; undefined before it follows. */
  get takenSeq(): bigint | undefined {
    return this.#takenSeq;
  }

  /** Does work when all that came before is done. */
  inLine<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#line.then(work);
    this.#line = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when all that has come is taken in. */
  async idle(): Promise<void> {
    await this.#line;
  }

  /** Begins to listen, once: what is committed from then on is taken in. In line. */
  async start(): Promise<void> {
    const { client } = this.#parts;
    if (this.#stops.length === 0) {
      this.#stops = [
        client.listen(
          (events) => this.#accept(events),
          () => this.pullSoon(),
          () => this.pullSoon(),
        ),
        client.onState(({ state }) => {
          if (state === 'connected') this.pullSoon();
        }),
      ];
    }
    if (client.state === 'connected') await this.#followRows();
  }

  /** Begins where the log is now, if it has not begun. In line. */
  async begin(): Promise<void> {
    this.#takenSeq ??= (await this.#parts.client.read('readScopes', {})).seq;
  }

  /** Goes back to an earlier `seq`, up to which what was kept here is whole. */
  beginAt(seq: bigint): void {
    if (this.#takenSeq === undefined || seq < this.#takenSeq) this.#takenSeq = seq;
  }

  /** Has what changed read, when its turn comes. */
  pullSoon(): void {
    if (this.#isPullDue || this.#closed) return;
    this.#isPullDue = true;
    this.#inBackground(async () => {
      this.#isPullDue = false;
      await this.#followRows();
      await this.pull();
    });
  }

  /** Reads what changed and takes it in. In line. */
  async pull(): Promise<void> {
    const { client, takeIn, reload } = this.#parts;
    const afterSeq = this.#takenSeq;
    if (afterSeq === undefined || this.#closed) return;
    try {
      for await (const page of pages((cursor) => client.read('readGraphChanges', { afterSeq, cursor, limit: 0 }))) {
        const gone = [
          ...page.goneEntities.map(({ id, seq }): GoneRow => ({ kind: 'entity', id, seq: Number(seq) })),
          ...page.goneRelations.map(({ id, seq }): GoneRow => ({ kind: 'relation', id, seq: Number(seq) })),
        ];
        await takeIn({ entities: page.entities, relations: page.relations, gone });
        if (!page.more) this.#takenSeq = page.seq;
      }
      this.#denied.noteAllowed();
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'event/trimmed') throw error;
      this.#takenSeq = undefined;
      await this.begin();
      await reload();
    }
  }

  /** Stops listening, and forgets where it was. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#stopRows?.();
    this.#stopRows = undefined;
    this.#takenSeq = undefined;
  }

  close(): void {
    this.#closed = true;
    this.stop();
  }

  async #followRows(): Promise<void> {
    if (this.#stopRows !== undefined || this.#stops.length === 0) return;
    this.#stopRows = await this.#parts.client.followRows({
      queries: (seq: bigint) => [
        `SELECT * FROM entity WHERE seq > ${seq}`,
        `SELECT * FROM relation WHERE seq > ${seq}`,
      ],
      tables: ['entity', 'relation'],
      onChange: this.#changed.put.bind(this.#changed),
    });
  }

  #accept(events: readonly LiveEvent[]): void {
    const records = events.filter(({ kind, eventType }) => kind === 'system' && /^(ENTITY|RELATION)_/.test(eventType));
    for (const transaction of byTransaction(records)) {
      if (this.#waiting >= RECORDS_MAX) this.pullSoon();
      else this.#takeInSoon(transaction);
    }
  }

  #takeInSoon(records: readonly LiveEvent[]): void {
    this.#waiting += records.length;
    this.#inBackground(async () => {
      this.#waiting -= records.length;
      await this.#takeInRecords(records);
    });
  }

  async #takeInRecords(records: readonly LiveEvent[]): Promise<void> {
    const pushed = records.map((record) => this.#takePushed(record));
    const last = records.at(-1)?.seq ?? 0n;
    if (this.#takenSeq === undefined || last <= this.#takenSeq) return;
    if (pushed.some(({ isWhole }) => !isWhole)) {
      await this.pull();
      return;
    }
    await this.#parts.takeIn({
      entities: pushed.flatMap(({ entities }) => entities),
      relations: pushed.flatMap(({ relations }) => relations),
      gone: pushed.flatMap(({ gone }) => gone),
    });
    this.#takenSeq = last;
  }

  /** What was pushed with a record. */
  #takePushed(record: LiveEvent): RawChanges & { readonly isWhole: boolean } {
    const subject: Subject = record.eventType.startsWith('ENTITY_') ? 'entity' : 'relation';
    const rows: (EntityRow | RelationRow)[] = [];
    const missing: string[] = [];
    for (const id of idsOf(record)) {
      const row = this.#changed.take(subject, id, record.seq);
      if (row !== undefined) rows.push(row);
      else missing.push(id);
    }
    // A deletion pushes no row: it is told by the record alone. Any other row that is missing is to be read.
    const isDeletion = record.eventType.endsWith('_DELETED');
    return {
      // The rows of a subject are of its table.
      entities: subject === 'entity' ? (rows as EntityRow[]) : [],
      relations: subject === 'relation' ? (rows as RelationRow[]) : [],
      gone: isDeletion ? missing.map((id) => ({ kind: subject, id, seq: Number(record.seq) })) : [],
      isWhole: isDeletion || missing.length === 0,
    };
  }

  #inBackground(work: () => Promise<void>): void {
    this.inLine(work).catch((error: unknown) => {
      if (!this.#closed) this.#denied.report(error);
    });
  }
}

/**
 * Records by the transaction that made them: of one there is one record of a type and scope at most. Where two
 * transactions of one writer fell into the same microsecond they may be taken for one.
 */
function* byTransaction(records: readonly LiveEvent[]): Generator<readonly LiveEvent[], void, undefined> {
  let transaction: LiveEvent[] = [];
  for (const record of records) {
    const [first] = transaction;
    const isOther = first !== undefined && !isSameTransaction(first, record);
    const isAgain = transaction.some(
      ({ eventType, scope }) => eventType === record.eventType && scope === record.scope,
    );
    if (isOther || isAgain) {
      yield transaction;
      transaction = [];
    }
    transaction.push(record);
  }
  if (transaction.length > 0) yield transaction;
}

function isSameTransaction(one: LiveEvent, other: LiveEvent): boolean {
  return (
    microsOf(one.recordedAt) === microsOf(other.recordedAt) &&
    identityHex(one.publisher) === identityHex(other.publisher)
  );
}
