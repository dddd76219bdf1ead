import type { TableDelta } from '../datastore/state-view.ts';

/** Who calls. `connectionId` is 0n for calls that come from no connection (schedules, `init`, the host itself). */
export interface Caller {
  readonly identity: bigint;
  readonly connectionId: bigint;
}

/** How a reducer call ended. Everything but `committed` left no trace in the data. */
export type ReducerOutcome =
  | { readonly type: 'committed' }
  /** The module threw a `SenderError`: the message is meant for the caller. */
  | { readonly type: 'failed-user'; readonly message: string }
  /** Anything else, with the documented text; the true reason is in the log only. */
  | { readonly type: 'failed-internal'; readonly message: string; readonly reason: InternalFailureReason };

/** Why a call failed without the module's will, for callers that answer each differently (HTTP does). */
export type InternalFailureReason = 'unknown-function' | 'invalid-arguments' | 'fatal' | 'refused';

/** What a reducer call gave. `offset` is that of its record in the storage, absent when nothing had to be stored. */
export interface CallResult {
  readonly outcome: ReducerOutcome;
  readonly timestampMicros: bigint;
  readonly offset: bigint | undefined;
}

/** What a procedure call gave. `offset` is that of the last record it wrote. */
export interface ProcedureResult {
  readonly outcome:
    | { readonly type: 'returned'; readonly bytes: Uint8Array }
    | { readonly type: 'failed'; readonly message: string; readonly reason: InternalFailureReason | 'user' };
  readonly timestampMicros: bigint;
  readonly durationMicros: bigint;
  readonly offset: bigint | undefined;
}

/** Whether `client_connected` let a client in. */
export type ConnectResult =
  | { readonly type: 'accepted'; readonly offset: bigint | undefined }
  | { readonly type: 'rejected'; readonly message: string };

/** What made a transaction. */
export type CommitKind = 'reducer' | 'procedure' | 'lifecycle' | 'scheduled' | 'sql';

/** One committed transaction with its net change. */
export interface Commit {
  readonly deltas: readonly TableDelta[];
  readonly offset: bigint | undefined;
  readonly timestampMicros: bigint;
  readonly origin: Caller | undefined;
  /** `taken-back`: the storage failed, and this undoes all commits before that will never be durable. */
  readonly kind: CommitKind | 'taken-back';
  /** Canonical name of the reducer or procedure. */
  readonly functionName: string | undefined;
}

/** Size of one table in memory. */
export interface TableStatus {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/** What a database holds at the moment. */
export interface DatabaseStatus {
  readonly tables: readonly TableStatus[];
  readonly logBytes: number;
  readonly snapshotBytes: number;
  /** Offset the next record gets, and the count of durable ones. */
  readonly nextOffset: bigint;
  readonly durableOffset: bigint;
  /** True after a write to the storage failed: reads go on, writes are refused. */
  readonly isReadOnly: boolean;
}
