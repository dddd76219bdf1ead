/*
 * Follows the log. Invariants:
 * - every durable event with `seq` greater than the one it started at reaches the listeners once, in order of `seq`;
 *   only what was trimmed away before it was read is left out, and that is told;
 * - `cursor` is the last `seq` that was handed out, or looked past because nothing readable was there;
 * - an ephemeral event reaches them at most once.
 * Where the events come from is behind `ChangeSource`: the owner's connections have them pushed, everybody else is
 * told that there is something and reads it. Both catch up by the same pages.
 */
import { identityHex, type EventLogRow } from '@inner-universe/module/wire';
import type { Timers } from '@inner-universe/nerv';
import type { CallOptions, Connection } from '../connection/connection.ts';
import { NervPersistenceError, RefusedError } from '../errors.ts';
import type { ChangeSource, FeedSink, LiveEvent, ReadPage } from './change-source.ts';
import { PulledChanges } from './pulled-changes.ts';
import { PushedChanges } from './pushed-changes.ts';
import { ALL_EVENTS } from './reads.ts';
import { withinRate } from './within-rate.ts';

/** Told events in order; must not throw (what it throws is reported, and stops nothing). */
export type LiveListener = (events: readonly LiveEvent[]) => void;

export interface ChangeFeedOptions {
  readonly read: ReadPage;
  /** The schema of the module's code on the connection that is attached. */
  readonly codeVersion: () => number;
  /** What reads wait with that come faster than they may. */
  readonly timers: Timers;
  readonly onError: (error: unknown) => void;
}

interface Listening {
  readonly tell: LiveListener;
  readonly onGap: (() => void) | undefined;
  readonly onRound: ((areRightsInDoubt: boolean) => void) | undefined;
}

/** The live end of the log, shared by everything that follows it. */
export class ChangeFeed {
  readonly #read: ReadPage;
  readonly #codeVersion: () => number;
  readonly #timers: Timers;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<Listening>();
  readonly #sink: FeedSink;
  #cursor: bigint | undefined;
  #source: ChangeSource | undefined;
  #isOwner = false;
  /** Whether events could be read when that was last tried. */
  #couldRead = false;

  constructor(options: ChangeFeedOptions) {
    this.#read = options.read;
    this.#codeVersion = options.codeVersion;
    this.#timers = options.timers;
    this.#onError = options.onError;
    const cursor = (): bigint => this.cursor;
    this.#sink = {
      get cursor() {
        return cursor();
      },
      deliver: (events) => this.#deliver(events),
      readOn: (read) => this.#readOn(read),
      finishRound: (areRightsInDoubt) => {
        for (const { onRound } of [...this.#listeners]) this.#guard(() => onRound?.(areRightsInDoubt));
      },
    };
  }

  /** The last `seq` handed out; 0 before the first connection. */
  get cursor(): bigint {
    return this.#cursor ?? 0n;
  }

  /** Whether the last connection is the owner's, who may subscribe to every table. */
  get isOwner(): boolean {
    return this.#isOwner;
  }

  /**
   * Calls the listener with each batch of events from now on. `onGap` is called when events were trimmed away before
   * they could be read here, and at the first connection where the server was away before: what is kept up by events
   * must be read anew. `onRound` is called where not every record of the log is for this reader, each time that a scope
   * has moved and what may be read of it was handed out; with true where what may be read may have changed.
   */
  listen(tell: LiveListener, onGap?: () => void, onRound?: (areRightsInDoubt: boolean) => void): () => void {
    const listening: Listening = { tell, onGap, onRound };
    this.#listeners.add(listening);
    return () => void this.#listeners.delete(listening);
  }

  /**
   * Follows the log on a new connection. On the first one it starts at the head; on later ones it first hands out what
   * was missed. `beforeLive` runs when it is known whose connection it is. Resolves when it is live.
   */
  async attach(
    connection: Connection,
    call: CallOptions = {},
    beforeLive: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    this.#source?.close();
    const ask = (name: string, args: object): Promise<unknown> =>
      withinRate(() => connection.callProcedure(name, args, call), this.#timers, call.signal);
    const read: ReadPage = (name, args) => ask(name, args) as Promise<never>; // the bindings' types
    const scopes = await read('readScopes', {});
    this.#isOwner = connection.identity === identityHex(scopes.owner);
    this.#cursor ??= scopes.seq;
    await beforeLive();
    const parts = {
      connection,
      sink: this.#sink,
      codeVersion: this.#codeVersion(),
      read: this.#read,
      timers: this.#timers,
      onError: this.#onError,
    };
    this.#source = this.#isOwner ? new PushedChanges(parts) : new PulledChanges(parts);
    await this.#source.start(read, call);
  }

  /** Tells everybody to read anew: who listened before the first connection knows nothing of what was before. */
  tellGap(): void {
    for (const { onGap } of [...this.#listeners]) this.#guard(() => onGap?.());
  }

  /** Hands out everything that was committed before this call; for readers that must see their own writes' effects. */
  async catchUp(): Promise<void> {
    await this.#source?.catchUp();
  }

  /** Hands out what this client's own answered writes brought about; costs nothing where it was pushed. */
  async settle(): Promise<void> {
    await this.#source?.settle();
  }

  /** Whether changes in this scope are told, on the connection there is. */
  follows(scope: string): boolean {
    return this.#source?.follows(scope) ?? false;
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#listeners.clear();
  }

  async #readOn(read: ReadPage): Promise<void> {
    for (;;) {
      const page = await this.#readPage(read);
      if (page === undefined) return;
      this.#deliver(page.events.map(asLive));
      if (page.lookedTo > this.cursor) this.#cursor = page.lookedTo;
      if (!page.more) return;
    }
  }

  /** The next page; undefined when the caller may read no events at all. */
  async #readPage(
    read: ReadPage,
  ): Promise<{ events: readonly EventLogRow[]; lookedTo: bigint; more: boolean } | undefined> {
    try {
      const page = await read('readEvents', { ...ALL_EVENTS, afterSeq: this.cursor });
      this.#couldRead = true;
      return page;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.code === 'permission/denied') {
        // Who never could misses nothing.
        if (this.#couldRead) this.#onError(error);
        this.#couldRead = false;
        return undefined;
      }
      if (error.code !== 'event/trimmed') throw error;
      const trimmedSeq = BigInt(String(error.details['trimmedSeq']));
      if (trimmedSeq > this.cursor) this.#skipTrimmed(trimmedSeq, error);
      return { events: [], lookedTo: this.cursor, more: true };
    }
  }

  #skipTrimmed(trimmedSeq: bigint, cause: RefusedError): void {
    const afterSeq = this.cursor;
    this.#cursor = trimmedSeq;
    this.#onError(
      new NervPersistenceError(
        'page/gap',
        `The events after ${afterSeq} up to ${trimmedSeq} were trimmed away before they were read here. A universe that was opened with their archive reads on there; handlers of any other do not get them.`,
        { details: { afterSeq: afterSeq.toString(), trimmedSeq: trimmedSeq.toString() }, cause },
      ),
    );
    for (const { onGap } of [...this.#listeners]) this.#guard(() => onGap?.());
  }

  #deliver(events: readonly LiveEvent[]): void {
    const fresh = this.#takeFresh(events);
    if (fresh.length === 0) return;
    for (const listening of [...this.#listeners]) {
      if (this.#listeners.has(listening)) this.#guard(() => listening.tell(fresh));
    }
  }

  /** Those that were not handed out before; from now on they were. */
  #takeFresh(events: readonly LiveEvent[]): readonly LiveEvent[] {
    let last = this.cursor;
    const isFresh = ({ seq }: LiveEvent): boolean => {
      if (seq === 0n) return true;
      if (seq <= last) return false;
      last = seq;
      return true;
    };
    const stale = events.findIndex((event) => !isFresh(event));
    const fresh = stale === -1 ? events : [...events.slice(0, stale), ...events.slice(stale + 1).filter(isFresh)];
    this.#cursor = last;
    return fresh;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onError(error);
    }
  }
}

function asLive(row: EventLogRow): LiveEvent {
  return { ...row, durability: 'durable' };
}
