/*
 * Reads by id that are answered here. Invariants:
 * - a read that begins after a change was told here (by the live feed, by the answer to a write of this client, or by
 *   any page that was read) never gives what was before that change;
 * - a row is kept only while the live feed would tell of its changes: connected, and of a scope that is followed;
 * - what is kept is as the module stores it: sealed values stay sealed.
 *
 * How a row is known to be up to date: each page says up to which `seq` it looked, and the owner's feed tells every
 * record after that. What was read at `seq` 10 and not dropped while the feed was followed to 15 is good for who knows
 * of 15, and not for who has seen a page of 16. Others are not told every record: all is dropped when something moves.
 */
import {
  MAX_READ_IDS,
  type ChunkResult,
  type EntityRow,
  type Op,
  type ReadChunkArguments,
  type RelationRow,
} from '@inner-universe/module/wire';
import type { LiveEvent, ReadPage } from '../client/change-source.ts';
import { ALL_ENTITIES, ALL_RELATIONS, type ReadName, type Reads } from '../client/reads.ts';
import type { LinkState } from '../connection/link-status.ts';
import { refusalOf } from '../errors.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import { decideCacheBounds, type CacheOptions, type ClientCacheStats } from './cache-options.ts';
import { ReadCache } from './read-cache.ts';
import { RowLoader } from './row-loader.ts';
import { writtenRows } from './written-rows.ts';

/** What tells a cache of changes. */
export interface CacheFeed {
  /** The last `seq` that was told. */
  readonly cursor: bigint;
  /** Whether every record is told; otherwise only that something has changed. */
  readonly isOwner: boolean;
  /** Whether changes in this scope would be told. */
  follows(scope: string): boolean;
  listen(tell: (events: readonly LiveEvent[]) => void, onGap: () => void, onRound: () => void): () => void;
}

export interface CachedReadsParts {
  readonly options: CacheOptions;
  /** Reads past this cache. */
  readonly read: ReadPage;
  readonly feed: CacheFeed;
  readonly link: {
    readonly state: () => LinkState;
    readonly onState: (listener: () => void) => () => void;
  };
  /** Whether what is here may be given out while the connection is away. */
  readonly servesStale: boolean;
  readonly nowMs: () => number;
  readonly telemetry: Telemetry;
}

/** A row and the `seq` up to which it is known to be this. */
interface Known {
  readonly row: Row | undefined;
  readonly pieces: ChunkResult | undefined;
  readonly seq: bigint;
}

type Row = EntityRow | RelationRow;
type Kind = 'entity' | 'relation';

/** What an entry takes besides its texts. */
const ENTRY_BYTES = 600;

/** The reads of a client that may be answered from what was read before. */
export class CachedReads {
  readonly #parts: CachedReadsParts;
  readonly #kept: ReadCache<string, Known>;
  readonly #entities: RowLoader<EntityRow>;
  readonly #relations: RowLoader<RelationRow>;
  readonly #stops: (() => void)[];
  /** The highest `seq` that any page has told of. */
  #seenTo = 0n;
  #stale = 0;
  #isClosed = false;

  constructor(parts: CachedReadsParts) {
    const { options, read, feed, link, nowMs, telemetry } = parts;
    this.#parts = parts;
    this.#kept = new ReadCache({
      ...decideCacheBounds(options),
      nowMs,
      sizeOf,
      keeps: (known) => this.#mayKeep(known),
      onCount: (name) => telemetry.count(`cache.${name}`),
    });
    this.#entities = new RowLoader(async (ids, cursor) => {
      const { entities, ...end } = await read('readEntities', { ...ALL_ENTITIES, ids, cursor });
      return { ...end, rows: entities };
    });
    this.#relations = new RowLoader(async (ids, cursor) => {
      const { relations, ...end } = await read('readRelations', { ...ALL_RELATIONS, ids, cursor });
      return { ...end, rows: relations };
    });
    const forget = (): void => this.#kept.clear();
    this.#stops = [
      feed.listen((events) => this.#onEvents(events), forget, forget),
      link.onState(() => this.#onState()),
      telemetry.observe('cache.entries', () => this.#kept.stats.entries),
      telemetry.observe('cache.bytes', () => this.#kept.stats.bytes),
    ];
  }

  get stats(): ClientCacheStats {
    return { ...this.#kept.stats, stale: this.#stale };
  }

  /** As `read`; rows by id, and pieces of large values, come from here where they can. */
  read: ReadPage = async <N extends ReadName>(name: N, args: Reads[N][0]): Promise<Reads[N][1]> => {
    if (this.#isClosed) return this.#parts.read(name, args);
    if (name === 'readChunk') return (await this.#chunk(args as ReadChunkArguments)) as Reads[N][1]; // the name says so
    const ids = idsAskedFor(name, args);
    if (ids === undefined) return this.#parts.read(name, args);
    const answer = name === 'readEntities' ? await this.#entityPage(ids) : await this.#relationPage(ids);
    return answer as Reads[N][1]; // the name says so
  };

  /** Notes what a page that was read tells, or that it was refused. */
  async noting<T>(reading: Promise<T>): Promise<T> {
    try {
      const page = await reading;
      const { seq } = page as { readonly seq?: unknown };
      if (typeof seq === 'bigint' && seq > this.#seenTo) this.#seenTo = seq;
      return page;
    } catch (error) {
      // Whoever may not read any more is not shown what was read before.
      if (refusalOf(error)?.code === 'permission/denied') this.#kept.clear();
      throw error;
    }
  }

  /** Forgets what these ops may have changed: they were sent, whatever became of them. */
  forgetWritten(ops: readonly Op[]): void {
    const { keys, isWide } = writtenRows(ops);
    for (const [kind, id] of keys) this.#kept.drop(keyOf(kind, id));
    if (isWide) this.#kept.dropWhere((key) => key.startsWith('relation '));
  }

  /** Forgets everything. */
  clear(): void {
    this.#kept.clear();
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#kept.clear();
  }

  async #entityPage(ids: readonly string[]): Promise<Reads['readEntities'][1]> {
    const found = await this.#all('entity', ids, (id) => this.#entities.load(id));
    return { entities: found.rows as readonly EntityRow[], seq: found.seq, cursor: '', more: false }; // of this kind
  }

  async #relationPage(ids: readonly string[]): Promise<Reads['readRelations'][1]> {
    const found = await this.#all('relation', ids, (id) => this.#relations.load(id));
    return { relations: found.rows as readonly RelationRow[], seq: found.seq, cursor: '', more: false }; // as above
  }

  async #all(
    kind: Kind,
    ids: readonly string[],
    load: (id: string) => Promise<{ readonly row: Row | undefined; readonly seq: bigint }>,
  ): Promise<{ readonly rows: readonly Row[]; readonly seq: bigint }> {
    const neededSeq = this.#seenTo;
    const isGood = (known: Known): boolean => this.#goodTo(known) >= neededSeq;
    const known = await Promise.all(
      [...new Set(ids)].map((id) =>
        this.#get(keyOf(kind, id), async () => ({ ...(await load(id)), pieces: undefined }), isGood),
      ),
    );
    const rows = known.flatMap(({ row }) => (row === undefined ? [] : [row]));
    const seqs = known.map((one) => this.#goodTo(one));
    return { rows, seq: seqs.reduce((least, seq) => (seq < least ? seq : least), seqs[0] ?? neededSeq) };
  }

  /** A piece of a value: what its digest names never changes, so that only who may read it can. */
  async #chunk(args: ReadChunkArguments): Promise<ChunkResult> {
    const load = async (): Promise<Known> => {
      const pieces = await this.#parts.read('readChunk', args);
      return { row: undefined, pieces, seq: this.#seenTo };
    };
    const key = `chunk ${args.scope} ${args.digest} ${args.position}`;
    const { pieces } = await this.#get(key, load, () => true);
    return pieces ?? this.#parts.read('readChunk', args);
  }

  async #get(key: string, load: () => Promise<Known>, isGood: (known: Known) => boolean): Promise<Known> {
    const isAway = this.#parts.link.state() !== 'connected';
    const { hits } = this.#kept.stats;
    const reading = this.#kept.get(key, load, isGood);
    // Whether it was here is known at once.
    if (isAway && this.#kept.stats.hits > hits) this.#countStale();
    return reading;
  }

  #countStale(): void {
    this.#stale += 1;
    this.#parts.telemetry.count('cache.stale');
  }

  /** Up to which `seq` a row that is still here is known to be as it is here. */
  #goodTo({ seq }: Known): bigint {
    const { feed } = this.#parts;
    return feed.isOwner && feed.cursor > seq ? feed.cursor : seq;
  }

  #mayKeep({ row, pieces }: Known): boolean {
    const { feed, link } = this.#parts;
    if (this.#isClosed || link.state() !== 'connected') return false;
    if (feed.isOwner || pieces !== undefined) return true;
    // What one may not read yet looks like what is not there, and nobody tells others that they now may.
    return row !== undefined && feed.follows(row.scope);
  }

  #onState(): void {
    const { link, servesStale } = this.#parts;
    const isConnected = link.state() === 'connected';
    if (!isConnected && servesStale) return;
    // What changed while nobody told of it is not known; and the log may be another one than it was.
    this.#kept.clear();
    if (isConnected) this.#seenTo = 0n;
  }

  #onEvents(events: readonly LiveEvent[]): void {
    if (!this.#parts.feed.isOwner) {
      this.#kept.clear();
      return;
    }
    for (const event of events) if (event.kind === 'system') this.#onRecord(event);
  }

  #onRecord({ eventType, data, seq }: LiveEvent): void {
    if (eventType === 'GRANT_CHANGED') this.#kept.clear();
    const kind = eventType.startsWith('ENTITY_')
      ? 'entity'
      : eventType.startsWith('RELATION_')
        ? 'relation'
        : undefined;
    if (kind === undefined) return;
    const ids = tryIds(data);
    if (ids === undefined) this.#kept.clear();
    else for (const id of ids) this.#kept.drop(keyOf(kind, id), (known) => known.seq < seq);
  }
}

function keyOf(kind: Kind, id: string): string {
  return `${kind} ${id}`;
}

/** The ids that a read asks for, if that is all it asks for. */
function idsAskedFor<N extends ReadName>(name: N, args: Reads[N][0]): readonly string[] | undefined {
  if (name !== 'readEntities' && name !== 'readRelations') return undefined;
  const { ids, cursor, limit } = args as Reads['readEntities' | 'readRelations'][0]; // the name says so
  const isWhole = ids.length > 0 && ids.length <= MAX_READ_IDS && cursor === '' && limit === 0;
  return isWhole ? ids : undefined;
}

/** The ids that a record lists; undefined when it does not say. */
function tryIds(data: string): readonly string[] | undefined {
  try {
    const { ids } = JSON.parse(data) as { ids?: unknown };
    return Array.isArray(ids) ? (ids as readonly string[]) : undefined;
  } catch {
    return undefined;
  }
}

function sizeOf({ row, pieces }: Known): number {
  if (pieces !== undefined) return pieces.pieces.reduce((sum, { byteLength }) => sum + byteLength, ENTRY_BYTES);
  if (row === undefined) return ENTRY_BYTES;
  const { name, description, properties, tags } = row;
  const length = [name ?? '', description ?? '', properties, ...tags].reduce((sum, text) => sum + text.length, 0);
  // Texts take two bytes a character where they hold more than Latin letters.
  return ENTRY_BYTES + 2 * length;
}
