import type { Transaction } from '../datastore/transaction.ts';
import { HostError } from '../errors.ts';
import type { Caller } from './calls.ts';
import { runLifecycle } from './client-lifecycle.ts';
import type { CommitInfo } from './committer.ts';
import type { LoadedModule } from './loaded-module.ts';

/**
 * Runs `init` as the owner, inside a transaction that the caller commits with what this gives.
 * @throws {HostError} `database/init-failed`: the transaction was rolled back.
 */
export function runInit(
  loaded: LoadedModule,
  transaction: Transaction,
  { name, timestampMicros }: { readonly name: string; readonly timestampMicros: bigint },
): CommitInfo {
  const functionName = loaded.def.lifecycle.init;
  const caller: Caller = { identity: loaded.program.owner, connectionId: 0n };
  const outcome = runLifecycle(loaded, transaction, { functionName, caller, timestampMicros });
  if (outcome.type === 'returned') return { kind: 'lifecycle', functionName, caller, timestampMicros };
  transaction.rollback();
  loaded.executor.logFailure(functionName ?? '', outcome);
  throw new HostError({
    code: 'database/init-failed',
    message: `the module's init failed, and nothing was created: ${outcome.message}`,
    details: { name, message: outcome.message },
  });
}
