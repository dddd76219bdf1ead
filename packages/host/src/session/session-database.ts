import type { Caller, CallResult, Commit, ConnectResult, ProcedureResult } from '../database/calls.ts';
import type { StateView } from '../datastore/state-view.ts';
import type { ModuleDef } from '../schema/module-def.ts';

/**
 * What sessions ask of a database. `Database` is the one implementation; tests have small ones.
 * Calls are synchronous: when one returns, its transaction is committed or gone, and `onCommit` listeners have run.
 */
export interface SessionDatabase {
  readonly identity: bigint;
  readonly owner: bigint;
  readonly def: ModuleDef;
  readonly committed: StateView;
  callReducer(caller: Caller, name: string, args: Uint8Array): CallResult;
  callProcedure(caller: Caller, name: string, args: Uint8Array): ProcedureResult;
  connect(caller: Caller, jwtPayload: string): ConnectResult;
  disconnect(caller: Caller): void;
  onCommit(listener: (commit: Commit) => void): () => void;
  /** Every record with an offset below it is durable. */
  readonly durableOffset: bigint;
  whenDurable(offset: bigint): Promise<void>;
}
