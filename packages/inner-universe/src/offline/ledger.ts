/*
 * The account of what lies in the outbox. Invariants:
 * - memory is changed at once, the records in the order of the calls; a step's records are kept whole or not at all;
 * - a write is listed when its record is kept durably, and until it is answered or discarded;
 * - of a request that may have been sent there is a record before it is sent.
 */
import type { Op } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { Watched, type Watchable } from '../connection/watched.ts';
import { makeCorrupt } from './outbox-errors.ts';
import type { OutboxRecords, RecordChange } from './outbox.ts';
import {
  noRequest,
  noWrite,
  readStored,
  requestRecord,
  statusRecord,
  writeRecord,
  type StoredRequest,
  type StoredWrite,
} from './stored-work.ts';
import type { WorkItem, WorkOutcome, WorkReason, WorkState, WorkSummary } from './work.ts';

const NOTHING: WorkSummary = Object.freeze({ pending: 0, blocked: 0, rejected: 0, bytes: 0 });

/** What one step changes; all of it is kept, or none. */
export class LedgerStep {
  readonly changes: RecordChange[] = [];
  /** Writes that are listed when the step is kept. */
  readonly added: StoredWrite[] = [];

  add(write: StoredWrite): void {
    this.changes.push(writeRecord(write));
    this.added.push(write);
  }

  /** How far a write is has changed. */
  update(write: StoredWrite): void {
    this.changes.push(statusRecord(write));
  }

  forget(id: string): void {
    this.changes.push(...noWrite(id));
  }

  putRequest(request: StoredRequest): void {
    this.changes.push(requestRecord(request));
  }

  dropRequest(requestId: string): void {
    this.changes.push(noRequest(requestId));
  }
}

/** What is in the outbox, and what becomes of it. */
export class Ledger {
  /** Requests that may have been sent before this process, in order. */
  readonly recoveredRequests: readonly StoredRequest[];
  readonly #records: OutboxRecords;
  readonly #onError: (error: unknown) => void;
  readonly #summary: Watched<WorkSummary>;
  /** Writes whose record is kept, by id. */
  readonly #writes: Map<string, StoredWrite> = new Map();
  readonly #outcomeListeners: Set<(outcome: WorkOutcome) => void> = new Set();
  #rejected = 0;
  #rejectedBytes = 0;
  #bytes = 0;
  #blockedBy: WorkReason | undefined;

  /** @throws {NervPersistenceError} `outbox/corrupt` when the records are nothing that was written here */
  constructor(records: OutboxRecords, onError: (error: unknown) => void) {
    this.#records = records;
    this.#onError = onError;
    this.#summary = new Watched(NOTHING, onError);
    const { writes, requests } = readRecords(records);
    this.recoveredRequests = requests;
    for (const write of writes) this.#enter(write);
    this.#tell();
  }

  get summary(): Watchable<WorkSummary> {
    return this.#summary;
  }

  /** How much was set aside. */
  get setAside(): { readonly writes: number; readonly bytes: number } {
    return { writes: this.#rejected, bytes: this.#rejectedBytes };
  }

  /** What keeps everything from being sent. */
  get blockedBy(): WorkReason | undefined {
    return this.#blockedBy;
  }

  /** The highest place of anything that was recovered. */
  get lastPlace(): number {
    const places = [...this.writes(), ...this.recoveredRequests].map(({ place }) => place);
    return places.reduce((highest, place) => Math.max(highest, place), 0);
  }

  /** The first of the writes that are set aside. */
  firstRejected(): StoredWrite | undefined {
    if (this.#rejected === 0) return undefined;
    return this.writes().find(({ rejected }) => rejected !== undefined);
  }

  /** All writes in order of place. */
  writes(): readonly StoredWrite[] {
    return [...this.#writes.values()].sort((a, b) => a.place - b.place);
  }

  get(id: string): StoredWrite | undefined {
    return this.#writes.get(id);
  }

  list(state?: WorkState): readonly WorkItem[] {
    const items = this.writes().map((write) => this.#show(write));
    return state === undefined ? items : items.filter((item) => item.state === state);
  }

  unconfirmed(): readonly Op[] {
    return this.writes().flatMap((write) => (write.rejected === undefined ? write.parts.flat() : []));
  }

  onOutcome(listener: (outcome: WorkOutcome) => void): () => void {
    const own = (outcome: WorkOutcome): void => listener(outcome);
    this.#outcomeListeners.add(own);
    return () => void this.#outcomeListeners.delete(own);
  }

  /** Keeps what a step changes; what it adds is listed from then on. */
  async keep(step: LedgerStep, keep: 'durable' | 'soon'): Promise<void> {
    if (step.changes.length === 0) return;
    await this.#records.write(step.changes, keep);
  }

  /** Resolves when all that was changed so far is durable. */
  flush(): Promise<void> {
    return this.#records.write([], 'durable');
  }

  /** Lists writes: their records are kept. */
  enter(writes: readonly StoredWrite[]): void {
    for (const write of writes) this.#enter(write);
    if (writes.length > 0) this.#tell();
  }

  /** A write was applied, rejected or discarded: it is listed as rejected, or not any more. */
  settle(write: StoredWrite, outcome: WorkOutcome['outcome'], error?: unknown): void {
    const wasListed = this.#writes.has(write.id);
    if (write.rejected === undefined) this.#leave(write);
    else if (wasListed) this.#count(write, 1);
    else this.#enter(write);
    this.#tell();
    if (!wasListed) return;
    const told = { id: write.id, ops: write.parts.flat(), outcome, ...(error === undefined ? {} : { error }) };
    for (const listener of [...this.#outcomeListeners]) {
      try {
        listener(told);
      } catch (thrown) {
        this.#onError(thrown);
      }
    }
  }

  /** A write that was set aside is pending again, at its new place. */
  restore(write: StoredWrite): void {
    write.rejected = undefined;
    this.#count(write, -1);
    this.#tell();
  }

  /** Forgets a write that was set aside. */
  remove(write: StoredWrite): void {
    if (write.rejected !== undefined) this.#count(write, -1);
    write.rejected = undefined;
    this.settle(write, 'discarded');
  }

  /** Something keeps everything from being sent, or does not any more. */
  block(reason: WorkReason | undefined): void {
    if (this.#blockedBy?.code === reason?.code && this.#blockedBy?.message === reason?.message) return;
    this.#blockedBy = reason;
    this.#tell();
  }

  close(): Promise<void> {
    return this.#records.close();
  }

  #enter(write: StoredWrite): void {
    if (this.#writes.has(write.id)) return;
    this.#writes.set(write.id, write);
    this.#bytes += write.bytes;
    if (write.rejected !== undefined) this.#count(write, 1);
  }

  #count({ bytes }: StoredWrite, sign: 1 | -1): void {
    this.#rejected += sign;
    this.#rejectedBytes += sign * bytes;
  }

  #leave(write: StoredWrite): void {
    if (this.#writes.delete(write.id)) this.#bytes -= write.bytes;
  }

  #tell(): void {
    const waiting = this.#writes.size - this.#rejected;
    const isBlocked = this.#blockedBy !== undefined;
    const [pending, blocked] = isBlocked ? [0, waiting] : [waiting, 0];
    this.#summary.set(Object.freeze({ pending, blocked, rejected: this.#rejected, bytes: this.#bytes }));
  }

  #show(write: StoredWrite): WorkItem {
    const { id, parts, bytes, attempts, rejected, sinceMicros } = write;
    const reason = rejected ?? this.#blockedBy;
    const state = rejected !== undefined ? 'rejected' : reason === undefined ? 'pending' : 'blocked';
    const since = new Date(Number(sinceMicros / 1000n));
    return Object.freeze({ id, state, since, attempts, ops: parts.flat(), bytes, reason });
  }
}

/** What people are told of an error: plain data, which can be kept. */
export function makeReason(error: unknown): WorkReason {
  if (error instanceof NervError) return { code: error.code, message: error.message, details: plain(error.details) };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'client/failed', message, details: {} };
}

function plain(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(details, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  return JSON.parse(text) as Readonly<Record<string, unknown>>; // an object, as it was
}

function readRecords({ recovered, place }: OutboxRecords): ReturnType<typeof readStored> {
  try {
    return readStored(recovered);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw makeCorrupt(place, `it holds what was not written here (${reason})`);
  }
}
