import type { StateView } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import type { HookOutcome } from '../module/realm-port.ts';
import { makeUnwritableError } from './call-environment.ts';
import { FATAL_MESSAGE } from './call-executor.ts';
import type { Caller, Commit, ConnectResult } from './calls.ts';
import { ClientRegistry } from './client-registry.ts';
import type { CommitInfo, Committer } from './committer.ts';
import type { LastingParts, LoadedModule } from './loaded-module.ts';
import type { OwedWork } from './owed-work.ts';
import { ViewError } from '../views/view-error.ts';

const NO_ARGS = new Uint8Array(0);

/** What clients come and go through. */
export interface ClientLifecycleOptions extends LastingParts {
  /** The module that is loaded now. */
  readonly loaded: () => LoadedModule;
  readonly owed: OwedWork;
}

/** Lets clients in and out: their rows in the system tables, and the module's reducers that are told of them. */
export class ClientLifecycle {
  readonly registry: ClientRegistry = new ClientRegistry();
  readonly #options: ClientLifecycleOptions;

  constructor(options: ClientLifecycleOptions) {
    this.#options = options;
  }

  /** Runs `client_connected` and writes the client's rows in one transaction; a rejected one leaves no trace. */
  connect(caller: Caller, jwtPayload: string): ConnectResult {
    if (this.registry.has(caller)) return { type: 'rejected', message: 'the connection id is in use' };
    const { committer, journal, loaded } = this.#options;
    const { def, executor } = loaded();
    const timestampMicros = committer.now();
    const functionName = def.lifecycle.connect;
    const transaction = committer.begin('Reducer', functionName);
    this.registry.insert(transaction, caller, jwtPayload);
    const outcome = runLifecycle(loaded(), transaction, { functionName, caller, timestampMicros });
    if (outcome.type === 'returned' && journal.canAppend) {
      const info = { kind: 'lifecycle', functionName, caller, timestampMicros } as const;
      const commit = tryCommit(committer, transaction, info);
      if (commit instanceof ViewError) {
        this.registry.forget(caller);
        return { type: 'rejected', message: commit.message };
      }
      if (commit !== undefined) return { type: 'accepted', offset: commit.offset };
    } else {
      committer.rollback(transaction);
    }
    // Whoever may read still may when nothing is written any more: the reducer was asked, and let the client in.
    if (outcome.type === 'returned' && journal.failure !== undefined) return { type: 'accepted', offset: undefined };
    this.registry.forget(caller);
    if (outcome.type === 'returned') return { type: 'rejected', message: makeUnwritableError(journal).message };
    executor.logFailure(functionName ?? '', outcome);
    return {
      type: 'rejected',
      message: outcome.type === 'user-error' ? outcome.message : (outcome.publicMessage ?? FATAL_MESSAGE),
    };
  }

  /** Runs `client_disconnected` and deletes the client's rows; does nothing for one that is not registered. */
  disconnect(caller: Caller): void {
    if (!this.registry.has(caller)) return;
    const { journal, owed } = this.#options;
    if (journal.failure === undefined) owed.whenWritable(() => this.#disconnect(caller));
    else this.registry.forget(caller);
  }

  /** Lets go of the clients that a crash left in the tables. */
  disconnectLeftBehind(state: StateView): void {
    for (const caller of this.registry.restore(state)) this.disconnect(caller);
  }

  #disconnect(caller: Caller): void {
    // Work that waited: the data may have been exchanged since for others, that know nothing of the client.
    if (!this.registry.has(caller)) return;
    const { committer, loaded } = this.#options;
    const { def, executor } = loaded();
    const timestampMicros = committer.now();
    const functionName = def.lifecycle.disconnect;
    const info = { kind: 'lifecycle', functionName, caller, timestampMicros } as const;
    const transaction = committer.begin('Reducer', functionName);
    const outcome = runLifecycle(loaded(), transaction, { functionName, caller, timestampMicros });
    if (outcome.type === 'returned') {
      this.registry.delete(transaction, caller);
      if (!(tryCommit(committer, transaction, info) instanceof ViewError)) {
        this.registry.forget(caller);
        return;
      }
    } else {
      committer.rollback(transaction);
      executor.logFailure(functionName ?? '', outcome);
    }
    // The reducer, or a view after it, failed: the client is gone all the same.
    const second = committer.begin();
    this.registry.delete(second, caller);
    this.registry.forget(caller);
    committer.tryCommit(second, { ...info, onViewFailure: 'end-view' });
  }
}

/** As the committer's; a view's refusal is given back, not thrown: the module's log tells it already. */
function tryCommit(committer: Committer, transaction: Transaction, info: CommitInfo): Commit | ViewError | undefined {
  try {
    return committer.tryCommit(transaction, info);
  } catch (error) {
    if (error instanceof ViewError) return error;
    throw error;
  }
}

/** Runs a lifecycle reducer, if the module has it, inside a transaction that the caller ends. */
export function runLifecycle(
  { functions, executor }: LoadedModule,
  transaction: Transaction,
  call: { readonly functionName: string | undefined; readonly caller: Caller; readonly timestampMicros: bigint },
): HookOutcome {
  const { functionName, caller, timestampMicros } = call;
  const found = functionName === undefined ? undefined : functions.reducer(functionName);
  if (found === undefined) return { type: 'returned', bytes: NO_ARGS };
  return executor.runLifecycle(transaction, { def: found.def, args: NO_ARGS, caller, timestampMicros });
}
