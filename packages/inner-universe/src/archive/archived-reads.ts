/*
 * Reads of a log that go on in an archive where the log was trimmed. Invariants:
 * - pages are in order, each row once, whatever part of them comes from where;
 * - nothing is left out in silence: where neither log nor archive has a row, that is an error.
 */
import { compilePattern, type EventPattern } from '@inner-universe/nerv/events/pattern';
import {
  makeWireTimestamp,
  MAX_PAGE_BYTES,
  MAX_PAGE_ROWS,
  microsOf,
  type EventLogRow,
  type EventsPage,
  type ReadEventsArguments,
} from '@inner-universe/module/wire';
import type { ReadPage } from '../client/change-source.ts';
import { ALL_EVENTS, type ReadName, type Reads } from '../client/reads.ts';
import { refusalOf, type NervPersistenceError } from '../errors.ts';
import { makeGap, makeTrimmed } from './archive-error.ts';
import type { EventArchive } from './event-archive.ts';

/** How many rows of an archive one page looks at. */
const LOOKED_AT_MAX = 20_000;

/**
 * `read`, but that `readEvents` from before the trim point is answered from the archive, as pages of the log are; without
 * an archive it is refused with `event/trimmed`, also where it is asked for by time. The archive knows of no grants:
 * whoever is given it reads all of it.
 */
export function readThroughArchive(read: ReadPage, archive: EventArchive | undefined): ReadPage {
  const reads = new ArchivedReads(read, archive);
  return async <N extends ReadName>(name: N, args: Reads[N][0]): Promise<Reads[N][1]> => {
    if (name !== 'readEvents') return read(name, args);
    return (await reads.readEvents(args as ReadEventsArguments)) as Reads[N][1]; // the name says so
  };
}

class ArchivedReads {
  readonly #read: ReadPage;
  readonly #archive: EventArchive | undefined;
  /** Up to where the log is trimmed, as far as is known. It only grows. */
  #trimmedSeq = 0n;

  constructor(read: ReadPage, archive: EventArchive | undefined) {
    this.#read = read;
    this.#archive = archive;
  }

  readEvents(args: ReadEventsArguments): Promise<EventsPage> {
    // Events by id, and ephemeral ones, are never in the archive's order.
    if (args.ids.length > 0 || args.recentAfter !== undefined) return this.#readLog(args);
    return args.descending ? this.#readDown(args) : this.#readUp(args);
  }

  async #readLog(args: ReadEventsArguments): Promise<EventsPage> {
    const page = await this.#read('readEvents', args);
    if (page.trimmedSeq > this.#trimmedSeq) this.#trimmedSeq = page.trimmedSeq;
    return page;
  }

  async #readUp(args: ReadEventsArguments): Promise<EventsPage> {
    const archive = this.#archive;
    if (archive !== undefined && args.afterSeq < this.#trimmedSeq) return this.#readArchiveUp(archive, args);
    try {
      const page = await this.#readLog(args);
      const isComplete = args.recordedFrom === undefined || page.trimmedSeq <= args.afterSeq;
      if (isComplete || (await reachesBefore(this.#read, args, page.trimmedSeq))) return page;
    } catch (error) {
      const refused = refusalOf(error);
      if (refused?.code !== 'event/trimmed' || archive === undefined) throw error;
      this.#trimmedSeq = BigInt(String(refused.details['trimmedSeq']));
    }
    if (archive === undefined) throw makeTrimmed('log', this.#trimmedSeq, args.afterSeq);
    return this.#readArchiveUp(archive, args);
  }

  async #readDown(args: ReadEventsArguments): Promise<EventsPage> {
    const archive = this.#archive;
    if (archive === undefined) return this.#readLog(args);
    const isBelow = args.throughSeq > 0n && args.throughSeq <= this.#trimmedSeq;
    if (!isBelow) {
      const page = await this.#readLog(args);
      if (page.more || page.trimmedSeq <= args.afterSeq) return page;
      // The log ends here, and the archive goes on.
      if (args.throughSeq === 0n || args.throughSeq > page.trimmedSeq)
        return { ...page, more: true, lookedTo: page.trimmedSeq + 1n };
    }
    return this.#readArchiveDown(archive, args);
  }

  async #readArchiveUp(archive: EventArchive, args: ReadEventsArguments): Promise<EventsPage> {
    const { afterSeq, throughSeq } = args;
    const trimmedSeq = this.#trimmedSeq;
    const last = throughSeq === 0n || throughSeq > trimmedSeq ? trimmedSeq : throughSeq;
    const bounds = await archive.bounds();
    if (bounds === undefined || bounds.lastSeq <= afterSeq) throw makeShort(bounds?.lastSeq ?? 0n, trimmedSeq);
    const found = await collect(archive, args, { afterSeq, throughSeq: last });
    if (bounds.firstSeq > afterSeq + 1n && !(await beginsBefore(archive, args.recordedFrom))) {
      throw makeTrimmed('archive', bounds.firstSeq - 1n, afterSeq);
    }
    const reached = last < bounds.lastSeq ? last : bounds.lastSeq;
    const lookedTo = found.stoppedAt ?? reached;
    return this.#makePage(found.rows, { lookedTo, more: throughSeq === 0n || lookedTo < throughSeq });
  }

  async #readArchiveDown(archive: EventArchive, args: ReadEventsArguments): Promise<EventsPage> {
    const { afterSeq, throughSeq } = args;
    const bounds = await archive.bounds();
    if (bounds === undefined || bounds.lastSeq < throughSeq) throw makeShort(bounds?.lastSeq ?? 0n, this.#trimmedSeq);
    const found = await collect(archive, args, { afterSeq, throughSeq });
    const bottom = afterSeq + 1n > bounds.firstSeq ? afterSeq + 1n : bounds.firstSeq;
    const lookedTo = found.stoppedAt ?? bottom;
    return this.#makePage(found.rows, { lookedTo, more: lookedTo > bottom });
  }

  async #makePage(
    events: readonly EventLogRow[],
    { lookedTo, more }: Pick<EventsPage, 'lookedTo' | 'more'>,
  ): Promise<EventsPage> {
    const { seq } = await this.#read('readScopes', {});
    return { events, lookedTo, more, seq, trimmedSeq: this.#trimmedSeq, recent: [], recentNumber: 0n };
  }
}

/** The rows of a page: those that are asked for, as many as fit. */
async function collect(
  archive: EventArchive,
  args: ReadEventsArguments,
  span: { readonly afterSeq: bigint; readonly throughSeq: bigint },
): Promise<{ readonly rows: readonly EventLogRow[]; readonly stoppedAt: bigint | undefined }> {
  const { descending, recordedFrom, recordedUntil } = args;
  const pattern = args.pattern === '' ? undefined : compilePattern(args.pattern);
  const limit = args.limit === 0 ? MAX_PAGE_ROWS : Math.min(args.limit, MAX_PAGE_ROWS);
  const rows: EventLogRow[] = [];
  let [looked, bytes] = [0, 0];
  const times = {
    fromMicros: recordedFrom === undefined ? undefined : microsOf(recordedFrom),
    untilMicros: recordedUntil === undefined ? undefined : microsOf(recordedUntil),
  };
  for await (const row of archive.rows({ ...span, ...times, descending })) {
    looked += 1;
    if (isWanted(row, args, pattern)) {
      rows.push(row);
      bytes += row.data.length + row.metadata.length;
    }
    if (rows.length >= limit || bytes >= MAX_PAGE_BYTES || looked >= LOOKED_AT_MAX) return { rows, stoppedAt: row.seq };
  }
  return { rows, stoppedAt: undefined };
}

/** Whether the archive reaches back to that time, so that nothing before its first row is asked for. */
async function beginsBefore(archive: EventArchive, time: ReadEventsArguments['recordedFrom']): Promise<boolean> {
  if (time === undefined) return false;
  for await (const row of archive.rows()) return microsOf(row.recordedAt) < microsOf(time);
  return false;
}

/** Whether what is left of a trimmed log reaches back to before `recordedFrom`, so that nothing trimmed is asked for. */
export async function reachesBefore(read: ReadPage, args: ReadEventsArguments, trimmedSeq: bigint): Promise<boolean> {
  if (args.recordedFrom === undefined) return false;
  const recordedUntil = makeWireTimestamp(microsOf(args.recordedFrom) - 1n);
  const page = await read('readEvents', {
    ...ALL_EVENTS,
    scope: args.scope,
    afterSeq: trimmedSeq,
    recordedUntil,
    limit: 1,
  });
  return page.lookedTo > trimmedSeq;
}

function isWanted(row: EventLogRow, args: ReadEventsArguments, pattern: EventPattern | undefined): boolean {
  if (args.scope !== '' && row.scope !== args.scope) return false;
  if (args.kind !== '' && row.kind !== args.kind) return false;
  if (args.source !== '' && row.source !== args.source) return false;
  return pattern === undefined || pattern.matches(row.eventType);
}

function makeShort(lastSeq: bigint, trimmedSeq: bigint): NervPersistenceError {
  return makeGap(
    `The archive ends with row ${lastSeq}, and the log begins after ${trimmedSeq}. Open the archive that has what lies between.`,
    { lastSeq: lastSeq.toString(), trimmedSeq: trimmedSeq.toString() },
  );
}
