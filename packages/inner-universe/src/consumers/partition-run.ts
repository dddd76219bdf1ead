/*
 * One partition while it is held here. Invariants:
 * - Its events are handled one after the other, in order of `seq`; the next one begins when the advance past the last
 *   one (or past its batch) is durable.
 * - An event that fails is tried again before any later one; then it is parked together with the advance past it, or
 *   the partition stands there.
 */
import type { ConsumerDeadLetterRow, Op } from '@inner-universe/module/wire';
import { NervError, systemTimers } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import { ALL_EVENTS } from '../client/reads.ts';
import { ConnectionError, NervPersistenceError, refusalOf } from '../errors.ts';
import type { Backoff } from './backoff.ts';
import { Bell } from './bell.ts';
import type { ConsumerDefinition } from './definition.ts';
import { EffectBatch, type Effects } from './effects.ts';
import { handleEvent, type EventHandlingParts, type HandlingOutcome } from './event-handling.ts';
import type { PassTarget, WaitingEvent } from './log-pass.ts';
import type { ArchivedLog } from './archived-log.ts';
import { isPassing, type OpSender } from './op-sender.ts';
import { PartitionLease, type PartitionStart } from './partition-lease.ts';
import { PartitionLetters } from './partition-letters.ts';
import { WaitingEvents } from './waiting-events.ts';

/** How often a handler runs again because others wrote what it built on; that is nobody's fault. */
const CONFLICTS_MAX = 20;
const CONFLICTS: ReadonlySet<string> = new Set([
  'state/version-conflict',
  'entity/seq-mismatch',
  'relation/seq-mismatch',
]);

const INCURABLE: ReadonlySet<string> = new Set(['consumer/effects-too-large', 'consumer/event-gone']);

/** What a run works with. */
export interface PartitionRunParts {
  readonly client: ModuleClient;
  readonly definition: ConsumerDefinition;
  readonly handling: EventHandlingParts;
  readonly sender: OpSender;
  readonly retry: Backoff;
  readonly batchMax: number;
  readonly describeFailure: (error: unknown) => string;
  /** Where events lie that were trimmed. */
  readonly archive: ArchivedLog | undefined;
  readonly onError: (error: unknown) => void;
  /** There is room for more events. */
  readonly onRoom: () => void;
  /** The letters that were to be handled again are done; there may be more. */
  readonly onLettersDone: () => void;
  /** Whether the partition is lost is to be found out. */
  readonly onDoubt: () => void;
  /** What ends the whole consumer. */
  readonly onFailed: (error: unknown) => void;
  /** Nothing of it runs any more. */
  readonly onEnded: () => void;
}

/** How often the first of those that wait did not get through, and why. */
interface Failures {
  readonly eventId: string;
  attempts: number;
  /** It ran again because of others' writes. */
  conflicts: number;
  outages: number;
}

/** A failure as its letter tells it. */
interface Failure {
  readonly eventId: string;
  readonly seq: bigint;
  readonly reason: string;
  readonly attempts: number;
}

/** A partition that is held here, and whose events are handled. */
export class PartitionRun implements PassTarget {
  readonly partition: number;
  readonly lease: PartitionLease;
  readonly letters: PartitionLetters;
  readonly #parts: PartitionRunParts;
  readonly #waiting: WaitingEvents;
  readonly #bell: Bell;
  /** Rung to end the pause before a further attempt. */
  readonly #hurry: Bell;
  #isStarted = false;
  #isDraining = false;
  #isEnded = false;
  #isBusy = false;
  #failures: Failures = { eventId: '', attempts: 0, conflicts: 0, outages: 0 };
  /** So many events are handled one by one: together, one of them was refused. */
  #alone = 0;

  constructor(parts: PartitionRunParts, start: PartitionStart) {
    const { client, sender, definition, onDoubt } = parts;
    const { timers = systemTimers } = client;
    this.#parts = parts;
    this.partition = start.partition;
    const isGivenUp = (): boolean => this.#isOver;
    this.lease = new PartitionLease({ client, sender, name: definition.name, onDoubt, isGivenUp }, start);
    this.letters = new PartitionLetters(definition.failurePolicy);
    this.#waiting = new WaitingEvents(start.offset);
    this.#bell = new Bell(timers);
    this.#hurry = new Bell(timers);
  }

  /** Events that it was given and has not handled. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** How much further it is than what is stored, where nothing waits: positions of the log. */
  get passedCount(): bigint {
    const position = this.#isEnded ? undefined : this.#idlePosition;
    return position === undefined || position < this.lease.offset ? 0n : position - this.lease.offset;
  }

  /** Up to where nothing is left to handle; it may be further than what is stored. */
  get handledSeq(): bigint {
    const next = this.#waiting.at(0);
    return next === undefined ? this.#waiting.position : next.seq - 1n;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get position(): bigint {
    return this.#waiting.position;
  }

  get hasRoom(): boolean {
    return !this.#isOver && this.#waiting.hasRoom;
  }

  get #isOver(): boolean {
    return this.lease.isLost || this.#isDraining;
  }

  get #idlePosition(): bigint | undefined {
    return this.#isBusy || this.#waiting.length > 0 ? undefined : this.#waiting.position;
  }

  offer(event: WaitingEvent): boolean {
    if (this.#isOver || !this.#waiting.add(event)) return false;
    this.#bell.ring();
    return true;
  }

  passTo(seq: bigint): void {
    this.#waiting.passTo(seq);
  }

  /** Begins to handle events. */
  start(): void {
    this.#isStarted = true;
    void this.#run();
  }

  /** Finishes what is being handled, and ends. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#wake();
  }

  /** The partition is somebody else's: its handler is told, nothing is written any more, and it ends. */
  lose(): void {
    this.lease.lose();
    this.#wake();
  }

  /** Letters may have been taken. */
  review(): void {
    this.#bell.ring();
  }

  /** See `PartitionLease.makeRenewal`. */
  makeRenewal(sent: Promise<boolean>): Op | undefined {
    return this.#isEnded ? undefined : this.lease.makeRenewal(this.#idlePosition, sent);
  }

  /** Once it has ended: stores up to where nothing is left to handle. Undefined where that is stored, or it is lost. */
  makeLastAdvance(sent: Promise<boolean>): Op | undefined {
    return this.handledSeq > this.lease.offset ? this.lease.makeRenewal(this.handledSeq, sent) : undefined;
  }

  #wake(): void {
    this.lease.settle();
    this.#parts.sender.hurry();
    this.#hurry.ring();
    this.#bell.ring();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isOver) {
        this.#isBusy = true;
        const letter = this.letters.next();
        if (letter !== undefined) await this.#handleLetter(letter);
        else await this.#handleNext();
        this.#isBusy = false;
        const isStanding = this.#waiting.length === 0 || this.letters.stopped !== undefined;
        if (!this.#isOver && isStanding && !this.letters.hasNext) await this.#bell.wait();
      }
    } catch (error) {
      if (!this.lease.isLost && !(this.#isDraining && isOfConnection(error))) this.#parts.onFailed(error);
    }
    await this.lease.idle();
    this.#isEnded = true;
    this.#parts.onEnded();
  }

  async #handleNext(): Promise<void> {
    const next = this.#waiting.at(0);
    if (next === undefined) return;
    const verdict = this.letters.judge(next);
    if (verdict === 'handle') await this.#handleWaiting();
    else if (verdict === 'pass' && (await this.lease.commit({ ops: () => [], to: next.seq }))) this.#drop(1);
  }

  /** Handles as many events as may go together. */
  async #handleWaiting(): Promise<void> {
    let batch = new EffectBatch();
    const most = this.#alone > 0 ? 1 : this.#parts.batchMax;
    while (batch.events.length < most) {
      const { length } = batch.events;
      const row = this.#waiting.at(length);
      if (row === undefined || (length > 0 && (this.#isOver || this.letters.has(row.eventId)))) break;
      const outcome = await this.#call(row, { attempt: length === 0 ? this.#attemptOf(row) : 1, heads: batch.heads });
      if (outcome.type === 'abandoned' || this.lease.isLost) break;
      if (outcome.type === 'failed') {
        if (length === 0 || (await this.#flush(batch))) await this.#fail(row, outcome.error);
        return;
      }
      if (!batch.fits(outcome.effects)) {
        if (!(await this.#flush(batch))) return;
        batch = new EffectBatch(batch.heads);
      }
      batch.add(row, outcome.effects);
    }
    if (!this.lease.isLost && batch.events.length > 0) await this.#flush(batch);
  }

  async #call(
    row: WaitingEvent,
    { attempt, heads }: { attempt: number; heads: EffectBatch['heads'] },
  ): Promise<HandlingOutcome> {
    const { partition, lease } = this;
    const outcome = await handleEvent(this.#parts.handling, row, { partition, attempt, heads, signal: lease.signal });
    // Whoever does not want an event wants none after it either.
    if (outcome.type === 'abandoned') this.#isDraining = true;
    return outcome;
  }

  #attemptOf({ eventId }: WaitingEvent): number {
    return this.#failures.eventId === eventId ? this.#failures.attempts + 1 : 1;
  }

  /** Sends what a batch did, with the advance past it; false when none of it was applied. */
  async #flush({ events, ops, chunks }: EffectBatch): Promise<boolean> {
    const last = events.at(-1);
    if (last === undefined) return true;
    const letters = events.map(({ eventId }) => eventId).filter((id) => this.letters.has(id));
    const sent = [...ops, ...letters.map((id) => this.#makeDiscard(id))];
    try {
      await this.lease.upload(chunks);
      if (!(await this.lease.commit({ ops: () => sent, to: last.seq }))) return false;
    } catch (error) {
      if (!isOfEffects(error)) throw error;
      // One of them was refused. One by one, each shows whether it is the one.
      if (events.length > 1) this.#alone = events.length;
      else await this.#fail(last, error);
      return false;
    }
    this.letters.forget(letters);
    this.#alone = Math.max(0, this.#alone - events.length);
    this.#count('events.consumed', events.length);
    this.#drop(events.length);
    return true;
  }

  /** Removes events that are done with. */
  #drop(count: number): void {
    this.#waiting.drop(count);
    this.#forgiveAll('');
    this.#parts.onRoom();
  }

  async #fail(row: WaitingEvent, error: unknown): Promise<void> {
    const { retry } = this.#parts;
    if (this.#failures.eventId !== row.eventId) this.#forgiveAll(row.eventId);
    const failures = this.#failures;
    if (isConflict(error) && failures.conflicts < CONFLICTS_MAX) {
      failures.conflicts += 1;
      return;
    }
    if (this.#isOutage(error)) {
      failures.outages += 1;
      await this.#pause(failures.outages);
      return;
    }
    failures.attempts += 1;
    this.#count('events.consumer_failures', 1);
    if (isCurable(error) && retry.allows(failures.attempts, error)) await this.#pause(failures.attempts);
    else await this.#giveUp(row, error, failures.attempts);
  }

  #forgiveAll(eventId: string): void {
    this.#failures = { eventId, attempts: 0, conflicts: 0, outages: 0 };
  }

  /** Without a connection, what a handler reads or writes in the universe fails: that says nothing about the event. */
  #isOutage(error: unknown): boolean {
    return isPassing(error) && this.#parts.client.state !== 'connected';
  }

  /** Parks an event and goes on, or stands there. */
  async #giveUp(row: WaitingEvent, error: unknown, attempts: number): Promise<void> {
    const { definition } = this.#parts;
    const isParking = definition.failurePolicy === 'park';
    const { eventId, seq } = row;
    const failure = { eventId, seq, reason: this.#parts.describeFailure(error), attempts };
    const to = isParking ? seq : this.lease.offset;
    if (!(await this.lease.commit({ ops: (epoch) => [this.#makePark(failure, epoch)], to }))) return;
    this.#report(failure, error);
    this.#alone = Math.max(0, this.#alone - 1);
    if (isParking) this.#drop(1);
    else {
      this.#forgiveAll('');
      this.letters.stopAt(row, failure.reason);
    }
  }

  /** Handles a parked event again, out of its order. */
  async #handleLetter(letter: ConsumerDeadLetterRow): Promise<void> {
    const { retry, describeFailure } = this.#parts;
    for (let attempt = 1, passing = 0; !this.#isOver; attempt += 1) {
      const outcome = await this.#callFor(letter, attempt);
      if (outcome.type === 'abandoned' || this.lease.isLost) return;
      const error = outcome.type === 'done' ? await this.#sendAgain(letter, outcome.effects) : outcome.error;
      if (error === undefined) break;
      const isOutage = this.#isOutage(error);
      if (isOutage || (isConflict(error) && passing < CONFLICTS_MAX)) {
        passing += 1;
        attempt -= 1;
        if (isOutage) await this.#pause(passing);
      } else if (isCurable(error) && retry.allows(attempt, error)) await this.#pause(attempt);
      else {
        const failure = { ...letter, reason: describeFailure(error), attempts: attempt };
        const ops = (epoch: bigint): readonly Op[] => [this.#makePark(failure, epoch)];
        if (await this.lease.commit({ ops, to: this.lease.offset })) this.#report(failure, error);
        break;
      }
    }
    this.letters.finish();
    if (!this.letters.hasNext) this.#parts.onLettersDone();
  }

  /** Undefined when it was applied, or the partition is lost; else why not. */
  async #sendAgain({ eventId }: ConsumerDeadLetterRow, { ops, chunks }: Effects): Promise<unknown> {
    try {
      await this.lease.upload(chunks);
      await this.lease.commit({ ops: () => [...ops, this.#makeDiscard(eventId)], to: this.lease.offset });
      return undefined;
    } catch (error) {
      if (!isOfEffects(error)) throw error;
      return error;
    }
  }

  async #callFor(letter: ConsumerDeadLetterRow, attempt: number): Promise<HandlingOutcome> {
    let row: WaitingEvent | undefined;
    try {
      row = await this.#findEvent(letter);
    } catch (error) {
      if (!isPassing(error)) throw error;
      return { type: 'failed', error };
    }
    return row === undefined
      ? { type: 'failed', error: makeGone(letter) }
      : this.#call(row, { attempt, heads: new Map() });
  }

  async #findEvent({ eventId, seq }: ConsumerDeadLetterRow): Promise<WaitingEvent | undefined> {
    const { client, archive } = this.#parts;
    const { events } = await client.read('readEvents', { ...ALL_EVENTS, ids: [eventId] });
    if (events[0] !== undefined || archive === undefined) return events[0];
    for await (const row of archive.rows(seq - 1n)) return row.eventId === eventId ? row : undefined;
    return undefined;
  }

  async #pause(attempts: number): Promise<void> {
    const delayMs = this.#parts.retry.delayMs(attempts);
    if (!this.#isOver && delayMs > 0) await this.#hurry.wait(delayMs);
  }

  #makePark({ eventId, seq, reason, attempts }: Failure, epoch: bigint): Op {
    const { name } = this.#parts.definition;
    return { tag: 'parkEvent', value: { name, partition: this.partition, epoch, eventId, seq, reason, attempts } };
  }

  #makeDiscard(eventId: string): Op {
    return { tag: 'discardDeadLetter', value: { name: this.#parts.definition.name, eventId } };
  }

  #report({ eventId, attempts }: Failure, cause: unknown): void {
    const { definition, onError } = this.#parts;
    const { name, failurePolicy } = definition;
    this.#count('events.consumer_parked', 1);
    const what = failurePolicy === 'park' ? 'was parked' : `stops partition ${this.partition}`;
    onError(
      new NervPersistenceError(
        'consumer/event-failed',
        `Event ${eventId} ${what}: the handler of '${name}' failed ${attempts} times. Correct it, then retry or discard the dead letter.`,
        { details: { name, partition: this.partition, eventId, attempts, failurePolicy }, cause },
      ),
    );
  }

  #count(name: 'events.consumed' | 'events.consumer_failures' | 'events.consumer_parked', by: number): void {
    this.#parts.client.telemetry.count(name, by, { consumer: this.#parts.definition.name });
  }
}

/** Whether the handler's effects are at fault, or may be, and not who sends them. */
function isOfEffects(error: unknown): boolean {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return refusal.op !== undefined;
  return !(error instanceof NervPersistenceError) || error.code === 'connection/failed';
}

function isConflict(error: unknown): boolean {
  return error instanceof NervError && CONFLICTS.has(error.code);
}

/** Whether the same handler may do better the next time. */
function isCurable(error: unknown): boolean {
  return !(error instanceof NervError && INCURABLE.has(error.code));
}

/** Whether the connection is to blame, or was closed here: a partition that is given up is then simply let go. */
function isOfConnection(error: unknown): boolean {
  return (
    error instanceof ConnectionError || (error instanceof NervPersistenceError && error.code === 'universe/closed')
  );
}

function makeGone({ eventId, seq }: ConsumerDeadLetterRow): NervPersistenceError {
  return new NervPersistenceError(
    'consumer/event-gone',
    `The event ${eventId} (${seq}) is not in the log any more, or may not be read. Discard its dead letter.`,
    { details: { eventId, seq: seq.toString() } },
  );
}
