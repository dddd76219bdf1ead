import type { EventFeedRow } from '@inner-universe/module/wire';
import type { Timers } from '@inner-universe/nerv';
import type { CallOptions, Connection } from '../connection/connection.ts';
import type { ReadName, Reads } from './reads.ts';

/** A live event: a row of the log, or an ephemeral one with `seq` 0. */
export type LiveEvent = Omit<EventFeedRow, 'requestId'>;

/** One page of a read. */
export type ReadPage = <N extends ReadName>(name: N, args: Reads[N][0]) => Promise<Reads[N][1]>;

/** Where a source puts what it finds. */
export interface FeedSink {
  /** The last `seq` handed out. */
  readonly cursor: bigint;
  /** Hands out events that are in order of `seq`; what was handed out before is left out. */
  deliver(events: readonly LiveEvent[]): void;
  /** Reads pages from the cursor to the head and hands them out. */
  readOn(read: ReadPage): Promise<void>;
  /**
   * Tells those who must look for themselves that all that may be read was handed out. `areRightsInDoubt`: what may be
   * read may have changed.
   */
  finishRound(areRightsInDoubt: boolean): void;
}

/** What a source of changes works with. */
export interface SourceParts {
  readonly connection: Connection;
  readonly sink: FeedSink;
  /** The schema of the module's code on this connection. */
  readonly codeVersion: number;
  /** Reads after `start`; survives the loss of this connection. */
  readonly read: ReadPage;
  readonly timers: Timers;
  /** Told what goes wrong while nobody waits. */
  readonly onError: (error: unknown) => void;
}

/** How one connection learns what happens: see `PushedChanges` and `PulledChanges`. */
export interface ChangeSource {
  /** Resolves when everything up to now has been handed out and it is live. `read` reads on this very connection. */
  start(read: ReadPage, call: CallOptions): Promise<void>;
  /** Resolves when everything committed before this call has been handed out. */
  catchUp(): Promise<void>;
  /** Resolves when what this client's own answered writes brought about has been handed out. */
  settle(): Promise<void>;
  /** Whether it is told when something changes in this scope. */
  follows(scope: string): boolean;
  close(): void;
}
