/*
 * What the queue of writes does with an outbox. Invariants:
 * - a request that carries a kept write is recorded, durably, before it is sent: after a crash it goes out again under
 *   its id, with the same kept writes, and so is applied once;
 * - a kept write is forgotten, or set aside as rejected, when its last part has been answered; one that was refused and
 *   is made anew stays as it is until its maker is done: after a crash it is refused again, and made anew then.
 */
import { QueuedWrite, makePart, makeRequest, type QueuedPart, type QueuedRequest } from '../client/queued-write.ts';
import { LedgerStep, makeReason, type Ledger } from './ledger.ts';
import { makeNotRejected } from './no-work.ts';
import type { StoredRequest, StoredWrite } from './stored-work.ts';

interface KeeperParts {
  readonly nowMicros: () => bigint;
  readonly makeId: () => string;
  readonly onError: (error: unknown) => void;
}

/** What became of a request. */
export interface RequestAnswer {
  readonly request: QueuedRequest;
  /** Of its parts, those that need not be sent again. */
  readonly answered: readonly QueuedPart[];
}

/** Keeps the writes of a queue in an outbox. */
export class Keeper {
  readonly ledger: Ledger;
  readonly #parts: KeeperParts;

  constructor(ledger: Ledger, parts: KeeperParts) {
    this.ledger = ledger;
    this.#parts = parts;
  }

  /** What was kept by an earlier process: requests that may have been sent, then what was not, in order. */
  recover(): { readonly requests: readonly QueuedRequest[]; readonly waiting: readonly QueuedWrite[] } {
    const writes = new Map<string, QueuedWrite>();
    for (const stored of this.ledger.writes()) {
      if (stored.rejected === undefined) writes.set(stored.id, QueuedWrite.recovered(stored));
    }
    const requests = this.ledger.recoveredRequests.map((stored) => recoverRequest(stored, writes));
    const sent = new Map<QueuedWrite, QueuedPart[]>();
    for (const part of requests.flatMap(({ parts }) => parts)) {
      const others = sent.get(part.write);
      if (others === undefined) sent.set(part.write, [part]);
      else others.push(part);
    }
    for (const write of writes.values()) addWaitingParts(write, sent.get(write) ?? []);
    const waiting = [...writes.values()].filter((write) => write.taken < (write.parts?.length ?? 0));
    const carrying = requests.filter(({ parts }) => parts.length > 0).sort((a, b) => placeOf(a) - placeOf(b));
    const step = new LedgerStep();
    for (const { requestId, parts } of requests) if (parts.length === 0) step.dropRequest(requestId);
    this.#keepSoon(step);
    return { requests: carrying, waiting };
  }

  /** Keeps writes, and that these requests may have been sent with some of them. Rejects when it could not. */
  async keep(writes: readonly QueuedWrite[], requests: readonly QueuedRequest[] = []): Promise<void> {
    const fresh = writes.filter((write) => write.keeping === 'not' && mayBeKept(write));
    const step = new LedgerStep();
    let sent: readonly QueuedRequest[] = [];
    try {
      for (const write of fresh) this.#begin(write, step);
      sent = requests.filter((request) => this.mustRecord(request));
      for (const request of sent) recordIn(step, request);
      await this.ledger.keep(step, 'durable');
    } catch (error) {
      for (const write of fresh) if (!write.isOver) write.keeping = 'not';
      for (const request of sent) request.isRecorded = false;
      throw error;
    }
    const kept = fresh.filter(({ isOver }) => !isOver);
    for (const write of kept) write.keeping = 'kept';
    this.ledger.enter(kept.flatMap(({ stored }) => stored ?? []));
  }

  /** Whether a request carries what is kept, and is not known to the outbox. */
  mustRecord(request: QueuedRequest): boolean {
    return !request.isRecorded && carriesKept(request);
  }

  /** Notes, durably, that a request is going to be sent. */
  async record(request: QueuedRequest): Promise<void> {
    const step = new LedgerStep();
    recordIn(step, request);
    try {
      await this.ledger.keep(step, 'durable');
    } catch (error) {
      request.isRecorded = false;
      throw error;
    }
  }

  /**
   * Requests are over, as they were, or known not to have been applied, and some of their parts have been answered. All of
   * that is kept together: after a crash, none of them is sent before what came earlier and has to be sent anew.
   */
  noteAnswers(answers: readonly RequestAnswer[]): void {
    const step = new LedgerStep();
    for (const { request } of answers) {
      if (request.isRecorded) step.dropRequest(request.requestId);
      request.isRecorded = false;
    }
    for (const write of new Set(answers.flatMap(({ answered }) => answered.map((part) => part.write)))) {
      if (write.isOver) this.#finish(write, step);
      else if (write.stored !== undefined) step.update(write.stored);
    }
    this.#keepSoon(step);
  }

  /** Takes a write out that was not sent, or was made anew. */
  takeOut(write: QueuedWrite): void {
    const { stored } = write;
    if (stored === undefined) return;
    const step = new LedgerStep();
    step.forget(stored.id);
    this.ledger.settle(stored, 'discarded');
    this.#keepSoon(step);
  }

  /** A rejected write as it is sent again, behind all others; resolves when that is kept. */
  async retry(id: string, place: number): Promise<QueuedWrite> {
    const stored = this.#rejected(id);
    const step = new LedgerStep();
    step.update({ ...stored, place, rejected: undefined });
    await this.ledger.keep(step, 'durable');
    stored.place = place;
    this.ledger.restore(stored);
    const write = QueuedWrite.recovered(stored);
    addWaitingParts(write, []);
    return write;
  }

  /** Forgets a rejected write. */
  async discard(id: string): Promise<void> {
    const stored = this.#rejected(id);
    const step = new LedgerStep();
    step.forget(id);
    await this.ledger.keep(step, 'durable');
    this.ledger.remove(stored);
  }

  /** Says why a rejected write is given up; resolves when that is kept. */
  async explain(id: string, error: unknown): Promise<void> {
    const stored = this.#rejected(id);
    stored.rejected = makeReason(error);
    const step = new LedgerStep();
    step.update(stored);
    await this.ledger.keep(step, 'durable');
  }

  #rejected(id: string): StoredWrite {
    const stored = this.ledger.get(id);
    if (stored?.rejected === undefined) throw makeNotRejected(id);
    return stored;
  }

  #begin(write: QueuedWrite, step: LedgerStep): void {
    const { parts = [], place, bytes, requestId, done } = write;
    write.stored = {
      id: this.#parts.makeId(),
      sinceMicros: this.#parts.nowMicros(),
      parts: parts.map(({ ops }) => ops),
      bytes,
      place,
      requestId,
      attempts: 0,
      done: done ?? new Set(),
      rejected: undefined,
    };
    write.done = write.stored.done;
    write.keeping = 'begun';
    step.add(write.stored);
    if (write.done.size > 0) step.update(write.stored);
  }

  #finish(write: QueuedWrite, step: LedgerStep): void {
    const { stored, failure } = write;
    if (stored === undefined) return;
    if (failure !== undefined) {
      stored.rejected = makeReason(failure.error);
      step.update(stored);
    } else step.forget(stored.id);
    this.ledger.settle(stored, failure === undefined ? 'applied' : 'rejected', failure?.error);
  }

  /** When this is lost, the request goes out again: it is known to have been applied, or is refused again. */
  #keepSoon(step: LedgerStep): void {
    this.ledger.keep(step, 'soon').catch(this.#parts.onError);
  }
}

function mayBeKept(write: QueuedWrite): boolean {
  return write.parts !== undefined && !write.isOver && !write.isEphemeral;
}

function carriesKept({ parts }: QueuedRequest): boolean {
  return parts.some(({ write }) => write.keeping !== 'not');
}

function recordIn(step: LedgerStep, request: QueuedRequest): void {
  const { requestId, issuedAtMicros, place } = request;
  const parts = request.parts.flatMap(({ write, part }) =>
    write.stored === undefined ? [] : [{ id: write.stored.id, part }],
  );
  step.putRequest({ requestId, issuedAtMicros, place, parts });
  request.isRecorded = true;
}

function recoverRequest(stored: StoredRequest, writes: ReadonlyMap<string, QueuedWrite>): QueuedRequest {
  const parts = stored.parts.flatMap(({ id, part }) => {
    const write = writes.get(id);
    const ops = write?.stored?.parts[part];
    return write === undefined || ops === undefined || write.stored?.done.has(part) === true
      ? []
      : [makePart(write, part, ops)];
  });
  return { ...makeRequest(parts, stored), isRecorded: true, isUnsure: true };
}

/** Where a request belongs: parts of a write are in requests of their own only if they come one after the other. */
function placeOf({ parts, place }: QueuedRequest): number {
  return parts[0]?.write.place ?? place;
}

/** A recovered write has the parts that requests carry, and behind them those that were not sent. */
function addWaitingParts(write: QueuedWrite, sent: readonly QueuedPart[]): void {
  const { stored } = write;
  if (stored === undefined) return;
  const isSent = new Set(sent.map(({ part }) => part));
  const rest = stored.parts.flatMap((ops, part) => {
    // A piece of a large value may be gone when what refers to it comes late: sent again, it changes nothing.
    const mayBeMissing = ops.every(({ tag }) => tag === 'uploadChunk');
    return isSent.has(part) || (stored.done.has(part) && !mayBeMissing) ? [] : [makePart(write, part, ops)];
  });
  write.setParts([...sent, ...rest]);
  write.taken = sent.length;
  write.done = stored.done;
}
