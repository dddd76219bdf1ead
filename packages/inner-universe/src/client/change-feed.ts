/*
 * Follows the log. Invariants:
 * - every durable event with `seq` greater than the one it started at reaches the listeners once, in order of `seq`;
 * - `cursor` is the last `seq` that was handed out, or looked past because nothing readable was there;
 * - an ephemeral event reaches them at most once.
 * Where the events come from is behind `ChangeSource`: the owner's connections have them pushed, everybody else is
 * told that there is something and reads it. Both catch up by the same pages.
 */
import type { EventFeedRow, EventLogRow } from '@inner-universe/module/wire';
import type { Connection, ConnectionSubscription } from '../connection/connection.ts';
import { ALL_EVENTS, type ReadName, type Reads } from './reads.ts';

/** A live event: a row of the log, or an ephemeral one with `seq` 0. */
export type LiveEvent = Omit<EventFeedRow, 'requestId'>;

/** Told events in order; must not throw (what it throws is reported, and stops nothing). */
export type LiveListener = (events: readonly LiveEvent[]) => void;

/** Reads on one connection. */
export type ReadPage = <N extends ReadName>(name: N, args: Reads[N][0]) => Promise<Reads[N][1]>;

export interface ChangeFeedOptions {
  readonly read: ReadPage;
  readonly onError: (error: unknown) => void;
}

/** The live end of the log, shared by everything that follows it. */
export class ChangeFeed {
  readonly #read: ReadPage;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<LiveListener>();
  #cursor: bigint | undefined;
  #source: ChangeSource | undefined;

  constructor(options: ChangeFeedOptions) {
    this.#read = options.read;
    this.#onError = options.onError;
  }

  /** The last `seq` handed out; 0 before the first connection. */
  get cursor(): bigint {
    return this.#cursor ?? 0n;
  }

  /** Calls the listener with each batch of events from now on. */
  listen(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Follows the log on a new connection. On the first one it starts at the head; on later ones it first hands out what
   * was missed. Resolves when it is live.
   */
  async attach(connection: Connection): Promise<void> {
    this.#source?.close();
    const read: ReadPage = (name, args) => connection.callProcedure(name, args) as Promise<never>;
    const scopes = await read('readScopes', {});
    const parts = { connection, read, feed: this.#sink(), onError: this.#onError };
    const isOwner = connection.identity === scopes.owner.__identity__.toString(16).padStart(64, '0');
    this.#source = isOwner ? new PushedChanges(parts) : new PulledChanges(parts, scopes.scopes.map((s) => [s.name, s.scopeKey]));
    this.#cursor ??= scopes.seq;
    await this.#source.start();
  }

  /** Hands out everything that was committed before this call; for readers that must see their own writes' effects. */
  async catchUp(): Promise<void> {
    await this.#sink().readOn(this.#read);
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#listeners.clear();
  }

  #sink(): FeedSink {
    return {
      cursor: () => this.cursor,
      deliver: (events) => this.#deliver(events),
      skipTo: (seq) => {
        if (seq > this.cursor) this.#cursor = seq;
      },
      readOn: (read) => readOn(read, this.#sink()),
    };
  }

  #deliver(events: readonly LiveEvent[]): void {
    const fresh = events.filter((event) => event.seq === 0n || event.seq > this.cursor);
    if (fresh.length === 0) return;
    for (const event of fresh) if (event.seq > this.cursor) this.#cursor = event.seq;
    for (const listener of [...this.#listeners]) {
      try {
        listener(fresh);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

interface FeedSink {
  cursor(): bigint;
  /** Sorted by `seq`; what was handed out before is left out. */
  deliver(events: readonly LiveEvent[]): void;
  skipTo(seq: bigint): void;
  readOn(read: ReadPage): Promise<void>;
}

interface SourceParts {
  readonly connection: Connection;
  readonly read: ReadPage;
  readonly feed: FeedSink;
  readonly onError: (error: unknown) => void;
}

interface ChangeSource {
  start(): Promise<void>;
  close(): void;
}

/** Reads pages from the cursor to the head. */
async function readOn(read: ReadPage, feed: FeedSink): Promise<void> {
  for (;;) {
    const page = await read('readEvents', { ...ALL_EVENTS, afterSeq: feed.cursor() });
    feed.deliver(page.events.map(asLive));
    feed.skipTo(page.lookedTo);
    if (!page.more) return;
  }
}

function bySeq(a: LiveEvent, b: LiveEvent): number {
  return a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0;
}

function asLive(row: EventLogRow): LiveEvent {
  return { ...row, durability: 'durable' };
}

/** The owner's way: rows of the event table `event_feed`, written in the transaction that wrote the log. */
class PushedChanges implements ChangeSource {
  readonly #parts: SourceParts;
  #subscription: ConnectionSubscription | undefined;
  #buffer: LiveEvent[] = [];
  #busy = true;
  #flushing = false;
  #closed = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    // First listen, then read: what is committed in between comes both ways and is handed out once.
    this.#subscription = await this.#parts.connection.subscribe({
      queries: ['SELECT * FROM event_feed'],
      tables: ['eventFeed'],
      onChange: ({ row }) => this.#push(row as unknown as EventFeedRow), // the bindings' type of that table
    });
    await this.#catchUp();
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.close();
  }

  #push(row: EventFeedRow): void {
    this.#buffer.push(row);
    if (this.#busy || this.#flushing) return;
    // All rows of one transaction arrive in one turn; their order is the log's, not the message's.
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#closed) return;
    const events = this.#buffer.sort(bySeq);
    const first = events.find((event) => event.seq > this.#parts.feed.cursor());
    if (first !== undefined && first.seq > this.#parts.feed.cursor() + 1n) {
      // Something between was not pushed: read it, the buffer comes after.
      this.#catchUp().catch((error: unknown) => this.#parts.onError(error));
      return;
    }
    this.#buffer = [];
    this.#parts.feed.deliver(events);
  }

  async #catchUp(): Promise<void> {
    this.#busy = true;
    try {
      await this.#parts.feed.readOn(this.#parts.read);
    } finally {
      this.#busy = false;
    }
    const events = this.#buffer.sort(bySeq);
    this.#buffer = [];
    if (!this.#closed) this.#parts.feed.deliver(events);
  }
}

/** Everybody else's way: `head` says that a scope moved, and the pages say what the caller may know of it. */
class PulledChanges implements ChangeSource {
  readonly #parts: SourceParts;
  readonly #scopeOf: ReadonlyMap<string, string>;
  readonly #recent = new Map<string, bigint>();
  #subscription: ConnectionSubscription | undefined;
  #pulling: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(parts: SourceParts, scopes: readonly (readonly [name: string, key: string])[]) {
    this.#parts = parts;
    this.#scopeOf = new Map(scopes.map(([name, key]) => [key, name]));
  }

  async start(): Promise<void> {
    const { connection, read } = this.#parts;
    this.#subscription = await connection.subscribe({
      queries: ['SELECT * FROM head'],
      tables: ['head'],
      onChange: ({ row }) => {
        if (this.#scopeOf.has(String(row['scopeKey']))) this.#pull();
      },
    });
    for (const scope of (await read('readScopes', {})).scopes) this.#recent.set(scope.name, scope.recentNumber);
    this.#pull();
    await this.#pulling;
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.close();
  }

  /** One fetch at a time: a move that comes meanwhile asks for one more round, however many come. */
  #pull(): void {
    this.#again = true;
    this.#pulling ??= this.#run().finally(() => (this.#pulling = undefined));
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#parts.feed.readOn(this.#parts.read);
        for (const [scope, after] of this.#recent) await this.#pullRecent(scope, after);
      } catch (error) {
        if (!this.#closed) this.#parts.onError(error);
        return;
      }
    }
  }

  async #pullRecent(scope: string, recentAfter: bigint): Promise<void> {
    const page = await this.#parts.read('readEvents', {
      ...ALL_EVENTS,
      scope,
      recentAfter,
      afterSeq: this.#parts.feed.cursor(),
      limit: 1,
    });
    if (page.recentNumber === recentAfter) return;
    this.#recent.set(scope, page.recentNumber);
    this.#parts.feed.deliver(page.recent.map((row) => ({ ...row, seq: 0n, durability: 'ephemeral' })));
  }
}
