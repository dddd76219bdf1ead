/** Where a link stands. `lost`: calls fail after one attempt each; see `nextAttemptAt` for whether it goes on trying. */
export type LinkState = 'connecting' | 'connected' | 'reconnecting' | 'lost' | 'closed';

/** Where a connection stands, since when, and what comes next. Frozen; a new object for each change. */
export interface LinkStatus {
  readonly state: LinkState;
  /** Where it leads: an address without secrets. */
  readonly target: string;
  readonly since: Date;
  /** How the last connection ended, or why the last attempt failed; undefined while connected. */
  readonly lastError: Error | undefined;
  /** Attempts that failed since the last connection. */
  readonly failedAttempts: number;
  /** When it tries again by itself; undefined while connected, while it is trying, and when only a call makes it try. */
  readonly nextAttemptAt: Date | undefined;
}
