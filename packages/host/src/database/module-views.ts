import type { Datastore } from '../datastore/datastore.ts';
import { CALL_OUTCOMES } from '../metrics/call-metrics.ts';
import type { HookOutcome } from '../module/realm-port.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import type { ViewRequest } from '../views/view-evaluator.ts';
import { ViewTables } from '../views/view-tables.ts';
import type { CallEnvironment } from './call-environment.ts';
import type { CallExecutor } from './call-executor.ts';
import type { ModuleRunner } from './module-runner.ts';

/** What views are evaluated with. */
export interface ModuleViewsParts {
  readonly def: ModuleDef;
  readonly datastore: Datastore;
  readonly runner: ModuleRunner;
  readonly executor: CallExecutor;
  readonly environment: CallEnvironment;
}

/** The views of a module, run by its main instance; why one fails is in the module's log. */
export function makeModuleViews({ def, datastore, runner, executor, environment }: ModuleViewsParts): ViewTables {
  const run = ({ view: { id, name, isAnonymous }, sender, state }: ViewRequest): HookOutcome => {
    const caller = { identity: sender, connectionId: 0n };
    const { calls } = environment.metrics;
    const counts = calls.of('view', name);
    const startMs = calls.nowMs();
    const rowsBefore = calls.allRowsRead;
    const outcome = environment.runNested({ functionName: name, caller }, () =>
      runner.runView(state, { id, sender: isAnonymous ? undefined : sender }),
    );
    calls.ended(counts, CALL_OUTCOMES[outcome.type], calls.nowMs() - startMs, rowsBefore);
    if (outcome.type !== 'returned') executor.logFailure(name, outcome);
    return outcome;
  };
  return new ViewTables({
    tables: datastore.tables,
    views: def.views,
    committed: datastore.committed,
    run,
    onInvalidResult: ({ name }, { message }) => environment.logFor(name, 'panic', message),
  });
}
