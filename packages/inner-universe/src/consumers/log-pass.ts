/*
 * Brings the log to the partitions held here. Invariants:
 * - A partition is given every event of its own after its position, once, in order of `seq`; its position is up to
 *   where it has been given everything.
 * - A page, or a batch of live events, serves every partition whose position it reaches: partitions that are equally
 *   far are read for together, and one that has no room is passed over and read for later.
 * - What waits for a partition is bounded (see `PassTarget.hasRoom`); beyond, nothing is read for it.
 */
import type { EventLogRow } from '@inner-universe/module/wire';
import { systemTimers, type EventKind } from '@inner-universe/nerv';
import { compilePattern, type EventPattern } from '@inner-universe/nerv/events/pattern';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import { ALL_EVENTS } from '../client/reads.ts';
import { NervPersistenceError, refusalOf, type RefusedError } from '../errors.ts';
import type { ArchivedLog } from './archived-log.ts';
import type { Backoff } from './backoff.ts';
import { Bell } from './bell.ts';
import { isPassing } from './op-sender.ts';
import { partitionOf } from './partition-of.ts';

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
  readonly scope: string;
  readonly pattern: string;
  readonly partitions: number;
  readonly kind: EventKind | 'all';
  readonly onTrimmed: OnTrimmed;
  readonly onError: (error: unknown) => void;
  /** Told once what ends the reading for good. */
  readonly onFailed: (error: unknown) => void;
  readonly backoff: Backoff;
}

/** Rows of one page. What a partition holds of waiting events is about twice that. */
const PAGE_ROWS = 500;

/** One reading of the log for all partitions that are held here. */
export class LogPass {
  readonly #parts: PassParts;
  readonly #pattern: EventPattern;
  readonly #targets = new Set<PassTarget>();
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
    this.#stopListening = parts.client.listen(
      (events) => this.#onLive(events),
      () => this.#onGap(),
    );
  }

  /** The last `seq` of the log that is known of. */
  get headSeq(): bigint {
    return this.#headSeq;
  }

  /** Reads for this partition from its position on. */
  add(target: PassTarget): void {
    this.#targets.add(target);
    this.wake();
  }

  remove(target: PassTarget): void {
    this.#targets.delete(target);
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
    this.#hurry.ring();
    await this.#pumping;
  }

  #onGap(): void {
    this.#liveSeq = this.#parts.client.seq;
    this.#headSeq = max(this.#headSeq, this.#liveSeq);
  }

  #onLive(events: readonly LiveEvent[]): void {
    const rows = events.filter(({ seq }) => seq > 0n);
    const last = rows.at(-1)?.seq;
    if (last === undefined) return;
    this.#hand(rows, { after: this.#liveSeq, to: last });
    this.#liveSeq = last;
    this.#headSeq = max(this.#headSeq, last);
    this.wake();
  }

  /** Gives rows that lie between two places to all whom they reach. */
  #hand(rows: readonly WaitingEvent[], { after, to }: { readonly after: bigint; readonly to: bigint }): void {
    const takers = new Map<number, PassTarget>();
    for (const target of this.#targets) {
      if (target.hasRoom && target.position >= after && target.position < to) takers.set(target.partition, target);
    }
    if (takers.size === 0) return;
    for (const row of rows) {
      if (!this.#isWanted(row)) continue;
      const target = takers.get(this.#partitionOf(row));
      if (target === undefined || row.seq <= target.position) continue;
      if (!target.offer(row)) takers.delete(target.partition);
    }
    for (const target of takers.values()) target.passTo(to);
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
        await this.#readFrom(target.position);
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
    for (const target of this.#targets) {
      if (!target.hasRoom || (this.#isHeadKnown && target.position >= this.#headSeq)) continue;
      if (found === undefined || target.position < found.position) found = target;
    }
    return found;
  }

  async #readFrom(after: bigint): Promise<void> {
    const { client, scope, pattern, kind } = this.#parts;
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
      if (!this.#closed) this.#hand(page.events, { after, to: page.lookedTo });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal?.code !== 'event/trimmed') throw error;
      await this.#passTrimmed(after, refusal);
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
      this.#hand([], { after, to: trimmedSeq });
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
    if (!this.#closed) this.#hand(rows, { after, to });
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
