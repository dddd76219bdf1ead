import type { HostError } from '../errors.ts';
import type { Caller, CallResult, Commit, ConnectResult, ProcedureResult } from '../database/calls.ts';

/**
 * What sessions ask of a database. `Database` is the one implementation; tests have small ones.
 * Calls are synchronous: when one returns, its transaction is committed or gone, and `onCommit` listeners have run.
 */
export interface SessionDatabase {
  readonly identity: bigint;
  readonly owner: bigint;
  callReducer(caller: Caller, name: string, args: Uint8Array): CallResult;
  /** Whether turns of reducer calls may run under a `CallCover`. Absent: they may not. */
  readonly isCoverable?: boolean | undefined;
  /** Ends the reducer call that a cover has cut off: takes it back and gives what its caller is told. */
  endCutCall?(error: HostError): CallResult;
  callProcedure(caller: Caller, name: string, args: Uint8Array): ProcedureResult;
  connect(caller: Caller, jwtPayload: string): ConnectResult;
  disconnect(caller: Caller): void;
  onCommit(listener: (commit: Commit) => void): () => void;
  /** Why nothing is written any more, once the storage failed. All that can be read is durable then. */
  readonly failure: HostError | undefined;
  /** Whether a call may write now: false while the storage is behind, and for good after it failed. */
  readonly writable: boolean;
  /** Resolves when `writable` is true; rejects when it will not be true again. */
  whenWritable(): Promise<void>;
  /** Every record with an offset below it is durable. */
  readonly durableOffset: bigint;
  whenDurable(offset: bigint): Promise<void>;
  status(): { /** Offset the next record gets. */ readonly nextOffset: bigint };
}
