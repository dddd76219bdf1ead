/*
 * Moves the oldest events of a log into an archive. Invariants:
 * - a row is trimmed only after the segment that holds it is durable, and only the rows that segments hold;
 * - the log is never trimmed past a consumer that holds it, nor past what the limits let go;
 * - whenever this ends, each row is in the archive or in the log, and the next run goes on from there.
 */
import { identityHex, makeWireTimestamp, microsOf, type EventLogRow } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { ALL_EVENTS, pages } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { checkOptions } from '../controller/check-options.ts';
import { loadStoredText } from '../client/value-text.ts';
import { NervPersistenceError, refusalOf } from '../errors.ts';
import { makeGap } from './archive-error.ts';
import type { ArchiveFiles } from './archive-files.ts';
import { ARCHIVE_FORMS } from './archive-forms.ts';
import { NO_DIGEST } from './archive-format.ts';
import { ArchiveWriter, type TrimPoint, type WrittenSegment } from './archive-writer.ts';
import { EventArchive } from './event-archive.ts';
import { checkLimits, readRetention, type RetentionLimits } from './retention.ts';

/** How events are archived, and who may call that off. `timeoutMs` is for each call. */
export interface ArchiveOptions extends CallOptions {
  /** What the log keeps: events beyond one of the limits leave it; `{}` for all. Default: the setting `retention`. */
  readonly limits?: RetentionLimits | undefined;
  /** Told after each segment how far it is. */
  readonly onProgress?: ((progress: ArchiveProgress) => void) | undefined;
  /** Rows of a segment, 1,000 by default and at most. */
  readonly segmentRows?: number | undefined;
  /** A segment ends with the row with which it has so many bytes; default 4 MiB. */
  readonly segmentBytes?: number | undefined;
  /** A file ends with the segment with which it has so many bytes; default 64 MiB. */
  readonly fileBytes?: number | undefined;
}

/** How far it is, by rows. */
export interface ArchiveProgress {
  readonly archivedSeq: bigint;
  /** Up to where it will go. */
  readonly targetSeq: bigint;
}

/** What was done. */
export interface ArchiveResult {
  /** Rows that were written now. */
  readonly archived: number;
  /** Rows that left the log now. */
  readonly trimmed: number;
  /** The last row that is in the archive; 0 for none. */
  readonly archivedSeq: bigint;
  /** Up to where the log is trimmed. */
  readonly trimmedSeq: bigint;
  /** The consumer that keeps the log from being trimmed further, if one does. */
  readonly heldBy: string | undefined;
}

const SEGMENT_ROWS_MAX = 1_000;
const SEGMENT_BYTES = 4 * 1024 * 1024;
const FILE_BYTES = 64 * 1024 * 1024;

/**
 * Writes the part of the log that its limits let go into an archive, then trims it off. Without any limits everything
 * up to now is written, and nothing is trimmed. For the owner.
 * @throws {NervPersistenceError} `archive/in-use`, `archive/not-owner`, `archive/other-universe`, `archive/gap`,
 * `archive/damaged`, `archive/newer-format`, `config/invalid`, and what reading and writing throw; what was done until then stays
 */
export async function archiveEvents(
  client: ModuleClient,
  files: ArchiveFiles,
  options: ArchiveOptions = {},
): Promise<ArchiveResult> {
  checkOptions('archiveEvents', options, ARCHIVE_FORMS);
  if (options.limits !== undefined) checkLimits(options.limits);
  const unlock = await files.lock();
  try {
    return await new ArchiveRun(client, files, options).run();
  } finally {
    await unlock();
  }
}

/** One run, from the lock to its release. */
class ArchiveRun {
  readonly #client: ModuleClient;
  readonly #files: ArchiveFiles;
  readonly #options: ArchiveOptions;
  #archived = 0;
  #trimmed = 0;
  #trimmedSeq = 0n;
  #heldBy: string | undefined;

  constructor(client: ModuleClient, files: ArchiveFiles, options: ArchiveOptions) {
    this.#client = client;
    this.#files = files;
    this.#options = options;
  }

  async run(): Promise<ArchiveResult> {
    const log = await this.#readLog();
    this.#trimmedSeq = log.trimmed.seq;
    const writer = await ArchiveWriter.open(this.#files, log.trimmed, this.#options.fileBytes ?? FILE_BYTES);
    await this.#checkOrigin(writer, log);
    const given = this.#options.limits;
    const limits = given === undefined ? await readRetention(this.#client, this.#call) : checkLimits(given);
    const letGo = limits === undefined ? 0n : await this.#findLetGo(limits, log);
    const trimTo = await this.#lowerToHolders(letGo);
    await this.#trimArchived(writer, trimTo);
    await this.#archive(writer, limits === undefined ? log.seq : letGo, trimTo);
    return {
      archived: this.#archived,
      trimmed: this.#trimmed,
      archivedSeq: writer.lastSeq,
      trimmedSeq: this.#trimmedSeq,
      heldBy: this.#heldBy,
    };
  }

  async #readLog(): Promise<LogEnds> {
    const { owner, seq } = await this.#client.read('readScopes', {}, this.#call);
    if (identityHex(owner) !== this.#client.identity) {
      throw new NervPersistenceError(
        'archive/not-owner',
        `Only the owner of the database archives its events, because all of them are read. This is ${this.#client.identity}.`,
        { details: { identity: this.#client.identity } },
      );
    }
    const newest = { ...ALL_EVENTS, kind: 'system', pattern: 'EVENTS_TRIMMED', descending: true, limit: 1 };
    const { events, trimmedSeq } = await this.#client.read('readEvents', newest, this.#call);
    return { seq, trimmed: { seq: trimmedSeq, digest: digestOfRecord(events[0]) } };
  }

  /** The archive and the log must have the same past. */
  async #checkOrigin(writer: ArchiveWriter, { seq, trimmed }: LogEnds): Promise<void> {
    const archive = new EventArchive(this.#files);
    const held = trimmed.seq === 0n ? undefined : await findSegment(archive, trimmed.seq);
    if (held !== undefined && trimmed.digest !== undefined && held.digest !== trimmed.digest) {
      throw makeOther(
        this.#files.directory,
        `it holds row ${trimmed.seq} in segment ${held.digest}, not in ${trimmed.digest}`,
      );
    }
    if (writer.lastSeq <= trimmed.seq) return;
    if (writer.lastSeq > seq) {
      throw makeOther(this.#files.directory, `it holds row ${writer.lastSeq}, and the log ends at ${seq}`);
    }
    const ours = (await findSegment(archive, writer.lastSeq))?.rows.at(-1);
    const span = { ...ALL_EVENTS, afterSeq: writer.lastSeq - 1n, throughSeq: writer.lastSeq };
    const [theirs] = (await this.#client.read('readEvents', span, this.#call)).events;
    if (ours === undefined || theirs === undefined || !isSame(ours, theirs)) {
      throw makeOther(
        this.#files.directory,
        `its row ${writer.lastSeq} is ${ours?.eventId}, that of the log ${theirs?.eventId}`,
      );
    }
  }

  /** Up to which row the limits let the log go. */
  async #findLetGo({ maxAgeMs, maxEvents }: RetentionLimits, { seq }: LogEnds): Promise<bigint> {
    let letGo = 0n;
    if (maxEvents !== undefined && seq > BigInt(maxEvents)) letGo = seq - BigInt(maxEvents);
    if (maxAgeMs === undefined) return letGo;
    const untilMicros = this.#client.clock.nowMicros() - BigInt(Math.round(maxAgeMs * 1000));
    const oldest = { ...ALL_EVENTS, recordedUntil: makeWireTimestamp(untilMicros), descending: true, limit: 1 };
    const [row] = (await this.#client.read('readEvents', oldest, this.#call)).events;
    return row !== undefined && row.seq > letGo ? row.seq : letGo;
  }

  /** Not past a consumer that holds the log. */
  async #lowerToHolders(letGo: bigint): Promise<bigint> {
    let lowest = letGo;
    for await (const page of pages((cursor) =>
      this.#client.read('readConsumers', { name: '', cursor, limit: 0 }, this.#call),
    )) {
      const holders = new Set(page.consumers.filter(({ holdsTrim }) => holdsTrim).map(({ name }) => name));
      for (const { name, offset } of page.partitions) {
        if (!holders.has(name) || offset >= lowest) continue;
        lowest = offset;
        this.#heldBy = name;
      }
    }
    return lowest;
  }

  /** Trims what is in the archive already: an earlier run wrote it and ended before it trimmed. */
  async #trimArchived(writer: ArchiveWriter, trimTo: bigint): Promise<void> {
    if (trimTo <= this.#trimmedSeq) return;
    const archive = new EventArchive(this.#files);
    for await (const segment of archive.segments({ afterSeq: this.#trimmedSeq, throughSeq: trimTo })) {
      await this.#trim(await writer.secure(segment), trimTo);
    }
  }

  async #archive(writer: ArchiveWriter, targetSeq: bigint, trimTo: bigint): Promise<void> {
    const { segmentBytes = SEGMENT_BYTES, segmentRows = SEGMENT_ROWS_MAX } = this.#options;
    let rows: EventLogRow[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (rows.length === 0) return;
      const written = await writer.append(rows);
      this.#archived += rows.length;
      const { telemetry } = this.#client;
      telemetry.count('events.archived', rows.length);
      telemetry.count('events.archive_bytes', written.bytes);
      rows = [];
      bytes = 0;
      await this.#trim(written, trimTo);
      this.#options.onProgress?.({ archivedSeq: writer.lastSeq, targetSeq });
    };
    for await (const row of this.#rows(writer.lastSeq, targetSeq)) {
      rows.push(row);
      bytes += row.data.length + row.metadata.length;
      if (rows.length >= Math.min(segmentRows, SEGMENT_ROWS_MAX) || bytes >= segmentBytes) await flush();
    }
    await flush();
  }

  /** Rows of the log in order, without a gap, values whole. */
  async *#rows(afterSeq: bigint, throughSeq: bigint): AsyncGenerator<EventLogRow, void, undefined> {
    let last = afterSeq;
    while (last < throughSeq) {
      const { events } = await this.#client.read(
        'readEvents',
        { ...ALL_EVENTS, afterSeq: last, throughSeq },
        this.#call,
      );
      for (const row of events) {
        if (row.seq !== last + 1n) break;
        yield await this.#makeWhole(row);
        last = row.seq;
      }
      if (events.at(-1)?.seq === last) continue;
      throw makeGap(
        `The log gave row ${events.find(({ seq }) => seq > last)?.seq ?? 'none'} where ${last + 1n} belongs. Nothing is trimmed from there on; report this.`,
        { expectedSeq: (last + 1n).toString() },
      );
    }
  }

  /** A value that lies in chunks is archived as the text that it stands for. */
  async #makeWhole(row: EventLogRow): Promise<EventLogRow> {
    const { scope, dataEncoding, metadataEncoding } = row;
    if (dataEncoding !== 'chunks/1' && metadataEncoding !== 'chunks/1') return row;
    const { readPage } = this.#client;
    const data = await loadStoredText(readPage, { text: row.data, encoding: dataEncoding, scope });
    const metadata = await loadStoredText(readPage, { text: row.metadata, encoding: metadataEncoding, scope });
    return { ...row, data, dataEncoding: inline(dataEncoding), metadata, metadataEncoding: inline(metadataEncoding) };
  }

  /** Trims what a durable segment holds, as far as it may go. */
  async #trim({ lastSeq, digest }: WrittenSegment, trimTo: bigint): Promise<void> {
    const target = lastSeq < trimTo ? lastSeq : trimTo;
    while (this.#trimmedSeq < target) {
      const step = this.#trimmedSeq + BigInt(SEGMENT_ROWS_MAX);
      const upToSeq = step < target ? step : target;
      try {
        await this.#client.apply([{ tag: 'trimEvents', value: { upToSeq, segmentDigest: digest } }], this.#call);
      } catch (error) {
        const refused = refusalOf(error);
        if (refused?.code !== 'consumer/holds') throw error;
        // It came, or was found to hold, after this run had looked: the next one goes on.
        this.#heldBy = refused.ids[0];
        return;
      }
      this.#trimmed += Number(upToSeq - this.#trimmedSeq);
      this.#client.telemetry.count('events.trimmed', Number(upToSeq - this.#trimmedSeq));
      this.#trimmedSeq = upToSeq;
    }
  }

  get #call(): CallOptions {
    const { signal, timeoutMs } = this.#options;
    return { signal, timeoutMs };
  }
}

interface LogEnds {
  /** Its last row. */
  readonly seq: bigint;
  readonly trimmed: TrimPoint;
}

function digestOfRecord(record: EventLogRow | undefined): string | undefined {
  if (record === undefined) return undefined;
  const { ids = [] } = JSON.parse(record.data) as { ids?: readonly string[] }; // the module's own record
  const digest = ids[0] ?? '';
  // Whoever trims otherwise may have named anything.
  return /^[0-9a-f]{64}$/.test(digest) && digest !== NO_DIGEST ? digest : undefined;
}

async function findSegment(
  archive: EventArchive,
  seq: bigint,
): Promise<{ readonly rows: readonly EventLogRow[]; readonly digest: string } | undefined> {
  for await (const segment of archive.segments({ afterSeq: seq - 1n, throughSeq: seq })) return segment;
  return undefined;
}

function isSame(left: EventLogRow, right: EventLogRow): boolean {
  return left.eventId === right.eventId && microsOf(left.recordedAt) === microsOf(right.recordedAt);
}

function inline(encoding: string): string {
  return encoding === 'chunks/1' ? 'json/1' : encoding;
}

function makeOther(directory: string, why: string): NervPersistenceError {
  return new NervPersistenceError(
    'archive/other-universe',
    `The archive in '${directory}' is not that of this log: ${why}. Give each universe a directory of its own.`,
    { details: { directory } },
  );
}
