import { microsOf, type EventLogRow } from '@inner-universe/module/wire';
import type { EventKind, NervEvent } from '@inner-universe/nerv';
import { compilePattern } from '@inner-universe/nerv/events/pattern';
import { completeEvent, makeEventOfRow } from '../events/event-row.ts';
import { EventUpcasting, type Upcasters } from '../events/upcasting.ts';
import { checkOptions, type OptionForm } from '../controller/check-options.ts';
import type { NervPersistenceError } from '../errors.ts';
import { makeDamaged, makeTrimmed } from './archive-error.ts';
import type { ArchiveFiles } from './archive-files.ts';
import type { SegmentHeader } from './archive-format.ts';
import { NodeArchiveFiles } from './node-archive-files.ts';
import { firstSeqOf, isDamage, SegmentIndex, type IndexedFile, type LoadedSegment } from './segment-index.ts';

/** Which rows of an archive: `afterSeq < seq <= throughSeq`, recorded from one time until another, both included. */
export interface ArchiveSpan {
  readonly afterSeq?: bigint | undefined;
  readonly throughSeq?: bigint | undefined;
  /** Microseconds since 1970. */
  readonly fromMicros?: bigint | undefined;
  readonly untilMicros?: bigint | undefined;
  readonly descending?: boolean | undefined;
}

/** Which events of an archive. Times are those the log recorded them at, in milliseconds, `recordedTo` exclusive. */
export interface ArchiveQuery {
  readonly pattern?: string | undefined;
  /** Default `'application'`. */
  readonly kind?: EventKind | undefined;
  readonly scope?: string | undefined;
  readonly afterSeq?: number | undefined;
  readonly throughSeq?: number | undefined;
  readonly recordedFrom?: number | undefined;
  readonly recordedTo?: number | undefined;
  readonly order?: 'ascending' | 'descending' | undefined;
}

const QUERY_FORMS: { readonly [Name in keyof Required<ArchiveQuery>]: OptionForm } = {
  pattern: 'text',
  kind: ['application', 'system'],
  scope: 'text',
  afterSeq: 'count',
  throughSeq: 'count',
  recordedFrom: 'number',
  recordedTo: 'number',
  order: ['ascending', 'descending'],
};

/** What an archive holds. */
export interface ArchiveContents {
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly segments: number;
  /** Of the last segment, in hexadecimal: it stands for everything before it. */
  readonly digest: string;
  /** Bytes at the end that were being written when their writer ended; the next one removes them. */
  readonly unfinishedBytes: number;
}

/**
 * Events that were archived, to be read. Whatever is read is checked first: rows against their checksums, segments
 * against their digests, and each segment against the one before it. Whoever may read the files may read all events.
 */
export class EventArchive implements AsyncIterable<NervEvent> {
  readonly #index: SegmentIndex;
  readonly #upcasting: EventUpcasting;

  /** Use `openArchive`. */
  constructor(files: ArchiveFiles, upcasters?: Upcasters) {
    this.#index = new SegmentIndex(files);
    this.#upcasting = new EventUpcasting(upcasters);
  }

  [Symbol.asyncIterator](): AsyncGenerator<NervEvent, void, undefined> {
    return this.events();
  }

  /**
   * Archived events, oldest first unless asked otherwise. Sealed data stay sealed.
   * @throws {NervPersistenceError} `archive/damaged`, `archive/newer-format`, and as `toCurrentEvent` does
   */
  async *events(query: ArchiveQuery = {}): AsyncGenerator<NervEvent, void, undefined> {
    checkOptions('a query of an archive', query, QUERY_FORMS);
    const { pattern, kind = 'application', scope, afterSeq, throughSeq, recordedFrom, recordedTo, order } = query;
    const compiled = pattern === undefined ? undefined : compilePattern(pattern);
    const span: ArchiveSpan = {
      afterSeq: afterSeq === undefined ? undefined : BigInt(afterSeq),
      throughSeq: throughSeq === undefined ? undefined : BigInt(throughSeq),
      fromMicros: recordedFrom === undefined ? undefined : BigInt(Math.ceil(recordedFrom * 1000)),
      untilMicros: recordedTo === undefined ? undefined : BigInt(Math.ceil(recordedTo * 1000)) - 1n,
      descending: order === 'descending',
    };
    for await (const row of this.rows(span)) {
      if (row.kind !== kind || (scope !== undefined && row.scope !== scope)) continue;
      if (compiled === undefined || compiled.matches(row.eventType))
        yield completeEvent(makeEventOfRow(row, this.#upcasting));
    }
  }

  /**
   * Archived rows as the module has them, values whole: those of a span, or all after a `seq`, which is refused where
   * the archive begins later.
   * @throws {NervPersistenceError} `archive/damaged`, `archive/newer-format`, `event/trimmed`
   */
  async *rows(which: bigint | ArchiveSpan = {}): AsyncGenerator<EventLogRow, void, undefined> {
    if (typeof which === 'bigint') await this.#assertReaches(which);
    const span = typeof which === 'bigint' ? { afterSeq: which } : which;
    const { afterSeq = 0n, throughSeq, fromMicros, untilMicros, descending = false }: ArchiveSpan = span;
    for await (const segment of this.segments(span)) {
      const rows = descending ? [...segment.rows].reverse() : segment.rows;
      for (const row of rows) {
        if (row.seq <= afterSeq || (throughSeq !== undefined && row.seq > throughSeq)) continue;
        const micros = microsOf(row.recordedAt);
        if (fromMicros !== undefined && micros < fromMicros) continue;
        if (untilMicros !== undefined && micros > untilMicros) continue;
        yield row;
      }
    }
  }

  async #assertReaches(afterSeq: bigint): Promise<void> {
    const bounds = await this.bounds();
    if (bounds !== undefined && bounds.firstSeq > afterSeq + 1n)
      throw makeTrimmed('archive', bounds.firstSeq - 1n, afterSeq);
  }

  /** What it holds, as its headers say; undefined for an empty one. */
  async contents(): Promise<ArchiveContents | undefined> {
    const { files } = await this.#files();
    const places = files.flatMap(({ segments }) => segments);
    const [first] = places;
    const last = places.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const { digest } = await this.#index.load(last);
    const unfinishedBytes = files.at(-1)?.unfinishedBytes ?? 0;
    const { firstSeq } = first.header;
    return { firstSeq, lastSeq: last.header.lastSeq, segments: places.length, digest, unfinishedBytes };
  }

  /** @internal The first and last `seq` it holds. */
  async bounds(): Promise<{ readonly firstSeq: bigint; readonly lastSeq: bigint } | undefined> {
    const files = (await this.#files()).files.filter(({ segments }) => segments.length > 0);
    const [first] = files;
    const last = files.at(-1)?.segments.at(-1);
    return first === undefined || last === undefined
      ? undefined
      : { firstSeq: first.header.firstSeq, lastSeq: last.header.lastSeq };
  }

  /** Reads and checks everything. @throws {NervPersistenceError} `archive/damaged`, naming file and byte */
  async verify(): Promise<ArchiveContents | undefined> {
    for await (const segment of this.segments()) void segment;
    return this.contents();
  }

  /** @internal Sound segments that hold rows of the span. */
  async *segments(span: ArchiveSpan = {}): AsyncGenerator<LoadedSegment, void, undefined> {
    const { descending = false, throughSeq } = span;
    const { files, fault } = await this.#files(descending ? 0n : (span.afterSeq ?? 0n) + 1n, throughSeq);
    const all = files.flatMap(({ segments }) => segments);
    const soundSeq = all.at(-1)?.header.lastSeq ?? 0n;
    const isFaultMet = fault !== undefined && (throughSeq === undefined || throughSeq > soundSeq);
    if (isFaultMet && descending) throw fault;
    const places = all.filter(({ header }) => isWanted(header, span));
    if (descending) places.reverse();
    let before: LoadedSegment | undefined;
    for (const place of places) {
      const segment = await this.#index.load(place);
      if (before !== undefined) checkChain(descending ? [segment, before] : [before, segment]);
      before = segment;
      yield segment;
    }
    if (isFaultMet) throw fault;
  }

  /** The files that may hold rows from one `seq` to another, in order, and what is wrong behind them. */
  async #files(fromSeq = 0n, throughSeq?: bigint): Promise<FoundFiles> {
    const names = await this.#index.names();
    const files: IndexedFile[] = [];
    for (const [at, name] of names.entries()) {
      const next = names[at + 1];
      if (next !== undefined && firstSeqOf(next) <= fromSeq) continue;
      if (throughSeq !== undefined && files.length > 0 && firstSeqOf(name) > throughSeq) break;
      try {
        const file = await this.#index.file(name, next === undefined);
        if (file === undefined) continue;
        checkFollows(files.at(-1), file);
        files.push(file);
      } catch (error) {
        if (next !== undefined || !isDamage(error)) throw error;
        return { files, fault: error };
      }
    }
    return { files, fault: files.at(-1)?.fault };
  }
}

interface FoundFiles {
  readonly files: readonly IndexedFile[];
  readonly fault: NervPersistenceError | undefined;
}

/** How an archive is opened. */
export interface OpenArchiveOptions {
  /** What brings data of older versions forward; a universe that is given the archive uses its own. */
  readonly upcasters?: Upcasters | undefined;
}

/**
 * The archive in a directory of this machine, to be read. Nothing is opened before it is asked for something, and
 * nothing is to be closed; what is archived later is found as well.
 */
export function openArchive(directory: string, options: OpenArchiveOptions = {}): EventArchive {
  checkOptions('openArchive', options, { upcasters: 'object' });
  return new EventArchive(new NodeArchiveFiles(directory), options.upcasters);
}

function isWanted({ firstSeq, lastSeq, firstMicros, lastMicros }: SegmentHeader, span: ArchiveSpan): boolean {
  const { afterSeq, throughSeq, fromMicros, untilMicros } = span;
  if ((afterSeq !== undefined && lastSeq <= afterSeq) || (throughSeq !== undefined && firstSeq > throughSeq))
    return false;
  if (fromMicros !== undefined && lastMicros < fromMicros) return false;
  return untilMicros === undefined || firstMicros <= untilMicros;
}

function checkFollows(before: IndexedFile | undefined, file: IndexedFile): void {
  if (before === undefined) return;
  const expected = (before.segments.at(-1)?.header.lastSeq ?? before.header.firstSeq - 1n) + 1n;
  if (file.header.firstSeq === expected) return;
  throw makeDamaged(before.name, before.end, `it ends with row ${expected - 1n}, and the next file is '${file.name}'`);
}

/** Two segments that follow each other. */
function checkChain([before, after]: readonly [LoadedSegment, LoadedSegment]): void {
  if (after.header.firstSeq !== before.header.lastSeq + 1n) return;
  if (after.header.previousDigest === before.digest) return;
  throw makeDamaged(after.file, after.at, `the segment before it, in '${before.file}', is another one`);
}
