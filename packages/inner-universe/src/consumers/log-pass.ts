/*
 * Brings the log to the partitions held here. Invariants:
 * - A partition is given every event of its own after its position, once, in order of `seq`; its position is up to
 *   where it has been given everything.
 * - A page, or a batch of live events, serves every partition whose position it reaches: partitions that are equally
 *   far are read for together, and one that has no room is passed over and read for later.
 * - What waits for a partition is bounded (see `PassTarget.hasRoom`); beyond, nothing is read for it.
 */
import { partitionOf, type EventLogRow } from '@inner-universe/module/wire';
import { systemTimers, type EventKind } from '@inner-universe/nerv';
import { compilePattern, type EventPattern } from '@inner-universe/nerv/events/pattern';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import { ALL_EVENTS } from '../client/reads.ts';
import { NervPersistenceError, refusalOf, type RefusedError } from '../errors.ts';
import type { ArchivedLog } from './archived-log.ts';
import type { Backoff } from './backoff.ts';
import { Bell } from './bell.ts';
import { countUnhandled } from './consumer-lag.ts';
import { isPassing } from './op-sender.ts';
import { UnreadEvents } from './unread-events.ts';

/**
 * What happens when events were trimmed before they were handled: the run ends with `event/trimmed`, they are left out
 * (which is reported as `page/gap`), or they are read from an archive.
 */
export type OnTrimmed = 'error' | 'skip' | { readonly archive: ArchivedLog };

/** An event as it waits to be handled. */
export type WaitingEvent = EventLogRow;

/** A partition, as far as it is given events. */
export interface PassTarget {
  readonly partition: number;
  /** Up to where it has been given everything. */
  readonly position: bigint;
  /** Whether more should be read for it. */
  readonly hasRoom: boolean;
  /** Gives it an event of its own; false when it takes no more, and then it is given none after it. */
  offer(event: WaitingEvent): boolean;
  /** It has been given everything up to there. */
  passTo(seq: bigint): void;
}

/** What is read, and for whom. */
export interface PassParts {
  readonly client: ModuleClient;
  /** The consumer's. */
  readonly name: string;
  readonly scope: string;
  readonly pattern: string;
  readonly partitions: number;
  readonly kind: EventKind | 'all';
  readonly onTrimmed: OnTrimmed;
  readonly onError: (error: unknown) => void;
  /** Told when partitions were given everything up to some place. */
  readonly onPassed: () => void;
  /**
   * Whether a partition has been moved on by others beyond its position, and is not ours any more: what its position
   * leads to may be trimmed. It is read for no more then.
   */
  readonly isOutdated: (target: PassTarget) => Promise<boolean>;
  /** Told once what ends the reading for good. */
  readonly onFailed: (error: unknown) => void;
  readonly backoff: Backoff;
}

/** Where rows come from, and between which places they are all there are. */
interface Span {
  readonly after: bigint;
  readonly to: bigint;
  readonly from: 'live' | 'page' | 'archive';
}

/** Rows of one page. What a partition holds of waiting events is about twice that. */
const PAGE_ROWS = 500;

/** One reading of the log for all partitions that are held here. */
export class LogPass {
  readonly #parts: PassParts;
  readonly #pattern: EventPattern;
  readonly #targets = new Map<number, PassTarget>();
  readonly #unread: UnreadEvents;
  readonly #stopListening: () => void;
  /** Everything up to there has been told by the live log, or was before it. */
  #liveSeq: bigint;
  /** The last `seq` of the log that is known of. */
  #headSeq: bigint;
  /** Whether a page has told where the log ends: who opened without a server does not know. */
  #isHeadKnown = false;
  /** Rung to end the pause after a failure. */
  readonly #hurry: Bell;
  #pumping: Promise<void> | undefined;
  /** Somebody may want to be read for since that was last looked at. */
  #again = false;
  #closed = false;

  constructor(parts: PassParts) {
    this.#parts = parts;
    this.#hurry = new Bell(parts.client.timers ?? systemTimers);
    this.#pattern = compilePattern(parts.pattern);
    this.#liveSeq = parts.client.seq;
    this.#headSeq = this.#liveSeq;
    this.#unread = new UnreadEvents(
      (targets, throughSeq) => this.#countUnread(targets, throughSeq),
      (error) => this.#onUncounted(error),
    );
    this.#stopListening = parts.client.listen(
      (events) => this.#onLive(events),
      () => this.#onGap(),
    );
  }

  /** Reads for this partition from its position on. */
  add(target: PassTarget): void {
    this.#targets.set(target.partition, target);
    this.#unread.add(target);
    if (target.position < this.#liveSeq) this.#unread.doubt([target]);
    this.count();
    this.wake();
  }

  remove(target: PassTarget): void {
    if (this.#targets.get(target.partition) === target) this.#targets.delete(target.partition);
    this.#unread.remove(target);
  }

  /** How many events of a partition are in the log that it was not given yet. */
  unreadOf(target: PassTarget): number {
    return this.#unread.of(target);
  }

  /** Counts what is not given, where that is not known. */
  count(): void {
    if (!this.#closed) this.#unread.count(() => this.#liveSeq);
  }

  /** Looks again who wants to be read for. */
  wake(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = undefined;
      if (this.#again) this.wake();
    });
  }

  /** Ends it; resolves when nothing is read any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    this.#targets.clear();
    this.#unread.clear();
    this.#hurry.ring();
    await this.#pumping;
    await this.#unread.idle();
  }

  #onGap(): void {
    this.#liveSeq = this.#parts.client.seq;
    this.#headSeq = max(this.#headSeq, this.#liveSeq);
    this.#recount();
  }

  /** What lies ahead of the partitions is not known any more. */
  #recount(): void {
    this.#unread.doubt([...this.#targets.values()].filter(({ position }) => position < this.#liveSeq));
    this.count();
  }

  #countUnread(targets: readonly PassTarget[], throughSeq: bigint): Promise<readonly number[]> {
    const { client, name, kind, partitions } = this.#parts;
    const afterSeqs = Array.from({ length: partitions }, () => throughSeq);
    for (const { partition, position } of targets) afterSeqs[partition] = position;
    return countUnhandled(client, { name, kind, afterSeqs, throughSeq });
  }

  /** The number of what waits is told too low then; what ends the consumer for good shows itself elsewhere as well. */
  #onUncounted(error: unknown): boolean {
    const mayPass = isPassing(error);
    if (!this.#closed) {
      const { client, name } = this.#parts;
      client.telemetry.log('debug', 'a consumer could not count what waits', { name, reason: String(error) });
    }
    return mayPass;
  }

  #onLive(events: readonly LiveEvent[]): void {
    const rows = events.filter(({ seq }) => seq > 0n);
    const last = rows.at(-1)?.seq;
    if (last === undefined) return;
    const after = this.#liveSeq;
    this.#liveSeq = last;
    this.#headSeq = max(this.#headSeq, last);
    this.#hand(rows, { after, to: last, from: 'live' });
    this.wake();
  }

  /** Gives rows that lie between two places to all whom they reach. */
  #hand(rows: readonly WaitingEvent[], { after, to, from }: Span): void {
    const takers = new Set<PassTarget>();
    for (const target of this.#targets.values()) {
      if (target.hasRoom && target.position >= after && target.position < to) takers.add(target);
    }
    if (takers.size === 0 && from !== 'live') return;
    for (const row of rows) {
      if (!this.#isWanted(row)) continue;
      const target = this.#targets.get(this.#partitionOf(row));
      if (target === undefined || row.seq <= target.position) continue;
      const isTaken = takers.has(target) && target.offer(row);
      if (!isTaken) takers.delete(target);
      if (from === 'live' && !isTaken) this.#unread.miss(target);
      // What comes by a page before it is told live is never told as missing.
      else if (from === 'page' && isTaken && row.seq <= this.#liveSeq) this.#unread.give(target);
    }
    for (const target of takers) {
      target.passTo(to);
      if (target.position >= this.#liveSeq) this.#unread.empty(target);
    }
    if (takers.size > 0) this.#parts.onPassed();
  }

  #isWanted({ scope, kind, eventType }: WaitingEvent): boolean {
    const wanted = this.#parts;
    if (scope !== wanted.scope || (wanted.kind !== 'all' && kind !== wanted.kind)) return false;
    return this.#pattern.matches(eventType);
  }

  #partitionOf({ partitionKey, source }: WaitingEvent): number {
    return partitionOf(partitionKey === '' ? source : partitionKey, this.#parts.partitions);
  }

  /** Reads as long as there is somebody to read for. */
  async #pump(): Promise<void> {
    for (let failures = 0; !this.#closed;) {
      this.#again = false;
      const target = this.#furthestBehind();
      if (target === undefined) return;
      try {
        await this.#readFor(target);
        failures = 0;
      } catch (error) {
        if (this.#closed) return;
        if (!isPassing(error)) {
          this.#targets.clear();
          this.#parts.onFailed(error);
          return;
        }
        failures += 1;
        await this.#hurry.wait(this.#parts.backoff.delayMs(failures));
      }
    }
  }

  #furthestBehind(): PassTarget | undefined {
    let found: PassTarget | undefined;
    for (const target of this.#targets.values()) {
      if (!target.hasRoom || (this.#isHeadKnown && target.position >= this.#headSeq)) continue;
      if (found === undefined || target.position < found.position) found = target;
    }
    return found;
  }

  async #readFor(target: PassTarget): Promise<void> {
    const { client, scope, pattern, kind, isOutdated } = this.#parts;
    const after = target.position;
    try {
      const page = await client.read('readEvents', {
        ...ALL_EVENTS,
        scope,
        pattern,
        kind: kind === 'all' ? '' : kind,
        afterSeq: after,
        limit: PAGE_ROWS,
      });
      this.#headSeq = max(this.#headSeq, page.seq);
      this.#isHeadKnown = true;
      if (!this.#closed) this.#hand(page.events, { after, to: page.lookedTo, from: 'page' });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal?.code !== 'event/trimmed') throw error;
      if (await isOutdated(target)) this.remove(target);
      else await this.#passTrimmed(after, refusal);
    }
  }

  async #passTrimmed(after: bigint, refusal: RefusedError): Promise<void> {
    const { onTrimmed, onError } = this.#parts;
    const trimmedSeq = BigInt(String(refusal.details['trimmedSeq']));
    if (onTrimmed === 'error' || trimmedSeq <= after) throw refusal;
    if (onTrimmed === 'skip') {
      onError(
        new NervPersistenceError(
          'page/gap',
          `A consumer leaves out the events after ${after} up to ${trimmedSeq}: they were trimmed before they were handled.`,
          { details: { afterSeq: after.toString(), trimmedSeq: trimmedSeq.toString() }, cause: refusal },
        ),
      );
      this.#hand([], { after, to: trimmedSeq, from: 'archive' });
      this.#recount();
      return;
    }
    await this.#readArchive(onTrimmed.archive, { after, trimmedSeq, refusal });
  }

  /** As a page of the log: so many rows, and on from there the next time. */
  async #readArchive(
    archive: ArchivedLog,
    {
      after,
      trimmedSeq,
      refusal,
    }: { readonly after: bigint; readonly trimmedSeq: bigint; readonly refusal: RefusedError },
  ): Promise<void> {
    const rows: EventLogRow[] = [];
    let to = after;
    for await (const row of archive.rows(after)) {
      if (row.seq > trimmedSeq || rows.length >= PAGE_ROWS) break;
      if (row.seq !== to + 1n) throw makeArchiveGap(to, row.seq, refusal);
      to = row.seq;
      if (this.#isWanted(row)) rows.push(row);
    }
    if (to === after) throw makeArchiveGap(after, trimmedSeq, refusal);
    if (!this.#closed) this.#hand(rows, { after, to, from: 'archive' });
  }
}

function makeArchiveGap(after: bigint, found: bigint, cause: RefusedError): NervPersistenceError {
  return new NervPersistenceError(
    'event/trimmed',
    `The archive lacks the event after ${after} (up to ${found}), and the log does not have it any more. Open the archive that does.`,
    { details: { ...cause.details, afterSeq: after.toString() }, cause },
  );
}

function max(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
